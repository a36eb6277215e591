"""Whatever stands in a file: a stack, or an error with words and a place. `fuzz.py` tells times and memory as well."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz import SEEDS, inputs, run, tried


@pytest.mark.parametrize("kind", SEEDS)
def test_a_hundred_inputs(kind: str, tmp_path: Path) -> None:
    for _, data in inputs(kind, range(100)):
        tried(kind, data, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", SEEDS)
def test_ten_thousand_inputs(kind: str) -> None:
    wrong: list[str] = []
    run(kind, 10_000, wrong.append)
    print(wrong[-1])
    assert len(wrong) == 1
