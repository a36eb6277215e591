"""What makes a container, network or volume another one. A digest that changes by accident would recreate everybody's containers."""

from pathlib import Path

import pytest
from plan_world import desired, stack

from stackctl.planner.world import digests
from stackctl.planner.world.desire import desire
from stackctl.planner.world.desired import DesiredContainer
from stackctl.secret import Secret

PLAIN = '[services.web]\nimage = "app:1"\n'


def web(keys: str = "", directory: Path | None = None) -> DesiredContainer:
    (found,) = desired(stack(f"{PLAIN}{keys}\n", directory=directory)).containers
    return found


FULL = """\
command = "serve --all"
environment = { A = "1", B = "2" }
volumes = ["data:/data", "/own"]
labels = { tier = "front" }
user = "1000"
init = true
restart = "on-failure:3"
stop_grace_period = "30s"
networks.default.aliases = ["www"]
[volumes.data]
"""


EVERY_PLAIN_KEY = """\
command = ["serve", "--all"]
entrypoint = []
hostname = "www"
extra_hosts = { b = "1.2.3.4", a = "host-gateway" }
user = 1000
working_dir = "/w"
init = false
stop_signal = "SIGINT"
tty = true
stdin_open = true
read_only = true
privileged = true
cap_add = ["NET_ADMIN", "SYS_TIME"]
cap_drop = ["ALL"]
shm_size = "64m"
expose = [80, "8000-8010/udp"]
stop_grace_period = "0s"
healthcheck = { test = "true", retries = 0 }
container_name = "web"
ports = ["80:80"]
tmpfs = ["/run:size=1m"]
"""
EMPTY = """\
hostname = ""
user = ""
working_dir = ""
stop_signal = ""
shm_size = 0
init = true
tty = false
cap_add = []
extra_hosts = {}
"""


def test_the_digests_of_this_version_are_those_of_the_versions_to_come() -> None:
    assert web().digest == "acce96bd63ecbd500f102b985651a69a"
    assert web(FULL).digest == "a770cad5e88048d173703ae47493eb5e"
    assert web(EVERY_PLAIN_KEY).digest == "7cfc25c04f7be7f2e758226874847e71"
    assert web(EMPTY).digest == "b8f729103927a3f0d68b64a39d18e6fc"
    wanted = desired(PLAIN + FULL + 'labels = { tier = "gold" }\n[networks.default]\ninternal = true\n')
    assert wanted.networks[0].digest == "f21c6197c062d39664f55710337f8c33"
    assert wanted.volumes[0].digest == "b89c19efaf4d0b9a6fbd33308ac49be2"


def test_only_what_is_said_counts() -> None:
    assert [*web().fields] == [
        "image",
        "networks.default",
    ]
    assert [*web(FULL).fields] == [
        "command",
        "environment.A",
        "environment.B",
        "image",
        "init",
        "labels.tier",
        "networks.default",
        "restart",
        "stop_grace_period",
        "user",
        "volumes./data",
        "volumes./own",
    ]


@pytest.mark.parametrize(
    "keys",
    [
        'restart = "no"',
        'stop_grace_period = "10s"',
        "tty = false",
        "ports = []",
        'networks = ["default"]',
        "profiles = []",
        'pull_policy = "always"',
        "healthcheck = { tcp = 80 }",
        'healthcheck = { http = ":80/" }',
        'healthcheck = { log = "ready" }',
        "x-mine = 1",
    ],
)
def test_what_the_container_is_not_told_makes_no_other_one(keys: str) -> None:
    assert web(keys).digest == web().digest


