"""A graph of names: each name waits for others."""

import functools
from collections.abc import Callable, Mapping, Sequence


class Walk:
    """One walk over a graph, which follows each edge once. `graph` holds for each name the names that it waits for.

    `order`: all names; each comes after the names that it waits for. `circles`: one for each edge that closes a circle. In a
    circle each name waits for the next one, and the last name is the first one again.
    """

    def __init__(self, graph: Mapping[str, Sequence[str]]) -> None:
        self.graph = graph
        self.order: list[str] = []
        self.circles: list[list[str]] = []
        done: set[str] = set()
        for start in graph:
            if start not in done:
                self._from(start, done)

    def _from(self, start: str, done: set[str]) -> None:
        way = {start: 0}
        names = [start]
        waiting = [iter(self.graph[start])]
        done.add(start)
        while waiting:
            following = next(waiting[-1], None)
            if following is None:
                waiting.pop()
                self.order.append(names.pop())
                del way[self.order[-1]]
            elif following in way:
                self.circles.append([*names[way[following] :], following])
            elif following not in done:
                done.add(following)
                way[following] = len(names)
                names.append(following)
                waiting.append(iter(self.graph[following]))

    def reached(self) -> Callable[[str, str], bool]:
        """A function that tells whether one name waits for another, directly or through others. A set of names is held as a
        number with one bit for each name.
        """
        bits = {name: 1 << n for n, name in enumerate(self.graph)}
        found = dict.fromkeys(self.graph, 0)
        changed = True
        while changed:  # one round is enough if there are no circles
            changed = False
            for name in self.order:
                more = functools.reduce(
                    lambda those, one: those | bits[one] | found[one], self.graph[name], 0
                )
                changed = changed or (bool(self.circles) and more != found[name])
                found[name] = more
        return lambda one, other: bool(found[one] & bits[other])
