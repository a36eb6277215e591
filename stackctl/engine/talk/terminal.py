"""Run a command in a container on the terminal of this process, or on its stdin and stdout."""

from __future__ import annotations

import os
import selectors
import signal
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType

from stackctl.engine.protocol import Exec
from stackctl.engine.talk.execs import create, exit_code
from stackctl.engine.talk.frames import Frames
from stackctl.engine.transport.client import RefusedError, WireClient
from stackctl.engine.transport.duplex import Duplex
from stackctl.errors import UsageError

_CHUNK = 1 << 16
_RESIZE_TRIES = 40
_RESIZE_PAUSE = 0.05
"""Seconds between two tries to resize: the engine refuses until the terminal's process runs."""
_BROKEN_PIPE = 128 + signal.SIGPIPE


def interact(client: WireClient, command: Exec, *, stdin: int = 0, stdout: int = 1, stderr: int = 2) -> int:
    """Run the command until it ends. Return its exit code; 0 if the user detaches with Ctrl-P Ctrl-Q. `stdin`, `stdout` and
    `stderr` are file descriptors.

    With `command.tty` the terminal is raw while the command runs, so that every key goes to the command. The command
    learns the size of the terminal. At the end the terminal is always as before. Raises `UsageError` if `command.tty` is
    set and stdin is not a terminal.
    """
    if command.tty and not os.isatty(stdin):
        raise UsageError("the input is not a terminal", "leave out --tty, or do not redirect the input")
    exec_id = create(client, command, size=_size(stdin) if command.tty else None)
    with ExitStack() as cleanup:
        line = cleanup.enter_context(
            client.hijack("exec", exec_id, "start", body={"Detach": False, "Tty": command.tty})
        )
        session = _Session(client, exec_id, line, stdin=stdin, stdout=stdout, stderr=stderr, tty=command.tty)
        if command.tty:
            session.resized = cleanup.enter_context(_resizes())
            session.must_resize = _RESIZE_TRIES
            if command.stdin:
                cleanup.enter_context(_raw(stdin))
        try:
            session.run(forward=command.stdin)
        except _ReaderGoneError:
            return _BROKEN_PIPE
    return exit_code(client, exec_id)


class _ReaderGoneError(Exception):
    """The reader of stdout or stderr has gone."""


class _Session:
    """Carries bytes both ways until the command's output ends."""

    def __init__(
        self,
        client: WireClient,
        exec_id: str,
        line: Duplex,
        *,
        stdin: int,
        stdout: int,
        stderr: int,
        tty: bool,
    ) -> None:
        self._client = client
        self._exec_id = exec_id
        self._line = line
        self._stdin = stdin
        self._unsent = b""
        self._frames = Frames(tty=tty)
        self._outputs = {"stdout": stdout, "stderr": stderr}
        self.resized = -1
        """A descriptor that becomes readable when the terminal's size changes."""
        self.must_resize = 0
        """How many more times to try to pass the size on."""

    def run(self, *, forward: bool) -> None:
        with selectors.SelectSelector() as ready:  # other selectors take no files, and no terminals on macOS
            ready.register(self._line, selectors.EVENT_READ)
            if forward:
                ready.register(self._stdin, selectors.EVENT_READ)
            if self.resized >= 0:
                ready.register(self.resized, selectors.EVENT_READ)
            while not self._receive():
                for key, _ in ready.select(_RESIZE_PAUSE if self.must_resize else None):
                    if key.fileobj is self._line:
                        self._send(ready)
                    elif key.fileobj == self.resized:
                        os.read(self.resized, _CHUNK)
                        self.must_resize = _RESIZE_TRIES
                    else:
                        self._read_input(ready)
                self._resize()

    def _receive(self) -> bool:
        """Write what the command says. Return whether its output has ended."""
        data, ended = self._line.receive()
        for stream, said in self._frames.feed(data):
            _write(self._outputs[stream], said)
        return ended

    def _read_input(self, ready: selectors.BaseSelector) -> None:
        """Read a chunk of input. This is called only after the chunk before it was sent."""
        data = os.read(self._stdin, _CHUNK)
        ready.unregister(self._stdin)
        if not data:
            self._line.end_input()
            return
        self._unsent = data
        ready.modify(self._line, selectors.EVENT_READ | selectors.EVENT_WRITE)
        self._send(ready)

    def _send(self, ready: selectors.BaseSelector) -> None:
        if not self._unsent:
            return
        self._unsent = self._unsent[self._line.send(self._unsent) :]
        if not self._unsent:
            ready.modify(self._line, selectors.EVENT_READ)
            ready.register(self._stdin, selectors.EVENT_READ)

    def _resize(self) -> None:
        if not self.must_resize:
            return
        self.must_resize -= 1
        lines, columns = _size(self._stdin)
        with suppress(RefusedError):
            self._client.post("exec", self._exec_id, "resize", h=lines, w=columns)
            self.must_resize = 0


def _write(descriptor: int, data: bytes) -> None:
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except BrokenPipeError as error:
        raise _ReaderGoneError from error


def _size(terminal: int) -> tuple[int, int]:
    """Lines and columns."""
    try:
        size = os.get_terminal_size(terminal)
    except OSError:
        return 24, 80
    return size.lines, size.columns


@contextmanager
def _raw(terminal: int) -> Iterator[None]:
    """Make the terminal raw, and put it back at the end, also if a signal ends the process."""
    saved = termios.tcgetattr(terminal)
    with _handlers({signal.SIGTERM: _leave, signal.SIGHUP: _leave}):
        try:
            tty.setraw(terminal)
            yield
        finally:
            termios.tcsetattr(terminal, termios.TCSADRAIN, saved)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


@contextmanager
def _resizes() -> Iterator[int]:
    """A descriptor that becomes readable when the terminal changes its size."""
    readable, writable = os.pipe()
    os.set_blocking(writable, False)

    def wake(_number: int, _frame: FrameType | None) -> None:
        with suppress(BlockingIOError):  # a full pipe is readable already
            os.write(writable, b"\0")

    try:
        with _handlers({signal.SIGWINCH: wake}):
            yield readable
    finally:
        os.close(readable)
        os.close(writable)


@contextmanager
def _handlers(handlers: dict[signal.Signals, Callable[[int, FrameType | None], None]]) -> Iterator[None]:
    """Set handlers for signals, and put the old ones back. Only the main thread may do so: other threads set none."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
