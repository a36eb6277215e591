"""A secret in every place where a stack may have one is in no output of any command, in no error, in no label of stackctl's."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import Run

import stackctl
from stackctl.cli import SECTIONS
from stackctl.engine.memory import MemoryEngine
from stackctl.engine.memory.commands import Behaviour
from stackctl.errors import EngineError
from stackctl.planner.steps.actions import Action, CreateVolume, StartContainer
from stackctl.planner.world.observed import ImageConfig

pytest_plugins = ["commandline_fixtures"]

CANARY = "kanari-7d3f"

STACK = """
[services.db]
image = "postgres:15"
command = ["sleep", "infinity"]
environment = { POSTGRES_USER = "me", POSTGRES_PASSWORD = "${DB_PASSWORD}" }

[services.cache]
image = "redis:7"
command = ["redis-server", "--requirepass", "${DB_PASSWORD}"]
healthcheck = { test = ["NONE"] }

[services.dies]
image = "app"
command = ["serve", "--password", "${DB_PASSWORD}"]

[services.api]
image = "api"
build = { context = ".", args = { TOKEN = "${DB_PASSWORD}", PLAIN = "${DB_PASSWORD}" } }
env_file = ["api.env"]
entrypoint = ["env", "X=${DB_PASSWORD}", "--token=${DB_PASSWORD}"]
command = ["sleep", "infinity", "${DB_PASSWORD}", "${services.db.password}", "${services.db.url}"]
environment = [
  "PLAIN=${DB_PASSWORD}",
  "MIXED=<${DB_PASSWORD:-none}>",
  "DEFAULT=${NO_PASSWORD:-kanari-7d3f}",
  "DATABASE_URL=${services.db.url}",
  "CACHE_URL=${services.cache.url}",
  "WRITTEN=postgresql://me:kanari-7d3f@db/me",
  "API_KEY=kanari-7d3f",
  "FROM_SHELL_TOKEN",
]
healthcheck = { test = ["CMD", "check", "${services.db.url}", "${DB_PASSWORD}", "--password", "kanari-7d3f"], retries = 1 }
labels = { "my.token" = "${DB_PASSWORD}" }
volumes = ["share:/share"]
depends_on = ["db"]

[volumes.share]
driver_opts = { type = "cifs", o = "username=me,password=${DB_PASSWORD}" }

