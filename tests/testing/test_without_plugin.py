"""Without the plugin, tests that need no stack run with the conftest.py that the guides show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "docs/guide"


def hooks_shown() -> list[str]:
    """The Python in the guides that has a hook of the plugin."""
    blocks = [
        block
        for page in sorted(GUIDES.glob("*.md"))
        for block in re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    ]
    return [block for block in blocks if "def pytest_stack_" in block]


def test_hooks_are_optional_wherever_they_are_shown(pytester: pytest.Pytester) -> None:
    shown = hooks_shown()
    assert len(shown) > 5
    for number, text in enumerate(shown):
        directory = pytester.mkdir(f"suite{number}")
        whole = text if "import pytest\n" in text else f"import pytest\n{text}"
        (directory / "conftest.py").write_text(whole)
        (directory / "test_other.py").write_text("def test_it(): pass\n")
    pytester.makepyfile(
        stackctl="raise ImportError('it is not installed')",  # found before the one that is installed
        alone="""
        import sys
        import pytest

        sys.exit(pytest.main(["--import-mode=importlib", "-p", "no:stackctl", "-p", "no:cacheprovider"]))
        """,
    )
    pytester.runpython(pytester.path / "alone.py").assert_outcomes(passed=len(shown))


def test_the_examples_are_optional_as_well() -> None:
    written = [*ROOT.glob("examples/**/conftest.py"), *ROOT.glob("bench/**/conftest.py")]
    texts = [path.read_text() for path in written if "def pytest_stack_" in path.read_text()]
    assert texts
    for text in texts:
        assert text.count("@pytest.hookimpl(optionalhook=True)\ndef pytest_stack_") == text.count(
            "def pytest_stack_"
        )
