"""The six mistakes that people make with a script of `docker run`: what really happens, and when somebody notices."""

from __future__ import annotations

from msgspec import Struct


class ClassicMistake(Struct, frozen=True, kw_only=True):
    """`bash`: what happens with a script (measured with Docker 20.10). `noticed`: when. `stackctl`: what happens with stackctl."""

    number: int
    name: str
    bash: str
    noticed: str
    stackctl: str


MISTAKES = (
    ClassicMistake(
        number=1,
        name="The network is forgotten",
        bash='`docker run` prints an id, then "network NAME not found", and ends with 125. A dead container keeps the name: after '
        'the network is made, the same command says "The container name is already in use".',
        noticed="at the start, and again at the next start",
        stackctl="Networks come first, by themselves. A name that nothing defines is SC101, before anything is made.",
    ),
    ClassicMistake(
        number=2,
        name="A typo in a name",
        bash="Nothing, until the program asks for the name: \"bad address 'postgras'\". In Docker's own network `bridge` even the "
        "right name is not found.",
        noticed="in the log of a running program",
        stackctl="A host that no service answers to is SC102, with the line and the name that is near.",
    ),
    ClassicMistake(
        number=3,
        name="A wrong variable",
        bash="`docker run -d` prints an id and ends with 0. Two seconds later the container has ended: "
        '"superuser password is not specified".',
        noticed="when something else does not work",
        stackctl="A variable that the image needs is SC301, a misspelt one SC302, an unset one SC303.",
    ),
    ClassicMistake(
        number=4,
        name="The order is forgotten",
        bash="Nothing. The program starts before its database answers, and dies, or works only on a fast machine. Of 49 public "
        "scripts 48 wait for nothing.",
        noticed="on another machine",
        stackctl="depends_on waits until the other answers. Whoever is used but not waited for is SC201.",
    ),
    ClassicMistake(
        number=5,
        name="The volume is forgotten",
        bash="Nothing, ever. The rows are in a volume without a name; after `docker rm` nobody finds them.",
        noticed="when the data are gone",
        stackctl="A database without a volume is SC401. Volumes stay with `down`.",
    ),
    ClassicMistake(
        number=6,
        name="The port is taken",
        bash='`docker run` ends with 125: "port is already allocated" if a container has it, "address already in use" if another '
        "process has it. A container in the state Created keeps the name.",
        noticed="at the start, when half of the stack runs",
        stackctl="A port that is given twice is SC501; one that somebody has is SC502, which says who. Nothing was made yet.",
    ),
)
