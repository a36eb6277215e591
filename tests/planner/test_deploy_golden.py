"""The plans of `deploy`, word for word: what is done, why, and after what."""

from msgspec.structs import replace
from swarm_world import EMPTY, labelled, lines, observed, wanted

from stackctl.planner.steps.actions import CreateService, UpdateService
from stackctl.planner.swarm.down import plan_roll_back, plan_swarm_down, plan_undo
from stackctl.planner.swarm.planning import (
    DeployOptions,
    Resting,
    differences,
    images_to_resolve,
    plan_deploy,
    with_images,
)
from stackctl.planner.world import labels
from stackctl.planner.world.swarm_desired import DesiredSwarm
from stackctl.planner.world.swarm_observed import (
    ObservedService,
    ObservedSwarm,
    ObservedSwarmFile,
    ObservedTask,
)

LESSON = """
[services.postgres]
image = "postgres:15"
volumes = ["pgdata:/var/lib/postgresql/data"]
[services.redis]
image = "redis:7"
[services.api]
image = "api:1"
ports = ["8000:8000"]
depends_on = ["postgres", "redis"]
healthcheck = { http = ":8000/health" }
environment = { LEVEL = "info" }
deploy.replicas = 3
[volumes.pgdata]
sticky = true
"""
CHANGED = LESSON.replace("info", "debug")


def test_from_nothing() -> None:
    assert lines(wanted(LESSON)) == [
        "#1 LabelNode node-1 stackctl.volume.shop.pgdata, volume pgdata stays on one node",
        "#2 CreateNetwork shop_default, not there",
        "[1, 2] -> #3 CreateService shop_postgres, not there",
        "[1, 2] -> #4 CreateService shop_redis, not there",
        "[3] -> #5 WaitForService shop_postgres, api needs it",
        "[4] -> #6 WaitForService shop_redis, api needs it",
        "[5, 6] -> #7 CreateService shop_api, not there",
        "[7] -> #8 WaitForService shop_api, deploy waits for it",
        "note: api: every node publishes port 8000 at every address (up: on 127.0.0.1 alone)",
    ]


def test_nothing_to_do() -> None:
    desired = wanted(LESSON)
    assert lines(desired, _sticky(observed(desired))) == []


def test_a_changed_service_alone_is_updated_and_the_field_is_named() -> None:
    before, after = wanted(LESSON), wanted(CHANGED)
    assert lines(after, _sticky(observed(before))) == [
        "#1 UpdateService shop_api, environment.LEVEL changed",
        "[1] -> #2 WaitForService shop_api, deploy waits for it",
        "note: api: every node publishes port 8000 at every address (up: on 127.0.0.1 alone)",
    ]


def test_order_passes_through_a_service_that_needs_no_call() -> None:
    text = """
    [services.db]
    image = "db:1"
    [services.mid]
    image = "mid:1"
    depends_on = ["db"]
    [services.web]
    image = "web:1"
    depends_on = ["mid"]
    """
    before = observed(wanted(text))
    after = wanted(text.replace("db:1", "db:2").replace("web:1", "web:2"))
    assert lines(after, before) == [
        "#1 UpdateService shop_db, image changed",
        "[1] -> #2 WaitForService shop_db, mid needs it",
        "[2] -> #3 UpdateService shop_web, image changed",
        "[3] -> #4 WaitForService shop_web, deploy waits for it",
    ]


def test_a_service_that_has_not_converged_is_waited_for_and_gets_no_call() -> None:
    desired = wanted(CHANGED)
    assert lines(desired, _sticky(observed(desired)), unsettled=("postgres",)) == [
        "#1 WaitForService shop_postgres, deploy waits for it",
    ]


def test_detached_only_the_waits_between_services_stay() -> None:
    found = lines(wanted(LESSON), detach=True)
    assert [line for line in found if "deploy waits" in line] == []
    assert len([line for line in found if "WaitForService" in line]) == 2


def test_scaling_makes_no_task_new() -> None:
    before, after = wanted(LESSON), wanted(LESSON.replace("replicas = 3", "replicas = 5"))
    assert before.services[-1].task_digest == after.services[-1].task_digest
    assert lines(after, _sticky(observed(before)))[0] == "#1 UpdateService shop_api, replicas changed"


