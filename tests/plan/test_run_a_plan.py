"""`run --plan`: goes through when nothing differs, and names what does."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from planning_world import check, planned_file
from scenario_facts import our_app
from scenario_world import World

from orchestrator.errors import OrchestratorError, OrgFault, UsageError
from orchestrator.vault.cipher import VaultKey

FILE = "plan.json"
CHANGES: list[tuple[str, Mapping[str, Any]]] = [
    ("settings.OauthOidcSettings", {"settings": {"OauthOidcSettings": {"blockOAuthUnPwFlow": "true"}}}),
    (
        "settings.MyDomainSettings",
        {"settings": {"MyDomainSettings": {"doesApiLoginRequireOrgDomain": "true"}}},
    ),
    ("no_other_admin", {"deactivate_user": "{break_glass}"}),
    ("user_inactive", {"freeze_user": "{integration}"}),
]


def test_an_org_that_did_not_change_may_be_run(world: World, tmp_path: Path) -> None:
    options = planned_file(world, tmp_path / FILE)
    check(world, options)
    assert world.run().record.result == "succeeded"


def test_the_file_is_private_and_says_what_was_planned(world: World, tmp_path: Path) -> None:
    planned_file(world, tmp_path / FILE)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    tree = json.loads((tmp_path / FILE).read_text(encoding="utf-8"))
    assert set(tree) == {
        *("format", "playbook", "playbook_digest", "inputs", "created", "created_s", "orgs", "mac"),
    }
    row = tree["orgs"][world.seed.name]
    assert row["org_id"] == world.seed.org_id
    assert row["host"] == world.seed.my_domain_host
    assert len(row["observed_digest"]) == 64
    assert world.password not in (tmp_path / FILE).read_text(encoding="utf-8")


@pytest.mark.parametrize(("named", "change"), CHANGES, ids=[name for name, _ in CHANGES])
def test_a_change_in_the_org_is_named_and_nothing_is_begun(
    named: str, change: Mapping[str, Any], world: World, tmp_path: Path
) -> None:
    options = planned_file(world, tmp_path / FILE)
    names = {
        "{break_glass}": world.seed.break_glass_username,
        "{integration}": world.seed.integration_username,
    }
    world.change({key: names.get(str(value), value) for key, value in change.items()})
    world.forget_history()
    refused = refusal(lambda: check(world, options))
    assert refused.code == "plan_drifted"
    assert named in refused.detail
    assert world.org.deploys_started == 0
    assert [run.playbook for run in world.app.journal.runs()].count("hybrid") == 0


def test_an_app_that_appeared_is_drift(world: World, tmp_path: Path) -> None:
    options = planned_file(world, tmp_path / FILE)
    our_app(world, "Orchestrator_JWT")
    refused = refusal(lambda: check(world, options))
    assert "client_app.state: was absent, is ours" in refused.detail
    assert "permission_sets.Orchestrator_JWT_Access: was absent, is" in refused.detail


def test_another_input_is_drift_and_the_org_is_not_asked(world: World, tmp_path: Path) -> None:
    options = planned_file(world, tmp_path / FILE)
    world.forget_history()
    refused = refusal(lambda: check(world, options, {"bootstrap_principal": "human_admin"}))
    assert "inputs.bootstrap_principal: was handed_over, is human_admin" in refused.detail
    assert world.seen == []


def test_another_orgs_file_is_drift(world: World, tmp_path: Path) -> None:
    options = planned_file(world, tmp_path / FILE)
    refused = refusal(lambda: check(world, options, bootstrap_principal="dedicated"))
    assert "orgs_file.bootstrap_principal: was None, is dedicated" in refused.detail
    assert "locks" in refused.detail


def test_another_host_or_org_is_drift(world: World, tmp_path: Path) -> None:
    options = planned_file(world, tmp_path / FILE)
    other = world.seeds[1]
    refused = refusal(
        lambda: check(world, options, url=f"https://{other.my_domain_host}", org_id=other.org_id)
    )
    assert refused.code == "plan_drifted"
    assert world.bystander.deploys_started == 0


def test_an_org_that_is_not_in_the_plan_is_refused(world: World, tmp_path: Path) -> None:
    options = planned_file(world, tmp_path / FILE)
    assert "another: not in the plan" in refusal(lambda: check(world, options, name="another")).detail


def test_a_refused_org_cannot_be_run_by_its_plan(world: World, tmp_path: Path) -> None:
    world.give_password("Not-the-passw0rd")
    options = planned_file(world, tmp_path / FILE)
    assert "the plan was refused (login_invalid)" in refusal(lambda: check(world, options)).detail


def test_a_changed_file_is_refused_whatever_was_changed(world: World, tmp_path: Path) -> None:
    options = planned_file(world, tmp_path / FILE)
    tree = json.loads((tmp_path / FILE).read_text(encoding="utf-8"))
    for key, value in (
        ("created_s", tree["created_s"] + 60),
        ("inputs", {}),
        ("mac", "0" * 64),
        ("format", 2),
    ):
        (tmp_path / FILE).write_text(json.dumps({**tree, key: value}), encoding="utf-8")
        assert refusal(lambda: check(world, options)).code == "plan_tampered"
    for text in ("", "[]", "{}", "not json", '{"mac": "é"}'):
        (tmp_path / FILE).write_text(text, encoding="utf-8")
        assert refusal(lambda: check(world, options)).code == "plan_tampered"


def test_a_plan_of_another_home_is_refused_even_with_the_same_key(world: World, tmp_path: Path) -> None:
    options = planned_file(world, tmp_path / FILE)
    world.new_home(tmp_path / "elsewhere")
    assert refusal(lambda: check(world, options)).code == "plan_tampered"


def test_an_old_plan_is_refused_unless_its_age_is_allowed(world: World, tmp_path: Path) -> None:
    options = planned_file(world, tmp_path / FILE)
    world.clock.advance(24 * 3600 + 1)
    refused = refusal(lambda: check(world, options))
    assert (refused.code, refused.exit_status) == ("plan_too_old", 3)
    check(world, {**options, "plan_max_age": "2d"})


def test_a_plan_file_that_is_not_there_is_a_wrong_call(world: World, tmp_path: Path) -> None:
    options = {"plan_file": str(tmp_path / "none"), "plan_max_age": "24h", "concurrency": 1}
    with pytest.raises(UsageError, match="cannot read"):
        check(world, options)
    with pytest.raises(UsageError, match="not a duration"):
        check(world, {**options, "plan_max_age": "24"})


def refusal(call: Callable[[], None]) -> OrchestratorError:
    with pytest.raises((OrgFault, UsageError)) as caught:
        call()
    return caught.value


def test_a_signature_is_of_one_key_one_purpose_and_one_home() -> None:
    key, other = VaultKey(bytes(32), "file"), VaultKey(bytes([1]) * 32, "file")
    made = key.mac(b"text", label="plan", salt=b"home")
    assert made == VaultKey(bytes(32), "environment").mac(b"text", label="plan", salt=b"home")
    others = {
        key.mac(b"texts", label="plan", salt=b"home"),
        key.mac(b"text", label="plans", salt=b"home"),
        key.mac(b"text", label="plan", salt=b"homes"),
        other.mac(b"text", label="plan", salt=b"home"),
    }
    assert len(others | {made}) == 5
