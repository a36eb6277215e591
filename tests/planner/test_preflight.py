"""What would go wrong, found before the first write."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from plan_world import World, desired

from stackctl.errors import SpecError
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.before.preflight import Questions, preflight, questions
from stackctl.planner.before.situation import HostFacts
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.view.view import View
from stackctl.planner.world import labels
from stackctl.planner.world.observed import ImageConfig, Observed, ObservedContainer, PublishedPort
from stackctl.spec.model import PullPolicy

WEB = """
[services.web]
image = "app:1"
ports = ["8080:80"]
"""


def problems(
    text: str,
    observed: Observed | None = None,
    host: HostFacts | None = None,
    options: UpOptions | None = None,
    images: ImageOptions | None = None,
) -> list[str]:
    """`rule path: message (hint)` of everything found."""
    view = View.of(desired(text), observed or World().engine.observe(), options)
    found = preflight(view, host, images)
    assert all(problem.severity == "error" for problem in found)
    return [f"{problem.rule} {problem}".strip() for problem in found]


def holding(port: int, address: str = "127.0.0.1", **about: Any) -> Observed:
    """A world with a stranger's container that holds a port."""
    held = PublishedPort(80, "tcp", address, port)
    given: dict[str, Any] = {
        "id": "s",
        "name": "stranger",
        "image": "nginx",
        "state": "running",
        "status": "Up 1 hour",
    }
    stranger = ObservedContainer(**{**given, "ports": (held,), **about})
    return replace(World().engine.observe(), containers=(stranger,))


def test_nothing_is_wrong() -> None:
    assert problems(WEB) == []


def test_a_port_that_another_container_holds() -> None:
    assert problems(WEB, holding(8080)) == [
        'SC502 services.web.ports[0]: host port 8080 is taken by container stranger (stop that one, or take a free port: "8081:80")'
    ]
    (of_project,) = problems(WEB, holding(8080, labels={labels.PROJECT: "blog"}))
    assert "stranger of project blog" in of_project
    assert of_project.endswith("; --isolated gives the stack of this checkout ports of its own)")


def test_the_last_port_of_all() -> None:
    assert problems(WEB.replace("8080", "65535"), holding(65535))[0].endswith("(stop that one)")


@pytest.mark.parametrize(
    ("address", "clashes"),
    [("0.0.0.0", True), ("", True), ("127.0.0.2", False), ("::1", False), ("::", False)],
)
def test_a_port_at_another_address(address: str, clashes: bool) -> None:
    assert bool(problems(WEB, holding(8080, address))) == clashes


def test_a_port_that_a_stopped_container_would_hold_is_free() -> None:
    assert problems(WEB, holding(8080, state="exited")) == []


def test_a_port_that_a_process_holds() -> None:
    busy = HostFacts(busy={("127.0.0.1", 8080, "tcp"): "process 7 (nginx)"}, free={8080: 8090})
    assert problems(WEB, None, busy) == [
        'SC502 services.web.ports[0]: host port 8080 is taken by process 7 (nginx) (stop that one, or take a free port: "8090:80")'
    ]


def test_an_own_port_is_not_taken() -> None:
    world = World().up(WEB)
    assert problems(WEB, world.engine.observe()) == []
    assert problems(WEB.replace("app:1", "app:2"), world.engine.observe()) == []


def test_a_port_of_a_service_that_was_renamed_in_the_spec() -> None:
    observed = World().up(WEB).engine.observe()
    renamed = WEB.replace("services.web", "services.site")
    assert problems(renamed, observed) == [
        (
            "SC502 services.site.ports[0]: host port 8080 is taken by container shop-web-1, which is no longer in the spec "
            '(--remove-orphans removes it) (stop that one, or take a free port: "8081:80")'
        )
    ]
    assert problems(renamed, observed, options=UpOptions(remove_orphans=True)) == []


RANGE = """
[services.web]
image = "app:1"
ports = ["2001-2003:80"]
scale = 3
"""


