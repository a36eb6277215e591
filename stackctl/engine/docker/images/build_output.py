"""Read what a builder says, line by line: which lines are shown, and why a build failed. Text in, text out.

BuildKit (`--progress plain`) does several things at once, and numbers them:

    #7 [3/3] RUN apt-get install nosuchthing      what number 7 is
    #7 0.461 Reading package lists...             its output, with the seconds since it began
    #7 ERROR: … exit code: 100                    or DONE, CACHED, CANCELED
    ------                                        from here on BuildKit repeats what failed
    ERROR: failed to solve: …

The engine's own (classic) builder does one thing after another:

    Step 3/3 : RUN apt-get install nosuchthing
     ---> Running in 0a1b2c3d4e5f
    Reading package lists...

The error that ends its stream is `The command '…' returned a non-zero code: 100`.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Protocol

_TAIL = 20
"""Lines of the output that a failure shows."""
_INSTRUCTION_LENGTH = 60

_NUMBERED = re.compile(r"#(\d+) (.*)")
_TIMED = re.compile(r"\d+\.\d+ ?(.*)")
_STAGE = re.compile(r"\[[^]]*\d+/\d+\] ")
_STEP = re.compile(r"Step \d+/\d+ : (.*)")
_NOTE = re.compile(r" ---> .*|Removing intermediate container [0-9a-f]{12}")
"""The classic builder's own lines among the output of an instruction."""
_BAKE = "[internal] load local bake definitions"
"""This step hands the build over to BuildKit. It is no part of the build, so it is not shown."""
_CODE = re.compile(r"(?:exit code|non-zero code): (\d+)")


class BuildOutput(Protocol):
    """The output of one build."""

    def take(self, line: str) -> str:
        """The line as it is shown; "" for a line that tells nothing new."""

    def failure(self, said: str) -> str:
        """Why the build failed: one line, and below it the last output of the instruction that failed. `said` is the
        builder's own error.
        """


class BuildKitOutput:
    """The output of BuildKit."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._said: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=_TAIL))
        """The last lines of output, by number."""
        self._shown: deque[str] = deque(maxlen=_TAIL)
        self._failed = ""
        """The number of what failed first."""
        self._error = ""
        self._repeats = False

    def take(self, line: str) -> str:
        if shown := self._take(line):
            self._shown.append(shown)
        return shown

    def failure(self, said: str) -> str:
        if not self._failed:
            return _block(self._error or said, self._shown)
        instruction = _STAGE.sub("", self._names[self._failed])
        return _failure(instruction, self._error, self._said[self._failed])

    def _take(self, line: str) -> str:
        numbered = _NUMBERED.fullmatch(line)
        if numbered is None:
            self._repeats = self._repeats or line.startswith("------")
            if line.startswith("ERROR: ") and not self._failed:
                self._error = line.removeprefix("ERROR: ").removeprefix("failed to solve: ")
                return ""
            return "" if self._repeats else line
        number, text = numbered.groups()
        name = self._names.setdefault(number, text)
        if name == _BAKE:
            return ""
        if timed := _TIMED.fullmatch(text):
            self._said[number].append(timed[1])
            return timed[1]
        if text.startswith("ERROR: ") and not self._failed:
            self._failed, self._error = number, text.removeprefix("ERROR: ")
        if text.startswith(("ERROR: ", "DONE ", "CANCELED")):
            return ""
        return f"{name}: CACHED" if text == "CACHED" else text


class ClassicOutput:
    """The output of the engine's own builder."""

    def __init__(self) -> None:
        self._instruction = ""
        self._said: deque[str] = deque(maxlen=_TAIL)

    def take(self, line: str) -> str:
        if step := _STEP.fullmatch(line):
            self._instruction = step[1]
            self._said.clear()
        elif not _NOTE.fullmatch(line):
            self._said.append(line)
        return line

    def failure(self, said: str) -> str:
        while said in self._said:
            self._said.remove(said)
        return _failure(self._instruction, said, self._said)


def _failure(instruction: str, error: str, output: Iterable[str]) -> str:
    """`RUN … ended with 100: E: Unable to locate package` if an exit code is known; else the error itself."""
    lines = [line for line in output if line.strip()]
    if not (code := _CODE.search(error)):
        return _block(f"{_shortened(instruction)}: {error}" if instruction else error, lines)
    last = f": {lines[-1].strip()}" if lines else ""
    return _block(f"{_shortened(instruction)} ended with {code[1]}{last}", lines if len(lines) > 1 else ())


def _shortened(instruction: str) -> str:
    line = " ".join(instruction.split())
    return line if len(line) <= _INSTRUCTION_LENGTH else f"{line[: _INSTRUCTION_LENGTH - 1]}…"


def _block(first: str, lines: Iterable[str]) -> str:
    return "\n".join([first, *lines])
