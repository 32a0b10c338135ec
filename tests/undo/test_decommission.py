"""What the tool made in an org is removed, the way in is shown to be closed, the key is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from undo_world import APP, Died, World, dying, without_ours

from orchestrator.errors import OrgFault
from orchestrator.ports import RunRecord
from orchestrator.redaction import Secret
from orchestrator.salesforce.rest import OrgApi

OWN_RIGHTS = "full_license_integration_user"
APPROVED = {"approved": "true"}
# Every change of a removal: operation, and which one of its kind.
CHANGES = [
    ("deploy", 1),
    ("auth_session_delete", 1),
    ("permission_set_assignment_delete", 1),
    ("delete_metadata", 1),
    ("permission_set_assignment_delete", 2),
    ("revoke", 1),
]
MANY = {"auth_session_delete", "revoke"}  # how many depends on how many logins the proofs took


def decommissioned(world: World, inputs: dict[str, str] | None = None) -> RunRecord:
    return world.with_rights(world.run("decommission", APPROVED if inputs is None else inputs))


def tokens_of(world: World) -> list[str]:
    """Every access token of our app that lives in the org now."""
    return [session.token for session in world.org.sessions.values() if session.app_name == APP]


def is_refused(world: World, token: str) -> bool:
    api = OrgApi(world.app.network, f"https://{world.seed.my_domain_host}", Secret(token), "66.0")
    try:
        api.query("SELECT Id FROM Organization")
    except OrgFault as refused:
        return refused.code == "session_expired"
    return False


def nothing_of_ours(world: World) -> bool:
    facts = world.facts()
    left = [name for name in facts["permission_sets"] if name.startswith(APP)]
    held = [row for row in facts["assignments"] if row[1].startswith(APP)]
    parts = [name for name in world.truth()["components"] if APP in name]
    return facts["apps"] == left == held == parts == []


def test_everything_of_ours_is_gone_and_the_rest_is_as_it_was(make_world: Callable[..., World]):
    world = make_world(profile=OWN_RIGHTS)
    before = world.facts()
    run = world.locked()
    world.undo(run.run)
    tokens = tokens_of(world)
    assert tokens
    assert not is_refused(world, tokens[-1])
    done = decommissioned(world)
    assert (done.result, done.code) == ("succeeded", "")
    assert nothing_of_ours(world)
    assert world.facts() == before
    assert world.truth()["jwt_works"] is False
    assert [is_refused(world, token) for token in tokens] == [True] * len(tokens)
    assert tokens_of(world) == []
    assert world.app.vault.scopes() == []
    assert done.evidence["jwt_refused"]["answer"] in {"client_id_unknown", "app_not_found"}
    assert done.evidence["left"] == []


def test_the_set_that_carries_the_rights_is_emptied_and_named(make_world: Callable[..., World]):
    world = make_world()
    world.locked()
    done = decommissioned(world)
    assert (done.result, done.code) == ("needs_attention", "removal_incomplete")
    assert f"{APP}_Setup (nobody holds it" in done.detail
    facts = world.facts()
    assert [name for name in facts["permission_sets"] if name.startswith(APP)] == [f"{APP}_Setup"]
    assert [row for row in facts["assignments"] if row[1].startswith(APP)] == []
    assert facts["apps"] == []
    assert world.app.vault.scopes() == []
    assert f"{APP}_Setup, emptied" in done.evidence["removal_plan"]["question"]


def test_with_rights_from_elsewhere_nothing_stays_behind(make_world: Callable[..., World]):
    world = make_world()
    world.locked()
    waiting = world.run("decommission", APPROVED)
    assert "then nothing of ours stays behind" in waiting.detail
    for permission in (
        *("CustomizeApplication", "ModifyMetadata", "ManageUsers", "ExternalClientAppDeveloper"),
        *("ManageProfilesPermissionsets", "AssignPermissionSets"),
    ):
        world.change({"grant_permission": {"username": world.jwt_username, "permission": permission}})
    world.answer(waiting.run)
    assert world.drive(waiting.run).result == "succeeded"
    assert nothing_of_ours(world)


def test_a_connected_app_is_removed_likewise(make_world: Callable[..., World]):
    world = make_world(profile="legacy_connected_apps")
    assert world.run("hybrid", {"app_kind": "connected_app"}).position.state in {"done", "attention"}
    assert APP in world.facts()["apps"]
    assert decommissioned(world).code == "removal_incomplete"
    assert world.facts()["apps"] == ["Legacy_Loader"]


def test_by_rest_it_is_the_same(make_world: Callable[..., World]):
    world = make_world(profile=OWN_RIGHTS)
    world.locked()
    assert decommissioned(world, {**APPROVED, "deploy_by": "rest"}).result == "succeeded"
    assert nothing_of_ours(world)


def test_a_front_end_that_still_gives_tokens_is_waited_for(make_world: Callable[..., World]):
    world = make_world(profile="slow_propagation")
    world.locked()
    world.events.clear()
    done = decommissioned(world)
    met = [event.code for event in world.events if event.state == "prove_removed" and event.code]
    assert "app_survives" in met
    assert done.code == "removal_incomplete"
    assert tokens_of(world) == []  # those it gave were revoked


# --- who is asked, and what is refused


def test_a_person_is_asked_with_the_list_and_no_changes_nothing(make_world: Callable[..., World]):
    world = make_world(profile=OWN_RIGHTS)
    run = world.locked()
    before = world.facts()
    asking = world.run("decommission")
    assert asking.position.state == "ask_for_approval"
    assert f"external_client_app {APP}" in asking.detail
    assert run.evidence["org_id"] in asking.detail
    assert "block_password_grant" in asking.detail  # locks that stand are said to stand
    world.answer(asking.run, approved=False)
    assert world.drive(asking.run).result == "needs_attention"
    assert world.facts() == before
    assert world.app.vault.scopes() == [f"org:{world.seed.name}"]


def test_yes_goes_on(make_world: Callable[..., World]):
    world = make_world(profile=OWN_RIGHTS)
    world.locked()
    asking = world.run("decommission")
    world.answer(asking.run)
    assert world.drive(asking.run).result == "succeeded"


def describe(world: World, text: str) -> None:
    world.org.apps[APP].description = text
    world.org.components["ExternalClientApplication", APP].tree["description"] = text


def take_over(world: World) -> None:
    """Somebody else's key is in the app."""
    part = world.org.components["ExtlClntAppGlobalOauthSettings", f"{APP}_glbloauth"]
    part.tree["consumerKey"] = "a" * 64


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        (lambda world: describe(world, "Made by hand"), "app_is_foreign"),
        (take_over, "app_is_foreign"),
        (lambda world: world.change({"freeze_user": world.seed.break_glass_username}), "no_other_admin"),
    ],
    ids=["the app is somebody else's", "its key is not ours", "nobody else could get in"],
)
@pytest.mark.parametrize("when", ["before the question", "between question and removal"])
def test_what_may_not_be_removed_is_not(
    make_world: Callable[..., World], happens: Callable[[World], Any], code: str, when: str
):
    world = make_world(profile=OWN_RIGHTS)
    world.locked()
    if when == "before the question":
        happens(world)
        before = world.facts()
        done = world.run("decommission", APPROVED)
    else:
        asking = world.run("decommission")
        happens(world)
        before = world.facts()
        world.answer(asking.run)
        done = world.drive(asking.run)
    assert (done.result, done.code) == ("needs_attention", code)
    assert world.facts() == before
    assert world.app.vault.scopes() == [f"org:{world.seed.name}"]


