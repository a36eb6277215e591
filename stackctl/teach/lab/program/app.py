"""A small program with a page: rows in Postgres, visits in Redis, notes in files. Only what Python brings is used.

| variable | meaning |
|---|---|
| HOST | the address to listen on (127.0.0.1: nobody outside of the container reaches it) |
| PORT | the port to listen on (8000) |
| TITLE | the title of the page |
| DATABASE_URL | postgresql://user:password@host:port/database; or PGHOST, PGUSER, PGPASSWORD, PGDATABASE |
| CACHE_URL | redis://host:port |
| NOTES_DIR | the directory of the notes (/srv/notes) |

    GET /         what is there, as JSON
    POST /rows    one row more
    POST /notes   one note more
"""

import json
import os
import socket
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import postgres

HERE = Path(__file__).parent
NOTES = Path(os.environ.get("NOTES_DIR", "/srv/notes"))


def query(sql: str) -> list[str]:
    """The first column of the answer of the database."""
    if text := os.environ.get("DATABASE_URL"):
        url = urlsplit(text)
        user, password = unquote(url.username or "postgres"), unquote(url.password or "")
        where = (url.hostname or "localhost", url.port or 5432, user, password, url.path.strip("/") or user)
    else:
        user = os.environ.get("PGUSER", "postgres")
        database = os.environ.get("PGDATABASE", user)
        where = (os.environ["PGHOST"], 5432, user, os.environ.get("PGPASSWORD", ""), database)
    return postgres.query(*where, sql)


def cache(command: str) -> str:
    """The number that Redis answers."""
    url = urlsplit(os.environ["CACHE_URL"])
    with socket.create_connection((url.hostname, url.port or 6379), timeout=5) as connection:
        connection.sendall(command.encode() + b"\r\n")
        answer = connection.recv(100).decode()
        if not answer.startswith(":"):
            raise OSError(answer.strip())
        return answer[1:].strip()


def page() -> dict[str, object]:
    told: dict[str, object] = {
        "title": os.environ.get("TITLE", "no title"),
        "notes": len([*NOTES.glob("*.txt")]),
    }
    if {"DATABASE_URL", "PGHOST"} & os.environ.keys():
        told["rows"] = tell(lambda: query("SELECT count(*) FROM entries")[0])
    if "CACHE_URL" in os.environ:
        told["visits"] = tell(lambda: cache("INCR visits"))
    return told


def tell(ask: Callable[[], str]) -> object:
    try:
        return int(ask())
    except (OSError, postgres.AnswerError) as error:
        return f"error: {error}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.answer(page())

    def do_POST(self) -> None:
        if self.path == "/rows":
            query("INSERT INTO entries (text) VALUES ('hello')")
        else:
            NOTES.mkdir(parents=True, exist_ok=True)
            (NOTES / f"{len([*NOTES.iterdir()])}.txt").write_text("hello")
        self.answer({})

    def answer(self, value: object) -> None:
        body = json.dumps(value).encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    if {"DATABASE_URL", "PGHOST"} & os.environ.keys():
        try:
            if not (HERE / "migrate.sh").exists():
                query("CREATE TABLE IF NOT EXISTS entries (id serial PRIMARY KEY, text text)")
            query("SELECT count(*) FROM entries")
        except (OSError, postgres.AnswerError) as error:
            sys.exit(f"the database cannot be used: {error}")
    host, port = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8000"))
    server = ThreadingHTTPServer((host, port), Handler)
    print(f"listening on {host}:{port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
