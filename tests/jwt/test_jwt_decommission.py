"""What `jwt` made in an org is taken away again; users cannot be deleted, so ours is deactivated."""

from __future__ import annotations

from typing import Any

import pytest
from scenario_world import Finished, World

from orchestrator.engine.operator import answer_run
from orchestrator.redaction import Secret
from orchestrator.salesforce.rest import OrgApi
from orchestrator.simulator import sessions
from orchestrator.simulator.users import User

NEW = "service@new.example"
APP = "Orchestrator_JWT"
APPROVED = {"approved": "true"}


def provisioned(world: World, **entry: Any) -> None:
    inputs = {"email": "ops@new.example", "permissions": "Account:read", "lock": "true"}
    done = world.drive(world.start(inputs, playbook="jwt", **entry))
    assert done.record.result in {"succeeded", "needs_attention"}, done.record.detail
    world.forget_history()


def answer(world: World, run: str) -> None:
    record = world.app.journal.run(run)
    machine = world.app.playbook_of(record.playbook_digest).machine
    answer_run(world.app.journal, machine, record, approved=True, inputs={}, now_s=world.clock.now_s())


def admin_api(world: World) -> OrgApi:
    """The second administrator, over the wire."""
    admin = world.org.user_by_name(world.seed.break_glass_username)
    assert admin is not None
    session = sessions.open_session(world.sim, world.org, admin, origin="ui", login_type="Application")
    return OrgApi(world.app.network, f"https://{world.seed.my_domain_host}", Secret(session.token), "66.0")


def decommissioned(world: World, user: str, **entry: Any) -> Finished:
    """Up to the end, or to the question whether a person has deactivated the user."""
    run = world.start(APPROVED, playbook="decommission", integration_user=user, **entry)
    asked = world.drive(run)
    if asked.record.position.state == "ask_for_rights":
        api = admin_api(world)
        (found,) = api.query("SELECT Id FROM PermissionSet WHERE Name = {n}", n=f"{APP}_Setup")
        (row,) = api.query("SELECT Id FROM User WHERE Username = {u}", u=user)
        api.create("PermissionSetAssignment", {"AssigneeId": row["Id"], "PermissionSetId": found["Id"]})
        answer(world, run)
        asked = world.drive(run)
    return asked


def our_user(world: World) -> User:
    found = world.org.user_by_name(NEW)
    assert found is not None
    return found


def test_the_user_this_tool_made_is_deactivated_by_an_administrator(world: World) -> None:
    provisioned(world, integration_user=NEW)
    admin = world.org.user_by_name(world.seed.break_glass_username)
    assert admin is not None
    admin.set_password("another-pass-1", world.clock.now_s(), new_token="")
    world.give_password("another-pass-1")
    done = decommissioned(world, NEW, username=world.seed.break_glass_username)
    assert our_user(world).is_active is False, (done.record.position.state, done.record.detail)
    assert done.evidence["retired"] == NEW
    assert "session_ended" in done.evidence
    assert f"deactivate user {NEW}" in done.evidence["removal_plan"]["question"]
    assert [name for name in world.truth()["components"] if f"{APP}_Service" in name] == []
    assert world.app.vault.scopes() == []
    left = [session.origin for session in world.org.sessions.values() if session.user_id == admin.id]
    assert left == ["ui"], "the session of the second administrator, who gave the rights"


def test_where_no_administrator_can_log_in_a_person_is_asked(world: World) -> None:
    provisioned(world, integration_user=NEW)  # the handed-over password is dead now
    asked = decommissioned(world, NEW)
    assert asked.record.position.state == "ask_to_retire"
    assert our_user(world).is_active
    assert world.app.vault.scopes() != []
    world.change({"deactivate_user": NEW})
    answer(world, asked.record.run)
    world.drive(asked.record.run)
    assert world.app.vault.scopes() == []


def test_where_the_orgs_file_offers_no_way_in_a_person_is_asked_at_once(world: World) -> None:
    provisioned(world, integration_user=NEW)
    asked = decommissioned(world, NEW, secrets={})
    assert asked.record.position.state == "ask_to_retire"
    assert "soap_login" not in {one.operation for one in world.seen}


def test_a_user_that_was_there_before_is_not_touched(world: World) -> None:
    username = world.seed.integration_username
    provisioned(world)
    done = decommissioned(world, username)
    assert {"bootstrap", "retire_integration_user"} & set(done.states) == set()
    known = world.org.user_by_name(username)
    assert known is not None
    assert known.is_active


@pytest.mark.parametrize("change", ["mark", "id"])
def test_a_user_that_is_not_the_one_we_made_is_left_alone(world: World, change: str) -> None:
    provisioned(world, integration_user=NEW)
    admin = world.org.user_by_name(world.seed.break_glass_username)
    assert admin is not None
    admin.set_password("another-pass-1", world.clock.now_s(), new_token="")
    world.give_password("another-pass-1")
    user = our_user(world)
    if change == "mark":
        user.extra_fields["Title"] = "Somebody"
    else:
        record = world.app.vault.get(f"org:{world.seed.name}", "record")
        assert record is not None
        world.app.vault.put(
            f"org:{world.seed.name}", "record", Secret(record.reveal().replace(user.id, "005000000000001AAA"))
        )
    done = decommissioned(world, NEW, username=world.seed.break_glass_username)
    assert our_user(world).is_active
    assert any("not the one this tool made" in left for left in done.evidence["left"])
    assert (done.record.result, done.record.code) == ("needs_attention", "removal_incomplete")
