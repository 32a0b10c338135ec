"""Rotation in the app there is: the old key is kept, and put back when the new one does not prove itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from rotation_world import APP, RotationWorld

from orchestrator.salesforce.certificate import certificate_sha256

IN_PLACE = {"mode": "in_place"}
GLOBAL_OAUTH = ("ExtlClntAppGlobalOauthSettings", f"{APP}_glbloauth")


def deployed(world: RotationWorld) -> str:
    """Fingerprint of the certificate that the org holds."""
    return certificate_sha256(str(world.org.apps[APP].certificate_pem))


def test_the_app_keeps_its_name_and_key_and_has_a_new_certificate(locked: RotationWorld):
    before = locked.record()
    done = locked.rotate(IN_PLACE)
    assert done.record.result == "succeeded", done.record.detail
    after = locked.record()
    assert locked.apps() == [APP]
    assert after["app"]["consumer_key"] == before["app"]["consumer_key"]
    assert after["certificate"]["sha256"] != before["certificate"]["sha256"]
    assert deployed(locked) == after["certificate"]["sha256"]
    assert locked.app.vault.names(locked.scope) == ["certificate", "private_key", "record"]
    assert locked.holders_of(f"{APP}_Setup") == []
    locked.settle()
    assert locked.in_use_works()


def test_front_ends_that_disagree_meanwhile_are_waited_out(locked: RotationWorld):
    done = locked.rotate(IN_PLACE)
    answers = done.evidence["propagation"]["answers"]
    assert answers.get("assertion_invalid", 0) >= 1
    assert len(done.evidence["jwt_proofs"]) >= 5
    assert done.evidence["former_key_refused"]["answer"] == "assertion_invalid"


@pytest.mark.parametrize("mode", ["ab", "in_place"])
def test_front_ends_that_fall_back_again_and_again_are_waited_out(locked: RotationWorld, mode: str):
    locked.change({"propagation": {"nodes": 8, "first_s": 60.0, "last_s": 600.0, "relapse_probability": 1.0}})
    done = locked.rotate({"mode": mode})
    assert done.record.result == "succeeded", done.record.detail
    refused = done.evidence["propagation"]["answers"]
    assert sum(refused.values()) >= 2
    proofs = [one for one in locked.seen if one.operation == "token" and one.status == 200]
    assert len(proofs) >= 9
    locked.settle()
    assert locked.in_use_works()


def test_what_somebody_has_set_in_the_app_stays(locked: RotationWorld):
    part = locked.org.components[GLOBAL_OAUTH]
    part.tree["callbackUrl"] = "https://acme.example/callback"
    part.tree["isIntrospectAllTokens"] = "true"
    policy = dict(locked.org.components["ExtlClntAppOauthConfigurablePolicies", f"{APP}_oauthPlcy"].tree)
    done = locked.rotate(IN_PLACE)
    assert done.record.result == "succeeded", done.record.detail
    tree = locked.org.components[GLOBAL_OAUTH].tree
    assert tree["callbackUrl"] == "https://acme.example/callback"
    assert str(tree["isIntrospectAllTokens"]).lower() == "true"
    assert locked.org.components["ExtlClntAppOauthConfigurablePolicies", f"{APP}_oauthPlcy"].tree == policy


def test_a_new_key_that_does_not_prove_itself_gives_way_to_the_old_one(locked: RotationWorld, tmp_path: Path):
    before = locked.record()
    run = locked.rotate_until("prove_new", IN_PLACE)
    assert deployed(locked) != before["certificate"]["sha256"]
    app = locked.org.apps[APP]
    app.certificate_pem = locked.own_pair(tmp_path).certificate_pem  # of a key that nobody here holds
    locked.org.app_changed(app, locked.sim.now_s())
    done = locked.drive(run)
    assert (done.record.position.state, done.record.result) == ("failed", "failed"), done.record.detail
    assert {"roll_back", "prove_former", "close_failed"} <= set(done.states)
    assert locked.record() == before
    assert deployed(locked) == before["certificate"]["sha256"]
    assert locked.kept("next") is None
    assert locked.in_use_works()
    assert locked.holders_of(f"{APP}_Setup") == []


def test_the_new_key_is_in_the_vault_before_it_is_deployed(locked: RotationWorld):
    def kept_at_deploy(request: object) -> None:
        if "deploy" in str(getattr(request, "path", "")) or b":deploy>" in getattr(request, "body", b""):
            seen.append(locked.kept("next") is not None)

    seen: list[bool] = []
    run = locked.rotate_until("deploy_certificate", IN_PLACE)
    assert locked.kept("next") is None
    locked.answerer_before = kept_at_deploy
    locked.drive(run)
    assert seen
    assert seen[0]


@pytest.mark.parametrize("waited_s", [0.0, 7200.0], ids=["at once", "after the front ends agree"])
def test_a_cancelled_rotation_is_put_right_by_the_next_one(locked: RotationWorld, waited_s: float):
    run = locked.rotate_until("prove_new", IN_PLACE)
    new = locked.kept("next")
    assert new is not None
    locked.cancel(run)
    locked.clock.advance(waited_s)
    done = locked.rotate({**IN_PLACE, "not_before_days_left": "30"})
    assert done.record.result == "succeeded", (done.record.position.state, done.record.detail)
    assert locked.kept("next") is None
    locked.settle()
    assert locked.in_use_works()


def test_a_deploy_whose_end_is_not_known_forgets_nothing(locked: RotationWorld):
    locked.fault(kind="status", operation="check_deploy_status", times=4000)
    run = locked.rotate_until("deploy_certificate", IN_PLACE)
    done = locked.drive(run)
    assert done.record.result == "needs_attention"
    assert locked.kept("next") is not None


def test_a_key_of_ones_own_is_used(locked: RotationWorld, tmp_path: Path):
    other = locked.own_pair(tmp_path)
    done = locked.rotate(
        {**IN_PLACE, "private_key": f"file:{other.key}", "certificate": f"file:{other.certificate}"}
    )
    assert done.record.result == "succeeded", done.record.detail
    assert locked.record()["certificate"]["sha256"] == other.sha256
    assert locked.record()["certificate"]["origin"] == "brought along"