def test_what_somebody_changed_by_hand_is_set_right() -> None:
    desired = wanted(LESSON)
    there = _sticky(observed(desired))
    scaled = replace(there.services[-1], replicas=7)
    pushed = replace(there.services[1], image="redis:8")
    drifted = replace(there, services=(there.services[0], pushed, scaled))
    found = [line for line in lines(desired, drifted) if "Update" in line]
    assert found == [
        "#1 UpdateService shop_redis, redis:7 is another image now",
        "[2] -> #3 UpdateService shop_api, it has 7 replicas, not 3",
    ]


def test_an_update_that_has_stopped_goes_on() -> None:
    desired = wanted(LESSON)
    there = _sticky(observed(desired))
    paused = replace(there, services=(*there.services[:2], replace(there.services[2], update_state="paused")))
    assert lines(desired, paused)[0] == "#1 UpdateService shop_api, its update has stopped"


JOB = """
[services.db]
image = "db:1"
[jobs.migrate]
image = "app:1"
depends_on = ["db"]
[services.web]
image = "app:1"
depends_on = ["migrate"]
"""


def test_jobs_are_jobs_of_the_swarm_and_come_before_what_needs_them() -> None:
    desired = wanted(JOB)
    assert [(want.service, want.mode, want.restart.condition) for want in desired.services] == [
        ("db", "replicated", "any"),
        ("migrate", "replicated-job", "none"),
        ("web", "replicated", "any"),
    ]
    assert lines(desired) == [
        "#1 CreateNetwork shop_default, not there",
        "[1] -> #2 CreateService shop_db, not there",
        "[2] -> #3 WaitForService shop_db, migrate needs it",
        "[3] -> #4 CreateService shop_migrate, not there",
        "[4] -> #5 WaitForService shop_migrate, web needs it",
        "[5] -> #6 CreateService shop_web, not there",
        "[6] -> #7 WaitForService shop_web, deploy waits for it",
    ]


def test_a_job_that_has_completed_is_not_run_again_and_one_that_failed_is() -> None:
    desired = wanted(JOB)
    there = observed(desired)
    assert lines(desired, there) == []
    again = plan_deploy(desired, there, resting=_failed(desired, "migrate"))
    assert str(again).splitlines()[0] == "#1 UpdateService shop_migrate, it has failed before"
    action = again.steps[0].action
    assert isinstance(action, UpdateService)
    assert action.spec.force == 1


def test_another_mode_is_another_service() -> None:
    before = wanted('[services.agent]\nimage = "app:1"\n')
    after = wanted('[services.agent]\nimage = "app:1"\ndeploy.mode = "global"\n')
    assert lines(after, observed(before)) == [
        "#1 RemoveService shop_agent, it becomes global, and a Swarm changes no mode",
        "[1] -> #2 CreateService shop_agent, mode changed, replicas removed",
        "[2] -> #3 WaitForService shop_agent, deploy waits for it",
    ]


SECRET = """
[services.web]
image = "app:1"
secrets = ["pw"]
[secrets.pw]
environment = "PW"
"""


def test_a_new_content_is_a_new_version_and_two_versions_stay() -> None:
    versions = [wanted(SECRET, environ={"PW": text}) for text in ("a", "b", "c")]
    names = [desired.files[0].name for desired in versions]
    assert len(set(names)) == 3
    assert all(name.startswith("shop_pw_") for name in names)
    there = observed(versions[0])
    found = lines(versions[1], there)
    assert found == [
        f"#1 CreateSecret {names[1]}, its content changed",
        "[1] -> #2 UpdateService shop_web, secrets.pw changed",
        "[2] -> #3 WaitForService shop_web, deploy waits for it",
    ]
    both = observed(versions[1])
    old, new = there.secrets[0], both.secrets[0]
    service = replace(
        both.services[0], secrets=frozenset({old.id, new.id}), present_files=frozenset({new.id})
    )
    second = replace(both, secrets=(old, new), services=(service,))
    assert lines(versions[1], second) == []
    assert lines(versions[2], second) == [
        f"#1 CreateSecret {names[2]}, its content changed",
        "[1] -> #2 UpdateService shop_web, secrets.pw changed",
        "[2] -> #3 WaitForService shop_web, deploy waits for it",
        f"[3] -> #4 RemoveSecret {names[0]}, no service uses it, and none can go back to it",
    ]


