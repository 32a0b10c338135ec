"""The JSON Schema and the compiler come from the same tables and must agree."""

from __future__ import annotations

import json

import jsonschema
import pytest
from playbook_actions import ACTIONS, FAULT_CODES, FIXTURES, compiled, fixture
from test_playbook_refusals import COMPLETE, ONE_FAULT, marked

from orchestrator.errors import PlaybookError
from orchestrator.playbook.diagnostics import Findings
from orchestrator.playbook.loader import load
from orchestrator.playbook.nodes import plain_tree
from orchestrator.playbook.schema import json_schema

SCHEMA = json_schema(ACTIONS, FAULT_CODES)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

# What only the compiler can see: text, paths, proofs, values of durations, secrets, references.
BEYOND_SCHEMA = {
    "PB002", "PB003", "PB004", "PB021", "PB022", "PB023", "PB026", "PB031", "PB032",
    "PB060", "PB061", "PB062", "PB063", "PB064",
}  # fmt: skip
BEYOND_SCHEMA_CASES = {
    "an interval is too short",
    "a timeout is too long",
    "an interval is longer than the longest",
    "a spread does not fit its window",
    "a default is no choice",
    "a default is of another type",
    "a required input has a default",
    "another action's fault has an edge",
    "a proof goes stale where none is needed",
    "a state without budget is exhausted",
    "a secret is literal inside a mapping",
    "a secret is a number",
    "a secret default is literal",
    "a secret is mixed with text",
    "a number is mixed with text",
    "an input is a secret by its name only",
    "a secret is asked for as a text",
    "a secret parameter refers to a field of the org",
    "a text is no",
    "a number is infinite",
    "a number has hundreds of digits",
    "a number has an exponent",
    "nesting is too deep",
}


def tree(text):
    root = load(text, Findings("x", "PB"))
    return None if root is None else plain_tree(root)


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.yaml")), ids=lambda path: path.stem)
def test_what_compiles_is_valid(path):
    text = path.read_text(encoding="utf-8")
    compiled(text)
    assert list(VALIDATOR.iter_errors(tree(text))) == []


READABLE = [name for name, (old, new, _) in ONE_FAULT.items() if tree(marked(old, new)[0]) is not None]


@pytest.mark.parametrize("name", READABLE)
def test_what_the_schema_can_see_it_refuses_too(name):
    text = marked(*ONE_FAULT[name][:2])[0]
    document = tree(text)
    valid = VALIDATOR.is_valid(document)
    beyond = ONE_FAULT[name][2] in BEYOND_SCHEMA or name in BEYOND_SCHEMA_CASES
    assert valid == beyond, "the case moved between schema and compiler"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("timeout: 2h", "timeout: 1.5h"),
        ('bits: "{{ inputs.bits }}"', "bits: 4096"),
        ("version: 3", "version: 1000000"),
        ("kind: external", 'kind: "{{ inputs.app }}"'),
        ('private_key: "{{ inputs.signing_key }}"', "private_key: file:key.pem"),
        ('scopes: [api, "{{ inputs.scopes[0] }}"]', 'scopes: "{{ inputs.scopes }}"'),
        ("description: The bootstrap.", "description: |\n      Long\n      text"),
        ("network_down: abandoned", "session_expired: abandoned"),
    ],
)
def test_other_spellings_are_valid_in_both(old, new):
    assert old in COMPLETE
    text = COMPLETE.replace(old, new, 1)
    compiled(text)
    assert list(VALIDATOR.iter_errors(tree(text))) == []


def test_every_single_removal_that_compiles_is_valid():
    lines = fixture("complete").splitlines(keepends=True)
    accepted = 0
    for number in range(len(lines)):
        text = "".join(lines[:number] + lines[number + 1 :])
        try:
            compiled(text)
        except PlaybookError:
            continue
        accepted += 1
        assert VALIDATOR.is_valid(tree(text)), lines[number]
    assert accepted > 10
