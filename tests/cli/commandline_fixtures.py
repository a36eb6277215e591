import os
from pathlib import Path

import pytest
from commandline import Ran, Run

from stackctl.cli import cli
from stackctl.cli.exit_codes import guarded


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*args: str, **environ: str) -> Ran:
        monkeypatch.chdir(tmp_path)
        for name in os.environ.keys() - {"PATH"}:
            monkeypatch.delenv(name)
        for name, value in {"HOME": str(tmp_path), **environ}.items():
            monkeypatch.setenv(name, value)
        code = guarded(lambda: cli.main(list(args), prog_name="stackctl", standalone_mode=False))
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return call
