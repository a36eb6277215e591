"""`export compose`: Compose reads what the stack means, what Compose cannot say is a comment, and no secret stands in the file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import tomli_w
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from stackctl.planner.world.desired import Desired
from stackctl.secret import looks_secret
from stackctl.spec.model import Service
from stackctl.spec.selection import Selection
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.spec.structure import forms
from stackctl.teach.compose.file import compose
from stackctl.teach.compose.yaml import Noted, document
from stackctl.teach.from_nothing import from_nothing

COMPOSE = str(Path(sys.executable).parent / "docker-compose")


class Given:
    """A stack from a tree or text, and its compose.yaml."""

    def __init__(
        self,
        stack: dict[str, Any] | str,
        directory: Path,
        *,
        profiles: bool = False,
        at: Path | None = None,
        environ: Mapping[str, str] = {},
    ) -> None:
        self.directory, self.environ = directory, dict(environ)
        text = stack if isinstance(stack, str) else tomli_w.dumps(stack)
        (directory / "stack.toml").write_text(text)
        request = StackRequest(
            files=[directory / "stack.toml"], directory=directory, environ=environ, name="shop"
        )
        read_stack = read(request)
        selection = Selection(profiles=("*",) if profiles else ())
        self.desired: Desired = from_nothing(read_stack, selection)[0].desired
        self.text = compose(read_stack, self.desired, source="stack.toml", directory=at, profiles=profiles)

    @property
    def tree(self) -> Any:
        return yaml.safe_load(self.text)

    def read_by_compose(self, *args: str, **environ: str) -> Any:
        """What Compose reads, with its variables. Compose writes each dollar as two."""
        file = self.directory / "compose.yaml"
        file.write_text(self.text)
        done = subprocess.run(
            [COMPOSE, "-f", str(file), *args, "config", "--format", "json"],
            cwd=self.directory,
            env={"PATH": os.environ["PATH"], **self.environ, **environ},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{done.stderr}\n{self.text}"
        return changed(json.loads(done.stdout), "$$", "$")


def changed(tree: Any, old: str, new: str) -> Any:
    """The tree with a text in every text of it, names of keys included, changed."""
    match tree:
        case dict():
            return {key.replace(old, new): changed(value, old, new) for key, value in tree.items()}
        case list():
            return [changed(value, old, new) for value in tree]
        case str():
            return tree.replace(old, new)
    return tree


def literal(tree: Any) -> Any:
    """The tree with every text as it is: a dollar is written as two."""
    match tree:
        case dict():
            return {key: literal(value) for key, value in tree.items()}
        case list():
            return [literal(value) for value in tree]
        case str():
            return tree.replace("$", "$$")
    return tree


def web(keys: str, directory: Path) -> str:
    """What stands for a service with these keys, without what every service has."""
    text = Given(f'[services.web]\nimage = "busybox"\n{keys}', directory).text
    services = text.partition("\nservices:\n")[2].partition("\n\n")[0]
    return services.replace("  web:\n    image: busybox\n", "", 1).rstrip("\n")


SHOP = """
name = "shop"
[services.postgres]
image = "postgres:${TAG:-15}"
environment = { POSTGRES_PASSWORD = "${DB_PASSWORD}" }
volumes = ["pgdata:/var/lib/postgresql/data"]
[jobs.migrate]
build = { context = "api", target = "tools" }
environment = { URL = "${services.postgres.url}", CI = { from_env = true } }
inputs = ["api/*.sql"]
[services.api]
build = "api"
depends_on = ["migrate"]
ports = [8000]
healthcheck = { http = ":8000/health" }
networks = ["front", "back"]
[services.proxy]
image = "nginx"
depends_on = ["api"]
networks = ["front"]
[networks.back]
internal = true
[volumes.pgdata]
protect = true
"""

SHOP_YAML = """\
# The stack shop, written by `stackctl export compose` from stack.toml.
#
#   docker compose up --detach --build   bring it up
#   docker compose down                  take it away; volumes stay
#   docker compose down --volumes        take the data away, too
#
# Not with --wait: Compose takes the end of a job for a failure.
# `stackctl down` comes first: the containers have the same names.
# Where an image brings an init of its own, stackctl adds none: take `init` out.
#
# Secrets do not stand here. Export these variables, or write them into .env:
#   DB_PASSWORD

