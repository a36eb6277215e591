from msgspec import structs
from show_stories import all_there, first_plans, lesson, plan_up, wanted

from stackctl.planner.down import DownOptions, plan_down
from stackctl.planner.steps.actions import (
    CreateContainer,
    KillContainer,
    PauseContainer,
    StartContainer,
    StopContainer,
    UnpauseContainer,
)
from stackctl.planner.steps.plan import Draft, Plan
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.world.desired import DesiredMount
from stackctl.planner.world.replica import Replica
from stackctl.show.changes import together
from stackctl.show.plan_text import plan_json, plan_text, steps_text
from stackctl.show.text.style import Style


def test_the_first_up() -> None:
    assert (
        plan_text(*first_plans())
        == """\
Networks
  + myapp_default  create: not there
Volumes
  + myapp_pgdata   create: not there
Images
  + postgres:15    pull: not here
  + myapp-api      build: not built yet
Services
  + postgres       create: not there
  + redis          create: not there
  + api            create: not there

Plan: 1 to pull, 1 to build, 5 to create, 0 to recreate, 0 to remove."""
    )


def test_a_recreate_is_one_line_with_its_cause_and_what_becomes_of_the_data() -> None:
    plan = plan_up(lesson("debug"), all_there(lesson(), "old"))
    assert len(plan.changes) > 5
    assert (
        plan_text(plan)
        == """\
Services
  ~ api  recreate: environment.LOG_LEVEL changed

Data kept: volume myapp_uploads.

Note: not in the spec, left alone: myapp-old-1 (--remove-orphans removes them)

Plan: 0 to create, 1 to recreate, 0 to remove."""
    )


def test_a_volume_without_a_name_of_its_own_is_told_by_its_place() -> None:
    data = DesiredMount(
        type="volume", source="4f" * 32, target="/data", labels={"stackctl.kind": "anonymous"}
    )
    redis = wanted("redis", image="redis:7", mounts=(data,))
    draft = Draft("myapp")
    draft.add(CreateContainer(redis, "myapp-redis-1.new", "4f1"), "image changed", of=Replica("redis"))
    assert "\nData kept: the volume of redis at /data.\n" in plan_text(draft.plan())


def test_an_orphan_is_removed_under_its_own_name() -> None:
    plan = plan_up(lesson(), all_there(lesson(), "old"), UpOptions(remove_orphans=True))
    assert (
        plan_text(plan)
        == """\
Services
  - old  remove: not in the spec

Plan: 0 to create, 0 to recreate, 1 to remove."""
    )


def test_a_network_that_is_rebuilt() -> None:
    desired = lesson()
    changed = structs.replace(desired, networks=(structs.replace(desired.networks[0], digest="2"),))
    assert (
        plan_text(plan_up(changed, all_there(desired)))
        == """\
Networks
  ~ myapp_default  recreate: its definition changed
Services
  ~ api            restart: network myapp_default is rebuilt
  ~ redis          restart: network myapp_default is rebuilt
  ~ postgres       restart: network myapp_default is rebuilt

Plan: 0 to create, 1 to recreate, 3 to restart, 0 to remove."""
    )


def test_down_with_volumes_says_what_is_lost() -> None:
    plan = plan_down("myapp", "i", all_there(lesson()), DownOptions(volumes=True))
    text = plan_text(plan)
    assert "  - myapp_pgdata   remove: " in text
    assert "\nData lost: volume myapp_pgdata.\n" in text
    assert text.endswith("Plan: 0 to create, 0 to recreate, 5 to remove.")


def test_nothing_to_do() -> None:
    assert plan_text(plan_up(lesson(), all_there(lesson()))) == "Nothing to do."
    assert plan_text(Plan(notes=("volume x is kept",))) == "Note: volume x is kept\n\nNothing to do."
    assert plan_json(Plan())["summary"] == {"create": 0, "recreate": 0, "remove": 0}


def test_replicas_go_by_their_containers_names() -> None:
    draft = Draft("myapp")
    draft.add(StartContainer("1", "myapp-api-1"), "not running", of=Replica("api"))
    draft.add(StopContainer("2", "myapp-api-2", 10), "one more than asked for", of=Replica("api"))
    assert (
        plan_text(draft.plan())
        == """\
Services
  ~ myapp-api-1  start: not running
  ~ myapp-api-2  stop: one more than asked for

Plan: 0 to create, 0 to recreate, 1 to start, 1 to stop, 0 to remove."""
    )


def test_colour_is_for_the_marks() -> None:
    text = plan_text(plan_up(lesson("debug"), all_there(lesson())), style=Style(color=True))
    assert "\x1b[33m~ api\x1b[0m  recreate: " in text


def test_names_from_outside_cannot_move_the_cursor() -> None:
    draft = Draft("myapp")
    draft.add(StartContainer("1", "x\x1b[2J"), "why\x07\nnot")
    assert "  ~ x  start: why not\n" in plan_text(draft.plan())


def test_two_plans_as_json_are_one_in_order() -> None:
    images, up = first_plans()
    told = plan_json(images, up)
    assert {key: told[key] for key in ("version", "project", "notes", "loses_data", "summary")} == {
        "version": 1,
        "project": "myapp",
        "notes": [],
        "loses_data": [],
        "summary": {"pull": 1, "build": 1, "create": 5, "recreate": 0, "remove": 0},
    }
    assert [step["id"] for step in told["steps"]] == list(range(1, len(images.steps) + len(up.steps) + 1))
    assert told["steps"][2] == {
        "id": 3,
        "action": "CreateNetwork",
        "subject": "myapp_default",
        "description": "Create network myapp_default",
        "why": "not there",
        "after": [1, 2],
        "service": "",
    }
    wait = next(step for step in told["steps"] if step["action"] == "WaitFor")
    assert (wait["service"], wait["subject"]) == ("postgres", "myapp-postgres-1 healthy")
    assert told["changes"][0] == {
        "kind": "network",
        "name": "myapp_default",
        "change": "create",
        "why": "not there",
        "steps": [3],
    }


def test_plans_together_keep_every_order() -> None:
    images, up = first_plans()
    both = together(images, up)
    assert both.steps[:2] == images.steps
    assert {step.id for step in images.steps} == {1, 2}
    assert any(not step.after for step in up.steps)
    for before, after in zip(up.steps, both.steps[2:], strict=True):
        assert after.after == (frozenset(i + 2 for i in before.after) or {1, 2})


def test_the_steps_are_sentences_with_their_order() -> None:
    _, up = first_plans()
    lines = steps_text(up).splitlines()
    assert len(lines) == len(up.steps)
    assert lines[0].strip() == "1  Create network myapp_default: not there"
    assert lines[-1] == "11  Wait for container myapp-api-1 to be healthy: up waits for it (after 10)"
    assert steps_text(Plan()) == "Nothing to do."
    orphan = plan_up(lesson(), all_there(lesson(), "old"))
    assert steps_text(orphan).endswith("left alone: myapp-old-1 (--remove-orphans removes them)")


def test_what_is_done_to_a_container_that_runs() -> None:
    draft = Draft("myapp")
    for service, action in (
        ("api", PauseContainer("1", "myapp-api-1")),
        ("db", UnpauseContainer("2", "myapp-db-1")),
        ("redis", KillContainer("3", "myapp-redis-1")),
    ):
        draft.add(action, "asked for", of=Replica(service))
    lines = plan_text(draft.plan()).splitlines()
    assert lines[1:4] == [
        "  ~ api    pause: asked for",
        "  ~ db     unpause: asked for",
        "  ~ redis  kill: asked for",
    ]
