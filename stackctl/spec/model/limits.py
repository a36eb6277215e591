"""How much of the machine a container may use."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from msgspec import Struct

from stackctl.spec.model.deploy import Deploy
from stackctl.spec.model.keys import Check, key
from stackctl.spec.structure import Annotated
from stackctl.spec.values import ByteSize, Cpus, Microseconds, SwapSize

_Line = list[dict[str, Any]]


class Ulimit(Struct, frozen=True, kw_only=True):
    """A limit of setrlimit(2), such as `nofile`. `nofile = 1024` gives both values; -1 means no limit."""

    soft: Annotated[int, key("What a process has. The process may raise it up to the hard limit.")]
    hard: Annotated[int, key("The most that a process can ask for.")]

    SHORT: ClassVar[dict[str, Any]] = {"type": "integer"}

    @classmethod
    def short(cls, value: object) -> dict[str, Any]:
        if isinstance(value, int) and not isinstance(value, bool):
            return {"soft": value, "hard": value}
        raise ValueError(f"expected a number or {{ soft = …, hard = … }}, found {value!r}")

    @classmethod
    def from_flag(cls, text: str) -> object:
        """The value in a file of the value of `--ulimit`: `1024`, `1024:2048`."""
        soft, _, hard = text.partition(":")
        if not (soft.lstrip("-").isdigit() and (hard or soft).lstrip("-").isdigit()):
            return text
        return {"soft": int(soft), "hard": int(hard)} if hard and hard != soft else int(soft)

    def __str__(self) -> str:
        return str(self.soft) if self.soft == self.hard else f"{self.soft}:{self.hard}"

    def check(self) -> Check:
        if self.soft < -1 or self.hard < -1:
            yield (), f"a number, or -1 for no limit, found {self}", ""
        elif self.hard != -1 and (self.soft == -1 or self.soft > self.hard):
            yield (), f"the soft limit {self.soft} is above the hard limit {self.hard}", "exchange the two"


def _ulimits(table: Mapping[str, Ulimit]) -> _Line:
    return [{"Name": name, "Soft": limit.soft, "Hard": limit.hard} for name, limit in sorted(table.items())]


class DeviceRate(Struct, frozen=True, kw_only=True):
    """How much a container may read from or write to a device in a second."""

    path: Annotated[str, key("The device: /dev/sda.")]
    rate: Annotated[ByteSize, key("Bytes a second, or operations a second.")]

    def __str__(self) -> str:
        return f"{self.path}:{self.rate.bytes}"

    @staticmethod
    def from_flag(text: str) -> object:
        """The value in a file of the value of `--device-read-bps`: `/dev/sda:1mb`."""
        path, _, rate = text.rpartition(":")
        return {"path": path, "rate": int(rate) if rate.isdigit() else rate}


class DeviceWeight(Struct, frozen=True, kw_only=True):
    """The share of a container in the time of a device."""

    path: Annotated[str, key("The device: /dev/sda.")]
    weight: Annotated[int, key("From 10 to 1000.")]

    def __str__(self) -> str:
        return f"{self.path}:{self.weight}"

    @staticmethod
    def from_flag(text: str) -> object:
        """The value in a file of the value of `--blkio-weight-device`: `/dev/sda:200`."""
        path, _, weight = text.rpartition(":")
        return {"path": path, "weight": int(weight) if weight.isdigit() else weight}


def _rates(items: tuple[DeviceRate, ...]) -> _Line:
    return [{"Path": item.path, "Rate": item.rate.bytes} for item in items]


def _weights(items: tuple[DeviceWeight, ...]) -> _Line:
    return [{"Path": item.path, "Weight": item.weight} for item in items]


class BlkioConfig(Struct, frozen=True, kw_only=True):
    """How much of the block devices of the machine a container may use."""

    weight: Annotated[
        int | None,
        key(
            "Its share of the time of every device, from 10 to 1000.",
            body="HostConfig.BlkioWeight",
            flag="blkio-weight",
        ),
    ] = None
    weight_device: Annotated[
        tuple[DeviceWeight, ...],
        key(
            "Its share of the time of one device.",
            body="HostConfig.BlkioWeightDevice",
            flag="blkio-weight-device",
            sent=_weights,
            imported=DeviceWeight.from_flag,
        ),
    ] = ()
    device_read_bps: Annotated[
        tuple[DeviceRate, ...],
        key(
            "Bytes a second that it may read from a device.",
            body="HostConfig.BlkioDeviceReadBps",
            flag="device-read-bps",
            sent=_rates,
            imported=DeviceRate.from_flag,
        ),
    ] = ()
    device_read_iops: Annotated[
        tuple[DeviceRate, ...],
        key(
            "Reads a second from a device.",
            body="HostConfig.BlkioDeviceReadIOps",
            flag="device-read-iops",
            sent=_rates,
            imported=DeviceRate.from_flag,
        ),
    ] = ()
    device_write_bps: Annotated[
        tuple[DeviceRate, ...],
        key(
            "Bytes a second that it may write to a device.",
            body="HostConfig.BlkioDeviceWriteBps",
            flag="device-write-bps",
            sent=_rates,
            imported=DeviceRate.from_flag,
        ),
    ] = ()
    device_write_iops: Annotated[
        tuple[DeviceRate, ...],
        key(
            "Writes a second to a device.",
            body="HostConfig.BlkioDeviceWriteIOps",
            flag="device-write-iops",
            sent=_rates,
            imported=DeviceRate.from_flag,
        ),
    ] = ()

    def check(self) -> Check:
        if self.weight is not None and not 10 <= self.weight <= 1000:
            yield ("weight",), f"a weight goes from 10 to 1000, found {self.weight}", ""


class Limits(Struct, frozen=True, kw_only=True):
    """The keys of a service that limit what its container uses."""

    mem_limit: Annotated[
        ByteSize | None,
        key("The most memory; beyond it a process is killed.", body="HostConfig.Memory", flag="memory"),
    ] = None
    mem_reservation: Annotated[
        ByteSize | None,
        key(
            "The memory that it keeps when the machine runs short.",
            body="HostConfig.MemoryReservation",
            flag="memory-reservation",
        ),
    ] = None
    memswap_limit: Annotated[
        SwapSize | None,
        key(
            "Memory and swap together; -1 for any amount of swap (twice mem_limit).",
            body="HostConfig.MemorySwap",
            flag="memory-swap",
            sent=lambda size: size.bytes,
        ),
    ] = None
    mem_swappiness: Annotated[
        int | None,
        key(
            "How readily its memory is swapped out, from 0 to 100.",
            body="HostConfig.MemorySwappiness",
            flag="memory-swappiness",
            zero=True,
        ),
    ] = None
    cpus: Annotated[
        Cpus | None,
        key(
            "The most processors, such as 1.5.",
            body="HostConfig.NanoCpus",
            flag="cpus",
            sent=lambda cpus: cpus.nano,
            imported=Cpus.from_flag,
        ),
    ] = None
    cpu_shares: Annotated[
        int | None,
        key("Its share when the processors are busy (1024).", body="HostConfig.CpuShares", flag="cpu-shares"),
    ] = None
    cpu_period: Annotated[
        Microseconds | None,
        key(
            "The period of cpu_quota in microseconds (100000).",
            body="HostConfig.CpuPeriod",
            flag="cpu-period",
            sent=lambda time: time.count,
            imported=Microseconds.from_flag,
        ),
    ] = None
    cpu_quota: Annotated[
        Microseconds | None,
        key(
            "Microseconds of processor time in each period.",
            body="HostConfig.CpuQuota",
            flag="cpu-quota",
            sent=lambda time: time.count,
            imported=Microseconds.from_flag,
        ),
    ] = None
    cpu_rt_period: Annotated[
        Microseconds | None,
        key(
            "The period of cpu_rt_runtime in microseconds.",
            body="HostConfig.CpuRealtimePeriod",
            flag="cpu-rt-period",
            sent=lambda time: time.count,
            imported=Microseconds.from_flag,
        ),
    ] = None
    cpu_rt_runtime: Annotated[
        Microseconds | None,
        key(
            "Microseconds of real-time processor time in each period.",
            body="HostConfig.CpuRealtimeRuntime",
            flag="cpu-rt-runtime",
            sent=lambda time: time.count,
            imported=Microseconds.from_flag,
        ),
    ] = None
    cpuset: Annotated[
        str | None,
        key("The processors it may use: 0-3, 0,1.", body="HostConfig.CpusetCpus", flag="cpuset-cpus"),
    ] = None
    cpu_count: Annotated[
        int | None,
        key("The number of processors (Windows).", body="HostConfig.CpuCount", flag="cpu-count"),
    ] = None
    cpu_percent: Annotated[
        int | None,
        key(
            "The share of the processors in percent (Windows).",
            body="HostConfig.CpuPercent",
            flag="cpu-percent",
        ),
    ] = None
    pids_limit: Annotated[
        int | None,
        key(
            "The most processes and threads it may have; -1 for any number.",
            body="HostConfig.PidsLimit",
            flag="pids-limit",
        ),
    ] = None
    blkio_config: Annotated[BlkioConfig | None, key("Limits of reading and writing of block devices.")] = None
    ulimits: Annotated[
        Mapping[str, Ulimit],
        key(
            "Limits of each process, such as nofile.",
            body="HostConfig.Ulimits",
            flag="ulimit",
            sent=_ulimits,
            imported=Ulimit.from_flag,
        ),
    ] = {}
    oom_kill_disable: Annotated[
        bool,
        key(
            "Do not kill its processes when memory runs out.",
            body="HostConfig.OomKillDisable",
            flag="oom-kill-disable",
        ),
    ] = False
    oom_score_adj: Annotated[
        int | None,
        key(
            "How soon it is killed when the machine has no memory, from -1000 (never) to 1000.",
            body="HostConfig.OomScoreAdj",
            flag="oom-score-adj",
        ),
    ] = None

    deploy: Annotated[
        Deploy | None,
        key("The number of containers, limits and restarts, as Compose writes them for a Swarm."),
    ] = None

    def wrong_limits(self) -> Check:
        """The mistakes between and in the limits."""
        if self.pids_limit is not None and self.pids_limit < -1:
            yield ("pids_limit",), f"a number of processes, or -1, found {self.pids_limit}", ""
        for name, least, most in (("mem_swappiness", 0, 100), ("oom_score_adj", -1000, 1000)):
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                yield (name,), f"a number from {least} to {most}, found {value}", ""
        if self.cpus and (self.cpu_quota or self.cpu_period):
            yield ("cpus",), "cpus sets cpu_quota and cpu_period, and these are given, too", "keep cpus alone"
        yield from self._contradictions()
        memory = self.mem_limit or (self.deploy and self.deploy.limits.memory)
        if memory and self.memswap_limit and 0 < self.memswap_limit.bytes < memory.bytes:
            yield (
                ("memswap_limit",),
                f"memory and swap together, {self.memswap_limit}, are less than the memory, {memory}",
                "give at least the memory",
            )
        if memory and self.mem_reservation and self.mem_reservation.bytes > memory.bytes:
            yield (
                ("mem_reservation",),
                f"more memory, {self.mem_reservation}, than the limit, {memory}",
                "give at most the limit",
            )

    def _contradictions(self) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
        """A problem for each limit that two keys give, with different values."""
        if self.deploy is None:
            return
        limits, reserved = self.deploy.limits, self.deploy.reservations
        for name, place, other in (
            ("mem_limit", "limits.memory", limits.memory),
            ("cpus", "limits.cpus", limits.cpus),
            ("pids_limit", "limits.pids", limits.pids),
            ("mem_reservation", "reservations.memory", reserved.memory),
        ):
            own = getattr(self, name)
            if own is not None and other is not None and own != other:
                there = f"deploy.resources.{place}"
                yield (name,), f"{name} is {own}, and {there} is {other}", "keep one of the two"
