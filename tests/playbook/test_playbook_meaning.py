"""What single values and keys of a playbook mean, where the fixtures do not show it."""

from __future__ import annotations

import pytest
import yaml
from playbook_actions import FAULT_CODES, compiled, fixture

from orchestrator.errors import PlaybookError
from orchestrator.machine import Operator
from orchestrator.playbook import loader
from orchestrator.playbook.compiler import compile_playbook
from orchestrator.playbook.diagnostics import Findings
from orchestrator.playbook.grammar import MAX_STATES, OPERATOR_TIMEOUT_S
from orchestrator.playbook.loader import MAX_SIZE_BYTES
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.playbook.nodes import plain_tree
from orchestrator.playbook.parameters import native_default
from orchestrator.playbook.values import parse_duration, shown_duration

COMPLETE = fixture("complete")
TYPES = ("string", "integer", "number", "boolean", "duration", "list", "mapping")
# type of the parameter -> types of inputs that may be referred to for it
FITS = {
    "string": {"string", "integer", "number", "boolean", "duration"},
    "integer": {"integer"},
    "number": {"number", "integer", "duration"},
    "boolean": {"boolean"},
    "duration": {"duration"},
    "list": {"list"},
    "mapping": {"mapping"},
}


@pytest.mark.parametrize("wanted", TYPES)
def test_an_input_may_be_referred_to_where_its_type_fits(wanted):
    fitting = set()
    act = ActionSpec("act", "Act.", parameters={"value": Parameter(wanted)})
    for given in TYPES:
        text = (
            f"playbook: p\nversion: 1\ninputs: {{x: {{type: {given}}}}}\ninitial: a\nstates:\n"
            '  a: {action: act, with: {value: "{{ inputs.x }}"}, on: {succeeded: end, failed: end}}\n'
            "  end: {final: succeeded}\n"
        )
        try:
            compile_playbook(text, "p.yaml", {"act": act}, FAULT_CODES)
        except PlaybookError as refused:
            assert [one.code for one in refused.diagnostics] == ["PB064"]  # noqa: PT017 - most types do not fit
        else:
            fitting.add(given)
    assert fitting == FITS[wanted]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1ms", 0.001),
        ("500ms", 0.5),
        ("0.1s", 0.1),
        ("1.5h", 5400.0),
        ("90s", 90.0),
        ("5m", 300.0),
        ("2h", 7200.0),
        ("365d", 31_536_000.0),
        ("1.1ms", 0.0011),
        ("5", None),
        ("m", None),
        ("5 m", None),
        ("-5m", None),
        ("5min", None),
    ],
)
def test_a_duration_is_a_number_with_one_unit(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.001, "1ms"),
        (0.5, "500ms"),
        (1, "1s"),
        (1.5, "1.5s"),
        (59, "59s"),
        (60, "1m"),
        (90, "90s"),
        (3600, "1h"),
        (5400, "90m"),
        (86_400, "1d"),
        (129_600, "36h"),
        (172_800, "2d"),
    ],
)
def test_a_duration_is_shown_in_the_largest_unit_that_divides_it(seconds, text):
    assert shown_duration(seconds) == text


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        (Parameter("duration", default="5m"), 300.0),
        (Parameter("duration", default=90.0), 90.0),
        (Parameter("duration"), None),
        (Parameter("string", default="5m"), "5m"),
        (Parameter("list", default=("api",)), ["api"]),
        (Parameter("list"), None),
        (Parameter("mapping", default={"a": 1}), {"a": 1}),
        (Parameter("mapping"), None),
        (Parameter("literal", default="5m"), "5m"),
        (Parameter("secret"), None),
    ],
)
def test_a_default_has_the_native_type_of_its_parameter(parameter, value):
    assert native_default(parameter) == value
    assert type(native_default(parameter)) is type(value)


def test_a_default_that_is_a_mapping_cannot_be_changed_by_a_run():
    given = Parameter("mapping", default={"a": 1})
    native_default(given)["a"] = 2
    assert native_default(given) == {"a": 1}


