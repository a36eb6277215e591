"""The texts of manifests. A text with a secret stands in a Secret, and a manifest holds its name alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

from msgspec import Struct, field

from stackctl.teach.compose.texts import Keys
from stackctl.teach.k8s.names import dns_name, free
from stackctl.teach.script_variables import ScriptVariable, ScriptVariables, words_of_command
from stackctl.teach.shell import Piece, VariableUse, word

_KEY = r"[^-._a-zA-Z0-9]"
"""What no key of a Secret or a ConfigMap may have."""


def valid_key(name: str) -> str:
    """The name as a key of a Secret or a ConfigMap."""
    return re.sub(_KEY, "-", name)


def literal(text: str) -> str:
    """A text in which Kubernetes finds no `$(NAME)`."""
    return re.sub(r"\$(?=[$(])", "$$", text)


class Values(Struct):
    """Finds the secrets of a stack, and then says texts without them. All texts must be found before the first one is said."""

    secret: str
    """The name of the Secret that holds variables."""
    variables: ScriptVariables
    keys: dict[str, str] = field(default_factory=dict)
    """The texts of the Secret that were used, by key."""

    def find(self, text: str, name: str, owner: str) -> None:
        """Find the secrets of a text. `name`: what it is the value of. `owner`: its service."""
        self.variables.add([(text, name)], owner)

    def find_words(self, words: Iterable[str], key: str, owner: str) -> None:
        """Find the secrets of a command. `key`: the key of the service that holds it."""
        self.variables.add(words_of_command(words, key), owner)

    def holds_secret(self, text: str, name: str | None) -> bool:
        return any(self._secret(piece) for piece in self.variables.divided(text, name))

    def variable(self, name: str, text: str, owner: str) -> Keys:
        """A variable of a container."""
        if not self.holds_secret(text, name):
            return {"name": name, "value": literal(text)}
        return {"name": name, "valueFrom": self.reference(name, text, owner)}

    def reference(self, name: str, text: str, owner: str) -> Keys:
        """A place in the Secret that holds the text."""
        wanted = valid_key(name)
        if self.keys.get(wanted, text) != text:
            wanted = f"{dns_name(owner)}.{wanted}"
        if self.keys.get(wanted, text) != text:
            wanted = free(wanted, self.keys)
        self.keys[wanted] = text
        return {"secretKeyRef": {"name": self.secret, "key": wanted}}

    def pieces(self, text: str, name: str | None) -> Iterator[Piece]:
        """The text, with a variable in place of each secret alone."""
        for piece in self.variables.divided(text, name):
            if self._secret(piece) or isinstance(piece, str):
                yield piece
            else:
                yield self.text_of(piece)

    def text_of(self, use: VariableUse) -> str:
        """The value that the variable has in the stack."""
        found = self._variable(use)
        if found is None:
            return self.variables.directory
        return quote(found.text, safe="") if use.name == found.in_url else found.text

    def _secret(self, piece: Piece) -> bool:
        found = self._variable(piece) if isinstance(piece, VariableUse) else None
        return found is not None and found.default is None

    def _variable(self, use: VariableUse) -> ScriptVariable | None:
        return next(
            (each for each in self.variables.found.values() if use.name in (each.name, each.in_url)), None
        )


class ContainerWords(Struct):
    """The words of the commands of one container. A secret in a word becomes a variable that the container gets in addition."""

    values: Values
    environment: Mapping[str, str | None]
    owner: str
    added: dict[str, str] = field(default_factory=dict)
    """The texts of the variables that the container needs in addition."""

    def argv(self, words: Iterable[str], key: str) -> tuple[str, ...]:
        """The words of `command` or `args`, in which Kubernetes replaces `$(NAME)`."""
        return tuple(self._word(text, name) for text, name in words_of_command(words, key))

    def executed(self, test: tuple[str, ...], key: str) -> tuple[str, ...]:
        """The words of a probe or a hook, in which Kubernetes replaces nothing: a shell of the image puts a secret in."""
        if test[:1] == ("CMD-SHELL",):
            pieces = [*self._pieces(test[1], key)]
            return "/bin/sh", "-c", "".join(map(str, pieces))
        words = test[1:] if test[:1] == ("CMD",) else test
        if not any(self.values.holds_secret(text, name) for text, name in words_of_command(words, key)):
            return words
        return "/bin/sh", "-c", " ".join(["exec", *self.quoted(words, key)])

    def quoted(self, words: Iterable[str], key: str) -> Iterator[str]:
        """The words of a command for a shell, which puts secrets in."""
        yield from (word([*self._pieces(text, name)]) for text, name in words_of_command(words, key))

    def assigned(self, name: str, text: str) -> str:
        """A variable with its value for a shell."""
        return word([f"{name}=", *self._pieces(text, name)])

    def variables(self) -> Iterator[Keys]:
        """The variables that the container needs in addition."""
        for name, text in self.added.items():
            yield {"name": name, "valueFrom": self.values.reference(name, text, self.owner)}

    def _word(self, text: str, name: str | None) -> str:
        said = ""
        pieces = [*self._pieces(text, name)]
        for piece, after in zip(pieces, [*pieces[1:], ""], strict=True):
            if isinstance(piece, VariableUse):
                said += f"$({piece.name})"
            else:
                said += literal(f"{piece}$")[:-1] if isinstance(after, VariableUse) else literal(piece)
        return said

    def _pieces(self, text: str, name: str | None) -> Iterator[Piece]:
        for piece in self.values.pieces(text, name):
            yield VariableUse(self._named(piece)) if isinstance(piece, VariableUse) else piece

    def _named(self, use: VariableUse) -> str:
        """The name of the container's variable with this value."""
        text, name, number = self.values.text_of(use), use.name, 2
        while self.environment.get(name, self.added.get(name, text)) != text:
            name, number = f"{use.name}_{number}", number + 1
        if self.environment.get(name) != text:
            self.added[name] = text
        return name
