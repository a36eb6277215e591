"""The command line in this process: words in, text and an exit code out."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


Run = Callable[..., Ran]
"""`run("config", "-q", PORT="80")`: stackctl in an empty directory, with no variables but these."""
