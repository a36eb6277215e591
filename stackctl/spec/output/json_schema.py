"""The JSON Schema of a table, made from the classes that read it.

It is made for Taplo, which most editors use for TOML. So it is Draft 4 and has no `$ref`: Taplo ignores every description
beside a `$ref`.
"""

from collections.abc import Mapping
from typing import Any, get_args, get_origin

from stackctl.spec.structure import Form, choices, forms, is_table

Schema = dict[str, Any]

_TYPES: Mapping[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}
_VARIABLE: Schema = {"type": "string", "pattern": r"\$"}
"""A text that holds a variable may stand for any scalar."""


def json_schema(table: type, title: str = "stack.toml") -> Schema:
    """The schema of a document whose root is `table`. Equal classes give equal schemas, with keys in the same order."""
    return {"$schema": "http://json-schema.org/draft-04/schema#", "title": title, **_table(table)}


def _table(table: type) -> Schema:
    keys = forms(table)
    properties = {key: _property(form) for key, form in keys.items()}
    for key, reason in getattr(table, "IGNORED", {}).items():
        properties[key] = {"description": reason[:1].upper() + reason[1:] + "."}
    required = [key for key, form in keys.items() if form.required]
    return {
        "type": "object",
        **({"description": doc} if (doc := _summary(table)) else {}),
        "properties": properties,
        **({"required": required, "x-taplo": {"initKeys": required}} if required else {}),
        "patternProperties": {"^x-": {}},
        "additionalProperties": False,
    }


def _property(form: Form) -> Schema:
    metadata = form.metadata
    schema = _type(form.type, metadata)
    return {
        **schema,
        **({"description": metadata["doc"]} if metadata.get("doc") else {}),
        **({"examples": list(metadata["examples"])} if metadata.get("examples") else {}),
    }


def _type(hint: Any, metadata: Mapping[str, Any]) -> Schema:
    if hasattr(hint, "parse"):
        return _or_variable(hint.SCHEMA)
    if is_table(hint):
        table = _table(hint)
        return {"anyOf": [hint.SHORT, table]} if hasattr(hint, "short") else table
    if allowed := choices(hint):
        return _or_variable({"enum": [str(each) for each in allowed]})
    if get_origin(hint) is tuple:
        item = _type(get_args(hint)[0], {})
        array = {"type": "array", "items": item}
        return {"anyOf": [*_arms(item), array]} if metadata.get("one") else array
    if get_origin(hint) is Mapping:
        table = {"type": "object", "additionalProperties": _type(get_args(hint)[1], {})}
        items = {"type": "array", "items": {"type": "string"}}
        return {"anyOf": [table, items]} if metadata.get("listed") else table
    kinds = [_TYPES[kind] for kind in get_args(hint) or (hint,)]
    return _or_variable({"type": kinds[0] if len(kinds) == 1 else kinds})


def _or_variable(schema: Schema) -> Schema:
    """The schema that also allows a text with a variable, unless it allows every text already."""
    if schema == {"type": "string"}:
        return dict(schema)
    return {"anyOf": [*_arms(schema), _VARIABLE]}


def _arms(schema: Schema) -> list[Schema]:
    return list(schema["anyOf"]) if set(schema) == {"anyOf"} else [schema]


def _summary(table: type) -> str:
    """The first line of a class's docstring; "" if the docstring is generated."""
    doc = (table.__doc__ or "").strip()
    return "" if doc.startswith(f"{table.__name__}(") else doc.partition("\n")[0]