def test_nor_does_a_dependency_the_instance_or_the_place_of_the_spec(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    first, second = (desired(stack(PLAIN, directory=place)) for place in (tmp_path, tmp_path / "other"))
    needing = stack(PLAIN + 'depends_on = ["db"]\n[services.db]\nimage = "db:1"\n')
    assert first.containers[0].labels != second.containers[0].labels
    digests = {
        c.digest for d in (first, second, desired(needing)) for c in d.containers if c.service == "web"
    }
    assert digests == {web().digest}


def test_the_order_of_writing_makes_no_other_one() -> None:
    def alike(one: str, other: str) -> bool:
        return web(one).digest == web(other).digest

    assert alike('environment = { A = "1", B = "2" }', 'environment = { B = "2", A = "1" }')
    assert alike('environment = ["B=2", "A=1"]', 'environment = { A = 1, B = "2" }')
    assert alike('labels = { a = "1", b = "2" }', 'labels = ["b=2", "a=1"]')
    assert alike('networks.default.aliases = ["x", "y"]', 'networks.default.aliases = ["y", "x"]')
    assert alike('volumes = ["/a", "/b"]', 'volumes = ["/b", "/a"]')
    assert not alike('command = ["a", "b"]', 'command = ["b", "a"]')


@pytest.mark.parametrize(
    ("keys", "field"),
    [
        ('command = "a"', "command"),
        ("command = []", "command"),
        ("entrypoint = []", "entrypoint"),
        ("init = false", "init"),
        ('environment = { A = "" }', "environment.A"),
        ('labels = { a = "" }', "labels.a"),
        ('ports = ["80:80"]', "ports"),
        ('container_name = "www"', "container_name"),
        ('restart = "always"', "restart"),
        ('stop_grace_period = "11s"', "stop_grace_period"),
        ('healthcheck = { test = "true" }', "healthcheck"),
        ('healthcheck = { interval = "5s" }', "healthcheck"),
        ("healthcheck = { disable = true }", "healthcheck"),
        ('tmpfs = "/tmp"', "volumes./tmp"),
        ('volumes = ["/own"]', "volumes./own"),
        ('networks.default.aliases = ["x"]', "networks.default"),
        ('extra_hosts = ["a:1.2.3.4"]', "extra_hosts"),
        ('hostname = "www"', "hostname"),
        ("expose = [80]", "expose"),
        ('working_dir = "/"', "working_dir"),
        ('stop_signal = "SIGINT"', "stop_signal"),
        ("read_only = true", "read_only"),
        ("privileged = true", "privileged"),
        ('cap_add = ["NET_ADMIN"]', "cap_add"),
        ('shm_size = "1m"', "shm_size"),
        ('dns = ["192.0.2.53"]', "dns"),
        ("pids_limit = 64", "pids_limit"),
        ('domainname = "example.org"', "domainname"),
    ],
)
def test_what_the_container_is_told_makes_another_one_and_is_named(keys: str, field: str) -> None:
    before, after = web(), web(keys)
    assert after.digest != before.digest
    assert {name for name, _ in after.fields.items() ^ before.fields.items()} == {field}


def test_a_network_mode_replaces_the_networks() -> None:
    assert {*web('network_mode = "host"').fields} == {"image", "network_mode"}


def test_the_inputs_of_a_job_count(tmp_path: Path) -> None:
    def digest(content: str) -> str:
        (tmp_path / "seed.sql").write_text(content)
        text = '[jobs.seed]\nimage = "app:1"\nvolumes = [".:/sql:ro"]\ninputs = ["*.sql"]\n'
        return desired(stack(text, directory=tmp_path)).containers[0].digest

    assert digest("insert 1") == digest("insert 1") != digest("insert 2")


def test_the_name_of_a_bind_source_counts_and_whether_it_may_be_made_does_not(tmp_path: Path) -> None:
    def digest(options: str, source: str = "src") -> str:
        mount = f'volumes = [{{ type = "bind", source = "./{source}", target = "/app"{options} }}]'
        return web(mount, tmp_path).digest

    assert digest("") == digest(", bind = { create_host_path = true }") != digest("", "other")
    assert digest("") != digest(", read_only = true")


def test_networks_and_volumes() -> None:
    def digests(network: str = "", volume: str = "") -> tuple[str, str]:
        text = f'{PLAIN}volumes = ["data:/data"]\n[networks.default]\n{network}\n[volumes.data]\n{volume}\n'
        wanted = desired(text)
        return wanted.networks[0].digest, wanted.volumes[0].digest

    assert (
        digests('driver = "bridge"\nname = "n"', 'driver = "local"\nname = "v"\nprotect = true') == digests()
    )
    for different in (
        "internal = true",
        "attachable = true",
        'driver = "macvlan"',
        "driver_opts = { mtu = 9 }",
        'labels = { a = "1" }',
    ):
        assert digests(network=different)[0] != digests()[0]
    for different in ('driver = "nfs"', 'driver_opts = { type = "tmpfs" }', 'labels = { a = "1" }'):
        assert digests(volume=different)[1] != digests()[1]


def test_the_content_of_a_secret_counts_salted_and_is_not_there() -> None:
    keys = (
        'secrets = ["pw"]\nconfigs = ["c"]\n[secrets.pw]\nenvironment = "PW"\n[configs.c]\ncontent = "{}"\n'
    )

    def found(instance: str = "i", content: str = "port 80") -> DesiredContainer:
        given = stack(f"{PLAIN}{keys.format(content)}", environ={"PW": "hunter2"})
        return desire(given, instance=instance).containers[0]

    one, again, changed, elsewhere = found(), found(), found(content="port 81"), found("j")
    assert one.digest == again.digest
    assert {key for key in one.fields if one.fields[key] != changed.fields[key]} == {"configs.c"}
    assert {key for key in one.fields if one.fields[key] != elsewhere.fields[key]} == {
        "secrets.pw",
        "configs.c",
    }
    assert "hunter2" not in str(one.definition)
    assert "hunter2" not in repr(one)


SECRETIVE = {
    "a variable": 'environment.DB_PASSWORD = "hunter2"',
    "a variable with a short value": 'environment.PIN_TOKEN = "123"',
    "a URL": 'environment.DATABASE_URL = "postgresql://me:hunter2@db/me"',
    "an option": 'command = ["serve", "--password", "hunter2"]',
    "an option in one word": 'command = ["serve", "--password=hunter2"]',
    "a label": 'labels."my.token" = "hunter2"',
    "a check": 'healthcheck = { test = ["CMD", "check", "--password", "hunter2"] }',
    "the option of a volume": 'volumes = ["share:/x"]\n[volumes.share]\ndriver_opts = { o = "username=me,password=hunter2" }',
    "the option of a network": 'networks = ["n"]\n[networks.n]\ndriver_opts = { "x.password" = "hunter2" }',
}


def digests_of(keys: str, instance: str) -> list[object]:
    """Every digest in the labels of what the stack is made of."""
    made = desire(stack(f"{PLAIN}{keys}\n"), instance=instance)
    resources = [*(each.digest for each in made.networks), *(each.digest for each in made.volumes)]
    return [*resources, *((each.digest, each.fields) for each in made.containers)]


@pytest.mark.parametrize("keys", SECRETIVE.values(), ids=SECRETIVE)
def test_a_digest_of_a_secret_depends_on_the_instance_so_that_nobody_has_a_table(keys: str) -> None:
    assert digests_of(keys, "one") == digests_of(keys, "one")
    assert digests_of(keys, "one") != digests_of(keys, "two")
    assert digests_of('environment.A = "hunter2"', "one") == digests_of('environment.A = "hunter2"', "two")
    changed = keys.replace("hunter2", "hunter3").replace("123", "124")
    assert digests_of(keys, "one") != digests_of(changed, "one")


def test_a_guess_at_a_secret_takes_as_long_as_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    """No digest in a label is the plain one of a text that holds the secret, so there is no faster way to try a password."""
    asked: list[str] = []

    def slow(content: Secret, instance: str) -> str:
        asked.append(content.reveal())
        return f"slow {len(asked)}"

    monkeypatch.setattr(digests, "content_digest", slow)
    digested: list[str] = []
    encode = digests._encode

    def noted(value: object) -> str:
        digested.append(encode(value))
        return digested[-1]

    monkeypatch.setattr(digests, "_encode", noted)
    for keys in SECRETIVE.values():
        digests_of(keys, "one")
    assert {*asked} == {"hunter2", "123"}
    assert digested
    assert not any("hunter2" in text or '"123"' in text for text in digested)
