"""From a stack to what should be there: names, order, selection, ports, mounts and checks."""

from pathlib import Path

import pytest
from plan_stories import LESSON, WEB
from plan_world import desired, stack

from stackctl.errors import SpecError, UsageError
from stackctl.planner.world.desire import desire
from stackctl.planner.world.desired import Attachment, DesiredContainer, DesiredMount, DesiredPort, Need
from stackctl.planner.world.labels import PREFIX
from stackctl.spec import plain_keys
from stackctl.spec.model import Condition
from stackctl.version import __version__


def only(text: str, **selection: object) -> DesiredContainer:
    """The one container of a stack."""
    (found,) = desired(text, **selection).containers
    return found


def web(keys: str) -> DesiredContainer:
    return only(f'[services.web]\nimage = "app:1"\n{keys}\n')


def names(text: str, **selection: object) -> list[str]:
    return [container.service for container in desired(text, **selection).containers]


# Names and labels


def test_names_come_from_the_project() -> None:
    wanted = desired(LESSON + '[services.own]\nbuild = "."\n')
    assert [c.name for c in wanted.containers] == [
        "shop-postgres-1",
        "shop-redis-1",
        "shop-own-1",
        "shop-api-1",
    ]
    assert [n.name for n in wanted.networks] == ["shop_default"]
    assert [v.name for v in wanted.volumes] == ["shop_pgdata"]
    assert [i.ref for i in wanted.images] == ["db:1", "redis:7", "shop-own", "app:1"]
    assert wanted.known == {"postgres", "redis", "api", "own"}


def test_names_that_the_spec_gives() -> None:
    wanted = desired(
        """\
[services.web]
image = "own:1"
build = "."
container_name = "www"
networks = ["front"]
volumes = ["data:/data"]
[networks.front]
name = "net"
[volumes.data]
external = true
"""
    )
    assert [c.name for c in wanted.containers] == ["www"]
    assert [(n.key, n.name) for n in wanted.networks] == [("front", "net")]
    assert [(v.key, v.name, v.external) for v in wanted.volumes] == [("data", "data", True)]
    assert wanted.containers[0].mounts == (DesiredMount(type="volume", source="data", target="/data"),)


def test_labels(tmp_path: Path) -> None:
    wanted = desired(stack(LESSON + '[services.api.labels]\ntier = "1"\n', directory=tmp_path))
    (api,) = (c for c in wanted.containers if c.service == "api")
    common = {
        "stackctl.project": "shop",
        "stackctl.instance": "i",
        "stackctl.version": __version__,
    }
    source = {"stackctl.source": f"{tmp_path}/stack.toml"}
    assert api.labels == {
        **common,
        **source,
        "tier": "1",
        "stackctl.service": "api",
        "stackctl.number": "1",
        "stackctl.kind": "service",
        "stackctl.digest": api.digest,
        "com.docker.compose.project": "shop",
        "com.docker.compose.service": "api",
        "com.docker.compose.container-number": "1",
        "com.docker.compose.oneoff": "False",
    }
    (network,), (volume,) = wanted.networks, wanted.volumes
    assert network.labels == {
        **common,
        **source,
        "stackctl.service": "default",
        "stackctl.digest": network.digest,
    }
    assert volume.labels == {**common, "stackctl.service": "pgdata", "stackctl.digest": volume.digest}


def test_a_protected_volume_says_so_in_its_labels() -> None:
    (volume,) = desired(LESSON + "protect = true\n").volumes
    assert volume.protect
    assert volume.labels[PREFIX + "protect"] == "true"


def test_in_every_network_a_container_answers_to_all_its_names() -> None:
    container = web('container_name = "www"\nnetworks = { b = { aliases = ["x", "web"] }, a = {} }')
    assert container.networks == (
        Attachment("shop_b", ("web", "www", "x")),
        Attachment("shop_a", ("web", "www")),
    )


def test_network_modes() -> None:
    assert web('network_mode = "host"').network_mode == "host"
    assert desired(WEB + 'network_mode = "none"\n').networks == ()
    shared = desired('[services.vpn]\nimage = "app:1"\n' + WEB + 'network_mode = "service:vpn"\n').containers[
        1
    ]
    assert shared.network_mode == "container:shop-vpn-1"
    assert shared.networks == ()
    assert shared.needs == (Need("vpn", Condition.started, restart=True),)


