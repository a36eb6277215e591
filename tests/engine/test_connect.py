"""Which engine is meant, and what is said when it does not answer."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ways import RUNS_HERE, Way, certificates, server_context, ssh_program

from stackctl.engine.transport import endpoint as endpoints
from stackctl.engine.transport import link, ssh, wire
from stackctl.engine.transport.connect import connect
from stackctl.engine.transport.endpoint import Endpoint, Tls, passed_over, resolve
from stackctl.engine.transport.messages import Request
from stackctl.engine.transport.sdk import Sdk
from stackctl.engine.transport.unreachable import unreachable
from stackctl.errors import EngineError, UsageError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without any engine."""
    monkeypatch.setattr(endpoints, "DEFAULT_SOCKET", tmp_path / "docker.sock")
    monkeypatch.setattr(endpoints, "PODMAN_SOCKET", tmp_path / "podman.sock")
    return tmp_path


def environ(home: Path, **variables: str) -> dict[str, str]:
    return {"HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run"), **variables}


def write_config(home: Path, **config: Any) -> None:
    (home / ".docker").mkdir(exist_ok=True)
    (home / ".docker/config.json").write_text(json.dumps(config))


def write_context(
    home: Path, name: str, host: str, *, certificates: bool = False, skip: bool = False
) -> Path:
    digest = hashlib.sha256(name.encode()).hexdigest()
    meta = home / ".docker/contexts/meta" / digest
    meta.mkdir(parents=True)
    docker = {"Host": host, "SkipTLSVerify": skip}
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": docker}}))
    tls = home / ".docker/contexts/tls" / digest / "docker"
    if certificates:
        tls.mkdir(parents=True)
        for part in ("ca", "cert", "key"):
            (tls / f"{part}.pem").write_text(part)
    return tls


