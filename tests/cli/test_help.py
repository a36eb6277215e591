import json
import subprocess
import sys

import pytest
from commandline import Run

from stackctl.cli import SECTIONS, cli

pytest_plugins = ["commandline_fixtures"]

SUMMARIES = {name: summary for section in SECTIONS.values() for name, summary in section.items()}
HEAVY = {
    "docker",
    "requests",
    "urllib3",
    "rich",
    "yaml",
    "dotenv",
    "tabulate",
    "tomli_w",
    "tomllib",
    "asyncio",
}
PARTS = ("api", "spec", "planner", "engine", "show")


def modules_after(*arguments: str) -> set[str]:
    """The modules that a run of stackctl imports."""
    script = (
        "import sys, json, atexit\n"
        "atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))\n"
        "from stackctl.__main__ import main\n"
        f"main({list(arguments)!r})\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(ran.stderr))


def test_help_imports_nothing_it_does_not_need() -> None:
    modules = modules_after("--help")
    assert not modules & HEAVY
    assert not modules & {f"stackctl.{part}" for part in PARTS}
    others = (
        {name.partition(".")[0] for name in modules} - set(sys.stdlib_module_names) - {"stackctl", "__main__"}
    )
    outside = {name for name in others if not name.startswith(("_distutils", "__editable__", "_virtualenv"))}
    assert outside - {"typing_extensions"} == {
        "click",
        "msgspec",
    }  # msgspec takes typing_extensions where it is
    assert len(modules) <= 150


@pytest.mark.parametrize("command", SUMMARIES)
def test_the_help_of_a_command_imports_no_docker_and_no_rich(command: str) -> None:
    assert not modules_after(command, "--help") & {"docker", "requests", "rich", "yaml"}


def test_reading_a_stack_imports_no_docker_and_no_rich(run: Run) -> None:
    run("init")
    assert not modules_after("config", "--quiet") & {"docker", "requests", "rich", "yaml"}


def test_the_page_has_every_command_in_its_section(run: Run) -> None:
    ran = run("--help")
    assert ran.code == 0
    assert ran.out == run("-h").out
    for title, commands in SECTIONS.items():
        section = ran.out.partition(f"\n{title}:\n")[2].partition("\n\n")[0]
        assert [line.split()[0] for line in section.splitlines()] == list(commands)
    assert max(map(len, ran.out.splitlines())) <= 80
    assert "Examples:" in ran.out
    assert "--version" in ran.out
    assert "…" not in "".join(SUMMARIES.values())


def test_the_examples_of_the_page_are_commands_that_exist(run: Run) -> None:
    section = run("--help").out.partition("\nExamples:\n")[2].partition("\n\n")[0]
    commands = [line.split()[1] for line in section.splitlines()]
    assert commands
    assert set(commands) <= set(SUMMARIES)


@pytest.mark.parametrize("command", SUMMARIES)
def test_every_command_says_what_the_page_says_and_gives_examples(run: Run, command: str) -> None:
    ran = run(command, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.split("\n\n")[1].strip() == SUMMARIES[command]
    assert "Examples:" in ran.out or "Install:" in ran.out
    assert f"stackctl {command}" in ran.out.partition("\n")[2]
    found = cli.get_command(None, command)  # type: ignore[arg-type]
    assert found is not None
    assert found.get_short_help_str(200) == SUMMARIES[command]


def test_the_compose_group_repeats_the_root(run: Run) -> None:
    assert run("compose", "version", "--short").out == run("version", "--short").out


def test_a_command_that_does_not_exist(run: Run) -> None:
    ran = run("expalin")
    assert ran.code == 2
    assert "Did you mean 'explain'?" in ran.err
