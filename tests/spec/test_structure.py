"""Plain data in, records or problems out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import pytest
from msgspec import Struct

from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.spec.structure import About, Annotated, Mistake, describe, structure
from stackctl.spec.text.parts import Part, Text, VariableOrigin
from stackctl.spelling import did_you_mean


def replaced(text: str) -> Text:
    """A text that is the value of a variable."""
    return Text.of([Part(text, VariableOrigin("V", "shell"))])


class Colour(StrEnum):
    red = "red"
    dark_green = "dark_green"


class Even(Struct, frozen=True):
    number: int
    SCHEMA: ClassVar[dict[str, Any]] = {"type": "integer"}

    @classmethod
    def parse(cls, value: object) -> Self:
        if isinstance(value, int) and value % 2:
            raise Mistake(f"{value} is odd", f"did you mean {value + 1}?")
        if isinstance(value, int):
            return cls(value)
        raise ValueError(f"expected an even number, found {value!r}")


class Wheel(Struct, frozen=True, kw_only=True):
    size: Even
    colour: Colour = Colour.red
    SHORT: ClassVar[dict[str, Any]] = {"type": "integer"}

    @classmethod
    def short(cls, value: object) -> dict[str, Any]:
        if isinstance(value, int):
            return {"size": value}
        raise ValueError(f"expected a size, found {value!r}")


def pair(item: object) -> tuple[str, object]:
    if not isinstance(item, str):
        raise ValueError(f"expected NAME=value, found {item!r}")
    name, _, value = item.partition("=")
    return name, value


def lower(key: str) -> None:
    if not key.islower():
        raise ValueError(f"{key!r} is not in lower case")


class Car(Struct, frozen=True, kw_only=True):
    name: str
    doors: int = 4
    weight: float = 1.0
    electric: bool = False
    fuel: Literal["gas", "diesel"] | None = None
    code: str | int | bool | float | None = None
    wheels: Annotated[tuple[Wheel, ...], About({"one": True})] = ()
    spare: Wheel | None = None
    notes: Annotated[Mapping[str, str], About({"listed": pair})] = {}
    kind: Annotated[str, About({"key": "type"})] = ""
    seen: Annotated[int, About({"toml": False})] = 0

    NOT_DONE: ClassVar[Mapping[str, str]] = {"horses": "count kilowatts"}
    IGNORED: ClassVar[Mapping[str, str]] = {"year": "nobody reads it"}

    def check(self) -> Iterable[tuple[tuple[str | int, ...], str, str]]:
        if self.electric and self.fuel:
            yield ("fuel",), "electric cars burn nothing", "drop it"


class Garage(Struct, frozen=True, kw_only=True):
    cars: Annotated[Mapping[str, Car], About({"keys": lower})] = {}
    owner: str = ""


def problems(value: object, hint: type = Garage) -> list[str]:
    return [str(problem) for problem in structure(hint, value)[1]]


def test_a_right_document_gives_its_value() -> None:
    car = {
        "name": "a",
        "weight": 2,
        "fuel": "gas",
        "wheels": [2, {"size": 4, "colour": "dark_green"}],
        "spare": {"size": 6},
        "notes": {"x": "1"},
        "type": "small",
        "x-mine": [1],
    }
    expected = Car(
        name="a",
        weight=2.0,
        fuel="gas",
        wheels=(Wheel(size=Even(2)), Wheel(size=Even(4), colour=Colour.dark_green)),
        spare=Wheel(size=Even(6)),
        notes={"x": "1"},
        kind="small",
    )
    assert structure(Garage, {"cars": {"mini": car}}) == (Garage(cars={"mini": expected}), [])


def test_all_mistakes_come_at_once_and_what_is_right_is_kept() -> None:
    value = {
        "ownr": "me",
        "cars": {
            "a": {
                "name": 1,
                "doors": "two",
                "weight": float("nan"),
                "electric": 1,
                "fuel": "gaz",
                "code": [],
                "wheels": [1, 2, {"size": 2, "colour": "green"}],
                "notes": ["x=1", 2],
            },
            "b": {"name": "b", "doors": 2, "typ": "small"},
            "C": {"name": "c"},
        },
    }
    garage, found = structure(Garage, value)
    assert [str(problem) for problem in found] == [
        "ownr: unknown key 'ownr' (did you mean 'owner'?)",
        "cars.a.name: expected a string, found the number 1",
        "cars.a.doors: expected an integer, found the string 'two'",
        "cars.a.weight: expected a number, found the number nan",
        "cars.a.electric: expected true or false, found the number 1",
        "cars.a.fuel: expected one of gas, diesel, found the string 'gaz' (did you mean 'gas'?)",
        "cars.a.code: expected a string or an integer or true or false or a number, found an array",
        "cars.a.wheels[0]: 1 is odd (did you mean 2?)",
        "cars.a.wheels[2].colour: expected one of red, dark_green, found the string 'green' (did you mean 'dark_green'?)",
        "cars.a.notes[1]: expected NAME=value, found 2",
        "cars.b.typ: unknown key 'typ' (did you mean 'type'?)",
        "cars.C: 'C' is not in lower case",
    ]
    assert {problem.rule for problem in found} == {"SC112"}
    assert garage == Garage(cars={"b": Car(name="b", doors=2), "C": Car(name="c")})


def test_a_boolean_is_no_integer_and_an_integer_no_string() -> None:
    assert problems({"name": 1, "doors": True}, Car) == [
        "name: expected a string, found the number 1",
        "doors: expected an integer, found true",
    ]


def test_a_missing_key_is_named_at_its_table() -> None:
    assert problems({"cars": {"a": {}}}) == ["cars.a: the key 'name' is missing"]
    assert structure(Car, {}) == (None, structure(Car, {})[1])


@pytest.mark.parametrize("value", [1, "x", [], True])
def test_a_table_must_be_a_table(value: object) -> None:
    hint = "write [cars.a] with its keys below it"
    assert problems({"cars": {"a": value}}) == [f"cars.a: expected a table, found {describe(value)} ({hint})"]


def test_a_mistake_in_a_shorthand_is_named_at_the_shorthand() -> None:
    assert problems({"name": "a", "spare": 3}, Car) == ["spare: 3 is odd (did you mean 4?)"]
    assert problems({"name": "a", "spare": "big"}, Car) == ["spare: expected a size, found 'big'"]


def test_one_bare_item_stands_for_an_array() -> None:
    car, found = structure(Car, {"name": "a", "wheels": 2})
    assert (car, found) == (Car(name="a", wheels=(Wheel(size=Even(2)),)), [])
    assert problems({"name": "a", "wheels": 3}, Car) == ["wheels: 3 is odd (did you mean 4?)"]


def test_a_list_stands_for_a_table() -> None:
    car, found = structure(Car, {"name": "a", "notes": ["x=1", "y=2", "x=3"]})
    assert found == []
    assert car is not None
    assert car.notes == {"x": "3", "y": "2"}


def test_an_unknown_key_that_fits_elsewhere_is_sent_there() -> None:
    assert problems({"cars": {"a": {"name": "a", "owner": "me"}}, "doors": 2}) == [
        "cars.a.owner: unknown key 'owner' (it belongs at the top of the file)",
        "doors: unknown key 'doors' (it belongs in [cars.NAME])",
    ]
    assert problems({"cars": {"a": {"name": "a", "spare": {"size": 2, "doors": 2}, "colour": "red"}}}) == [
        "cars.a.spare.doors: unknown key 'doors' (it belongs in [cars.a])",
        "cars.a.colour: unknown key 'colour' (it belongs in [cars.a.spare])",
    ]


def test_a_key_that_slipped_into_the_table_above_it_is_sent_back() -> None:
    assert problems({"name": "a", "notes": {"x": "1", "wheels": [2]}}, Car) == [
        "notes.wheels: expected a string, found an array (wheels is read as a part of notes: move it above that table's header)"
    ]


def test_known_keys_that_are_not_done_or_mean_nothing_say_so() -> None:
    car, found = structure(Car, {"name": "a", "year": 1})
    assert [(problem.severity, problem.message) for problem in found] == [("note", "nobody reads it")]
    assert car == Car(name="a")
    assert problems({"name": "a", "horses": 1}, Car) == [
        "horses: 'horses' is a key of Compose that is not supported: count kilowatts"
    ]


def test_a_field_that_is_not_of_the_file_is_no_key() -> None:
    assert problems({"name": "a", "seen": 1}, Car) == ["seen: unknown key 'seen'"]


def test_rules_between_fields_are_checked_once_each_field_is_right() -> None:
    assert problems({"name": "a", "electric": True, "fuel": "gas"}, Car) == [
        "fuel: electric cars burn nothing (drop it)"
    ]
    assert problems({"name": 1, "electric": True, "fuel": "gas"}, Car) == [
        "name: expected a string, found the number 1"
    ]


def test_only_a_replaced_variable_may_stand_for_a_number() -> None:
    value = {
        "name": "a",
        "doors": replaced("2"),
        "weight": replaced("1.5"),
        "electric": replaced("true"),
    }
    assert structure(Car, value) == (Car(name="a", doors=2, weight=1.5, electric=True), [])
    assert problems({"name": "a", "doors": replaced("two")}, Car) == [
        "doors: expected an integer, found the string 'two'"
    ]


def test_words_that_are_not_near_are_not_suggested() -> None:
    assert did_you_mean("imge", ["image", "build"]) == "did you mean 'image'?"
    assert did_you_mean("zebra", ["image", "build"]) == ""


def test_values_are_described_in_the_words_of_toml() -> None:
    assert describe({}) == "a table"
    assert describe(dt.date(2024, 1, 2)) == "the date or time 2024-01-02"
    assert describe("x" * 100) == f"the string '{'x' * 60}…'"


def test_a_float_of_yaml_is_a_number(tmp_path: Path) -> None:
    text = "services: { web: { image: busybox, deploy: { update_config: { max_failure_ratio: 0.5 } } } }\n"
    (tmp_path / "compose.yaml").write_text(text)
    request = StackRequest(files=[tmp_path / "compose.yaml"], directory=tmp_path, environ={})
    deploy = read(request).services["web"].deploy
    assert deploy
    assert deploy.update_config
    assert (deploy.update_config.max_failure_ratio, type(deploy.update_config.max_failure_ratio)) == (
        0.5,
        float,
    )
