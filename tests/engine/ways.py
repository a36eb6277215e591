"""Ways to the engine's Unix socket: over tcp, over TLS with certificates of both sides, through ssh."""

from __future__ import annotations

import os
import select
import socket
import ssl
import stat
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

_NAMED = os.environ.get("DOCKER_HOST", "")
ENGINE = _NAMED.removeprefix("unix://") if _NAMED.startswith("unix://") else "/var/run/docker.sock"
"""The socket by which tests look at the engine, whatever way to it stackctl is given."""


class Way:
    """Listens on a port of 127.0.0.1 and passes everything on to the engine. Each side may close its direction alone."""

    def __init__(self, tls: ssl.SSLContext | None = None, engine: str = ENGINE) -> None:
        self._tls = tls
        self._engine = engine
        self._server = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._server.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as engine, suppress(OSError):
            engine.connect(self._engine)
            if self._tls:
                with self._tls.wrap_socket(client, server_side=True) as secured:
                    _pass_on(secured, engine)
            else:
                _pass_on(client, engine)


def _pass_on(client: socket.socket, engine: socket.socket) -> None:
    """In one thread: nobody may read and write one TLS connection in two threads at once. An engine that reads no more may still
    speak.
    """
    engine.setblocking(False)
    unsent, listens = bytearray(), True
    while True:
        takes = listens and not unsent
        waiting = takes and isinstance(client, ssl.SSLSocket) and client.pending()
        ends = [engine, client] if takes else [engine]
        readable, _, _ = select.select(ends, [engine] if unsent else [], [], 0 if waiting else None)
        if engine in readable:
            data = engine.recv(1 << 16)
            if not data:
                return  # the engine's end of a connection is the end of all of it
            client.sendall(data)
        if waiting or client in readable:
            unsent += client.recv(1 << 16)
            if not unsent:
                listens = False
                with suppress(OSError):
                    engine.shutdown(socket.SHUT_WR)
        if unsent:
            try:
                del unsent[: engine.send(unsent)]
            except BlockingIOError:
                continue
            except OSError:
                unsent.clear()


def certificates(directory: Path, names: str = "IP:127.0.0.1", days: int = 2) -> Path:
    """A CA, and a key with a certificate by it for both sides: `ca.pem`, `cert.pem`, `key.pem`. `days`: how long it is valid from now;
    below 0 it has expired.
    """
    (directory / "names").write_text(f"subjectAltName={names}")
    rest = ["-CAcreateserial", "-days", str(days), "-extfile", "names", "-out", "cert.pem"]
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for command in (
        [
            "req",
            "-x509",
            *new_key,
            "-subj",
            "/CN=ca",
            "-days",
            "2",
            "-keyout",
            "ca-key.pem",
            "-out",
            "ca.pem",
        ],
        ["req", *new_key, "-subj", "/CN=engine", "-keyout", "key.pem", "-out", "request.pem"],
        ["x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca-key.pem", *rest],
    ):
        subprocess.run(["openssl", *command], cwd=directory, check=True, capture_output=True)
    return directory


def server_context(certificates: Path) -> ssl.SSLContext:
    """That of an engine which lets in only who has a certificate by the same CA."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates / "ca.pem"))
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def ssh_program(directory: Path, text: str) -> str:
    """A PATH on which a script stands for ssh."""
    path = directory / "bin/ssh"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return f"{path.parent}:{os.environ['PATH']}"


RUNS_HERE = 'while [ "$1" != -- ]; do shift; done; shift 2; exec "$@"'
"""The far end of that ssh is this machine."""
