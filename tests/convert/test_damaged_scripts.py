"""No text leads to a traceback, and what is written can always be read. tests/hostile/fuzz.py does the same ten thousand times."""

import contextlib
import shlex
import tomllib

import pytest
from damaged_scripts import damaged
from hypothesis import given
from hypothesis import strategies as st

from stackctl.convert.importing import import_script
from stackctl.errors import StackError


@pytest.mark.parametrize("start", range(0, 400, 50))
def test_damaged_scripts(start: int) -> None:
    for seed in range(start, start + 50):
        with contextlib.suppress(StackError):
            tomllib.loads(import_script("run.sh", damaged(seed), env=seed % 2 == 0).text)


@given(st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs", "Co"]), max_size=60))
def test_any_value(value: str) -> None:
    """Whatever a value holds, the file can be read and means the same."""
    words = ["docker", "run", "-d", "--name", "a", "-e", f"A={value}", "--label", f"l={value}", "img", value]
    made = import_script("run.sh", shlex.join(words))
    service = made.stack.services["a"]
    seen = value.replace("\r\n", "\n")
    assert service.resolved["A"] == seen
    assert service.labels["l"] == seen
    assert service.command is not None
    assert service.command.argv == (seen,)
    tomllib.loads(made.text)
