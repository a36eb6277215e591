"""Read a script command by command, as bash would do it, and note the `docker` commands. Nothing is run."""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct
from tree_sitter import Node

from stackctl.convert.bash.arithmetic import holds, number
from stackctl.convert.bash.branches import conditions, matches, mentions_docker, short, truth
from stackctl.convert.bash.expand import expand, heredoc, value
from stackctl.convert.bash.grammar import DOCKER, LARGEST, Script, text_of, words_of
from stackctl.convert.bash.output import output
from stackctl.convert.bash.shell import ROUNDS, Shell, TooMuch, Word
from stackctl.convert.unset import is_known, plain, settled
from stackctl.errors import UsageError

_BEFORE = ("sudo", "exec", "command", "nohup", "time", "timeout", "env", "builtin")
_WITH_VALUE = {"sudo": ("-u", "-g"), "env": ("-u",), "timeout": ("-k", "-s"), "exec": ("-a",)}
"""The options of these commands that take a word."""
_SILENT = frozenset(
    "cat echo printf : true set shopt exit return wait test [ [[ shift read clear trap type pwd grep cd popd dirname basename seq break continue".split()
)
"""Commands that make nothing which a stack would need."""
_ASKING = frozenset(
    "ps images inspect logs port top stats events version info search history diff ls wait".split()
)
_WAITING = r"\b(sleep|nc|curl|wget|pg_isready|wait-for-it|ping|healthcheck|health|mysqladmin|redis-cli)\b"
_QUIET = frozenset("true false : [ test [[ cd pushd shift exit return eval bash sh source . sleep".split())
"""Commands that are read in the same way whether they ask something or not."""
_FOLLOWS = rf"(?:sudo\s+)?(?:{'|'.join(DOCKER)})\s+(?:container\s+)?logs\b.*\s(?:-f|--follow)\b"
"""The first part of `docker logs -f NAME | grep -m1 ready`, which ends when the line is there."""
_COPIES = rf"(?:sudo\s+)?(?:{'|'.join(DOCKER)})\s+(?:container\s+)?cp\s+-(?:\s|$)"
_INTO_FILE = r"1?>(?!&\s*[\d-])"
"""A redirection of the output that names a file, not another stream as `>&2` does."""
_TRYING = r"(?s)\bsleep\b.*\b(break|exit|return)\b|\b(break|exit|return)\b.*\bsleep\b"
"""A `for` that tries several times."""


class Stdin(Struct, frozen=True):
    """What a command reads from its standard input, if the script tells it: a text, or a file."""

    text: str | None = None
    file: str = ""


NOTHING = Stdin()


class DockerCommand(Struct, frozen=True):
    """A `docker` command of the script. `directory` is the one it runs in; `line` and `column` count from 1."""

    words: tuple[Word, ...]
    line: int
    column: int
    directory: str
    stdin: Stdin = NOTHING


class Note(Struct, frozen=True, order=True):
    """What was not taken over, or is not known, and where."""

    line: int
    column: int
    message: str


class Wait(Struct, frozen=True):
    """A place where the script waits until something is so."""

    at: int
    after: int
    """How many of the `docker` commands came before."""
    asked: tuple[tuple[Word, ...], ...] = ()
    """The commands of the question; a test in brackets is one of them."""
    about: tuple[str, ...] = ()
    """The arguments of the functions in which it stands."""


class Reading(Struct, frozen=True):
    """What a script does, as far as it can be told without running it."""

    script: Script
    commands: tuple[DockerCommand, ...]
    notes: tuple[Note, ...]
    variables: dict[str, int]
    """The variables that the script uses and does not set, with the line of the first use."""
    waits: tuple[Wait, ...] = ()
    inspected: tuple[tuple[str, ...], ...] = ()
    """What the script looks for: the words of each `docker … inspect`."""
    directories: Mapping[str, int] = {}
    """The directories that the script makes, and where."""


