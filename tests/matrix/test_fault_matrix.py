"""The page of the fault matrix is whole, keeps its own laws, and a sample of it is true now."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path

import pytest
from matrix_cells import OUR_RULES
from matrix_faults import COLUMNS
from matrix_run import make_cell
from matrix_table import ALL_ROUTES, NOT_TOUCHED, OK, PAGE, action_states, page, read_page

from orchestrator.actions.bootstrap import RUNGS
from orchestrator.actions.registry import ACTIONS
from orchestrator.catalogue import FAULTS
from orchestrator.errors import Blame
from orchestrator.simulator.fault_script import FAULT_KINDS

SEED = os.environ.get("ORCHESTRATOR_MATRIX_SEED", "1")
ROUTES_SAMPLED, CELLS_SAMPLED = 4, 24
ENDING = re.compile(
    r"(?:once: |a minute: )?(?:ok|(?:failed|attention|asks in \w+)(?: `(\w+)`)? ([34])(?: ↻)?)"
)
UNDOCUMENTED = {column.name for column in COLUMNS if column.undocumented}


@pytest.fixture(scope="module")
def cells() -> dict[tuple[str, str, str], str]:
    return read_page(PAGE.read_text("utf-8"))


def rows(cells: dict[tuple[str, str, str], str]) -> set[tuple[str, str]]:
    return {(route, state) for route, state, _ in cells}


def test_every_action_has_a_row(cells: dict[tuple[str, str, str], str]) -> None:
    playbooks = {route.name: route.playbook for route in ALL_ROUTES}
    met = {action_states(playbooks[route])[state] for route, state in rows(cells)}
    assert set(ACTIONS) - met == set()


def test_every_fault_kind_of_the_simulator_is_a_column(cells: dict[tuple[str, str, str], str]) -> None:
    assert {column.kind for column in COLUMNS} == set(FAULT_KINDS)
    every = {column.name for column in COLUMNS}
    for row in rows(cells):
        assert {name for *place, name in cells if tuple(place) == row} == every, row


def test_every_playbook_that_ships_and_every_way_to_the_first_session_is_met(
    cells: dict[tuple[str, str, str], str],
) -> None:
    shipped = {path.stem for path in (Path(__file__).parents[2] / "playbooks").glob("*.yaml")}
    assert {route.playbook for route in ALL_ROUTES} == shipped
    assert {f"rung {name}" for name in RUNGS} == {
        route for route, _ in rows(cells) if route.startswith("rung")
    }
    assert {route.name for route in ALL_ROUTES} == {route for route, _ in rows(cells)}
    named = {(route.name, state) for route in ALL_ROUTES for state in route.states}
    assert named - rows(cells) == set()


def test_the_page_is_written_from_its_cells_and_by_nobody_else(
    cells: dict[tuple[str, str, str], str],
) -> None:
    assert page(cells) == PAGE.read_text("utf-8")


def test_no_ending_is_unclassified_ours_or_silent(cells: dict[tuple[str, str, str], str]) -> None:
    for (*place, column), text in cells.items():
        if text == NOT_TOUCHED:
            continue
        for ending in text.split("; "):
            said = ENDING.fullmatch(ending)
            assert said, (place, column, text)
            code = said[1]
            if code is None or column in UNDOCUMENTED:
                continue
            assert code in FAULTS, (place, column, text)
            assert code != "answer_unknown", (place, column, text)
            assert FAULTS[code].blame is not Blame.ORCHESTRATOR or code in OUR_RULES, (place, column, text)


def test_no_passing_fault_that_salesforce_documents_stops_a_run(
    cells: dict[tuple[str, str, str], str],
) -> None:
    losing = {route.name for route in ALL_ROUTES if route.loses_sessions}
    for (route, state, column), text in cells.items():
        if "once: " not in text and "a minute: " not in text:
            continue
        if column in UNDOCUMENTED:
            assert "answer_unknown" in text, (route, state)
        else:  # a person has to bring another session, or it costs a password
            assert (route in losing, column) == (True, "session over"), (route, state, column, text)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_sample_of_the_cells_is_what_happens_now(cells: dict[tuple[str, str, str], str]) -> None:
    print(f"ORCHESTRATOR_MATRIX_SEED={SEED}")  # noqa: T201 - to replay it
    rng = random.Random(SEED)  # noqa: S311 - not a secret
    routes = rng.sample([route.name for route in ALL_ROUTES], ROUTES_SAMPLED)
    columns = {column.name: column for column in COLUMNS}
    touched = [place for place, text in cells.items() if place[0] in routes and text != NOT_TOUCHED]
    by_column = [[place for place in touched if place[2] == name] for name in columns]
    chosen = [rng.choice(places) for places in by_column if places]
    chosen += rng.sample([place for place in touched if cells[place] != OK], CELLS_SAMPLED - len(chosen))
    for place in sorted(set(chosen)):
        route, state, name = place
        text, outcomes = make_cell(route, state, columns[name])
        assert [outcome.broken for outcome in outcomes if outcome.broken] == [], (place, outcomes)
        assert text == cells[place], (place, [str(outcome) for outcome in outcomes])
