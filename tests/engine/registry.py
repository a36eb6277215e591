"""A registry on a free port of this machine, with one small image (OCI Distribution Specification, pull and push)."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import itertools
import json
import os
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_UNKNOWN = b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


class Registry:
    """`ref` is its image. With a `login` (user, password) it asks for it; `missing_layer` breaks the image."""

    def __init__(
        self,
        name: str,
        *,
        login: tuple[str, str] | None = None,
        missing_layer: bool = False,
        host: str = "127.0.0.1",
    ) -> None:
        self._login = "Basic " + base64.b64encode(":".join(login).encode()).decode() if login else None
        self._answers: dict[str, tuple[str, bytes]] = {"/v2/": ("application/json", b"{}")}
        self._uploads: dict[str, bytes] = {}
        self._numbers = itertools.count()
        self.pushed: list[str] = []
        """The paths of the manifests that it was sent."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            info = tarfile.TarInfo("data")
            info.size = 1 << 20
            tar.addfile(info, io.BytesIO(os.urandom(info.size)))
        layer = gzip.compress(archive.getvalue())
        rootfs = {"type": "layers", "diff_ids": [_digest(archive.getvalue())]}
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}).encode()
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": _described("application/vnd.docker.container.image.v1+json", config),
                "layers": [_described("application/vnd.docker.image.rootfs.diff.tar.gzip", layer)],
            }
        ).encode()
        for blob in (config, layer):
            if not (missing_layer and blob is layer):
                self._answers[f"/v2/{name}/blobs/{_digest(blob)}"] = ("application/octet-stream", blob)
        for tag in ("1", _digest(manifest)):
            self._answers[f"/v2/{name}/manifests/{tag}"] = (MANIFEST, manifest)
        self._server = ThreadingHTTPServer((host, 0), self._handler(layer))
        self.address = f"{host}:{self._server.server_port}"
        self.ref = f"{self.address}/{name}:1"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self, layer: bytes) -> type[BaseHTTPRequestHandler]:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                allowed = registry._login in (None, self.headers.get("Authorization"))
                kind, body = registry._answers.get(self.path, ("application/json", _UNKNOWN))
                status = 401 if not allowed else 200 if self.path in registry._answers else 404
                self.send_response(status)
                if not allowed:
                    self.send_header("WWW-Authenticate", 'Basic realm="registry"')
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                if kind == MANIFEST:
                    self.send_header("Docker-Content-Digest", _digest(body))
                self.end_headers()
                if self.command == "GET":
                    pause = 0.15 if body is layer else 0  # its own image comes slowly enough to be watched
                    for start in range(0, len(body), 1 << 18):
                        self.wfile.write(body[start : start + (1 << 18)])
                        time.sleep(pause)

            do_HEAD = do_GET

            def do_POST(self) -> None:
                """The start of an upload."""
                place = self.path.partition("?")[0]
                self.answer(202, Location=f"{place}{next(registry._numbers)}")

            def do_PATCH(self) -> None:
                body = registry._uploads[self.path.partition("?")[0]] = self.body()
                self.answer(202, Location=self.path, Range=f"0-{len(body) - 1}")

            def do_PUT(self) -> None:
                place = self.path.partition("?")[0]
                if "/manifests/" in place:
                    body = self.body()
                    registry.pushed.append(place)
                    by_digest = f"{place.rpartition('/')[0]}/{_digest(body)}"
                    for path in (place, by_digest):
                        registry._answers[path] = (self.headers["Content-Type"], body)
                    self.answer(201, **{"Docker-Content-Digest": _digest(body)})
                    return
                blob = registry._uploads.pop(place, b"") + self.body()
                where = place.rpartition("/uploads/")[0] + f"/{_digest(blob)}"
                registry._answers[where] = ("application/octet-stream", blob)
                self.answer(201, **{"Docker-Content-Digest": _digest(blob)})

            def body(self) -> bytes:
                if self.headers.get("Transfer-Encoding") != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length") or 0))
                found = []
                while size := int(self.rfile.readline(), 16):
                    found.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(found)

            def answer(self, status: int, **headers: str) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Tests are quiet."""

        return Handler


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _described(media_type: str, blob: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "size": len(blob), "digest": _digest(blob)}
