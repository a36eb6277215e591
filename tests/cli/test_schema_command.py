import json
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import Run

pytest_plugins = ["commandline_fixtures"]

ROOT = Path(__file__).parents[2]
TAPLO = Path(sys.executable).parent / "taplo"


def lint(path: Path) -> subprocess.CompletedProcess[str]:
    """Ask Taplo, which finds the schema by the document's first line, as editors do."""
    command = [str(TAPLO), "lint", "--no-auto-config", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=path.parent)


def test_the_schema_of_the_repository_is_the_one_that_is_printed(run: Run) -> None:
    ran = run("schema")
    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out)["title"] == "stack.toml"
    assert (ROOT / "stack.schema.json").read_text() == ran.out, "run: stackctl schema > stack.schema.json"


@pytest.mark.parametrize(
    "path",
    [ROOT / "stack.toml", *sorted(ROOT.glob("examples/**/stack*.toml"))],
    ids=lambda p: f"{p.parent.name}/{p.name}",
)
def test_the_first_line_of_a_stack_leads_to_the_schema(path: Path) -> None:
    first = path.read_text().partition("\n")[0]
    assert (path.parent / first.removeprefix("#:schema ")).resolve() == ROOT / "stack.schema.json"
    assert lint(path).returncode == 0


def test_what_init_writes_is_checked_by_editors(run: Run, tmp_path: Path) -> None:
    run("init", "postgres")
    path = tmp_path / "stack.toml"
    assert lint(path).returncode == 0
    path.write_text(path.read_text().replace("image =", "imge ="))
    broken = lint(path)
    assert broken.returncode != 0
    assert "imge" in broken.stderr
