"""`$(( … ))`, and the conditions of `if` and `while`: as far as the values in them are known."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence

from tree_sitter import Node

from stackctl.convert.bash.grammar import text_of
from stackctl.convert.bash.shell import Shell
from stackctl.convert.unset import is_known, settled

_LARGEST = 1 << 63
_OPERATORS: Mapping[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_COMPARISONS: Mapping[str, Callable[[int, int], bool]] = {
    "-lt": operator.lt,
    "-le": operator.le,
    "-gt": operator.gt,
    "-ge": operator.ge,
    "-eq": operator.eq,
    "-ne": operator.ne,
}


def number(shell: Shell, node: Node) -> int | None:
    """The value of an arithmetic expression; None if it is not known. `i++` and `i=3` change the variable."""
    shell.step(node)
    shell.depth += 1
    try:
        found = _number(shell, node)
    finally:
        shell.depth -= 1
    return found if found is not None and abs(found) < _LARGEST else None


def _number(shell: Shell, node: Node) -> int | None:
    operands = node.named_children
    match node.type:
        case "number" | "word" | "variable_name" | "simple_expansion" | "expansion":
            return _value(shell, node)
        case "parenthesized_expression" | "arithmetic_expansion" | "compound_statement":
            return number(shell, operands[0]) if len(operands) == 1 else None
        case "binary_expression" if len(operands) == 2:
            return _binary(shell, operands)
        case "postfix_expression" | "unary_expression" if len(operands) == 1:
            value, sign = (
                number(shell, operands[0]),
                text_of(node).replace(text_of(operands[0]), "", 1).strip(),
            )
            if value is None or sign not in ("++", "--", "-", "!"):
                return None
            if sign in ("++", "--"):
                shell.set(text_of(operands[0]).lstrip("$"), str(value + (1 if sign == "++" else -1)))
                return value
            return -value if sign == "-" else int(not value)
        case "variable_assignment" if len(operands) == 2:
            value = number(shell, operands[1])
            if value is not None:
                shell.set(text_of(operands[0]), str(value))
            return value
    return None


def _value(shell: Shell, node: Node) -> int | None:
    written = text_of(node).strip()
    if re.fullmatch(r"\d{1,18}", written):
        return int(written)
    name = re.fullmatch(r"\$?\{?([A-Za-z_]\w*|\d)\}?", written)
    if not name:
        return None
    if name[1].isdigit():
        index = int(name[1])
        value: str | list[str] = shell.arguments[index - 1] if 0 < index <= len(shell.arguments) else ""
    else:
        value = shell.get(name[1], node.start_byte)
    text = settled(value) if isinstance(value, str) else ""
    return int(text) if re.fullmatch(r"-?\d{1,18}", text) else None


def _binary(shell: Shell, operands: Sequence[Node]) -> int | None:
    sign = shell.script.source[operands[0].end_byte : operands[1].start_byte].decode(errors="replace").strip()
    right = number(shell, operands[1])
    name = text_of(operands[0])
    if sign == "=" and right is not None and re.fullmatch(r"[A-Za-z_]\w*", name):
        shell.set(name, str(right))
        return right
    left = number(shell, operands[0])
    if left is None or right is None:
        return None
    if sign in ("+=", "-="):
        result = left + right if sign == "+=" else left - right
        shell.set(name, str(result))
        return result
    if sign in ("/", "%"):
        if not right:
            return None
        quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
        return quotient if sign == "/" else left - quotient * right
    return int(_OPERATORS[sign](left, right)) if sign in _OPERATORS else None


def holds(words: Sequence[str]) -> bool | None:
    """Whether `[ WORDS ]` is true; None if that depends on what is known only where the script runs."""
    words = [settled(word) for word in words]
    if words[:1] == ["!"]:
        rest = holds(words[1:])
        return None if rest is None else not rest
    for sign in ("||", "-o", "&&", "-a"):
        if sign in words[1:-1]:
            index = words.index(sign, 1)
            return _joined(sign, holds(words[:index]), holds(words[index + 1 :]))
    match words:
        case []:
            return False
        case ["-z" | "-n" as sign, text]:
            return (not text) == (sign == "-z") if is_known(text) else None
        case [text]:
            return bool(text) if is_known(text) else None
        case [left, sign, right] if is_known(left) and is_known(right):
            return _compared(left, sign, right)
    return None


def _joined(sign: str, left: bool | None, right: bool | None) -> bool | None:
    decisive = sign in ("||", "-o")
    if decisive in (left, right):
        return decisive
    return None if None in (left, right) else not decisive


def _compared(left: str, sign: str, right: str) -> bool | None:
    if sign in ("=", "==", "!="):
        if re.search(r"[*?\[]", right):
            return None
        return (left == right) == (sign != "!=")
    if sign in _COMPARISONS and all(re.fullmatch(r"-?\d{1,18}", text) for text in (left, right)):
        return _COMPARISONS[sign](int(left), int(right))
    return None