def test_a_set_that_still_locks_somebody_stays(make_world: Callable[..., World]):
    world = make_world(principal="integration_user")
    world.locked()
    done = decommissioned(world)
    assert done.result == "succeeded"
    assert any(
        f"{APP}_ApiOnly, which still locks 1 user" in text
        for text in done.evidence["removal_plan"]["staying"]
    )
    held = [row[1] for row in world.facts()["assignments"] if row[1].startswith(APP)]
    assert held == [f"{APP}_ApiOnly", f"{APP}_Sso"]


def test_when_the_session_dies_with_the_app_the_rest_is_named(make_world: Callable[..., World]):
    world = make_world()
    world.locked()

    def dying_sessions(
        _request: requests.PreparedRequest, send: Callable[[], requests.Response]
    ) -> requests.Response:
        if APP not in world.org.apps:
            world.change({"expire_sessions": world.jwt_username})
            world.org.departed_apps.clear()  # every front end has heard of it
        return send()

    waiting = world.run("decommission", APPROVED)
    world.assign_setup_set()
    world.answer(waiting.run)
    world.wire = dying_sessions
    done = world.drive(waiting.run)
    assert (done.result, done.code) == ("needs_attention", "removal_incomplete")
    assert f"{APP}_Access (its assignments are left too" in done.detail
    assert f"{APP}_Setup (its assignments are left too" in done.detail
    assert world.facts()["apps"] == []
    assert world.app.vault.scopes() == []


# --- crashes


@pytest.mark.slow
@pytest.mark.parametrize("answered", [False, True], ids=["before the org got it", "after the org did it"])
@pytest.mark.parametrize(("of", "place"), CHANGES)
def test_a_crash_at_any_change_is_made_good_by_the_next_process(
    make_world: Callable[..., World], of: str, place: int, *, answered: bool
):
    world = make_world()
    world.locked()
    waiting = world.run("decommission", APPROVED)
    world.assign_setup_set()
    world.answer(waiting.run)
    dying(world, place, answered=answered, of=of)
    with pytest.raises(Died):
        world.drive(waiting.run)
    world.new_process()
    world.clock.sleep(3600.0)  # the proof is stale by then
    done = world.drive(waiting.run)
    facts = world.facts()
    assert (done.code, facts["apps"]) == ("removal_incomplete", [])
    assert [row for row in facts["assignments"] if row[1].startswith(APP)] == []
    assert [name for name in facts["permission_sets"] if name.startswith(APP)] == [f"{APP}_Setup"]
    assert "nobody holds it" in done.detail
    assert world.app.vault.scopes() == []
    assert without_ours(facts)["users"]


def test_the_crashes_above_cover_every_change_of_a_removal(make_world: Callable[..., World]):
    world = make_world()
    world.locked()
    waiting = world.run("decommission", APPROVED)
    world.assign_setup_set()
    world.answer(waiting.run)
    seen = dying(world, 0, answered=False)
    world.drive(waiting.run)
    places = {(name, number) for name in seen for number in range(1, seen.count(name) + 1)}
    assert {one for one in places if one[0] not in MANY or one[1] == 1} == set(CHANGES)
