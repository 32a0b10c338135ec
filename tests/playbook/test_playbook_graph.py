"""Pictures of playbooks: complete, well-formed, the same every time."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET

import pytest
from playbook_actions import FIXTURES, compiled, fixture

from orchestrator.playbook.graph import mermaid, svg
from orchestrator.playbook.layout import NODE_HEIGHT, lay_out

SVG = "{http://www.w3.org/2000/svg}"
BOOKS = sorted(path.stem for path in FIXTURES.glob("*.yaml"))


@pytest.mark.parametrize("name", BOOKS)
def test_mermaid_shows_every_state_and_edge(name):
    playbook = compiled(fixture(name))
    text = mermaid(playbook)
    assert text.startswith("stateDiagram-v2\n")
    assert f"[*] --> s_{playbook.machine.initial}\n" in text
    for state in playbook.machine.states.values():
        assert f" as s_{state.name}\n" in text
        for outcome, target in state.on.items():
            assert re.search(rf"s_{state.name} --> s_{target} : [a-z_, ]*\b{outcome}\b", text)
        assert (f"s_{state.name} --> [*]" in text) == (state.final is not None)


@pytest.mark.parametrize("name", BOOKS)
def test_svg_shows_every_state_and_says_every_edge(name):
    playbook = compiled(fixture(name))
    root = ET.fromstring(svg(playbook))  # noqa: S314 - our own picture
    assert root.tag == f"{SVG}svg"
    shown = {group.find(f"{SVG}text").text.split()[-1] for group in root.iter(f"{SVG}g")}
    assert shown == set(playbook.machine.states)
    words = root.find(f"{SVG}desc").text
    for state in playbook.machine.states.values():
        for outcome, target in state.on.items():
            assert f"{outcome} to {target}" in words
    labels = " ".join(text.text for text in root.iter(f"{SVG}text") if "label" in text.get("class", ""))
    assert {o for s in playbook.machine.states.values() for o in s.on} <= set(
        re.split("[ ,]+", labels)
    ) | set()
    assert "prefers-color-scheme:dark" in root.find(f"{SVG}style").text


def test_one_way_states_are_marked():
    text = svg(compiled(fixture("complete")))
    assert text.count('class="ring"') == 1
    assert "⚠ lock" in text
    assert '"⚠ lock" as s_lock' in mermaid(compiled(fixture("complete")))


def test_pictures_are_the_same_every_time():
    assert svg(compiled(fixture("complete"))) == svg(compiled(fixture("complete")))
    assert mermaid(compiled(fixture("complete"))) == mermaid(compiled(fixture("complete")))


def test_nothing_is_loaded_from_elsewhere():
    text = svg(compiled(fixture("complete")))
    assert set(re.findall(r"https?://[^\"' ]+", text)) == {"http://www.w3.org/2000/svg"}
    assert "<script" not in text


def test_texts_are_escaped():
    text = fixture("complete").replace("Lock the password of", "<b>&amp; Lock")
    ET.fromstring(svg(compiled(text)))  # noqa: S314 - our own picture
    assert "<b>" not in svg(compiled(text))


@pytest.mark.parametrize("name", BOOKS)
def test_no_two_states_overlap(name):
    points = [point for point in lay_out(compiled(fixture(name))).points.values() if point.state]
    for one, other in itertools.combinations(points, 2):
        apart_x = abs(one.x - other.x) >= (one.width + other.width) / 2
        apart_y = abs(one.y - other.y) >= NODE_HEIGHT
        assert apart_x or apart_y, (one, other)


def test_the_main_way_leads_downwards():
    points = lay_out(compiled(fixture("complete"))).points
    way = ["log_in", "make_key", "deploy", "prove", "approve", "lock", "done"]
    assert [points[name].y for name in way] == sorted(points[name].y for name in way)
