"""Who waits for whom, as a graph of names."""

import functools
from collections.abc import Callable, Mapping, Sequence


class Walk:
    """One walk over a graph, along each edge once.

    `order`: every name after those it waits for. `circles`: one for each edge that leads back to a name on the way to it;
    each name waits for the next one, and the first stands at the end again.
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
        """Tells whether a way leads from one name to another. A set of names is a number, one bit for each."""
        bits = {name: 1 << n for n, name in enumerate(self.graph)}
        found = dict.fromkeys(self.graph, 0)
        changed = True
        while changed:  # once if there are no circles
            changed = False
            for name in self.order:
                more = functools.reduce(
                    lambda those, one: those | bits[one] | found[one], self.graph[name], 0
                )
                changed = changed or (bool(self.circles) and more != found[name])
                found[name] = more
        return lambda one, other: bool(found[one] & bits[other])
