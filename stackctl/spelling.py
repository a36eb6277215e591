"""Find the word that somebody probably meant, by its spelling."""

import functools
import re
from collections.abc import Iterable
from itertools import combinations


def distance(a: str, b: str) -> int:
    """How many letters must be inserted, deleted, replaced, or swapped with the next one, to turn `a` into `b` (optimal string
    alignment distance).
    """
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
    """Whether one word may be a misspelling of the other: a distance of at most two, in short words of one."""
    return abs(len(a) - len(b)) <= 2 and distance(a, b) <= (2 if min(len(a), len(b)) > 4 else 1)


def nearest(word: str, options: Iterable[str]) -> str | None:
    """The option that was probably meant: one that differs in at most a third of the letters; else one that is a part of the
    word, or contains it.
    """
    names = sorted(set(options))
    most = max(len(word) // 3, 1)
    near = [name for name in names if abs(len(name) - len(word)) <= most]
    found = min(near, key=lambda name: distance(word, name), default="")
    if found and distance(word, found) <= min(most, len(word) - 1):  # one letter is no misspelling of another
        return found
    return next((n for n in names if (n in word and len(n) > 2) or (word in n and len(word) > 3)), None)


def did_you_mean(word: object, options: Iterable[object], otherwise: str = "") -> str:
    """`did you mean 'image'?`, or `otherwise` if no option is near."""
    found = nearest(str(word), map(str, options))
    return f"did you mean {found!r}?" if found else otherwise


def suggested(hint: str) -> str | None:
    """The word that a hint of `did_you_mean` suggests."""
    found = re.fullmatch(r"did you mean '?([^\s'?]+)'?\?", hint)
    return found[1] if found else None


class Guesses:
    """Suggestions, but only for the first unknown words: nobody reads thousands of mistakes, and each suggestion costs time."""

    MOST = 100

    def __init__(self) -> None:
        self.made = 0

    def did_you_mean(self, word: object, options: Iterable[object], otherwise: str = "") -> str:
        self.made += 1
        return did_you_mean(word, options, otherwise) if self.made <= self.MOST else otherwise


class Neighbours:
    """Finds the words that are close to another word, without comparing each of them.

    If two words differ by at most two letters, they become equal when each loses at most two letters
    (https://github.com/wolfgarbe/SymSpell explains this). A number counts as one letter, since `WORKER_1` and `WORKER_2` are
    two names, not a mistake.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._words: dict[str, dict[tuple[str, ...], str]] = {}
        for word in words:
            self._words.setdefault(_stem(word), {})[_numbers(word)] = word
        self._by_rest: dict[str, list[str]] = {}
        for stem in self._words:
            for rest in _rests(stem):
                self._by_rest.setdefault(rest, []).append(stem)

    def stems(self, word: str) -> set[str]:
        """The words that are close to this one. In each, `0` stands for every number."""
        stem = _stem(word)
        candidates = {other for rest in _rests(stem) for other in self._by_rest.get(rest, ())}
        return {other for other in candidates if close(stem, other)}

    def of(self, word: str) -> set[str]:
        """The words that are close to this one. Of several words that differ only in numbers, the one with the same numbers."""
        found = (self._words[stem] for stem in self.stems(word) if stem != _stem(word))
        numbers = _numbers(word)
        same = (
            those.get(numbers) or (next(iter(those.values())) if len(those) == 1 else None) for those in found
        )
        return set(filter(None, same))


def _stem(word: str) -> str:
    return re.sub(r"\d+", "0", word)


def _numbers(word: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\d+", word))


def _rests(word: str) -> set[str]:
    """The word, and what is left of it without one or two of its letters."""
    places = range(len(word))
    once = {word[:n] + word[n + 1 :] for n in places}
    twice = {word[:n] + word[n + 1 : m] + word[m + 1 :] for n, m in combinations(places, 2)}
    return {word} | once | twice


@functools.lru_cache(maxsize=8192)
def misspelt(name: str, known: str, shortest: int = 2) -> bool:
    """Whether a variable's name looks like a misspelling of another name.

    Parts that both names share at the beginning or end (`POSTGRES_`) are not compared: `DB_HOST` is not a misspelt `DB_PORT`.
    Names that differ only in a number (`KEY_1`, `KEY_2`) are no mistake. A rest shorter than `shortest` is never compared.
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
