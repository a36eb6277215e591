"""Turn the nodes of a word into the words that a command gets: quotes, escapes, variables, splitting (bash manual, 3.5)."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterable, Sequence

from msgspec import Struct
from tree_sitter import Node

from stackctl.convert.bash.arithmetic import number
from stackctl.convert.bash.grammar import text_of
from stackctl.convert.bash.shell import LONGEST, ROUNDS, Shell
from stackctl.convert.unset import is_known, plain, settled, unset

_ANSI = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "v": "\v"}
_PARAMETER = r"(?s)\$\{([!#]?)([A-Za-z_]\w*|\d+|[@*#?$!-])(\[[^\]]*\])?(.*)\}"
_BRACES = r"([\w./:-]*)\{([\w./:-]+(?:,[\w./:-]*)+|\d{1,4}\.\.\d{1,4})\}([\w./:-]*)"
_MORE_BRACES = r"(?<![$\\\w'\"])\{[^{}'\"\s$]*(?:,|\.\.)[^{}'\"\s]*\}"


class _Piece(Struct, frozen=True):
    """A part of a word. `split`: it comes from an expansion without quotes. `items`: it is a list, such as "$@"."""

    text: str = ""
    split: bool = False
    items: tuple[str, ...] | None = None


def expand(shell: Shell, nodes: Sequence[Node]) -> list[str]:
    """The words that these nodes, which stand without space between them, become. None, one or several."""
    if len(nodes) == 1 and (braces := re.fullmatch(_BRACES, text_of(nodes[0]))):
        return [f"{braces[1]}{item}{braces[3]}" for item in _listed(braces[2])]
    if any(
        re.search(_MORE_BRACES, text_of(node)) for node in nodes if node.type in ("word", "concatenation")
    ):
        shell.note(
            nodes[0].start_byte,
            "braces beside quotes and variables are read as text, bash makes several words of them",
        )
    pieces: list[_Piece] = []
    for node in nodes:
        name = re.match(r"[A-Za-z_]\w*", text_of(node))
        if name and node.type == "word" and pieces and pieces[-1] == _Piece("$"):
            # The grammar cuts `$(pwd)/$NAME` behind the second dollar.
            pieces[-1] = _variable(shell, node, name[0])
            pieces.append(_Piece(text_of(node)[name.end() :]))
        else:
            pieces += _pieces(shell, node)
    return _fields(pieces)


def value(shell: Shell, node: Node) -> str:
    """The node as one text, as in an assignment: nothing is split."""
    return "".join(
        piece.text if piece.items is None else " ".join(piece.items) for piece in _pieces(shell, node)
    )[:LONGEST]


def heredoc(shell: Shell, node: Node) -> str:
    """The text of a here-document (bash manual, 3.6.6)."""
    start = next((text_of(child) for child in node.named_children if child.type == "heredoc_start"), "")
    body = next((child for child in node.named_children if child.type == "heredoc_body"), None)
    if body is None:
        return ""
    text, at = "", body.start_byte
    for child in body.named_children if not re.search(r"['\"\\]", start) else ():
        if child.type == "heredoc_content":
            continue
        text += _escapes(shell.script.source[at : child.start_byte].decode(errors="replace"))
        text += value(shell, child)
        at = child.end_byte
    rest = shell.script.source[at : body.end_byte].decode(errors="replace")
    text += rest if re.search(r"['\"\\]", start) else _escapes(rest)
    tabs = any(child.type == "<<-" for child in node.children)
    return (re.sub(r"(?m)^\t+", "", text) if tabs else text)[:LONGEST]


def _escapes(text: str) -> str:
    """The text without the backslashes that a here-document takes away."""
    return re.sub(r"\\(?:\n|([$`\\]))", lambda escape: escape[1] or "", text)


def mystery(shell: Shell, node: Node) -> str:
    """A value that is known only where the script runs, with a note. It gets a variable of its own."""
    written = " ".join(text_of(node).split())
    name = _assigned(node)
    if not name or name in shell.read:
        name = re.sub(r"\W+", "_", plain(written), flags=re.ASCII).strip("_").upper()[:40] or "VALUE"
        name = f"_{name}" if name[0].isdigit() else name
    shell.read.setdefault(name, shell.at(node))
    shell.note(node.start_byte, f"{written} is not run: give its value in the variable {name}")
    return unset(name)


def _assigned(node: Node) -> str:
    """The variable whose whole value this node is: `PASSWORD` for the `$(…)` of `PASSWORD="$(…)"`; else ""."""
    around = node.parent
    if around is not None and around.type == "string" and text_of(around) == f'"{text_of(node)}"':
        around = around.parent
    if around is None or around.type != "variable_assignment":
        return ""
    name, _, text = text_of(around).partition("=")
    return name if name.isidentifier() and text.strip('"') == text_of(node) else ""


def _listed(braces: str) -> list[str]:
    if "," in braces:  # a list, whatever else is in it: `{1..3,x}` is `1..3 x`
        return braces.split(",")[:ROUNDS]
    first, last = (int(text) for text in braces.split(".."))
    step = 1 if first <= last else -1
    return [str(item) for item in range(first, last + step, step)][:ROUNDS]


def _fields(pieces: Iterable[_Piece]) -> list[str]:
    fields: list[str] = []
    current: str | None = None
    for piece in pieces:
        items = piece.items
        if items is None and piece.split:
            text = settled(piece.text) if re.search(r"\s", settled(piece.text)) else piece.text
            piece = _Piece(text, split=True)  # noqa: PLW2901 a default that bash splits
            items = tuple(text.split())
            if current is not None and (piece.text[:1].isspace() or not items) and piece.text:
                fields.append(current)
                current = None
        if items is None:
            current = (current or "") + piece.text
        elif items:
            fields += [(current or "") + items[0], *items[1:]]
            current = None if piece.split and piece.text[-1:].isspace() else fields.pop()
    return [*fields, current] if current is not None else fields


def _pieces(shell: Shell, node: Node) -> list[_Piece]:
    shell.step(node)
    shell.depth += 1
    try:
        return _of(shell, node)
    finally:
        shell.depth -= 1


def _of(shell: Shell, node: Node) -> list[_Piece]:
    match node.type:
        case "raw_string":
            return [_Piece(text_of(node)[1:-1])]
        case "ansi_c_string":
            return [_Piece(ansi(text_of(node)[2:-1]))]
        case "string" | "translated_string":
            return _quoted(shell, node)
        case "concatenation" | "command_name":
            return [piece for child in node.children for piece in _pieces(shell, child)]
        case "simple_expansion":
            return [_variable(shell, node, text_of(node)[1:])]
        case "expansion":
            return [_parameter(shell, node)]
        case "command_substitution":
            found = shell.captured(node)
            return [_Piece(mystery(shell, node) if found is None else found.rstrip("\n"), split=True)]
        case "arithmetic_expansion":
            result = number(shell, node)
            return [_Piece(mystery(shell, node) if result is None else str(result), split=True)]
        case "process_substitution":
            return [_Piece(mystery(shell, node))]
    text = re.sub(r"\\\n", "", text_of(node))
    if re.fullmatch(r"(?s)~(/.*)?", text) and _begins_word(shell, node):
        text = unset("HOME") + text[1:]
    return [_Piece(re.sub(r"(?s)\\(.)", r"\1", text))]


def _begins_word(shell: Shell, node: Node) -> bool:
    """Whether a tilde at the begin of this node stands for the home directory."""
    before = re.sub(rb"(\\\n)+$", b"", shell.script.source[max(node.start_byte - 80, 0) : node.start_byte])
    parent = node.parent
    is_whole = parent is None or parent.type != "concatenation" or text_of(node).startswith("~/")
    return is_whole and before[-1:] in (b"", b" ", b"\t", b"\n", b";", b"&", b"|", b"(", b"=")


def _quoted(shell: Shell, node: Node) -> list[_Piece]:
    """A text in double quotes. What stands between the expansions is taken from the source, with its newlines."""
    text = text_of(node)
    opening = text.index('"') + 1 if '"' in text else 0
    at, end = (
        node.start_byte + opening,
        node.end_byte - (1 if text.endswith('"') and len(text) > opening else 0),
    )
    pieces = [_Piece("")]
    for child in node.named_children:
        if child.type == "string_content":
            continue
        pieces.append(_Piece(_unescaped(shell, at, child.start_byte)))
        for piece in _pieces(shell, child):
            is_list = piece.items is not None and "@" in text_of(child)
            pieces.append(piece if is_list else _Piece(piece.text or " ".join(piece.items or ())))
        at = child.end_byte
    pieces.append(_Piece(_unescaped(shell, at, end)))
    if len(pieces) == 3 and pieces[1].items == ():
        return [pieces[1]]
    if any(piece.items is not None for piece in pieces):
        return [piece for piece in pieces if piece.text or piece.items is not None]
    return pieces


def _unescaped(shell: Shell, start: int, end: int) -> str:
    text = shell.script.source[start:end].decode(errors="replace")
    return re.sub(r'\\([$`"\\])', r"\1", text.replace("\\\n", ""))


def ansi(text: str) -> str:
    """The text of `$'…'`. Bytes that are given one by one are read as UTF-8."""

    def character(match: re.Match[str]) -> str:
        if match[1]:
            return bytes.fromhex("".join(f"{digits:0>2}" for digits in match[1].split("\\x")[1:])).decode(
                errors="replace"
            )
        return _ANSI.get(match[2], match[2])

    return re.sub(r"(?s)((?:\\x[0-9a-fA-F]{1,2})+)|\\(.)", character, text)


def _variable(shell: Shell, node: Node, name: str) -> _Piece:
    """`$NAME`."""
    if name in ("@", "*"):
        return _Piece(split=False, items=tuple(shell.arguments))
    found = _lookup(shell, node, name)
    if isinstance(found, list):
        found = found[0] if found else ""
    return _Piece(found, split=True)


def _lookup(shell: Shell, node: Node, name: str) -> str | list[str]:
    if name == "#":
        return str(len(shell.arguments))
    if name in ("0", "BASH_SOURCE"):
        return posixpath.join(shell.directory, posixpath.basename(shell.script.file))
    if name.isdigit():
        index = int(name)
        if index <= len(shell.arguments):
            return shell.arguments[index - 1]
        shell.note(
            node.start_byte,
            f"${name} is an argument of the script, and empty here: give it as stackctl import SCRIPT ARGUMENT…",
        )
        return ""
    if not re.match(r"[A-Za-z_]", name):
        return mystery(shell, node)
    return shell.get(name, node.start_byte)


def _parameter(shell: Shell, node: Node) -> _Piece:
    """`${NAME…}`."""
    match = re.fullmatch(_PARAMETER, text_of(node))
    if not match:
        return _Piece(mystery(shell, node), split=True)
    name, index, rest = match[2], (match[3] or "")[1:-1], match[4]
    if index:
        return _element(shell, node, name, index, match[1] + rest)
    if match[1] == "!":
        return _Piece(mystery(shell, node), split=True)
    if name in ("@", "*") and not rest:
        return _Piece(items=tuple(shell.arguments))
    positional = name.isdigit() and int(name) > len(shell.arguments)
    found: str | list[str] = "" if positional and rest else _lookup(shell, node, name)
    if isinstance(found, list):
        found = found[0] if found else ""
    if match[1] == "#":
        return _Piece(str(len(found)) if is_known(found) else mystery(shell, node), split=True)
    return _Piece(_changed(shell, node, name, found, rest) if rest else found, split=True)


def _element(shell: Shell, node: Node, name: str, index: str, change: str) -> _Piece:
    """`${NAME[…]…}`: an element of an array, or all of it. `change` is what stands before the name and behind the bracket."""
    found = _lookup(shell, node, name)
    items = [found] if isinstance(found, str) else found
    subscript = node.named_children[0].child_by_field_name("index") if node.named_children else None
    if any(re.match(r"\[.*\]=", item) for item in items) or subscript is None:
        return _Piece(mystery(shell, node), split=True)  # an array with keys
    if index in ("@", "*"):
        match change:
            case "":
                return _Piece(items=tuple(items))
            case "#":
                return _Piece(str(len(items)), split=True)
            case "!":
                return _Piece(items=tuple(map(str, range(len(items)))))
        return _Piece(mystery(shell, node), split=True)
    place = number(shell, subscript)
    unknown = isinstance(found, str) and not is_known(found)
    if place is None or (unknown and place) or change in ("#", "!"):
        return _Piece(mystery(shell, node), split=True)
    one = items[place] if -len(items) <= place < len(items) else ""
    return _Piece(_changed(shell, node, name, one, change) if change else one, split=True)


def _changed(shell: Shell, node: Node, name: str, found: str, rest: str) -> str:
    """A variable with what follows its name: `:-default`, `%suffix`, `/old/new` and the like."""
    sign = next(
        sign
        for sign in (
            ":-",
            ":=",
            ":?",
            ":+",
            "%%",
            "##",
            "//",
            "^^",
            ",,",
            "-",
            "=",
            "?",
            "+",
            "%",
            "#",
            "/",
            "^",
            ",",
            "",
        )
        if rest.startswith(sign)
    )
    is_unset = found == unset(name)
    if sign in (":-", "-", ":=", "="):
        if not is_unset and (found or sign in ("-", "=")):
            return found
        default = _operand(shell, node, sign)
        shell.read.pop(name, None)
        return unset(name, default) if is_unset and is_known(default) else default
    if sign in (":?", "?"):
        return found
    if sign in (":+", "+"):
        return "" if is_unset or not found else _operand(shell, node, sign)
    operand = _operand(shell, node, sign) if sign in ("%", "%%", "#", "##") else ""
    result = _edited(found, sign, operand, rest) if is_known(found + operand) else None
    return mystery(shell, node) if result is None else result


def _operand(shell: Shell, node: Node, sign: str) -> str:
    """The text after the sign."""
    children = node.children
    index = next((i for i, child in enumerate(children) if i > 1 and text_of(child) == sign), None)
    if index is None or not children[-1].start_byte > children[index].end_byte:
        return ""
    at, text = children[index].end_byte, ""
    for child in children[index + 1 : -1]:
        text += _unescaped(shell, at, child.start_byte) + value(shell, child)
        at = child.end_byte
    return text + _unescaped(shell, at, children[-1].start_byte)


def _edited(text: str, sign: str, operand: str, rest: str) -> str | None:
    match sign:
        case "%" | "%%" | "#" | "##":
            lengths = range(len(text) + 1) if len(sign) == 1 else range(len(text), -1, -1)
            pattern = re.compile(fnmatch.translate(operand))
            for length in lengths if len(text) < 500 else ():
                part = text[len(text) - length :] if sign[0] == "%" else text[:length]
                if pattern.fullmatch(part):
                    return text[: len(text) - length] if sign[0] == "%" else text[length:]
            return text
        case "/" | "//":
            old, _, new = rest[len(sign) :].partition("/")
            if re.search(r"[^\w .:@-]", old + new) or not old:
                return None
            return text.replace(old, new, -1 if sign == "//" else 1)
        case "^^":
            return text.upper()
        case ",,":
            return text.lower()
    if piece := re.fullmatch(r":(\d{1,4})(?::(\d{1,4}))?", rest):
        start = int(piece[1])
        return text[start : start + int(piece[2]) if piece[2] else None]
    return None
