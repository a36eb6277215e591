"""What somebody may have meant: words that are a slip of the pen apart."""

import functools
import re
from collections.abc import Iterable
from itertools import combinations


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
    """The option that was probably meant: one that differs in a third of the letters at most, else one within the word, or around it."""
    names = sorted(set(options))
    most = max(len(word) // 3, 1)
    near = [name for name in names if abs(len(name) - len(word)) <= most]
    found = min(near, key=lambda name: distance(word, name), default="")
    if found and distance(word, found) <= most:
        return found
    return next((n for n in names if (n in word and len(n) > 2) or (word in n and len(word) > 3)), None)


def did_you_mean(word: object, options: Iterable[object], otherwise: str = "") -> str:
    """`did you mean 'image'?`, or `otherwise` if no option is near."""
    found = nearest(str(word), map(str, options))
    return f"did you mean {found!r}?" if found else otherwise


class Guesses:
    """Suggestions for the first unknown words. A file of thousands of mistakes is not read to its end, and each guess costs time."""

    MOST = 100

    def __init__(self) -> None:
        self.made = 0

    def did_you_mean(self, word: object, options: Iterable[object], otherwise: str = "") -> str:
        self.made += 1
        return did_you_mean(word, options, otherwise) if self.made <= self.MOST else otherwise


class Neighbours:
    """Finds the words close to another one, without a look at each of them.

    Two words at most two letters apart become the same when each loses at most two letters
    (https://github.com/wolfgarbe/SymSpell explains it). A number counts as one letter: `WORKER_1` and `WORKER_2` are meant.
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
        """The words close to this one, with `0` for every number."""
        stem = _stem(word)
        candidates = {other for rest in _rests(stem) for other in self._by_rest.get(rest, ())}
        return {other for other in candidates if close(stem, other)}

    def of(self, word: str) -> set[str]:
        """The words close to this one that have the same numbers, if it is one of many."""
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
    """What is left of a word without up to two of its letters."""
    places = range(len(word))
    once = {word[:n] + word[n + 1 :] for n in places}
    twice = {word[:n] + word[n + 1 : m] + word[m + 1 :] for n, m in combinations(places, 2)}
    return {word} | once | twice


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
