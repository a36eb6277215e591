"""A stack that was exported as a script, and imported from it, is the same stack: the script that it gives runs the same commands."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs
from written_script import Written, record, trees

from stackctl.convert.bash.shell import Word
from stackctl.convert.docker.flags import RUN, divide
from stackctl.convert.docker.service import service_table
from stackctl.convert.importing import Imported, import_script
from stackctl.planner.world.desired import DesiredContainer
from stackctl.spec.output.write import literal
from stackctl.teach.commands import _own

PASSWORD = "a@b:c/d e"
"""A password that is not itself in a URL."""


def imported(shop: Written) -> Imported:
    return import_script("run.sh", shop.text, env=True)


def again(shop: Written, directory: Path) -> Written:
    """The stack that a script becomes."""
    directory.mkdir()
    return Written(tomllib.loads(imported(shop).text), directory, **shop.environ)


def script(shop: Written) -> str:
    """The script, without the name of the directory."""
    return shop.text.replace(str(shop.directory.resolve()), "HERE")


def sayable(container: DesiredContainer, directory: Path) -> dict[str, Any]:
    """What a script can say of a container."""
    entrypoint, command = container.entrypoint, container.command or ()
    probes = [
        each
        for each in container.probes
        if getattr(each, "port", None) not in {p.target for p in container.ports}
    ]
    return {
        "name": container.name,
        "service": container.service,
        "kind": container.kind,
        "image": container.image,
        "argv": [entrypoint[:1] if entrypoint is not None else None, *(entrypoint or ())[1:], *command],
        "environment": container.environment,
        "ports": [(p.host_ip, p.published, p.target, p.protocol) for p in container.ports],
        "mounts": [
            structs.replace(m, source=m.source.replace(str(directory), "HERE")) for m in container.mounts
        ],
        "networks": container.networks,
        "network_mode": container.network_mode,
        "restart": (container.restart, container.restart_times),
        "grace": container.grace,
        "healthcheck": container.healthcheck,
        "needs": {(need.service, need.condition, need.required) for need in container.needs},
        "probes": probes,
        "labels": _own(container.labels),
    }


def assert_same(shop: Written, directory: Path) -> None:
    other = again(shop, directory)
    was, now = (
        [sayable(each, written.directory.resolve()) for each in written.containers]
        for written in (shop, other)
    )
    assert now == was
    assert script(other) == script(shop)


@given(trees())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_arbitrary_text_comes_back(tmp_path_factory: pytest.TempPathFactory, tree: dict[str, Any]) -> None:
    directory = tmp_path_factory.mktemp("shop")
    tree["services"]["web"]["image"] = "busybox"  # docker refuses other text, and so does the import
    tree["networks"]["net"]["name"], tree["volumes"]["data"]["name"] = "net-n", "data.v"
    assert_same(Written(literal(tree), directory), directory / "again")


NAMES = ("web", "db", "worker", "seed")
CHECKS: tuple[dict[str, Any], ...] = (
    {},
    {"healthcheck": {"tcp": 81}},
    {"healthcheck": {"http": ":81/health?x=1"}},
    {"healthcheck": {"log": r"ready \d+ (ok|fine)"}},
    {"healthcheck": {"test": "test -f /a && true", "interval": "5s", "retries": 2}},
    {"healthcheck": {"test": ["CMD", "test", "-f", "/a b"], "timeout": "1500ms", "start_period": "1m"}},
    {"healthcheck": {"test": ["CMD", "/bin/sh", "-c", "x"]}},
    {"healthcheck": {"disable": True}},
    {"healthcheck": {"interval": "2s"}},
)
PLACES: tuple[dict[str, Any], ...] = (
    {},
    {"networks": ["front"]},
    {"networks": {"front": {"aliases": ["x", "y"]}, "back": {}}},
    {"networks": {"default": {"aliases": ["z"]}}},
    {"networks": ["back", "shared"]},
    {"network_mode": "host"},
    {"network_mode": "none"},
)
IMAGES: tuple[dict[str, Any], ...] = (
    {"image": "busybox", "command": ["sleep", "1"]},
    {"image": "redis:7"},
    {"image": "postgres:15", "environment": {"POSTGRES_PASSWORD": PASSWORD, "POSTGRES_DB": "shop"}},
    {"build": "./ctx"},
    {"image": "me:1", "build": {"context": "./ctx", "dockerfile": "D", "target": "t", "args": {"A": "b c"}}},
    {"image": "busybox", "entrypoint": ["sh", "-c"], "command": ["echo $$HOME"], "pull_policy": "always"},
    {"image": "nginx", "entrypoint": "", "pull_policy": "never"},
)
MORE: tuple[dict[str, Any], ...] = (
    {},
    {"ports": ["8000:80", "0.0.0.0:53:53/udp", "[::1]:99:99", 7]},
    {"volumes": ["data:/d", "./x:/x:ro", "/cache", "~/h:/h:z"], "tmpfs": ["/run", "/t:size=1m"]},
    {"volumes": [{"type": "bind", "source": "./new dir", "target": "/n", "bind": {"create_host_path": True}}]},
    {"volumes": [{"type": "tmpfs", "target": "/t", "tmpfs": {"size": "1k", "mode": 0o700}}, "named:/d:nocopy"]},
    {"restart": "on-failure:3", "stop_grace_period": "1500ms", "init": False, "expose": [80]},
    {"container_name": "own-name", "hostname": "h", "user": "1:2", "cap_add": ["A"], "dns": ["1.1.1.1"], "shm_size": "1m"},
    {"labels": {"a.b": "c d"}, "extra_hosts": {"h": "host-gateway"}, "tty": True, "read_only": True, "pids_limit": 5},
    {"environment": {"URL": "${services.%.url}", "A": "b"}},
)  # fmt: skip


@st.composite
def stacks(draw: st.DrawFn) -> dict[str, Any]:
    """A stack of several services that wait for each other."""
    tree: dict[str, Any] = {
        "services": {},
        "jobs": {},
        "networks": {"front": {"driver_opts": {"a": "b"}}, "back": {"name": "backnet", "internal": True}, "shared": {"external": True}},
        "volumes": {"data": {}, "named": {"name": "its own", "labels": {"l": "m"}}},
    }  # fmt: skip
    before: dict[str, str] = {}
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True)):
        image, check, place, more = (draw(st.sampled_from(each)) for each in (IMAGES, CHECKS, PLACES, MORE))
        service = {**image, **check, **place, **more}
        if service.get("network_mode") in ("host", "none"):
            service.pop("ports", None)
        if "container_name" in service:
            service["container_name"] += f"-{name}"
        known = [other for other in before if "postgres" in str(tree["services"].get(other, {}).get("image"))]
        if "URL" in service.get("environment", {}):
            environment = {**service["environment"], "URL": f"${{services.{known[0]}.url}}" if known else "x"}
            service["environment"] = {**image.get("environment", {}), **environment}
        needs = draw(st.lists(st.sampled_from(sorted(before)), unique=True)) if before else []
        table = {}
        for other in needs:
            conditions = ["ready", "service_started"] if before[other] == "services" else ["ready"]
            if "test" in tree[before[other]][other].get("healthcheck", {}):
                conditions.append("service_healthy")
            table[other] = {"condition": draw(st.sampled_from(conditions)), "required": draw(st.booleans())}
        if table:
            service["depends_on"] = table
        section = draw(st.sampled_from(["services", "services", "jobs"]))
        if section == "jobs":
            service.pop("restart", None)
            service.pop("healthcheck", None)
        tree[section][name] = service
        before[name] = section
    return {key: table for key, table in tree.items() if table}


@given(stacks())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whole_stacks_come_back(tmp_path_factory: pytest.TempPathFactory, tree: dict[str, Any]) -> None:
    directory = tmp_path_factory.mktemp("shop")
    shop = Written(tree, directory, POSTGRES_PASSWORD=PASSWORD)
    assert_same(shop, directory / "again")


SCRIPTS = {
    "variables and quotes": """
