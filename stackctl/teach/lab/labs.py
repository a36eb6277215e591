"""The labs: what each teaches, which stack is right, and which mistakes are put into it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from stackctl.teach.lab.variation import Variation

Tree = dict[str, Any]
API_PORT = 8000
"""Where the program of a lab listens if nothing else is said."""
NOTES = "/srv/notes"
"""Where the program of a lab writes notes if nothing else is said."""
COMMAND = ["python", "/app/app.py"]


class Lab(Struct, frozen=True, kw_only=True):
    """`title` is a few words, `teaches` a sentence. `parts` are the parts of the stack beside the program; `mistakes` say from which kinds one mistake each is taken."""

    title: str
    teaches: str
    parts: tuple[str, ...]
    mistakes: tuple[tuple[str, ...], ...]
    runs: bool = False
    """Whether `lab check` brings the stack up: the mistakes show only at run time."""
    url: bool = True
    """Whether the program finds its database by a URL, in which the rules see the name of the database."""


_NAMES = ("host renamed in a URL", "network not defined", "key misspelt")
_VARIABLES = ("required variable forgotten", "variable misspelt", "wrong password in a URL")
_ADDRESSES = ("host renamed in a URL", "localhost in a URL", "published port in a URL")
_DATA = ("volume forgotten", "volume at another path")
_WAITS = ("depends_on forgotten", "waits for the start only")
_HIDDEN = ("hidden dependency forgotten", "waits for the start of a job only")

LABS: Mapping[int, Lab] = {
    1: Lab(
        title="a name that nothing has",
        teaches="names and variables: `stackctl check` tells both mistakes before anything runs",
        parts=("db",),
        mistakes=(_NAMES, _VARIABLES),
    ),
    2: Lab(
        title="four at once",
        teaches="addresses between containers, order, data: `stackctl check` tells all four at once",
        parts=("db", "cache"),
        mistakes=(_ADDRESSES, _DATA, _WAITS, ("port published twice", *_VARIABLES)),
    ),
    3: Lab(
        title="it runs, and nobody answers",
        teaches="which port and which address a program listens on, what it reads: only the running stack shows it",
        parts=("cache",),
        mistakes=(("listens on loopback only",), ("another port inside",), ("variable of the program misspelt",)),
        runs=True,
    ),
    4: Lab(
        title="who waits for whom",
        teaches="order, jobs and being ready, where no rule can see who needs whom",
        parts=("db", "migrate"),
        mistakes=(_HIDDEN, _HIDDEN),
        runs=True,
        url=False,
    ),
    5: Lab(
        title="what stays after down",
        teaches="where programs keep data, and which data the next container finds",
        parts=("db", "cache", "notes"),
        mistakes=(("directory not kept",), _DATA, _DATA),
        runs=True,
    ),
    6: Lab(
        title="a whole stack",
        teaches="everything at once: three tiers, six mistakes, and some of them no rule can see",
        parts=("db", "cache", "notes", "migrate", "web"),
        mistakes=(
            _ADDRESSES,
            _DATA,
            _VARIABLES,
            ("listens on loopback only",),
            ("directory not kept",),
            _HIDDEN,
        ),
        runs=True,
    ),
}  # fmt: skip


def reference(lab: Lab, names: Variation) -> Tree:
    """The stack without mistakes."""
    parts = lab.parts
    api = _api(lab, names)
    services: Tree = {}
    if "web" in parts:
        services[names.web] = _web(names)
    else:
        api["ports"] = [f"{names.port}:{API_PORT}"]
    services[names.api] = api
    if "db" in parts:
        services[names.db] = _db(names)
    if "cache" in parts:
        services[names.cache] = _cache(lab, names)
    tree: Tree = {"services": {name: _without_empty(service) for name, service in services.items()}}
    if "migrate" in parts:
        tree["jobs"] = {names.migrate: _migrate(names)}
    tree["networks"] = {names.network: {}}
    mounts = [mount for service in services.values() for mount in service.get("volumes", ())]
    kept = [mount.split(":")[0] for mount in mounts if not mount.startswith(".")]
    if kept:
        tree["volumes"] = {name: {} for name in kept}
    return tree


def _api(lab: Lab, names: Variation) -> Tree:
    environment = {"HOST": "0.0.0.0", "TITLE": names.title}  # noqa: S104 the mistake is to listen on loopback only
    depends: list[str] = []
    if "db" in lab.parts:
        depends.append(names.migrate if "migrate" in lab.parts else names.db)
        if lab.url:
            environment["DATABASE_URL"] = (
                f"postgresql://{names.user}:${{DB_PASSWORD}}@{names.db}:5432/{names.database}"
            )
        else:
            environment |= _login(names)
    if "cache" in lab.parts:
        depends.append(names.cache)
        environment["CACHE_URL"] = f"redis://{names.cache}:6379"
    volumes = ["./app:/app:ro"]
    if "notes" in lab.parts:
        volumes.append(f"{names.notes}:{NOTES}")
    return {
        "image": "python:3.11-slim",
        "command": COMMAND,
        "environment": environment,
        "volumes": volumes,
        "networks": [names.network],
        "depends_on": depends,
    }


def _login(names: Variation) -> dict[str, str]:
    return {
        "PGHOST": names.db,
        "PGUSER": names.user,
        "PGPASSWORD": "${DB_PASSWORD}",
        "PGDATABASE": names.database,
    }


def _db(names: Variation) -> Tree:
    return {
        "image": "postgres:15",
        "environment": {
            "POSTGRES_USER": names.user,
            "POSTGRES_PASSWORD": "${DB_PASSWORD}",
            "POSTGRES_DB": names.database,
        },
        "volumes": [f"{names.rows}:/var/lib/postgresql/data"],
        "networks": [names.network],
    }


def _cache(lab: Lab, names: Variation) -> Tree:
    kept = {"command": ["redis-server", "--appendonly", "yes"], "volumes": [f"{names.visits}:/data"]}
    return {"image": "redis:7", **(kept if "notes" in lab.parts else {}), "networks": [names.network]}


def _web(names: Variation) -> Tree:
    return {
        "image": "nginx:1",
        "volumes": ["./web/default.conf:/etc/nginx/conf.d/default.conf:ro"],
        "ports": [f"{names.port}:80"],
        "networks": [names.network],
        "depends_on": [names.api],
    }


def _migrate(names: Variation) -> Tree:
    return {
        "image": "postgres:15",
        "command": ["sh", "/app/migrate.sh"],
        "environment": _login(names),
        "volumes": ["./app:/app:ro"],
        "networks": [names.network],
        "depends_on": [names.db],
    }


def _without_empty(service: Tree) -> Tree:
    return {key: value for key, value in service.items() if value != []}
