"""Variables that a script uses but does not set. Their values are known only where the script runs.

Such a variable stands in a text as a mark, which no splitting at spaces, `:` or `=` can tear: two characters of Unicode's
private area around the name, and the default value in hexadecimal digits.
"""

import re

_MARK = "\ue000([\\w.-]+)(?:\ue001([0-9a-f]*))?\ue002"
_CHARACTERS = "[\ue000-\ue002]"


def unset(name: str, default: str | None = None) -> str:
    """The mark of a variable. `default` is what bash takes if the variable is not set: `x` in `${NAME:-x}`."""
    rest = "" if default is None else f"\ue001{default.encode().hex()}"
    return f"\ue000{name}{rest}\ue002"


def without_marks(text: str) -> str:
    """A text from outside, without the characters that marks are made of."""
    return re.sub(_CHARACTERS, "?", text)


def is_known(text: str) -> bool:
    """Whether the text has no mark."""
    return "\ue000" not in text


def names(text: str) -> set[str]:
    """The variables in a text that have no default. A reference such as `services.db.url` is no variable."""
    return {match[1] for match in re.finditer(_MARK, text) if match[2] is None and "." not in match[1]}


def without_variable(text: str, name: str, value: str) -> str:
    """The text with a value in place of a variable, whatever its default."""
    return re.sub(_MARK, lambda mark: value if mark[1] == name else mark[0], text)


def in_url(text: str) -> str:
    """The text with variables that hold the percent-encoded values of those in it: `NAME_IN_URL` for `NAME`."""
    return re.sub(_MARK, lambda mark: unset(f"{mark[1]}_IN_URL"), text)


def settled(text: str) -> str:
    """The text with the defaults in place of the marks that have one."""
    return re.sub(_MARK, lambda mark: mark[0] if mark[2] is None else _default(mark), text)


def plain(text: str) -> str:
    """The text for people and for keys: the default of a variable, else its name."""
    return re.sub(_MARK, lambda mark: mark[1] if mark[2] is None else _default(mark), text)


def toml_text(text: str) -> str:
    """The text as a value of a stack.toml: `${NAME}` for a mark, two dollars for a dollar."""

    def variable(mark: re.Match[str]) -> str:
        default = _default(mark)
        if mark[2] is None:
            return f"${{{mark[1]}}}"
        if re.search(r"[${}]|" + _CHARACTERS, default):
            return toml_text(default)
        return f"${{{mark[1]}:-{default}}}"

    return re.sub(_MARK, variable, text.replace("$", "$$"))


def _default(mark: re.Match[str]) -> str:
    return bytes.fromhex(mark[2] or "").decode()
