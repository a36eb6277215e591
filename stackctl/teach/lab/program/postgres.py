"""Just enough of the protocol of Postgres to ask one question, so that nothing must be installed.

https://www.postgresql.org/docs/15/protocol.html, https://www.rfc-editor.org/rfc/rfc7677 (the login, SCRAM-SHA-256)
"""

import base64
import hashlib
import hmac
import secrets
import socket
import struct


class AnswerError(Exception):
    """What the server says against it."""


def query(host: str, port: int, user: str, password: str, database: str, sql: str) -> list[str]:
    """Log in, ask, and return the first column of the answer."""
    with socket.create_connection((host, port), timeout=5) as connection, connection.makefile("rb") as stream:

        def send(kind: bytes, body: bytes) -> None:
            connection.sendall(kind + struct.pack("!i", len(body) + 4) + body)

        def receive() -> tuple[bytes, bytes]:
            head = stream.read(5)
            if len(head) < 5:
                raise OSError("the server hung up")
            body = stream.read(struct.unpack("!i", head[1:])[0] - 4)
            if head[:1] == b"E":
                fields = {field[:1]: field[1:].decode() for field in body.split(b"\0") if field}
                raise AnswerError(fields[b"M"])
            return head[:1], body

        send(b"", struct.pack("!i", 196608) + f"user\0{user}\0database\0{database}\0\0".encode())
        nonce = base64.b64encode(secrets.token_bytes(18)).decode()
        rows: list[str] = []
        while True:
            kind, body = receive()
            if kind == b"R":
                step = struct.unpack("!i", body[:4])[0]
                if step == 10:
                    first = f"n,,n=,r={nonce}".encode()
                    send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first)
                elif step == 11:
                    send(b"p", _proof(password, nonce, body[4:].decode()))
                elif step not in (0, 12):
                    raise AnswerError("a login that this client does not know")
            elif kind == b"Z" and not sql:
                return rows
            elif kind == b"Z":
                send(b"Q", sql.encode() + b"\0")
                sql = ""
            elif kind == b"D":
                length = struct.unpack("!i", body[2:6])[0]
                rows.append(body[6 : 6 + length].decode())


def _proof(password: str, nonce: str, challenge: str) -> bytes:
    given = dict(part.split("=", 1) for part in challenge.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(given["s"]), int(given["i"]))
    key = hmac.digest(salted, b"Client Key", "sha256")
    last = f"c=biws,r={given['r']}"
    signed = hmac.digest(hashlib.sha256(key).digest(), f"n=,r={nonce},{challenge},{last}".encode(), "sha256")
    proof = bytes(one ^ other for one, other in zip(key, signed, strict=True))
    return f"{last},p={base64.b64encode(proof).decode()}".encode()
