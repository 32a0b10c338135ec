"""References reach into trees and nowhere else."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import UsageError
from orchestrator.playbook.references import ReferenceSyntax, parse, render, resolve

SCOPE = {
    "org": {"name": "acme", "username": None, "labels": {"wave": "canary"}, "web": True},
    "inputs": {"bits": 2048, "scopes": ["api", "web"], "share": 0.5},
    "evidence": {
        "app": {"consumer_key": "3MVG9", "ids": [{"id": "0xI"}]},
        "object": SimpleNamespace(name="x"),
    },
}


def resolved(text, expected="any", scope=SCOPE):
    return resolve({"p": parse(text, expected=expected)}, scope)["p"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ inputs.bits }}", 2048),
        ("{{inputs.bits}}", 2048),
        ("  {{ inputs.bits }}  ", 2048),
        ("{{ inputs.scopes }}", ["api", "web"]),
        ("{{ inputs.scopes[1] }}", "web"),
        ("{{ inputs.scopes.1 }}", "web"),
        ("{{ evidence.app.ids[0].id }}", "0xI"),
        ("{{ org.web }}", True),
        ("{{ org.labels }}", {"wave": "canary"}),
        ("{{ org.username | default('nobody') }}", "nobody"),
        ('{{ evidence.none.such | default("x y") }}', "x y"),
        ("{{ evidence.none | default(-1.5) }}", -1.5),
        ("{{ evidence.none | default(7) }}", 7),
        ("{{ evidence.none | default(true) }}", True),
        ("{{ evidence.none|default( null ) }}", None),
        ("{{ inputs.scopes[9] | default('') }}", ""),
        ("app of {{ org.name }} ({{ inputs.bits }} bit, {{ org.web }})", "app of acme (2048 bit, true)"),
        ("{{ org.name }}{{ org.name }}", "acmeacme"),
        ('{"a": {"b": {{ inputs.bits }}}}', '{"a": {"b": 2048}}'),
    ],
)
def test_a_reference_has_the_value_of_its_path(text, value):
    assert resolved(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "{{ org.username }}",
        "{{ org.nothing }}",
        "{{ evidence.app.ids[1].id }}",
        "{{ evidence.app.consumer_key.real }}",
        "{{ org.name.upper }}",
        "{{ evidence.object.name }}",
        "{{ inputs.scopes.sort }}",
        "{{ org.items }}",
        "{{ org.name[0] }}",
        "x {{ evidence.none }}",
    ],
)
def test_what_is_not_in_the_trees_does_not_exist(text):
    with pytest.raises(UsageError) as refused:
        resolved(text)
    assert refused.value.code == "reference_unresolved"
    assert "'p'" in refused.value.detail


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ inputs.bits }}", "string"),
        ("{{ org.web }}", "integer"),
        ("{{ org.web }}", "number"),
        ("{{ inputs.share }}", "integer"),
        ("{{ org.name }}", "list"),
        ("{{ inputs.scopes }}", "mapping"),
        ("{{ inputs.bits }}", "boolean"),
        ("in a text {{ inputs.scopes }}", "string"),
    ],
)
def test_a_value_of_another_type_is_refused(text, expected):
    with pytest.raises(UsageError) as refused:
        resolved(text, expected)
    assert refused.value.code == "reference_mistyped"


def test_lists_and_mappings_are_resolved_through_and_through():
    parameters = {"m": {"a": [parse("{{ org.name }}"), 1], "b": "plain"}, "n": 2}
    assert resolve(parameters, SCOPE) == {"m": {"a": ["acme", 1], "b": "plain"}, "n": 2}


def test_an_action_cannot_change_the_evidence_through_its_parameters():
    got = resolved("{{ evidence.app }}")
    got["ids"].append("mine")
    assert SCOPE["evidence"]["app"]["ids"] == [{"id": "0xI"}]


def test_a_prompt_is_rendered_as_text():
    assert render("Lock {{ org.name }} at {{ inputs.share }}?", SCOPE) == "Lock acme at 0.5?"
    assert render("{{ inputs.bits }}", SCOPE) == "2048"
    assert render("no references", {}) == "no references"


@pytest.mark.parametrize(
    "text",
    [
        "{{ org.__class__ }}",
        "{{ org._x__y }}",
        "{{ org.name.__class__.__mro__ }}",
        "{{ ''.join(org) }}",
        "{{ org['name'] }}",
        "{{ org.name() }}",
        "{{ org.name | upper }}",
        "{{ org.name | default(org.web) }}",
        "{{ org.name | default('a') | default('b') }}",
        "{{ org.name or inputs.bits }}",
        "{{ 1 + 1 }}",
        "{{ self }}",
        "{{ }}",
        "{{",
        "{{ org.name",
        "{{ org.name }",
        "{{ {{ org.name }} }}",
        "{{ org . name }}",
        "{{ Org.name }}",
        "{{ org.Name }}",
        "{{ org.name\u00a0}}",
        "{{ inputs.scopes[-1] }}",
        "{{ inputs.scopes[01] }}",
        "{% for x in y %}{{ org",
        "{{ org.name | default('{{ inputs.bits }}') }}",
    ],
)
def test_anything_but_a_path_is_refused(text):
    with pytest.raises(ReferenceSyntax) as refused:
        parse(text)
    assert 0 <= refused.value.offset <= len(text)
    assert refused.value.remedy


@given(st.text(alphabet="{}[]().|_ 'orginputsevd\"\\0 1default\n\t", max_size=60))
def test_no_text_reaches_an_attribute(text):
    class Trap(dict):
        def __getattribute__(self, name):
            assert name in {"get", "__class__", "items", "keys", "__len__"}, name
            return super().__getattribute__(name)

    scope = Trap(org=Trap(name="a"), inputs=Trap(), evidence=Trap())
    try:
        template = parse("{{ " + text)
    except ReferenceSyntax:
        return
    with contextlib.suppress(UsageError):
        resolve({"p": template}, scope)
