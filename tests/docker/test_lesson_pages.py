"""The lesson, docs/lesson: a student who types what its pages show must see what they show, and have nothing left at the end."""

from __future__ import annotations

import os
import random
import re
import secrets
import shlex
import shutil
import socket
import string
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import docker
import pages
import pytest
from scenario import NOTHING, ROOT, Project
from terminal import Terminal, screen

pytestmark = pytest.mark.docker

PAGES = sorted((ROOT / "docs" / "lesson").glob("*.md"))
CLONE = ("stack.toml", ".env.example", "examples")
"""What a page uses of the clone that a student works in."""
SLOW = ("03-name", "06-volume", "08-your-script", "09-django", "10-three-tiers")
"""Pages that show what other pages and scenarios show as well."""
EXAMPLES = [ROOT / "stack.toml", *sorted((ROOT / "examples").glob("*/stack*.toml"))]
HOST_PORT = re.compile(
    r'(-p |publish |"|localhost:|127\.0\.0\.1:|0\.0\.0\.0:(?=\d+(?::| failed|->))|\bport )(\d{4})\b'
)
"""A number of a published port, and not the same number inside of a container."""
PUBLISHED = re.compile(r'(?:-p |publish |")(?:[\d.]+:)?(\d{4}):\d+')
END = re.compile(r"^@@@ (\d+) (\d+)$")
WIDTH, LINES, ENDLESS = 80, 60, 100_000


class Own:
    """The names and host ports of a page, replaced by those of this run. They are as long as the page's, so that tables stay."""

    def __init__(self, number: int, texts: list[str]) -> None:
        names = {name for text in texts for name in pages.names(text)}
        ports = {port for text in texts for port in PUBLISHED.findall(text)}
        self.names = {name: other(name) for name in sorted(names)}
        self.ports = dict(zip(sorted(ports), free_ports(number, len(ports)), strict=True))

    def __call__(self, text: str) -> str:
        for name, own in self.names.items():
            text = text.replace(name, own)
        return HOST_PORT.sub(lambda found: f"{found[1]}{self.ports.get(found[2], found[2])}", text)


def other(name: str) -> str:
    """A name of the same length that nobody has."""
    assert len(name) >= 5, f"{name} is too short for a name that nobody has"
    return "q" + "".join(secrets.choice(string.ascii_lowercase) for _ in name[1:])


def free_ports(number: int, wanted: int) -> Iterator[str]:
    """Of four digits; those of each page are others, for pages run side by side."""
    candidates = [*range(2000 + 400 * number, 2400 + 400 * number)]
    random.shuffle(candidates)
    for port in candidates:
        if not wanted:
            return
        with suppress(OSError), socket.create_server(("", port)):
            wanted -= 1
            yield str(port)


def script(page: str) -> tuple[str, list[pages.Command]]:
    """All that a page tells to type and to write, as one bash script; after each command a line with its number and exit code."""
    lines: list[str] = []
    typed: list[pages.Command] = []
    for piece in pages.pieces(page):
        match piece:
            case pages.File(name, text):
                lines.append(
                    f"mkdir -p {shlex.quote(str(Path(name).parent))}; cat > {shlex.quote(name)} <<'@@@'\n{text}@@@"
                )
            case pages.Block("bash" | "console"):
                for command in pages.commands(piece):
                    end = f"{{ code=$?; printf '\\n@@@ {len(typed)} %d\\n' $code; (exit $code); }}"
                    lines.append(f"{command.text}\n{end}")
                    typed.append(command)
            case pages.Block("" | "text" | "mermaid") | pages.Heading():
                pass
            case _:
                raise AssertionError(f"line {piece.line}: neither a command, nor a file, nor its output")
    return "\n".join(lines) + "\n", typed


