"""The contract on a real engine, and what only a real one can show."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest
from contract import Bench, EngineContract
from ways import ENGINE, RUNS_HERE, Way, certificates, server_context, ssh_program

from stackctl.engine.docker import lifecycle
from stackctl.engine.protocol import Engine, Exec
from stackctl.engine.transport.connect import connect
from stackctl.errors import WaitTimeoutError
from stackctl.planner.world.desired import Attachment, DesiredPort
from stackctl.planner.world.probes import CommandProbe, HttpProbe, TcpProbe, Timing
from stackctl.spec.model import Condition

pytestmark = pytest.mark.docker


CONTEXT = "DOCKER_CONTEXT" in os.environ
"""Whether a context names the engine: then that way is tested instead of those that are made here."""


@pytest.fixture(scope="module", params=["context"] if CONTEXT else ["unix", "tcp", "tls", "ssh"])
def docker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The same engine over each way to it."""
    if CONTEXT:
        with closing(connect()) as engine:
            yield engine
        return
    directory = tmp_path_factory.mktemp(request.param)
    environ = {"HOME": str(directory), "PATH": os.environ["PATH"]}
    with ExitStack() as cleanup:
        host = f"unix://{ENGINE}"
        if request.param == "tcp":
            host = f"tcp://127.0.0.1:{cleanup.enter_context(Way()).port}"
        elif request.param == "tls":
            environ |= {"DOCKER_CERT_PATH": str(certificates(directory)), "DOCKER_TLS_VERIFY": "1"}
            host = f"tcp://127.0.0.1:{cleanup.enter_context(Way(server_context(directory))).port}"
        elif request.param == "ssh":
            patch = cleanup.enter_context(pytest.MonkeyPatch.context())
            patch.setenv("PATH", ssh_program(directory, RUNS_HERE))
            host = "ssh://127.0.0.1"
        engine = connect(host, None, environ)
        cleanup.callback(engine.close)
        yield engine


class TestDocker(EngineContract):
    @pytest.fixture
    def engine(self, docker: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
        monkeypatch.setattr(lifecycle, "_BUSY", (0.05, 0.2))
        return docker

    def test_containers_find_each_other_by_alias(self, bench: Bench) -> None:
        network = bench.network("net")
        bench.start("web", ("httpd", "-f", "-p", "80"), networks=(Attachment(network.name, ("api", "www")),))
        client = bench.start("client", networks=(Attachment(network.name, ("client",)),))
        for alias in ("api", "www"):
            test = CommandProbe(("CMD-SHELL", f"echo | nc -w 1 {alias} 80"))
            bench.wait(client, Condition.healthy, test, timeout=10)

    def test_a_port_proxy_alone_is_not_a_server(self, bench: Bench) -> None:
        name = bench.start("idle", ports=(DesiredPort(target=8000),))
        with pytest.raises(WaitTimeoutError, match="connection"):
            bench.wait(name, Condition.ready, TcpProbe(8000), timeout=0.6)

    def test_http(self, bench: Bench) -> None:
        name = bench.start(
            "web", ("httpd", "-f", "-p", "8000", "-h", "/etc"), ports=(DesiredPort(target=8000),)
        )
        bench.wait(name, Condition.healthy, HttpProbe(8000, "/passwd"), timeout=10)
        with pytest.raises(WaitTimeoutError, match="404"):
            bench.wait(name, Condition.healthy, HttpProbe(8000, "/nothing"), timeout=0.3)

    def test_a_check_that_hangs_is_ended_within_the_container(self, bench: Bench) -> None:
        name = bench.start()
        with pytest.raises(WaitTimeoutError, match="no answer"):
            bench.wait(
                name,
                Condition.healthy,
                CommandProbe(("CMD-SHELL", "sleep 77")),
                timing=Timing(timeout=1),
                timeout=3,
            )
        gone = "until ! ps | grep '[s]leep 77'; do sleep 0.1; done"  # each has a second, the last one as well
        assert bench.engine.exec(Exec(container=name, argv=("sh", "-c", gone)), timeout=20).exit_code == 0
