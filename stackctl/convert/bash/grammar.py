"""The syntax tree of a script, by tree-sitter's grammar of bash. What the grammar reads otherwise than bash is set right here."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from stackctl.convert.unset import without_marks

LARGEST = 1 << 18
"""How many characters a script may have."""

DOCKER = ("docker", "podman", "nerdctl")
"""The programs whose commands are read."""

_PROMPT = r"(?m)^([ \t]*)[$>] (?=\s*(?:sudo\s+)?(?:docker|podman|nerdctl)\s)"
_OTHER_CONTINUATION = r"(?m)^([^`\n]*\S[ \t])[`^]([ \t]*)$"
_ESCAPED_SPACE = r"(?m)(?<=[ \t])\\[ \t](?![ \t]*$)"
_SPACE_AFTER_BACKSLASH = r"(?m)(?<!\\)\\[ \t]+$"


class Script:
    """A script and its syntax tree. `flaws` are offsets and messages about text that bash reads otherwise than it was meant."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = without_marks(text)
        self.flaws: list[tuple[int, str]] = []
        self.source = self._prepared().encode()
        self.tree = Parser(Language(tree_sitter_bash.language())).parse(self.source)
        self.starts = [0, *(match.end() for match in re.finditer(b"\n", self.source))]

    @property
    def root(self) -> Node:
        return self.tree.root_node

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of a byte, from 1; columns count characters."""
        line = bisect.bisect_right(self.starts, offset)
        before = self.source[self.starts[line - 1] : offset]
        return line, len(before.decode(errors="replace")) + 1

    def eats_dash(self, command: Node) -> bool:
        """Whether the word `-` stands between a command and its here-document: the grammar counts it to neither."""
        between = self.source[command.end_byte :].partition(b"<<")[0]
        return between.strip() == b"-"

    def _prepared(self) -> str:
        """The text as bash gets it, without what people paste: prompts, and the continuations of other shells."""
        text = self.text
        if "\r\n" in text:
            self.flaws.append(
                (
                    text.index("\r\n"),
                    "lines end with a carriage return (Windows): bash takes it as part of the last word",
                )
            )
            text = text.replace("\r\n", "\n")
        for prompt in re.finditer(_PROMPT, text):
            self.flaws.append((prompt.end() - 2, "a prompt stands before the command: bash would run it"))
        text = re.sub(_PROMPT, r"\1  ", text)
        if not re.search(r"\\\n", text):
            for other in re.finditer(_OTHER_CONTINUATION, text):
                self.flaws.append(
                    (
                        other.end(1),
                        "this continues a line in PowerShell or cmd, in bash it does not: write \\",
                    )
                )
            text = re.sub(_OTHER_CONTINUATION, r"\1\\", text)
        for space in re.finditer(_ESCAPED_SPACE, text):
            self.flaws.append(
                (space.start(), "a word begins with an escaped space here: the space is left out")
            )
        for space in re.finditer(_SPACE_AFTER_BACKSLASH, text):
            self.flaws.append(
                (
                    space.start(),
                    "a space stands after the backslash: the command ends here, with a word too many",
                )
            )
        return text


def text_of(node: Node) -> str:
    return (node.text or b"").decode(errors="replace")


def between(script: Script, left: Node, right: Node) -> str:
    """The text between two nodes."""
    return script.source[left.end_byte : right.start_byte].decode(errors="replace")


def words_of(script: Script, command: Node) -> Iterator[list[Node]]:
    """The words of a command. A word has several nodes if a backslash and a newline stand inside it: bash deletes both."""
    word: list[Node] = []
    for node in command.children:
        if node.type in ("variable_assignment", "comment") or not (node.is_named or node.type == "$"):
            continue
        if node.type.endswith("_redirect"):
            continue
        if word and not re.fullmatch(r"(\\\n)*", between(script, word[-1], node)):
            yield word
            word = []
        word.append(node)
    if word:
        yield word