[jobs.seed]
image = "app"
command = "seed --password=${DB_PASSWORD} ${services.db.url}"
"""
WRONG = """
[services.api]
image = "api"
restart = "${DB_PASSWORD}"
ports = ["${DB_PASSWORD}:80:80", "${DB_PASSWORD}"]
tmpfs = ["/x:${DB_PASSWORD}"]
expose = ["${DB_PASSWORD}"]
stop_grace_period = "${DB_PASSWORD}"
pull_policy = "${DB_PASSWORD}"
network_mode = "${DB_PASSWORD}"
container_name = "${DB_PASSWORD}!"
healthcheck = { http = "${DB_PASSWORD}" }
volumes = ["${DB_PASSWORD}:/x", "x:${DB_PASSWORD}"]
command = "'${DB_PASSWORD}"
tty = "${DB_PASSWORD}"
shm_size = "${DB_PASSWORD}"
environment = ["A=${B:?no ${DB_PASSWORD}}", "${DB_PASSWORD}"]
depends_on = ["${DB_PASSWORD}"]
"""
COMMANDS = (
    ("config",), ("config", "--json"), ("config", "--variables"), ("config", "--no-interpolate"), ("config", "--images"),
    ("config", "--hash", "*"), ("plan",), ("plan", "--steps"), ("plan", "--json"), ("build",), ("pull",),
    ("--progress", "plain", "up", "--wait-timeout", "1"), ("--progress", "json", "up", "--wait-timeout", "1"),
    ("timeline",), ("timeline", "--json"), ("timeline", "--html", "-", "--trace", "-"), ("status",), ("status", "--json"), ("ps", "-a"), ("ps", "-a", "--json"), ("logs", "db"), ("port", "db", "5432"),
    ("exec", "db", "false"), ("plan",), ("export", "k8s"), ("--progress", "plain", "down", "-v", "-y"), ("--progress", "json", "down", "-v", "-y"),
    ("create",), ("events", "--since", "1h", "--until", "0s"), ("explain",), ("explain", "db"), ("explain", "up"), ("explain", "db", "--inside"), ("env", "--from", "db"),
    ("export", "bash"), ("export", "compose"), ("export", "mermaid"), ("export", "dot"), ("export", "dot", "--plan"), ("check",), ("check", "--format", "sarif"),
    ("check", "--format", "github"), ("doctor",), ("debug", "db", "true"), ("gc",), ("images",), ("kill", "cache"), ("start", "cache"), ("stop", "cache"),
    ("restart", "cache"), ("pause", "db"), ("unpause", "db"), ("ls", "-a"), ("push",), ("reach", "api", "db"), ("rm", "-f", "dies"), ("run", "--rm", "db", "true"),
    ("same", ".", "."), ("same", ".", "shop"), ("scale", "cache=2"), ("schema",), ("snapshot", "create", "one"), ("snapshot", "ls"), ("snapshot", "rm", "one"),
    ("stats", "--no-stream"), ("stats", "--no-stream", "--json"), ("top",), ("version",), ("volumes",), ("wait", "seed"), ("cp", "db:/none", "-"), ("deploy",),
    ("deploy", "--plan"), ("watch", "--no-up", "--propose"), ("completion", "bash"), ("bundle", "out.stack"), ("load", "out.stack"), ("add", "redis"),
    ("import", "compose.yaml"), ("import", "run.sh"), ("with", "db", "--", "true"), ("attach", "dies"), ("lab",), ("init",),
)  # fmt: skip


def engine(before: Callable[[Action], None] = lambda _: None) -> MemoryEngine:
    checked = "check postgresql://me:kanari-7d3f@db:5432/me kanari-7d3f --password kanari-7d3f".split()
    refused = (1, "cannot log in: postgresql://me:kanari-7d3f@db:5432/me")
    behaviour = Behaviour(commands={tuple(checked): refused})
    images = {ref: ImageConfig() for ref in ("postgres:15", "redis:7", "app")}
    dies = Behaviour(exit_code=1, log=(f"cannot log in with {CANARY}",))
    return MemoryEngine(images, behaviours={"api": behaviour, "dies": dies}, before=before)


@pytest.fixture
def stackctl_says(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    (tmp_path / "stack.toml").write_text(f'name = "canary-{uuid.uuid4().hex[:8]}"\n{STACK}')
    (tmp_path / ".env").write_text(f"DB_PASSWORD={CANARY}\n")
    (tmp_path / "api.env").write_text("FILE_PLAIN=$DB_PASSWORD\n")
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    running = engine()

    def says(*args: str, on: MemoryEngine = running) -> str:
        monkeypatch.setattr("stackctl.cli.settings.connect", lambda **_: on)
        ran = run(*args, FROM_SHELL_TOKEN=CANARY)
        return ran.out + ran.err

    return says


def test_no_command_shows_a_secret(stackctl_says: Callable[..., str]) -> None:
    said = {" ".join(command): stackctl_says(*command) for command in COMMANDS}
    assert all(said[command] for command in ("config", "plan", "timeline", "status", "ps -a", "export k8s"))
    assert (
        "check ${services.db.url} ${DB_PASSWORD} --password •••: cannot log in: postgresql://me:•••@db"
        in (said["--progress plain up --wait-timeout 1"])
    )
    assert "cannot log in with •••" in said["--progress plain up --wait-timeout 1"]
    shown = {
        c: [line for line in text.splitlines() if CANARY in line]
        for c, text in said.items()
        if CANARY in text
    }
    assert shown == {}


def test_every_command_is_tried() -> None:
    """A new command must be added above: it may show a secret."""
    tried = {word for command in COMMANDS for word in command}
    assert {name for section in SECTIONS.values() for name in section} <= tried


def test_no_error_of_the_engine_shows_a_secret(stackctl_says: Callable[..., str]) -> None:
    def refuse(action: Action) -> None:
        """Engines quote what they were sent."""
        if isinstance(action, CreateVolume):
            raise EngineError(f"failed to mount: {dict(action.volume.options)}", f"look at {CANARY}")

    assert "failed to mount" in (said := stackctl_says("--progress", "plain", "up", on=engine(before=refuse)))
    assert CANARY not in said

    def refuse_to_start(action: Action) -> None:
        if isinstance(action, StartContainer):
            raise EngineError(f"exec: {CANARY}: executable file not found")

    said = stackctl_says("--progress", "json", "up", on=engine(before=refuse_to_start))
    assert "executable file not found" in said
    assert CANARY not in said


def test_no_mistake_shows_a_secret(tmp_path: Path, stackctl_says: Callable[..., str]) -> None:
    (tmp_path / "stack.toml").write_text(WRONG)
    said = stackctl_says("config")
    assert said.count("error SC") > 15
    assert CANARY not in said


def test_no_label_and_no_record_shows_a_secret(tmp_path: Path, stackctl_says: Callable[..., str]) -> None:
    on = engine()
    stackctl_says("up", "--wait-timeout", "1", on=on)
    labels = [container.labels for container in on.observe().containers]
    assert len(labels) == 5
    assert CANARY not in str(
        [{k: v for k, v in each.items() if k.startswith("stackctl.")} for each in labels]
    )
    (tmp_path / "stack.toml").write_text(STACK.replace(f', "--password", "{CANARY}"', ""))
    stack = stackctl.load(tmp_path / "stack.toml", environ={"FROM_SHELL_TOKEN": CANARY})
    assert CANARY not in repr(stack)
    assert CANARY not in repr(stackctl.plan(stack, engine()))


COMMON = """
name = "shop"
[services.postgres]
image = "postgres:15"
command = ["sleep", "infinity"]
environment = { POSTGRES_PASSWORD = "postgres", POSTGRES_USER = "postgres", POSTGRES_DB = "postgres" }
[services.api]
image = "app"
command = ["serve", "--password", "postgres"]
environment = { URL = "postgresql://postgres:postgres@postgres/postgres", WHERE = "/etc/postgres/x" }
"""


def test_a_password_that_is_a_word_of_the_stack_makes_no_text_unreadable(
    tmp_path: Path, stackctl_says: Callable[..., str]
) -> None:
    (tmp_path / "stack.toml").write_text(COMMON)
    password = '"${POSTGRES_PASSWORD:?set it in .env}"'
    compose = stackctl_says("export", "compose")
    for line in (
        "image: postgres:15",
        f"POSTGRES_PASSWORD: {password}",
        "POSTGRES_USER: postgres",
        f'URL: "postgresql://postgres:{password[1:-1]}@postgres/postgres"',
        "WHERE: /etc/postgres/x",
        f'"--password", {password}',
    ):
        assert line in compose, compose
    assert '"postgresql://postgres:${POSTGRES_PASSWORD}@postgres/postgres"' in stackctl_says("export", "bash")
    assert "value: /etc/postgres/x" in stackctl_says("export", "k8s")

    def refuse(action: Action) -> None:
        if isinstance(action, StartContainer):
            raise EngineError("/etc/postgres of postgres:15: postgresql://postgres:postgres@postgres/x")

    on = engine(before=refuse)
    said = stackctl_says("--progress", "plain", "up", on=on)
    assert "/etc/postgres of postgres:15: postgresql://postgres:•••@postgres/x" in said
    assert "postgres:15" in stackctl_says("ps", "-a", on=on)
