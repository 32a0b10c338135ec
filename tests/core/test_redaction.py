from __future__ import annotations

import copy
import gc
import json
import pickle
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.redaction import MASK, Secret, redact, redact_tree

TEXT = "correct-horse-battery"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n"


def test_a_secret_shows_as_a_mask_wherever_python_shows_things():
    secret = Secret(TEXT)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>40}", f"{secret!r}", "%s" % secret]  # noqa: UP031
    shown += [repr([secret]), repr({"password": secret}), "{}".format(secret)]  # noqa: UP032
    assert not [text for text in shown if TEXT in text]
    assert all(MASK in text for text in shown)


def test_a_secret_cannot_be_pickled_or_turned_into_json():
    secret = Secret(TEXT)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(secret, protocol)
    with pytest.raises(TypeError):
        json.dumps({"password": secret})


def test_a_secret_cannot_become_a_key_and_has_no_dict_to_spill():
    with pytest.raises(TypeError, match="not hashable"):
        hash(Secret(TEXT))
    with pytest.raises(TypeError):
        vars(Secret(TEXT))


def test_copies_of_a_secret_are_the_secret():
    secret = Secret(TEXT)
    assert copy.copy(secret) is secret
    assert copy.deepcopy({"a": [secret]})["a"][0] is secret


def test_secrets_compare_by_text_and_never_with_plain_strings():
    assert Secret(TEXT) == Secret(TEXT)
    assert Secret(TEXT) != Secret(TEXT + "x")
    assert Secret("ä€") == Secret("ä€")
    assert Secret(TEXT) != TEXT
    assert bool(Secret("x"))
    assert not Secret("")


def test_only_reveal_gives_the_text():
    assert Secret(TEXT).reveal() == TEXT


def test_a_living_secret_is_taken_out_of_any_text():
    secret = Secret(TEXT)
    assert redact(f"login with {TEXT}{TEXT} failed") == f"login with {MASK}{MASK} failed"
    assert secret.reveal() == TEXT


def test_a_secret_is_forgotten_with_its_last_twin():
    first, second = Secret(TEXT), Secret(TEXT)
    del first
    gc.collect()
    assert TEXT not in redact(TEXT)
    assert second.reveal() == TEXT
    del second
    gc.collect()
    assert redact(TEXT) == TEXT


def test_the_longer_of_two_nested_secrets_goes_as_a_whole():
    inner, outer = Secret("horse-battery"), Secret(TEXT)
    assert redact(TEXT) == MASK
    assert redact("a horse-battery") == f"a {MASK}"
    assert (inner.reveal(), outer.reveal()) == ("horse-battery", TEXT)


def test_very_short_values_would_mask_half_the_language():
    secret = Secret("the")
    assert redact("the org") == "the org"
    assert secret.reveal() == "the"


def test_a_pem_is_known_line_by_line_but_its_frame_is_not():
    secret = Secret(PEM)
    assert redact("bad line hkiG9w0BAQEFAASC in key") == f"bad line {MASK} in key"
    assert "BEGIN CERTIFICATE" in redact("-----BEGIN CERTIFICATE-----")
    assert secret.reveal() == PEM


@pytest.mark.parametrize(
    "leak",
    [
        "00D000000000001!AQ4AQHb.kF3_9xYz0123456789abcdef",
        "00D000000000001AAA!AQ4AQHb.kF3_9xYz0123456789abcdef",
        "force://PlatformCLI::5Aep861KIwKdekr90KlxVVUI47zdR6@acme.my.salesforce.com",
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIzTVZHOSJ9.c2lnbmF0dXJl",
        PEM,
        PEM.partition("-----END")[0],
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n",
        "5Aep861KIwKdekr90KlxVVUI47zdR6.abc",
    ],
)
def test_shapes_of_tokens_go_whoever_made_them(leak):
    shown = redact(f"before {leak} after")
    assert leak.strip() not in shown
    assert MASK in shown
    assert shown.startswith("before ")


@pytest.mark.parametrize(
    "text",
    [
        "password=S3cr3tValue&grant_type=password",
        "grant_type=jwt&assertion=S3cr3tValue",
        '{"access_token": "S3cr3tValue", "id": 1}',
        "{'client_secret': 'S3cr3tValue'}",
        "<consumerSecret>S3cr3tValue</consumerSecret>",
        "<password>S3cr3tValue</password>",
        "security_token: S3cr3tValue",
        "Cookie sid=S3cr3tValue; path=/",
        "PASSWORD = S3cr3tValue",
        "refresh_token=S3cr3tValue",
    ],
)
def test_what_stands_behind_a_secrets_name_goes(text):
    shown = redact(text)
    assert "S3cr3tValue" not in shown
    assert MASK in shown


@pytest.mark.parametrize(
    "text",
    [
        "the password works",
        "00D000000000001AAA is org acme",
        "permission set Orchestrator_JWT_Access deployed",
        "https://acme.my.salesforce.com/services/Soap/u/64.0",
        "password_attempts: 2",
        "write `password: env:ACME_PASSWORD` instead",
        "security_token: file:secrets/acme.token",
    ],
)
def test_ordinary_words_stay(text):
    assert redact(text) == text


def test_a_tree_keeps_its_shape_and_loses_its_secrets():
    secret = Secret(TEXT)
    tree = {"a": [1, None, True, 2.5, TEXT], "b": {"c": secret}, "d": (f"x {TEXT}",)}
    clean = redact_tree(tree)
    assert clean == {"a": [1, None, True, 2.5, MASK], "b": {"c": MASK}, "d": [f"x {MASK}"]}
    json.dumps(clean)


def test_a_traceback_of_a_call_with_a_secret_does_not_hold_it():
    def login(password: Secret) -> None:
        raise ValueError(f"no login with {password}")

    secret = Secret(TEXT)
    with pytest.raises(ValueError, match="no login") as caught:
        login(secret)
    assert TEXT not in "".join(traceback.format_exception(caught.value))


@given(st.text(min_size=4, max_size=60), st.text(max_size=40), st.text(max_size=40))
def test_no_text_survives_that_is_a_living_secret(value, before, after):
    secret = Secret(value)
    if value not in MASK:
        assert value not in redact(before + value + after).replace(MASK, "")
    assert secret.reveal() == value


@given(st.text(max_size=200))
def test_redacting_twice_changes_nothing_more(text):
    once = redact(text)
    assert redact(once) == once


def test_a_remedy_that_names_a_field_in_backticks_stays_readable() -> None:
    remedy = "Add `password:`, `access_token:` or `web: true` for this org."
    assert redact(remedy) == remedy
