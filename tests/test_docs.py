"""The docs say what is: generated pages are current, examples can be read, commands exist, links lead somewhere."""

import contextlib
import importlib.util
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from stackctl.cli import SECTIONS, cli
from stackctl.spec.lint.rules import lint
from stackctl.spec.selection import Selection
from stackctl.spec.source import reading as files
from stackctl.spec.source.known_file import known_images
from stackctl.spec.source.locate import Source
from stackctl.spec.source.request import StackRequest
from stackctl.spec.text.interpolate import variables
from stackctl.testing.plugin.settings import fields, option

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/README.md")],
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
WRONG = re.compile(r"<!-- test: \S+, wrong -->\n$")
"""Before a block that has a mistake on purpose: `tests/docker/test_lesson_pages.py` runs what is said about it."""
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def blocks(*languages: str) -> list[Any]:
    """The fenced blocks of some languages, each called by its page and line."""
    return [
        pytest.param(match[2], id=f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}")
        for page in PAGES
        for text in [page.read_text()]
        for match in FENCE.finditer(text)
        if match[1] in languages and not WRONG.search(text, 0, match.start())
    ]


def generator() -> Any:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("page", "text"), [pytest.param(p, t, id=p.name) for p, t in generator().pages().items()]
)
def test_a_generated_page_is_current(page: Path, text: str) -> None:
    assert page.read_text() == text, "run: python docs/generate.py"


def test_the_guide_tells_of_every_command() -> None:
    told = set(re.findall(r"^### (\w+)$", (ROOT / "docs/guide/commands.md").read_text(), re.MULTILINE))
    assert told == {name for section in SECTIONS.values() for name in section}


def test_the_guide_tells_of_every_setting_for_tests() -> None:
    guide = (ROOT / "docs/guide/testing-reference.md").read_text()
    rows = re.findall(
        r"^\| `(\w+)` \| `--(?:no-)?(stack-[\w-]+)(?:=\w+)?` \| `(\w+)` \| (?:`(\w+)`)? ?\|",
        guide,
        re.MULTILINE,
    )
    assert rows == [
        (f.name, option(f).removeprefix("--"), f"stack_{f.name}", f.metadata["variable"]) for f in fields()
    ]


@pytest.mark.parametrize("text", blocks("python"))
def test_a_program_can_be_compiled(text: str) -> None:
    compile(text, "example", "exec")


# stack.toml


@pytest.mark.parametrize("text", blocks("toml"))
def test_an_example_can_be_read(text: str, tmp_path: Path) -> None:
    """A whole stack, which has a name, passes the rules as well; of a part, each service gets an image if it has none. A block that
    begins with `# known.toml` is such a file.
    """
    tree = tomllib.loads(text)
    if text.startswith("# known.toml"):
        _, problems = known_images(Source("known.toml", text))
        assert not [str(problem) for problem in problems]
        return
    whole = "name" in tree
    for table in (*tree.get("services", {}).values(), *tree.get("jobs", {}).values()):
        for file in table.get("env_file", ()):
            write(tmp_path / (file if isinstance(file, str) else file["path"]), "")
        for pattern in table.get("inputs", ()):
            write(tmp_path / pattern.replace("**", "file"), "")
    contents = [*tree.get("secrets", {}).values(), *tree.get("configs", {}).values()]
    for content in contents:
        if "file" in content:
            write(tmp_path / content["file"], "")
    write(tmp_path / "stack.toml", text)
    write(tmp_path / "rest.toml", rest(tree))
    request = StackRequest(
        files=[tmp_path / "stack.toml", tmp_path / "rest.toml"],
        directory=tmp_path,
        environ={name: "8000" for name, default in variables(text) if default is None}
        | {content["environment"]: "8000" for content in contents if "environment" in content},
        selection=Selection(profiles=["*"]),
    )
    stack = files.read(request, [lint] if whole else [])
    assert not [str(problem) for problem in stack.problems]


def rest(tree: dict[str, Any]) -> str:
    """The images that a part of a stack leaves out."""
    return "".join(
        f'[{section}.{name}]\nimage = "busybox"\n'
        for section in ("services", "jobs")
        for name, table in tree.get(section, {}).items()
        if not table.keys() & {"image", "build"}
    )


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


