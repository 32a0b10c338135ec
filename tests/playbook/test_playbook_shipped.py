"""The playbooks of the product and the page about the language."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
import pytest

from orchestrator.actions.registry import ACTIONS
from orchestrator.catalogue import FAULTS
from orchestrator.fleet.orgs import ORGS_MEANINGS
from orchestrator.playbook.compiler import compile_playbook
from orchestrator.playbook.diagnostics import PLAYBOOK_MEANINGS, Findings
from orchestrator.playbook.grammar import INPUT, OPERATOR, REQUIRES, STATE, VALUE_TYPES, WAIT
from orchestrator.playbook.graph import mermaid, svg
from orchestrator.playbook.loader import load
from orchestrator.playbook.nodes import plain_tree
from orchestrator.playbook.schema import json_schema

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "playbooks").glob("*.yaml"))
SPECS = {name: action.spec for name, action in ACTIONS.items()}
PAGE = (ROOT / "docs" / "playbooks.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_playbook_compiles_is_valid_and_can_be_drawn(path):
    text = path.read_text(encoding="utf-8")
    playbook = compile_playbook(text, str(path), SPECS, FAULTS)
    assert playbook.name == path.stem
    root = load(text, Findings(str(path), "PB"))
    validator = jsonschema.Draft202012Validator(json_schema(SPECS, FAULTS))
    assert [error.message for error in validator.iter_errors(plain_tree(root))] == []
    ET.fromstring(svg(playbook))  # noqa: S314 - our own picture
    assert mermaid(playbook)


def test_the_schema_of_the_product_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(json_schema(SPECS, FAULTS))


def test_the_page_names_every_code():
    named = set(re.findall(r"`((?:PB|OF)\d{3})`", PAGE))
    assert named == {f"PB{n:03d}" for n in PLAYBOOK_MEANINGS} | {f"OF{n:03d}" for n in ORGS_MEANINGS}


def test_the_page_names_every_key_of_the_language():
    words = set(re.findall(r"[a-z_]+", PAGE))
    for keys in (STATE, WAIT, REQUIRES, OPERATOR, INPUT, VALUE_TYPES):
        assert set(keys) <= words


def test_the_example_of_the_page_is_in_the_language():
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    text = example.replace("{…}", "{}")
    assert load(text, findings := Findings("page", "PB")) is not None
    assert not findings
    playbook = compile_playbook(text, "page", SPECS, FAULTS)
    assert playbook.machine.states["lock"].one_way
