"""The search that follows every end-to-end test finds what it is for, and can fail."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest
from planted_secrets import Trace
from scenario_world import World

from orchestrator.simulator.simulation import Simulator

PASSWORD = "p<ss&w\"rd'12345"
SHAPED = {
    "a session id": "00DSIM0000000AAA!AQcAQCanaryCanaryCanary.Canary_1",
    "a JWT": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLW9mLXRoZS1jYW5hcnk",
    "a private key": "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" * 2,
    "an SFDX URL": "force://PlatformCLI::5Aep861canarycanarycanary@acme.my.salesforce.com",
}


@pytest.mark.parametrize(
    "written",
    [
        PASSWORD,
        json.dumps({"detail": PASSWORD}),
        "&lt;b&gt; p&lt;ss&amp;w&quot;rd&apos;12345",
        "password=p%3Css%26w%22rd%2712345&x=1",
    ],
)
def test_a_planted_password_is_found_in_files_and_output_as_it_travels(tmp_path: Path, written: str) -> None:
    kept = Trace({"password": PASSWORD})
    (tmp_path / "report.html").write_text(written)
    kept.hear("what a command said", written)
    assert kept.found(tmp_path) == ["password in what a command said", "password in report.html"]


@pytest.mark.parametrize("name", SHAPED)
def test_what_looks_like_a_secret_is_found_whoever_made_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.json").write_text(json.dumps({"said": SHAPED[name]}))
    assert f"{name} in x.json" in Trace().found(tmp_path)


def test_a_secret_that_a_database_keeps_on_several_pages_is_found(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "journal.db")) as database:
        database.execute("CREATE TABLE attempt (detail TEXT)")
        database.execute("INSERT INTO attempt VALUES (?)", ["x" * 4000 + PASSWORD * 30])
        database.commit()
    assert Trace({"password": PASSWORD}).found(tmp_path) == ["password in journal.db"]


def test_a_test_that_reveals_on_purpose_is_still_searched_at_home(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    for path in (tmp_path / "exported.env", tmp_path / "home" / "bin.key"):
        path.write_text(PASSWORD)
    kept = Trace({"password": PASSWORD}, [("out", PASSWORD)])
    assert kept.found(tmp_path, files=False, output=False) == ["password in home/bin.key"]


def test_simulators_of_this_process_plant_their_passwords_by_themselves(trace: Trace) -> None:
    simulator = Simulator(count=2, seed="planted")
    org = simulator.org_of(next(iter(simulator.catalogue)))
    trace.collect()
    assert simulator.seed_of(org).password in trace.planted.values()
    assert trace.is_hunted


def test_the_world_of_the_scenarios_is_searched(trace: Trace, wire, tmp_path: Path) -> None:
    world = World(wire, tmp_path / "home")
    world.start()
    world.close()
    trace.collect()
    assert world.password in trace.planted.values()
    assert (tmp_path / "home" / "journal.db").exists()
