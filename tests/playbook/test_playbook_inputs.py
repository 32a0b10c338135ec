"""Inputs as texts, from the command line or an operator, become values of the types declared."""

from __future__ import annotations

import pytest

from orchestrator.errors import UsageError
from orchestrator.playbook.inputs import read_inputs, read_value
from orchestrator.playbook.model import Parameter

SPECS = {
    "bits": Parameter("integer", default=2048, choices=("2048", "4096")),
    "lifetime": Parameter("duration", default="90d"),
    "reason": Parameter("string", required=True),
}


def test_what_is_not_given_has_its_default_and_what_is_given_replaces_it():
    assert read_inputs(SPECS, {"reason": "test"}) == {"bits": 2048, "lifetime": 7_776_000.0, "reason": "test"}
    assert read_inputs(SPECS, {"reason": "", "bits": "4096", "lifetime": "1h"}) == {
        "bits": 4096,
        "lifetime": 3600.0,
        "reason": "",
    }
    assert read_inputs({}, {}) == {}


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", "", ""),
        ("string", " a b ", " a b "),
        ("integer", "0", 0),
        ("integer", "-7", -7),
        ("integer", "9" * 18, 10**18 - 1),
        ("number", "1.5", 1.5),
        ("number", "-1e3", -1000.0),
        ("boolean", "true", True),
        ("boolean", "FALSE", False),
        ("duration", "90s", 90.0),
        ("secret", "env:NAME", "env:NAME"),
        ("list", "api, web,,refresh_token ", ["api", "web", "refresh_token"]),
        ("list", "", []),
        ("mapping", '{"a": [1]}', {"a": [1]}),
        ("mapping", "{}", {}),
    ],
)
def test_a_text_of_its_type_becomes_a_value(kind, text, value):
    found = read_value("x", Parameter(kind), text)
    assert (found, type(found)) == (value, type(value))


DURATION = "write a number with a unit, such as 90s, 5m, 2h or 365d"
BOOLEAN = "write true or false"
SECRET = "give a reference such as env:NAME or file:PATH, never the secret itself"
MAPPING = 'write a JSON object, such as {"a": 1}'


@pytest.mark.parametrize(
    ("kind", "text", "remedy"),
    [
        ("integer", "1.0", "give a value of type integer"),
        ("integer", "", "give a value of type integer"),
        ("integer", "-", "give a value of type integer"),
        ("integer", "--1", "give a value of type integer"),
        ("integer", "\u0663", "give a value of type integer"),
        ("integer", "9" * 19, "give a value of type integer"),
        ("number", "many", "give a value of type number"),
        ("number", "nan", "give a value of type number"),
        ("number", "inf", "give a value of type number"),
        ("boolean", "yes", BOOLEAN),
        ("duration", "90", DURATION),
        ("mapping", "[1]", MAPPING),
        ("mapping", "{a: 1}", MAPPING),
        ("mapping", '{"a":' * 100_000, MAPPING),
        ("unheard_of", "x", "give a value of type unheard_of"),
    ],
)
def test_a_text_of_another_type_is_refused_with_what_to_write(kind, text, remedy):
    with pytest.raises(UsageError) as refused:
        read_value("x", Parameter(kind), text)
    assert (refused.value.code, refused.value.remedy) == ("input_invalid", remedy)
    assert refused.value.detail == f"input 'x' must be of type {kind}: {text!r}"


def test_a_secret_given_by_mistake_is_not_repeated():
    with pytest.raises(UsageError) as refused:
        read_value("key", Parameter("secret"), "hunter2")
    assert (refused.value.code, refused.value.remedy) == ("input_invalid", SECRET)
    assert refused.value.detail == "input 'key' must be of type secret"


@pytest.mark.parametrize(
    ("specs", "given", "code", "detail", "remedy"),
    [
        (
            SPECS,
            {"reason": "x", "bits": "1024"},
            "input_invalid",
            "input 'bits' is 1024",
            "choose one of 2048, 4096",
        ),
        (SPECS, {}, "input_missing", "input 'reason' is required", "add --set reason=VALUE"),
        (
            SPECS,
            {"raeson": "x"},
            "input_unknown",
            "the playbook has no input 'raeson'",
            "did you mean 'reason'?",
        ),
        (
            SPECS,
            {"zzz": "x"},
            "input_unknown",
            "the playbook has no input 'zzz'",
            "it has: bits, lifetime, reason",
        ),
        ({}, {"zzz": "x"}, "input_unknown", "the playbook has no input 'zzz'", "it has: none"),
    ],
)
def test_wrong_inputs_are_refused_with_what_to_do(specs, given, code, detail, remedy):
    with pytest.raises(UsageError) as refused:
        read_inputs(specs, given)
    assert (refused.value.code, refused.value.detail, refused.value.remedy) == (code, detail, remedy)
