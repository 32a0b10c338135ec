"""The pure half of `doctor`: every answer has a cause, facts beat answers, unknown facts say nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from known_findings import BLIND, HEALTHY, SEEN, token

from orchestrator.catalogue import FAULTS
from orchestrator.salesforce.answers import TABLES
from orchestrator.salesforce.diagnosis import diagnose, explain
from orchestrator.salesforce.diagnosis_causes import APP_PAGE, OWN, USER_PAGE, cause_of, causes_table
from orchestrator.salesforce.diagnosis_facts import FACTS
from orchestrator.salesforce.diagnosis_findings import Findings, Refused, refused
from orchestrator.salesforce.setup_links import pages

# The same answers once somebody has looked: (answer, what was seen, the cause).
EXPLAINED = [
    (("invalid_client_id", "client identifier invalid"), {"app_exists": False}, "app_deleted"),
    (("app_not_found", ""), {"app_exists": False}, "app_deleted"),
    (("invalid_client_id", "client identifier invalid"), {"app_key_is_ours": False}, "consumer_key_changed"),
    (("invalid_grant", "invalid assertion"), {"app_certificate_is_ours": False}, "certificate_replaced"),
    (("invalid_grant", "invalid signature"), {"app_certificate_is_ours": False}, "certificate_replaced"),
    (("invalid_grant", "expired authorization code"), {"clock_offset_s": 400.0}, "clock_skewed"),
    (("invalid_grant", "expired authorization code"), {"clock_offset_s": -400.0}, "clock_skewed"),
    (("app_blocked", ""), {"app_enabled": False}, "app_disabled"),
    (("invalid_grant", "user hasn't approved this consumer"), {"user_exists": False}, "user_missing"),
    (("inactive_user", "user is inactive"), {"user_active": False}, "user_inactive"),
    (("invalid_grant", "authentication failure"), {"user_active": False}, "user_inactive"),
    (("invalid_grant", "authentication failure"), {"user_frozen": True}, "user_frozen"),
    (("invalid_app_access", ""), {"set_assigned": False}, "permission_set_unassigned"),
    (
        ("invalid_grant", "user hasn't approved this consumer"),
        {"set_assigned": False},
        "permission_set_unassigned",
    ),
    (
        ("invalid_grant", "user hasn't approved this consumer"),
        {"app_policy": "AllSelfAuthorized"},
        "app_policy_changed",
    ),
    (("invalid_app_access", ""), {"app_lists_set": False}, "app_grant_removed"),
    (("invalid_app_access", ""), {"set_license": "SalesforceAPIIntegrationPsl"}, "permission_set_licensed"),
    (("invalid_grant", "ip restricted"), {"ip_excluded": True}, "ip_range_excludes_us"),
    (("invalid_grant", "authentication failure"), {"ip_excluded": True}, "ip_range_excludes_us"),
    (("invalid_grant", "audience is invalid"), {"proven_host": "old.my.salesforce.com"}, "host_renamed"),
]


@pytest.mark.parametrize(("answer", "seen", "cause"), EXPLAINED)
def test_a_fact_that_would_bring_the_answer_is_the_cause(answer, seen, cause):
    found = diagnose(replace(SEEN, token=token(*answer), **seen))
    assert (found.cause.cause.code, found.cause.confidence) == (cause, "certain")
    assert len(found.cause.evidence) == 2
    assert cause not in dict(found.ruled_out)


def test_a_fact_that_cannot_bring_the_answer_is_only_a_suspicion():
    found = diagnose(
        replace(
            SEEN,
            token=token("invalid_grant", "invalid assertion"),
            app_certificate_is_ours=False,
            set_assigned=False,
        )
    )
    assert found.cause.cause.code == "certificate_replaced"
    assert [one.cause.code for one in found.suspicions] == ["permission_set_unassigned"]


def test_the_certificate_explains_an_invalid_assertion_before_the_clock_does():
    both = replace(
        SEEN,
        token=token("invalid_grant", "invalid assertion"),
        app_certificate_is_ours=False,
        clock_offset_s=500.0,
    )
    assert diagnose(both).cause.cause.code == "certificate_replaced"
    clock_only = diagnose(replace(both, app_certificate_is_ours=True))
    assert (clock_only.cause.cause.code, clock_only.cause.confidence) == ("clock_skewed", "likely")


def test_an_expired_certificate_is_a_likely_cause_of_an_invalid_assertion_and_no_more():
    found = diagnose(replace(SEEN, token=token("invalid_grant", "invalid assertion"), days_left=-3))
    assert (found.cause.cause.code, found.cause.confidence) == ("certificate_expired", "likely")


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        ("User is Frozen", "user_frozen"),
        ("User is Inactive", "user_inactive"),
        ("Restricted IP", "login_ip_restricted"),
        ("IP Address Not Allowed", "login_ip_restricted"),
        ("Restricted time", "login_hours_restricted"),
        ("Restricted domain", "login_domain_restricted"),
        ("Login Rate Exceeded", "login_rate"),
        ("Password Lockout", "password_locked_out"),
        ("A status nobody knows", "login_refused"),
    ],
)
def test_login_history_names_the_reason_where_the_answer_does_not(status, cause):
    refusal = token("invalid_grant", "authentication failure")
    found = diagnose(replace(SEEN, token=refusal, user_frozen=None, login_status=status))
    assert found.cause.cause.code == cause
    assert any(status in line for line in found.cause.evidence)


def test_a_key_that_the_login_servers_do_not_know_points_at_a_deleted_app():
    refusal = token("invalid_client_id", "client identifier invalid")
    found = diagnose(replace(BLIND, token=refusal, key_known=False))
    assert (found.cause.cause.code, found.cause.confidence) == ("app_deleted", "likely")
    known = diagnose(replace(BLIND, token=refusal, key_known=True))
    assert known.cause.cause.code == "client_id_unknown"
    assert any("front ends disagree" in line for line in known.cause.evidence)


def test_a_refused_password_is_no_cause_where_the_credential_works():
    dead = refused("soap_login", "INVALID_LOGIN", "", "login()")
    assert diagnose(replace(HEALTHY, login=dead)).cause is None


def test_a_refused_password_beside_a_refused_token_is_told_but_is_not_the_cause():
    dead = refused("soap_login", "INVALID_LOGIN", "Invalid username", "login() of admin@acme.example")
    found = diagnose(replace(BLIND, token=token("invalid_grant", "authentication failure"), login=dead))
    assert found.cause.cause.code == "login_refused"
    assert any("refused too" in line for line in found.cause.evidence)


def test_a_session_that_may_not_call_the_api_means_api_access_control():
    answer = refused(
        "rest", "INVALID_SESSION_ID", "This session is not valid for use with the API", "the API"
    )
    unknown = diagnose(replace(BLIND, has_credential=False, login_accepted=True, api_refusal=answer))
    assert (unknown.cause.cause.code, unknown.cause.confidence) == ("session_not_valid_for_api", "likely")
    seen = diagnose(replace(HEALTHY, api_refusal=answer, api_access_control=True))
    assert (seen.cause.cause.code, seen.cause.confidence) == ("api_access_control", "certain")


@pytest.mark.parametrize(
    ("surface_code", "cause", "confidence"),
    [
        ("host_unknown", "host_unknown", "likely"),
        ("host_moved", "host_moved", "certain"),
        ("tls_untrusted", "tls_untrusted", "certain"),
        ("network_timeout", "network_timeout", "likely"),
        ("org_in_maintenance", "org_in_maintenance", "certain"),
        ("server_trouble", "server_trouble", "likely"),
        ("proxy_refused", "proxy_refused", "certain"),
        ("record_missing", "url_not_an_org", "likely"),
    ],
)
def test_a_host_that_does_not_answer_comes_before_everything_else(surface_code, cause, confidence):
    found = diagnose(replace(SEEN, reach=Refused(surface_code, "said"), set_assigned=False))
    assert (found.cause.cause.code, found.cause.confidence) == (cause, confidence)


def test_a_sandbox_with_another_id_at_the_same_place_was_refreshed():
    other = replace(
        BLIND, org_id_seen="00D000000000002", org_id_expected="00D000000000001AAA", is_sandbox=True
    )
    found = diagnose(other)
    assert (found.cause.cause.code, found.cause.confidence) == ("sandbox_refreshed", "certain")
    elsewhere = diagnose(replace(other, proven_host="old--uat.sandbox.my.salesforce.com"))
    assert (elsewhere.cause.cause.code, elsewhere.cause.confidence) == ("sandbox_refreshed", "likely")
    assert diagnose(replace(other, is_sandbox=False)).cause.cause.code == "org_id_mismatch"


def test_no_credential_is_the_cause_until_the_last_run_says_why_there_is_none():
    absent = replace(BLIND, has_credential=False, proven_host="", days_left=None)
    assert diagnose(absent).cause.cause.code == "credential_missing"
    failed = replace(absent, last_failure=Refused("soap_login_disabled", "soap_login_disabled: off", "run x"))
    found = diagnose(failed)
    assert (found.cause.cause.code, found.cause.confidence) == ("soap_login_disabled", "likely")
    assert diagnose(replace(failed, login_accepted=True)).cause.cause.code == "credential_missing"


@pytest.mark.parametrize("problem", ["credential_damaged", "credential_other_user"])
def test_a_credential_that_is_not_what_it_says_is_the_cause(problem):
    assert diagnose(replace(BLIND, credential_problem=(problem, "why"))).cause.cause.code == problem


@pytest.mark.parametrize("problem", ["jwt_wrong_org", "jwt_wrong_user"])
def test_a_token_of_somebody_else_is_the_cause(problem):
    assert diagnose(replace(HEALTHY, token_problem=(problem, "why"))).cause.cause.code == problem


def test_a_healthy_org_has_no_cause_and_says_what_was_cleared():
    found = diagnose(HEALTHY)
    assert found.cause is None
    assert not found.suspicions
    assert {"app_deleted", "app_disabled", "clock_skewed", "user_inactive"} <= set(dict(found.ruled_out))


def test_a_working_org_with_an_expired_certificate_is_not_healthy():
    found = diagnose(replace(HEALTHY, days_left=-1))
    assert (found.cause.cause.code, found.cause.confidence) == ("certificate_expired", "certain")


def test_clocks_too_far_apart_for_an_assertion_are_a_cause_even_where_we_make_up_for_it():
    assert diagnose(replace(HEALTHY, clock_offset_s=-400.0)).cause.cause.code == "clock_skewed"
    assert diagnose(replace(HEALTHY, clock_offset_s=-100.0)).cause is None


def test_a_working_org_that_cannot_be_written_is_not_healthy():
    assert diagnose(replace(HEALTHY, is_read_only=True)).cause.cause.code == "read_only"


def test_what_will_strike_later_is_a_suspicion_of_a_healthy_org():
    found = diagnose(replace(HEALTHY, days_left=12, trial_days_left=2, clock_offset_s=90.0))
    assert found.cause is None
    assert {one.cause.code for one in found.suspicions} == {
        "certificate_ends_soon",
        "trial_ends_soon",
        "clock_skewed",
    }


def test_api_access_control_alone_is_no_fault():
    assert diagnose(replace(HEALTHY, api_access_control=True)).suspicions == ()


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.code)
def test_an_unknown_fact_neither_accuses_nor_clears(fact):
    nothing = Findings(org="acme", host="acme.my.salesforce.com")
    assert fact.holds(nothing) is None


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.code)
def test_a_fact_is_a_known_cause_and_explains_known_answers(fact):
    assert cause_of(fact.code)
    assert fact.explains <= set(FAULTS)


def test_every_answer_of_every_surface_has_a_cause_with_a_fix_and_a_page_that_exists():
    codes = {row.fault_code for rows in TABLES.values() for row in rows} | set(OWN)
    for code in codes:
        cause = cause_of(code)
        assert cause.meaning
        assert cause.fix
        assert cause.page in {"", USER_PAGE, APP_PAGE, *pages()}
        names = dict.fromkeys(("org", "host", "user", "app", "permission_set"), "x")
        for step in cause.fix:
            assert not re.search(r"[{}]", step.format_map(names))


def test_the_same_answer_is_explained_the_same_way_by_itself():
    answer = token("invalid_app_access", "")
    assert explain(answer, replace(SEEN, set_assigned=False)).cause.code == "permission_set_unassigned"


def test_the_page_has_every_cause_of_our_own_as_the_code_has_it():
    page = Path(__file__).parents[2] / "docs" / "doctor.md"
    assert causes_table() in page.read_text(encoding="utf-8")
