"""What is written reads back to the same."""

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from stackctl.spec.model import (
    BindOptions,
    Build,
    Condition,
    Dependency,
    EnvFile,
    Healthcheck,
    Job,
    Mount,
    Network,
    NetworkUse,
    Port,
    PullPolicy,
    Service,
    Stack,
    TmpfsOptions,
    Volume,
    VolumeOptions,
)
from stackctl.spec.output.write import plain, toml, understood
from stackctl.spec.source import reading as files
from stackctl.spec.source.request import StackRequest
from stackctl.spec.structure import structure
from stackctl.spec.text.interpolate import Lookup, interpolate
from stackctl.spec.text.parts import Text
from stackctl.spec.values import (
    Address,
    ByteSize,
    Command,
    Duration,
    ExposedPorts,
    HealthTest,
    HttpTarget,
    NetworkMode,
    Pattern,
    PortRange,
    Restart,
    Tmpfs,
    Variable,
)

ROOT = Path(__file__).parents[2]

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
names = st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,8}", fullmatch=True)
keys = texts.filter(lambda text: text and "=" not in text and not text.startswith("x-"))
words = st.lists(texts, max_size=3).map(tuple)
commands = words.map(Command)
durations = st.builds(
    "{}{}".format, st.integers(0, 10**7), st.sampled_from(["us", "ms", "s", "m", "h", "d"])
).map(Duration.parse)
sizes = st.integers(0, 1 << 50).map(ByteSize)
variables = st.dictionaries(keys, st.builds(Variable, st.none() | texts), max_size=3)
labels = st.dictionaries(keys, texts.map(Text), max_size=2)
port_numbers = st.integers(1, 65000)
ranges = st.builds(lambda first, more: PortRange(first, first + more), port_numbers, st.integers(0, 3))
addresses = st.sampled_from(["127.0.0.1", "0.0.0.0", "::1", "fd00::1"]).map(Address)


def optional(values: st.SearchStrategy) -> st.SearchStrategy:
    return st.none() | values


def right(value: object) -> bool:
    """Whether the reader would accept it: nothing is wrong between its fields."""
    return not list(value.check())  # type: ignore[attr-defined]


paths = texts.map("/{}".format)
ports = st.builds(
    Port,
    target=ranges,
    published=optional(ranges),
    host_ip=optional(addresses),
    protocol=st.sampled_from(["tcp", "udp", "sctp"]),
).filter(right)
mounts = st.one_of(
    st.builds(
        Mount,
        type=st.just("volume"),
        source=optional(texts.filter(bool)),
        target=paths,
        read_only=st.booleans(),
        volume=optional(st.builds(VolumeOptions, nocopy=st.booleans())),
    ),
    st.builds(
        Mount,
        type=st.just("bind"),
        source=texts.map("./{}".format),
        target=paths,
        read_only=st.booleans(),
        bind=optional(
            st.builds(BindOptions, create_host_path=st.booleans(), selinux=st.sampled_from([None, "z"]))
        ),
    ),
    st.builds(
        Mount,
        type=st.just("tmpfs"),
        target=paths,
        tmpfs=optional(st.builds(TmpfsOptions, size=optional(sizes), mode=optional(st.integers(0, 0o7777)))),
    ),
)
healthchecks = st.builds(
    Healthcheck,
    test=optional(
        st.one_of(texts.map(lambda t: HealthTest(("CMD-SHELL", t))), st.just(HealthTest(("NONE",))))
    ),
    tcp=optional(port_numbers),
    http=optional(st.builds(HttpTarget, port_numbers, st.just("/health?a=$b"))),
    log=optional(st.just(Pattern(r"ready to accept$"))),
    interval=optional(durations),
    retries=optional(st.integers(0, 9)),
    start_period=optional(durations),
    disable=st.booleans(),
).filter(right)
fields = {
    "image": texts,
    "build": optional(
        st.builds(Build, context=texts.filter(bool), target=optional(texts), args=variables).filter(right)
    ),
    "pull_policy": optional(
        st.sampled_from(["always", "missing", "never", "build", "daily", "every_1h30m"]).map(PullPolicy.parse)
    ),
    "command": optional(commands),
    "entrypoint": optional(commands),
    "environment": variables,
    "env_file": st.lists(st.builds(EnvFile, path=texts.filter(bool), required=st.booleans()), max_size=2).map(
        tuple
    ),
    "ports": st.lists(ports, max_size=3).map(tuple),
    "expose": st.lists(
        st.builds("{}{}".format, ranges, st.sampled_from(["", "/tcp", "/udp"])).map(ExposedPorts), max_size=2
    ).map(tuple),
    "volumes": st.lists(mounts, max_size=3, unique_by=lambda mount: mount.target).map(tuple),
    "tmpfs": st.lists(
        st.builds(
            Tmpfs, st.integers(0, 9).map("/in memory {}".format), st.sampled_from(["", "size=1024,noexec"])
        ),
        max_size=2,
        unique_by=lambda tmpfs: tmpfs.path,
    ).map(tuple),
    "depends_on": st.dictionaries(
        texts, st.builds(Dependency, condition=st.sampled_from(Condition), required=st.booleans()), max_size=2
    ),
    "healthcheck": optional(healthchecks),
    "restart": st.sampled_from(["no", "always", "unless-stopped", "on-failure", "on-failure:3"]).map(
        Restart.parse
    ),
    "init": optional(st.booleans()),
    "labels": labels,
    "networks": st.dictionaries(texts, st.builds(NetworkUse, aliases=words), max_size=2),
    "extra_hosts": labels,
    "domainname": optional(texts),
    "pids_limit": optional(st.integers(-1, 1000)),
    "dns": optional(st.lists(addresses, max_size=2).map(tuple)),
    "user": optional(texts.map(Text)),
    "stop_grace_period": optional(durations),
    "profiles": words,
    "tty": st.booleans(),
    "shm_size": optional(sizes),
}
services = st.builds(Service, **fields)
jobs = st.builds(Job, **fields, inputs=words)
stacks = st.builds(
    Stack,
    name=optional(texts),
    services=st.dictionaries(names.map("s{}".format), services, max_size=2),
    jobs=st.dictionaries(names.map("j{}".format), jobs, max_size=1),
    networks=st.dictionaries(names, st.builds(Network, internal=st.booleans(), labels=labels), max_size=2),
    volumes=st.dictionaries(
        names, st.builds(Volume, name=optional(texts), protect=st.booleans()), max_size=2
    ),
)


