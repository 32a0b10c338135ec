from __future__ import annotations

import pytest
from engine_world import Org, World


@pytest.fixture
def org():
    return Org()


@pytest.fixture
def world(org):
    """Makes worlds and closes their journals."""
    made = []

    def new(machine, actions, **settings):
        made.append(World(machine, {action.spec.name: action for action in actions}, org, **settings))
        return made[-1]

    yield new
    for each in made:
        each.journal.close()