# Commands


def command_lines(text: str, *, prompt: bool) -> Iterator[list[str]]:
    """The calls of stackctl in a block; in one with output only the lines after a prompt count."""
    for line in text.replace("\\\n", " ").splitlines():
        start = re.match(r"\$ " if prompt else r"(ExecSt\w+=)?", line)
        if start is None:
            continue
        words: list[str] = []
        lexer = shlex.shlex(line[start.end() :], posix=True, punctuation_chars=True)
        lexer.commenters, lexer.whitespace_split = "#", True
        with contextlib.suppress(ValueError):  # a quote that ends on another line
            for word in [*lexer, ";"]:
                if not set(word) <= set("();<>|&$"):
                    words.append(word)
                    continue
                while words and "=" in words[0]:
                    del words[0]
                if words and Path(words[0]).name == "stackctl":
                    yield words[1:]
                words = []


CALLS = [
    pytest.param(words, id=f"{block.id} {' '.join(words)}")
    for prompt, languages in ((True, ("console",)), (False, ("", "bash", "sh", "ini", "yaml")))
    for block in blocks(*languages)
    for words in command_lines(block.values[0], prompt=prompt)
]


@pytest.mark.parametrize("words", CALLS)
def test_a_command_exists_with_its_options(words: list[str]) -> None:
    with contextlib.suppress(click.exceptions.Exit):  # --help and --version end here
        context = cli.make_context("stackctl", [*words])
        _, after, _ = cli.make_parser(context).parse_args([*words])
        name, command, arguments = cli.resolve_command(context, after)
        assert command is not None
        command.make_context(name, arguments, parent=context)


def test_commands_are_found() -> None:
    text = "$ FOO=1 stackctl -p x up api # comment\nstackctl output\n$ echo 1 | /bin/stackctl exec db cat > $(stackctl ps -q)\n"
    assert [*command_lines(text, prompt=True)] == [
        ["-p", "x", "up", "api"],
        ["exec", "db", "cat"],
        ["ps", "-q"],
    ]


# Links


LINKS = [
    pytest.param(page, target, id=f"{page.relative_to(ROOT)} {target}")
    for page in PAGES
    for target in dict.fromkeys(LINK.findall(FENCE.sub("", page.read_text())))
    if "://" not in target and not target.startswith("mailto:")
]


@pytest.mark.parametrize(("page", "target"), LINKS)
def test_a_link_leads_somewhere(page: Path, target: str) -> None:
    name, _, anchor = target.partition("#")
    path = (page.parent / name).resolve() if name else page
    assert path.exists()
    if anchor:
        assert anchor in anchors(path.read_text())


# Paths


ROOMS = [ROOT / name for name in ("CONTRIBUTING.md", "docs/ARCHITECTURE.md", "docs/adding-an-action.md")]
PLACE = re.compile(r"`((?:[\w.-]+/)*[\w.-]+(?:\.py|\.toml|/))(?::([\w.]+))?`")


@pytest.mark.parametrize("page", ROOMS, ids=lambda page: page.name)
def test_a_place_in_the_code_is_where_the_page_says(page: Path) -> None:
    """`FILE`, `FOLDER/` and `FILE:NAME`, below stackctl/ or the root."""
    places = PLACE.findall(page.read_text())
    assert places
    for path, name in places:
        found = [base / path for base in (ROOT / "stackctl", ROOT) if (base / path).exists()]
        assert found, f"there is no {path}"
        last = name.rpartition(".")[2]
        assert not name or re.search(rf"\b(?:def|class) {last}\b", found[0].read_text()), (
            f"no {name} in {path}"
        )


def anchors(text: str) -> list[str]:
    """The anchors of a page's headings, as GitHub makes them: the second of two that are alike ends in -1."""
    found: list[str] = []
    for heading in re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE):
        anchor = re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        number = sum(re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", other) is not None for other in found)
        found.append(f"{anchor}-{number}" if number else anchor)
    return found
