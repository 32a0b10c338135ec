"""How an answer is compared with the rows: whatever apostrophes, spaces and prefixes it comes with."""

from __future__ import annotations

import pytest

from orchestrator.errors import Defect, Disposition
from orchestrator.salesforce.answer_row import rows
from orchestrator.salesforce.answers import TABLES, classify, classify_token, matching_row, normalise


@pytest.mark.parametrize(
    ("message", "form"),
    [
        ("user hasn\u2018t", "user hasn't"),
        ("user hasn\u2019t", "user hasn't"),
        ("user hasn\u02bct", "user hasn't"),
        ("\u201capp\u201d", '"app"'),
        ("a\xa0b", "a b"),
        ("  A \t\n b  ", "a b"),
        ("\u00dcBER", "\u00fcber"),
        ("", ""),
    ],
)
def test_messages_are_compared_in_one_form(message, form):
    assert normalise(message) == form


@pytest.mark.parametrize(
    "code", ["INVALID_LOGIN", "invalid_login", " sf:INVALID_LOGIN ", "a:b:INVALID_LOGIN"]
)
def test_a_prefix_spaces_and_case_of_a_code_do_not_matter(code):
    assert classify("soap_login", code).code == "login_invalid"


@pytest.mark.parametrize("code", ["INVALID_LOGIN:", "INVALID_LOGINS", "XINVALID_LOGIN", "INVALID"])
def test_a_code_is_compared_as_a_whole(code):
    assert matching_row("soap_login", code, "") is None
    assert classify("soap_login", code).code == "answer_unknown"


def test_an_answer_without_a_message_is_compared_with_an_empty_one():
    table = rows(("A", "^$", "login_invalid"))
    assert table[0].message_pattern.search("")
    assert classify("token", "invalid_client_id") == classify("token", "invalid_client_id", "")
    assert classify_token("invalid_client_id") == classify_token("invalid_client_id", "")


@pytest.mark.parametrize(
    ("age_s", "disposition"),
    [(0.0, Disposition.WAIT), (899.9, Disposition.WAIT), (900.0, Disposition.STOP), (None, Disposition.STOP)],
)
def test_a_block_is_waited_for_only_where_we_have_just_switched_the_app_on(age_s, disposition):
    kind = classify_token("app_blocked", switched_on_age_s=age_s, app_age_s=0.0, certificate_age_s=0.0)
    assert (kind.code, kind.disposition) == ("app_blocked", disposition)


def test_a_table_keeps_its_rows_in_their_order():
    table = rows(("A", "", "login_invalid"), ("B|C", "x", "login_refused"))
    assert [(row.code, row.message, row.fault_code) for row in table] == [
        ("A", "", "login_invalid"),
        ("B|C", "x", "login_refused"),
    ]
    assert all(TABLES.values())


def test_an_unknown_surface_is_our_defect():
    with pytest.raises(Defect, match="no table of answers for the surface 'fax'"):
        classify("fax", "A")
