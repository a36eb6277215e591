"""A Swarm without a leader: an election is waited for, and a Swarm that has lost most of its managers is told."""

from __future__ import annotations

import pytest

from stackctl.engine.docker.swarm.perform import while_leaderless
from stackctl.engine.transport.client import RefusedError

LOST = "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online."


class Manager:
    """It answers from a time on. Its clock moves while somebody sleeps."""

    def __init__(self, leads_at: float, message: str = LOST) -> None:
        self.time = 0.0
        self.asked = 0
        self._leads_at = leads_at
        self._message = message

    def answer(self) -> str:
        self.asked += 1
        if self.time < self._leads_at:
            raise RefusedError(self._message, status=500)
        return "done"

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def ask(self, *, cancelled: bool = False) -> str:
        return while_leaderless(self.answer, lambda: cancelled, self.now, self.sleep)


def test_an_election_is_waited_for() -> None:
    assert Manager(9.0).ask() == "done"


def test_a_lost_quorum_is_told_after_the_time_of_an_election() -> None:
    manager = Manager(1e9)
    with pytest.raises(RefusedError, match="does not have a leader"):
        manager.ask()
    assert manager.time == pytest.approx(20.0, abs=0.2)


def test_another_refusal_and_a_run_that_ends_wait_for_nobody() -> None:
    other = Manager(9.0, "update out of sequence")
    with pytest.raises(RefusedError, match="sequence"):
        other.ask()
    ended = Manager(9.0)
    with pytest.raises(RefusedError, match="leader"):
        ended.ask(cancelled=True)
    assert (other.asked, ended.asked) == (1, 1)