def test_a_range_with_a_port_for_each_container_that_starts() -> None:
    assert problems(RANGE) == []
    told = [
        (
            "SC502 services.web.ports[0]: of the host ports 2001-2003, 2 are free:"
            ' too few for 3 containers of web that start (take a longer range, or any free ports: "80")'
        )
    ]
    assert problems(RANGE, holding(2002)) == told
    assert problems(RANGE, None, HostFacts(busy={("127.0.0.1", 2002, "tcp"): "process 7"})) == told
    assert problems(RANGE + '[services.other]\nimage = "app:1"\nports = ["2002:80"]\n') == told
    assert problems(RANGE, holding(2002, "127.0.0.2")) == []
    assert problems(RANGE.replace("scale = 3", "scale = 2"), holding(2002)) == []


def test_a_container_that_runs_keeps_its_port_of_a_range() -> None:
    world = World().up(RANGE.replace("scale = 3", "scale = 2"))
    assert problems(RANGE, world.engine.observe()) == []
    assert problems(RANGE.replace("app:1", "app:2"), world.engine.observe()) == []


def test_the_host_is_asked_about_a_range_but_not_about_all_of_a_long_one() -> None:
    def asked(text: str) -> list[int]:
        return sorted(
            number for _, number, _ in questions(View.of(desired(text), World().engine.observe())).bindings
        )

    assert asked(RANGE) == [2001, 2002, 2003]
    assert asked(RANGE.replace("2001-2003", "2001-9000")) == [*range(2001, 2101)]


def test_a_name_that_is_taken() -> None:
    named = '[services.web]\nimage = "app:1"\ncontainer_name = "stranger"\n'
    assert problems(named, holding(1)) == [
        (
            "SC110 services.web.container_name: the name stranger is taken by another container"
            " (nginx, Up 1 hour, not made by stackctl)"
            " (remove it (docker rm -f stranger), or choose another container_name or project name)"
        )
    ]


def test_a_name_that_passes_between_services_is_not_taken() -> None:
    text = '[services.a]\nimage = "app:1"\ncontainer_name = "one"\n[services.b]\nimage = "app:1"\ncontainer_name = "two"\n'
    swapped = text.replace("one", "x").replace("two", "one").replace("x", "two")
    assert problems(swapped, World().up(text).engine.observe()) == []


def test_a_name_of_a_service_that_was_renamed_in_the_spec() -> None:
    text = '[services.db]\nimage = "db:1"\ncontainer_name = "postgres"\n'
    observed = World().up(text).engine.observe()
    renamed = text.replace("services.db", "services.postgres")
    assert "which is no longer in the spec (--remove-orphans removes it)" in problems(renamed, observed)[0]
    assert problems(renamed, observed, options=UpOptions(remove_orphans=True)) == []


def test_a_name_that_is_needed_only_for_a_replacement() -> None:
    world = World().up(WEB)
    guest = ObservedContainer(id="g", name="shop-web-1.old", image="nginx", state="exited")
    observed = world.engine.observe()
    observed = replace(observed, containers=(*observed.containers, guest))
    assert problems(WEB, observed) == []
    assert "the name shop-web-1.old is taken" in problems(WEB.replace("app:1", "app:2"), observed)[0]


def test_a_directory_that_is_missing() -> None:
    text = '[jobs.seed]\nimage = "app:1"\nvolumes = ["/missing:/x", "/here:/y"]\n'
    assert problems(text, None, HostFacts(missing=frozenset(["/missing"])))[0].startswith(
        "SC403 jobs.seed.volumes: /missing does not exist"
    )
    created = text.replace(
        '"/missing:/x"',
        '{ type = "bind", source = "/missing", target = "/x", bind = { create_host_path = true } }',
    )
    assert problems(created, None, HostFacts(missing=frozenset(["/missing"]))) == []


def test_what_only_a_swarm_has_is_refused_where_it_is_used() -> None:
    text = WEB + 'secrets = ["pw", "vault"]\nconfigs = ["c"]\n[secrets.pw]\nexternal = true\n'
    text += '[secrets.vault]\ndriver = "vault"\n[configs.c]\ncontent = "a"\ntemplate_driver = "golang"\n'
    text += "[secrets.of-nobody]\nexternal = true\n"
    way = "(stackctl deploy runs the stack on a Swarm; here, give file or environment instead)"
    assert problems(text, holding(8080))[:3] == [
        f"SC119 secrets.pw.external: web uses the secret pw, and only a Swarm keeps such contents {way}",
        f"SC119 secrets.vault.driver: web uses the secret vault, and only a Swarm asks a driver for the content {way}",
        f"SC119 configs.c.template_driver: web uses the config c, and only a Swarm fills in such a template {way}",
    ]
    assert [each.partition(" ")[0] for each in problems(text, holding(8080))] == ["SC119"] * 3 + ["SC502"]
    built = '[services.web]\nbuild = { context = ".", secrets = ["pw"] }\n[secrets.pw]\nexternal = true\n'
    with pytest.raises(
        SpecError, match="a build reads the secret 'pw', and external leaves its content to a Swarm"
    ):
        problems(built)


