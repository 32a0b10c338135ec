"""The pictures of a report: inline SVG placed by percentages, so that text keeps its size on a phone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.engine.report.markup import Markup, element
from orchestrator.engine.report.words import duration_words

_TOP_PX = 26
_ROW_PX = 38
_BAR_TOP_PX = 17
_BAR_PX = 12
_BOTTOM_PX = 22
_GAP_IS_LONG = 0.6  # of the whole run: a night before an approval would leave nothing else to see
_GAP_DRAWN = 0.12
_STEPS_S = (
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    20,
    30,
    60,
    120,
    300,
    600,
    1200,
    1800,
    3600,
    7200,
    21600,
    43200,
    86400,
)
_MOST_STEPS = 5
_SETTLED_BADLY = {
    "failed": "failed",
    "timed_out": "failed",
    "rejected": "failed",
    "again": "again",
    None: "failed",
}


@dataclass(frozen=True, slots=True)
class Scale:
    """Seconds since the start → percent of the width, with at most one long gap drawn short.

    Attributes:
        total_s: length of the run.
        gap: begin and end of the shortened gap in seconds, or None.
    """

    total_s: float
    gap: tuple[float, float] | None

    def percent(self, at_s: float) -> float:
        """Where *at_s* is drawn."""
        if self.total_s <= 0:
            return 0.0
        if self.gap is None:
            return 100 * at_s / self.total_s
        begin_s, end_s = self.gap
        per_s = (1 - _GAP_DRAWN) / (self.total_s - (end_s - begin_s))
        drawn = min(at_s, begin_s) * per_s + max(at_s - end_s, 0.0) * per_s
        inside = min(max(at_s - begin_s, 0.0) / (end_s - begin_s), 1.0)
        return 100 * (drawn + inside * _GAP_DRAWN)

    def place(self, at_s: float) -> str:
        """The same as SVG writes it."""
        return f"{self.percent(at_s):.3f}%"


def timeline(spans: Sequence[Mapping[str, Any]], states: Sequence[Mapping[str, Any]]) -> Markup | None:
    """States over time, one row each; None without attempts.

    Args:
        spans: of `report_timeline.spans_of`.
        states: of `report_timeline.states_of`, in the order of the rows.
    """
    if not spans:
        return None
    scale = _scale(spans)
    height = _TOP_PX + _ROW_PX * len(states) + _BOTTOM_PX
    drawn: list[Markup] = _axis(scale, height)
    for number, state in enumerate(states):
        top = _TOP_PX + number * _ROW_PX
        drawn += _label(state, top)
        for span in spans:
            if span["state"] == state["state"]:
                drawn += _span(span, top + _BAR_TOP_PX, scale)
    drawn += _door(spans, scale, height)
    words = f"{len(spans)} stays in {len(states)} states over {duration_words(scale.total_s)}"
    picture = element(
        "svg",
        element("title", f"Timeline: {words}"),
        *drawn,
        role="img",
        width="100%",
        height=height,
        aria_label=f"Timeline: {words}. The table below says the same in words.",
    )
    return element("figure", picture, element("figcaption", _legend(scale)), class_="keep")


def _scale(spans: Sequence[Mapping[str, Any]]) -> Scale:
    total_s = max(span["end_s"] for span in spans)
    marks = [mark for span in spans for mark in span["marks"]]
    ends = [0.0, *(mark["end_s"] for mark in marks)]
    gaps = [(end, mark["begin_s"]) for end, mark in zip(ends, marks, strict=False)]
    longest = max(gaps, key=lambda gap: gap[1] - gap[0])
    rest_s = total_s - (longest[1] - longest[0])
    is_long = total_s > 0 and rest_s > 0 and longest[1] - longest[0] > _GAP_IS_LONG * total_s
    return Scale(total_s, longest if is_long else None)


def _axis(scale: Scale, height: int) -> list[Markup]:
    step_s = next((step for step in _STEPS_S if scale.total_s / step <= _MOST_STEPS), scale.total_s or 1.0)
    if scale.gap is not None:
        places = [0.0, *scale.gap, scale.total_s]
        words = f"{duration_words(scale.gap[1] - scale.gap[0])}, drawn short"
        middle = (scale.percent(scale.gap[0]) + scale.percent(scale.gap[1])) / 2
        anchor = "middle" if 20 < middle < 80 else "start" if middle <= 20 else "end"  # noqa: PLR2004 - percent
        labels = [element("text", words, x=f"{middle:.2f}%", y=12, class_="soft", text_anchor=anchor)]
    else:
        places = [number * step_s for number in range(int(scale.total_s / step_s) + 1)]
        labels = [
            element(
                "text",
                duration_words(at_s) if at_s else "start",
                x=scale.place(at_s),
                y=12,
                class_="soft",
                text_anchor="start" if not at_s else "end" if scale.percent(at_s) > 94 else "middle",  # noqa: PLR2004 - percent
            )
            for at_s in places
        ]
    lines = [
        element(
            "line", x1=scale.place(at_s), x2=scale.place(at_s), y1=18, y2=height - _BOTTOM_PX, class_="grid"
        )
        for at_s in places
    ]
    return [*lines, *labels]


def _label(state: Mapping[str, Any], top: int) -> list[Markup]:
    attempts = f"{state['attempts']} attempts, " if state["attempts"] > 1 else ""
    door = " (one-way)" if state["one_way"] else ""
    return [
        element(
            "text",
            element("tspan", f"{state['state']}{door}", class_="doorword" if door else "strong"),
            element("tspan", f" {attempts}{duration_words(state['duration_s'])}", class_="soft"),
            x=0,
            y=top + 12,
        )
    ]


def _span(span: Mapping[str, Any], top: int, scale: Scale) -> list[Markup]:
    """The stay as waiting, the attempts as work over it, each begun at a tick."""
    drawn = [_rectangle(span["begin_s"], span["end_s"], top, "wait", scale)]
    for mark in span["marks"]:
        kind = "oneway" if span["one_way"] else "work"
        drawn.append(_rectangle(mark["begin_s"], mark["end_s"], top, kind, scale))
    for mark in span["marks"]:
        badly = _SETTLED_BADLY.get(mark["outcome"], "")
        place = scale.place(mark["begin_s"])
        rise = 0 if badly == "again" else 3
        drawn.append(
            element(
                "line", x1=place, x2=place, y1=top - rise, y2=top + _BAR_PX + rise, class_=f"tick {badly}"
            )
        )
    return drawn


def _rectangle(begin_s: float, end_s: float, top: int, kind: str, scale: Scale) -> Markup:
    width = max(scale.percent(end_s) - scale.percent(begin_s), 0.0)
    return element("rect", x=scale.place(begin_s), y=top, width=f"{width:.3f}%", height=_BAR_PX, class_=kind)


def _door(spans: Sequence[Mapping[str, Any]], scale: Scale, height: int) -> list[Markup]:
    """A line through all rows where the first effect that cannot be taken back was begun."""
    begun = [mark["begin_s"] for span in spans if span["one_way"] for mark in span["marks"]]
    if not begun:
        return []
    place = scale.place(min(begun))
    left = scale.percent(min(begun)) > 50  # noqa: PLR2004 - percent
    return [
        element("line", x1=place, x2=place, y1=18, y2=height - _BOTTOM_PX + 4, class_="door"),
        element(
            "text",
            "first one-way effect",
            x=place,
            y=height - 6,
            class_="doorword",
            text_anchor="end" if left else "start",
        ),
    ]


def _legend(scale: Scale) -> Markup:
    def sample(*shapes: Markup) -> Markup:
        return element("svg", *shapes, width="22", height="14", aria_hidden="true")

    def swatch(kind: str) -> Markup:
        return sample(element("rect", x=0, y=1, width=22, height=12, class_=kind))

    def tick(kind: str, rise: int) -> Markup:
        return sample(element("line", x1=11, x2=11, y1=3 - rise, y2=11 + rise, class_=f"tick {kind}"))

    entries = [
        element("span", swatch("work"), "working"),
        element("span", swatch("wait"), "waiting"),
        element("span", swatch("oneway"), "working, cannot be taken back"),
        element("span", tick("", 3), "attempt begun"),
        element("span", tick("again", 0), "attempt: not yet"),
        element("span", tick("failed", 3), "attempt failed or in doubt"),
    ]
    if scale.gap is not None:
        entries.append(element("span", "one long gap is drawn short"))
    return element("span", *entries, class_="legend")


def bar(share: float) -> Markup:
    """A bar of *share* (0 to 1) of its cell."""
    return element(
        "svg",
        element("rect", x=0, y=2, width=f"{100 * share:.1f}%", height=12, class_="bar"),
        width="100%",
        height="16",
        aria_hidden="true",
    )
