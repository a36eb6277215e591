"""Three hints for each mistake: what to look at, where it is, what is right and why."""

from __future__ import annotations

import json
from collections.abc import Mapping

from msgspec import Struct

from stackctl.errors import dotted
from stackctl.teach.lab.making import Alteration, PlantedMistake

LEVELS = 3


class Advice(Struct, frozen=True):
    look: str
    why: str


_ADVICE: Mapping[str, Advice] = {
    "host renamed in a URL": Advice(
        "A name in a URL leads nowhere. `stackctl check` says which one.",
        "Containers find each other by the names of services.",
    ),
    "published port in a URL": Advice(
        "A URL goes to a port that nobody listens on between containers.",
        "`ports` opens a door on your machine. Between containers the port inside counts.",
    ),
    "localhost in a URL": Advice(
        "Who is localhost, seen from inside a container?",
        "Inside a container localhost is the container itself. The other one has the name of its service.",
    ),
    "wrong password in a URL": Advice(
        "Somebody logs in with a password that the database was never told.",
        "One password, one variable: both places should use it.",
    ),
    "volume forgotten": Advice(
        "After `stackctl down` something is gone. Which service keeps data, and where?",
        "What a container writes goes with it, unless a named volume stands at that path.",
    ),
    "volume at another path": Advice(
        "There is a volume, but the data are not in it. Compare its path with the path where the server writes.",
        "A volume keeps only what is written at its path.",
    ),
    "depends_on forgotten": Advice(
        "Two services start at the same time, and one needs the other.",
        "depends_on waits until the other answers.",
    ),
    "waits for the start only": Advice(
        "A service waits until another one has started. Does it answer then?",
        "Started means that the process exists. Without a condition stackctl waits until the server answers.",
    ),
    "required variable forgotten": Advice(
        "A server refuses to start, since it was not told all that it needs.",
        "The image says which variables it needs; `stackctl explain SC301` tells more.",
    ),
    "variable misspelt": Advice(
        "An image was told something that it does not understand.",
        "Nobody reports a variable that nobody reads.",
    ),
    "key misspelt": Advice(
        "`stackctl check` finds a key that does not exist.",
        "A key that is not known is an error here, so that a typo is seen at once.",
    ),
    "port published twice": Advice(
        "Two services want the same port of your machine.",
        "A port of the machine leads to one container. Servers that only containers use need no port.",
    ),
    "network not defined": Advice(
        "Services join something that nothing defines.",
        "A network stands in a table of its own, [networks.NAME].",
    ),
    "listens on loopback only": Advice(
        "The program runs, and only the container itself can reach it. On which address does it listen?",
        "127.0.0.1 inside a container is reached from inside only. 0.0.0.0 means every address.",
    ),
    "another port inside": Advice(
        "The port of your machine leads into the container, but to a port on which nobody listens. "
        "`stackctl logs` says where the program listens.",
        "The port on the right side is the one inside the container.",
    ),
    "variable of the program misspelt": Advice(
        "The program looks for a variable that it does not get. app/app.py says at its top what it reads.",
        "To Docker the name of a variable means nothing. Only the program knows the right one.",
    ),
    "hidden dependency forgotten": Advice(
        "Something starts too early. `stackctl explain up` shows the order; who needs whom?",
        "No rule can see this dependency, so only depends_on can say it.",
    ),
    "waits for the start of a job only": Advice(
        "Somebody waits until a job has begun. Is its work done then?",
        "A job is ready when it has ended well. Without a condition stackctl waits for that.",
    ),
    "directory not kept": Advice(
        "The program writes files. app/app.py says where; is that directory in a named volume?",
        "Only a named volume at the directory itself, or above it, is found by the next container.",
    ),
}  # fmt: skip


def hint(mistake: PlantedMistake, level: int) -> list[str]:
    """The sentences and lines of the hint of a level: 1 what to look at, 2 where it is, 3 what is right and why."""
    advice = _ADVICE[mistake.kind]
    if level == 1:
        return [advice.look]
    if level == 2:
        return [f"Look at {' and '.join(dotted(edit.path) for edit in _telling(mistake))}."]
    return [*(_right(edit) for edit in _telling(mistake)), advice.why]


def _telling(mistake: PlantedMistake) -> list[Alteration]:
    """The edits that say what is right. What else was changed does no harm, unless nothing was there before."""
    return [edit for edit in mistake.edits if edit.right is not None] or list(mistake.edits)


def _right(edit: Alteration) -> str:
    if edit.right is None:
        return f"{dotted(edit.path)} should not be there: it was not in the right stack."
    if edit.right == {}:
        return f"[{dotted(edit.path)}] should be there."
    if isinstance(edit.right, dict):
        return f"The table is called [{dotted(edit.path)}]."
    return f"{dotted(edit.path)} = {json.dumps(edit.right)}"
