"""Values of a stack.toml that an engine would misread or refuse: each is a mistake with a place and a way out."""

from pathlib import Path

import pytest

from stackctl.errors import SpecError
from stackctl.spec.model import Service, Stack
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest


def load(directory: Path, lines: str) -> Stack:
    (directory / "stack.toml").write_text(f'[services.web]\nimage = "nginx:1"\n{lines}\n')
    return read(StackRequest(directory=directory, environ={}))


def service(directory: Path, lines: str) -> Service:
    return load(directory, lines).services["web"]


def mistake(directory: Path, lines: str) -> str:
    with pytest.raises(SpecError) as caught:
        load(directory, lines)
    [problem] = caught.value.problems
    assert (problem.rule, problem.severity) == ("SC112", "error")
    return str(problem)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('ports = ["1270.0.0.1:33503:80"]', "3:10: services.web.ports[0]: '1270.0.0.1' is not an IP address (write a number"),
        ('ports = ["80", "999.1.1.1:33503:80"]', "3:16: services.web.ports[1]: '999.1.1.1' is not an IP address (write a"),
        ('ports = ["localhost:33503:80"]', "3:10: services.web.ports[0]: 'localhost' is not an IP address (write \"127.0.0.1\")"),
        ('ports = ["01.2.3.4:33503:80"]', "3:10: services.web.ports[0]: '01.2.3.4' is not an IP address"),
        ('ports = ["[fe80::1%eth0]:33503:80"]', "3:10: services.web.ports[0]: 'fe80::1%eth0' is not an IP address"),
        ('ports = ["::1:33503:80"]', '(write an IPv6 address in brackets: "[::1]:33503:80")'),
        ('ports = [{ target = 80, host_ip = "localhost" }]', "3:25: services.web.ports[0].host_ip: 'localhost' is not an"),
        ('ports = [{ target = 80, host_ip = "[::1]" }]', "is not an IP address (leave the brackets out)"),
        ('expose = ["http"]', "3:11: services.web.expose[0]: expected a port such as 8000"),
        ('expose = ["80/http"]', "3:11: services.web.expose[0]: expected a port such as 8000"),
        ('expose = ["90-80"]', "3:11: services.web.expose[0]: ports go from 1 to 65535, found '90-80'"),
        ("expose = [70000]", "3:11: services.web.expose[0]: ports go from 1 to 65535, found '70000'"),
        ('volumes = ["~nosuchuser/x:/x"]', "3:12: services.web.volumes[0]: '~nosuchuser/x' is not a directory: there is no user 'nosuchuser' on this machine (write the whole path)"),
        ('volumes = [{ type = "bind", source = "~nosuchuser", target = "/x" }]', "services.web.volumes[0].source: '~nosuchuser' is not a directory"),
        ("scale = -1", "3:1: services.web.scale: expected a number of containers, 0 or more, found -1"),
        ("deploy.replicas = -1", "3:8: services.web.deploy.replicas: expected a number of containers, 0 or more, found -1"),
        ("scale = 2\ndeploy.replicas = 3", "3:1: services.web.scale: scale is 2, and deploy.replicas is 3 (they mean the same"),
        ('deploy = { mode = "global", replicas = 2 }', "deploy.replicas: mode global runs one task on each node (leave replicas or mode out)"),
        ('deploy.placement.constraints = ["node.color == red"]', "deploy.placement.constraints[0]: 'node.color == red' is not a constraint"),
        ('deploy.rollback_config.failure_action = "rollback"', "a rollback that fails cannot be rolled back (write pause or continue)"),
        ("deploy.update_config.max_failure_ratio = 2", "expected a number from 0 to 1, found 2"),
        ("pids_limit = -2", "3:1: services.web.pids_limit: a number of processes, or -1, found -2"),
        ('dns = ["one.one"]', "3:8: services.web.dns[0]: 'one.one' is not an IP address"),
        ('tmpfs = ["/run:sise=64m"]', "3:10: services.web.tmpfs[0]: 'sise=64m' is not an option of a tmpfs (did you mean 'size'?)"),
        ('tmpfs = "/run:size=much"', "3:1: services.web.tmpfs: expected a size such as \"64m\" or \"1gb\", found 'much'"),
        ('tmpfs = "/run:mode=rwx"', "3:1: services.web.tmpfs: the option mode of a tmpfs must be digits from 0 to 7, found 'rwx'"),
        ('tmpfs = "/run:uid=me"', "3:1: services.web.tmpfs: the option uid of a tmpfs must be a number, found 'me'"),
        ('tmpfs = "/run:"', "3:1: services.web.tmpfs: '' is not an option of a tmpfs"),
        ('tmpfs = "run:size=1m"', "3:1: services.web.tmpfs: 'run' is not an absolute path of the container (write \"/run\")"),
        ('tmpfs = ["/run", "/run:ro"]', "3:18: services.web.tmpfs[1]: a second mount at /run (mount each path once)"),
        ('build = "~nosuchuser/x"', "3:1: services.web.build: '~nosuchuser/x' is not a directory"),
        ('build = { context = "~nosuchuser/x" }', "3:11: services.web.build.context: '~nosuchuser/x' is not a directory"),
    ],
)  # fmt: skip
def test_what_an_engine_would_misread(tmp_path: Path, line: str, said: str) -> None:
    found = mistake(tmp_path, line)
    assert found.startswith("stack.toml:3:")
    assert said in found


