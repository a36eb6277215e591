"""What linters of compose files find of the mistakes that the rules are made for, and what they find in files that work.

    .venv/bin/python bench/linters.py DIRECTORY     a directory of compose files

The mistakes and the stacks are those of `bench/rules.py recall`; each linter runs with its defaults. A mistake counts as caught if some
rule finds more in the changed file than in the file before. A finding that only names another value does not count, nor do rules that speak
of every published port, of every password that is written down, or of the order of lines. This is the same for every tool.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rules
import yaml
from tabulate import tabulate

from stackctl.teach.lab.mutations import KINDS, Tree

_BESIDE = re.compile(r"CL-0005|CL-002[01]|no-unbound-port-interfaces|require-quotes-in-ports|.*-order")
"""Rules that speak of every published port, of every written password, or of the order of lines. A mistake that adds a line draws them,
right or wrong: they do not tell it.
"""
_AT_ONCE = 100
"""How many files one call of a linter gets."""

Found = Mapping[str, Counter[str]]
"""How often each rule finds something, by file."""
Mistake = tuple[str, str, str]
"""Its kind, the file before it and the file with it."""


class Linters:
    """compose-lint and dclint, each asked about many files at once."""

    def __init__(self) -> None:
        install = subprocess.run(
            [rules.ROOT / "bench/install_linters.sh"], check=True, capture_output=True, text=True, timeout=600,
            env={**os.environ, "PYTHON": sys.executable},
        )  # fmt: skip
        self.directory = install.stdout.strip()

    def compose_lint(self, files: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Each finding: the file, and the rule. That a file cannot be read is a finding, too."""
        log = self._json("bin/compose-lint", "check", "--format", "json", *files)
        for each in log["findings"]:
            yield each["file"], each["rule_id"]
        for each in (*log["errors"], *log["warnings"]):
            yield each["file"], each.get("kind", "warning")

    def dclint(self, files: Sequence[str]) -> Iterator[tuple[str, str]]:
        for each in self._json("node_modules/.bin/dclint", "--formatter", "json", *files):
            for message in each["messages"]:
                yield each["filePath"], message["rule"]

    def _json(self, program: str, *words: str) -> Any:
        with tempfile.TemporaryFile() as out:  # dclint cuts what it writes into a pipe
            subprocess.run(
                [f"{self.directory}/{program}", *words],
                check=False,
                stdout=out,
                stderr=subprocess.DEVNULL,
                timeout=300,
            )
            out.seek(0)
            return json.load(out)


Lint = Callable[[Sequence[str]], Iterator[tuple[str, str]]]


def found_by(lint: Lint, files: Sequence[str]) -> Found:
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for start in range(0, len(files), _AT_ONCE):
        for file, rule in lint(files[start : start + _AT_ONCE]):
            found[file][rule] += 1
    return found


@dataclass
class Written:
    """The stacks and their mistakes as compose files, and what stackctl finds in each."""

    directory: Path
    mistakes: list[Mistake] = field(default_factory=list)
    found: dict[str, Counter[str]] = field(default_factory=dict)

    def write(self, tree: Tree, work: Path, environ: Mapping[str, str]) -> str:
        file = self.directory / f"{len(self.found):05}.yaml"
        file.write_text(yaml.safe_dump(rules.for_compose(tree)))
        problems = rules.problems(tree, work, environ)
        self.found[str(file)] = Counter(each.rule for each in problems if each.severity != "info")
        return str(file)


def written(stacks: Path, place: Path) -> Written:
    result = Written(place)
    for _, tree, work in rules.working(stacks, rules.Compose()):
        environ = rules.values(tree)
        before = result.write(tree, work, environ)
        for kind, mutate in KINDS.items():
            for _, changed in mutate(tree):
                result.mistakes.append((kind, before, result.write(changed, work, environ)))
    return result


def caught(mistakes: Sequence[Mistake], found: Found) -> str:
    return rules.share(sum(bool(_new(found, each)) for each in mistakes), len(mistakes))


def by(mistakes: Sequence[Mistake], found: Found) -> str:
    """The rules that catch most of them."""
    names = Counter(rule for each in mistakes for rule in _new(found, each))
    return ", ".join(name for name, _ in names.most_common(2))


def _new(found: Found, mistake: Mistake) -> Counter[str]:
    _, before, after = mistake
    more = found.get(after, Counter()) - found.get(before, Counter())
    return Counter({rule: number for rule, number in more.items() if not _BESIDE.fullmatch(rule)})


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path)
    directory = parser.parse_args().directory
    linters = Linters()
    tools: dict[str, Lint] = {"compose-lint": linters.compose_lint, "dclint": linters.dclint}
    with tempfile.TemporaryDirectory(prefix="linters-") as place:
        made = written(directory, Path(place))
        found = {name: found_by(tool, list(made.found)) for name, tool in tools.items()}
    rows = []
    for kind in [*KINDS, "all"]:
        mistakes = [each for each in made.mistakes if kind in (each[0], "all")]
        row: list[Any] = [kind, len(mistakes), caught(mistakes, made.found)]
        for tool in found.values():
            row += [caught(mistakes, tool), by(mistakes, tool)]
        rows.append(row)
    headers = ["mistake", "made", "stackctl", "compose-lint", "its rules", "dclint", "its rules"]
    print(tabulate(rows, headers, tablefmt="github"))

    public = sorted(map(str, [*directory.glob("*.yml"), *directory.glob("*.yaml")]))
    for name, lint in tools.items():
        as_they_are = found_by(lint, public)
        count: Counter[str] = sum(as_they_are.values(), Counter())
        print(f"\n{name}: {count.total()} findings in {len(as_they_are)} of {len(public)} files as they are")
        print(", ".join(f"{rule} {number}" for rule, number in count.most_common()))


if __name__ == "__main__":
    main()
