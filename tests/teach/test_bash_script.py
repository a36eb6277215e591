"""The script of `export bash`: whatever a stack.toml says, bash runs the commands that are meant, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from stackctl.planner.steps import actions
from stackctl.spec.selection import Selection
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.teach.bash import bash
from stackctl.teach.commands import Docker
from stackctl.teach.from_nothing import from_nothing

BASH = shutil.which("bash") or "/bin/bash"
RECORDER = """\
#!{bash}
printf '%s\\0' "$@" END >>"$LOG"
case "$1 $2" in
  "image inspect" | "network inspect" | "volume inspect") exit 1 ;;
  "inspect --format") printf 'running 0 none\\n' ;;
esac
"""
"""Stands for `docker`: writes down its arguments. Nothing is there, and every container runs."""


class Written:
    """A stack as a script, and what the script should run."""

    def __init__(self, tree: dict[str, Any], directory: Path, **environ: str) -> None:
        self.directory, self.environ = directory, environ
        (directory / "stack.toml").write_text(tomli_w.dumps(tree))
        request = StackRequest(
            files=[directory / "stack.toml"], directory=directory, environ=environ, name="shop"
        )
        stack = read(request)
        view, plan = from_nothing(stack, Selection())
        docker = Docker(stack)
        self.text = bash(docker, view.desired, plan, source="stack.toml")
        self.meant = [list(docker.container(spec, start=True).argv[1:]) for spec in view.desired.containers]
        self.meant += [
            list(line.argv[1:])
            for step in plan.steps
            if not isinstance(step.action, actions.CreateContainer | actions.StartContainer)
            and (line := docker.command(step.action))
        ]

    def run(self, *args: str) -> tuple[list[list[str]], str]:
        """Run the script where `docker` is recorded and no other command is there. Return the arguments of each call, and
        what the script says.
        """
        path = self.directory / "bin"
        path.mkdir(exist_ok=True)
        (path / "docker").write_text(RECORDER.format(bash=BASH))
        (path / "docker").chmod(0o755)
        for tool in ("env", "sleep"):
            (path / tool).unlink(missing_ok=True)
            (path / tool).symlink_to(shutil.which(tool) or tool)
        log, script = self.directory / "log", self.directory / "run.sh"
        log.write_bytes(b"")
        script.write_text(self.text)
        done = subprocess.run(
            [BASH, str(script), *args],
            cwd=path,
            env={"PATH": str(path), "LOG": str(log), **self.environ},
            capture_output=True,
            timeout=60,
            check=False,
        )
        said = (done.stdout + done.stderr).decode(errors="replace")
        assert done.returncode == 0, said
        assert sorted(each.name for each in path.iterdir()) == ["docker", "env", "sleep"]
        words = log.read_bytes().decode().split("\0")[:-1]
        calls: list[list[str]] = [[]]
        for word in words:
            if word == "END":
                calls.append([])
            else:
                calls[-1].append(word)
        return calls[:-1], said


def literal(tree: Any) -> Any:
    """The tree with every text as it is: a dollar is written as two."""
    match tree:
        case dict():
            return {key: literal(value) for key, value in tree.items()}
        case list():
            return [literal(value) for value in tree]
        case str():
            return tree.replace("$", "$$")
    return tree


EVIL = (
    "$(touch injected)", "`touch injected`", "'; touch injected; '", '"; touch injected; "', "\n touch injected\n", "\\", "\\'",
    "${IFS}", "$HOME", "!!", "-x", "", " ", "a=b", "#", "~", "*", "\r\n", "\x01\x7f", "}", "${x:-$(touch injected)}", "é🐳\u202e",
)  # fmt: skip
TEXT = st.sampled_from(EVIL) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12
)
FULL = TEXT.filter(bool)
NAME = FULL.filter(lambda text: "=" not in text)
LABEL = NAME.filter(lambda text: not any(letter.isspace() for letter in text))
PATH = FULL.map(lambda text: text.replace(":", "").replace("/", "").replace("..", "") or "x")


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Any]:
    """A stack with arbitrary text wherever a text may stand."""
    web = {
        "image": draw(FULL),
        "command": draw(st.lists(TEXT, max_size=3)),
        "entrypoint": draw(st.lists(FULL, max_size=2)),
        "environment": draw(st.dictionaries(NAME, TEXT, max_size=3)),
        "labels": draw(st.dictionaries(LABEL, TEXT, max_size=2)),
        "user": draw(TEXT),
        "working_dir": draw(TEXT),
        "hostname": draw(TEXT),
        "domainname": draw(TEXT),
        "stop_signal": draw(TEXT),
        "cap_add": draw(st.lists(TEXT, max_size=2)),
        "volumes": [
            {"type": "volume", "source": "data", "target": "/" + draw(PATH)},
            {"type": "bind", "source": "./" + draw(PATH), "target": "/b/" + draw(PATH)},
        ],
        "healthcheck": {"test": ["CMD", *draw(st.lists(FULL, min_size=1, max_size=3))]},
        "networks": {"net": {"aliases": draw(st.lists(TEXT, max_size=2))}},
    }
    return {
        "services": {"web": web},
        "networks": {
            "net": {
                "name": draw(FULL),
                "driver": draw(FULL),
                "driver_opts": draw(st.dictionaries(NAME, TEXT, max_size=1)),
                "labels": draw(st.dictionaries(LABEL, TEXT, max_size=1)),
            }
        },
        "volumes": {"data": {"name": draw(FULL), "driver": draw(FULL)}},
    }


@given(trees())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_bash_runs_what_is_meant_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, Any]
) -> None:
    shop = Written(literal(tree), tmp_path_factory.mktemp("shop"))
    calls, _ = shop.run()
    for argv in shop.meant:
        assert argv in calls
    assert ["exec", "shop-web-1", *tree["services"]["web"]["healthcheck"]["test"][1:]] in calls
    shop.run("down", "--volumes")


@given(st.dictionaries(st.sampled_from(["A", "TOKEN", "PATH_X", "UID", "IFS_"]), TEXT, min_size=1))
@example({"TOKEN": "a'b\"c$d", "A": "$(touch injected)"})
@settings(max_examples=15, deadline=None)
def test_variables_arrive_as_they_are(
    tmp_path_factory: pytest.TempPathFactory, environ: dict[str, str]
) -> None:
    texts = {f"V{n}": f"<${{{name}}}>" for n, name in enumerate(environ)}
    web = {"image": "busybox", "environment": texts, "command": ["x", *(f"${{{name}}}" for name in environ)]}
    required = {name: text for name, text in environ.items() if text or name != "TOKEN"}
    if required != environ:
        return  # the script asks for a secret that is not empty
    shop = Written({"services": {"web": web}}, tmp_path_factory.mktemp("shop"), **environ)
    assert "TOKEN" not in environ or len(environ["TOKEN"]) < 6 or environ["TOKEN"] not in shop.text
    token = environ.get("TOKEN", "")
    shop.environ = {
        "STACK_UID" if name == "UID" else name: text  # bash keeps UID for itself
        for name, text in environ.items()
        if name == "TOKEN" or (len(token) >= 6 and token in text)
    }
    calls, _ = shop.run()
    assert shop.meant[0] in calls


SECRETS = {
    "services": {
        "db": {"image": "postgres:15", "environment": {"POSTGRES_PASSWORD": "p@ss-word"}},
        "api": {
            "image": "busybox",
            "command": ["app", "--requirepass", "hidden1", "--url=redis://:hidden2@redis"],
            "environment": {
                "URL": "${services.db.url}",
                "API_TOKEN": "hidden3",
                "COPY": "x hidden3 y",
                "OWN": "${DB_PASS}",
            },
            "labels": {"secret": "hidden4"},
        },
    }
}


def test_no_secret_stands_in_the_script(tmp_path: Path) -> None:
    shop = Written(SECRETS, tmp_path, DB_PASS="hidden5")
    assert "hidden" not in shop.text
    assert "p@ss-word" not in shop.text
    assert "p%40ss" not in shop.text
    asked = {line.split(":")[1].strip('" ${') for line in shop.text.splitlines() if line.startswith('  : "')}
    values = {
        "POSTGRES_PASSWORD": "p@ss-word",
        "REQUIREPASS": "hidden1",
        "COMMAND_PASSWORD": "hidden2",
        "API_TOKEN": "hidden3",
        "SECRET": "hidden4",
        "DB_PASS": "hidden5",
    }
    assert asked == values.keys()
    shop.environ = values
    calls, _ = shop.run()
    assert all(argv in calls for argv in shop.meant)


@pytest.mark.parametrize(
    "tree",
    [
        SECRETS,
        {
            "services": {
                "web": {"image": "busybox", "environment": {"E": "$$x `y`"}, "healthcheck": {"log": r"\d"}}
            }
        },
    ],
)
def test_shellcheck_finds_nothing(tree: dict[str, Any], tmp_path: Path) -> None:
    shop = Written(tree, tmp_path, DB_PASS="hidden5")
    (tmp_path / "run.sh").write_text(shop.text)
    done = subprocess.run(
        [str(Path(sys.executable).parent / "shellcheck"), "run.sh"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""


@given(trees())
@example(
    {
        "services": {
            "web": {"image": "busybox", "environment": {"A": "‘", "B": "Tom’s $", "C": "‘“", "D": "it's “"}}
        }
    }
)
@settings(max_examples=10, deadline=None)
def test_shellcheck_finds_nothing_in_any_script(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, Any]
) -> None:
    directory = tmp_path_factory.mktemp("shop")
    test_shellcheck_finds_nothing(literal(tree), directory)
