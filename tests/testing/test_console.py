"""A program that is kept to be asked many things: what it is asked is sent once, whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stackctl.engine.memory import MemoryEngine
from stackctl.engine.protocol import Conversation, Exec
from stackctl.errors import EngineError
from stackctl.planner.world.observed import ImageConfig
from stackctl.testing import Running
from stackctl.testing.data.console import Console

pytest_plugins = ["memory_fixtures"]
Start = Callable[..., Running]

STACK = '[services.db]\nimage = "busybox"\ncommand = "sleep infinity"\n'


class Watched(MemoryEngine):
    """Remembers what programs were told; one that is told a word of `ends` ends, without having answered."""

    def __init__(self, *ends: str) -> None:
        super().__init__({"busybox": ImageConfig()})
        self.programs: list[list[str]] = []
        self.ends = ends

    def converse(self, command: Exec) -> Conversation:
        told: list[str] = []
        self.programs.append(told)
        return _Program(super().converse(command), told, self.ends)


class _Program:
    def __init__(self, line: Conversation, told: list[str], ends: tuple[str, ...]) -> None:
        self.line, self.told, self.ends = line, told, ends

    def tell(self, text: bytes) -> None:
        self.line.tell(text)
        said, _, _ = text.decode().rpartition("end-")
        self.told.append(said)
        if any(word in said for word in self.ends):
            self.line.close()

    def ask(self, text: bytes, until: bytes, timeout: float) -> bytes:
        return self.line.ask(text, until, timeout)

    def close(self) -> None:
        self.line.close()


@pytest.fixture
def ask(start: Start, home: object) -> Callable[..., tuple[Watched, Console]]:
    def make(*ends: str) -> tuple[Watched, Console]:
        engine = Watched(*ends)
        app = start(engine, STACK)
        return engine, Console(engine, Exec(container=app.container_name("db"), argv=("cat",)), "{}")

    return make


def test_one_program_is_asked_many_things(ask: Callable[..., tuple[Watched, Console]]) -> None:
    engine, console = ask()
    assert [console.ask(f"{n}\n", 1) for n in range(3)] == ["0\n", "1\n", "2\n"]
    assert engine.programs == [["0\n", "1\n", "2\n"]]


def test_what_may_have_been_done_is_not_asked_again(ask: Callable[..., tuple[Watched, Console]]) -> None:
    engine, console = ask("CREATE")
    console.ask("SELECT\n", 1)
    with pytest.raises(EngineError):
        console.ask("CREATE\n", 1)
    assert sum(told.count("CREATE\n") for told in engine.programs) == 1
    assert console.ask("SELECT\n", 1) == "SELECT\n"


def test_a_program_that_ended_meanwhile_is_replaced_and_asked_if_that_does_no_harm(
    ask: Callable[..., tuple[Watched, Console]],
) -> None:
    engine, console = ask()
    for harmless in (False, True):
        console.ask("one\n", 1)
        assert console._line is not None
        console._line.close()
        if harmless:
            assert console.ask("SELECT\n", 1, again=True) == "SELECT\n"
        else:
            with pytest.raises(EngineError):
                console.ask("CREATE\n", 1)
    assert engine.programs == [["one\n"], ["one\n"], ["SELECT\n"]]


def test_what_was_told_is_answered_later_and_in_any_order(
    ask: Callable[..., tuple[Watched, Console]],
) -> None:
    engine, console = ask("END")
    told = [console.tell(f"{n}\n") for n in range(3)]
    assert console.ask("3\n", 1) == "3\n"
    assert [console.answer(each, 1) for each in reversed(told)] == ["2\n", "1\n", "0\n"]
    lost = [console.tell("4\n"), console.tell("END\n")]
    assert console.ask("5\n", 1, again=True) == "5\n"
    for each in lost:
        with pytest.raises(EngineError):
            console.answer(each, 1)
    assert engine.programs == [["0\n", "1\n", "2\n", "3\n", "4\n", "END\n"], ["5\n"]]
