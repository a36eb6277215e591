"""A part of the stack as its file writes it: TOML for a stack.toml, YAML for a compose.yaml. Secrets are dots."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any

import tomli_w

from stackctl.errors import Key, dotted
from stackctl.spec.model import Stack
from stackctl.spec.output.redact import redacted
from stackctl.spec.output.write import plain
from stackctl.spec.source.discovery import NAME
from stackctl.spec.source.locate import Source
from stackctl.spec.text.parts import written
from stackctl.teach.compose.yaml import document

Path = tuple[Key, ...]

_LINE = 66
"""Columns that are left beside the titles."""


def file_name(stack: Stack) -> str:
    """The name of the stack's file, without its directory."""
    return FilePath(stack.sources[-1].file).name if stack.sources else NAME


def language(stack: Stack) -> str:
    """The notation of the stack's file: `toml` or `yaml`."""
    return "yaml" if stack.sources and stack.sources[-1].places else "toml"


def line_of(stack: Stack, path: Path) -> str:
    """Where a path is written: `stack.toml:9`; "" if it is not."""
    source, offset = _source(stack, path)
    if source is None:
        return ""
    place = source.place(offset)
    return f"{place.file}:{place.line}"


def value_of(stack: Stack, path: Path) -> Any:
    """The value as one would write it, without its secrets; None if it is not set."""
    value: Any = plain(getattr(stack, str(path[0]))[path[1]], short=True)
    name = str(path[1])
    for key in path[2:]:
        if not isinstance(value, Mapping) or key not in value:
            return None
        value, name = value[key], str(key)
    return redacted(_as_written(value), name)


def in_file(stack: Stack, path: Path) -> str:
    """A path as it is written: its header, or its key with the value, without secrets. An item of a table stands as its key."""
    source, offset = _source(stack, path)
    is_yaml = source.places is not None if source else language(stack) == "yaml"
    if len(path) == 2:
        return f"{path[-1]}:" if is_yaml else f"[{dotted(path)}]"
    key, value = str(path[-1]), value_of(stack, path)
    if is_yaml and source:
        return _said(source, offset, key)
    if value is None or value == {}:
        return key
    return _yaml(key, value) if is_yaml else _toml(key, value)


def _source(stack: Stack, path: Path) -> tuple[Source | None, int]:
    for source in reversed(stack.sources):
        if (offset := source.offsets().get(path)) is not None:
            return source, offset
    return None, 0


# TOML


def _toml(key: str, value: Any) -> str:
    """A key with its value, on one line if it fits."""
    line = f"{_scalar({key: 0}).removesuffix(' = 0')} = {_inline(value)}"
    return line if len(line) <= _LINE else tomli_w.dumps({key: value}).strip()


def _inline(value: Any) -> str:
    match value:
        case Mapping():
            pairs = (
                f"{_scalar({key: 0}).removesuffix(' = 0')} = {_inline(item)}" for key, item in value.items()
            )
            return f"{{ {', '.join(pairs)} }}"
        case list():
            return f"[{', '.join(map(_inline, value))}]"
    return _scalar({"k": value}).removeprefix("k = ")


def _scalar(tree: Mapping[str, Any]) -> str:
    return tomli_w.dumps(tree).strip()


# YAML


def _said(source: Source, offset: int, key: str) -> str:
    """What a YAML file says at an offset, in its own words: a stack means more than its file says."""
    from stackctl.spec.source.nodes import plain as value_of_node  # a file in YAML has loaded both
    from stackctl.spec.source.yaml_text import parse

    documents, _ = parse(source)
    found = [
        (name, value_of_node(node)) for root in documents for name, node in _nodes(root) if node.at == offset
    ]
    name, value = next((each for each in found if each[0] == key), found[0] if found else (key, None))
    shown = redacted(value, str(name))
    if isinstance(name, int):
        return f"- {_flow(shown)}"
    line = source.place(offset).text.strip()
    alone, _ = parse(Source(source.file, line))
    if shown == value and [value_of_node(root) for root in alone] == [{name: value}]:
        return line
    return str(name) if value is None else _yaml(str(name), shown)


def _nodes(node: Any) -> Iterator[tuple[Key, Any]]:
    """Every node below a node, with its key or index."""
    items = (
        node.value.items()
        if isinstance(node.value, dict)
        else enumerate(node.value)
        if isinstance(node.value, list)
        else ()
    )
    for key, item in items:
        yield key, item
        yield from _nodes(item)


def _yaml(key: str, value: Any) -> str:
    """A key with its value, on one line if it fits."""
    line = f"{_flow(key)}: {_flow(value)}"
    return line if len(line) <= _LINE else document({key: _node(value)}, dense=True).strip()


def _flow(value: Any) -> str:
    match value:
        case Mapping():
            pairs = (f"{_flow(key)}: {_flow(item)}" for key, item in _node(value).items())
            return f"{{{', '.join(pairs)}}}"
        case list():
            return f"[{', '.join(map(_flow, value))}]"
        case str() if "\n" in value:
            return json.dumps(value, ensure_ascii=False)
    return document({"k": _node(value)}, dense=True).removeprefix("k:").strip()


def _node(value: Any) -> Any:
    """The value in the types that a document of YAML takes."""
    match value:
        case Mapping():
            return {
                str(key): f"0{item:o}" if key == "mode" and isinstance(item, int) else _node(item)
                for key, item in value.items()
            }
        case list():
            return [_node(item) for item in value]
        case str() | bool() | int() | None:
            return value
    return float(value) if isinstance(value, float) else str(value)


def _as_written(value: Any) -> Any:
    """The value with the names of variables and references instead of what they stand for."""
    match value:
        case Mapping():
            return {key: _as_written(item) for key, item in value.items()}
        case list():
            return [_as_written(item) for item in value]
        case str():
            return written(value)
    return value
