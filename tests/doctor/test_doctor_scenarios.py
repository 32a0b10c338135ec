"""What breaks an org in real life, done to a simulated one; `doctor` must name it, and find it cheaply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from scenario_facts import fresh_certificate, plant
from scenario_world import Witness, World

from orchestrator.actions.examination import examine
from orchestrator.cli.doctor import _context, _last_failure, _tree
from orchestrator.salesforce.client_app import ClientAppPlan, build_client_app
from orchestrator.salesforce.diagnosis import diagnose

APP = "Orchestrator_JWT"
OTHER_ORG = "00D000000000009"


@dataclass
class Visit:
    """What one `doctor` said and what it cost."""

    tree: dict[str, Any]
    tokens: int
    passwords: int

    @property
    def code(self) -> str | None:
        return None if self.tree["cause"] is None else self.tree["cause"]["code"]

    @property
    def confidence(self) -> str:
        return self.tree["cause"]["confidence"]


def visit(world: World, *, with_password: bool = False, **entry: Any) -> Visit:
    world.forget_history()
    ctx = _context(world.app, world.entry(**entry))
    made = examine(ctx, with_password=with_password, last_failure=_last_failure(world.app, world.seed.name))
    tree = _tree(world.entry(**entry), made, diagnose(made.findings), ctx)
    witness = Witness(world.seen, world.password, world.seed.my_domain_host)
    writes = [
        one.operation for one in world.seen if one.operation in {"set_password", "user_update", "deploy"}
    ]
    assert not writes
    return Visit(tree, witness.count("token"), len(witness.passwords))


def give_the_admin_a_password(world: World) -> None:
    """The lock-down replaced the old one; somebody set another, which the orgs file refers to now."""
    world.change({"set_password": {"username": world.seed.username, "password": "Another-Passw0rd!"}})
    world.give_password("Another-Passw0rd!")


def change_app(world: World, **facts: Any) -> None:
    app = world.org.apps[APP]
    for name, value in facts.items():
        setattr(app, name, value)
    world.org.app_changed(app, world.sim.now_s())
    world.clock.advance(3600.0)


def delete_app(world: World) -> None:
    world.change({"delete_app": APP})
    world.clock.advance(3600.0)  # the last front end has forgotten it


def deploy_another_certificate(world: World) -> None:
    """Another administrator deploys the same app with a certificate of their own."""
    plan = ClientAppPlan(
        name=APP,
        label=APP,
        contact_email="someone@example.com",
        certificate_pem=fresh_certificate(world),
        permission_set=f"{APP}_Access",
    )
    plant(world, build_client_app(plan, 66))


def unassign(world: World) -> None:
    user = world.org.user_by_name(world.seed.integration_username)
    for key, row in list(world.org.assignments.items()):
        if (
            row.assignee_id == user.id
            and world.org.permission_sets[row.permission_set_id].name == f"{APP}_Access"
        ):
            del world.org.assignments[key]


def bind_to_licence(world: World) -> None:
    world.org.permission_set_by_name(f"{APP}_Access").license = "SalesforceAPIIntegrationPsl"


def close_ip_ranges(world: World) -> None:
    user = world.org.user_by_name(world.seed.integration_username)
    world.org.profiles[user.profile_id].login_ip_ranges = [("198.51.100.1", "198.51.100.9")]


def test_nothing_is_wrong_with_an_org_that_was_left_alone(world):
    seen = visit(world)
    assert seen.tree["healthy"] is True
    assert seen.code is None
    assert (seen.tokens, seen.passwords) == (1, 0)
    assert {"app_deleted", "clock_skewed", "user_inactive"} <= {row["code"] for row in seen.tree["ruled_out"]}


def test_with_password_is_not_used_where_the_credential_works(world):
    assert visit(world, with_password=True).passwords == 0


# What was done; cause and confidence from outside; cause with the bootstrap user's eyes.
BROKEN = {
    "the app was deleted": (
        delete_app,
        ("app_deleted", "likely"),
        "app_deleted",
    ),
    "the app was switched off": (
        lambda w: change_app(w, enabled=False),
        ("app_blocked", "certain"),
        "app_disabled",
    ),
    "the certificate was replaced": (
        deploy_another_certificate,
        ("assertion_invalid", "likely"),
        "certificate_replaced",
    ),
    "the policy was changed": (
        lambda w: change_app(w, admin_approved=False),
        ("user_not_approved", "likely"),
        "app_policy_changed",
    ),
    "the grant was taken from the policy": (
        lambda w: change_app(w, permission_set_names=frozenset()),
        ("app_not_approved", "likely"),
        "app_grant_removed",
    ),
    "the permission set was unassigned": (
        unassign,
        ("app_not_approved", "likely"),
        "permission_set_unassigned",
    ),
    "the permission set was bound to a licence": (
        bind_to_licence,
        ("app_not_approved", "likely"),
        "permission_set_licensed",
    ),
    "the user was frozen": (
        lambda w: w.change({"freeze_user": w.seed.integration_username}),
        ("login_refused", "likely"),
        "user_frozen",
    ),
    "the user was deactivated": (
        lambda w: w.change({"deactivate_user": w.seed.integration_username}),
        ("user_inactive", "certain"),
        "user_inactive",
    ),
    "the profile's IP ranges were narrowed": (
        close_ip_ranges,
        ("login_ip_restricted", "certain"),
        "ip_range_excludes_us",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_from_outside_the_cause_is_named_as_far_as_one_token_call_tells(world, what):
    breaking, (cause, confidence), _ = BROKEN[what]
    breaking(world)
    seen = visit(world)
    assert (seen.code, seen.confidence) == (cause, confidence)
    assert (seen.tokens, seen.passwords) == (1, 0)
    assert seen.tree["cause"]["fix"]


@pytest.mark.parametrize("what", BROKEN)
def test_with_the_password_the_cause_is_seen(world, what):
    breaking, _, cause = BROKEN[what]
    give_the_admin_a_password(world)
    breaking(world)
    seen = visit(world, with_password=True)
    assert (seen.code, seen.confidence) == (cause, "certain")
    assert (seen.tokens, seen.passwords) == (1, 1)
    assert seen.tree["looked_as"] == "bootstrap user"
    assert not [row for row in seen.tree["suspicions"] if row["confidence"] == "certain"]


def test_the_session_of_the_bootstrap_user_is_ended(world):
    give_the_admin_a_password(world)
    world.change({"freeze_user": world.seed.integration_username})
    visit(world, with_password=True)
    assert world.truth()["users"][world.seed.username]["live_sessions"] == []


def test_a_wrong_password_is_tried_once_and_does_not_hide_the_cause(world):
    world.change({"freeze_user": world.seed.integration_username})
    seen = visit(world, with_password=True)
    assert (seen.code, seen.passwords) == ("login_refused", 1)
    assert any("refused too" in line for line in seen.tree["cause"]["evidence"])


def test_an_expired_certificate_is_a_cause_even_while_logins_work(world):
    world.clock.advance(400 * 86_400.0)
    seen = visit(world)
    assert (seen.code, seen.confidence) == ("certificate_expired", "certain")


def test_a_skewed_clock_is_told_from_the_date_header(world):
    world.change({"skew_s": 900.0})
    seen = visit(world)
    assert (seen.code, seen.confidence, seen.tokens) == ("clock_skewed", "certain", 1)
    assert any("900 s ahead" in line or "899 s ahead" in line for line in seen.tree["cause"]["evidence"])


def test_an_audience_that_does_not_fit_is_named(world):
    world.fault(kind="error", operation="token", code="invalid_grant", message="audience is invalid", times=0)
    assert visit(world).code == "audience_invalid"


def test_maintenance_is_named(world):
    world.change({"maintenance": True})
    seen = visit(world)
    assert (seen.code, seen.tokens) == ("org_in_maintenance", 0)


def test_a_renamed_my_domain_is_named_and_nothing_is_signed_for_it(world):
    world.change({"moved_my_domain": "newname.my.salesforce.com"})
    seen = visit(world)
    assert (seen.code, seen.tokens) == ("host_moved", 0)
    assert "newname.my.salesforce.com" in seen.tree["cause"]["evidence"][0]


def test_a_url_of_another_org_is_named_and_gets_neither_token_request_nor_password(world):
    other = world.seeds[1]
    seen = visit(world, with_password=True, url=f"https://{other.my_domain_host}", org_id=None)
    assert (seen.code, seen.confidence) == ("org_id_mismatch", "certain")
    assert (seen.tokens, seen.passwords) == (0, 0)


def test_a_refreshed_sandbox_is_named(make_world):
    world = make_world(profile="sandbox")
    world.rewrites["auth_configuration"] = [(r'"OrgId":\s*"[^"]+"', f'"OrgId":"{OTHER_ORG}"')]
    seen = visit(world)
    assert (seen.code, seen.confidence) == ("sandbox_refreshed", "certain")
    assert (seen.tokens, seen.passwords) == (0, 0)


def test_an_unknown_host_is_named(world):
    seen = visit(world, url="https://nobody-here.my.salesforce.com")
    assert (seen.code, seen.tokens) == ("url_not_an_org", 0)


def test_an_org_in_read_only_mode_is_named(world):
    world.change({"read_only": True})
    assert visit(world).code == "read_only"


def test_an_org_without_a_credential_says_so(make_world):
    seen = visit(make_world(provisioned=False))
    assert (seen.code, seen.tokens, seen.passwords) == ("credential_missing", 0, 0)


def test_an_org_without_a_credential_has_the_cause_of_its_last_run(make_world):
    world = make_world(provisioned=False, profile="soap_login_off")
    assert world.run().record.result == "failed"
    seen = visit(world)
    assert (seen.code, seen.confidence, seen.passwords) == ("soap_login_disabled", "likely", 0)
    asked = visit(world, with_password=True)
    assert (asked.code, asked.confidence, asked.passwords) == ("soap_login_disabled", "certain", 1)


def test_api_access_control_is_named_where_the_password_opens_a_session_that_may_do_nothing(make_world):
    seen = visit(make_world(provisioned=False, profile="api_access_control"), with_password=True)
    assert (seen.code, seen.passwords) == ("session_not_valid_for_api", 1)


def test_another_integration_user_in_the_orgs_file_is_named(world):
    seen = visit(world, integration_user="somebody.else@acme.example")
    assert (seen.code, seen.tokens) == ("credential_other_user", 0)


def test_links_lead_into_setup_of_that_org(world):
    give_the_admin_a_password(world)
    world.change({"freeze_user": world.seed.integration_username})
    link = visit(world, with_password=True).tree["cause"]["link"]
    user_id = world.org.user_by_name(world.seed.integration_username).id
    assert link.startswith(
        "https://" + world.seed.my_domain_host.replace(".my.salesforce.com", ".my.salesforce-setup.com")
    )
    assert user_id in link
