"""The whole file."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from msgspec import Struct

from stackctl.errors import Problem
from stackctl.secret import veiled
from stackctl.spec.known_images import BUILT_IN, KnownImages
from stackctl.spec.model.addresses import wrong_addresses
from stackctl.spec.model.files import ConfigSource, FileSource, FileUse, SecretSource
from stackctl.spec.model.keys import FILLED_IN, Check, key, resource_name, variable_names
from stackctl.spec.model.networks import Network
from stackctl.spec.model.service import Job, Service, Template
from stackctl.spec.model.volumes import Volume
from stackctl.spec.source.locate import Source
from stackctl.spec.structure import Annotated
from stackctl.spec.text.parts import Text
from stackctl.spec.unsupported import STACK_KEYS


class Tests(Struct, frozen=True, kw_only=True):
    """What the programs that test the stack need. They run outside of it, on this machine. `up` does not read this table."""

    environment: Annotated[
        Mapping[str, Text],
        key(
            "Variables for tests, and for `stackctl env`."
            " `${services.db.url}` and `http://api:8000` become addresses that work on this machine."
        ),
    ] = {}

    def __repr__(self) -> str:
        return veiled(self, "environment")

    def check(self) -> Check:
        yield from variable_names(self.environment)


class Include(Struct, frozen=True, kw_only=True):
    """A file of another directory, with its own paths and its own `.env`. The reader has put its tables in before anything else looks
    at the stack.
    """

    path: Annotated[tuple[str, ...], key("The file, or several that are laid over each other.", one=True)]
    project_directory: Annotated[
        str | None, key("What its paths are relative to (the file's own directory).")
    ] = None
    env_file: Annotated[
        tuple[str, ...], key("Files of variables, instead of the `.env` there.", one=True)
    ] = ()

    SHORT: ClassVar[dict[str, Any]] = {"type": "string"}

    @classmethod
    def short(cls, value: object) -> dict[str, Any]:
        if isinstance(value, str) and value:
            return {"path": value}
        raise ValueError(f"expected a file, found {value!r}")


class Stack(Struct, frozen=True, kw_only=True):
    """A whole stack.toml, read and checked."""

    name: Annotated[str | None, key("The project's name (the directory's name).")] = None
    checkouts: Annotated[
        Literal["refuse", "isolated", "shared"],
        key(
            "What several checkouts of this project on one machine are: `refuse`: one at a time, another directory is refused;"
            " `isolated`: each its own stack, as with `--isolated`; `shared`: all of them the same one.",
            own=True,
        ),
    ] = "refuse"
    services: Annotated[Mapping[str, Service], key("Containers that keep running.", keys=resource_name)] = {}
    jobs: Annotated[
        Mapping[str, Job],
        key("Containers that run to completion, in dependency order.", keys=resource_name, own=True),
    ] = {}
    templates: Annotated[
        Mapping[str, Template],
        key("What services may extend. A template is never started.", keys=resource_name, own=True),
    ] = {}
    include: Annotated[
        tuple[Include, ...],
        key("Other stack.toml or compose files, whose services and the like belong to this stack.", one=True),
    ] = ()
    networks: Annotated[
        Mapping[str, Network], key("Networks; `default` is there by itself.", keys=resource_name)
    ] = {}
    volumes: Annotated[Mapping[str, Volume], key("Named volumes.", keys=resource_name)] = {}
    secrets: Annotated[
        Mapping[str, SecretSource], key("Secrets that containers read from files.", keys=resource_name)
    ] = {}
    configs: Annotated[
        Mapping[str, ConfigSource], key("Configurations that containers read from files.", keys=resource_name)
    ] = {}
    tests: Annotated[Tests, key("What tests of the stack need; `up` does not read it.", own=True)] = Tests()

    project: Annotated[str, FILLED_IN] = ""
    marks: Annotated[Mapping[str, str], FILLED_IN] = {}
    """Further labels of everything that is made for the stack. They tell which test run made it, and do not count for the
    digest.
    """
    subnets: Annotated[str, FILLED_IN] = ""
    """The pool of which each of its networks takes a small subnet, as `planner/runs/subnets.py` reads it; "": the engine chooses."""
    directory: Annotated[Path, FILLED_IN] = Path()
    files: Annotated[tuple[Path, ...], FILLED_IN] = ()
    problems: Annotated[tuple[Problem, ...], FILLED_IN] = ()
    sources: Annotated[tuple[Source, ...], FILLED_IN] = ()
    known_images: Annotated[KnownImages, FILLED_IN] = BUILT_IN

    NOT_DONE: ClassVar[Mapping[str, str]] = STACK_KEYS
    IGNORED: ClassVar[Mapping[str, str]] = {"version": "the version key means nothing any more: leave it out"}

    @property
    def in_yaml(self) -> bool:
        """Whether it is written in compose files: what messages advise has to be a key of Compose."""
        return any(source.places is not None for source in self.sources)

    @property
    def everything(self) -> dict[str, Service]:
        """Services and jobs by name. A service and a job cannot have the same name."""
        return {**self.services, **self.jobs}

    def files_of(self, service: Service) -> Iterator[tuple[str, FileUse, FileSource]]:
        """The secrets and configs of a service that the file defines: the table where each is defined, its use, its source."""
        for section, uses, sources in (
            ("secrets", service.secrets, self.secrets),
            ("configs", service.configs, self.configs),
        ):
            yield from ((section, use, sources[use.source]) for use in uses if use.source in sources)

    def sources_of(self, service: Service) -> Iterator[tuple[str, str, FileSource]]:
        """All that a service and its build use of the secrets and configs of the file: the table, the name, the source."""
        yield from ((section, use.source, source) for section, use, source in self.files_of(service))
        for use in service.build.secrets if service.build else ():
            if use.source in self.secrets:
                yield "secrets", use.source, self.secrets[use.source]

    def check(self) -> Check:
        yield from wrong_addresses(self.networks, self.everything)
        for name in self.services.keys() & self.jobs.keys():
            yield (
                ("jobs", name),
                f"{name!r} is also a service",
                "services and jobs share one set of names: rename one",
            )
