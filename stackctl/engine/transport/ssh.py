"""Reach an engine over ssh, with the system's ssh client, its configuration and its agent.

A bridge listens on a Unix socket of this machine. Each connection to the socket starts one `ssh HOST docker system
dial-stdio`, as the Docker CLI does. The SDK's own ssh is not used: it needs paramiko, and loses the input of an exec.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from urllib.parse import urlsplit

_IGNORE_INTERRUPTS = """trap "" INT; exec "$@" """
"""Ctrl-C must end stackctl but not ssh: a clean end still needs the connections. An ignored signal stays ignored after exec."""


class Bridge:
    """Listens on the Unix socket `path` until `close()`."""

    def __init__(self, url: str) -> None:
        self._command = command(url)
        self._directory = tempfile.TemporaryDirectory(prefix="stackctl-ssh-")
        self.path = Path(self._directory.name, "docker.sock")
        self._log = Path(self._directory.name, "ssh.log")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen(64)
        self._connections: list[subprocess.Popen[bytes]] = []
        self._thread = threading.Thread(target=self._serve, name="stackctl-ssh", daemon=True)
        self._thread.start()

    def complaint(self) -> str:
        """The last line that ssh wrote to stderr, or ""."""
        try:
            lines = self._log.read_text(errors="replace").split("\n")
        except OSError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # ends the `accept` of the thread
        self._thread.join()
        self._listener.close()
        for connection in self._connections:
            connection.terminate()
            connection.wait()
        self._directory.cleanup()

    def _serve(self) -> None:
        with self._log.open("ab") as log:
            while True:
                try:
                    connection, _ = self._listener.accept()
                except OSError:
                    return
                self._connections = [one for one in self._connections if one.poll() is None]
                with connection:
                    end = connection.fileno()
                    self._connections.append(
                        subprocess.Popen(self._command, stdin=end, stdout=end, stderr=log)
                    )


def command(url: str) -> list[str]:
    """The ssh command for `ssh://[USER@]HOST[:PORT][/SOCKET]` (Docker CLI, connhelper)."""
    where = urlsplit(url)
    user = ["-l", where.username] if where.username else []
    port = ["-p", str(where.port)] if where.port else []
    remote_socket = ["--host", f"unix://{where.path}"] if where.path.strip("/") else []
    ssh = ["ssh", "-T", "-o", "ConnectTimeout=30", *user, *port, "--", where.hostname or ""]
    return ["sh", "-c", _IGNORE_INTERRUPTS, "sh", *ssh, "docker", *remote_socket, "system", "dial-stdio"]
