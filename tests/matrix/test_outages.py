"""An outage at the login costs no passwords, and a session no front end knows yet is waited for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from matrix_cells import MINUTE, ONCE, Outcome, Shot, fire
from matrix_faults import COLUMNS
from matrix_routes import Recording, record_route
from matrix_rows import ROUTES
from matrix_stage import Stage, scratch

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with scratch() as made:
        yield made


@pytest.fixture(scope="module")
def hybrid(folder: Path) -> Recording:
    return record_route(next(route for route in ROUTES if route.name == "hybrid"), folder / "clean")


def column(name: str):
    return next(one for one in COLUMNS if one.name == name)


def logins(stage: Stage) -> int:
    return sum(row.operation == "soap_login" for row in stage.org.requests)


@pytest.mark.parametrize("fault", ["503", "cut before", "cut after", "trouble", "limit", "maintenance"])
def test_an_outage_of_a_minute_leaves_a_password_for_the_probe(
    hybrid: Recording, tmp_path: Path, fault: str
) -> None:
    stage = hybrid.visits["bootstrap"].stage.copy(tmp_path / "world")
    shot = column(fault)
    ends_s = stage.clock.now_s() + 60.0
    shot.script(stage)

    def wire(_request, send):
        if stage.clock.now_s() >= ends_s:
            shot.end(stage)
        return send()

    with stage.process(wire) as app:
        record, error = stage.drive(app, until="preflight")
    assert error is None
    assert record.position.state == "preflight", (record.code, record.detail)
    assert logins(stage) == 2


@pytest.mark.parametrize("lasts", [ONCE, MINUTE])
def test_a_session_of_the_runs_own_that_is_not_known_yet_is_waited_for(
    hybrid: Recording, tmp_path: Path, lasts: str
) -> None:
    shot = Shot(column("session over"), lasts, "limits" if lasts == ONCE else "*")
    outcome: Outcome = fire(shot, hybrid, hybrid.visits["bootstrap"], tmp_path / "world")
    assert outcome.is_as_clean, outcome
    assert outcome.broken == []


def test_a_page_in_the_place_of_an_org_is_no_missing_record(hybrid: Recording, tmp_path: Path) -> None:
    stage = hybrid.visits["assign_permission_set"].stage.copy(tmp_path / "world")
    column("moved away").script(stage)
    with stage.process() as app:
        record, _error = stage.drive(app)
    assert (record.result, record.code) == ("failed", "url_not_an_org")