OUTSIDE = """
[services.web]
image = "app:1"
secrets = ["pw", "own"]
configs = ["c"]
[secrets.pw]
external = true
name = "shop-pw"
[secrets.own]
driver = "vault"
driver_opts = { path = "x" }
[configs.c]
content = "a = {{ .Service.Name }}"
template_driver = "golang"
labels = { team = "a" }
"""


def test_an_external_secret_is_used_by_its_name_and_never_made_or_removed() -> None:
    desired = wanted(OUTSIDE)
    own, config = (file.name for file in desired.files if not file.external)
    there = replace(EMPTY, secrets=(ObservedSwarmFile(id="pw", name="shop-pw"),))
    assert lines(desired, there)[1:3] == [
        f"#2 CreateSecret {own}, not there",
        f"#3 CreateConfig {config}, not there",
    ]
    assert {use.name for use in desired.services[0].files} == {"shop-pw", own, config}
    assert lines(desired, observed(desired)) == []
    renamed = wanted(OUTSIDE.replace("shop-pw", "other"))
    assert lines(renamed, observed(desired))[0] == "#1 UpdateService shop_web, secrets.pw changed"


def test_what_a_secret_says_beside_its_content_is_part_of_its_version() -> None:
    desired = wanted(OUTSIDE)
    file = {file.key: file for file in desired.files}
    assert (file["own"].driver, file["own"].driver_opts) == ("vault", {"path": "x"})
    assert (file["c"].template_driver, file["c"].labels["team"]) == ("golang", "a")
    for old, new in (('path = "x"', 'path = "y"'), ('"vault"', '"safe"')):
        found = lines(wanted(OUTSIDE.replace(old, new)), observed(desired))
        assert [line.partition(", ")[2] for line in found[:2]] == [
            "its content changed",
            "secrets.own changed",
        ]
    for old, new in (('team = "a"', 'team = "b"'), ('"golang"', '"other"')):
        found = lines(wanted(OUTSIDE.replace(old, new)), observed(desired))
        assert [line.partition(", ")[2] for line in found[:2]] == ["its content changed", "configs.c changed"]


def test_what_a_killed_run_has_left_goes_and_the_secret_of_others_stays() -> None:
    desired = wanted(SECRET, environ={"PW": "a"})
    there = observed(desired)
    left = replace(there.secrets[0], id="left", name="shop_pw_left")
    other = ObservedSwarmFile(id="other", name="other")
    assert lines(desired, replace(there, secrets=(*there.secrets, left, other))) == [
        "#1 RemoveSecret shop_pw_left, no service uses it, and none can go back to it"
    ]


def test_who_is_to_restart_with_what_it_needs_gets_new_tasks_when_that_does() -> None:
    text = """
[services.db]
image = "db:1"
[services.api]
image = "app:1"
depends_on = { db = { condition = "service_healthy", restart = true } }
[services.web]
image = "web:1"
depends_on = { api = { condition = "service_started", restart = true } }
[services.other]
image = "app:1"
depends_on = ["db"]
"""
    there = observed(wanted(text))
    found = lines(wanted(text.replace("db:1", "db:2")), there)
    assert [line.partition("-> ")[2] or line for line in found if "Update" in line] == [
        "#1 UpdateService shop_db, image changed",
        "#3 UpdateService shop_api, it restarts with db",
        "#5 UpdateService shop_web, it restarts with api",
    ]
    more = text.replace('"db:1"', '"db:1"\ndeploy.replicas = 2')
    assert [line for line in lines(wanted(more), there) if "Update" in line] == [
        "#1 UpdateService shop_db, replicas changed"
    ]


def test_an_update_that_stands_still_is_begun_anew_without_new_tasks() -> None:
    desired = wanted('[services.web]\nimage = "app:1"\n')
    there = observed(desired)
    (web,) = there.services
    plan = plan_deploy(desired, there, resting=Resting(stuck=frozenset({"web"})))
    assert str(plan).splitlines() == [
        "#1 UpdateService shop_web, its update waits for a node that is lost",
        "[1] -> #2 WaitForService shop_web, deploy waits for it",
    ]
    update = plan.steps[0].action
    assert isinstance(update, UpdateService)
    assert update.spec.force == web.force
    assert update.spec.labels == {**web.labels, labels.AGAIN: str(web.version)}
    assert not differences(desired.services[0], replace(web, labels=update.spec.labels))


