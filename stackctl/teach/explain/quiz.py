"""A quiz about a stack: questions that a script of `docker run` asks sooner or later."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from stackctl.planner.world.desired import DesiredContainer


class Question(Struct, frozen=True):
    """`right` is the index of the right choice, `why` says why it is right."""

    text: str
    choices: tuple[str, ...]
    right: int
    why: str


def quiz(containers: Sequence[DesiredContainer]) -> tuple[Question, ...]:
    """The questions, with names of the stack where it has such a container."""
    names = [spec.service for spec in containers] or ["web"]
    waiter = next((spec for spec in containers if spec.needs), None)
    first = waiter.needs[0].service if waiter else names[0]
    second = waiter.service if waiter else names[-1]
    keeps = next(
        (spec.service for spec in containers if any(m.type == "volume" and m.source for m in spec.mounts)),
        first,
    )
    opens = next((spec.service for spec in containers if spec.ports), second)
    return (
        Question(
            f"`docker run -d` for {first} printed an id and ended with 0. Does {first} answer now?",
            ("Yes: the exit code is 0.", "Nobody knows: its process has only been started.", "Yes, if `docker ps` lists it."),
            1,
            "The id says that the first process was started. It may end two seconds later, or need ten seconds until it answers.",
        ),
        Question(
            f"Which option of `docker run` says that {second} needs {first}?",
            ("--depends-on", "--wait-for", "None"),
            2,
            "There is no such option. A script says it with the order of its commands and a loop between them; stack.toml with "
            "depends_on.",
        ),
        Question(
            f"The configuration of {second} has a typo in the name {first}. When do you notice?",
            ("At `docker run`", "When the program asks for that name", "When the network is created"),
            1,
            "To Docker the name is a text in a variable. The DNS server of the network is asked when the program connects: bad "
            "address.",
        ),
        Question(
            f"{keeps} ran without --mount. After `docker rm {keeps}` you start it again. Where are its data?",
            ("In the image", "In the network", "Gone from your sight: in a volume without a name, or nowhere"),
            2,
            "What a container writes goes with it. A named volume belongs to no container, so the next one finds it.",
        ),
        Question(
            f"The program in {second} connects to localhost. What does it reach?",
            (f"{first}", f"{second} itself", "Your machine"),
            1,
            "A container has a network namespace of its own, with its own 127.0.0.1. Others are reached by their names.",
        ),
        Question(
            f"{opens} should have a port of your machine, but another process has that port. What does `docker run` leave behind?",
            ("Nothing", "A container in the state Created, which keeps the name", "A container on another port"),
            1,
            "The container is created before its port is taken. So the same command fails a second time, for another reason: the name "
            "is in use.",
        ),
    )  # fmt: skip
