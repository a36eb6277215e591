"""What a key of a service comes to in its container, as a program there finds it."""

from __future__ import annotations

import pytest
from scenario import NOTHING, Project, sleepers

pytestmark = pytest.mark.docker


def test_options_of_a_tmpfs_must_be_those_of_its_mount(project: Project) -> None:
    project.write(sleepers(web='tmpfs = ["/run/app:size=64m,mode=750,uid=1000,noexec", "/scratch"]'))
    project.run("up")
    mounts = project.run(
        "exec", "web", "grep", "tmpfs /\\(run/app\\|scratch\\)", "/proc/mounts"
    ).stdout.splitlines()
    [app] = [line for line in mounts if " /run/app " in line]
    assert {"size=65536k", "mode=750", "uid=1000", "noexec"} <= set(app.split()[3].split(","))
    assert len(mounts) == 2
    assert project.json("plan")["changes"] == []


def test_a_domain_must_be_that_of_the_containers_name(project: Project) -> None:
    project.write(sleepers(web='hostname = "www"\ndomainname = "example.org"'))
    project.run("up")
    assert project.inside("web", "cat", "/proc/sys/kernel/domainname").strip() == "example.org"
    assert "www.example.org" in project.inside("web", "cat", "/etc/hosts")
    assert project.json("plan")["changes"] == []


def test_a_limit_of_processes_must_hold_in_the_container(project: Project) -> None:
    project.write(sleepers(web="pids_limit = 64"))
    project.run("up")
    files = "cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null || true"
    assert project.inside("web", "sh", "-c", files).strip() in (
        "64",
        "",
    )  # nothing where no cgroup is mounted
    assert project.inspect("web")["HostConfig"]["PidsLimit"] == 64
    assert project.json("plan")["changes"] == []


def test_name_servers_must_be_those_that_the_container_asks(project: Project) -> None:
    project.write(sleepers(web='network_mode = "bridge"\ndns = "192.0.2.53"'))
    project.run("up")
    assert "nameserver 192.0.2.53" in project.inside("web", "cat", "/etc/resolv.conf")
    assert project.json("plan")["changes"] == []


MANY = """
[services.donor]
image = "busybox"
command = "sleep infinity"
ipc = "shareable"
volumes = ["/shared"]
stop_grace_period = "0s"
[services.web]
image = "busybox"
command = "sleep infinity"
stop_grace_period = "0s"
ipc = "service:donor"
pid = "service:donor"
volumes_from = ["donor:ro"]
links = ["donor:friend"]
deploy.resources.limits.memory = "64m"
mem_reservation = "32m"
memswap_limit = "128m"
cpus = 0.5
cpu_shares = 512
cpuset = "0"
pids_limit = 50
ulimits = { nofile = { soft = 1000, hard = 2000 }, nproc = 60 }
oom_score_adj = 100
security_opt = ["no-new-privileges", "seccomp=unconfined", "systempaths=unconfined"]
devices = ["/dev/null:/dev/nix:r"]
device_cgroup_rules = ["c 1:3 mr"]
sysctls = { "net.core.somaxconn" = 99 }
group_add = [1234]
uts = "host"
userns_mode = "host"
logging = { driver = "json-file", options = { max-size = "1m", max-file = 2 } }
dns_search = "example.org"
dns_opt = ["ndots:1"]
mac_address = "02:42:ac:11:00:09"
platform = "linux/amd64"
labels = { own = "1" }
label_file = "web.labels"
"""


def test_many_keys_at_once_must_hold_in_the_container(project: Project) -> None:
    project.write("own=2\nfiled=3\n", "web.labels")
    project.write(MANY)
    project.run("up")
    answer, donor = project.inspect("web"), project.inspect("donor")
    host, settings = answer["HostConfig"], answer["Config"]
    assert {name: host[name] for name in HOST} == HOST
    assert host["IpcMode"] == host["PidMode"] == f"container:{donor['Id']}"
    asked = settings.get("MacAddress") or answer["NetworkSettings"]["Networks"].popitem()[1]["MacAddress"]
    assert (asked, settings["Labels"]["own"], settings["Labels"]["filed"]) == (
        "02:42:ac:11:00:09",
        "1",
        "3",
    )
    inside = project.inside(
        "web",
        "sh",
        "-c",
        "id -G; ulimit -Hn; cat /proc/sys/net/core/somaxconn; ls -d /shared; ls -d /dev/nix",
    )
    # runc may raise the soft limit of an exec to the hard one (Go 1.19 and newer)
    assert inside.split()[-4:] == ["2000", "99", "/shared", "/dev/nix"]
    assert "1234" in inside.split()
    friend = project.inside("web", "nslookup", "friend.")
    assert donor["NetworkSettings"]["Networks"][f"{project.name}_default"]["IPAddress"] in friend
    assert "sleep infinity" in project.inside("web", "cat", "/proc/1/cmdline").replace("\0", " ")
    assert project.json("plan")["changes"] == []
    project.run("same", "stack.toml", "running")
    project.write(MANY.replace('"/shared"]', '"/shared", "/more"]'))
    project.run("up")
    again = project.inspect("web")
    assert again["Id"] != answer["Id"]
    assert again["HostConfig"]["IpcMode"] == f"container:{project.ids()['donor']}"
    assert project.json("plan")["changes"] == []


