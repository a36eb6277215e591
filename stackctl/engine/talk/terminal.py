"""Connect the terminal of this process, or its stdin and stdout, with a command in a container, or with its main process."""

from __future__ import annotations

import os
import re
import selectors
import signal
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType

from stackctl.engine.protocol import Attach, Exec
from stackctl.engine.talk.ending import Endings
from stackctl.engine.talk.execs import create, exit_code
from stackctl.engine.talk.frames import Frames
from stackctl.engine.transport.client import RefusedError, WireClient
from stackctl.engine.transport.duplex import Duplex
from stackctl.errors import EngineError, OutputError, UsageError

_CHUNK = 1 << 16
_RESIZE_TRIES = 100
_RESIZE_PAUSE = 0.02
"""Seconds between two tries to resize: an engine refuses, or answers late, until the terminal's process runs."""
_BROKEN_PIPE = 128 + signal.SIGPIPE
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_DETACH = b"\x10\x11"
"""Ctrl-P Ctrl-Q: the keys with which the engine lets go of a terminal, unless it is told others."""
_PATIENCE = 0.5
"""Seconds between the end of the output of a process and the question whether the process goes on without a listener."""


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
        session = _Session(
            client, ("exec", exec_id), line, stdin=stdin, stdout=stdout, stderr=stderr, tty=command.tty
        )
        if command.tty:
            _take_terminal(session, cleanup, raw=command.stdin)
        try:
            session.run(forward=command.stdin)
        except _ReaderGoneError:
            return _BROKEN_PIPE
    return exit_code(client, exec_id)


def attach(
    client: WireClient,
    to: Attach,
    begin: Callable[[], None],
    *,
    stdin: int = 0,
    stdout: int = 1,
    stderr: int = 2,
) -> int:
    """Connect with the main process of a container, and call `begin`, which may start it. Return the exit code of the process; 0
    if the user detaches with Ctrl-P Ctrl-Q, so that it goes on.

    The terminal is as for `interact`. With `to.signals` the process gets the signals that this process gets; a second signal while
    `begin` still lasts raises SystemExit. Raises `UsageError`
    if `to.tty` is set and stdin is not a terminal; what `begin` raises.
    """
    if to.tty and not os.isatty(stdin):
        raise UsageError("the input is not a terminal", "leave out --tty, or do not redirect the input")
    streams = {"stream": True, "stdin": to.stdin, "stdout": True, "stderr": True}
    keys = to.detach_keys or None
    with ExitStack() as cleanup:
        ends = Endings(client, [to.container], "removed" if to.removed else "next-exit")
        line = cleanup.enter_context(
            client.hijack("containers", to.container, "attach", detachKeys=keys, **streams)
        )
        place = ("containers", to.container)
        session = _Session(client, place, line, stdin=stdin, stdout=stdout, stderr=stderr, tty=to.tty)
        session.ends_input = lambda: _ends_with_its_input(client, to.container)
        if to.detach_keys:
            session.detach = detach_keys(to.detach_keys)
        begun = threading.Event()
        if to.signals:
            session.signalled = cleanup.enter_context(_signals(begun.is_set))
        begin()
        begun.set()
        session.pass_signals()
        if to.tty:
            _take_terminal(session, cleanup, raw=to.stdin)
        try:
            session.run(forward=to.stdin)
        except _ReaderGoneError:
            return _BROKEN_PIPE
        while (ended := ends.next(_PATIENCE)) is None and not session.detached:
            session.pass_signals()
        return ended[1] if ended else 0


def _ends_with_its_input(client: WireClient, container: str) -> bool:
    """Whether the input of a container ends with that of who is attached. The input of any other stays open: an engine that learns
    of the end would only let go of the output (moby, `stream.CopyStreams`), and lose what the process says to its last input.
    """
    try:
        return bool(client.get("containers", container, "json")["Config"]["StdinOnce"])
    except RefusedError:  # it has gone
        return False


def detach_keys(text: str) -> bytes:
    """What a terminal sends for keys as the docker command takes them: `ctrl-p,ctrl-q`, `ctrl-@,x`. Raises `UsageError`."""
    typed = b""
    for key in text.split(","):
        control = key.lower().removeprefix("ctrl-")
        if len(key) == 1 and key.isascii():
            typed += key.encode()
        elif key.lower() != control and re.fullmatch(r"[a-z@\[\\\]^_]", control):
            typed += bytes([ord(control.upper()) & 0x1F])
        else:
            hint = "write single letters, or ctrl- and a letter or one of @ [ \\ ] ^ _, with commas: ctrl-x,q"
            raise UsageError(f"{text!r} are no keys to detach with", hint)
    return typed


def _take_terminal(session: _Session, cleanup: ExitStack, *, raw: bool) -> None:
    session.resized = cleanup.enter_context(_resizes())
    if raw:
        cleanup.enter_context(_raw(session.stdin))


class _ReaderGoneError(Exception):
    """The reader of stdout or stderr has gone."""