# Order and selection


def test_dependencies_come_first_and_else_the_order_of_writing() -> None:
    text = "".join(
        f'[services.{name}]\nimage = "app:1"\n{needs}\n'
        for name, needs in (
            ("z", 'depends_on = ["m"]'),
            ("y", ""),
            ("m", 'depends_on = ["a"]'),
            ("b", ""),
            ("a", ""),
        )
    )
    assert names(text) == [
        "y",
        "b",
        "a",
        "m",
        "z",
    ]


def test_what_a_condition_means() -> None:
    text = """\
[services.db]
image = "db:1"
[jobs.seed]
image = "app:1"
[services.web]
image = "app:1"
depends_on = { db = {}, seed = {}, old = { condition = "service_started", required = false, restart = true } }
[services.old]
image = "app:1"
"""
    (container,) = (c for c in desired(text).containers if c.service == "web")
    assert container.needs == (
        Need("db", Condition.ready),
        Need("seed", Condition.completed),
        Need("old", Condition.started, required=False, restart=True),
    )


def test_selected_services_bring_their_dependencies() -> None:
    assert names(LESSON, services=["redis"]) == ["redis"]
    assert names(LESSON, services=["api"]) == ["postgres", "redis", "api"]
    assert names(LESSON, services=["api"], dependencies=False) == ["api"]
    assert desired(LESSON, services=["redis"]).volumes == ()
    assert desired(LESSON, services=["redis"]).known == {"postgres", "redis", "api"}


def test_what_is_not_selected_is_not_waited_for() -> None:
    assert only(LESSON, services=["api"], dependencies=False).needs == ()


PROFILES = """\
[services.web]
image = "app:1"
depends_on = { mail = { required = false } }
[services.mail]
image = "app:1"
profiles = ["full", "mail"]
[services.debug]
image = "app:1"
profiles = ["debug"]
depends_on = ["mail"]
"""


def test_profiles() -> None:
    assert names(PROFILES) == ["web"]
    assert names(PROFILES, profiles=["mail"]) == ["mail", "web"]
    assert names(PROFILES, profiles=["*"]) == ["mail", "web", "debug"]


def test_who_is_asked_for_by_name_needs_no_profile_nor_does_what_it_needs() -> None:
    assert names(PROFILES, services=["debug"]) == ["mail", "debug"]
    assert names(PROFILES, services=["web"]) == ["web"]


def test_a_dependency_that_no_profile_enables() -> None:
    with pytest.raises(SpecError) as error:
        desired(PROFILES, profiles=["debug"])
    assert (
        str(error.value)
        == "services.debug.depends_on.mail: debug needs mail, which no active profile enables (add --profile full, or required = false)"
    )


