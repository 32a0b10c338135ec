"""The hybrid playbook against kinds of orgs and scripted trouble: `fixtures/faults`, a sentence per case."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from scenario_cases import Case, play, read_cases, shortcomings
from scenario_world import World

CASES = read_cases()


@pytest.mark.parametrize("case", CASES, ids=[f"{case.file}: {case.name}" for case in CASES])
def test_a_scenario_ends_as_written_and_the_org_bears_witness(
    case: Case, make_world: Callable[..., World]
) -> None:
    world = make_world(profile=case.profile)
    finished = play(case, world)
    assert shortcomings(case, world, finished) == []


def test_no_two_scenarios_have_the_same_name() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
