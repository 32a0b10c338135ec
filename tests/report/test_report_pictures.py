from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_building import page

from orchestrator.engine.report.html import stylesheet
from orchestrator.engine.report.pictures import Scale

AA_TEXT = 4.5
AA_GRAPHIC = 3.0


@given(st.floats(0.001, 1e6), st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_places_keep_their_order_and_stay_inside(total_s, shares):
    early, begin, end, late = sorted(share * total_s for share in shares)
    gap = (begin, end) if end - begin > 0.6 * total_s and end - begin < total_s else None
    scale = Scale(total_s, gap)
    placed = [scale.percent(at_s) for at_s in (0.0, early, begin, end, late, total_s)]
    assert all(one <= other + 1e-6 for one, other in itertools.pairwise(placed))
    assert placed[0] == 0
    assert placed[-1] == pytest.approx(100)


def test_a_night_of_waiting_leaves_the_rest_to_be_seen(room, html_of):
    story = room.story().hybrid(until="adopt_oauth").begin("adopt_oauth", wait_s=40_000).settle("succeeded")
    tree = page(html_of(story))
    picture = tree.find(".//figure/svg")
    assert any("drawn short" in text.text_content() for text in picture.iter("text"))
    waits = [float(node.get("width").rstrip("%")) for node in picture.find_class("wait")]
    assert waits[-1] < 20 < waits[-2]  # the night, and the seconds of the proofs
    assert "one long gap is drawn short" in tree.find(".//figcaption").text_content()


def test_every_attempt_is_a_tick_and_bad_ones_look_different(room, html_of):
    story = room.story().failed("adopt_oauth", "app_blocked")
    picture = page(html_of(story)).find(".//figure/svg")
    ticks = [node.get("class").split() for node in picture.find_class("tick")]
    assert len(ticks) == story.seq
    assert ticks[-1] == ["tick", "failed"]
    assert ["tick", "again"] in ticks


def test_everything_drawn_lies_inside_the_picture(room, html_of):
    tree = page(html_of(room.story().succeeded()))
    picture = tree.find(".//figure/svg")
    height = float(picture.get("height"))
    for node in picture.iter("rect", "line", "text"):
        for name in ("x", "x1", "x2", "width"):
            if (node.get(name) or "").endswith("%"):
                assert 0 <= float(node.get(name)[:-1]) <= 100
        for name in ("y", "y1", "y2"):
            assert 0 <= float(node.get(name) or 0) <= height


def palettes():
    """The colours of `:root`, light and dark."""
    found = [
        dict(re.findall(r"(--[a-z-]+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{([^}]*)\}", stylesheet())
    ]
    assert len(found[0]) == len(found[1]) > 12
    return {"light": found[0], "dark": found[1]}


def contrast(one, other):
    """Contrast ratio of WCAG 2.2, 1.4.3."""

    def luminance(colour):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted([luminance(one), luminance(other)], reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("front", "back", "least"),
    [
        *itertools.product(["--ink", "--soft", "--link"], ["--paper"], [AA_TEXT]),
        *itertools.product(["--ink", "--soft"], ["--raised"], [AA_TEXT]),
        *itertools.product(
            ["--ink", "--soft"], ["--good-bg", "--fair-bg", "--bad-bg", "--calm-bg"], [AA_TEXT]
        ),
        *((f"--{tone}", f"--{tone}-bg", AA_TEXT) for tone in ("good", "fair", "bad", "calm")),
        *itertools.product(["--bad", "--door"], ["--paper"], [AA_TEXT]),
        *itertools.product(["--work", "--wait"], ["--paper"], [AA_GRAPHIC]),
    ],
)
def test_text_and_pictures_stand_out_as_wcag_asks(scheme, front, back, least):
    colours = palettes()[scheme]
    assert contrast(colours[front], colours[back]) >= least