def differences(page: str, said: str, typed: list[pages.Command]) -> Iterator[str]:
    """What a reader of the page would not see as it stands there."""
    printed: list[list[str]] = [[]]
    codes: list[int] = []
    for row in screen(said, ENDLESS, LINES):
        if end := END.match(row):
            codes.append(int(end[2]))
            printed.append([])
        else:
            printed[-1].append(row)
    if len(codes) < len(typed):
        yield f"{page}:{typed[len(codes)].line}: the shell ended here: {printed[-1]}"
    for number, (command, code) in enumerate(zip(typed, codes, strict=False)):
        asked = number + 1 < len(typed) and typed[number + 1].text == "echo $?"
        told = "\n".join([f"$ {command.text}", *printed[number]])
        if command.shown and not pages.is_as_shown(command.shown, printed[number]):
            yield f"{page}:{command.line}: shown is\n{chr(10).join(command.shown)}\n--- printed is\n{told}"
        if code and not asked:
            yield f"{page}:{command.line}: exit code {code}, and no `echo $?` shows it\n{told}"


PAGE = """\
<!-- test: a.txt -->
```text
one
```

```console
$ cat a.txt && \\
    echo took 2.9 s
one
…
took 0.1 s
$ false
$ echo $?
1
```
"""


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("", "", []),
        ("\n…\n", "\n", []),
        ("one\n…", "o…", []),
        ("one\n…", "two\n…", ["7"]),
        ("one\n…\n", "", ["7"]),
        ("took 0.1", "look 0.1", ["7"]),
        ("$ echo $?\n1\n", "", ["12"]),
        ("$?\n1", "$?\n2", ["13"]),
        ("$ false", "$ exit 3", ["12"]),
    ],
)
def test_a_page_that_shows_something_else_must_fail(
    old: str, new: str, told: list[str], tmp_path: Path
) -> None:
    found = run(PAGE.replace(old, new), tmp_path)
    assert [re.sub(r"page.md:(\d+):.*", r"\1", each, flags=re.DOTALL) for each in found] == told


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(number, id=page.stem, marks=[pytest.mark.slow] if page.stem in SLOW else [])
        for number, page in enumerate(PAGES)
    ],
)
def test_a_page_must_show_what_is_seen_and_leave_nothing(
    number: int, tmp_path: Path, docker_api: docker.APIClient, shared: Project
) -> None:
    own = Own(number, [pages.read(PAGES[number]), *map(pages.read, EXAMPLES)])
    page = own(pages.read(PAGES[number]))
    clone = tmp_path / "stackctl"
    copy(clone, own, shared.name)
    mine = [Project(name, clone, docker_api) for name in own.names.values()]
    assert [project.resources() for project in mine] == [NOTHING for _ in mine], "names that somebody has"
    try:
        found = run(page, clone, PAGES[number].name)
        assert not found, "\n\n".join(found)
        assert [project.resources() for project in mine] == [NOTHING for _ in mine]
    finally:
        for project in mine:
            keep_images(project, shared)
            project.clean()


def run(page: str, directory: Path, name: str = "page.md") -> list[str]:
    """Type all that the page says, in a terminal in the directory; the differences to what it shows."""
    text, typed = script(page)
    told = ("PYTEST_", "STACKCTL_", "COMPOSE_")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(told)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    with Terminal(
        ["/bin/bash", "-c", text], cwd=directory, env=environment | {"PATH": path}, columns=WIDTH, lines=LINES
    ) as terminal:
        terminal.end(seconds=240)
        return [*differences(name, terminal.said, typed)]


def keep_images(project: Project, until: Project) -> None:
    """Under another name, so that the other pages find the layers that they have in common."""
    for image in project.api.images(filters={"reference": f"{project.name}*"}):
        project.api.tag(image["Id"], until.name, image["Id"].removeprefix("sha256:"))


def copy(clone: Path, own: Own, run: str) -> None:
    """What a student has, with the names and ports of this run, also in the names of files.

    What is built has no layer in common with what other processes build: the classic builder fails if a layer that it uses is
    removed meanwhile.
    """
    for name in CLONE:
        there = ROOT / name
        for file in [there] if there.is_file() else there.rglob("*"):
            if file.is_file() and file.name != ".env" and "__pycache__" not in file.parts:
                target = clone / own(str(file.relative_to(ROOT)))
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
                first = f"# {run}\n" if file.name == "requirements.txt" else ""
                target.write_text(first + own(file.read_text()))