class _Session:
    """Carries bytes both ways until the command's output ends."""

    def __init__(
        self,
        client: WireClient,
        place: tuple[str, str],
        line: Duplex,
        *,
        stdin: int,
        stdout: int,
        stderr: int,
        tty: bool,
    ) -> None:
        """`place` is the exec or the container: where it is in the API."""
        self._client = client
        self._place = place
        self._line = line
        self.stdin = stdin
        self.ends_input: Callable[[], bool] = lambda: True
        """Whether the process is to learn that no more input comes."""
        self.detach = _DETACH
        self.detached = False
        """Whether the user has typed the keys with which one leaves a terminal."""
        self._last = b""
        self._unsent = b""
        self._frames = Frames(tty=tty)
        self._resizing = threading.Lock()
        self._over = threading.Event()
        self._outputs = {"stdout": stdout, "stderr": stderr}
        self.resized = -1
        """A descriptor that becomes readable when the terminal's size changes."""
        self.signalled = -1
        """A descriptor from which the numbers of signals come, a byte each, that the process should get."""

    def run(self, *, forward: bool) -> None:
        with selectors.SelectSelector() as ready:  # other selectors take no files, and no terminals on macOS
            ready.register(self._line, selectors.EVENT_READ)
            if forward:
                ready.register(self.stdin, selectors.EVENT_READ)
            for descriptor in (self.resized, self.signalled):
                if descriptor >= 0:
                    ready.register(descriptor, selectors.EVENT_READ)
            if self.resized >= 0:
                self._pass_size()
            while not self._receive():
                for key, _ in ready.select():
                    if key.fileobj is self._line:
                        self._send(ready)
                    elif key.fileobj == self.resized:
                        os.read(self.resized, _CHUNK)
                        self._pass_size()
                    elif key.fileobj == self.signalled:
                        self.pass_signals()
                    else:
                        self._read_input(ready)
        self._over.set()

    def _receive(self) -> bool:
        """Write what the command says. Return whether its output has ended."""
        data, ended = self._line.receive()
        for stream, said in self._frames.feed(data):
            _write(self._outputs[stream], said)
        return ended

    def _read_input(self, ready: selectors.BaseSelector) -> None:
        """Read a chunk of input. This is called only after the chunk before it was sent."""
        try:
            data = os.read(self.stdin, _CHUNK)
        except OSError:  # the terminal has gone away
            data = b""
        ready.unregister(self.stdin)
        if not data:
            if self.ends_input():
                self._line.end_input()
            return
        self.detached = self.detached or self.detach in self._last + data
        self._last = (self._last + data)[-len(self.detach) + 1 :] if len(self.detach) > 1 else b""
        self._unsent = data
        ready.modify(self._line, selectors.EVENT_READ | selectors.EVENT_WRITE)
        self._send(ready)

    def _send(self, ready: selectors.BaseSelector) -> None:
        if not self._unsent:
            return
        self._unsent = self._unsent[self._line.send(self._unsent) :]
        if not self._unsent:
            ready.modify(self._line, selectors.EVENT_READ)
            ready.register(self.stdin, selectors.EVENT_READ)

    def pass_signals(self) -> None:
        """Send the process the signals that have come. One that does not run yet, or no longer, gets none."""
        if self.signalled < 0:
            return
        with suppress(BlockingIOError):
            for number in os.read(self.signalled, _CHUNK):
                with suppress(RefusedError):
                    self._client.post(*self._place, "kill", signal=signal.Signals(number).name)

    def _pass_size(self) -> None:
        """Tell the engine the size of the terminal, as early as it listens, while output is carried."""
        threading.Thread(target=self._resize, daemon=True).start()

    def _resize(self) -> None:
        for _ in range(_RESIZE_TRIES):
            try:
                with self._resizing:  # a size that was read later must not come first
                    lines, columns = _size(self.stdin)
                    self._client.post(*self._place, "resize", h=lines, w=columns)
            except RefusedError:
                if self._over.wait(_RESIZE_PAUSE):
                    return
            except EngineError:
                return  # the connection has broken, and who carries the output tells it
            else:
                return


def _write(descriptor: int, data: bytes) -> None:
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except BrokenPipeError as error:
        raise _ReaderGoneError from error
    except OSError as error:  # not one of the connection
        raise OutputError(error) from error


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
    try:
        saved = termios.tcgetattr(terminal)
    except termios.error:  # the terminal has gone away meanwhile
        raise SystemExit(128 + signal.SIGHUP) from None
    with _handlers({signal.SIGTERM: _leave, signal.SIGHUP: _leave}):
        try:
            tty.setraw(terminal)
            yield
        finally:
            with suppress(termios.error):  # the terminal has gone away
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
def _signals(begun: Callable[[], bool]) -> Iterator[int]:
    """A descriptor from which the numbers of the signals come that would end this process. The second one ends it if the process
    that should get them has not begun.
    """
    readable, writable = os.pipe()
    os.set_blocking(readable, False)
    os.set_blocking(writable, False)
    early: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        if not begun():
            early.append(number)
            if len(early) > 1:
                _leave(number, frame)
        with suppress(BlockingIOError):
            os.write(writable, bytes([number]))

    try:
        with _handlers(dict.fromkeys(_ENDING, pass_on)):
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
