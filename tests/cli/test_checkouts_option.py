"""Which stack a command means in one of several checkouts: `checkouts`, --isolated and STACKCTL_ISOLATED."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from commandline import Ran, Run

from stackctl.engine.memory import MemoryEngine

pytest_plugins = ["commandline_fixtures"]

TEXT = 'name = "shop"\n{}[services.web]\nimage = "app:1"\nports = ["8080:80"]\n'


@pytest.fixture(autouse=True)
def two(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    write(tmp_path, "")


def write(directory: Path, key: str) -> None:
    for name in ("one", "two"):
        (directory / name / "stack.toml").write_text(TEXT.format(key and f"{key}\n"))


def projects(memory: MemoryEngine) -> list[str]:
    return sorted(container.project or "" for container in memory.observe().containers)


def port(ran: Ran) -> int:
    assert ran.code == 0, ran.err
    return int(ran.out.strip().rpartition(":")[2])


def test_another_directory_is_refused_and_told_the_ways_out(there: Run, memory: MemoryEngine) -> None:
    assert there("-f", "one/stack.toml", "up", "-d").code == 0
    refused = there("-f", "two/stack.toml", "up", "-d")
    assert refused.code == 1
    assert "/one/stack.toml; this is " in refused.err
    for way in ("--isolated starts", "--adopt takes", "-p NAME starts"):
        assert way in " ".join(refused.err.split())
    for command in ("down", "stop"):
        assert "--isolated means" in " ".join(there("-f", "two/stack.toml", command).err.split())
    assert projects(memory) == ["shop"]


@pytest.mark.parametrize("how", ["option", "late option", "variable", "key"])
def test_each_way_to_say_it_means_the_same_stack_in_every_command(
    there: Run, memory: MemoryEngine, tmp_path: Path, how: str
) -> None:
    assert there("-f", "one/stack.toml", "up", "-d").code == 0
    if how == "key":
        write(tmp_path, 'checkouts = "isolated"')

    def two(*words: str) -> Ran:
        before = ("--isolated",) if how == "option" else ()
        after = ("--isolated",) if how == "late option" else ()
        environ = {"STACKCTL_ISOLATED": "1"} if how == "variable" else {}
        return there("-f", "two/stack.toml", *before, *words, *after, **environ)

    up = two("up", "-d")
    assert (up.code, projects(memory)) == (0, ["shop", "shop-two"])
    number = port(two("port", "web", "80"))
    assert number != 8080
    assert f":{number}" in up.out
    assert f"WEB_PORT={number}" in two("env").out.splitlines()
    (row,) = json.loads(two("status", "--json").out)["services"]
    assert (row["drift"], row["ports"][0]["published"]) == ([], number)
    assert two("ps", "-q").out != there("-f", "one/stack.toml", "--no-isolated", "ps", "-q").out
    assert two("plan").out == "Nothing to do.\n"
    assert "no problems" in (checked := two("check")).out, checked
    assert two("down").code == 0
    assert projects(memory) == ["shop"]
    assert two("up", "-d").code == 0
    assert port(two("port", "web", "80")) == number


def test_a_broken_file_still_means_its_checkout(there: Run, memory: MemoryEngine, tmp_path: Path) -> None:
    write(tmp_path, 'checkouts = "isolated"')
    for name in ("one", "two"):
        assert there("-f", f"{name}/stack.toml", "up", "-d").code == 0
    write(tmp_path, 'checkouts = "isolated"\nbroken')
    assert there("-f", "two/stack.toml", "down").code == 0
    assert projects(memory) == ["shop-one"]


def test_no_isolated_and_a_variable_of_0_win_over_the_file(
    there: Run, memory: MemoryEngine, tmp_path: Path
) -> None:
    write(tmp_path, 'checkouts = "isolated"')
    assert there("-f", "one/stack.toml", "up", "-d", "--no-isolated").code == 0
    assert there("-f", "one/stack.toml", "up", "-d", STACKCTL_ISOLATED="0").code == 0
    assert there("-f", "one/stack.toml", "--isolated", "up", "-d", STACKCTL_ISOLATED="0").code == 0
    assert projects(memory) == ["shop", "shop-one"]


def test_a_name_that_is_given_is_taken_as_it_is(there: Run, memory: MemoryEngine) -> None:
    assert there("-f", "one/stack.toml", "--isolated", "-p", "mine", "up", "-d").code == 0
    assert there("-f", "one/stack.toml", "--isolated", "up", "-d", STACKCTL_PROJECT="theirs").code == 0
    assert projects(memory) == ["mine", "theirs"]


def test_shared_means_one_stack_and_says_whose_it_is(
    there: Run, memory: MemoryEngine, tmp_path: Path
) -> None:
    write(tmp_path, 'checkouts = "shared"')
    assert "shared" not in there("-f", "one/stack.toml", "up", "-d").err
    one, two = tmp_path / "one" / "stack.toml", tmp_path / "two" / "stack.toml"
    for command in ("up", "plan", "status", "down"):
        ran = there("-f", "two/stack.toml", command)
        assert ran.code == 0
        assert f"started from {one}; this is {two}" in " ".join((ran.out + ran.err).split()), command
    assert projects(memory) == []


def test_what_is_about_the_file_needs_no_engine(there: Run, run: Run, tmp_path: Path) -> None:
    write(tmp_path, 'checkouts = "isolated"')
    for words in (["config"], ["export", "compose"], ["explain", "ports"], ["check", "--offline"]):
        assert run("-H", "unix:///nowhere", "-f", "one/stack.toml", *words).code == 0, words


def test_the_guide(there: Run, memory: MemoryEngine, tmp_path: Path) -> None:
    """The section about checkouts in the guide: its stack and its commands, in a checkout called `review`."""
    page = (Path(__file__).parents[2] / "docs" / "guide" / "daily-loop.md").read_text()
    section = page.partition("## Several checkouts at once")[2].partition("\n## ")[0]
    text, console = (
        re.findall(f"```{kind}\n(.*?)```", section, re.DOTALL)[0] for kind in ("toml", "console")
    )
    file = tmp_path / "review" / "stack.toml"
    file.parent.mkdir()
    file.write_text(re.sub('image = ".*"', 'image = "app:1"', text))
    commands = re.findall(r"^\$ stackctl (.*)$", console, re.MULTILINE)
    assert [words.split()[0] for words in commands] == ["up", "port", "env", "down"]
    for words in commands:
        ran = there("-f", str(file), *words.split())
        assert ran.code == 0, ran.err
        if words.startswith("port"):
            assert port(ran) >= 10_000
            assert projects(memory) == ["shop-review"]
    assert "DB_PORT=" in (tmp_path / ".env.local").read_text()
