"""A process dies between a lock and its canary, and JWT breaks at that very moment: the lock goes."""

from __future__ import annotations

import pytest
from crash_world import Died, World, operation

from orchestrator.actions.credential import UNDO_TOKEN

SEED = "lock-1"
REFUSED = {"code": "invalid_grant", "message": "user hasn't approved this consumer"}

pytestmark = pytest.mark.slow


@pytest.fixture
def locked(folder):
    """The world of a process that died right after its first lock was answered."""
    world = World.new(folder / "world", seed=SEED)

    def wire(request, send):
        answered = send()
        if operation(request) == "upsert_metadata":
            raise Died("right after the lock")
        return answered

    app = world.process(wire)
    world.start(app)
    with pytest.raises(Died):
        world.drive(app)
    app.close()
    assert world.truth()["locks"]["password_flow_blocked"]
    return world


def refuse_jwt(world):
    world.simulator.faults.add({"kind": "error", "operation": "token", "times": 0, **REFUSED})


def left(world):
    """What of the run's own is left in the vault."""
    app = world.process()
    try:
        return app.vault.names(f"run:{world.run}")
    finally:
        app.close()


def test_the_session_from_before_the_lock_undoes_it(locked):
    assert UNDO_TOKEN in left(locked)
    refuse_jwt(locked)
    record = locked.resume()
    truth = locked.truth()
    assert (record.result, record.code) == ("needs_attention", "lock_canary_failed")
    assert not truth["locks"]["password_flow_blocked"]
    assert truth["password_works"]
    assert [lock["mechanism"] for lock in record.evidence["lockdown"] if "undone" in lock] == [
        "block_password_grant"
    ]


def test_an_undo_that_was_cut_off_is_gone_through_with_and_recorded(locked):
    refuse_jwt(locked)
    undos = []

    def die_in_the_undo(request, send):
        answered = send()
        if operation(request) == "upsert_metadata":
            undos.append(operation(request))
            raise Died("right after the undo")
        return answered

    with pytest.raises(Died):
        locked.resume(die_in_the_undo)
    assert undos
    record = locked.resume()
    assert (record.result, record.code) == ("needs_attention", "lock_canary_failed")
    assert not locked.truth()["locks"]["password_flow_blocked"]
    assert record.evidence["lockdown"][-1]["undone"]


def test_a_session_that_is_over_by_then_is_replaced_by_a_new_one(locked):
    locked.clock.sleep(4 * 3600.0)
    record = locked.resume()
    assert record.result == "succeeded", (record.code, record.detail)
    assert locked.truth()["locks"]["password_flow_blocked"]


def test_the_session_is_forgotten_when_the_canary_has_passed(locked):
    record = locked.resume()
    assert record.result == "succeeded", (record.code, record.detail)
    assert left(locked) == []