def read(file: str, text: str, arguments: Sequence[str] = ()) -> Reading:
    """Read a script. `arguments` are what it would be called with.

    Raises UsageError if the script is too long.
    """
    if len(text) > LARGEST:
        raise UsageError(
            f"{file} has more than {LARGEST:,} characters", "a script of docker commands is short"
        )
    script = Script(file, text)
    reader = _Reader(Shell(script, arguments))
    for at, message in script.flaws:
        reader.shell.note(at, message)
    try:
        reader.statements(script.root)
    except TooMuch as end:
        reader.shell.note(end.at, "the script does more than can be read: what follows is not imported")
    places = ((script.place(at), message) for at, message in reader.shell.notes)
    notes = sorted(Note(line, column, message) for (line, column), message in places)
    lines = {name: script.place(at)[0] for name, at in reader.shell.read.items()}
    return Reading(
        script,
        tuple(reader.commands),
        tuple(dict.fromkeys(notes)),
        lines,
        tuple(reader.waits),
        tuple(reader.inspected),
        reader.directories,
    )


class _Reader:
    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.script = shell.script
        self.commands: list[DockerCommand] = []
        self.waits: list[Wait] = []
        self.inspected: list[tuple[str, ...]] = []
        self.directories: dict[str, int] = {}
        self.dotenv: dict[str, str] = {}
        """What the script writes into `.env`."""
        self.stdin = NOTHING
        """What the next command reads."""
        shell.captured = self.captured

    def statements(self, node: Node) -> bool | None:
        """Read what stands inside a node. Gives the success of the last statement; None if it is not known."""
        result: bool | None = True
        for child in node.named_children:
            result = self.statement(child)
        return result

    def statement(self, node: Node) -> bool | None:
        self.shell.step(node)
        self.shell.depth += 1
        try:
            return self._statement(node)
        finally:
            self.shell.depth -= 1

    def _statement(self, node: Node) -> bool | None:
        match node.type:
            case "command":
                return self.command(node)
            case "redirected_statement":
                return self.redirected(node)
            case "list":
                return self.chain(node)
            case "pipeline":
                return self.pipeline(node)
            case "negated_command":
                result = self.statements(node)
                return None if result is None else not result
            case "subshell":
                return self.apart(node)
            case "compound_statement" | "do_group" | "program" | "else_clause":
                return self.compound(node)
            case "variable_assignment":
                self.assign(node)
                return True
            case "variable_assignments":
                return self.statements(node)
            case "declaration_command":
                for child in node.named_children:
                    if child.type == "variable_assignment":
                        self.assign(child)
                return True
            case "if_statement":
                return self.branch(node)
            case "for_statement" | "select_statement":
                return self.each(node)
            case "c_style_for_statement":
                return self.counted(node)
            case "while_statement":
                return self.repeat(node)
            case "case_statement":
                return self.case(node)
            case "function_definition":
                if name := node.child_by_field_name("name"):
                    self.shell.functions[text_of(name)] = node
                return True
            case "test_command":
                return self.test(node)
            case "ERROR":
                self.shell.note(node.start_byte, "bash does not understand this")
                return self.statements(node)
        return True

    def compound(self, node: Node) -> bool | None:
        if text_of(node).startswith("(("):
            result = [number(self.shell, child) for child in node.named_children]
            return None if not result or result[-1] is None else bool(result[-1])
        return self.statements(node)

    def redirected(self, node: Node) -> bool | None:
        """A command with redirections. The grammar counts words after a redirection to it; they belong to the command."""
        body = node.child_by_field_name("body") or node.named_children[0]
        more = [
            word
            for child in node.named_children
            if child.type == "file_redirect"
            for word in child.children_by_field_name("destination")[1:]
        ]
        if self.shell.asked is not None:
            self.sockets(node)
        elif self.writes(node, body):
            return True
        before, self.stdin = self.stdin, self.given(node) or self.stdin
        try:
            if body.type == "command":
                self.shell.step(body)
                result = self.command(body, more, dash=self.script.eats_dash(body))
            else:
                result = self.statement(body)
            return self.behind(node, body, result)
        finally:
            self.stdin = before

    def behind(self, node: Node, body: Node, result: bool | None) -> bool | None:
        """What stands on the line of a command behind its here-document: the grammar counts it to the redirection."""
        if text_of(body).split() != ["cat"]:
            self.stdin = NOTHING
        for child in node.named_children:
            for statement in child.named_children if child.type == "heredoc_redirect" else ():
                if statement.type in ("command", "list", "pipeline", "redirected_statement"):
                    result = self.statement(statement)
        return result

    def given(self, node: Node) -> Stdin | None:
        """What a redirection gives a command to read; None if no redirection concerns its standard input."""
        for child in node.named_children:
            match child.type:
                case "heredoc_redirect":
                    return Stdin(heredoc(self.shell, child))
                case "herestring_redirect":
                    return Stdin("".join(value(self.shell, word) for word in child.named_children) + "\n")
                case "file_redirect" if text_of(child).startswith("<"):
                    words = child.children_by_field_name("destination")
                    return Stdin(file="".join(value(self.shell, word) for word in words[:1]))
        return None

    def writes(self, node: Node, body: Node) -> bool:
        """Whether the command writes a text into a file. The variables that it writes into `.env` are known from then on."""
        program = text_of(body).split()[:1]
        parts = [
            *node.named_children,
            *(inner for child in node.named_children for inner in child.named_children),
        ]
        targets = [
            part for part in parts if part.type == "file_redirect" and re.match(_INTO_FILE, text_of(part))
        ]
        file = targets[0].child_by_field_name("destination") if targets else None
        if program not in (["cat"], ["echo"], ["printf"], ["tee"]) or file is None:
            return False
        name = value(self.shell, file)
        if name.startswith("/dev/"):
            return False
        if posixpath.normpath(plain(name)) == ".env":
            text = next((text_of(part) for part in parts if part.type == "heredoc_body"), text_of(body))
            found = re.findall(r"(?m)(?:^|[\s'\"])([A-Za-z_]\w*)=([^\s'\"$`]*)", text)
            self.dotenv.update(found)
        else:
            self.shell.note(node.start_byte, f"the script writes {plain(name)}, `up` does not: keep the file")
        return True

    def sockets(self, node: Node) -> None:
        """The ports that a question opens: `< /dev/tcp/HOST/PORT`."""
        for child in node.named_children:
            for word in child.children_by_field_name("destination"):
                for text in expand(self.shell, [word]):
                    if text.startswith("/dev/tcp/") and self.shell.asked is not None:
                        self.shell.asked.append((Word(text, self.shell.at(word)),))

    def chain(self, node: Node) -> bool | None:
        """`A && B`, `A || B`. If the success of A is not known, B is read as well."""
        left, *rest = node.named_children
        result = self.statement(left)
        for right in rest:
            sign = self.shell.script.source[left.end_byte : right.start_byte].decode(errors="replace")
            left = right
            if "&&" in sign and result is False:
                continue
            if "||" in sign and result is True:
                continue
            result = self.statement(right)
        return result

    def pipeline(self, node: Node) -> bool | None:
        """`A | B`. On a machine without containers, nothing is found in what docker lists."""
        parts = [child for child in node.named_children if child.type != "comment"]
        if self.shell.asked is None and len(parts) > 1 and re.match(_FOLLOWS, text_of(parts[0])):
            self.wait(node.start_byte, [node])
            return True
        results = [
            self.piped(before, child, behind)
            for before, child, behind in zip([None, *parts], parts, [*parts[1:], None], strict=False)
        ]
        first, last = (text_of(node.named_children[index]).split()[:2] for index in (0, -1))
        if (
            last[:1] in (["grep"], ["egrep"])
            and first[:1]
            and posixpath.basename(first[0]) in (*DOCKER, "sudo")
        ):
            return False
        return results[-1] if results else True

    def piped(self, before: Node | None, node: Node, behind: Node | None) -> bool | None:
        """A part of a pipeline, which reads what the part before it prints."""
        if behind is not None and re.match(_COPIES, text_of(behind)):
            return True  # a container that only writes an archive for `docker cp`
        if before is None or before.type != "command":
            return self.statement(node)
        words = [text for word in words_of(self.script, before) for text in expand(self.shell, word)]
        outer, self.stdin = self.stdin, NOTHING
        if words[:1] in (["echo"], ["printf"]):
            self.stdin = Stdin(output(self.shell, words))
        elif words[:1] == ["cat"] and len(words) == 2:
            self.stdin = Stdin(file=words[1])
        try:
            return self.statement(node)
        finally:
            self.stdin = outer

    def apart(self, node: Node) -> bool | None:
        """A subshell: variables and directory are afterwards as before."""
        shell = self.shell
        before = dict(shell.variables), shell.directory
        result = self.statements(node)
        shell.variables, shell.directory = before
        return result

    def assign(self, node: Node) -> None:
        name, given = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None or name.type != "variable_name":
            return
        key = text_of(name)
        if given is not None and given.type == "array":
            items = [text for child in given.named_children for text in expand(self.shell, [child])]
            before = self.shell.variables.get(key, [])
            is_more = "+=" in text_of(node)[: len(key) + 2]
            self.shell.set(
                key, [*(before if isinstance(before, list) else [before]), *items] if is_more else items
            )
            return
        text = value(self.shell, given) if given is not None else ""
        if text_of(node).startswith(f"{key}+="):
            old = self.shell.get(key, node.start_byte)
            text = (old if isinstance(old, str) else " ".join(old)) + text
        self.shell.set(key, text)

    def branch(self, node: Node) -> bool | None:
        """`if`. If the condition is known, one branch is read, else all of them."""
        unclear = False
        for condition, body in conditions(node):
            result = True if condition is None else self.condition(condition)
            if condition is None and unclear:
                result = None
            if result is not False:
                for child in body:
                    self.statement(child)
            if result is True:
                break
            if result is None and condition is not None:
                unclear = True
                if any(mentions_docker(child) for child in body):
                    self.shell.note(
                        condition[0].start_byte,
                        f"cannot tell whether `{short(condition)}` is true: every branch is imported",
                    )
        return True

    def condition(self, nodes: Sequence[Node]) -> bool | None:
        result: bool | None = None
        for node in nodes:
            result = self.statement(node)
        return result

    def test(self, node: Node) -> bool | None:
        text = text_of(node)
        if text.startswith("(("):
            return self.compound(node)
        words = [word for child in node.named_children for word in self.tested(child)]
        return self.tests(words, self.shell.at(node))

    def tests(self, words: Sequence[str], at: int) -> bool | None:
        if self.shell.asked is not None:
            self.shell.asked.append(tuple(Word(word, at) for word in ("[", *words)))
            return None
        return holds(words)

    def tested(self, node: Node) -> Iterator[str]:
        """The words of a condition in brackets."""
        if node.type in ("binary_expression", "unary_expression", "parenthesized_expression"):
            for child in node.children:
                yield from self.tested(child)
        elif node.is_named and node.type != "test_operator":
            yield value(self.shell, node)
        else:
            yield text_of(node)

    def each(self, node: Node) -> bool | None:
        variable, body = node.child_by_field_name("variable"), node.child_by_field_name("body")
        if variable is None or body is None:
            return self.statements(node)
        if self.only_waits(node, _TRYING, [body]):
            return True
        heads = [
            child
            for child in node.named_children
            if child.start_byte > variable.start_byte and child.end_byte <= body.start_byte
        ]
        items = [settled(text) for head in heads for text in expand(self.shell, [head])]
        if " in " not in text_of(node).split("\n", 1)[0] and not heads:
            items = list(self.shell.arguments)
        for item in self.bounded(items, node):
            self.shell.set(text_of(variable), item)
            self.statement(body)
        return True

    def only_waits(self, node: Node, sign: str, parts: Sequence[Node]) -> bool:
        """Whether a loop makes nothing and has the sign of a loop that waits. `parts` are the conditions, then the body."""
        text = text_of(parts[-1])
        if self.shell.asked is not None or not re.search(sign, text_of(node)):
            return False
        if re.search(rf"\b({'|'.join(DOCKER)})\s+(run|create)\b(?! --rm\b)", text):
            return False
        self.wait(node.start_byte, parts)
        return True

    def wait(self, at: int, parts: Sequence[Node]) -> None:
        """Note that the script waits. Of the parts, the first that asks something is the question."""
        about = tuple(word for call in self.shell.calls for word in call)
        asked = next((found for part in parts if (found := self.asking(part))), ())
        at = at if self.shell.outer is None else self.shell.outer
        self.waits.append(Wait(at, len(self.commands), asked, about))

    def asking(self, node: Node) -> tuple[tuple[Word, ...], ...]:
        """The commands that a question runs. The script is afterwards as before."""
        shell = self.shell
        before = dict(shell.variables), dict(shell.read), dict(shell.notes)
        shell.asked = []
        self.statement(node)
        asked, shell.asked = shell.asked, None
        shell.variables, shell.read, shell.notes = before
        return tuple(asked)

    def bounded(self, items: Sequence[str], node: Node) -> Iterator[str]:
        if len(items) > ROUNDS:
            self.shell.note(node.start_byte, f"only the first {ROUNDS} rounds of this loop are read")
        yield from items[:ROUNDS]

    def counted(self, node: Node) -> bool | None:
        """`for ((i=1; i<=3; i++))`."""
        body = node.child_by_field_name("body")
        parts = {name: node.child_by_field_name(name) for name in ("initializer", "condition", "update")}
        if body is None or any(part is None for part in parts.values()):
            self.shell.note(node.start_byte, "this loop cannot be unrolled: it is read once")
            return self.statement(body) if body is not None else True
        initializer, condition, update = (part for part in parts.values() if part is not None)
        number(self.shell, initializer)
        return self.rounds(lambda: truth(number(self.shell, condition)), body, node, update)

    def repeat(self, node: Node) -> bool | None:
        """`while` and `until`. A loop that only waits is not read: stackctl waits by itself."""
        body = node.child_by_field_name("body")
        until = text_of(node).startswith("until")
        conditions = [
            child for child in node.named_children if body is None or child.end_byte <= body.start_byte
        ]
        if body is None:
            return self.statements(node)
        if self.only_waits(node, _WAITING, [*conditions, body]):
            return True

        def goes_on() -> bool | None:
            result = self.condition(conditions)
            return None if result is None else result != until

        return self.rounds(goes_on, body, node)

    def rounds(
        self, goes_on: Callable[[], bool | None], body: Node, node: Node, update: Node | None = None
    ) -> bool:
        """Read the body of a loop as often as bash would, if that can be told; else once, with a note."""
        for _ in range(ROUNDS):
            result = goes_on()
            if result is None and self.shell.asked is not None:
                self.statement(body)
            elif result is None:
                self.shell.note(node.start_byte, "cannot tell how often this loop runs: it is read once")
                self.statement(body)
            if not result:
                return True
            self.statement(body)
            if update is not None:
                number(self.shell, update)
        self.shell.note(node.start_byte, f"only the first {ROUNDS} rounds of this loop are read")
        return True

    def case(self, node: Node) -> bool | None:
        """`case`: the branch that matches, or every branch if that cannot be told."""
        subject = node.child_by_field_name("value")
        text = settled(value(self.shell, subject)) if subject is not None else ""
        items = [child for child in node.named_children if child.type == "case_item"]
        known = is_known(text)
        for item in items:
            patterns = item.children_by_field_name("value")
            body = [child for child in item.named_children if child not in patterns]
            is_taken = any(matches(text, text_of(pattern)) for pattern in patterns)
            if is_taken or not known:
                for child in body:
                    self.statement(child)
            if is_taken and known:
                return True
        if not known and mentions_docker(node):
            self.shell.note(node.start_byte, "cannot tell which branch is taken: every branch is imported")
        return True

    def captured(self, node: Node) -> str | None:
        """What the commands of `$( … )` print; None if it is not known."""
        shell = self.shell
        before = dict(shell.variables), shell.directory
        printed: str | None = ""
        for child in node.named_children:
            printed = self.printed(child)
        shell.variables, shell.directory = before
        return printed

    def printed(self, node: Node) -> str | None:
        if node.type == "redirected_statement":
            node = node.named_children[0]
        if node.type == "list":
            printed = None
            for child in node.named_children:
                printed = self.printed(child)
            return printed
        if node.type == "pipeline":
            self.statement(node)
            first = text_of(node.named_children[0]).split()[:1]
            return "" if first and posixpath.basename(first[0]) in DOCKER else None
        if node.type != "command":
            return None
        words = [text for word in words_of(self.shell.script, node) for text in expand(self.shell, word)]
        count = len(self.commands)
        if words[:1] == ["percent_encode"]:
            return output(self.shell, words)
        if self.shell.asked is not None or {posixpath.basename(word) for word in words[:2]} & {
            *DOCKER,
            *self.shell.functions,
            "cd",
        }:
            self.command(node)
        if words and words[0] in self.shell.functions and (only := self.only_command(words[0])):
            words = [text for word in words_of(self.shell.script, only) for text in expand(self.shell, word)]
        if len(self.commands) > count:
            run = self.commands[-1].words[1:]
            names = [b.text for a, b in itertools.pairwise(run) if a.text == "--name"]
            names += [word.text.removeprefix("--name=") for word in run if word.text.startswith("--name=")]
            return names[0] if names else f"container-of-line-{self.commands[-1].line}"
        return output(self.shell, words)

    def only_command(self, name: str) -> Node | None:
        """The command of a function that has no other."""
        body = self.shell.functions[name].child_by_field_name("body")
        parts = [child for child in body.named_children if child.type != "comment"] if body else []
        return parts[0] if len(parts) == 1 and parts[0].type == "command" else None

    def command(self, node: Node, more: Sequence[Node] = (), *, dash: bool = False) -> bool | None:
        words = [
            Word(text, self.shell.at(word[0]))
            for word in words_of(self.shell.script, node)
            for text in expand(self.shell, word)
        ]
        words += [Word(text, self.shell.at(word)) for word in more for text in expand(self.shell, [word])]
        words += [Word("-", self.shell.at(node))] if dash else []
        before, self.stdin = self.stdin, self.given(node) or self.stdin
        try:
            return self.run(words)
        finally:
            self.stdin = before

    def run(self, words: Sequence[Word]) -> bool | None:
        """A command with its words."""
        while words and (words[0].text in _BEFORE or (words[0].text.startswith("-") and len(words) > 1)):
            words = _without_prefix(words)
        if not words:
            return True
        program = posixpath.basename(words[0].text)
        rest = [word.text for word in words[1:]]
        if self.shell.asked is not None and program not in _QUIET and program not in self.shell.functions:
            self.shell.asked.append(tuple(words))
            return None
        if program in DOCKER:
            return self.docker(words)
        if program in ("docker-compose", "podman-compose"):
            return self.docker([Word("docker", words[0].at), Word("compose", words[0].at), *words[1:]])
        match program:
            case "true" | ":" | "false":
                return program != "false"
            case "[" | "test":
                return self.tests(rest[: -1 if program == "[" else None], words[0].at)
            case "cd" | "pushd":
                self.shell.change_directory(rest[0] if rest else "~")
                return True
            case "shift":
                del self.shell.arguments[: int(rest[0]) if rest and rest[0].isdigit() else 1]
                return True
            case "exit" | "return":
                return True
            case "eval" | "bash" | "sh" if program == "eval" or rest[:1] == ["-c"]:
                return self.inner(" ".join(rest) if program == "eval" else "".join(rest[1:2]), words[0].at)
            case "source" | ".":
                name = plain(rest[0]) if rest else ""
                if posixpath.normpath(name) == ".env":
                    self.shell.variables.update(self.dotenv)
                else:  # stackctl reads the .env beside the stack.toml
                    self.shell.note(
                        words[0].at, f"{name} is not read: the variables that it sets belong into .env"
                    )
                return True
            case "mkdir":
                for word in words[1:]:
                    if not word.text.startswith("-"):
                        self.directories.setdefault(self.shell.within(word.text), word.at)
                return True
            case "sleep":
                self.shell.note(
                    words[0].at,
                    f"sleep {' '.join(map(plain, rest))} is dropped: stackctl waits until a service is ready",
                )
                return True
        if program in self.shell.functions:
            return self.call(program, rest)
        if any(re.match(rf"(sudo )?({'|'.join(DOCKER)}) ", text) for text in rest):
            for text in rest:
                self.inner(text, words[0].at)
            return True
        if "wait" in program and program != "wait":
            self.waits.append(Wait(words[0].at, len(self.commands), (tuple(words),)))
        elif program not in _SILENT and not re.search(_WAITING, program):
            self.shell.note(words[0].at, f"{plain(program)}: only docker commands are imported")
        return None if program in ("grep", "command", "which", "id", "diff", "ping", "nc", "curl") else True

    def docker(self, words: Sequence[Word]) -> bool | None:
        texts = [word.text for word in words[1:3]]
        if "inspect" in texts:
            self.inspected.append(tuple(word.text for word in words[1:]))
            return False  # on a machine without containers there is nothing to inspect
        if texts[:1] == ["wait"]:
            self.waits.append(Wait(words[0].at, len(self.commands), (tuple(words),)))
        if texts and texts[0] in _ASKING:
            return True
        line, column = self.script.place(words[0].at)
        self.commands.append(DockerCommand(tuple(words), line, column, self.shell.directory, self.stdin))
        return None if texts[:1] == ["pull"] else True  # an image that no registry has may be built instead

    def call(self, name: str, arguments: list[str]) -> bool | None:
        shell = self.shell
        before = shell.arguments
        shell.arguments = arguments
        shell.calls.append(list(arguments))
        body = shell.functions[name].child_by_field_name("body")
        result = self.statement(body) if body is not None else True
        shell.arguments = before
        shell.calls.pop()
        return result

    def inner(self, text: str, at: int) -> bool | None:
        """A script inside a word, such as that of `sh -c`. Everything in it stands at the outer word."""
        shell = self.shell
        before = shell.script, shell.outer
        shell.script = Script(shell.script.file, text)
        shell.outer = at if shell.outer is None else shell.outer
        shell.depth += 1
        try:
            return self.statement(shell.script.root)
        finally:
            shell.depth -= 1
            shell.script, shell.outer = before


def _without_prefix(words: Sequence[Word]) -> Sequence[Word]:
    """A command without the word before it: `sudo -E`, `env A=B`."""
    program, rest = words[0].text, words[1:]
    while rest and (rest[0].text.startswith("-") or re.match(r"[A-Za-z_]\w*=", rest[0].text)):
        rest = rest[2 if rest[0].text in _WITH_VALUE.get(program, ()) else 1 :]
    return rest[1:] if program == "timeout" else rest
