"""Talk to a command in a container, question after question, over the stdin and stdout of one exec."""

from __future__ import annotations

from contextlib import ExitStack, suppress

from msgspec.structs import replace

from stackctl.engine.protocol import Exec
from stackctl.engine.talk.execs import create, exit_code
from stackctl.engine.talk.frames import DeadlineError, Frames, talk
from stackctl.engine.transport.client import RefusedError, WireClient
from stackctl.errors import EngineError
from stackctl.real import monotonic

_TAIL = 4 << 10
"""How many bytes of the command's last output an error shows."""


class DockerConversation:
    """Keeps the `Conversation` protocol. Only one thread may use it at a time."""

    def __init__(self, client: WireClient, command: Exec) -> None:
        self._client = client
        self._name = f"{command.title} in {command.container}"
        self._exec_id = create(client, replace(command, stdin=True, tty=False, detach=False))
        self._frames = Frames()
        self._stdout = bytearray(b"\n")
        """The output that no answer has taken yet, after the end of the line before it. So every line is between two line
        ends.
        """
        self._stderr = b""
        self._unsent = bytearray()
        """What `tell` could not send at once."""
        self._cleanup = ExitStack()
        start = {"Detach": False, "Tty": False}
        self._line = self._cleanup.enter_context(client.hijack("exec", self._exec_id, "start", body=start))
        self._cleanup.callback(self._line.end_input)
        self._over = False

    def tell(self, text: bytes) -> None:
        self._go_on()
        with self._client.errors():
            self._unsent += text
            del self._unsent[: self._line.send(bytes(self._unsent))]

    def ask(self, text: bytes, until: bytes, timeout: float) -> bytes:
        self._go_on()
        try:
            with self._client.errors():
                return self._answer(text, b"\n" + until + b"\n", monotonic() + timeout)
        except DeadlineError as error:
            self.close()
            said = self._last_words()
            raise EngineError(f"{self._name} gave no answer within {timeout:g} s{said}") from error
        except BaseException:  # the rest of this answer must not be taken for the next one
            self.close()
            raise

    def close(self) -> None:
        self._over = True
        with suppress(EngineError):
            self._cleanup.close()

    def _go_on(self) -> None:
        if self._over:
            raise EngineError(f"the conversation with {self._name} is over", "begin another one")

    def _answer(self, text: bytes, wanted: bytes, deadline: float) -> bytes:
        self._unsent += text
        said, searched = talk(self._line, self._frames, self._unsent, deadline), 0
        while (found := self._stdout.find(wanted, searched)) < 0:
            searched = max(0, len(self._stdout) - len(wanted))
            stream, data = next(said, ("", b""))
            if stream == "stderr":
                self._stderr = (self._stderr + data)[-_TAIL:]
            elif stream:
                self._stdout += data
            else:
                raise self._ended()
        answer = bytes(self._stdout[1 : found + 1])
        del self._stdout[: found + len(wanted) - 1]
        return answer

    def _ended(self) -> EngineError:
        code = ""
        with suppress(RefusedError):  # the engine forgets an exec with its container
            code = f" with exit code {exit_code(self._client, self._exec_id)}"
        return EngineError(f"{self._name} has ended{code}{self._last_words()}")

    def _last_words(self) -> str:
        """What the command wrote to stderr; if nothing, to stdout, where the engine says that a program is missing."""
        said = (self._stderr or self._stdout[-_TAIL:]).decode(errors="replace").strip()
        return f": {said}" if said else ""
