"""Look from inside a container: what a name leads to, whether a port answers, what listens."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stackctl.engine.proc import listening as listening_here
from stackctl.engine.protocol import Engine, Exec, ExecResult
from stackctl.errors import EngineError
from stackctl.planner.reach.ends import Heard
from stackctl.planner.reach.listening import TABLES, Listener, listeners

CONNECT = 2
"""Seconds to connect."""
_GRACE = 5.0
_MISSING = (126, 127)
"""Exit codes of a command whose program is not there."""

_ADDRESS = r"\d+(\.\d+){3}|[0-9a-fA-F:]*:[0-9a-fA-F:]+[0-9a-fA-F]"

SCRIPT = r"""
host=$1 seconds=$2; shift 2
for python in python3 python; do
  if command -v $python >/dev/null 2>&1; then exec $python -c "$PROGRAM" "$host" "$seconds" "$@"; fi
done
echo "--name"
if command -v getent >/dev/null 2>&1; then getent ahosts "$host"; echo "--asked"
else
  while read -r address names; do for name in $names; do
    [ "$name" = "$host" ] && echo "$address"
  done; done </etc/hosts
  if command -v nslookup >/dev/null 2>&1; then nslookup "$host" 2>&1; echo "--asked"; fi
fi
how=none
if command -v bash >/dev/null 2>&1; then how=bash
else case "$(nc --help 2>&1; nc -h 2>&1)" in *-z*) how=z;; *-e*) how=e;; esac; fi
[ $how = none ] || for port; do
  echo "--port $port"
  case $how in
    bash) timeout "$seconds" bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$host" "$port" 2>&1;;
    z) nc -z -w "$seconds" "$host" "$port" 2>&1;;
    e) nc -w "$seconds" "$host" "$port" -e true 2>&1;;
  esac
  echo "--code $?"
done
"""
"""Prints the addresses of a name, and for each port what an attempt to connect says, with the means that the image has."""

PROGRAM = r"""
import socket, sys
host, seconds, ports = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
print("--name")
try:
    for found in socket.getaddrinfo(host, None, 0, socket.SOCK_STREAM):
        print(found[4][0])
except OSError:
    pass
print("--asked")
for port in ports:
    print("--port " + port)
    try:
        socket.create_connection((host, int(port)), seconds).close()
        print("--code 0")
    except Exception as error:
        print(error)
        print("--code 1")
"""
"""The same for an image with Python."""


def ask(engine: Engine, container: str, host: str, ports: Sequence[int]) -> Heard:
    """What a running container hears when it asks for a name and its ports. Nothing is heard if its image has no shell."""
    command = Exec(container=container, argv=argv(host, ports), environment={"PROGRAM": PROGRAM})
    try:
        result = engine.exec(command, timeout=CONNECT * (len(ports) + 1) + _GRACE)
    except EngineError:
        return Heard()
    return heard(result, host)


def argv(host: str, ports: Sequence[int]) -> tuple[str, ...]:
    """The command that asks. It needs the variable PROGRAM."""
    return ("/bin/sh", "-c", SCRIPT, "sh", host, str(CONNECT), *map(str, ports))


def heard(result: ExecResult, host: str) -> Heard:
    """What the command that asks has printed."""
    if result.exit_code in _MISSING:
        return Heard()
    name, *ports = re.split(r"^--port ", result.stdout.decode(errors="replace"), flags=re.MULTILINE)
    asked = "--asked" in name
    addresses = (host,) if re.fullmatch(_ADDRESS, host) else tuple(dict.fromkeys(_addresses(name)))
    answers = {}
    for text in ports:
        port, said = text.split("\n", 1)
        said, _, code = said.rpartition("--code ")
        answers[int(port)] = "" if code.strip() == "0" else _reason(said)
    return Heard(addresses=addresses if asked or addresses else None, answers=answers)


def _addresses(text: str) -> Iterator[str]:
    """The addresses in what Python, getent, /etc/hosts or nslookup says. nslookup first tells the server that it asks."""
    before, _, told = text.partition("Server:")
    for line in (before + told.partition("Name:")[2]).splitlines():
        words = line.removeprefix("Address").replace(" 1:", ":").split()
        for word in words[:2]:
            if re.fullmatch(_ADDRESS, word):
                yield word
                break


def _reason(said: str) -> str:
    """Why there is no connection, in few words."""
    text = said.strip().lower()
    for words in ("refused", "timed out", "unreachable", "not known", "bad address", "no route"):
        if words in text:
            return {"refused": "connection refused", "timed out": "no answer in time"}.get(words, words)
    return said.strip().splitlines()[-1] if text else "no answer in time"


def listening(engine: Engine, container: str) -> tuple[Listener, ...] | None:
    """What listens in a running container; None if neither this machine's kernel nor the container's image can tell."""
    try:
        inspected = engine.inspect(container)
        found = listening_here(inspected.pid, inspected.id) if inspected.pid else None
        if found is not None:
            return found
        result = engine.exec(
            Exec(container=container, argv=("cat", *(f"/proc/net/{name}" for name in TABLES))), timeout=_GRACE
        )
    except EngineError:
        return None
    return None if result.exit_code in _MISSING else listeners(result.stdout.decode(errors="replace"))