@pytest.fixture
def listening() -> Iterator[Any]:
    """Make sockets at which somebody listens."""
    listeners = []

    def make(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        listeners.append(listener)
        return path

    yield make
    for listener in listeners:
        listener.close()


def test_what_names_another_engine_is_passed_over(home: Path, listening: Any) -> None:
    listening(home / "docker.sock")
    (home / "run").mkdir()
    (home / "run/docker.sock").symlink_to(home / "docker.sock")  # the same engine
    podman = listening(home / "podman.sock")
    usual = environ(home)
    assert passed_over(resolve(environ=usual), environ=usual) == (str(podman),)

    write_config(home, currentContext="far")
    given = environ(home, DOCKER_HOST="unix:///x", DOCKER_CONTEXT="default")
    assert passed_over(resolve(environ=given), environ=given) == ("the current context (far)",)
    both = passed_over(Endpoint("unix:///y", said_by="--host"), "unix:///y", environ=given)
    assert both == ("DOCKER_HOST (unix:///x)", "the current context (far)")
    write_config(home, currentContext="default")
    assert passed_over(resolve(environ=given), environ=given) == ()


def test_the_order_of_precedence(home: Path, listening: Any) -> None:
    listening(home / "docker.sock")
    write_context(home, "one", "tcp://one:2375")
    write_context(home, "two", "tcp://two:2375")
    write_config(home, currentContext="one")
    both = environ(home, DOCKER_HOST="tcp://env:2375", DOCKER_CONTEXT="two")
    assert resolve("tcp://arg:2375", None, both).host == "tcp://arg:2375"
    assert resolve(None, "one", both) == Endpoint(
        "tcp://one:2375", context="one", said_by="the context 'one'"
    )
    assert resolve(None, None, both) == Endpoint("tcp://env:2375", said_by="DOCKER_HOST")
    assert resolve(None, None, environ(home, DOCKER_CONTEXT="two")).host == "tcp://two:2375"
    assert resolve(None, None, environ(home)).host == "tcp://one:2375"
    assert resolve(None, "default", both).host == f"unix://{home}/docker.sock"
    write_config(home)
    assert resolve(None, None, environ(home)).host == f"unix://{home}/docker.sock"


def test_a_host_and_a_context_exclude_each_other(home: Path) -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        resolve("tcp://a:1", "one", environ(home))


@pytest.mark.parametrize("how", ["argument", "variable", "current"])
def test_an_unknown_context_is_an_error_even_where_another_engine_is(
    home: Path, listening: Any, how: str
) -> None:
    listening(home / "docker.sock")
    if how == "current":
        write_config(home, currentContext="gone")
    variables = {"DOCKER_CONTEXT": "gone"} if how == "variable" else {}
    with pytest.raises(UsageError, match="no Docker context 'gone'"):
        resolve(None, "gone" if how == "argument" else None, environ(home, **variables))


def test_a_broken_context_is_an_error(home: Path) -> None:
    write_context(home, "broken", "tcp://a:1")
    digest = hashlib.sha256(b"broken").hexdigest()
    (home / ".docker/contexts/meta" / digest / "meta.json").write_text("{")
    with pytest.raises(UsageError, match="'broken' cannot be read"):
        resolve(None, "broken", environ(home))


def test_the_certificates_of_a_context(home: Path) -> None:
    directory = write_context(home, "safe", "tcp://far:2376", certificates=True)
    tls = resolve(None, "safe", environ(home)).tls
    assert tls is not None
    assert (tls.ca, tls.cert, tls.key, tls.verify) == (
        directory / "ca.pem",
        directory / "cert.pem",
        directory / "key.pem",
        True,
    )
    write_context(home, "lax", "tcp://far:2376", certificates=True, skip=True)
    lax = resolve(None, "lax", environ(home)).tls
    assert lax is not None
    assert not lax.verify


def test_certificates_by_environment(home: Path) -> None:
    (home / "ca.pem").touch()
    found = resolve("tcp://far:2376", None, environ(home, DOCKER_TLS_VERIFY="1", DOCKER_CERT_PATH=str(home)))
    assert found.tls is not None
    assert (found.tls.ca, found.tls.cert, found.tls.verify) == (home / "ca.pem", None, True)


HOSTS = ("unix:///x", "ssh://far", "tcp://localhost:2376", "tcp://far:2376")


@pytest.mark.parametrize(("host", "verify", "path"), [*itertools.product(HOSTS, ["", "1"], ["", "certs"])])
def test_certificates_are_always_checked_and_nothing_goes_unprotected_to_another_machine(
    home: Path, host: str, verify: str, path: str
) -> None:
    """The sixteen ways to write the environment. DOCKER_CERT_PATH alone must mean neither plain tcp nor TLS that checks nothing."""
    (home / "certs").mkdir()
    (home / "certs/ca.pem").touch()
    given = environ(
        home, DOCKER_HOST=host, DOCKER_TLS_VERIFY=verify, DOCKER_CERT_PATH=path and str(home / path)
    )
    found = resolve(environ=given)
    assert found.host == host
    if host.startswith("tcp://") and (verify or path):
        assert found.tls == Tls(home / "certs/ca.pem" if path else None)
        assert found.tls.verify
    else:
        assert found.tls is None
    assert found.is_open == (host == "tcp://far:2376" and not (verify or path))
    if found.is_open:
        with pytest.raises(UsageError, match="nothing protects the way"):
            connect(environ=given)


def test_a_context_that_checks_no_certificate_is_as_open_as_no_certificate(home: Path) -> None:
    for name, host in (("far", "tcp://far:2376"), ("near", "tcp://127.0.0.1:1")):
        write_context(home, name, host, certificates=True, skip=True)
    with pytest.raises(UsageError, match="nothing protects the way"):
        connect(None, "far", environ(home))
    assert not resolve(None, "near", environ(home)).is_open


@pytest.mark.parametrize(
    "address",
    [
        "tcp://me:canary@far:2376",
        "https://canary@far",
        "ssh://me:canary@far",
        "canary@far:2376",
        "tcp://me:canary@:x",
    ],
)
def test_an_address_with_a_login_is_refused_and_the_login_is_not_shown(home: Path, address: str) -> None:
    given = environ(home, DOCKER_HOST=address)
    with pytest.raises(UsageError) as caught:
        resolve(environ=given)
    assert "canary" not in f"{caught.value.message} {caught.value.hint}"
    other = Endpoint("unix:///y", said_by="--host")
    assert "canary" not in str(passed_over(other, "unix:///y", environ=given))


@pytest.fixture(scope="module")
def certificates_of(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The certificates of engines that nobody should trust, and good ones."""
    made: dict[str, dict[str, Any]] = {
        "good": {},
        "another host": {"names": "DNS:engine.invalid"},
        "expired": {"days": -1},
    }
    return {name: certificates(tmp_path_factory.mktemp("tls"), **how) for name, how in made.items()}


@pytest.mark.parametrize(
    ("server", "authority", "said"),
    [
        ("another host", "another host", "mismatch"),
        ("expired", "expired", "expired"),
        ("good", "another host", "self.signed|unable to get|signature failure"),
        ("good", "", "self.signed|unable to get"),
    ],
    ids=["another host", "expired", "another authority", "no authority"],
)
def test_an_engine_whose_certificate_is_wrong_is_refused(
    home: Path, certificates_of: dict[str, Path], server: str, authority: str, said: str
) -> None:
    """By what looks and by what changes, and whether or not DOCKER_TLS_VERIFY is set."""
    path = certificates_of[authority] if authority else home
    with Way(server_context(certificates_of[server])) as way:
        host = f"tcp://127.0.0.1:{way.port}"
        for verify in ("1", ""):
            with pytest.raises(EngineError, match="no trusted connection") as caught:
                connect(
                    environ=environ(
                        home, DOCKER_HOST=host, DOCKER_TLS_VERIFY=verify, DOCKER_CERT_PATH=str(path)
                    )
                )
            assert re.search(said, caught.value.message)
            assert "certificates" in caught.value.hint
        sdk = Sdk(host, "1.41", resolve(host, None, environ(home, DOCKER_CERT_PATH=str(path))).tls, {})
        with pytest.raises(OSError, match=r"(?i)certificate"):
            sdk.send(Request(method="GET", target="/_ping", timeout=10))
        sdk.close()


def test_docker_config_moves_the_contexts(home: Path, tmp_path: Path) -> None:
    write_context(home, "one", "tcp://one:2375")
    (home / ".docker").rename(home / "elsewhere")
    moved = environ(home, DOCKER_CONFIG=str(home / "elsewhere"))
    assert resolve(None, "one", moved).host == "tcp://one:2375"


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("unix:///a/b.sock", "unix:///a/b.sock"),
        ("/a/b.sock", "unix:///a/b.sock"),
        ("tcp://10.0.0.1:2375", "tcp://10.0.0.1:2375"),
        ("10.0.0.1:2375", "tcp://10.0.0.1:2375"),
        ("tcp://far", "tcp://far:2375"),
        ("http://far:99/", "tcp://far:99"),
        ("ssh://me@far:22", "ssh://me@far:22"),
        ("ssh://far", "ssh://far"),
    ],
)
def test_addresses(home: Path, text: str, host: str) -> None:
    assert resolve(text, None, environ(home)).host == host


@pytest.mark.parametrize(
    "text", ["unix://relative", "npipe:////./pipe/x", "tcp://far:x", "ssh://", "ssh://-oProxy=x", "fd://"]
)
def test_what_is_no_address(home: Path, text: str) -> None:
    with pytest.raises(UsageError, match="is no address of an engine"):
        resolve(text, None, environ(home))


def test_rootless_and_podman_come_after_the_default_socket(home: Path, listening: Any) -> None:
    podman = listening(home / "run/podman/podman.sock")
    assert resolve(None, None, environ(home)).socket == podman
    rootless = listening(home / "run/docker.sock")
    assert resolve(None, None, environ(home)).socket == rootless
    default = listening(home / "docker.sock")
    assert resolve(None, None, environ(home)).socket == default


def test_a_dead_socket_is_passed_over(home: Path, listening: Any) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(home / "docker.sock"))
    rootless = listening(home / "run/docker.sock")
    assert resolve(None, None, environ(home)).socket == rootless


def test_no_engine_at_all(home: Path) -> None:
    with pytest.raises(
        EngineError, match=r"no Docker engine answers: .*docker.sock does not exist"
    ) as caught:
        resolve(None, None, environ(home))
    assert "start" in caught.value.hint


def test_an_engine_that_does_not_run(home: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(home / "docker.sock"))
    with pytest.raises(EngineError, match="connection refused") as caught:
        connect(None, None, environ(home))
    assert "start" in caught.value.hint


def test_a_host_where_nothing_listens(home: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with pytest.raises(EngineError, match=f"no Docker engine answers at tcp://127.0.0.1:{port}"):
            connect(f"tcp://127.0.0.1:{port}", None, environ(home))


def test_what_answers_but_is_no_engine(home: Path) -> None:
    import threading

    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            connection, _ = server.accept()
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        port = server.getsockname()[1]
        with pytest.raises(EngineError, match=f"tcp://127.0.0.1:{port} does not answer"):
            connect(f"tcp://127.0.0.1:{port}", None, environ(home))
        thread.join()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_SLOW", 0.05)
    monkeypatch.setattr(link, "_FIRST_ANSWER", 0.2)


@pytest.mark.usefixtures("impatient")
def test_an_engine_that_never_answers_is_told_about_and_given_up(home: Path, listening: Any) -> None:
    path = listening(home / "docker.sock")
    told: list[str] = []
    with pytest.raises(EngineError) as caught:
        connect(None, None, environ(home), waiting=told.append)
    assert told == [f"the Docker engine at unix://{path} to answer"]
    assert (
        caught.value.message == f"the Docker engine at unix://{path} takes connections, but does not answer"
    )
    assert "restart it, or name another engine with DOCKER_HOST" in caught.value.hint
    with pytest.raises(EngineError) as caught:
        connect(None, None, environ(home, DOCKER_HOST=f"unix://{path}"))
    assert "restart it; DOCKER_HOST names it" in caught.value.hint


def test_who_named_an_engine_that_is_not_there_is_said(home: Path) -> None:
    def hint(host: str | None = None, context: str | None = None, **variables: str) -> str:
        with pytest.raises(EngineError) as caught:
            connect(host, context, environ(home, **variables))
        return caught.value.hint

    gone = f"unix://{home}/gone.sock"
    write_context(home, "far", gone)
    assert hint(DOCKER_HOST=gone) == (
        "DOCKER_HOST says so: correct it, or unset it to use the engine of this machine"
    )
    assert hint(gone) == "--host says so: correct it"
    context = "the context 'far' says so: docker context ls shows the others, DOCKER_CONTEXT names one"
    assert hint(None, "far") == context
    assert hint(DOCKER_CONTEXT="far") == context
    assert hint().startswith("start it")


def test_a_missing_permission_names_the_group() -> None:
    error = unreachable("unix:///var/run/docker.sock", PermissionError(13, "Permission denied"))
    assert error.message == "no permission to use the Docker engine at /var/run/docker.sock"
    assert "usermod -aG docker" in error.hint


def test_the_ssh_command() -> None:
    assert ssh.command("ssh://me@far:2222")[4:] == (
        "ssh -T -o ConnectTimeout=30 -l me -p 2222 -- far docker system dial-stdio".split()
    )
    assert ssh.command("ssh://far/run/d.sock")[-5:] == [
        "docker",
        "--host",
        "unix:///run/d.sock",
        "system",
        "dial-stdio",
    ]


def test_what_ssh_complains_about_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", ssh_program(home, 'echo "Host key verification failed." >&2; exit 255'))
    with pytest.raises(EngineError, match="cannot reach ssh://far: Host key verification failed") as caught:
        connect("ssh://far", None, environ(home))
    assert caught.value.hint == "try: ssh far docker version"


@pytest.mark.docker
def test_an_engine_behind_ssh_answers_and_runs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The far end is this machine, and ssh a shell that runs what it is told; the rest is as it would be."""
    monkeypatch.setenv("PATH", ssh_program(home, RUNS_HERE))
    engine = connect("ssh://far", None, environ(home))
    try:
        observed = engine.observe()
        assert observed.engine.endpoint == "ssh://far"
        assert not observed.engine.shares_paths
        assert observed.engine.id
    finally:
        engine.close()
