"""Turn plain TOML data into frozen records, collecting every problem with its key path.

One walk over the type hints reads the data; `json_schema` walks the same hints to describe it. What a type may have:

- a class with `parse` and `SCHEMA` is a value with its own grammar;
- a record is a table; with `short` and `SHORT` it has a short form, which is turned into the table before it is read;
- `check` yields mistakes between the fields of a record, once each field alone is right;
- `NOT_DONE` and `IGNORED` hold keys that are known but are not fields, with what to say about each.

In every table that is a record, keys that begin with `x-` are not read (Compose spec, 11-extension).
"""

import contextlib
import functools
import math
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, get_args, get_origin

from msgspec import Struct, structs

from stackctl.errors import Key, Problem, Severity, dotted
from stackctl.spec.text.parts import Text
from stackctl.spelling import Guesses

T = TypeVar("T")
Path = tuple[Key, ...]
Frame = tuple[type, Path]
"""A record that is being read, and its key path."""

_KINDS: Mapping[Any, str] = {str: "a string", int: "an integer", float: "a number", bool: "true or false"}
_FROM_TEXT: Mapping[Any, Callable[[str], Any]] = {
    bool: lambda text: {"true": True, "false": False}[text],
    int: int,
    float: float,
}
_NO_OPTIONS: Mapping[str, Any] = {}


class Mistake(ValueError):  # noqa: N818
    """A ValueError with a hint, for `parse`, `short`, `listed` and `keys` to raise."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class AnnotatedType:
    """A type, and what is said about it.

    The model annotates some 260 keys at each start. `typing.Annotated` examines every type that it annotates, which takes it longer than
    all else that loading the model takes; nothing is examined here.
    """

    __slots__ = ("about", "type")

    type: Any
    about: Any

    def __class_getitem__(cls, parts: tuple[Any, Any]) -> Self:
        annotated = cls()
        annotated.type, annotated.about = parts
        return annotated


if TYPE_CHECKING:
    from typing import Annotated as Annotated  # noqa: PLC0414 the model imports it from here
else:
    Annotated = AnnotatedType


class About(Struct, frozen=True):
    """The metadata of a key: an annotation beside the field's type, `Annotated[str, About({…})]`."""

    metadata: Mapping[str, Any]


class Form(Struct, frozen=True):
    """A field of a record as a key of a table: its name in TOML, its type without `None`, and its metadata."""

    key: str
    attribute: str
    type: Any
    required: bool
    metadata: Mapping[str, Any]
    optional: bool
    """Whether the value may be None."""


@functools.cache
def forms(table: type) -> Mapping[str, Form]:
    """The keys of a record, in the order of its fields; those of its bases come last. A field with `toml: False` is not a key."""
    found = {}
    fields = {field.name: field for field in structs.fields(table)}
    ordered = dict.fromkeys(name for base in table.__mro__ for name in getattr(base, "__annotations__", ()))
    for field in (fields[name] for name in ordered if name in fields):
        hint, metadata = _annotated(field.type)
        if metadata.get("toml", True):
            name = metadata.get("key", field.name)
            found[name] = Form(
                name, field.name, without_none(hint), field.required, metadata, field.default is None
            )
    return found


def deep_forms(table: type, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Form]]:
    """The keys of a record and of the tables in it, each with its path. Arrays and tables of tables are not looked into."""
    for form in forms(table).values():
        yield (*path, form.attribute), form
        if is_table(form.type):
            yield from deep_forms(form.type, (*path, form.attribute))


def deep_value(record: Any, path: Iterable[str]) -> Any:
    """The value at a path of attributes; None if a record on the way is not given."""
    for name in path:
        record = None if record is None else getattr(record, name)
    return record


def told(record: Struct) -> dict[str, Any]:
    """The keys of a table with their values, without those that have their default."""
    fields = {field.name: field.default for field in structs.fields(type(record))}
    values = {
        form.key: (form.attribute, getattr(record, form.attribute)) for form in forms(type(record)).values()
    }
    return {
        key: value for key, (name, value) in values.items() if value != fields[name] and value not in ((), {})
    }


@functools.cache
def _required(table: type) -> tuple[Form, ...]:
    """The keys that every table of this record must have."""
    return tuple(form for form in forms(table).values() if form.required)


def _annotated(hint: Any) -> tuple[Any, Mapping[str, Any]]:
    """A field's type, and the metadata in its annotation."""
    return (hint.type, hint.about.metadata) if isinstance(hint, AnnotatedType) else (hint, {})


def is_table(hint: Any) -> bool:
    """Whether the type is a record that is written as a table, not a value with its own grammar."""
    return isinstance(hint, type) and issubclass(hint, Struct) and not hasattr(hint, "parse")


def without_none(hint: Any) -> Any:
    """`X | None` → `X`. TOML has no null: an optional key is left out."""
    if get_origin(hint) in (types.UnionType, typing.Union):
        return functools.reduce(lambda a, b: a | b, (arm for arm in get_args(hint) if arm is not type(None)))
    return hint