HOST = {
    "Memory": 64 << 20,
    "MemoryReservation": 32 << 20,
    "MemorySwap": 128 << 20,
    "NanoCpus": 500_000_000,
    "CpuShares": 512,
    "CpusetCpus": "0",
    "PidsLimit": 50,
    "Ulimits": [{"Name": "nofile", "Soft": 1000, "Hard": 2000}, {"Name": "nproc", "Soft": 60, "Hard": 60}],
    "OomScoreAdj": 100,
    "SecurityOpt": ["no-new-privileges", "seccomp=unconfined"],
    "MaskedPaths": [],
    "ReadonlyPaths": [],
    "Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/nix", "CgroupPermissions": "r"}],
    "DeviceCgroupRules": ["c 1:3 mr"],
    "Sysctls": {"net.core.somaxconn": "99"},
    "GroupAdd": ["1234"],
    "UTSMode": "host",
    "UsernsMode": "host",
    "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}},
    "DnsSearch": ["example.org"],
    "DnsOptions": ["ndots:1"],
}


def test_mounts_must_be_as_they_are_asked_for(project: Project) -> None:
    (project.directory / "sub").mkdir()
    project.write(
        sleepers(
            web="""volumes = [
    { type = "volume", target = "/own", volume = { labels = { tier = "gold" } } },
    { type = "bind", source = "./sub", target = "/sub", bind = { propagation = "private", recursive = "disabled" } },
    "memory:/memory",
    "theirs:/theirs:ro,nocopy",
    { type = "tmpfs", target = "/t", tmpfs = { size = "1m", mode = 0o700 } },
]"""
        )
        + '[volumes.memory]\ndriver_opts = { type = "tmpfs", device = "tmpfs", o = "size=1m" }\nlabels = ["a=b"]\n'
        + f'[volumes.theirs]\nexternal = true\nname = "{project.name}-outside"\n'
    )
    project.api.create_volume(f"{project.name}-outside", labels={"stackctl.project": project.name})
    project.run("up")
    mounts = {mount["Destination"]: mount for mount in project.inspect("web")["Mounts"]}
    assert (mounts["/sub"]["Propagation"], mounts["/theirs"]["RW"]) == ("private", False)
    assert mounts["/theirs"]["Name"] == f"{project.name}-outside"
    assert project.api.inspect_volume(mounts["/own"]["Name"])["Labels"]["tier"] == "gold"
    inside = project.inside("web", "grep", "-E", "/memory|/t ", "/proc/mounts")
    assert inside.count("size=1024k") == 2
    assert "mode=700" in inside
    assert project.json("plan")["changes"] == []
    project.run("same", "stack.toml", "running")


def test_a_key_that_the_engine_is_too_old_for_must_be_an_error_before_anything_is_made(
    project: Project,
) -> None:
    project.write(sleepers(web='annotations = { a = "b" }'))
    if tuple(map(int, project.api.version()["ApiVersion"].split("."))) >= (1, 43):
        pytest.skip("this engine knows annotations")
    assert "error SC611: services.web.annotations: the engine is too old" in project.run("up", code=1).stderr
    assert project.resources() == NOTHING


@pytest.mark.parametrize(
    "line",
    [
        'ports = ["1270.0.0.1:33503:80"]',
        'ports = ["::1:33503:80"]',
        'ports = [{ target = 80, published = 33503, host_ip = "localhost" }]',
        'expose = ["http"]',
        'volumes = ["~nosuchuser/x:/x"]',
        'tmpfs = ["/run:sise=64m"]',
    ],
)
def test_what_the_engine_would_misread_must_be_an_error_before_anything_is_made(
    project: Project, line: str
) -> None:
    project.write(sleepers(web=line))
    found = project.run("up", code=2).stderr
    assert "error SC112: services.web." in found
    assert project.resources() == NOTHING
