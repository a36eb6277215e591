"""Talk to a command in a container of the in-memory engine."""

from __future__ import annotations

from collections.abc import Callable

from stackctl.engine.memory.commands import CommandRun
from stackctl.engine.protocol import Exec
from stackctl.errors import EngineError


class MemoryConversation:
    """Keeps the `Conversation` protocol. `cat` repeats its input; another command writes its output and ends."""

    def __init__(self, command: Exec, run: Callable[[bytes], CommandRun]) -> None:
        """`run` runs the command with an input. Raises the `EngineError` that `run` raises."""
        self._name = f"{command.title} in {command.container}"
        self._run = run
        self._echoes = command.argv == ("cat",)
        self._said = b"\n" + run(b"").stdout.encode()
        self._over = False

    def tell(self, text: bytes) -> None:
        self._do(text)

    def ask(self, text: bytes, until: bytes, timeout: float) -> bytes:
        done = self._do(text)
        answer, found, rest = self._said.partition(b"\n" + until + b"\n")
        if found:
            self._said = b"\n" + rest
            return (answer + b"\n")[1:]
        self.close()
        if self._echoes:
            raise EngineError(f"{self._name} gave no answer within {timeout:g} s")
        said = done.stderr.strip()
        raise EngineError(
            f"{self._name} has ended with exit code {done.exit_code}" + (f": {said}" if said else "")
        )

    def close(self) -> None:
        self._over = True

    def _do(self, text: bytes) -> CommandRun:
        if self._over:
            raise EngineError(f"the conversation with {self._name} is over", "begin another one")
        try:
            done = self._run(text)
        except EngineError:
            self.close()
            raise
        self._said += text if self._echoes else b""
        return done