def test_orphans_are_named_or_removed() -> None:
    both = wanted('[services.web]\nimage = "app:1"\n[services.old]\nimage = "app:1"\n')
    one = wanted('[services.web]\nimage = "app:1"\n')
    there = observed(both)
    assert lines(one, there) == [
        "note: not in the spec, left alone: shop_old (--remove-orphans removes them)"
    ]
    assert lines(one, there, remove_orphans=True) == ["#1 RemoveService shop_old, it is not in the spec"]


def test_the_login_is_sent_again_to_what_stays() -> None:
    desired = wanted('[services.web]\nimage = "app:1"\n')
    assert lines(desired, observed(desired), refresh=True) == [
        "#1 RefreshAuth shop_web, asked to refresh the login"
    ]


def test_images_are_pinned_when_they_are_new_or_changed() -> None:
    desired = wanted(LESSON)
    options = DeployOptions()
    assert images_to_resolve(desired, EMPTY, options) == ("api:1", "postgres:15", "redis:7")
    assert images_to_resolve(desired, EMPTY, DeployOptions(resolve="never")) == ()
    pinned = with_images(desired, EMPTY, {"api:1": "sha256:1", "redis:7": None})
    assert [want.image for want in pinned.services] == ["postgres:15", "redis:7", "api:1@sha256:1"]
    there = observed(pinned)
    assert images_to_resolve(desired, there, options) == ()
    kept = with_images(desired, there, {})
    assert [want.image for want in kept.services] == [want.image for want in pinned.services]
    always = images_to_resolve(desired, there, DeployOptions(resolve="always"))
    moved = with_images(desired, there, dict.fromkeys(always, "sha256:2"))
    reasons = [line for line in lines(moved, _sticky(there)) if "Update" in line]
    assert "UpdateService shop_api, api:1 is another image now" in reasons[-1]


def test_a_sticky_volume_keeps_its_node() -> None:
    desired = wanted(LESSON)
    assert desired.services[0].placement.constraints == ("node.labels.stackctl.volume.shop.pgdata==1",)
    kept = replace(EMPTY, nodes=tuple(
        replace(node, labels={"stackctl.volume.shop.pgdata": "1"}) if node.id == "n3" else node for node in EMPTY.nodes
    ))  # fmt: skip
    assert not any("LabelNode" in line for line in lines(desired, kept))


def test_defaults_are_those_that_lose_nothing() -> None:
    postgres, redis, api = wanted(LESSON).services
    assert (postgres.update.order, redis.update.order, api.update.order) == (
        "stop-first",
        "start-first",
        "start-first",
    )
    assert api.update.failure_action == "rollback"
    assert (api.update.parallelism, api.update.monitor) == (1, 5.0)
    assert labels.PROJECT not in api.task_labels
    assert api.labels[labels.STACK] == "shop"
    assert all("shop-api-1" not in place.aliases for place in api.template.networks)


def test_the_engine_asks_what_stackctl_would_ask_from_outside() -> None:
    postgres, redis, api = (want.template.healthcheck for want in wanted(LESSON).services)
    assert postgres
    assert "pg_isready" in " ".join(postgres.test)
    assert redis
    assert "PING" in " ".join(redis.test).upper()
    assert api
    assert api.test[0] == "CMD-SHELL"
    assert "curl -fsS -o /dev/null 'http://127.0.0.1:8000/health'" in api.test[1]


DEPENDS = """
[services.db]
image = "db:1"
[services.web]
image = "app:1"
depends_on = ["db"]
secrets = ["pw"]
[secrets.pw]
environment = "PW"
"""


def test_down_removes_dependents_first_and_waits_for_their_containers() -> None:
    desired = wanted(DEPENDS, environ={"PW": "a"})
    there = observed(desired)
    there = replace(there, services=(replace(there.services[0], volumes=("shop_data",)), there.services[1]))
    tasks = (ObservedTask(id="t", service_id=there.services[0].id, node_id="n1", state="shutdown"),)
    plan = plan_swarm_down("shop", there, tasks=tasks)
    assert str(plan).splitlines() == [
        "#1 RemoveService shop_web, going down",
        "[1] -> #2 RemoveService shop_db, going down",
        "[2] -> #3 WaitForTasksGone shop_web, shop_db, networks and data are in use until then",
        "[3] -> #4 RemoveNetwork shop_default, going down",
        f"[3] -> #5 RemoveSecret {desired.files[0].name}, going down",
        "note: data kept: shop_data on node-1",
    ]
    assert str(plan_swarm_down("shop", EMPTY)) == ""


