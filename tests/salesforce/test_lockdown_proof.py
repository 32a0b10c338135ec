"""What a refused login proves, and the verdict per path."""

from __future__ import annotations

import pytest

from orchestrator.salesforce.lockdown import PATHS, Probe, judge_probe, verdicts
from orchestrator.salesforce.lockdown_proof import ACCEPTANCE

PROOFS = [
    # applied, fault, history, mechanism proven
    ((), "soap_login_disabled", None, "soap_login_switch"),
    (("withdraw_any_api_auth",), "any_api_auth_required", None, "withdraw_any_api_auth"),
    (("require_sso",), "sso_gateway_missing", None, "require_sso"),
    (("require_sso",), "sso_gateway_down", None, "require_sso"),
    (("end_sessions",), "session_expired", None, "end_sessions"),
    (("replace_password",), "login_invalid", "Invalid Password", "replace_password"),
    (("freeze_user",), "login_invalid", "User is Frozen", "freeze_user"),
    (("replace_password", "freeze_user"), "login_invalid", "User is Frozen", "freeze_user"),
    (("deactivate_user",), "login_invalid", "User is Inactive", "deactivate_user"),
    (("block_password_grant",), "login_refused", "Username-Password Flow Disabled", "block_password_grant"),
    (("api_only",), "login_invalid", "Failed: API-only user", "api_only"),
]
NO_PROOFS = [
    (("replace_password",), "login_invalid", None),
    (("replace_password",), "login_invalid", "Password Lockout"),
    (("replace_password",), "password_locked_out", "Password Lockout"),
    (("require_sso",), "login_invalid", "Invalid Password"),
    ((), "sso_gateway_missing", None),
    ((), "login_invalid", "Invalid Password"),
    (("block_password_grant",), "login_refused", None),
    (("block_password_grant",), "login_refused", "Invalid Password"),
    (("freeze_user",), "login_invalid", "Invalid Password"),
    (("replace_password",), "network_timeout", None),
    (("replace_password",), "answer_unknown", "Invalid Password"),
    (("withdraw_any_api_auth",), "api_version_unsupported", None),
]


@pytest.mark.parametrize(("applied", "fault_code", "status", "mechanism"), PROOFS)
def test_an_answer_that_names_the_lock_proves_it(applied, fault_code, status, mechanism):
    judgement = judge_probe(applied, fault_code, status)
    assert (judgement.meaning, judgement.mechanism) == ("proves", mechanism)


def test_every_row_of_the_table_of_acceptance_has_a_case():
    assert {row.mechanism for row in ACCEPTANCE} == {case[3] for case in PROOFS}


@pytest.mark.parametrize(("applied", "fault_code", "status"), NO_PROOFS)
def test_an_answer_with_many_causes_proves_nothing(applied, fault_code, status):
    assert judge_probe(applied, fault_code, status).meaning == "proves_nothing"


def test_a_login_that_succeeds_means_the_password_still_works():
    assert judge_probe(("replace_password",), "", "Success").meaning == "still_works"


def test_a_missing_row_of_login_history_is_said_to_be_missing():
    judgement = judge_probe(("replace_password",), "login_invalid", None)
    assert "not show the attempt yet" in judgement.why


APPLIED = ("block_password_grant", "replace_password", "end_sessions")
READ_BACK = dict.fromkeys(APPLIED, True)


def test_a_proven_new_password_closes_every_path_of_the_old_one():
    probe = Probe("soap_login", "login_invalid", "Invalid Password", APPLIED)
    found = verdicts(APPLIED, READ_BACK, [probe])
    assert {path: found[path].state for path in PATHS} == dict.fromkeys(PATHS, "proven_closed")


def test_without_a_probe_a_lock_is_closed_but_unproven():
    found = verdicts(APPLIED, READ_BACK, [])
    assert {one.state for one in found.values()} == {"closed_unproven"}


def test_a_lock_that_is_not_read_back_does_not_count():
    probe = Probe("soap_login", "login_invalid", "Invalid Password", APPLIED)
    found = verdicts(APPLIED, {}, [probe])
    assert {one.state for one in found.values()} == {"open"}


def test_a_password_that_works_on_one_path_disproves_the_locks_of_the_password_on_all():
    probes = [
        Probe("password_grant", "login_refused", "Invalid Password", APPLIED),
        Probe("soap_login", "", "Success", APPLIED),
    ]
    found = verdicts(APPLIED, READ_BACK, probes)
    assert found["soap_login"].state == "open"
    assert found["ui"].state == "open"
    assert (found["password_grant"].state, found["password_grant"].mechanisms) == (
        "closed_unproven",
        ("block_password_grant",),
    )


def test_the_latest_probe_of_a_path_counts():
    probes = [
        Probe("soap_login", "", "Success", ()),
        Probe("soap_login", "login_invalid", "Invalid Password", APPLIED),
    ]
    assert verdicts(APPLIED, READ_BACK, probes)["soap_login"].state == "proven_closed"


def test_an_org_without_soap_login_closes_only_that_path():
    probe = Probe("soap_login", "soap_login_disabled", None, ())
    found = verdicts((), {}, [probe])
    assert [found[path].state for path in PATHS] == ["proven_closed", "open", "open"]
