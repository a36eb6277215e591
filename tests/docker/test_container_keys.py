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
