"""Each key of a service that the engine takes as it is: its line of the request, its option of `docker run`, and the way back."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import Struct, structs

from stackctl.convert.bash.shell import Word
from stackctl.convert.docker.flags import RUN, divide
from stackctl.convert.docker.service import service_table
from stackctl.engine.docker import bodies
from stackctl.planner.same.desired import container_thing
from stackctl.planner.steps.actions import CreateContainer
from stackctl.planner.world.desired import DesiredContainer
from stackctl.planner.world.observed import ImageConfig
from stackctl.spec import flags, plain_keys
from stackctl.spec.selection import Selection
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.teach.commands import Docker
from stackctl.teach.compose.file import compose
from stackctl.teach.from_nothing import from_nothing
from stackctl.teach.k8s.manifests import manifests

USUAL = "docker create --name shop-web-1 --network shop_default --network-alias web "


class Row(Struct, frozen=True):
    """`key` with its value in TOML; the line of the request; the options of `docker run`. `imported` is the value that `import`
    reads from the options, and `exported` the value in a compose.yaml, if they are not as in the file."""

    key: str
    value: str
    line: str
    sent: Any
    words: str
    imported: Any = None
    exported: Any = None


MB = 1024 * 1024
ROWS = (
    Row("hostname", '"www"', "Hostname", "www", "--hostname www"),
    Row("domainname", '"example.org"', "Domainname", "example.org", "--domainname example.org"),
    Row("user", '"1:2"', "User", "1:2", "--user 1:2"),
    Row("working_dir", '"/w"', "WorkingDir", "/w", "--workdir /w"),
    Row("stop_signal", '"SIGINT"', "StopSignal", "SIGINT", "--stop-signal SIGINT"),
    Row("tty", "true", "Tty", True, "--tty"),
    Row("stdin_open", "true", "OpenStdin", True, "--interactive"),
    Row("read_only", "true", "HostConfig.ReadonlyRootfs", True, "--read-only"),
    Row("privileged", "true", "HostConfig.Privileged", True, "--privileged"),
    Row("cap_add", '["NET_ADMIN"]', "HostConfig.CapAdd", ["NET_ADMIN"], "--cap-add NET_ADMIN"),
    Row("cap_drop", '["ALL"]', "HostConfig.CapDrop", ["ALL"], "--cap-drop ALL"),
    Row("extra_hosts", '{ a = "10.0.0.1" }', "HostConfig.ExtraHosts", ["a:10.0.0.1"], "--add-host a:10.0.0.1"),
    Row("dns", '["1.1.1.1"]', "HostConfig.Dns", ["1.1.1.1"], "--dns 1.1.1.1"),
    Row("shm_size", '"128m"', "HostConfig.ShmSize", 128 * MB, "--shm-size 128m"),
    Row("mem_limit", '"512m"', "HostConfig.Memory", 512 * MB, "--memory 512m"),
    Row("mem_reservation", '"256MB"', "HostConfig.MemoryReservation", 256 * MB, "--memory-reservation 256m", "256m", "256m"),
    Row("memswap_limit", "-1", "HostConfig.MemorySwap", -1, "--memory-swap -1", "-1", "-1"),
    Row("mem_swappiness", "0", "HostConfig.MemorySwappiness", 0, "--memory-swappiness 0"),
    Row("cpus", "1.5", "HostConfig.NanoCpus", 1_500_000_000, "--cpus 1.5", None, "1.5"),
    Row("cpu_shares", "512", "HostConfig.CpuShares", 512, "--cpu-shares 512"),
    Row("cpu_period", '"50ms"', "HostConfig.CpuPeriod", 50_000, "--cpu-period 50000", 50_000, "50000"),
    Row("cpu_quota", "-1", "HostConfig.CpuQuota", -1, "--cpu-quota -1", None, "-1"),
    Row("cpu_rt_period", "10000", "HostConfig.CpuRealtimePeriod", 10_000, "--cpu-rt-period 10000", None, "10000"),
    Row("cpu_rt_runtime", "5000", "HostConfig.CpuRealtimeRuntime", 5_000, "--cpu-rt-runtime 5000", None, "5000"),
    Row("cpuset", '"0-1"', "HostConfig.CpusetCpus", "0-1", "--cpuset-cpus 0-1"),
    Row("cpu_count", "2", "HostConfig.CpuCount", 2, "--cpu-count 2"),
    Row("cpu_percent", "50", "HostConfig.CpuPercent", 50, "--cpu-percent 50"),
    Row("pids_limit", "64", "HostConfig.PidsLimit", 64, "--pids-limit 64"),
    Row("blkio_config.weight", "300", "HostConfig.BlkioWeight", 300, "--blkio-weight 300"),
    Row("blkio_config.weight_device", '[{ path = "/dev/sda", weight = 20 }]', "HostConfig.BlkioWeightDevice", [{"Path": "/dev/sda", "Weight": 20}], "--blkio-weight-device /dev/sda:20"),
    Row("blkio_config.device_read_bps", '[{ path = "/dev/sda", rate = "1mb" }]', "HostConfig.BlkioDeviceReadBps", [{"Path": "/dev/sda", "Rate": MB}], f"--device-read-bps /dev/sda:{MB}", [{"path": "/dev/sda", "rate": MB}], [{"path": "/dev/sda", "rate": "1m"}]),
    Row("blkio_config.device_read_iops", '[{ path = "/dev/sda", rate = 10 }]', "HostConfig.BlkioDeviceReadIOps", [{"Path": "/dev/sda", "Rate": 10}], "--device-read-iops /dev/sda:10", None, [{"path": "/dev/sda", "rate": "10b"}]),
    Row("blkio_config.device_write_bps", '[{ path = "/dev/sda", rate = 10 }]', "HostConfig.BlkioDeviceWriteBps", [{"Path": "/dev/sda", "Rate": 10}], "--device-write-bps /dev/sda:10", None, [{"path": "/dev/sda", "rate": "10b"}]),
    Row("blkio_config.device_write_iops", '[{ path = "/dev/sda", rate = 10 }]', "HostConfig.BlkioDeviceWriteIOps", [{"Path": "/dev/sda", "Rate": 10}], "--device-write-iops /dev/sda:10", None, [{"path": "/dev/sda", "rate": "10b"}]),
    Row("ulimits", "{ nproc = 65535, nofile = { soft = 1024, hard = 2048 } }", "HostConfig.Ulimits", [{"Name": "nofile", "Soft": 1024, "Hard": 2048}, {"Name": "nproc", "Soft": 65535, "Hard": 65535}], "--ulimit nproc=65535 --ulimit nofile=1024:2048", None, {"nproc": {"soft": 65535, "hard": 65535}, "nofile": {"soft": 1024, "hard": 2048}}),
    Row("oom_kill_disable", "true", "HostConfig.OomKillDisable", True, "--oom-kill-disable"),
    Row("oom_score_adj", "-500", "HostConfig.OomScoreAdj", -500, "--oom-score-adj -500"),
    Row("dns_search", '["example.org"]', "HostConfig.DnsSearch", ["example.org"], "--dns-search example.org"),
    Row("dns_opt", '["ndots:1"]', "HostConfig.DnsOptions", ["ndots:1"], "--dns-opt ndots:1"),
    Row("mac_address", '"02:42:ac:11:00:09"', "MacAddress", "02:42:ac:11:00:09", "--mac-address 02:42:ac:11:00:09"),
    Row("logging.driver", '"local"', "HostConfig.LogConfig.Type", "local", "--log-driver local"),
    Row("logging.options", '{ max-size = "10m", max-file = 3 }', "HostConfig.LogConfig.Config", {"max-size": "10m", "max-file": "3"}, "--log-opt max-size=10m --log-opt max-file=3", {"max-size": "10m", "max-file": "3"}, {"max-size": "10m", "max-file": "3"}),
    Row("security_opt", '["no-new-privileges", "label=disable"]', "HostConfig.SecurityOpt", ["no-new-privileges", "label=disable"], "--security-opt no-new-privileges --security-opt label=disable"),
    Row("devices", '["/dev/fuse", "/dev/null:/dev/nix:r"]', "HostConfig.Devices", [{"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/fuse", "CgroupPermissions": "rwm"}, {"PathOnHost": "/dev/null", "PathInContainer": "/dev/nix", "CgroupPermissions": "r"}], "--device /dev/fuse --device /dev/null:/dev/nix:r", None, ["/dev/fuse", "/dev/null:/dev/nix:r"]),
    Row("device_cgroup_rules", '["c 1:3 mr"]', "HostConfig.DeviceCgroupRules", ["c 1:3 mr"], "--device-cgroup-rule 'c 1:3 mr'"),
    Row("gpus", '[{ device_ids = ["0", "3"], capabilities = ["utility", "gpu"], driver = "nvidia" }]', "HostConfig.DeviceRequests", [{"Driver": "nvidia", "Count": 0, "DeviceIDs": ["0", "3"], "Capabilities": [["utility", "gpu"]], "Options": {}}], "--gpus 'driver=nvidia,\"device=0,3\",capabilities=utility'", [{"device_ids": ["0", "3"], "capabilities": ["utility"], "driver": "nvidia"}]),
    Row("sysctls", '{ "net.core.somaxconn" = 1024 }', "HostConfig.Sysctls", {"net.core.somaxconn": "1024"}, "--sysctl net.core.somaxconn=1024", {"net.core.somaxconn": "1024"}, {"net.core.somaxconn": "1024"}),
    Row("group_add", '["mail", 1000]', "HostConfig.GroupAdd", ["mail", "1000"], "--group-add mail --group-add 1000", ["mail", "1000"], ["mail", "1000"]),
    Row("uts", '"host"', "HostConfig.UTSMode", "host", "--uts host"),
    Row("userns_mode", '"host"', "HostConfig.UsernsMode", "host", "--userns host"),
    Row("cgroup", '"host"', "HostConfig.CgroupnsMode", "host", "--cgroupns host"),
    Row("cgroup_parent", '"/m"', "HostConfig.CgroupParent", "/m", "--cgroup-parent /m"),
    Row("isolation", '"hyperv"', "HostConfig.Isolation", "hyperv", "--isolation hyperv"),
    Row("runtime", '"runsc"', "HostConfig.Runtime", "runsc", "--runtime runsc"),
    Row("storage_opt", '{ size = "1G" }', "HostConfig.StorageOpt", {"size": "1G"}, "--storage-opt size=1G"),
    Row("annotations", '{ "a.b" = "c" }', "HostConfig.Annotations", {"a.b": "c"}, "--annotation a.b=c"),
)  # fmt: skip
AS_ANOTHER = {
    "deploy.resources.limits.cpus": "cpus",
    "deploy.resources.limits.memory": "mem_limit",
    "deploy.resources.limits.pids": "pids_limit",
    "deploy.resources.reservations.memory": "mem_reservation",
    "deploy.resources.reservations.devices": "gpus",
}
"""Keys that say the same as another key."""


class Given:
    """A stack of one service, with one key."""

    def __init__(self, line: str, directory: Path) -> None:
        (directory / "stack.toml").write_text(f'[services.web]\nimage = "busybox"\n{line}\n')
        request = StackRequest(files=[directory / "stack.toml"], directory=directory, environ={}, name="shop")
        self.stack = read(request)
        self.desired = from_nothing(self.stack, Selection())[0].desired

    @property
    def web(self) -> DesiredContainer:
        (container,) = self.desired.containers
        return container

    @property
    def body(self) -> dict[str, Any]:
        return bodies.container(self.web, api=(1, 43), image=ImageConfig())

    @property
    def command(self) -> str:
        line = Docker(self.stack, api=(1, 51)).command(CreateContainer(self.web, "shop-web-1"))
        assert line is not None
        return shlex.join(line.argv)


def at(tree: Any, dotted: str) -> Any:
    for name in dotted.split("."):
        tree = tree[name]
    return tree


@pytest.mark.parametrize("row", ROWS, ids=[row.key for row in ROWS])
def test_a_plain_key_has_one_meaning_everywhere(row: Row, tmp_path: Path) -> None:
    given = Given(f"{row.key} = {row.value}", tmp_path)
    assert at(given.body, row.line) == row.sent
    assert given.command == f"{USUAL}{row.words} --init busybox"
    words = [Word(text, place) for place, text in enumerate([*shlex.split(row.words), "busybox"])]
    divided = divide(words, RUN)
    table = service_table(divided)
    assert [*divided.wrong, *table.notes] == []
    value = toml_value(row)
    assert at(table.values, row.key) == (value if row.imported is None else row.imported)
    text = compose(given.stack, given.desired, source="stack.toml")
    assert at(yaml.safe_load(text)["services"]["web"], row.key) == (
        value if row.exported is None else row.exported
    )


@pytest.mark.parametrize("row", ROWS, ids=[row.key for row in ROWS])
def test_a_plain_key_makes_another_container(row: Row, tmp_path: Path) -> None:
    with_key, without = Given(f"{row.key} = {row.value}", tmp_path).web, Given("", tmp_path).web
    assert with_key.fields.keys() - without.fields.keys() == {row.key}
    if row.key not in UNTOLD:
        assert container_thing(with_key).values.keys() > container_thing(without).values.keys()


@pytest.mark.parametrize("row", ROWS, ids=[row.key for row in ROWS])
def test_a_plain_key_is_said_to_kubernetes_or_told_as_lost(row: Row, tmp_path: Path) -> None:
    def kubernetes(line: str) -> tuple[str, list[str]]:
        given = Given(line, tmp_path)
        made = manifests(given.stack, given.desired, lambda _: None)
        return structs.replace(made, lost=()).text("stack.toml"), [each.where for each in made.lost]

    with_key, without = kubernetes(f"{row.key} = {row.value}"), kubernetes("")
    lost = any(
        f"services.web.{row.key}.".startswith(f"{where}.") or where.startswith(f"services.web.{row.key}[")
        for where in with_key[1]
    )
    assert lost or with_key[0] != without[0] or row.key in NO_LIMIT


NO_LIMIT = frozenset({"userns_mode", "cpu_period", "cpu_quota"})
"""Keys whose value here asks for what a Pod has anyway: the users of its node, and processors without a limit."""
UNTOLD = frozenset({"mem_swappiness"})
"""Keys of which an engine does not tell whether somebody has asked for that value."""


def test_no_plain_key_is_forgotten() -> None:
    told = {row.key for row in ROWS}
    assert told == {*plain_keys.bodies()}
    assert {".".join(key) for key in flags.by_key() if flags.by_key()[key].plain} == told | AS_ANOTHER.keys()


@pytest.mark.parametrize(("key", "same"), AS_ANOTHER.items())
def test_a_key_of_deploy_says_the_same_as_a_key_of_the_service(key: str, same: str, tmp_path: Path) -> None:
    (row,) = (row for row in ROWS if row.key == same)
    long, short = Given(f"{key} = {row.value}", tmp_path), Given(f"{same} = {row.value}", tmp_path)
    assert long.body["HostConfig"] == short.body["HostConfig"]
    assert (long.command, long.web.digest) == (short.command, short.web.digest)
    if isinstance(row.sent, list):
        return
    both = Given(f"{key} = {row.value}\n{same} = {row.value}", tmp_path)
    assert (both.command, both.web.digest) == (short.command, short.web.digest)
    text = compose(long.stack, long.desired, source="stack.toml")
    assert at(yaml.safe_load(text)["services"]["web"], key) == (row.exported or toml_value(row))


def toml_value(row: Row) -> Any:
    return tomllib.loads(f"value = {row.value}")["value"]