def structure(
    hint: type[T], value: object, path: Path = (), *, refuse: bool = True
) -> tuple[T | None, list[Problem]]:
    """Read `value` as the type `hint`. `refuse`: a key in `NOT_DONE`, a word that is none of those allowed, and what `check` finds, are errors; else they are
    passed over.

    If no problem is an error, the result is complete. Else it is the part that could be read, so that further checks can go
    on: a wrong item is left out of its array or table, a wrong key keeps its default. None if nothing could be read.
    """
    reader = _Reader(refuse=refuse)
    result = reader.read(hint, value, path, ())
    return (None if result is _NOTHING else result), reader.problems


_NOTHING: Any = object()
"""The result of reading a wrong value."""


class _Reader:
    """The walk over the type hints. `outer` are the tables around a value, the innermost last: an unknown key may belong to
    one of them.
    """

    def __init__(self, guesses: Guesses | None = None, *, refuse: bool = True) -> None:
        self.problems: list[Problem] = []
        self.errors = 0
        self.guesses = guesses or Guesses()
        self.refuse = refuse

    def wrong(self, path: Path, message: str, hint: str = "", severity: Severity = "error") -> Any:
        self.problems.append(Problem(path, message, hint, rule="SC112", severity=severity))
        self.errors += severity == "error"
        return _NOTHING

    def attempt(self, path: Path, call: Callable[..., Any], *arguments: object) -> Any:
        """Call a function of the model. A ValueError that it raises becomes a problem at `path`."""
        try:
            return call(*arguments)
        except ValueError as error:
            return self.wrong(path, str(error), getattr(error, "hint", ""))

    def read(
        self,
        hint: Any,
        value: Any,
        path: Path,
        outer: tuple[Frame, ...],
        options: Mapping[str, Any] = _NO_OPTIONS,
    ) -> Any:
        return _way_to_read(hint)(self, value, path, outer, options)

    def read_choice(self, hint: Any, allowed: tuple[str, ...], value: Any, path: Path) -> Any:
        if value in allowed:
            return hint(value) if isinstance(hint, type) else value
        if not self.refuse:
            return _NOTHING
        listing = ", ".join(map(str, allowed))
        return self.wrong(
            path,
            f"expected one of {listing}, found {describe(value)}",
            self.guesses.did_you_mean(value, allowed),
        )

    def read_scalar(self, kinds: tuple[type, ...], value: Any, path: Path) -> Any:
        # A text may stand for a number or a boolean only if it comes from a variable, as in Compose.
        if isinstance(value, Text) and value.parts and str not in kinds:
            for kind in kinds:
                with contextlib.suppress(ValueError, KeyError):
                    return _FROM_TEXT[kind](value)
        if isinstance(value, str) and str in kinds:
            return value
        if float in kinds and (isinstance(value, float) or (type(value) is int and int not in kinds)):
            value = float(value)  # YAML has a float of its own, which remembers how it is written
        if type(value) in kinds and (not isinstance(value, float) or math.isfinite(value)):
            return value
        return self.wrong(
            path, f"expected {' or '.join(_KINDS[kind] for kind in kinds)}, found {describe(value)}"
        )

    def read_array(
        self, item_type: Any, value: Any, path: Path, outer: tuple[Frame, ...], options: Mapping[str, Any]
    ) -> Any:
        if isinstance(value, list):
            items = [self.read(item_type, item, (*path, n), outer) for n, item in enumerate(value)]
        elif options.get("one"):
            items = [self.read(item_type, value, path, outer)]
        else:
            hint = f"write [{value!r}]".replace("'", '"') if type(value) in (str, int) else ""
            return self.wrong(path, f"expected an array, found {describe(value)}", hint)
        return tuple(item for item in items if item is not _NOTHING)

    def read_mapping(
        self, item_type: Any, value: Any, path: Path, outer: tuple[Frame, ...], options: Mapping[str, Any]
    ) -> Any:
        listed = options.get("listed")
        items: Iterable[tuple[Path, str, Any]]
        if isinstance(value, dict):
            items = (((*path, key), key, item) for key, item in value.items())
        elif isinstance(value, list) and listed:
            items = self.pairs(listed, value, path)
        else:
            return self.wrong(
                path, f"expected a table{' or an array' if listed else ''}, found {describe(value)}"
            )
        result: dict[str, Any] = {}
        joined = options.get(
            "joined"
        )  # what stands between the values of a name that a list has more than once
        for place, key, item in items:
            before = self.errors
            if grammar := options.get("keys"):
                self.attempt(place, grammar, key)
            read = self.read(item_type, item, place, outer)
            if joined and key in result and read is not _NOTHING:
                read = type(read)(f"{result[key]}{joined}{read}")
            if read is not _NOTHING:
                result[key] = read
            if self.errors > before and outer and key in forms(outer[-1][0]) and not is_table(item_type):
                self.explain_swallowed(place)
        return result

    def pairs(
        self, listed: Callable[[object], tuple[str, object]], value: list[Any], path: Path
    ) -> Iterator[tuple[Path, str, Any]]:
        for n, item in enumerate(value):
            pair = self.attempt((*path, n), listed, item)
            if pair is not _NOTHING:
                yield (*path, n), *pair

    def explain_swallowed(self, path: Path) -> None:
        """Add a hint for a frequent mistake in TOML: a key below the header of a sub-table belongs to the sub-table."""
        *_, table, key = path
        hint = f"{key} is read as a part of {table}: move it above that table's header"
        self.problems[-1] = structs.replace(self.problems[-1], hint=hint)

    def read_table(self, table: type, value: Any, path: Path, outer: tuple[Frame, ...]) -> Any:
        if isinstance(value, dict):
            return self.read_keys(table, value, path, outer)
        if not hasattr(table, "short"):
            hint = f"write [{dotted(path)}] with its keys below it" if len(path) in (1, 2) else ""
            return self.wrong(path, f"expected a table, found {describe(value)}", hint)
        expanded = self.attempt(path, table.short, value)
        if expanded is _NOTHING:
            return _NOTHING
        inner = _Reader(self.guesses, refuse=self.refuse)
        result = inner.read_keys(table, expanded, path, outer)
        # A short form has no keys, so problems name the whole value.
        self.problems += (structs.replace(problem, path=path) for problem in inner.problems)
        self.errors += inner.errors
        return result

    def read_keys(self, table: type, value: dict[str, Any], path: Path, outer: tuple[Frame, ...]) -> Any:
        before = self.errors
        keys = forms(table)
        values = {}
        for key, item in value.items():
            if form := keys.get(key):
                read = self.read(form.type, item, (*path, key), (*outer, (table, path)), form.metadata)
                if read is not _NOTHING:
                    values[form.attribute] = read
            elif not key.startswith("x-"):
                self.unknown(table, key, path, outer)
        required = _required(table)
        for form in required:
            if form.key not in value:
                self.wrong(path, f"the key {form.key!r} is missing")
        if any(form.attribute not in values for form in required):
            return _NOTHING
        result = table(**values)
        if self.refuse and self.errors == before and hasattr(result, "check"):
            for below, message, hint in result.check():
                self.wrong((*path, *below), message, hint)
        return result

    def unknown(self, table: type, key: str, path: Path, outer: tuple[Frame, ...]) -> None:
        if reason := getattr(table, "IGNORED", {}).get(key):
            self.wrong((*path, key), reason, severity="note")
        elif reason := getattr(table, "NOT_DONE", {}).get(key):
            if self.refuse:
                self.wrong((*path, key), f"{key!r} is a key of Compose that is not supported: {reason}")
        else:
            hint = _belongs(key, table, path, outer) or self.guesses.did_you_mean(key, forms(table))
            self.wrong((*path, key), f"unknown key {key!r}", hint)


