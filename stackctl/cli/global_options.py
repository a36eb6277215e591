"""The values of the global options."""

from __future__ import annotations

from msgspec import Struct


class GlobalOptions(Struct):
    """What the global options say."""

    files: tuple[str, ...] = ()
    project_name: str | None = None
    env_files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    project_directory: str | None = None
    host: str | None = None
    context: str | None = None
    insecure: bool = False
    progress: str = "auto"
    color: bool = True
    publish_host: str | None = None
    isolated: bool | None = None
    """Whether the stack is that of this checkout alone; None: the file says it (`checkouts`)."""