def test_inputs_keep_what_is_said_about_them():
    inputs = compiled(COMPLETE).inputs
    assert inputs["app"] == Parameter("string", default="Demo", description="Name of the app.")
    assert inputs["bits"] == Parameter("integer", default=2048, choices=("2048", "4096"))
    assert inputs["signing_key"] == Parameter("secret")
    assert compiled(fixture("question")).inputs["wanted"] == Parameter("boolean", required=True)


def test_a_default_of_null_is_none_at_all():
    text = COMPLETE.replace("default: Demo", "default: null")
    assert compiled(text).inputs["app"] == Parameter("string", description="Name of the app.")


def test_an_input_may_be_left_without_type_and_description():
    text = COMPLETE.replace("{type: string, default: Demo, description: Name of the app.}", "{}")
    assert compiled(text).inputs["app"] == Parameter("string")


def test_a_playbook_may_have_no_description():
    assert (
        compiled(COMPLETE.replace("description: Every construct of the language once.\n", "")).description
        == ""
    )


def test_states_keep_their_budget_and_their_way_back():
    states = compiled(COMPLETE).machine.states
    assert {name: state.visits for name, state in states.items() if state.visits} == {
        "ask_code": 2,
        "deploy": 3,
        "prove": 4,
    }
    assert {name: state.undo for name, state in states.items() if state.undo} == {"deploy": "remove"}
    assert [name for name, state in states.items() if state.one_way] == ["lock"]


def test_a_state_that_says_it_is_not_one_way_is_not():
    text = COMPLETE.replace("    action: prove\n", "    action: prove\n    one_way: false\n")
    assert not compiled(text).machine.states["prove"].one_way


def test_a_person_is_asked_the_question_of_the_playbook():
    assert compiled(COMPLETE).machine.states["ask_code"].operator == Operator(
        "Which code was sent to {{ org.username | default('the admin') }}?", {"code": "string"}
    )


def test_a_person_has_a_week_also_where_the_wait_is_empty():
    text = COMPLETE.replace("wait: {timeout: 12h}", "wait: {}")
    assert compiled(text).machine.states["approve"].wait.timeout_s == OPERATOR_TIMEOUT_S


def test_an_interval_may_be_the_longest_and_a_spread_may_fill_its_window():
    text = COMPLETE.replace(
        "wait: {interval: 5s, timeout: 30m, consecutive: 3, spread: 45s}",
        "wait: {interval: 30s, timeout: 45s, consecutive: 3, spread: 45s}",
    )
    wait = compiled(text).machine.states["prove"].wait
    assert (wait.interval_s, wait.max_interval_s, wait.spread_s, wait.timeout_s) == (30, 30, 45, 45)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("jitter: 0.2", "jitter: 1"),
        ("timeout: 12h", "timeout: 30d"),
        ("visits: 4", "visits: 1000"),
        ("consecutive: 3, spread: 45s", "consecutive: 3, spread: 30s"),
        ("consecutive: 3, spread: 45s", "consecutive: 50, spread: 30s"),
    ],
)
def test_a_value_may_be_the_largest_or_just_as_much_as_is_required(old, new):
    assert old in COMPLETE
    assert compiled(COMPLETE.replace(old, new)).machine.states


def test_a_playbook_may_have_as_many_states_as_are_compiled_and_be_as_long_as_is_read():
    ends = "".join(f"  e{number}: {{final: failed}}\n" for number in range(MAX_STATES - 1))
    outcomes = [f"o{number}" for number in range(MAX_STATES - 1)]
    act = ActionSpec("act", "Act.", outcomes=frozenset(outcomes))
    edges = ", ".join(f"{outcome}: e{number}" for number, outcome in enumerate(outcomes))
    head = "playbook: p\nversion: 1\ninitial: a\nstates:\n"
    text = f"{head}  a: {{action: act, on: {{{edges}, failed: e0}}}}\n{ends}"
    text += "#" * (MAX_SIZE_BYTES - len(text))
    assert len(compile_playbook(text, "p.yaml", {"act": act}, FAULT_CODES).machine.states) == MAX_STATES