@functools.cache
def _way_to_read(hint: Any) -> Callable[..., Any]:
    """The method of a reader that reads values of this type: it is called with the reader, and as `_Reader.read` is."""
    if hasattr(hint, "parse"):
        return lambda reader, value, path, *_: reader.attempt(path, hint.parse, value)
    if is_table(hint):
        return lambda reader, value, path, outer, _: reader.read_table(hint, value, path, outer)
    if allowed := choices(hint):
        return lambda reader, value, path, *_: reader.read_choice(hint, allowed, value, path)
    arguments = get_args(hint)
    if get_origin(hint) is tuple:
        return lambda reader, *given: reader.read_array(arguments[0], *given)
    if get_origin(hint) is Mapping:
        return lambda reader, *given: reader.read_mapping(arguments[1], *given)
    return lambda reader, value, path, *_: reader.read_scalar(arguments or (hint,), value, path)


def _belongs(key: str, table: type, path: Path, outer: tuple[Frame, ...]) -> str:
    """A hint if another table knows the key: a table around this one, or one directly below it; else ""."""
    for around, place in reversed(outer):
        if key in forms(around):
            return f"it belongs in [{dotted(place)}]" if place else "it belongs at the top of the file"
    below, name = _keys_below(table).get(key, ("", ""))
    return f"it belongs in [{dotted((*path, below))}{name}]" if below else ""


@functools.cache
def _keys_below(table: type) -> Mapping[str, tuple[str, str]]:
    """The keys of the tables directly below this one: the first of these tables that has the key, and `.NAME` if there are several."""
    found: dict[str, tuple[str, str]] = {}
    for form in forms(table).values():
        arguments = get_args(form.type)
        inner = arguments[-1] if get_origin(form.type) is Mapping else form.type
        for key in forms(inner) if is_table(inner) else ():
            found.setdefault(key, (form.key, "" if inner is form.type else ".NAME"))
    return found


def choices(hint: Any) -> tuple[str, ...]:
    """The texts that a StrEnum or Literal allows; none for any other type."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return tuple(hint)
    return ()


def describe(value: object) -> str:
    """A value for messages: its kind, and the value as TOML writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            text = value if len(value) <= 60 else value[:60] + "…"
            return f"the string {text!r}"
        case int() | float():
            return f"the number {value}"
        case list():
            return "an array"
        case dict():
            return "a table"
    return f"the date or time {value}"
