"""What a student's lab is called and holds: chosen by the student's id, so that the same id always gets the same lab."""

from __future__ import annotations

import functools
import hashlib
import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

from msgspec import Struct

T = TypeVar("T")

_THEMES: Sequence[tuple[str, str, str]] = (
    ("orders", "Orders", "shop"),
    ("books", "Books", "library"),
    ("patients", "Patients", "clinic"),
    ("tickets", "Tickets", "support"),
    ("songs", "Songs", "radio"),
    ("routes", "Routes", "trams"),
    ("recipes", "Recipes", "kitchen"),
    ("parcels", "Parcels", "post"),
)
"""Names of the project, of the page, and of the database."""
_API = ("api", "app", "backend", "server", "program")
_DB = ("db", "database", "postgres", "storage")
_CACHE = ("cache", "redis", "counter", "sessions")
_WEB = ("web", "proxy", "front", "gateway")
_MIGRATE = ("migrate", "tables", "prepare", "schema")
_USERS = ("app", "owner", "clerk", "editor", "writer")
_NETWORKS = ("back", "inner", "private", "data-net")


class Chance:
    """Choices that follow from a text. Only `random()` is used: Python promises that its numbers stay the same."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)  # noqa: S311 nothing here is a secret

    def choice(self, choices: Sequence[T]) -> T:
        return choices[int(self._random.random() * len(choices))]

    def shuffled(self, things: Sequence[T]) -> list[T]:
        return [
            thing for _, thing in sorted(((self._random.random(), n), each) for n, each in enumerate(things))
        ]


class Variation(Struct, frozen=True, kw_only=True):
    """The names and values of one student's lab."""

    student: str
    seed: str
    project: str
    title: str
    api: str
    db: str
    cache: str
    web: str
    migrate: str
    network: str
    rows: str
    """The volume of the database."""
    notes: str
    """The volume of the notes."""
    visits: str
    """The volume of the cache."""
    database: str
    user: str
    password: str
    port: int

    @property
    def marks(self) -> Mapping[str, str]:
        """What tells this lab from the labs of others: names and values, by what they are."""
        return {
            name: str(getattr(self, name))
            for name in self.__struct_fields__
            if name not in ("student", "seed")
        }


def seed_of(lab: int, student: str) -> str:
    return hashlib.sha256(f"stackctl lab {lab} {student}".encode()).hexdigest()[:16]


@functools.lru_cache(maxsize=1024)
def vary(lab: int, student: str) -> Variation:
    """The variation of a student's lab."""
    seed = seed_of(lab, student)
    chance = Chance(f"names {seed}")
    project, title, database = chance.choice(_THEMES)
    code = seed[:5]
    return Variation(
        student=student,
        seed=seed,
        project=f"{project}-{code}",
        title=f"{title} {code}",
        api=chance.choice(_API),
        db=chance.choice(_DB),
        cache=chance.choice(_CACHE),
        web=chance.choice(_WEB),
        migrate=chance.choice(_MIGRATE),
        network=chance.choice(_NETWORKS),
        rows=f"{project}-rows",
        notes=f"{project}-notes",
        visits=f"{project}-visits",
        database=database,
        user=chance.choice(_USERS),
        password=seed[5:15],
        port=18000 + int(chance.choice(range(1000))),
    )
