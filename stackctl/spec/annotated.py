"""`typing.Annotated` for the model, cheap to make: at each start the model annotates some 260 keys.

A type checker takes it for typing's own, and so does ruff (`typing-modules` in pyproject.toml). typing examines every type that it annotates,
which takes it longer than all else that loading the model takes. Nothing is examined here.
"""

from typing import TYPE_CHECKING, Any, Self


class AnnotatedType:
    """A type, and what is said about it."""

    __slots__ = ("about", "type")

    type: Any
    about: Any

    def __class_getitem__(cls, parts: tuple[Any, Any]) -> Self:
        annotated = cls()
        annotated.type, annotated.about = parts
        return annotated


if TYPE_CHECKING:
    from typing import Annotated
else:
    Annotated = AnnotatedType

__all__ = ["Annotated", "AnnotatedType"]
