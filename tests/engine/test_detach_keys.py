"""The keys with which one leaves a container's terminal."""

import pytest

from stackctl.engine.talk.terminal import detach_keys
from stackctl.errors import UsageError


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("ctrl-p,ctrl-q", b"\x10\x11"),
        ("ctrl-x,q", b"\x18q"),
        ("ctrl-@", b"\0"),
        ("ctrl-[", b"\x1b"),
        ("ctrl-A,ctrl-_", b"\x01\x1f"),
    ],
)
def test_keys_are_what_a_terminal_sends(text: str, typed: bytes) -> None:
    assert detach_keys(text) == typed


@pytest.mark.parametrize("text", ["", "ctrl-", "ctrl-é", "xy", "ctrl-a,", "alt-x"])
def test_what_is_no_key(text: str) -> None:
    with pytest.raises(UsageError, match="no keys to detach with"):
        detach_keys(text)
