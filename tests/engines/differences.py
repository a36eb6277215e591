"""What is known to differ on an engine, as pytest sees it: a test that must fail there, with its cause. `-p differences --way NAME`.

`differences.toml` is the table. A test that it names must fail there, and any other must pass: a run is green only if the table is true.
"""

from __future__ import annotations

import platform
import tomllib
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docker
import pytest
from ways import ENGINE

TABLE = Path(__file__).with_name("differences.toml")


def known(way: str) -> dict[str, str]:
    """By the test, which may be a file, a function or one of its cases: why it fails this way."""
    groups = tomllib.loads(TABLE.read_text()).get(way, [])
    return {test: group["cause"] for group in groups for test in group["tests"]}


def names(nodeid: str) -> Iterator[str]:
    """What may stand in the table for a test: itself, its function, its file."""
    yield nodeid
    yield nodeid.split("[", maxsplit=1)[0]
    yield nodeid.split("::", maxsplit=1)[0]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--way", required=True, help="the engine or the way to it, as differences.toml calls it")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    causes = known(config.getoption("--way"))
    for item in items:
        for name in names(item.nodeid):
            if name in causes:
                item.add_marker(pytest.mark.xfail(reason=causes[name], strict=True))
                break


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """What the run has shown, for the table in docs/engines.md."""
    count = {
        kind: len(terminalreporter.getreports(kind)) for kind in ("passed", "xfailed", "failed", "error")
    }
    with closing(docker.APIClient(base_url=f"unix://{ENGINE}", version="auto")) as api:
        engine = api.version()
    terminalreporter.write_line(
        f"{datetime.now(UTC):%Y-%m-%d} {config.getoption('--way')}: {engine['Version']} (API {engine['ApiVersion']}), "
        f"Python {platform.python_version()}: {count['passed']} of {sum(count.values())} pass, {count['xfailed']} differ as the table says, "
        f"{count['failed'] + count['error']} otherwise"
    )
