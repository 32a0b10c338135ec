"""Graph questions about states: what can be reached, what comes round again. Pure, no recursion."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

Graph = Mapping[str, Iterable[str]]


def reachable(graph: Graph, starts: Iterable[str]) -> set[str]:
    """Everything that can be reached from *starts*, themselves included."""
    seen = set(starts)
    waiting = list(seen)
    while waiting:
        for target in graph.get(waiting.pop(), ()):
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return seen


def reverse(graph: Graph) -> dict[str, list[str]]:
    """The same edges the other way round."""
    turned: dict[str, list[str]] = {name: [] for name in graph}
    for source, targets in graph.items():
        for target in targets:
            turned.setdefault(target, []).append(source)
    return turned


def cycles(graph: Graph) -> list[list[str]]:
    """Cycles such that a graph without their first nodes has none, in the graph's order.

    A cycle is listed once round: `["a", "b"]` is a -> b -> a, `["a"]` is a -> a. Each is a shortest one
    through its first node.
    """
    order = {name: number for number, name in enumerate(graph)}
    found: list[list[str]] = []
    waiting = components(graph)
    while waiting:
        component = waiting.pop()
        inside = {
            name: [target for target in graph.get(name, ()) if target in component]
            for name in sorted(component, key=lambda name: order.get(name, -1))
        }
        first = next(iter(inside))
        around = _way_back(inside, first)
        if around is None:
            continue
        found.append(around)
        rest = {name: [t for t in targets if t != first] for name, targets in inside.items() if name != first}
        waiting.extend(components(rest))
    return sorted(found, key=lambda cycle: order.get(cycle[0], -1))


def _way_back(graph: Graph, start: str) -> list[str] | None:
    """A shortest way from *start* back to it."""
    came_from: dict[str, str] = {}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        for target in graph.get(here, ()):
            if target == start:
                way = [here]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return way[::-1]
            if target not in came_from:
                came_from[target] = here
                waiting.append(target)
    return None


def components(graph: Graph) -> list[set[str]]:
    """Strongly connected components (Tarjan 1972, with a stack of its own)."""
    numbers: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    on_path: set[str] = set()
    found: list[set[str]] = []
    for root in graph:
        if root in numbers:
            continue
        numbers[root] = lowest[root] = len(numbers)
        path.append(root)
        on_path.add(root)
        work = [(root, iter(tuple(graph.get(root, ()))))]
        while work:
            here, targets = work[-1]
            for target in targets:
                if target not in numbers:
                    numbers[target] = lowest[target] = len(numbers)
                    path.append(target)
                    on_path.add(target)
                    work.append((target, iter(tuple(graph.get(target, ())))))
                    break
                if target in on_path:
                    lowest[here] = min(lowest[here], numbers[target])
            else:
                work.pop()
                if work:
                    lowest[work[-1][0]] = min(lowest[work[-1][0]], lowest[here])
                if lowest[here] == numbers[here]:
                    found.append(_popped(path, on_path, here))
    return found


def _popped(path: list[str], on_path: set[str], root: str) -> set[str]:
    component = set()
    while True:
        name = path.pop()
        on_path.discard(name)
        component.add(name)
        if name == root:
            return component
