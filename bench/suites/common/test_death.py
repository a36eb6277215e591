"""A run that ends badly: by BENCH_DEATH itself, or by a signal that the benchmark sends while the tests wait."""

import os
import time
from pathlib import Path

import pytest
from told import tell

LONGEST = 30.0


@pytest.mark.usefixtures("postgres_url", "redis_url")
@pytest.mark.parametrize("number", range(int(os.environ.get("BENCH_TESTS", "1"))))
def test_dies(number: int) -> None:
    tell("began", test=number)
    deadline = time.monotonic() + LONGEST
    while not Path(os.environ["BENCH_GO"]).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    if os.environ.get("BENCH_DEATH") == "exit" and number == 0:
        os._exit(7)