P='a b'"'"'c'; IMAGE=${IMAGE:-busybox}
docker run -d --name one -e "A=$P" -e B="x y" -e C='$P' --label l="$P z" $IMAGE echo "$P" '*' \\$HOME
""",
    "loops": """
for i in 1 2 3; do docker run -d --name w$i -p 80$i:80 -e N=$i busybox; done
i=0; while [ $i -lt 2 ]; do docker run -d --name v$i busybox sleep $((i * 10)); i=$((i + 1)); done
""",
    "functions and arrays": """
start() { local name=$1; shift; docker run -d --name "$name" --network net "$@"; }
OPTIONS=(--restart always -v data:/d)
docker network create net
start a "${OPTIONS[@]}" busybox
start b -e X=1 busybox sh -c 'echo "$X" && sleep 1'
""",
    "branches": """
MODE=prod
if [ "$MODE" = prod ]; then docker run -d --name a --read-only busybox; else docker run -d --name dev busybox; fi
case $MODE in prod) docker run -d --name b busybox;; *) docker run -d --name c busybox;; esac
[ -z "$NONE" ] && docker run -d --name d busybox || docker run -d --name e busybox
""",
    "order, removal and errors": """
set -e
docker rm -f a b >/dev/null 2>&1 || true
docker stop a || :
docker network rm net 2>/dev/null || true
docker network create net && docker volume create data
docker run -d --name a --net net -v data:/data -v /etc/hosts:/h:ro busybox && sleep 0 && docker run -dit --name b \\
  --network=net -p127.0.0.1:81:81/udp --tmpfs /t busybox