name: shop

services:
  postgres:
    image: "postgres:${TAG:-15}"
    environment:
      POSTGRES_PASSWORD: "${DB_PASSWORD:?set it in .env}"
    volumes:
      - pgdata:/var/lib/postgresql/data
    # stackctl asks the server itself, and adds no check to the container.
    # Compose can wait only for a check in the container: this one asks the
    # same.
    healthcheck:
      test: ["CMD", "pg_isready", "-h", "127.0.0.1", "-p", "5432", "-U",
        "postgres", "-d", "postgres"]
      interval: 1s
      timeout: 5s
      retries: 120
    init: true

  # A job. stackctl runs it again only after a change of itself, its image or
  # these files: api/*.sql. Compose runs it at every `up`.
  migrate:
    build:
      context: ./api
      target: tools
    environment:
      # DB_PASSWORD stands in a URL: in its value, characters such as @ and /
      # must be percent-encoded. stackctl does that by itself.
      URL: "postgresql://postgres:${DB_PASSWORD:?set it in .env}@postgres:5432/postgres"
      CI:
    depends_on:
      postgres:
        condition: service_healthy
    init: true

  # stackctl waits until GET :8000/health answers 200 to 399. Compose cannot ask
  # that from outside.
  # If the image has a command such as this one, write it here, and condition:
  # service_healthy where others depend on this service:
  #    healthcheck:
  #      test: ["CMD", "wget", "-qO-", "http://127.0.0.1:8000/health"]
  api:
    build: ./api
    ports:
      - "127.0.0.1::8000"
    depends_on:
      migrate:
        condition: service_completed_successfully
    init: true
    networks:
      front:
        priority: 1000
      back:
        priority: 999

  proxy:
    image: nginx
    depends_on:
      # stackctl waits until GET :8000/health answers 200 to 399.
      api:
        condition: service_started
    init: true
    networks:
      - front

networks:
  back:
    internal: true

  front:

volumes:
  # protect = true: `stackctl down --volumes` keeps it. Compose cannot say that:
  # `docker compose down --volumes` removes it.
  pgdata:
"""


def test_a_stack_as_a_compose_file(tmp_path: Path) -> None:
    (tmp_path / "api").mkdir()
    (tmp_path / "api/schema.sql").touch()
    shop = Given(SHOP, tmp_path, environ={"DB_PASSWORD": "s3cret"})
    assert shop.text == SHOP_YAML


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ("", ""),
        ("init = false", "@init false"),
        ('command = "tini -- sh"', '    command: ["tini", "--", "sh"]\n@init false'),
        ("command = []", "    # Compose cannot say an empty command: without an entrypoint the image's\n    # command runs.\n    command: []"),
        ('command = ["echo $$HOME"]', '    command: ["echo $$HOME"]'),
        ('command = ["sh", "-c", "echo a\\necho b\\n"]', '    command:\n      - sh\n      - "-c"\n      - |\n        echo a\n        echo b'),
        ('entrypoint = ""', "    entrypoint: []"),
        ('ports = ["[::1]:8000-8001:80-81/udp", "9000-9010:80"]', '    ports:\n      - "[::1]:8000:80/udp"\n      - "[::1]:8001:81/udp"\n      - "127.0.0.1:9000-9010:80"'),
        ('expose = [8000, "53/udp", 8000]', '    expose:\n      - "8000"\n      - "53/udp"'),
        ('expose = [8000]\nnetwork_mode = "container:x"', "@init\n    network_mode: container:x"),
        ('volumes = ["/cache"]', "    volumes:\n      - /cache"),
        ('volumes = ["./a b:/b:ro"]', '    volumes:\n      - type: bind\n        source: "./a b"\n        target: /b\n        read_only: true\n        bind:\n          create_host_path: false'),
        ('volumes = ["/x:/x:z"]', "    volumes:\n      - type: bind\n        source: /x\n        target: /x\n        bind:\n          # stackctl refuses a missing path. Compose ignores selinux without\n          # this.\n          create_host_path: true\n          selinux: z"),
        ('volumes = [{ type = "bind", source = "/x", target = "/x", bind = { selinux = "Z", propagation = "slave" } }]', "    volumes:\n      - type: bind\n        source: /x\n        target: /x\n        bind:\n          create_host_path: false\n          # selinux: Z is left out: Compose ignores it beside a propagation.\n          propagation: slave"),
        ('tmpfs = ["/run", "/tmp:size=1m,mode=1777"]', "    volumes:\n      - type: tmpfs\n        target: /run\n    tmpfs:\n      - /tmp:size=1048576,mode=1777"),
        ('volumes = [{ type = "tmpfs", target = "/t", tmpfs = { size = "1k", mode = 0o700 } }]', "    volumes:\n      - type: tmpfs\n        target: /t\n        tmpfs:\n          size: 1024\n          # 0o700\n          mode: 448"),
        ('env_file = ["a.env", { path = "b.env", required = false, format = "raw" }]', "    env_file:\n      - ./a.env\n      - path: ./b.env\n        required: false\n        format: raw"),
        ('healthcheck = { test = "exit 0", start_period = "1s", start_interval = "500ms", retries = 2 }', '    # start_interval: 0.5s is left out, because engines before 25 refuse it.\n    healthcheck:\n      test: ["CMD-SHELL", "exit 0"]\n      start_period: 1s\n      retries: 2'),
        ('healthcheck = { interval = "1m30s" }', "    healthcheck:\n      interval: 90s"),
        ("healthcheck = { disable = true }", "    healthcheck:\n      disable: true"),
        ('restart = "on-failure:3"\nstop_grace_period = "1500ms"', "    restart: on-failure:3\n@init\n    stop_grace_period: 2s"),
        ('restart = "no"', ""),
        ('cap_add = ["A", "A"]\nshm_size = "64m"\npids_limit = -1\ntty = true\nextra_hosts = { api = "10.0.0.1" }', '@init\n    extra_hosts:\n      api: "10.0.0.1"\n    tty: true\n    cap_add:\n      - A\n    shm_size: 64m\n    pids_limit: -1'),
        ('pull_policy = "never"', "    pull_policy: never"),
        ('labels = { "a.b" = "x: y", "com.docker.compose.project" = "other" }', '@init\n    labels:\n      a.b: "x: y"'),
        ('environment = { A = "no", B = "1", C = "a: b #c", D = "", E = { from_env = true } }', '    environment:\n      A: "no"\n      B: "1"\n      C: "a: b #c"\n      D: ""\n      E:'),
    ],
)  # fmt: skip
def test_keys_of_a_service(keys: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text("FILED=1\n")
    init = "    init: false" if text.endswith("@init false") else "    init: true"
    text = text.removesuffix("@init false")
    expected = text.replace("@init", init) if "@init" in text else f"{text}\n{init}" if text else init
    assert web(keys, tmp_path) == expected.replace("\n\n", "\n")


WAITS = """
[services.a]
image = "busybox"
depends_on = ["web"]
"""


@pytest.mark.parametrize(
    ("image", "keys", "condition", "note"),
    [
        ("busybox", "", "service_started", "stackctl waits for the image's own check, if it has one (then write service_healthy)."),
        ("busybox", "ports = [80]", "service_started", "stackctl waits for the image's own check, if it has one (then write service_healthy), else until port 80 accepts a connection."),
        ("busybox", "healthcheck = { tcp = 80 }", "service_started", "stackctl waits until port 80 accepts a connection."),
        ("busybox", "healthcheck = { log = 'ready: \\d' }", "service_started", "stackctl waits until its log matches ready: \\d."),
        ("busybox", 'healthcheck = { test = "true" }', "service_healthy", ""),
        ("busybox", "healthcheck = { retries = 2 }", "service_healthy", ""),
        ("busybox", "healthcheck = { disable = true }", "service_started", "stackctl waits for the image's own check, if it has one (then write service_healthy)."),
        ("redis", "", "service_healthy", ""),
        ("redis", 'healthcheck = { test = "true" }', "service_healthy", ""),
    ],
)  # fmt: skip
def test_what_compose_waits_for(image: str, keys: str, condition: str, note: str, tmp_path: Path) -> None:
    stack = Given(f'[services.web]\nimage = "{image}"\n{keys}\n{WAITS}', tmp_path)
    assert stack.tree["services"]["a"]["depends_on"] == {"web": {"condition": condition}}
    text = stack.text.partition("    depends_on:\n")[2].partition("      web:")[0]
    assert " ".join(line.strip(" #") for line in text.splitlines()) == note
    stack.read_by_compose()


def test_a_check_that_compose_cannot_wait_for_is_told(tmp_path: Path) -> None:
    own = 'healthcheck = { test = "true" }'
    assert "# stackctl waits until port 6379 speaks redis." in (
        Given(f'[services.web]\nimage = "redis"\n{own}', tmp_path).text
    )
    asked = 'healthcheck = { http = ":80/a?token=${TOKEN}" }'
    text = Given(
        f'[services.web]\nimage = "redis"\nenvironment = {{ A = "${{TOKEN}}" }}\n{asked}',
        tmp_path,
        environ={"TOKEN": "hidden"},
    ).text
    assert "# stackctl waits until GET :80/a?token=${TOKEN} answers 200 to 399." in text
    assert "hidden" not in text


def test_conditions_of_the_file_are_kept(tmp_path: Path) -> None:
    needs = '{ db = { condition = "service_healthy", required = false, restart = true }, web = { condition = "service_started" } }'
    text = (
        f'[services.web]\nimage = "busybox"\n[services.db]\nimage = "busybox"\n'
        f'[services.a]\nimage = "busybox"\ndepends_on = {needs}\n'
    )
    stack = Given(text, tmp_path)
    assert stack.tree["services"]["a"]["depends_on"] == {
        "db": {"condition": "service_healthy", "required": False, "restart": True},
        "web": {"condition": "service_started"},
    }
    stack.read_by_compose()


NETS = """
[services.web]
image = "busybox"
networks = { z = { aliases = ["one", "two", "one"] }, a = {} }
volumes = ["data:/data", "old:/old:ro"]
[services.beside]
image = "busybox"
network_mode = "service:web"
expose = [80]
[networks.z]
name = "other"
driver = "overlay"
driver_opts = { a = "1" }
labels = { b = "2" }
attachable = true
[networks.a]
external = true
[volumes.data]
driver_opts = { type = "nfs" }
labels = { c = "3" }
[volumes.old]
external = true
name = "kept"
"""


def test_secrets_and_configs_of_a_swarm(tmp_path: Path) -> None:
    text = """