@pytest.mark.parametrize(
    ("lines", "count"),
    [("", 1), ("scale = 0", 0), ("deploy.replicas = 3", 3), ("scale = 2\ndeploy.replicas = 2", 2)],
)
def test_the_number_of_containers(tmp_path: Path, lines: str, count: int) -> None:
    assert service(tmp_path, lines).replicas == count


def test_a_job_has_one_container(tmp_path: Path) -> None:
    said = "jobs.seed.deploy.replicas: a job runs once: it has one container (leave it out)"
    assert said in mistake(tmp_path, '[jobs.seed]\nimage = "x"\ndeploy.replicas = 2')


@pytest.mark.parametrize(
    ("port", "read_as"),
    [
        ("127.0.0.1:8000:80", ("127.0.0.1", "8000", "80")),
        ("0.0.0.0::80", ("0.0.0.0", None, "80")),
        ("[::1]:8000-8001:80-81/udp", ("::1", "8000-8001", "80-81")),
        ("8000:80", (None, "8000", "80")),
        (":80", (None, None, "80")),
        ("80", (None, None, "80")),
    ],
)
def test_a_port(tmp_path: Path, port: str, read_as: tuple[str | None, ...]) -> None:
    [found] = service(tmp_path, f'ports = ["{port}"]').ports
    assert (found.host_ip, found.published and str(found.published), str(found.target)) == read_as


def test_exposed_ports(tmp_path: Path) -> None:
    assert service(tmp_path, 'expose = [80, "53/UDP", "8000-8010"]').expose == ("80", "53/udp", "8000-8010")


@pytest.mark.parametrize(
    ("written", "path", "options"),
    [
        ("/run", "/run", ""),
        ("/run:size=64m", "/run", f"size={64 << 20}"),
        (
            "/run:size=50%,mode=1777,uid=1000,gid=1000,noexec",
            "/run",
            "size=50%,mode=1777,uid=1000,gid=1000,noexec",
        ),
    ],
)
def test_a_tmpfs_and_its_options(tmp_path: Path, written: str, path: str, options: str) -> None:
    [found] = service(tmp_path, f'tmpfs = "{written}"').tmpfs
    assert (found.path, found.options) == (path, options)


def test_a_home_that_is_there(tmp_path: Path) -> None:
    assert service(tmp_path, 'volumes = ["~/x:/x", "~root/y:/y"]').volumes[1].source == "~root/y"
