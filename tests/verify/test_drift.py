"""The pure half of `verify`: which login came in by a password, when a certificate warns, what fails."""

from __future__ import annotations

import datetime as dt

import pytest

from orchestrator.salesforce.drift import (
    Check,
    expiry_check,
    password_logins,
    password_path,
    salesforce_time,
    verdict,
)

LOCKED_AT = dt.datetime(2026, 11, 22, 12, 0, tzinfo=dt.UTC)
AFTER = "2026-11-22T12:00:01.000+0000"
BEFORE = "2026-11-22T11:59:59.000+0000"


@pytest.mark.parametrize(
    ("kind", "sub_kind", "path"),
    [
        ("Application", None, "ui"),
        ("Other Apex API", None, "soap_login"),
        ("Partner Product", None, "soap_login"),
        ("Remote Access 2.0", "oauthpassword", "password_grant"),
        ("Remote Access 2.0", "oauthassertion", None),
        ("Remote Access 2.0", "oauthrefreshtoken", None),
        ("Remote Access 2.0", None, None),
        ("SAML Sfdc Initiated SSO", None, None),
        ("Third Party SSO", None, None),
        ("Certificate-based login", None, None),
        ("Lightning Login", None, None),
        ("A type nobody knows", None, "soap_login"),
    ],
)
def test_login_history_says_by_which_path_a_login_came(kind, sub_kind, path):
    assert password_path({"LoginType": kind, "LoginSubType": sub_kind}) == path


def row(when=AFTER, status="Success", kind="Other Apex API"):
    return {
        "LoginTime": when,
        "Status": status,
        "LoginType": kind,
        "LoginSubType": None,
        "SourceIp": "192.0.2.1",
    }


def test_a_successful_password_login_after_the_lock_is_drift():
    assert len(password_logins([row()], LOCKED_AT, [])) == 1


@pytest.mark.parametrize(
    "rows",
    [
        [row(when=BEFORE)],
        [row(status="Invalid Password")],
        [{**row(kind="Remote Access 2.0"), "LoginSubType": "oauthassertion"}],
        [],
    ],
)
def test_logins_before_the_lock_failures_and_tokens_are_no_drift(rows):
    assert password_logins(rows, LOCKED_AT, []) == []


def test_a_login_on_a_path_that_was_left_open_is_no_drift():
    assert password_logins([row(kind="Application")], LOCKED_AT, ["ui"]) == []
    assert password_logins([row(kind="Application")], LOCKED_AT, ["soap_login"])


@pytest.mark.parametrize(
    ("days", "state", "warning"),
    [
        (31, "holds", False),
        (30, "holds", False),
        (29, "holds", True),
        (0, "holds", True),
        (-1, "drifted", False),
    ],
)
def test_a_certificate_warns_before_its_end_and_fails_after_it(days, state, warning):
    check = expiry_check(days, "2026-12-31T00:00:00Z", 30)
    assert (check.state, check.warning) == (state, warning)
    assert bool(check.remedy) is (warning or state == "drifted")


def test_only_drift_fails():
    def check(state):
        return Check("any", state, "", "")

    assert verdict([check("holds"), check("not_readable"), check("not_applicable")]) == "holds"
    assert verdict([check("holds"), check("drifted")]) == "drifted"


@pytest.mark.parametrize(
    "text", ["2026-08-24T21:26:29.000+0000", "2026-08-24T21:26:29.000Z", "2026-08-24T21:26:29Z"]
)
def test_times_of_both_sides_can_be_compared(text):
    assert salesforce_time(text) == dt.datetime(2026, 8, 24, 21, 26, 29, tzinfo=dt.UTC)