def test_down_leaves_alone_what_docker_stack_has_made() -> None:
    theirs = ObservedService(id="x", name="shop_x", version=1, labels={labels.STACK: "shop"})
    assert str(plan_swarm_down("shop", replace(EMPTY, services=(theirs,)))) == ""


def test_data_is_listed_with_its_nodes() -> None:
    there = observed(wanted('[services.db]\nimage = "app:1"\n[services.agent]\nimage = "app:1"\n'))
    db, agent = there.services
    db = replace(db, volumes=("shop_data", "shop_logs"))
    agent = replace(agent, volumes=("shop_logs", "shop_new"))
    there = replace(there, services=(db, agent))

    def told(swarm: ObservedSwarm, *ran: tuple[ObservedService, str]) -> list[str]:
        tasks = [
            ObservedTask(id=f"{number}", service_id=service.id, node_id=node, state="failed")
            for number, (service, node) in enumerate(ran)
        ]
        return [
            line
            for line in str(plan_swarm_down("shop", swarm, tasks=tasks)).splitlines()
            if "data" in line[:11]
        ]

    ran = ((db, "n2"), (db, "n1"), (agent, "n3"), (agent, "gone"))
    assert told(replace(there, services=(db,)), *ran) == [
        "note: data kept: shop_data on node-1, node-2, shop_logs on node-1, node-2"
    ]
    assert told(there, *ran[:3])[0].endswith("shop_logs on node-1, node-2, node-3, shop_new on node-3")
    assert told(replace(there, services=(agent,))) == [
        "note: data kept: shop_logs on nodes that the Swarm does not remember, shop_new on nodes that the Swarm does not remember"
    ]
    assert told(_sticky(EMPTY)) == ["note: data kept: shop_pgdata on node-2"]
    assert told(EMPTY) == []


def test_what_a_failed_run_has_changed_goes_back_the_last_first() -> None:
    desired = wanted(DEPENDS, environ={"PW": "a"})
    there = observed(desired)
    db, web = there.services
    done: list[CreateService | UpdateService] = [
        UpdateService(db.id, 3, desired.services[0]),
        CreateService(desired.services[1]),
    ]
    there = replace(there, services=(replace(db, previous=True), web))
    assert str(plan_undo("shop", done, there)).splitlines() == [
        "#1 RemoveService shop_web, this run has made it",
        "[1] -> #2 RollBackService shop_db, this run has changed it",
        "[2] -> #3 WaitForService shop_db, it goes back",
        "[3] -> #4 WaitForTasksGone shop_web, they end",
    ]
    going = replace(there, services=(replace(db, previous=True, update_state="rollback_started"), web))
    assert "RollBackService" not in str(plan_undo("shop", done, going))


def test_roll_back_tells_what_has_nothing_to_go_back_to() -> None:
    desired = wanted(DEPENDS, environ={"PW": "a"})
    db, web = observed(desired).services
    plan = plan_roll_back("shop", [replace(db, previous=True), web])
    assert str(plan).splitlines() == [
        "#1 RollBackService shop_db, asked to go back",
        "[1] -> #2 WaitForService shop_db, deploy rollback waits for it",
        "note: shop_web has nothing to go back to: it was updated by no deploy since",
    ]


def test_a_service_that_another_stackctl_of_the_same_name_has_made_is_not_ours() -> None:
    desired = wanted(LESSON)
    there = labelled(observed(desired), "api", **{labels.INSTANCE: "other"})
    assert "CreateService shop_api" in "\n".join(lines(desired, there))


def _sticky(swarm: ObservedSwarm) -> ObservedSwarm:
    label = {"stackctl.volume.shop.pgdata": "1"}
    return replace(swarm, nodes=tuple(replace(n, labels=label) if n.id == "n2" else n for n in swarm.nodes))


def _failed(desired: DesiredSwarm, *names: str) -> Resting:
    rest = frozenset(want.service for want in desired.services if want.service not in names)
    return Resting(rest, frozenset(names))
