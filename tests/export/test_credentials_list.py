"""`credentials list`, `show` and `expiring`: origin of a credential, its last proof, its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Credentials = Callable[..., Any]


def test_the_list_says_how_many_days_are_left(credentials: Credentials):
    (row,) = credentials("list", "--json").json
    assert (row["org"], row["days_left"], row["run"]) == ("acme", 20, "acme-0123456789")
    assert row["playbook"] is None  # the journal of this home never saw the run
    assert "20 days left" in credentials("list").out


@pytest.mark.parametrize(("within", "count"), [("30d", 1), ("19d", 0), ("600h", 1)])
def test_what_ends_soon_is_listed(credentials: Credentials, within: str, count: int):
    done = credentials("expiring", "--within", within, "--json")
    assert (done.code, len(done.json)) == (0, count)


def test_a_duration_that_is_none_is_refused(credentials: Credentials):
    done = credentials("expiring", "--within", "soon", "--json")
    assert (done.code, done.error["code"]) == (2, "setting_invalid")


@pytest.mark.reveals("output")
def test_the_private_key_is_shown_only_when_asked_for_by_name(credentials: Credentials):
    assert "PRIVATE KEY" not in credentials("show", "acme").out
    assert "PRIVATE KEY" not in credentials("show", "acme", "--json").out
    assert "PRIVATE KEY" in credentials("show", "acme", "--reveal").out


def test_an_org_that_is_not_there_is_said_so(credentials: Credentials):
    for words in (["show", "nobody"], ["export", "nobody", "--to", "json", "--reveal"]):
        done = credentials(*words, "--json")
        assert (done.code, done.error["code"]) == (2, "credential_unknown")
