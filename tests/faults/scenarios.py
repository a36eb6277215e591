"""What meets faults: a row for each thing that a command can do to an engine. `PROJECT` in a text is the project's name."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from exported import compose
from points import Scenario
from scenario import Project, Result, eventually

QUICK = 'image = "busybox"\ncommand = "sleep infinity"\nstop_grace_period = "0s"\n'
ALONE = f'[services.web]\n{QUICK}volumes = ["data:/data"]\n[volumes.data]\n'
DATA = "data:/data"


def two(value: object = 0, *, web: str = 'depends_on = ["db"]', more: str = "") -> str:
    """A service with a volume, and one that depends on it."""
    db = f'[services.db]\n{QUICK}environment.A = "{value}"\nvolumes = ["{DATA}"]\n'
    return f"{db}[services.web]\n{QUICK}{web}\n[volumes.data]\n{more}"


def large(services: int) -> str:
    """Layers of ten services, each of which depends on the layer before."""
    return "".join(
        f"[services.s{number}]\n{QUICK}depends_on = {[f's{number - 10}'] if number >= 10 else []}\n"
        for number in range(services)
    )


def bound(value: object) -> str:
    """`web` begins again whenever `db` does."""
    return two(value, web='depends_on.db = { condition = "service_started", restart = true }')


def copied(value: object) -> str:
    """A service that has a copy of a secret and of a text."""
    keys = 'secrets = ["pw"]\nconfigs = ["settings"]\n'
    texts = f'[secrets.pw]\nenvironment = "PW"\n[configs.settings]\ncontent = "a = {value}"\n'
    return f"[services.web]\n{QUICK}{keys}{texts}"


def job(value: object) -> str:
    """A service that waits for a job."""
    needs = 'depends_on = ["migrate"]\n'
    return f'[services.web]\n{QUICK}{needs}[jobs.migrate]\nimage = "busybox"\ncommand = "true"\nenvironment.A = "{value}"\n'


def hooked(value: object) -> str:
    """A service that notes what its hooks have done."""
    hooks = (
        'pre_start = [{ command = ["sh", "-c", "echo made >>/data/log"] }]\n'
        'post_start = [{ command = ["touch", "/tmp/started"] }]\n'
        'pre_stop = [{ command = ["sh", "-c", "echo stops >>/data/log"] }]\n'
    )
    quick = QUICK.replace("0s", "1s")  # the hook before the stop needs time
    keys = f'{quick}environment.A = "{value}"\nvolumes = ["{DATA}"]\n'
    return f"[services.web]\n{keys}{hooks}[volumes.data]\n"


def built(value: object) -> str:
    """A service that has a file of its own in its image."""
    text = f'FROM busybox\\nRUN echo {value} >/made\\nCMD [\\"sleep\\", \\"infinity\\"]'
    return f'[services.web]\nbuild = {{ context = ".", dockerfile_inline = "{text}" }}\nstop_grace_period = "0s"\n'


def fresh(project: Project, **_: Any) -> Result:
    """Nothing is there."""
    project.clean()
    return Result(0, "", "")


WATCHED = f"""\
[services.web]
{QUICK}
develop.watch = [{{ path = "app", action = "sync", target = "/srv/app" }}, {{ path = "conf", action = "restart" }}]
"""


def says(service: str, wanted: str, *argv: str) -> Callable[[Project], None]:
    """A command in a service's container says this."""

    def check(project: Project) -> None:
        assert project.inside(service, *argv).split() == wanted.split()

    return check


def composed(project: Project, **_: Any) -> Result:
    """Docker Compose brings the project up."""
    project.clean()
    text = "services: {web: {image: busybox, init: true, command: sleep infinity, volumes: ['data:/data']}}\nvolumes: {data: }\n"
    project.write(text, "compose.yaml")
    compose(project, "-p", project.name, "up", "-d", env=project.env)
    return Result(0, "", "")


def run_and_sweep(project: Project, **_: Any) -> Result:
    """A run that was killed before its command began leaves a container that waits for `--remove-orphans` or `down`."""
    project.run("run", "--rm", "web", "true")
    return project.run("up", "--remove-orphans")


def run_detached(project: Project, *, code: int | None = 0, **given: Any) -> Result:
    """A run that goes by itself when its command has ended."""
    once = f"{project.name}-once"
    done = project.run("run", "--rm", "-d", "--name", once, "web", "true", code=code, **given)
    if done.code == 0:
        eventually(lambda: once not in project.resources()["containers"])
    return done


