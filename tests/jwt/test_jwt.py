"""The playbook `jwt`: an integration user found or made, and JWT bearer for everything after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from scenario_world import Finished, Witness, World

from orchestrator.errors import OrgFault
from orchestrator.salesforce.certificate import load_private_key
from orchestrator.salesforce.hosts import parse_org_url
from orchestrator.salesforce.rest import OrgApi
from orchestrator.salesforce.token import jwt_assertion, jwt_bearer
from orchestrator.simulator.users import User

NEW = "service@new.example"
MAKE = {"email": "ops@new.example"}
APP = "Orchestrator_JWT"
PSL = "Salesforce API Integration"
USER_LICENSE = "Salesforce Integration"
MAKES_USER = "user_create"


def provision(world: World, inputs: dict[str, str] | None = None, **entry: Any) -> Finished:
    return world.drive(world.start(inputs, playbook="jwt", **entry))


def user(world: World, username: str = NEW) -> User | None:
    return world.org.user_by_name(username)


def licensed(world: World, one: User) -> int:
    return sum(given.assignee_id == one.id for given in world.org.license_assignments.values())


def witness(world: World) -> Witness:
    return Witness(world.seen, world.password, world.seed.my_domain_host)


def changed_users(world: World) -> list[str]:
    return [
        one.operation
        for one in world.seen
        if one.operation.startswith(("user_", "permission_set_license_assign_"))
        and not one.operation.endswith("_get")
        and one.status < 300
    ]


def test_the_user_the_orgs_file_names_is_used_and_nothing_of_it_is_changed(world: World) -> None:
    known = user(world, world.seed.integration_username)
    assert known is not None
    before = (known.profile_id, known.email, known.is_active)
    done = provision(world)
    assert (done.record.result, done.record.code) == ("succeeded", ""), done.record.detail
    assert changed_users(world) == []
    assert (known.profile_id, known.email, known.is_active) == before
    assert done.evidence["integration_user"]["made"] is False
    truth = world.truth()
    assert truth["jwt_works"]
    assert truth["password_works"], "nobody asked for a lock"
    assert witness(world).check() == []
    assert len(witness(world).passwords) == 1


def test_a_user_that_is_not_there_is_made_with_licence_profile_and_rights(world: World) -> None:
    inputs = {**MAKE, "permissions": "Account:read+edit,ViewSetup"}
    done = provision(world, inputs, integration_user=NEW)
    assert (done.record.result, done.record.code) == ("succeeded", ""), done.record.detail
    made = user(world)
    assert made is not None
    assert made.email == "ops@new.example"
    assert made.password_hash is None, "nobody ever has a password of it"
    assert world.org.profiles[made.profile_id].name == "Minimum Access - API Only Integrations"
    assert licensed(world, made) == 1
    assert done.evidence["integration_user"]["made"] is True
    assert "PermissionSet:Orchestrator_JWT_Service" in world.truth()["components"]
    assert sorted(world.truth()["users"][NEW]["permission_sets"]) == [f"{APP}_Access", f"{APP}_Service"]
    assert done.evidence["jwt_proofs"][-1]["user_id"][:15] == made.id[:15]
    assert done.evidence["adopted"]["bootstrap_session"] == "revoked; a call with it was refused"


def test_the_service_may_do_what_the_playbook_says_and_nothing_else(world: World) -> None:
    done = provision(world, {**MAKE, "permissions": "Account:read"}, integration_user=NEW)
    assert done.record.result == "succeeded"
    key = world.app.vault.get(f"org:{world.seed.name}", "private_key")
    assert key is not None
    host = parse_org_url(f"https://{world.seed.my_domain_host}")
    assertion = jwt_assertion(
        consumer_key=done.evidence["app"]["consumer_key"],
        username=NEW,
        audience=done.evidence["audience"],
        private_key=load_private_key(key),
        now_s=world.clock.now_s(),
    )
    token = jwt_bearer(world.app.network, host, assertion)
    api = OrgApi(world.app.network, token.instance_url, token.token, "66.0")
    assert api.query("SELECT Id, Name FROM Account")
    with pytest.raises(OrgFault) as refused:
        api.query("SELECT Id FROM Contact")
    assert refused.value.code == "functionality_missing"


def test_a_second_run_needs_no_password_and_changes_nothing(world: World) -> None:
    assert provision(world, MAKE, integration_user=NEW).record.result == "succeeded"
    world.forget_history()
    again = provision(world, MAKE, integration_user=NEW)
    assert again.record.result == "succeeded", again.record.detail
    assert witness(world).passwords == []
    assert changed_users(world) == []
    assert "deploy" not in {one.operation for one in world.seen}


def test_another_machine_finds_the_user_it_did_not_make_and_knows_it_for_ours(
    world: World, tmp_path: Path
) -> None:
    assert provision(world, MAKE, integration_user=NEW).record.result == "succeeded"
    world.new_home(tmp_path / "second")
    world.forget_history()
    again = provision(world, MAKE, integration_user=NEW)
    assert again.record.result == "succeeded", again.record.detail
    assert changed_users(world) == []
    assert again.evidence["integration_user"]["made"] is True


def test_after_the_credential_is_forgotten_another_run_brings_everything_up_to_date(world: World) -> None:
    first = provision(world, {**MAKE, "permissions": "Account:read"}, integration_user=NEW)
    world.app.vault.forget(f"org:{world.seed.name}")
    done = provision(world, {"permissions": "Contact:edit"}, integration_user=NEW)
    assert done.record.result == "succeeded", done.record.detail
    granted = world.org.components["PermissionSet", f"{APP}_Service"].tree["objectPermissions"]
    assert [(each["object"], each["allowRead"], each["allowEdit"]) for each in granted] == [
        ("Contact", "true", "true")
    ]
    assert done.evidence["app"]["consumer_key"] == first.evidence["app"]["consumer_key"]
    assert done.evidence["certificate"]["sha256"] != first.evidence["certificate"]["sha256"]
    assert done.evidence["integration_user"]["made"] is True
    assert sum(each.username == NEW for each in world.org.users.values()) == 1


@pytest.mark.parametrize("name", [USER_LICENSE, PSL])
def test_without_a_free_licence_nothing_is_made(world: World, name: str) -> None:
    world.change({"licenses": {name: 1}})
    refused = provision(world, MAKE, integration_user=NEW)
    assert refused.record.result == "failed"
    assert refused.record.code == "license_missing"
    assert "none of 1" in refused.record.detail
    assert user(world) is None
    assert witness(world).count("deploy") == 0
    assert refused.states[-1] == "preflight"


def test_a_developer_edition_has_one_seat_and_it_is_taken(make_world: Callable[..., World]) -> None:
    world = make_world(profile="developer")
    assert provision(world, MAKE, integration_user=NEW).record.code == "license_missing"
    assert provision(world).record.result == "succeeded"


def test_a_chosen_user_without_the_permission_set_licence_gets_it(world: World) -> None:
    known = user(world, world.seed.integration_username)
    assert known is not None
    world.org.license_assignments.clear()
    done = provision(world, {"permissions": "Account:read"})
    assert done.record.result == "succeeded", done.record.detail
    assert licensed(world, known) == 1
    assert changed_users(world) == ["permission_set_license_assign_create"]


def test_a_chosen_user_whose_licence_is_not_to_be_had_stops_the_run(world: World) -> None:
    world.org.license_assignments.clear()
    world.change({"licenses": {PSL: 0}})
    refused = provision(world)
    assert refused.record.code == "license_missing"
    assert changed_users(world) == []
    assert witness(world).count("deploy") == 0


def test_a_user_that_is_not_there_stops_the_run_unless_an_address_is_given(world: World) -> None:
    refused = provision(world, integration_user=NEW)
    assert refused.record.code == "integration_user_missing"
    assert user(world) is None
    assert "--set email" in refused.stopped_by()[2]


def test_the_administrator_does_not_become_the_integration_user_by_default(world: World) -> None:
    refused = provision(world, MAKE, integration_user=None)
    assert refused.record.code == "integration_user_missing"
    assert "names no `integration_user:`" in refused.record.detail
    assert changed_users(world) == []


def test_a_name_another_org_has_is_refused_with_one_that_says_whose_it_is(world: World) -> None:
    taken = world.seeds[1].integration_username
    refused = provision(world, MAKE, integration_user=taken)
    assert refused.record.code == "username_taken"
    label = world.seed.my_domain_host.partition(".")[0]
    assert f"try {taken.partition('@')[0]}.{label}@" in refused.record.detail
    assert changed_users(world) == []


def test_an_address_salesforce_does_not_take_is_named(world: World) -> None:
    refused = provision(world, {"email": "nobody"}, integration_user=NEW)
    assert refused.record.code == "email_invalid"
    assert user(world) is None


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_makes_no_second_user(world: World, when: str) -> None:
    world.fault(kind="reset", operation=MAKES_USER, when=when)
    done = provision(world, MAKE, integration_user=NEW)
    assert done.record.result == "succeeded", done.record.detail
    assert done.evidence["integration_user"]["made"] is True
    assert sum(each.username == NEW for each in world.org.users.values()) == 1
    made = user(world)
    assert made is not None
    assert licensed(world, made) == 1


class Died(BaseException):
    """The process is gone: nothing in the product may catch this and carry on."""


@pytest.mark.parametrize("sobject", ["User", "PermissionSetLicenseAssign"])
@pytest.mark.parametrize("answered", [False, True])
def test_a_process_that_dies_while_it_makes_the_user_is_continued_by_the_next(
    world: World, tmp_path: Path, sobject: str, *, answered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.start(MAKE, playbook="jwt", integration_user=NEW)
    adapter = world.app.network._adapter
    send = adapter.send

    def dying(request: requests.PreparedRequest, **options: Any) -> requests.Response:
        if request.method != "POST" or not str(request.url).rstrip("/").endswith(f"/sobjects/{sobject}"):
            return send(request, **options)
        if answered:
            send(request, **options)
        raise Died

    monkeypatch.setattr(adapter, "send", dying)
    with pytest.raises(Died):
        world.drive(run)
    world.new_home(tmp_path / "home")  # the next process, in the same home
    done = world.drive(run)
    assert done.record.result == "succeeded", done.record.detail
    assert sum(each.username == NEW for each in world.org.users.values()) == 1
    made = user(world)
    assert made is not None
    assert licensed(world, made) == 1
    assert done.evidence["integration_user"]["made"] is True
    assert len(witness(world).passwords) == 1


def test_with_lock_the_password_is_dead_afterwards(world: World) -> None:
    done = provision(world, {**MAKE, "lock": "true"}, integration_user=NEW)
    assert done.record.result in {"succeeded", "needs_attention"}, done.record.detail
    assert {"lock_password", "verify_lockdown"} <= set(done.states)
    assert world.truth()["password_works"] is False
    assert witness(world).check() == []
    assert "deploy" not in [one.operation for one in world.seen[-5:]]
    assert f"{APP}_Setup" not in world.truth()["users"][NEW]["permission_sets"]


def test_an_org_with_one_administrator_is_no_obstacle_where_nothing_is_locked(world: World) -> None:
    world.change({"deactivate_user": world.seed.break_glass_username})
    assert provision(world, break_glass_user=None).record.result == "succeeded"
    world.app.vault.forget(f"org:{world.seed.name}")
    locked = provision(world, {"lock": "true"}, break_glass_user=None)
    assert locked.record.code == "no_other_admin"


@pytest.mark.parametrize(
    ("written", "named"),
    [("Account:wipe", "'Account:wipe'"), ("Accounts:read", "object Accounts"), ("Fly", "permission Fly")],
)
def test_what_is_no_permission_is_named_before_anything_is_made(
    world: World, written: str, named: str
) -> None:
    refused = provision(world, {**MAKE, "permissions": f"Contact:read,{written}"}, integration_user=NEW)
    assert refused.record.code == "permission_invalid"
    assert named in refused.record.detail
    assert user(world) is None
    assert witness(world).count("deploy") == 0
