"""How near two words are: what somebody may have meant."""

import difflib
import functools
from collections.abc import Iterable


def distance(a: str, b: str) -> int:
    """How many letters to insert, delete, replace, or swap with the next one, to make `b` of `a` (optimal string alignment)."""
    rows: list[list[int]] = [[*range(len(b) + 1)]]
    for i, letter in enumerate(a):
        row = [i + 1]
        for j, other in enumerate(b):
            best = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (letter != other))
            if i and j and letter == b[j - 1] and a[i - 1] == other:
                best = min(best, rows[i - 1][j - 1] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]


def close(a: str, b: str) -> bool:
    """Whether one may be a slip of the pen for the other: at most two letters apart, one in a short word."""
    return abs(len(a) - len(b)) <= 2 and distance(a, b) <= (2 if min(len(a), len(b)) > 4 else 1)


def nearest(word: str, options: Iterable[str]) -> str | None:
    """The option that was probably meant: one close to the word, else one that is mostly the same."""
    names = sorted(set(options))
    found = min(names, key=lambda name: distance(word, name), default="")
    if found and close(word, found):
        return found
    return next(iter(difflib.get_close_matches(word, names, n=1)), None)


@functools.lru_cache(maxsize=8192)
def misspelt(name: str, known: str, shortest: int = 2) -> bool:
    """Whether a variable's name looks like a slip of the pen for another one.

    What the names share, part by part (`POSTGRES_`), is left out of the comparison: `DB_HOST` is not a misspelt `DB_PORT`.
    Numbered names (`KEY_1`, `KEY_2`) are meant. Parts shorter than `shortest` are never compared.
    """
    a, b = name.split("_"), known.split("_")
    while a and b and a[0] == b[0]:
        del a[0], b[0]
    while a and b and a[-1] == b[-1]:
        del a[-1], b[-1]
    left, right = "_".join(a), "_".join(b)
    if min(len(left), len(right)) < shortest or left.rstrip("0123456789") == right.rstrip("0123456789"):
        return False
    return close(left, right)


def did_you_mean(word: str, options: Iterable[str], otherwise: str = "") -> str:
    found = nearest(word, options)
    return f"did you mean {found!r}?" if found else otherwise
