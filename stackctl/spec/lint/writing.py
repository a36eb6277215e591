"""Rules about slips of the pen: what can be read, but was meant in another way."""

import re
from collections.abc import Iterator

from stackctl.errors import Problem
from stackctl.secret import looks_secret
from stackctl.spec.lint.members import Path
from stackctl.spec.lint.subject import Subject
from stackctl.spec.model import Service
from stackctl.spec.text.parts import parts

_LOOKALIKES = {
    "：": ":",
    "／": "/",
    "，": ",",
    "＝": "=",
    "–": "-",
    "—": "-",
    "−": "-",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "\u00a0": " ",
    "\u200b": "",
    "\ufeff": "",
}
"""Characters that look like others. Word processors, chats and input methods put them there."""
_REFERENCE = r"\$(\w+|\{[^}]*\})"
_NO_SECRETS = frozenset({"", "true", "false", "yes", "no", "none", "null", "0", "1"})


def literal_secrets(subject: Subject) -> Iterator[Problem]:
    """A password stands in the file itself.

    That is fine for a lesson. In git, everybody who can read the repository can read the password, even after it is removed
    from the file.

    Fix: write `"${NAME}"`, and the value into `.env`, which git does not track.

    Evidence: 67 in 25 public compose files, so this is only a remark.
    """
    for member in subject.members:
        for name, variable in member.service.environment.items():
            text = variable.text
            if text is None or not looks_secret(name) or text.lower() in _NO_SECRETS:
                continue
            if all(part.literal for part in parts(text)) and not re.fullmatch(_REFERENCE, text):
                yield Problem(
                    member.variable(name),
                    f"the value of {name} stands in the file: fine for a lesson, not for git",
                    f'write "${{{name}}}" and put the value into .env',
                )


def missing_values(subject: Subject) -> Iterator[Problem]:
    """A variable is passed through (a name without a value), but it is not set here.

    The container does not get it, even if the image sets it.

    Fix: set the variable, or give it a value in the file.

    Evidence: `docker run -e NAME` says nothing, either.
    """
    for member in subject.members:
        for name, variable in member.service.environment.items():
            if (
                variable.text is None
                and member.service.resolved.get(name) is None
                and not re.search(r"\s", name)
            ):
                yield Problem(
                    member.variable(name),
                    f"{name} is passed through, but it is not set: {member.name} does not get it",
                    f"set {name}, or give it a value",
                )


def slips(subject: Subject) -> Iterator[Problem]:
    """The text can be read, but its author surely meant something else.

    The name of a variable has a space, because `KEY VALUE` was written for `KEY=VALUE`; an image looks like `NAME=value`; or
    a name, a path or an option has a character that only looks like `:`, `-` or a quote.

    Fix: write the character that the message names.

    Evidence: public scripts have `-e POSTGRES_PORT $POSTGRES_PORT`, `php-fpm.conf：/usr` with a full-width colon, and `–name`
    with a dash.
    """
    for member in subject.members:
        for name in member.service.environment:
            if re.search(r"\s", name):
                key, _, value = name.partition(" ")
                what = f'write "{key}=…"' if value else "take the space out"
                yield Problem(
                    (*member.path, "environment", name),
                    f'the name of a variable of {member.name} has a space: "{key} …"',
                    what,
                )
        image = member.service.image or ""
        if re.fullmatch(r"[A-Za-z_]\w*=.*", image):
            yield Problem(
                (*member.path, "image"),
                f'"{image.partition("=")[0]}=…" is a variable, not an image',
                "move it to environment",
            )
        for path, text in _plain(member.service, member.path):
            for letter in dict.fromkeys(letter for letter in text if letter in _LOOKALIKES):
                meant = _LOOKALIKES[letter]
                yield Problem(
                    path,
                    f'"{letter}" (U+{ord(letter):04X}) is not {repr(meant) if meant else "visible"}',
                    f'write "{meant}"' if meant else "remove it",
                )


def _plain(service: Service, path: Path) -> Iterator[tuple[Path, str]]:
    """The texts of a service in which such a character is surely a slip: names, paths and the beginnings of options."""
    yield (*path, "image"), service.image or ""
    for index, mount in enumerate(service.volumes):
        yield (*path, "volumes", index), f"{mount.source or ''}{mount.target}"
    for name in service.environment:
        yield (*path, "environment", name), name
    for key, command in (("command", service.command), ("entrypoint", service.entrypoint)):
        for word in command.argv if command else ():
            if re.match(r"[–—−“”‘’]", word):
                yield (*path, key), word[0]