@pytest.mark.parametrize(
    ("name", "hint"), [("postgre", "did you mean 'postgres'?"), ("x", "there are: postgres, redis, api")]
)
def test_a_name_that_is_no_service(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as error:
        desired(LESSON, services=[name])
    assert str(error.value) == f"no such service: {name} ({hint})"


def test_two_who_build_one_image_differently() -> None:
    text = '[services.a]\nimage = "own"\nbuild = "a"\n[jobs.b]\nimage = "own"\nbuild = "b"\n[services.c]\nimage = "own"\nbuild = "a"\n'
    with pytest.raises(SpecError) as error:
        desired(text)
    assert (
        str(error.value) == "jobs.b.build: b and a build the image 'own' differently (give one another name)"
    )


# Ports


def test_ports() -> None:
    container = web('ports = ["8000:80", "0.0.0.0:53:53/udp", 81, "[::1]:82:82"]')
    assert container.ports == (
        DesiredPort(target=80, published="8000"),
        DesiredPort(target=53, published="53", host_ip="0.0.0.0", protocol="udp", index=1),
        DesiredPort(target=81, index=2),
        DesiredPort(target=82, published="82", host_ip="::1", index=3),
    )
    assert [port.host_port for port in container.ports] == [8000, 53, None, 82]


def test_ranges_of_ports() -> None:
    assert [str(port) for port in web('ports = ["8000-8002:80-82", "9000-9002:90", "70-71"]').ports] == [
        "127.0.0.1:8000→80",
        "127.0.0.1:8001→81",
        "127.0.0.1:8002→82",
        "127.0.0.1:9000-9002→90",
        "127.0.0.1:*→70",
        "127.0.0.1:*→71",
    ]


def test_the_address_for_ports_that_name_none() -> None:
    container = only(WEB + 'ports = ["80:80", "127.0.0.1:81:81"]\n', publish_host="10.0.0.1")
    assert [port.host_ip for port in container.ports] == ["10.0.0.1", "127.0.0.1"]


def test_an_engine_elsewhere_needs_an_address_for_every_port() -> None:
    wanted = stack(WEB + 'ports = ["80:80", "0.0.0.0:81:81", "82-83:82-83"]\n')
    with pytest.raises(SpecError) as error:
        desire(wanted, instance="i", publish_host=None)
    assert str(error.value).splitlines() == [
        'services.web.ports[0]: port 80 names no address, and the engine runs on another machine (write "ADDRESS:HOST_PORT:PORT", or say it for all with --publish-host)',
        'services.web.ports[2]: port 82-83 names no address, and the engine runs on another machine (write "ADDRESS:HOST_PORT:PORT", or say it for all with --publish-host)',
    ]


# Mounts


def test_mounts(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    text = (
        WEB
        + """\
tmpfs = "/tmp"
volumes = ["data:/data:ro", "./link:/app", "~/x:/x", "/own", { type = "tmpfs", target = "/fast", tmpfs = { size = "1m", mode = 0o700 } }]
[volumes.data]
"""
    )
    (container,) = desired(stack(text, directory=tmp_path)).containers
    assert container.mounts == (
        DesiredMount(type="volume", source="shop_data", target="/data", read_only=True),
        DesiredMount(type="bind", source=f"{tmp_path.resolve()}/real", target="/app"),
        DesiredMount(type="bind", source=str(Path("~/x").expanduser().resolve()), target="/x"),
        DesiredMount(type="volume", target="/own"),
        DesiredMount(type="tmpfs", target="/fast", tmpfs_size=1024**2, tmpfs_mode=0o700),
        DesiredMount(type="tmpfs", target="/tmp"),
    )


def test_a_job_runs_always_if_it_reads_the_host_unless_inputs_are_named(tmp_path: Path) -> None:
    (tmp_path / "seed.sql").touch()

    def always(keys: str) -> bool:
        (job,) = desired(stack(f'[jobs.seed]\nimage = "app:1"\n{keys}\n', directory=tmp_path)).containers
        return job.always

    assert always('volumes = [".:/sql:ro"]')
    assert not always('volumes = [".:/sql:ro"]\ninputs = ["*.sql"]')
    assert not always('volumes = ["data:/data"]')
    assert not web('volumes = ["./src:/src"]').always


# What the container is told


def test_what_the_spec_says_reaches_the_container() -> None:
    container = web(
        """\
command = "serve --port 80"
entrypoint = ["/init"]
environment = { A = "1", B = 2 }
hostname = "www"
extra_hosts = ["gate:host-gateway"]
user = 1000
working_dir = "/app"
init = false
restart = "on-failure:3"
stop_signal = "SIGINT"
stop_grace_period = "1500ms"
expose = [80]
tty = true
read_only = true
cap_drop = ["ALL"]
shm_size = "64m"
"""
    )
    assert (container.command, container.entrypoint) == (("serve", "--port", "80"), ("/init",))
    assert container.environment == {"A": "1", "B": "2"}
    assert (container.restart, container.restart_times) == ("on-failure", 3)
    assert container.grace == 2
    assert (container.settings.init, container.settings.expose) == (False, ("80",))
    assert dict(plain_keys.lines(container.settings)) == {
        "Hostname": "www",
        "User": "1000",
        "WorkingDir": "/app",
        "StopSignal": "SIGINT",
        "Tty": True,
        "HostConfig.ExtraHosts": ["gate:host-gateway"],
        "HostConfig.ReadonlyRootfs": True,
        "HostConfig.CapDrop": ["ALL"],
        "HostConfig.ShmSize": 64 * 1024**2,
    }


def test_the_engine_never_starts_a_job_again() -> None:
    assert only('[jobs.seed]\nimage = "app:1"\nrestart = "always"\n').restart == "no"


def test_a_tilde_behind_a_dot_is_a_name_of_a_file() -> None:
    (mount,) = web('volumes = ["./~nobody-here:/x"]').mounts
    assert Path(mount.source).name == "~nobody-here"
