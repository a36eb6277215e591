"""Commands that people know from elsewhere and that stackctl does not have: the way that works instead."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from stackctl.spelling import nearest

_CONTAINER = "$(stackctl ps -q SERVICE)"
_WAYS = {
    "alpha": "`stackctl export dot` draws what `alpha viz` draws",
    "bridge": "`stackctl export compose` writes a compose.yaml that other tools convert",
    "commit": "`docker commit $(stackctl ps -q SERVICE) IMAGE`",
    "convert": "`stackctl import run.sh` reads a script; `stackctl config` shows the stack as it is understood",
    "destroy": "`stackctl down --volumes` removes the data, too",
    "lint": "`stackctl check` finds mistakes",
    "publish": "a stack is its file: put stack.toml into the repository; `stackctl export compose` writes one for Compose",
    "remove": "`stackctl rm -fs SERVICE` stops and removes it, and keeps its data",
    "shell": "`stackctl exec SERVICE sh`",
    "ssh": "`stackctl exec SERVICE sh`",
    "validate": "`stackctl check` finds mistakes",
    "viz": "`stackctl export dot` draws the stack for Graphviz, `stackctl export mermaid` for Markdown",
    "vz": "`stackctl export dot` draws the stack for Graphviz, `stackctl export mermaid` for Markdown",
}


def instead(words: Sequence[str], commands: Collection[str]) -> str:
    """What to say after "No such command": the way that works, else a name that is close. `words` are what the user typed."""
    name = words[0]
    if name not in _WAYS:
        close = nearest(name, [*commands, *_WAYS])
        if close is None:
            return ""
        name = close
        if name not in _WAYS:
            return f" Did you mean {name!r}?"
    service = next((word for word in words[1:] if not word.startswith("-")), "SERVICE")
    return f" Instead of {name!r}: {_WAYS[name].replace('SERVICE', service)}"
