"""Draw a playbook: Mermaid for documents, SVG for everything else. Both deterministic."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from orchestrator.machine import State
from orchestrator.playbook import layout as placing
from orchestrator.playbook.layout import NODE_HEIGHT, Layout, Point, Segment
from orchestrator.playbook.model import Playbook

_MARGIN = 24.0
_LABEL_ROWS = (0.20, 0.39, 0.58, 0.77)
_LABEL_LETTER = 5.8
_LABEL_GAP = 8.0
_ONE_WAY_MARK = "⚠"

# Fill, stroke and text of a kind of state: light, dark.
_COLOURS = {
    "action": (("#eef4ff", "#3b6fb6", "#14304f"), ("#16283d", "#6aa0e6", "#dbe9ff")),
    "one_way": (("#fff1e0", "#c26a00", "#4a2a00"), ("#3a2408", "#f0a040", "#ffe7c7")),
    "operator": (("#f5edff", "#7a4bb8", "#2f1650"), ("#2a1b40", "#b58cf0", "#ecdfff")),
    "succeeded": (("#e6f6ea", "#2b8a3e", "#0d3d18"), ("#10301a", "#58c470", "#d6f5dd")),
    "failed": (("#fdeaea", "#b3261e", "#4d0f0b"), ("#3a1412", "#f2837c", "#ffdedb")),
    "needs_attention": (("#fff8d6", "#8a6d00", "#3d3000"), ("#332a06", "#dcb83a", "#fff1bd")),
}


def kind_of(state: State) -> str:
    """`action`, `one_way`, `operator`, or the result of a final state."""
    if state.final is not None:
        return str(state.final)
    if state.operator is not None:
        return "operator"
    return "one_way" if state.one_way else "action"


def mermaid(playbook: Playbook) -> str:
    """The playbook as a Mermaid `stateDiagram-v2`."""
    states = playbook.machine.states
    lines = ["stateDiagram-v2", f"    %% {playbook.name}, version {playbook.version}"]
    # Prefixed, because state names may be Mermaid's own words, such as `end`.
    lines += [f'    state "{_caption(state)}" as s_{name}' for name, state in states.items()]
    lines.append(f"    [*] --> s_{playbook.machine.initial}")
    for (source, target), outcomes in placing.merged_edges(playbook).items():
        lines.append(f"    s_{source} --> s_{target} : {', '.join(outcomes)}")
    lines += [f"    s_{name} --> [*]" for name, state in states.items() if state.final is not None]
    lines += [
        f"    note right of s_{name} : undone by {state.undo}"
        for name, state in states.items()
        if state.undo is not None
    ]
    for kind, ((fill, stroke, text), _) in _COLOURS.items():
        members = [f"s_{name}" for name, state in states.items() if kind_of(state) == kind]
        if members:
            lines.append(f"    classDef {kind} fill:{fill},stroke:{stroke},color:{text}")
            lines.append(f"    class {','.join(members)} {kind}")
    return "\n".join(lines) + "\n"


def svg(playbook: Playbook) -> str:
    """The playbook as one self-contained SVG with light and dark colours."""
    layout = placing.lay_out(playbook)
    edges = [_edge(segment, layout) for segment in layout.segments]
    labels, extent = _labels(layout)
    nodes = [_node(layout.points[name], state, playbook) for name, state in playbook.machine.states.items()]
    loops = [_loop(layout.points[name], outcomes) for name, outcomes in layout.loops.items()]
    left = min(0.0, extent[0]) - _MARGIN
    loop_width = max((len(", ".join(o)) * _LABEL_LETTER + 40.0 for o in layout.loops.values()), default=0.0)
    width = max(layout.width + loop_width, extent[1]) - left + _MARGIN
    height = layout.height + 3 * _MARGIN + NODE_HEIGHT
    title = f"Playbook {playbook.name}, version {playbook.version}"
    first = layout.points[playbook.machine.initial]
    start = (
        f'<circle class="start" cx="{first.x:.1f}" cy="-22" r="6"/>'
        f'<path class="edge main" marker-end="url(#arrow)" d="M{first.x:.1f} -16 V-1"/>'
    )
    body = "\n".join([start, *edges, *loops, *nodes, *labels])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title description" '
        f'viewBox="{left:.1f} {-NODE_HEIGHT - 6:.1f} {width:.1f} {height:.1f}" '
        f'width="{width:.0f}" height="{height:.0f}">\n'
        f'<title id="title">{escape(title)}</title>\n'
        f'<desc id="description">{escape(_in_words(playbook))}</desc>\n'
        f"<style>{_style()}</style>\n"
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        'markerUnits="userSpaceOnUse" '
        'orient="auto-start-reverse"><path d="M0 0L8 4L0 8z"/></marker></defs>\n'
        f'<rect class="page" x="{left:.1f}" y="{-NODE_HEIGHT - 6:.1f}" width="100%" height="100%"/>\n'
        f"{body}\n</svg>\n"
    )


def _caption(state: State) -> str:
    return f"{_ONE_WAY_MARK} {state.name}" if state.one_way else state.name


def _in_words(playbook: Playbook) -> str:
    """The graph as sentences, for those who do not see it."""
    sentences = [f"Starts in {playbook.machine.initial}."]
    for name, state in playbook.machine.states.items():
        if state.final is not None:
            sentences.append(f"{name} ends the run: {state.final}.")
            continue
        ways = ", ".join(f"{outcome} to {target}" for outcome, target in state.on.items())
        undone = f" Undone by {state.undo}." if state.undo is not None else ""
        sentences.append(f"{name}{' (one-way)' if state.one_way else ''}: {ways}.{undone}")
    return " ".join(sentences)


def _node(point: Point, state: State, playbook: Playbook) -> str:
    x, y = point.x - point.width / 2, point.y - NODE_HEIGHT / 2
    radius = NODE_HEIGHT / 2 if state.final is not None else 7
    tip = [f"{state.name}: {kind_of(state).replace('_', ' ')}"]
    if state.action is not None:
        tip.append(f"action {state.action}")
    if state.operator is not None:
        tip.append(state.operator.prompt)
    if state.visits is not None:
        tip.append(f"at most {state.visits} visits")
    if state.requires is not None:
        tip.append(f"requires {state.requires.consecutive} successes of {state.requires.proved}")
    if state.undo is not None:
        tip.append(f"undone by {state.undo}")
    if state.name in playbook.marks:
        tip.append(f"line {playbook.marks[state.name][0]}")
    ring = ""
    if state.one_way:
        ring = (
            f'<rect class="ring" x="{x - 3.5:.1f}" y="{y - 3.5:.1f}" '
            f'width="{point.width + 7:.1f}" height="{NODE_HEIGHT + 7:.1f}" rx="10"/>'
        )
    width, height = point.width, NODE_HEIGHT
    return (
        f'<g class="state {kind_of(state)}"><title>{escape(", ".join(tip))}</title>{ring}'
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius:g}"/>'
        f'<text x="{point.x:.1f}" y="{point.y + 4.5:.1f}">{escape(_caption(state))}</text></g>'
    )


def _ends(segment: Segment, layout: Layout) -> tuple[float, float, float, float]:
    """Start and end of a segment between two rows; at a state segments are fanned out along its side."""
    upper, lower = layout.points[segment.upper], layout.points[segment.lower]
    leaving = [other for other in layout.segments if other.upper == upper.key]
    arriving = [other for other in layout.segments if other.lower == lower.key]
    leaving.sort(key=lambda other: layout.points[other.lower].x)
    arriving.sort(key=lambda other: layout.points[other.upper].x)
    half = NODE_HEIGHT / 2
    return _port(upper, leaving, segment), upper.y + half, _port(lower, arriving, segment), lower.y - half


def _port(point: Point, ordered: Sequence[Segment], segment: Segment) -> float:
    if not point.state or len(ordered) == 1:
        return point.x
    step = min(26.0, (point.width - 24.0) / (len(ordered) - 1))
    return point.x + (ordered.index(segment) - (len(ordered) - 1) / 2) * step


def _edge(segment: Segment, layout: Layout) -> str:
    x1, y1, x2, y2 = _ends(segment, layout)
    classes = "edge main" if segment.main else "edge back" if segment.back else "edge"
    marker = ""
    if segment.arrow == "down":
        marker, y2 = ' marker-end="url(#arrow)"', y2 - 1
    elif segment.arrow == "up":
        marker, y1 = ' marker-start="url(#arrow)"', y1 + 1
    middle = (y1 + y2) / 2
    line = f"M{x1:.1f} {y1:.1f} C{x1:.1f} {middle:.1f} {x2:.1f} {middle:.1f} {x2:.1f} {y2:.1f}"
    if not layout.points[segment.lower].state:
        line += f" V{y2 + NODE_HEIGHT:.1f}"  # a lane passes the states of its row in a straight line
    return f'<path class="{classes}"{marker} d="{line}"/>'


def _loop(point: Point, outcomes: Sequence[str]) -> str:
    x, y = point.x + point.width / 2, point.y
    bow = x + 30
    return (
        f'<path class="edge back" marker-end="url(#arrow)" '
        f'd="M{x:.1f} {y - 8:.1f} C{bow:.1f} {y - 22:.1f} {bow:.1f} {y + 22:.1f} {x + 1:.1f} {y + 8:.1f}"/>'
        f'<text class="label" style="text-anchor:start" x="{x + 27:.1f}" y="{y + 3:.1f}">'
        f"{escape(', '.join(outcomes))}</text>"
    )


def _labels(layout: Layout) -> tuple[list[str], tuple[float, float]]:
    """Outcomes beside their edges, in the row of the gap where they cover no other; and their extent."""
    taken: dict[tuple[int, float], list[tuple[float, float]]] = {}
    texts = []
    left = right = 0.0
    labelled = [segment for segment in layout.segments if segment.outcomes]
    for segment in sorted(labelled, key=lambda s: (layout.points[s.upper].layer, layout.points[s.lower].x)):
        text = ", ".join(segment.outcomes)
        x1, y1, x2, y2 = _ends(segment, layout)
        half = len(text) * _LABEL_LETTER / 2 + _LABEL_GAP / 2
        gap = layout.points[segment.upper].layer
        choices = []
        for row in reversed(_LABEL_ROWS) if segment.back else _LABEL_ROWS:
            x = x1 + (x2 - x1) * _eased(row)
            overlap = sum(
                max(0.0, min(x + half, end) - max(x - half, start))
                for start, end in taken.get((gap, row), ())
            )
            choices.append((overlap, row, x))
        overlap, row, x = min(choices, key=lambda choice: choice[0])
        taken.setdefault((gap, row), []).append((x - half, x + half))
        left, right = min(left, x - half), max(right, x + half)
        y = y1 + (y2 - y1) * row
        classes = "label main" if segment.main else "label"
        texts.append(f'<text class="{classes}" x="{x:.1f}" y="{y + 3.5:.1f}">{escape(text)}</text>')
    return texts, (left, right)


def _eased(height: float) -> float:
    """How far sideways the curve of `_edge` is at *height* (0 at its upper end, 1 at its lower)."""
    low, high = 0.0, 1.0
    for _ in range(30):
        t = (low + high) / 2
        y = 1.5 * t * (1 - t) ** 2 + 1.5 * t**2 * (1 - t) + t**3
        low, high = (t, high) if y < height else (low, t)
    return 3 * low**2 * (1 - low) + low**3


def _style() -> str:
    def rules(shade: int) -> str:
        return "".join(
            f".{kind} rect{{fill:{c[shade][0]};stroke:{c[shade][1]}}}.{kind} text{{fill:{c[shade][2]}}}"
            for kind, c in _COLOURS.items()
        )

    light = (
        ".page{fill:#fff}.edge{stroke:#9aa3ad}.edge.main{stroke:#2f6f4f}.edge.back{stroke:#a0763a}"
        "marker path,.start{fill:#66707a}.label{fill:#56606a;stroke:#fff}.label.main{fill:#1f5a3c}"
    )
    dark = (
        ".page{fill:#12161b}.edge{stroke:#5e6873}.edge.main{stroke:#5fb98a}.edge.back{stroke:#c79a57}"
        "marker path,.start{fill:#9aa5b1}.label{fill:#a9b4c0;stroke:#12161b}.label.main{fill:#7fd0a6}"
    )
    common = (
        "text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:12.5px;"
        "text-anchor:middle}.state rect{stroke-width:1.6}.state .ring{fill:none;stroke-dasharray:4 3}"
        ".edge{fill:none;stroke-width:1.3}.edge.main{stroke-width:2.2}.edge.back{stroke-dasharray:5 4}"
        ".label{font-size:9.5px;paint-order:stroke;stroke-width:3.5px;stroke-linejoin:round}"
    )
    ring = ".one_way .ring{fill:none}"
    return f"{common}{light}{rules(0)}{ring}@media(prefers-color-scheme:dark){{{dark}{rules(1)}{ring}}}"
