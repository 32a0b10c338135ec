"""Place the states of a playbook on layers, top to bottom, with few crossings. Deterministic.

Sugiyama's steps: break cycles, layer by longest path, order by barycentres, then give coordinates.
Edges over several layers that end in the same state share one lane, so that fifteen `failed` edges
become one line that fifteen states join.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.machine import SUCCEEDED
from orchestrator.playbook.flow import Graph
from orchestrator.playbook.model import Playbook

NODE_HEIGHT = 34.0
LAYER_GAP = 78.0
LANE_WIDTH = 14.0
SIBLING_GAP = 26.0
_LETTER_WIDTH = 7.6
_SWEEPS = 16
_MAIN_WEIGHT = 40.0
_LANE_WEIGHT = 40.0


@dataclass(slots=True)
class Point:
    """A state, or a bend of a lane; *x* and *y* are its centre in pixels."""

    key: str
    layer: int
    width: float
    state: bool
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of an edge between neighbouring layers, from the upper point to the lower.

    Attributes:
        outcomes: written at the piece that touches the source, else empty.
        arrow: `down`, `up` or empty: the end at which the edge arrives at its target.
        main: part of an edge for `succeeded` or an operator's yes.
        back: belongs to an edge that leads upwards.
    """

    upper: str
    lower: str
    outcomes: tuple[str, ...]
    arrow: str
    main: bool
    back: bool


@dataclass(slots=True)
class Layout:
    """Points and segments with coordinates.

    Attributes:
        loops: state -> outcomes that lead back to it directly.
    """

    points: dict[str, Point] = field(default_factory=dict)
    segments: list[Segment] = field(default_factory=list)
    loops: dict[str, tuple[str, ...]] = field(default_factory=dict)
    width: float = 0.0
    height: float = 0.0


def merged_edges(playbook: Playbook) -> dict[tuple[str, str], tuple[str, ...]]:
    """(source, target) -> outcomes that lead there, in the order of the document."""
    merged: dict[tuple[str, str], tuple[str, ...]] = {}
    for name, state in playbook.machine.states.items():
        for outcome, target in state.on.items():
            merged[name, target] = (*merged.get((name, target), ()), outcome)
    return merged


def lay_out(playbook: Playbook) -> Layout:
    """The picture of *playbook* as coordinates."""
    edges = merged_edges(playbook)
    layout = Layout(
        loops={source: outcomes for (source, target), outcomes in edges.items() if source == target}
    )
    straight = {pair: outcomes for pair, outcomes in edges.items() if pair[0] != pair[1]}
    graph: dict[str, list[str]] = {name: [] for name in playbook.machine.states}
    for source, target in straight:
        graph[source].append(target)
    backwards = _back_edges(graph, playbook.machine.initial)
    layers = _layers(graph, backwards)
    for name, layer in layers.items():
        layout.points[name] = Point(name, layer, _LETTER_WIDTH * len(name) + 30.0, state=True)
    for (source, target), outcomes in straight.items():
        _add_edge(layout, source, target, outcomes, back=(source, target) in backwards)
    layout.segments = list(dict.fromkeys(layout.segments))
    _place(layout, _ordered(layout))
    return layout


def _back_edges(graph: Mapping[str, Sequence[str]], initial: str) -> set[tuple[str, str]]:
    """Edges to a state that is still open in a depth-first walk; without them there is no cycle."""
    back: set[tuple[str, str]] = set()
    done: set[str] = set()
    for root in (initial, *graph):
        if root in done:
            continue
        is_open = {root}
        work = [(root, iter(graph[root]))]
        while work:
            here, targets = work[-1]
            target = next(targets, None)
            if target is None:
                work.pop()
                is_open.discard(here)
                done.add(here)
            elif target in is_open:
                back.add((here, target))
            elif target not in done:
                is_open.add(target)
                work.append((target, iter(graph[target])))
    return back


def _layers(graph: Graph, backwards: set[tuple[str, str]]) -> dict[str, int]:
    """Longest path from the top for every state."""
    forward = {name: [t for t in targets if (name, t) not in backwards] for name, targets in graph.items()}
    missing = dict.fromkeys(forward, 0)
    for targets in forward.values():
        for target in targets:
            missing[target] += 1
    layers = dict.fromkeys(forward, 0)
    ready = [name for name, count in missing.items() if count == 0]
    while ready:
        here = ready.pop(0)
        for target in forward[here]:
            layers[target] = max(layers[target], layers[here] + 1)
            missing[target] -= 1
            if missing[target] == 0:
                ready.append(target)
    return layers