def test_external_things_that_are_not_there() -> None:
    text = (
        WEB
        + 'volumes = ["v:/v"]\n[volumes.v]\nexternal = true\n[networks.default]\nexternal = true\nname = "net"\n'
    )
    assert problems(text) == [
        f"SC117 {kind}s.{key}: {kind} {name} is declared external, and there is none of that name "
        f"(create it (docker {kind} create {name}), or drop external = true)"
        for kind, key, name in (("network", "default", "net"), ("volume", "v", "v"))
    ]


def test_an_image_that_is_not_to_be_had() -> None:
    text = '[jobs.web]\nimage = "other"\npull_policy = "never"\n'
    assert problems(text) == [
        (
            "SC603 jobs.web.image: image other is not here, and pull_policy never forbids to pull it"
            " (docker pull other, or drop pull_policy)"
        )
    ]
    assert (
        "pull_policy never forbids"
        in problems(text.replace("never", "missing"), images=ImageOptions(pull=PullPolicy.never))[0]
    )
    assert problems(text.replace("never", "missing")) == []


NEEDING = '[services.web.depends_on.db]\ncondition = "service_healthy"\n[services.db]\nimage = "db:1"\n'


def test_health_that_nobody_can_tell() -> None:
    world = World(images={"db:1": ImageConfig()})

    def found(text: str) -> list[str]:
        return problems(text, world.look(desired(text)))

    assert found(WEB + NEEDING)[0].startswith(
        "SC203 services.web.depends_on.db: web waits for db to be healthy, but"
    )
    assert found(WEB + NEEDING + "healthcheck = { tcp = 1 }\n") == []
    assert problems(WEB + NEEDING) == [], "of an image that is not here yet nothing is known"
    world = World(images={"db:1": ImageConfig(healthcheck=True)})
    assert found(WEB + NEEDING) == []
    assert len(found(WEB + NEEDING + "healthcheck = { disable = true }\n")) == 1


def test_what_is_asked_of_the_host() -> None:
    text = (
        WEB
        + 'volumes = ["/src:/app", "/tmp/x:/y"]\n[services.random]\nimage = "app:1"\nports = ["80", "9000-9005:80"]\n'
    )
    assert questions(View.of(desired(text), World().engine.observe())) == Questions(
        frozenset(("127.0.0.1", number, "tcp") for number in (8080, *range(9000, 9006))),
        frozenset({"/src", "/tmp/x"}),
    )
    assert questions(View.of(desired(text), World().up(text).engine.observe())) == Questions()
    assert questions(View.of(desired(WEB), holding(8080))).bindings == frozenset()


@pytest.mark.parametrize(
    ("line", "path", "shared"),
    [
        ('network_mode = "service:db"', "network_mode", "network namespace"),
        ('ipc = "service:db"', "ipc", "IPC namespace"),
        ('volumes_from = ["db"]', "volumes_from", "volumes"),
    ],
)
def test_a_container_whose_holder_is_gone(line: str, path: str, shared: str) -> None:
    text = f'[services.db]\nimage = "db:1"\nipc = "shareable"\n[services.app]\nimage = "app:1"\n{line}\n'
    world = World().up(text)
    alone = desired(text, services=["app"], dependencies=False)

    def told() -> list[str]:
        return [str(problem) for problem in preflight(View.of(alone, world.engine.observe()))]

    assert told() == []
    world.engine.remove_by_hand("shop-db-1")
    missing = f"services.app.{path}: cannot share {shared} with service db: container missing"
    assert told() == [f"{missing} (start db as well: leave out --no-deps)"]
    assert preflight(View.of(desired(text), world.engine.observe())) == ()