def test_a_document_is_the_tree_that_other_readers_see():
    text = "a: [1, [b, {c: null}]]\nd: {e: true, f: 1.5}\n"
    found = loader.load(text, Findings("p.yaml", "PB"))
    assert plain_tree(found) == yaml.safe_load(text)


def test_a_timeout_alone_must_hold_the_spread_of_the_defaults():
    text = COMPLETE.replace("timeout: 10m}", "timeout: 10m, spread: 2m}").replace(
        "wait: {interval: 5s, timeout: 30m, consecutive: 3, spread: 45s}",
        "wait: {timeout: 1m, consecutive: 3}",
    )
    with pytest.raises(PlaybookError) as refused:
        compiled(text)
    assert [one.problem for one in refused.value.diagnostics] == ["spread 2m does not fit timeout 1m"]


def test_a_pace_is_learned_where_an_account_is_kept_and_fixed_anywhere():
    for learnable, pace in ((True, "learned"), (True, "fixed"), (False, "fixed")):
        act = ActionSpec("act", "Act.", waits=True, learnable=learnable)
        text = (
            "playbook: my-play_2\nversion: 1\ninitial: a\nstates:\n"
            f"  a: {{action: act, wait: {{pace: {pace}}}, "
            "on: {succeeded: z, failed: z, timed_out: z}}\n  z: {final: succeeded}\n"
        )
        playbook = compile_playbook(text, "p.yaml", {"act": act}, FAULT_CODES)
        assert (playbook.name, playbook.machine.states["a"].wait.pace) == ("my-play_2", pace)


def test_every_state_knows_its_name():
    assert all(state.name == name for name, state in compiled(COMPLETE).machine.states.items())


def test_a_mark_that_only_says_text_is_no_tag():
    assert compiled(COMPLETE.replace("description: The bootstrap.", "description: ! The bootstrap.")).machine


def test_the_parser_quotes_signs_but_no_words(monkeypatch):
    monkeypatch.setattr(loader, "_LOADER", yaml.SafeLoader)
    for text, problem in (
        ('a: "\\q"', "not YAML: found unknown escape character …"),
        ("a: [b", "not YAML: expected ',' or ']', but got '<stream end>'"),
    ):
        with pytest.raises(PlaybookError) as refused:
            compiled(text)
        assert refused.value.diagnostics[0].problem == problem


def test_a_spread_of_the_defaults_that_does_not_fit_is_one_finding():
    text = COMPLETE.replace("timeout: 10m}", "timeout: 10m, spread: 11m}").replace(
        "spread: 45s", "spread: 46s"
    )
    with pytest.raises(PlaybookError) as refused:
        compiled(text)
    assert [(one.code, one.line) for one in refused.value.diagnostics] == [("PB013", 14)]


def test_what_is_called_a_secret_may_be_a_reference_nothing_or_a_yes_or_no():
    text = COMPLETE.replace("retries: 3", "retries: 3, api_token: env:TOKEN, password: null, secret: true")
    settings = compiled(text).machine.states["deploy"].parameters["settings"]
    assert (settings["api_token"], settings["password"], settings["secret"]) == ("env:TOKEN", None, True)


def test_an_action_that_is_not_given_anything_takes_its_defaults():
    text = COMPLETE.replace(
        'with:\n      bits: "{{ inputs.bits }}"\n      valid_for: "{{ inputs.lifetime }}"\n'
        '      private_key: "{{ inputs.signing_key }}"\n    on: {succeeded: deploy',
        "on: {succeeded: deploy",
    )
    assert compiled(text).machine.states["make_key"].parameters == {
        "bits": 2048,
        "valid_for": 365 * 86_400.0,
        "subject": "orchestrator",
        "strict": True,
    }
