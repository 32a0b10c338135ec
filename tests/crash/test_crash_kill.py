"""A process dies after any one write or request of a hybrid run; the next one ends it as if nothing had been.

Every change a process makes outside itself is a write to the journal, a write to the vault or a request to
the org. A copy of all three after each of them is thus every state in which a dying process can leave them.
"""

from __future__ import annotations

import random

import pytest
from crash_points import reference_run

SEED = "hybrid-1"
SHARES = 8
PAUSES_S = (0.0, 0.0, 3.0, 100.0, 600.0)

pytestmark = pytest.mark.slow


def mechanisms(record):
    return [lock["mechanism"] for lock in record.evidence["lockdown"]]


@pytest.fixture(scope="module")
def clean(scratch):
    """A run in which nobody dies, with a copy of the world after each of its changes."""
    return reference_run(scratch / "kill", SEED)


def test_the_clean_run_changes_the_org_as_often_as_it_should(clean):
    assert clean.record.result == "succeeded"
    before = clean.points[0].world.effects()
    after = clean.world.effects()
    changes = {name: after[name] - before[name] for name in after if name != "permission_set_assignments"}
    assert changes == {"deploys": 2, "apps": 1, "apps_created": 1, "password_changes": 1}
    assert set(mechanisms(clean.record)) >= {"block_password_grant", "replace_password", "end_sessions"}
    kinds = {point.name for point in clean.points}
    assert {"journal write", "journal note", "vault put", "vault forget"} <= kinds
    assert {f"org answered {name}" for name in ("soap_login", "deploy", "token", "set_password")} <= kinds
    assert len(clean.points) > 60


@pytest.mark.parametrize("share", range(SHARES))
def test_whenever_a_process_dies_the_next_one_ends_the_run_with_every_effect_once(clean, share, folder):
    rng = random.Random(f"{SEED}/{share}")  # noqa: S311 - not a secret
    for number, point in list(enumerate(clean.points))[share::SHARES]:
        pause_s = rng.choice(PAUSES_S)
        story = f"died after change {number} ({point.name}), resumed {pause_s:.0f} s later, seed {SEED}"
        print(story)  # noqa: T201 - the seed, should it fail
        world = point.world.copy(folder / str(number))
        world.clock.sleep(pause_s)
        record = world.resume()
        truth = world.truth()
        assert record.result == "succeeded", f"{story}: {record.position.state} {record.code} {record.detail}"
        assert world.effects() == clean.world.effects(), story
        assert truth["jwt_works"], story
        assert not truth["password_works"], story
        assert truth["counts"]["operations"]["soap_login"] <= 3, story
        assert truth["locks"] == clean.world.truth()["locks"], story
        assert mechanisms(record) == mechanisms(clean.record), story


def test_a_process_that_dies_twice_in_a_row_does_not_change_that(clean, folder):
    rng = random.Random(SEED)  # noqa: S311 - not a secret
    for number in rng.sample(range(len(clean.points)), 6):
        again = reference_run(folder / str(number), SEED, clean.points[number].world)
        second = rng.choice(again.points) if again.points else clean.points[number]
        story = f"died after change {number}, then after {second.name}, seed {SEED}"
        print(story)  # noqa: T201 - the seed, should it fail
        record = second.world.resume()
        assert record.result == "succeeded", f"{story}: {record.position.state} {record.code} {record.detail}"
        assert second.world.effects() == clean.world.effects(), story
        assert second.world.truth()["counts"]["operations"]["soap_login"] <= 3, story
