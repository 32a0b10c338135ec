"""Which locks are chosen, which are not, and what that leaves open."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from orchestrator.salesforce.lockdown import MECHANISMS, PATHS, AnyApiAuthGrant, OrgFacts, choose

DEDICATED_GRANT = AnyApiAuthGrant("Api_Auth", is_dedicated=True)
SHARED_GRANT = AnyApiAuthGrant("Everything", is_dedicated=False)
PROFILE_GRANT = AnyApiAuthGrant("System Administrator", is_dedicated=True, is_profile=True)
FULL = OrgFacts(
    has_sso_permission=True,
    has_delegated_gateway="no",
    any_api_auth_field_exists=True,
    any_api_auth_holders=(DEDICATED_GRANT,),
    other_admins=2,
)


def ids(plan):
    return [step.mechanism.id for step in plan.steps]


def facts(**changed):
    return dataclasses.replace(FULL, **changed)


def test_a_handed_over_password_dies_and_the_account_lives():
    plan = choose(FULL)
    assert plan.principal == "handed_over"
    assert ids(plan) == ["block_password_grant", "withdraw_any_api_auth", "replace_password", "end_sessions"]
    assert plan.stays_open == ()
    assert any("mailbox" in caveat for caveat in plan.caveats)


def test_single_sign_on_is_required_of_a_handed_over_account_only_when_asked():
    assert "require_sso" not in ids(choose(FULL))
    plan = choose(FULL, sso_asked_for=True)
    assert "require_sso" in ids(plan)
    assert not any("mailbox" in caveat for caveat in plan.caveats)


def test_a_persons_own_account_is_not_touched_and_the_plan_says_so():
    plan = choose(FULL, "human_admin")
    assert ids(plan) == ["block_password_grant"]
    assert [one.path for one in plan.stays_open] == ["soap_login", "ui"]
    assert all("person" in one.why for one in plan.stays_open)
    assert all(one.manual_step for one in plan.stays_open)


def test_a_dedicated_account_ends_frozen_and_then_deactivated():
    assert ids(choose(FULL, "dedicated")) == [
        "block_password_grant",
        "withdraw_any_api_auth",
        "replace_password",
        "require_sso",
        "end_sessions",
        "freeze_user",
        "deactivate_user",
    ]


@pytest.mark.parametrize("principal", ["handed_over", "human_admin", "dedicated", "integration_user"])
def test_the_user_the_jwt_runs_as_is_never_frozen_deactivated_or_given_a_password(principal):
    plan = choose(facts(bootstrap_user_is_integration_user=True), principal, sso_asked_for=True)
    assert plan.principal == "integration_user"
    assert not {"freeze_user", "deactivate_user", "replace_password"} & set(ids(plan))
    assert dict(plan.left_out)["replace_password"] == "a user cannot set its own password through the API"


def test_an_integration_user_that_is_api_only_already_is_not_made_so_again():
    plan = choose(facts(user_is_api_only=True), "integration_user")
    assert dict(plan.left_out)["api_only"] == "the user has API Only already"
    assert "ui" not in [one.path for one in plan.stays_open]


@pytest.mark.parametrize("grants", [(SHARED_GRANT,), (PROFILE_GRANT,), (SHARED_GRANT, PROFILE_GRANT)])
def test_a_shared_grant_of_use_any_api_auth_is_left_to_people(grants):
    plan = choose(facts(any_api_auth_holders=grants))
    reason = dict(plan.left_out)["withdraw_any_api_auth"]
    assert "withdraw_any_api_auth" not in ids(plan)
    assert all(one.name in reason for one in grants)
    assert "by hand" in reason


def test_a_dedicated_grant_beside_a_shared_one_is_withdrawn_and_the_other_named():
    plan = choose(facts(any_api_auth_holders=(DEDICATED_GRANT, SHARED_GRANT)))
    assert "withdraw_any_api_auth" in ids(plan)
    assert "Everything" in dict(plan.left_out)["withdraw_any_api_auth"]


@pytest.mark.parametrize(
    ("changed", "mechanism", "word"),
    [
        ({"any_api_auth_field_exists": False}, "withdraw_any_api_auth", "does not have"),
        ({"any_api_auth_holders": ()}, "withdraw_any_api_auth", "does not hold"),
        ({"has_sso_permission": False}, "require_sso", "Support"),
        ({"has_delegated_gateway": "yes"}, "require_sso", "gateway"),
        ({"password_was_given": False}, "replace_password", "no password"),
        ({"other_admins": 0}, "replace_password", "break_glass_user"),
        ({"other_admins": 0}, "deactivate_user", "break_glass_user"),
    ],
)
def test_what_an_org_does_not_allow_is_left_out_with_the_reason(changed, mechanism, word):
    plan = choose(facts(**changed), "dedicated")
    assert mechanism not in ids(plan)
    assert word in dict(plan.left_out)[mechanism]


def test_a_named_way_in_replaces_a_second_administrator():
    assert "replace_password" in ids(choose(facts(other_admins=0, break_glass_ok=True)))


def test_nothing_is_chosen_in_a_read_only_org_and_every_path_stays_open():
    plan = choose(facts(is_read_only=True), "dedicated")
    assert plan.steps == ()
    assert [one.path for one in plan.stays_open] == list(PATHS)
    assert {one.why for one in plan.stays_open} == {"the org is in read-only mode"}


def test_a_flow_that_is_blocked_already_is_only_read_back():
    plan = choose(facts(ropc_already_blocked=True))
    assert plan.steps[0].reason == "the flow is blocked already; only read back"


def test_an_org_without_soap_login_leaves_that_path_closed():
    plan = choose(facts(soap_login_enabled=False), "human_admin")
    assert [one.path for one in plan.stays_open] == ["ui"]


def test_the_password_is_not_sent_where_a_gateway_of_the_customer_would_see_it():
    assert not choose(facts(has_delegated_gateway="yes")).may_probe_with_password
    assert choose(facts(has_delegated_gateway="no")).may_probe_with_password


def test_in_every_plan_each_mechanism_is_a_step_or_left_out_with_a_reason_in_order():
    flags = (True, False)
    for principal, sso, admins, own, read_only, field in itertools.product(
        ("handed_over", "human_admin", "dedicated", "integration_user"), flags, (0, 1), flags, flags, flags
    ):
        plan = choose(
            facts(
                has_sso_permission=sso,
                other_admins=admins,
                bootstrap_user_is_integration_user=own,
                is_read_only=read_only,
                any_api_auth_field_exists=field,
            ),
            principal,
        )
        assert set(ids(plan)) | {one for one, _ in plan.left_out} == set(MECHANISMS)
        assert all(reason for _, reason in plan.left_out)
        orders = [step.mechanism.order for step in plan.steps]
        assert orders == sorted(orders)
        closed = {path for step in plan.steps for path in step.mechanism.closes}
        assert closed | {one.path for one in plan.stays_open} >= set(PATHS)
        if admins == 0:
            assert not any(step.mechanism.removes_person for step in plan.steps)


def test_each_mechanism_says_how_it_is_applied_read_back_proven_and_undone():
    for mechanism in MECHANISMS.values():
        texts = (mechanism.precondition, mechanism.applied, mechanism.read_back, mechanism.proven)
        assert all((*texts, mechanism.undone, mechanism.danger, mechanism.source))