def followed(
    project: Project, *, code: int | None = 0, begun: Any = lambda _: None, env: Any = None
) -> Result:
    """`watch` sees a file change, and is interrupted."""
    ended = ("synced app/a.py", "cannot sync", "failed", "error")
    project.write("1", "app/a.py")
    with project.start("watch", "--progress", "plain", env=env) as process:
        begun(process)
        assert process.stdout
        said = []
        for line in process.stdout:
            said.append(line)
            if "watching" in line:
                project.write("22", "app/a.py")
            if any(words in line for words in ended):
                process.send_signal(signal.SIGINT)
        rest, told = process.communicate(timeout=120)
    output = "".join([*said, rest, told])
    assert "Traceback" not in output, output
    exit_code = 0 if process.returncode == 130 and "synced" in output else process.returncode
    assert code is None or exit_code == code, f"exit {process.returncode}\n{output}"
    return Result(exit_code, output, "")


SCENARIOS: dict[str, Scenario] = {
    "first up": Scenario("up", ALONE, [fresh]),
    "recreate": Scenario("up", two(1), ["up"], old=two(0), untouched=("web",), kept=DATA),
    "dependents": Scenario("up", bound(1), ["up"], old=bound(0), kept=DATA),
    "network": Scenario(
        "up", two(more="[networks.default]\ninternal = true\n"), ["up"], old=two(), kept=DATA
    ),
    "scale up": Scenario(
        "scale web=3", two(), ["up --scale web=1"], quiet="up --scale web=3", untouched=("db",)
    ),
    "scale down": Scenario(
        "scale web=1", two(), ["up --scale web=3"], quiet="up --scale web=1", untouched=("db",)
    ),
    "secret, config": Scenario(
        "up",
        copied(1),
        ["up"],
        old=copied(0),
        env={"PW": "hunter2"},
        check=says("web", "hunter2a = 1", "cat", "/run/secrets/pw", "/settings"),
    ),
    "job": Scenario("up", job(1), ["up"], old=job(0)),
    "hooks": Scenario(
        "up", hooked(1), ["up"], old=hooked(0), check=says("web", "/tmp/started", "ls", "/tmp/started")
    ),
    "build": Scenario(
        "up --build", built(1), ["up --build"], old=built(0), check=says("web", "1", "cat", "/made")
    ),
    "run": Scenario("run --rm web true", two(), ["up"], again=run_and_sweep, untouched=("web", "db")),
    "run --detach": Scenario(run_detached, two(), ["up"], untouched=("web", "db")),
    "watch": Scenario(followed, WATCHED, [fresh], check=says("web", "22", "cat", "/srv/app/a.py")),
    "snapshot create": Scenario(
        "snapshot create --replace one", two(), ["up"], kept=DATA, untouched=("web",)
    ),
    "snapshot restore": Scenario(
        "snapshot restore --yes one", two(), ["up", "snapshot create --replace one"], untouched=("web",)
    ),
    "snapshot rm": Scenario(
        "snapshot rm one",
        two(),
        ["up", "snapshot create --replace one"],
        refusal="no such snapshot",
        untouched=("db", "web"),
    ),
    "isolated": Scenario(
        "up --isolated",
        f'name = "PROJECT"\n{ALONE}',
        [fresh],
        quiet="up --isolated",
        env={"STACKCTL_PROJECT": ""},
    ),
    "stop": Scenario("stop", two(), ["up"], quiet="stop"),
    "start": Scenario("start", two(), ["up", "stop"]),
    "restart": Scenario("restart web", two(), ["up"], untouched=("db",)),
    "rm": Scenario("rm -f web", two(), ["up", "stop web"], quiet="rm -f web", untouched=("db",)),
    "kill": Scenario("kill web", two(), ["up"], quiet="kill web", untouched=("db",)),
    "pause": Scenario("pause", two(), ["unpause", "up"], quiet="pause", untouched=("db", "web")),
    "unpause": Scenario("unpause", two(), ["up", "pause"], untouched=("db", "web")),
    "down": Scenario("down", two(), ["up"], quiet="down", kept=DATA),
    "down --volumes": Scenario("down --volumes", ALONE, ["up"], quiet="down --volumes"),
    "adopt": Scenario("up --adopt", ALONE, [composed], kept=DATA),
    "gc": Scenario("gc --yes -p PROJECT", two(), ["up --for 1s"], quiet="gc --yes -p PROJECT", kept=DATA),
}
