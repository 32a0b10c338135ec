"""What references become in texts and parameters, and what is said when they become nothing."""

from __future__ import annotations

import pytest

from orchestrator.errors import UsageError
from orchestrator.playbook.references import parse, render, resolve


def test_a_template_knows_what_was_written():
    text = "{{ inputs.app }} for {{ org.name }}"
    assert (parse(text).source, parse(text, expected="list").type) == (text, "list")


SCOPE = {"org": {"name": "acme", "web": False, "labels": {"a": 1}}, "inputs": {"bits": 2048, "ids": ["x"]}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ org.name }} {{ inputs.bits }}", "acme 2048"),
        ("{{ org.name }} x", "acme x"),
        ("web: {{ org.web }}", "web: false"),
        ("{{ org.nobody | default('x')}}", "x"),
        ("{{ org.nobody | default(7) }} {{ org.nobody | default(7.5) }}", "7 7.5"),
        ("a{{ org.name }}b{{ org.name }}c{{ org.name }}d", "aacmebacmecacmed"),
    ],
)
def test_texts_and_references_stand_side_by_side(text, value):
    assert render(text, SCOPE) == value


@pytest.mark.parametrize(
    ("wanted", "text", "value"),
    [
        ("boolean", "{{ org.web }}", False),
        ("number", "{{ inputs.bits }}", 2048),
        ("duration", "{{ inputs.bits }}", 2048),
        ("list", "{{ inputs.ids }}", ["x"]),
        ("mapping", "{{ org.labels }}", {"a": 1}),
    ],
)
def test_a_value_of_the_wanted_type_is_taken_as_it_is(wanted, text, value):
    assert resolve({"p": parse(text, expected=wanted)}, SCOPE) == {"p": value}


@pytest.mark.parametrize(("text", "kind"), [("7", int), ("7.0", float), ("true", bool), ("'7'", str)])
def test_a_default_keeps_the_type_it_is_written_in(text, kind):
    found = resolve({"p": parse(f"{{{{ org.nobody | default({text}) }}}}", expected="any")}, SCOPE)["p"]
    assert type(found) is kind


GIVE = "give it a value before this state, or write `{{{{ {} | default(…) }}}}`"


@pytest.mark.parametrize(
    ("parameters", "code", "detail", "remedy"),
    [
        (
            {"p": parse("{{ inputs.ids[9] }}")},
            "reference_unresolved",
            "inputs.ids[9], needed for 'p', has no value in this run",
            GIVE.format("inputs.ids[9]"),
        ),
        (
            {"m": {"a": [parse("{{ org.b.c }}")]}},
            "reference_unresolved",
            "org.b.c, needed for 'm', has no value in this run",
            GIVE.format("org.b.c"),
        ),
        (
            {"p": parse("{{ inputs.bits }}", expected="list")},
            "reference_mistyped",
            "'p' needs type list, but inputs.bits is of type integer",
            "refer to a value of type list, or change what inputs.bits holds",
        ),
        (
            {"p": parse("x {{ org.nobody | default(null) }}")},
            "reference_mistyped",
            "org.nobody in 'p' is of type null and cannot stand inside a text",
            "refer to one field of org.nobody",
        ),
        (
            {"p": parse("x {{ org.labels }}")},
            "reference_mistyped",
            "org.labels in 'p' is of type mapping and cannot stand inside a text",
            "refer to one field of org.labels",
        ),
    ],
)
def test_a_reference_that_cannot_be_resolved_says_which_and_what_to_do(parameters, code, detail, remedy):
    with pytest.raises(UsageError) as refused:
        resolve(parameters, SCOPE)
    assert (refused.value.code, refused.value.detail, refused.value.remedy) == (code, detail, remedy)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (True, "boolean"),
        (1, "integer"),
        (1.5, "number"),
        ("a", "string"),
        ([], "list"),
        ((), "list"),
        ({}, "mapping"),
    ],
)
def test_a_value_of_another_type_is_called_by_the_name_playbooks_use(value, name):
    wanted = "mapping" if name != "mapping" else "list"
    with pytest.raises(UsageError, match=f"is of type {name}$"):
        resolve({"p": parse("{{ org.x }}", expected=wanted)}, {"org": {"x": value}})


def test_a_question_that_cannot_be_rendered_says_so():
    with pytest.raises(UsageError) as refused:
        render("Lock {{ org.nobody }}?", SCOPE)
    assert refused.value.detail == "org.nobody, needed for 'text', has no value in this run"
