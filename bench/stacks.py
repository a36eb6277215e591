"""The stacks that are measured. Both tools read the same services; only what they call readiness differs.

stack.toml brings its own checks. Compose gets the ones its users write: `pg_isready`, `redis-cli ping` and a request, at a given
interval. `pg_isready` asks over TCP, as the socket answers during Postgres' first init.
"""

from __future__ import annotations

from typing import Any

Stack = dict[str, Any]

API_IMAGE = "stackctl-bench-api"
PUBLISHED = "idle000"
"""The one of many that serves, on port 80, which is published."""
LAYER = 10
"""How many of many services need none of each other."""

IGNORES_SIGTERM = ["python", "-m", "http.server", "8000"]
"""As process 1 it has no handler for SIGTERM, and the kernel gives process 1 no default one."""


def lesson(port: int, *, ignores_sigterm: bool = False) -> Stack:
    """Postgres, Redis and an API, as in the stack.toml of the project's root; the API on this host port."""
    api: dict[str, Any] = {
        "image": API_IMAGE,
        "ports": [f"127.0.0.1:{port}:8000"],
        "depends_on": ["postgres", "redis"],
        "healthcheck": {"http": ":8000/health"},
        "environment": {
            "DATABASE_URL": "postgresql://postgres:secret@postgres:5432/myapp",
            "REDIS_URL": "redis://redis:6379",
        },
    }
    if ignores_sigterm:
        api |= {"command": IGNORES_SIGTERM, "healthcheck": {"http": ":8000/"}}
    postgres = {
        "image": "postgres:15",
        "volumes": ["pgdata:/var/lib/postgresql/data"],
        "environment": {"POSTGRES_PASSWORD": "secret", "POSTGRES_DB": "myapp"},
    }
    return {
        "services": {"postgres": postgres, "redis": {"image": "redis:7"}, "api": api},
        "volumes": {"pgdata": {}},
    }


IDLE: dict[str, Any] = {"image": "busybox", "command": ["sleep", "86400"], "init": True}
"""A container that does nothing and ends at once when told to: what is measured is the tool and the engine."""


def many(port: int, count: int) -> Stack:
    """Services in layers. Each needs one of the layer before."""
    services = {f"idle{number:03}": dict(IDLE) for number in range(count)}
    for number in range(LAYER, count):
        services[f"idle{number:03}"]["depends_on"] = [f"idle{number - LAYER:03}"]
    services[PUBLISHED] |= {"command": ["httpd", "-f", "-p", "80"], "ports": [f"127.0.0.1:{port}:80"]}
    return {"services": services}


def one(_: int) -> Stack:
    return {"services": {"idle": IDLE}}


def for_compose(stack: Stack, interval: int, *, in_order: bool = True) -> Stack:
    """The same stack with checks in Compose's terms, every `interval` seconds.

    `in_order`: `depends_on` waits for them, as stackctl does. Without, Compose only starts one after the other, and an `up` with
    nothing to do need not look at any health: it takes a seventh of the time.
    """
    services = {name: _checked(name, service, interval) for name, service in stack["services"].items()}
    if in_order:
        for service in services.values():
            if wanted := service.get("depends_on"):
                service["depends_on"] = {other: {"condition": _ready(services[other])} for other in wanted}
    return {**stack, "services": services}


def _ready(service: dict[str, Any]) -> str:
    return "service_healthy" if "healthcheck" in service else "service_started"


def _checked(name: str, service: dict[str, Any], interval: int) -> dict[str, Any]:
    service = dict(service)
    if check := service.pop("healthcheck", None):
        url = f"http://127.0.0.1{check['http']}"
        test = ["CMD", "python", "-c", f"import urllib.request as r; r.urlopen('{url}')"]
    elif name == "postgres":
        test = ["CMD", "pg_isready", "-h", "127.0.0.1", "-U", "postgres"]
    elif name == "redis":
        test = ["CMD", "redis-cli", "ping"]
    else:
        return service
    service["healthcheck"] = {"test": test, "interval": f"{interval}s", "retries": 30}
    return service
