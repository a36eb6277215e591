"""A stack that runs, as a test sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stackctl.testing.given_names import NoSuchServiceError
from stackctl.testing.live_stack import LiveStack
from stackctl.testing.service import RunningService


@dataclass(frozen=True, kw_only=True)
class Running(LiveStack, Mapping[str, RunningService]):
    """A stack that runs, by the names of its services: `app["api"]`. Safe to share between threads."""

    def __repr__(self) -> str:
        return f"<stack {self.project}: {', '.join(self)}>"

    def __getitem__(self, service: str) -> RunningService:
        """Raises NoSuchServiceError, which is a KeyError."""
        if service not in self.stack.everything:
            raise NoSuchServiceError(service, self.stack.everything)
        return RunningService(service, self)

    def __iter__(self) -> Iterator[str]:
        return iter(self.stack.everything)

    def __len__(self) -> int:
        return len(self.stack.everything)

    def __hash__(self) -> int:
        return hash(self.project)