[services.web]
image = "app:1"
secrets = ["pw", "vault"]
configs = ["c"]
[secrets.pw]
external = true
name = "shop-pw"
[secrets.vault]
driver = "vault"
driver_opts = { path = "x" }
[configs.c]
content = "a"
labels = { team = "a" }
template_driver = "golang"
"""
    stack = Given(text, tmp_path)
    assert stack.tree["secrets"] == {
        "pw": {"external": True, "name": "shop-pw"},
        "vault": {"driver": "vault", "driver_opts": {"path": "x"}},
    }
    assert stack.tree["configs"] == {
        "c": {"content": "a", "labels": {"team": "a"}, "template_driver": "golang"}
    }
    Given(text.replace('"vault"]', "]"), tmp_path).read_by_compose()


def test_networks_and_volumes(tmp_path: Path) -> None:
    stack = Given(NETS, tmp_path)
    tree = stack.tree
    assert tree["networks"] == {
        "z": {
            "name": "other",
            "driver": "overlay",
            "driver_opts": {"a": "1"},
            "attachable": True,
            "labels": {"b": "2"},
        },
        "a": {"name": "a", "external": True},
    }
    assert tree["volumes"] == {
        "data": {"driver_opts": {"type": "nfs"}, "labels": {"c": "3"}},
        "old": {"name": "kept", "external": True},
    }
    web, beside = tree["services"]["web"], tree["services"]["beside"]
    assert web["networks"] == {"z": {"aliases": ["one", "two"], "priority": 1000}, "a": {"priority": 999}}
    assert web["volumes"] == ["data:/data", "old:/old:ro"]
    assert beside["network_mode"] == "service:web"
    assert "expose" not in beside
    stack.read_by_compose()


def test_paths_lead_from_the_new_file(tmp_path: Path) -> None:
    keys = 'build = "."\nvolumes = ["./a:/a", "../b:/b"]\nenv_file = "x/a.env"\n'
    (tmp_path / "x").mkdir()
    (tmp_path / "x/a.env").touch()
    tree = Given(f"[services.web]\n{keys}", tmp_path, at=tmp_path / "deploy").tree["services"]["web"]
    assert tree["build"] == ".."
    assert [each["source"] for each in tree["volumes"]] == ["../a", str(tmp_path.resolve().parent / "b")]
    assert tree["env_file"] == ["../x/a.env"]
    beside = Given(f"[services.web]\n{keys}", tmp_path).tree["services"]["web"]
    assert (beside["build"], beside["volumes"][0]["source"]) == (".", "./a")


def test_profiles(tmp_path: Path) -> None:
    text = '[services.web]\nimage = "busybox"\n[services.debug]\nimage = "busybox"\nprofiles = ["tools"]\n'
    stack = Given(text, tmp_path, profiles=True)
    assert stack.tree["services"]["debug"]["profiles"] == ["tools"]
    assert [*stack.read_by_compose()["services"]] == ["web"]
    assert [*stack.read_by_compose("--profile", "tools")["services"]] == ["debug", "web"]


VARIABLES = """
[services.postgres]
image = "postgres:${TAG:-15}"
environment = { POSTGRES_PASSWORD = "${DB_PASSWORD}", POSTGRES_USER = "own er" }
[services.web]
image = "busybox"
user = "${UID:-0}"
command = ["run", "--token", "${TOKEN}", "--requirepass", "hidden-word"]
env_file = "web.env"
environment = { URL = "${services.postgres.url}", RAW = "x:${DB_PASSWORD}:y", ME = { from_env = true }, B = "${BRACES}", COPY = "a literal-token b" }
labels = { secret = "hidden-label" }
"""
SECRETS = {"DB_PASSWORD": "p@ss'w\"or d$1%/é", "TOKEN": "abc$(touch injected)def"}


def test_compose_reads_variables_as_stackctl_does(tmp_path: Path) -> None:
    (tmp_path / "web.env").write_text("FROM_FILE='a  b'\nAPI_TOKEN=literal-token\n")
    stack = Given(VARIABLES, tmp_path, environ={**SECRETS, "ME": "me", "BRACES": "}${x", "UID": "1000"})
    hidden = (*SECRETS.values(), "literal-token", "hidden", "p%40ss")
    assert not [text for text in hidden if text in stack.text]
    given = {"REQUIREPASS": "hidden-word", "API_TOKEN": "literal-token", "SECRET": "hidden-label"}
    encoded = "p%40ss%27w%22or%20d%241%25%2F%C3%A9"
    there = stack.read_by_compose(**given, DB_PASSWORD_IN_URL=encoded)["services"]
    for spec in stack.desired.containers:
        assert there[spec.service]["environment"] == spec.environment
        assert there[spec.service]["command"] == (spec.command and [*spec.command])
    assert there["postgres"]["image"] == "postgres:15"
    assert there["web"]["user"] == "1000"
    assert there["web"]["labels"] == {"secret": "hidden-label"}
    assert (
        stack.read_by_compose(**given, DB_PASSWORD_IN_URL=encoded, TAG="9")["services"]["postgres"]["image"]
        == "postgres:9"
    )


def test_compose_says_which_secret_is_missing(tmp_path: Path) -> None:
    stack = Given(SHOP.replace('inputs = ["api/*.sql"]', ""), tmp_path, environ={"DB_PASSWORD": "s3cret"})
    stack.environ = {}
    with pytest.raises(AssertionError, match=r"variable DB_PASSWORD is missing a value: set it in \.env"):
        stack.read_by_compose()


def test_a_password_that_fits_a_url_needs_one_variable(tmp_path: Path) -> None:
    stack = Given(
        VARIABLES.replace('env_file = "web.env"', ""),
        tmp_path,
        environ={"DB_PASSWORD": "simple", "TOKEN": "t0ken", "BRACES": ""},
    )
    assert "DB_PASSWORD_IN_URL" not in stack.text
    given = {"REQUIREPASS": "hidden-word", "SECRET": "hidden-label"}
    there = stack.read_by_compose(**given)["services"]["web"]["environment"]
    assert there["URL"] == "postgresql://own%20er:simple@postgres:5432/own%20er"


EVERY_KEY = """
[services.web]
image = "busybox"
build = { context = ".", dockerfile = "other", target = "last", args = { A = "1" } }
pull_policy = "build"
command = "a"
entrypoint = "b"
environment = { C = "c" }
env_file = "web.env"
ports = [80]
expose = [81]
volumes = ["/d", "/run/secrets", "/c"]
tmpfs = ["/e:size=1m"]
secrets = ["pw", { source = "pw", target = "b", uid = 5, gid = 6, mode = 0o400 }]
configs = [{ source = "conf", target = "/c/conf" }]
develop.watch = [{ path = ".", action = "sync+exec", target = "/w", ignore = "*.pyc", exec = { command = "w" } }, { path = "w", action = "rebuild" }]
pre_start = [{ image = "busybox", command = "q", environment = { C = "c" } }]
post_start = [{ command = "r" }]
pre_stop = [{ command = ["s", "t"], user = "0", working_dir = "/", privileged = true }]
depends_on = ["other"]
healthcheck = { test = "f" }
restart = "always"
container_name = "gg"
init = true
labels = { h = "h" }
networks = ["default"]
hostname = "i"
extra_hosts = { j = "10.0.0.1" }
user = "k"
working_dir = "/l"
stop_signal = "SIGINT"
stop_grace_period = "5s"
profiles = ["m"]
scale = 2
tty = true
stdin_open = true
read_only = true
privileged = true
cap_add = ["N"]
cap_drop = ["O"]
domainname = "p"
pids_limit = 5
dns = ["1.1.1.1"]
shm_size = "1m"
mem_limit = "64m"
mem_reservation = "32m"
memswap_limit = -1
mem_swappiness = 0
cpus = 0.5
cpu_shares = 5
cpu_rt_period = 10000
cpu_rt_runtime = "1ms"
cpuset = "0"
cpu_count = 1
cpu_percent = 50
blkio_config = { weight = 10 }
ulimits = { nofile = 5 }
oom_kill_disable = true
oom_score_adj = -5
deploy.resources.limits.memory = "64m"
dns_search = "q"
dns_opt = ["ndots:1"]
mac_address = "02:42:ac:11:00:09"
links = ["other:r"]
external_links = ["s:t"]
volumes_from = ["other:ro", "container:u"]
platform = "linux/amd64"
attach = false
logging = { driver = "local", options = { max-size = "1m" } }
security_opt = ["no-new-privileges"]
devices = ["/dev/fuse"]
device_cgroup_rules = ["c 1:3 r"]
gpus = "all"
sysctls = { "net.core.somaxconn" = 5 }
group_add = ["v"]
ipc = "service:other"
pid = "host"
uts = "host"
userns_mode = "host"
cgroup = "host"
cgroup_parent = "w"
isolation = "default"
runtime = "runc"
storage_opt = { size = "1G" }
annotations = { x = "y" }
[services.other]
label_file = "web.env"
cpu_period = 100000
cpu_quota = 50000
image = "busybox"
network_mode = "none"
[secrets.pw]
environment = "PW"
[configs.conf]
content = "port ${PORT:-80}"
"""


OF_OTHER = frozenset({"network_mode", "cpu_period", "cpu_quota", "label_file"})
"""Keys that exclude others, and a key whose labels stand in the new file."""


def test_each_key_of_a_service_has_its_place(tmp_path: Path) -> None:
    (tmp_path / "web.env").touch()
    stack = Given(EVERY_KEY, tmp_path, environ={"PW": "hunter2hunter2"}, profiles=True)
    assert "hunter2" not in stack.text
    assert stack.tree["secrets"] == {"pw": {"environment": "PW"}}
    services = stack.tree["services"]
    keys = [
        name for name, form in forms(Service).items() if name != "extends" and not form.metadata.get("own")
    ]
    assert {*services["web"], *services["other"], "label_file"} == {*keys}
    assert [*services["web"]] == [name for name in keys if name not in OF_OTHER]
    stack.read_by_compose()


TEXT = st.sampled_from(HARD := (
    "", " ", "a ", "- a", "#", "a #b", "a: b", "a:", ":", "?", "yes", "No", "null", "~", "1", "1.0", "1e3", "0x1f", "12:30:00", "2024-01-01",
    ".5", ".inf", "=", "<<", "!tag", "&a", "*a", "|", ">", "%", "@", "`", "{}", "[]", "'", '"', "\\", "\\n", "a\nb", "a\nb\n", "a\n\nb\n\n", "\n",
    " a\nb", "a \nb", "#a\nb", "a\n b\n", "a\r\nb", "a\tb", "\x00\x01\x7f\x85\xa0\u2028\ufeff", "é🐳\u202e", "$", "$$", "$A", "${A}", "${A:-b}", "$$$A", "---", "...",
    "x" * 1100, "x y " * 100,
)) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)  # fmt: skip
NODES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(TEXT, max_size=6).map(tuple)
        | st.dictionaries(TEXT, inner, max_size=3)
        | st.tuples(inner, st.lists(TEXT, max_size=2).map(tuple)).map(lambda pair: Noted(*pair))
    ),
    max_leaves=8,
)


def bare(node: Any) -> Any:
    """A node without its comments, as a reader of YAML gives it."""
    match node:
        case Noted(value):
            return bare(value)
        case dict():
            return {key: bare(value) for key, value in node.items()}
        case list() | tuple():
            return [bare(value) for value in node]
    return node


@given(st.dictionaries(TEXT, NODES, min_size=1, max_size=4), st.lists(TEXT, max_size=2))
@example({text: [text, (text, text), {text: text}] for text in HARD}, [*HARD])
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_yaml_reads_back_what_was_written(tree: dict[str, Any], head: list[str]) -> None:
    text = document(tree, head=head)
    assert yaml.safe_load(text) == bare(tree)


FULL = TEXT.filter(lambda text: bool(text) and "\0" not in text)
ANY = TEXT.filter(lambda text: "\0" not in text)
NAME = FULL.filter(
    lambda text: len(text) <= 1000 and "=" not in text and text.strip() != "" and not looks_secret(text)
)
"""Hypothesis also takes words of the code: the value of PASSWORD would become a variable."""
PATH = FULL.map(lambda text: text.replace("/", "").replace(".", "") or "x")


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Any]:
    """A stack with arbitrary text wherever a text may stand."""
    return {
        "services": {
            "web": {
                "image": draw(FULL),
                "command": draw(st.lists(ANY, max_size=3)),
                "entrypoint": draw(st.lists(FULL, max_size=2)),
                "environment": draw(st.dictionaries(NAME, ANY, max_size=3)),
                "labels": draw(st.dictionaries(NAME, ANY, max_size=2)),
                "user": draw(ANY),
                "working_dir": draw(ANY),
                "hostname": draw(ANY),
                "domainname": draw(ANY),
                "stop_signal": draw(ANY),
                "cap_add": draw(st.lists(FULL, max_size=2)),
                "volumes": [
                    {"type": "volume", "source": "data", "target": "/" + draw(PATH)},
                    {"type": "volume", "target": "/c/" + draw(PATH)},
                    {"type": "bind", "source": "./b/" + draw(PATH), "target": "/b/" + draw(PATH)},
                ],
                "healthcheck": {"test": ["CMD", *draw(st.lists(FULL, min_size=1, max_size=3))]},
                "networks": {"net": {"aliases": draw(st.lists(FULL, max_size=2))}},
            }
        },
        "networks": {
            "net": {
                "name": draw(FULL),
                "driver": draw(FULL),
                "driver_opts": draw(st.dictionaries(NAME, ANY, max_size=1)),
                "labels": draw(st.dictionaries(NAME, ANY, max_size=1)),
            }
        },
        "volumes": {"data": {"name": draw(FULL), "driver": draw(FULL)}},
    }


@given(trees())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_compose_reads_every_text_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, Any]
) -> None:
    stack = Given(literal(tree), tmp_path_factory.mktemp("shop"))
    there = stack.read_by_compose()
    want, web = tree["services"]["web"], there["services"]["web"]
    for key in ("image", "user", "working_dir", "hostname", "domainname", "stop_signal"):
        assert web.get(key, "") == want[key], key
    for key in ("command", "entrypoint"):
        assert web[key] == want[key]
    for key in ("environment", "labels"):
        assert web.get(key, {}) == want[key]
    assert web.get("cap_add", []) == [*dict.fromkeys(want["cap_add"])]
    assert web["healthcheck"]["test"] == want["healthcheck"]["test"]
    assert [each["target"] for each in web["volumes"]] == [each["target"] for each in want["volumes"]]
    aliases = (web["networks"]["net"] or {}).get("aliases", [])
    assert aliases == [*dict.fromkeys(want["networks"]["net"]["aliases"])]
    for kind, key in (("networks", "net"), ("volumes", "data")):
        for name, value in tree[kind][key].items():
            assert there[kind][key].get(name, {}) == value