docker ps
""",
    "builds and several networks": """
docker build -t me:1 -f ctx/D --build-arg V=1 ctx
docker network create front; docker network create back
docker create --name a --network front --network-alias x me:1
docker network connect --alias y back a
docker start a
""",
    "a heredoc and a substitution": """
NAME=$(echo shop)
read -r LINE <<END
no matter
END
docker run -d --name $NAME -h "$(echo host)" -w /w -u 1:2 --entrypoint sh busybox -c "echo $NAME"
""",
    "a check and a grace": """
docker run -d --name a --health-cmd 'test -f /a' --health-interval 5s --stop-timeout 3 --stop-signal INT --init busybox
docker run -d --name b --link a:alias --add-host h:1.2.3.4 --dns 1.1.1.1 --cap-add A --shm-size 1m busybox
""",
}


def made(calls: list[list[str]]) -> list[dict[str, Any]]:
    """What each container of the recorded calls is made with, without what is the stack's own: names, networks, and the init."""
    found = []
    for verb, *words in calls:
        divided = divide([Word(word, 0) for word in words], RUN)
        if verb not in ("run", "create") or divided.on("rm"):
            continue  # with --rm it is a question of the script that stackctl writes
        table = service_table(divided).values
        mounts = table.pop("volumes", [])
        volumes = [re.sub("^shop_", "", mount) for mount in mounts if isinstance(mount, str)]
        tmpfs = [*table.pop("tmpfs", []), *(mount["target"] for mount in mounts if isinstance(mount, dict))]
        for key in ("init", "networks"):
            table.pop(key, None)
        found.append({**table, "volumes": volumes, "tmpfs": tmpfs})
    return sorted(found, key=str)


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_makes_the_same_as_the_script_of_its_stack(text: str, tmp_path: Path) -> None:
    calls, _ = record(text, tmp_path)
    stack = tmp_path / "again"
    stack.mkdir()
    found = import_script("run.sh", text, env=True)
    shop = Written(tomllib.loads(found.text), stack, **found.variables)
    assert made(shop.run()[0]) == made(calls)
    assert made(calls)
