"""The machine's clock is set back and forward while a hybrid run goes on: it ends as if nothing had been."""

from __future__ import annotations

import random

import pytest
from crash_world import EFFECTS, RUN_LENGTH_STEPS, World

from orchestrator.errors import LeaseLost
from orchestrator.ports import RunStatus

JUMPS_S = (0.0, 0.0, -90_000.0, -45.0, 45.0, 4000.0, 90_000.0)
MOST_JUMPS = 6

pytestmark = pytest.mark.slow


def jumping(world, rng):
    """A wire on which the clock is set, now and then, while a request is under way."""
    left = [MOST_JUMPS]

    def wire(_request, send):
        answered = send()
        if left[0] and rng.random() < 0.06:
            left[0] -= 1
            world.clock.at_s += rng.choice(JUMPS_S)
        return answered

    return wire


@pytest.mark.parametrize("seed", [f"clock-{number}" for number in range(6)])
def test_a_run_whose_clock_is_set_in_the_middle_doubles_nothing_and_ends(folder, seed):
    rng = random.Random(seed)  # noqa: S311 - not a secret
    world = World.new(folder / "world", seed="clock")
    before = world.effects()
    app = world.process(jumping(world, rng))
    world.start(app)
    engine = app.engine(lambda _event: None)
    for _ in range(RUN_LENGTH_STEPS):
        try:
            record = engine.advance(world.run)
        except LeaseLost:  # it stood still for longer than its lease lives, and another could have taken over
            continue
        if record.status is not RunStatus.ACTIVE:
            break
        world.clock.sleep(record.not_before_s - max(world.clock.at_s, record.updated_s))
    app.close()
    truth = world.truth()
    story = f"{record.result} {record.position.state} {record.code} {record.detail}"
    print(f"{seed}: {story}")  # noqa: T201 - what came of it
    assert record.status is RunStatus.FINISHED, story
    if record.result == "succeeded":
        after = world.effects()
        made = {name: after[name] - before[name] for name in EFFECTS if name != "permission_set_assignments"}
        assert made == {"deploys": 2, "apps": 1, "apps_created": 1, "password_changes": 1}, story
        assert truth["jwt_works"], story
        assert not truth["password_works"], story
    else:  # windows were jumped over; then nothing is locked without its proof
        assert record.code, story
    assert truth["counts"]["operations"]["soap_login"] <= 3, story