def _add_edge(layout: Layout, source: str, target: str, outcomes: tuple[str, ...], *, back: bool) -> None:
    """Cut an edge into segments; bends are shared by all edges to the same target in one direction."""
    upper, lower = (target, source) if back else (source, target)
    top, bottom = layout.points[upper].layer, layout.points[lower].layer
    way = [upper]
    for layer in range(top + 1, bottom):
        key = f"{'^' if back else 'v'} {target} {layer}"
        layout.points.setdefault(key, Point(key, layer, LANE_WIDTH, state=False))
        way.append(key)
    way.append(lower)
    main = SUCCEEDED in outcomes or "approved" in outcomes
    for above, below in itertools.pairwise(way):
        at_source = (below == source) if back else (above == source)
        at_target = (above == target) if back else (below == target)
        arrow = ("up" if back else "down") if at_target else ""
        # A lane belongs to all its edges; only the piece at the source carries what is its own.
        own = main and len(way) == 2  # noqa: PLR2004 - both ends, no bend between
        layout.segments.append(Segment(above, below, outcomes if at_source else (), arrow, own, back))


def _ordered(layout: Layout) -> list[list[str]]:
    """Keys per layer, ordered so that few segments cross."""
    count = 1 + max(point.layer for point in layout.points.values())
    rows: list[list[str]] = [[] for _ in range(count)]
    for key, point in layout.points.items():
        rows[point.layer].append(key)
    above, below = _neighbours(layout.segments)
    best, fewest = [list(row) for row in rows], _crossings(rows, below)
    for sweep in range(_SWEEPS):
        downwards = sweep % 2 == 0
        for number in range(1, count) if downwards else range(count - 2, -1, -1):
            fixed = rows[number - 1] if downwards else rows[number + 1]
            places = {key: place for place, key in enumerate(fixed)}
            neighbours = above if downwards else below
            now = {key: place for place, key in enumerate(rows[number])}
            rows[number].sort(key=lambda key: (_centre(neighbours.get(key, []), places, now[key]), now[key]))
        crossings = _crossings(rows, below)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return best


def _neighbours(segments: Sequence[Segment]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for segment in segments:
        below.setdefault(segment.upper, []).append(segment.lower)
        above.setdefault(segment.lower, []).append(segment.upper)
    return above, below


def _centre(neighbours: Sequence[str], places: Mapping[str, int], otherwise: float) -> float:
    return sum(places[key] for key in neighbours) / len(neighbours) if neighbours else otherwise


def _crossings(rows: Sequence[Sequence[str]], below: Mapping[str, Sequence[str]]) -> int:
    total = 0
    for upper, lower in itertools.pairwise(rows):
        places = {key: place for place, key in enumerate(lower)}
        ends = [place for key in upper for place in sorted(places[target] for target in below.get(key, ()))]
        total += sum(ends[j] < ends[i] for i in range(len(ends)) for j in range(i + 1, len(ends)))
    return total


def _place(layout: Layout, rows: Sequence[Sequence[str]]) -> None:
    """Coordinates: each point as near to its neighbours as the order and the gaps allow."""
    points = layout.points
    links: dict[str, list[tuple[str, float]]] = {key: [] for key in points}
    for segment in layout.segments:
        weight = _MAIN_WEIGHT if segment.main else 1.0
        if not points[segment.upper].state and not points[segment.lower].state:
            weight = _LANE_WEIGHT
        links[segment.upper].append((segment.lower, weight))
        links[segment.lower].append((segment.upper, weight))
    for number, row in enumerate(rows):
        for key in row:
            points[key].y = NODE_HEIGHT / 2 + number * (NODE_HEIGHT + LAYER_GAP)
        _spread(row, points, dict.fromkeys(row, 0.0))
    for _ in range(_SWEEPS):
        for row in (*rows, *reversed(rows)):
            wanted = {}
            for key in row:
                weights = sum(weight for _, weight in links[key])
                pulled = sum(points[other].x * weight for other, weight in links[key])
                wanted[key] = pulled / weights if weights else points[key].x
            _spread(row, points, wanted)
    left = min(point.x - point.width / 2 for point in points.values())
    for point in points.values():
        point.x -= left
    layout.width = max(point.x + point.width / 2 for point in points.values())
    layout.height = max(point.y for point in points.values()) + NODE_HEIGHT / 2


def _spread(row: Sequence[str], points: Mapping[str, Point], wanted: Mapping[str, float]) -> None:
    """Give the points of a row the positions nearest to *wanted* that keep order and gaps.

    Pool adjacent violators: neighbours that would overlap form a block with a common shift.
    """
    blocks: list[tuple[float, int]] = []  # mean shift, number of points
    offsets = []
    offset = 0.0
    for number, key in enumerate(row):
        if number:
            before = points[row[number - 1]]
            offset += (before.width + points[key].width) / 2 + SIBLING_GAP
        offsets.append(offset)
        shift, size = wanted[key] - offset, 1
        while blocks and blocks[-1][0] > shift:
            last_shift, last_size = blocks.pop()
            shift = (shift * size + last_shift * last_size) / (size + last_size)
            size += last_size
        blocks.append((shift, size))
    shifts = [shift for shift, size in blocks for _ in range(size)]
    for key, place, shift in zip(row, offsets, shifts, strict=True):
        points[key].x = place + shift