def read(text: str) -> Stack | None:
    tree, unset = interpolate(tomllib.loads(text), Lookup())
    stack, problems = structure(Stack, tree)
    assert (unset, problems) == ([], [])
    return stack


@settings(deadline=None)
@given(stacks)
def test_toml_reads_back_to_the_same_stack(stack: Stack) -> None:
    assert read(toml(plain(stack, short=True))) == stack
    assert read(toml(plain(stack))) == stack


@settings(deadline=None)
@given(stacks)
def test_json_reads_back_to_the_same_stack(stack: Stack) -> None:
    assert structure(Stack, json.loads(json.dumps(plain(stack)))) == (stack, [])


@pytest.mark.parametrize("mode", ["host", "service:db", "container:x"])
def test_network_modes(mode: str) -> None:
    service = Service(image="i", network_mode=NetworkMode(mode))
    assert plain(service) == {"image": "i", "network_mode": mode}


def test_short_forms_are_those_that_people_write() -> None:
    written = {
        "image": "nginx",
        "build": "./web",
        "ports": [80, "8000:80", "127.0.0.1:8000:80/udp", "[::1]::80", "9000-9001:90-91"],
        "volumes": ["data:/data", "./src:/app:ro", "/cache"],
        "depends_on": ["db"],
        "networks": ["front"],
    }
    service, problems = structure(Service, written)
    assert problems == []
    assert plain(service, short=True) == written


def test_what_has_no_short_form_keeps_its_table() -> None:
    volume = Mount(type="volume", source="./looks-like-a-path", target="/data")
    assert plain(volume, short=True) == {"type": "volume", "source": "./looks-like-a-path", "target": "/data"}
    dependencies = {"db": {"condition": "service_started"}, "cache": {}}
    service, _ = structure(Service, {"image": "x", "depends_on": dependencies})
    assert plain(service, short=True)["depends_on"] == dependencies


@pytest.mark.parametrize(
    "spec",
    ["stack.toml", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("examples/*/stack*.toml"))],
)
def test_the_stacks_of_this_repository_are_understood_as_they_are_read(spec: str, tmp_path: Path) -> None:
    def load(file: Path) -> Stack:
        return files.read(
            StackRequest(
                files=[file],
                directory=ROOT,
                environ={"POSTGRES_PASSWORD": "a$b"},
                strict=False,
                project_directory=(ROOT / spec).parent,
            )
        )

    stack = load(ROOT / spec)
    copy = tmp_path / "stack.toml"
    copy.write_text(toml(plain(understood(stack), short=True)))
    again = load(copy)
    assert structs.replace(again, files=(), sources=()) == structs.replace(
        understood(stack), files=(), sources=()
    )
    assert [each.resolved for each in again.everything.values()] == [
        each.resolved for each in stack.everything.values()
    ]
