"""What a good playbook becomes."""

from __future__ import annotations

import hashlib

import pytest
from playbook_actions import FIXTURES, compiled, fixture

from orchestrator.errors import PlaybookError
from orchestrator.machine import Operator, Requires, Result
from orchestrator.pacing import Wait
from orchestrator.playbook.references import Template


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_fixture_compiles(path):
    playbook = compiled(path.read_text(encoding="utf-8"))
    assert playbook.name == path.stem
    assert playbook.machine.initial in playbook.machine.states


def test_the_digest_is_that_of_the_source():
    text = fixture("complete")
    playbook = compiled(text)
    assert playbook.digest == hashlib.sha256(text.encode()).hexdigest()
    assert playbook.source == text
    assert (playbook.version, playbook.description) == (3, "Every construct of the language once.")


def test_states_know_their_place():
    marks = compiled(fixture("complete")).marks
    assert marks["log_in"] == (18, 3)
    assert fixture("complete").splitlines()[marks["lock"][0] - 1].startswith("  lock:")


def test_waits_inherit_field_by_field_and_are_in_seconds():
    states = compiled(fixture("complete")).machine.states
    assert states["log_in"].wait == Wait(2.0, 1.5, 30.0, 0.2, 600.0, 1, 0.0)
    assert states["prove"].wait == Wait(5.0, 1.5, 30.0, 0.2, 1800.0, 3, 45.0)


def test_a_person_gets_a_week_unless_the_state_says_otherwise():
    assert compiled(fixture("question")).machine.states["ask"].wait.timeout_s == 7 * 86400
    assert compiled(fixture("complete")).machine.states["ask_code"].wait.timeout_s == 7200


def test_parameters_are_typed_and_their_defaults_merged():
    states = compiled(fixture("complete")).machine.states
    key = states["make_key"].parameters
    assert (key["subject"], key["strict"]) == ("orchestrator", True)
    assert isinstance(key["bits"], Template)
    assert key["bits"].type == "integer"
    deploy = states["deploy"].parameters
    assert deploy["kind"] == "external"
    assert deploy["settings"]["retries"] == 3
    assert compiled(fixture("question")).machine.states["say"].parameters == {}


def test_durations_of_defaults_are_seconds():
    text = fixture("complete").replace('      valid_for: "{{ inputs.lifetime }}"\n', "")
    assert compiled(text).machine.states["make_key"].parameters["valid_for"] == 365 * 86400.0


def test_inputs_are_typed():
    inputs = compiled(fixture("complete")).inputs
    assert inputs["lifetime"].default == 90 * 86400.0
    assert inputs["bits"].default == 2048
    assert inputs["scopes"].default == ["api", "refresh_token"]
    assert inputs["signing_key"].type == "secret"
    assert compiled(fixture("question")).inputs["wanted"].required


def test_guards_operators_and_ends_are_compiled():
    states = compiled(fixture("complete")).machine.states
    assert states["lock"].one_way
    assert states["lock"].requires == Requires("prove", 3, 30.0, 600.0)
    assert states["deploy"].undo == "remove"
    assert states["approve"].operator == Operator("Lock the password of {{ org.name }}?", {})
    assert states["ask_code"].operator.inputs == {"code": "string"}
    assert states["attention"].final is Result.NEEDS_ATTENTION
    assert states["prove"].on["timed_out"] == "deploy"


def test_a_byte_order_mark_and_windows_line_ends_are_read():
    text = "\ufeff" + fixture("complete").replace("\n", "\r\n")
    assert compiled(text).marks == compiled(fixture("complete")).marks


def test_a_reference_scheme_is_accepted_where_a_secret_is_wanted():
    for reference in (
        "env:KEY",
        "file:/etc/key.pem",
        "keyring:service/user@example",
        "vault:secret/a#key",
        '"prompt:"',
        "exec:pass show key",
    ):
        text = fixture("complete").replace(
            'private_key: "{{ inputs.signing_key }}"', f"private_key: {reference}"
        )
        given = compiled(text).machine.states["make_key"].parameters["private_key"]
        assert given == reference.strip('"')


def test_network_codes_may_lead_from_any_action():
    text = fixture("complete").replace(
        "login_invalid: ask_code,", "session_expired: ask_code, login_invalid: ask_code,"
    )
    assert compiled(text).machine.states["log_in"].on["session_expired"] == "ask_code"


def test_keys_that_yaml_takes_for_booleans_are_keys():
    text = fixture("complete").replace("retries: 3", "yes: 1, on: 2, no: 3")
    assert compiled(text).machine.states["deploy"].parameters["settings"]["on"] == 2


def test_names_in_yaml_quotes_are_the_same_names():
    text = fixture("shortest").replace("done", '"done"').replace("final", "'final'")
    assert compiled(text).machine.states["done"].final is Result.SUCCEEDED


def test_columns_are_exact_inside_block_scalars():
    text = (
        fixture("complete")
        .replace(
            'approve: "Lock the password of {{ org.name }}?"',
            "approve: 'x'",
        )
        .replace(
            "    operator: {approve: 'x'}\n",
            "    operator:\n      approve: >-\n        Lock\n        the {{ org.name }} of {{ org.nam }}\n",
        )
    )
    with pytest.raises(PlaybookError) as refused:
        compiled(text)
    (finding,) = refused.value.diagnostics
    line = text.splitlines()[finding.line - 1]
    assert line[finding.column - 1 :].startswith("{{ org.nam }}")
