"""`kill -9` of real processes at random instants of a run, over real loopback HTTPS."""

from __future__ import annotations

import random

import pytest

SPEED = 40
KILLS = 4
EVENTS_OF_A_RUN = 100

pytestmark = pytest.mark.slow


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", ["kill-1", "kill-2"])
def test_a_run_killed_again_and_again_ends_with_every_effect_once(simulated, program, finished, seed):
    rng = random.Random(seed)  # noqa: S311 - not a secret
    lives = [rng.randint(1, EVENTS_OF_A_RUN // KILLS) for _ in range(KILLS)]
    print(f"seed {seed}, killed after so many events of each process: {lives}")  # noqa: T201 - the seed
    orgs = simulated(speed=SPEED, seed=seed)
    before = orgs.truth()["counts"]
    process = program("run", "hybrid", "--json", *orgs.options, orgs=orgs)
    for events in lives:
        assert process.stdout is not None
        # The first line says that the run is in the journal; from there on it may die at any time.
        read = [process.stdout.readline() for _ in range(events)]
        assert read[0]
        process.kill()
        assert finished(process).code in {-9, 0}
        process = resume(program, orgs)
    ended = finished(process)
    assert ended.code == 0, ended.err
    assert not ended.out or ended.lines[-1].get("result") == "succeeded"
    assert_every_effect_once(orgs, before)


def resume(program, orgs):
    return program("resume", "--all", "--json", "--speed", f"{SPEED}", *orgs.connect_to, orgs=orgs)


def assert_every_effect_once(orgs, before):
    truth = orgs.truth()
    counts = {name: truth["counts"][name] - before[name] for name in ("deploys", "apps", "password_changes")}
    assert counts == {"deploys": 2, "apps": 1, "password_changes": 1}
    assert truth["jwt_works"]
    assert not truth["password_works"]
    assert truth["locks"]["password_flow_blocked"]
    assert truth["counts"]["operations"]["soap_login"] <= 3
    left = truth["users"]["integration@acme.example"]["permission_sets"]
    assert not [name for name in left if "Setup" in name]
