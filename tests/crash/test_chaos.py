"""Fleets whose processes are killed, stopped and continued at random; the simulator is the witness."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from pathlib import Path

import pytest
from chaos import Fleet, chaos_orgs, chaos_seed, kept_secrets

from orchestrator.ports import RunStatus, SystemClock, result_of
from orchestrator.store import open_journal

SPEED = 60
LOCKING = frozenset({"upsert_metadata", "set_password", "user_login_update"})
PROOFS, SPREAD_S, AGE_S = 4, 60.0, 900.0
PASSWORDS_USED_UP = "password_attempts_used_up"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def orgs_count():
    return chaos_orgs()


@pytest.mark.timeout(60 + 12 * chaos_orgs())
def test_whatever_happens_to_its_processes_a_fleet_ends_and_no_effect_is_doubled(
    simulated, environment, home, tmp_path, orgs_count
):
    seed = chaos_seed()
    print(f"ORCHESTRATOR_CHAOS_SEED={seed} ORCHESTRATOR_CHAOS_ORGS={orgs_count}")  # noqa: T201 - to replay it
    orgs = simulated(speed=SPEED, count=orgs_count, seed=seed)
    before = {name: orgs.truth(name)["counts"] for name in orgs.names()}
    began_s = time.monotonic()
    fleet = Fleet(
        run=["run", "hybrid", "--json", *orgs.options],
        resume=["resume", "--all", "--json", *orgs.connect_to],
        environment=environment(orgs.environment),
        home=home,
        folder=tmp_path / "said",
        rng=random.Random(seed),  # noqa: S311 - not a secret
        lines_at_most=40 + 2 * orgs_count,
    )
    fleet.drive(lives_at_most=30 + orgs_count)
    took_s = time.monotonic() - began_s
    results = judge_journal(home, orgs, before)
    told = f"{fleet.lives} processes, {dict(fleet.blows)}, {took_s:.0f} s, {dict(results)}, seed {seed}"
    print(told)  # noqa: T201 - the figures
    assert sum(fleet.blows.values()) >= 5, told
    assert results["succeeded"] >= orgs_count * 3 // 4, told
    assert kept_secrets(home, tmp_path / "said", secrets_of(orgs)) == []


def judge_journal(home, orgs, before):
    """Every run has ended, its record is whole, and its org agrees with it."""
    journal = open_journal(home / "journal.db", clock=SystemClock())
    records = journal.runs()
    assert sorted(record.org for record in records) == sorted(orgs.names())
    for record in records:
        story = f"{record.org}: {record.result} in {record.position.state}, {record.code} {record.detail}"
        assert record.status is RunStatus.FINISHED, story
        assert journal.verify_chain(record.run) is None, story
        judge_org(orgs, record, before[record.org], story)
    journal.close()
    return Counter(result_of(record) for record in records)


def judge_org(orgs, record, before, story):
    truth = orgs.truth(record.org)
    rows = orgs.ask(f"/requests?org={record.org}&limit=0")["requests"]
    counts = {name: truth["counts"][name] - before[name] for name in ("deploys", "apps", "password_changes")}
    assert truth["counts"]["operations"]["soap_login"] <= 3, story
    judge_locks(rows, story)
    if record.result == "succeeded":
        assert counts == {"deploys": 2, "apps": 1, "password_changes": 1}, story
        assert truth["counts"]["apps_created"] - before["apps_created"] == 1, story
        assert truth["jwt_works"], story
        assert not truth["password_works"], story
        assert not rights_left(truth), story
    else:  # three passwords were sent and none of their answers was ever read; nothing had begun
        assert (record.result, record.code) == ("failed", PASSWORDS_USED_UP), story
        assert counts == {"deploys": 0, "apps": 0, "password_changes": 0}, story
        assert truth["password_works"], story


def judge_locks(rows, story):
    """Before the first lock of an org JWT had worked often enough, long enough, and a short time ago."""
    first = next((row for row in rows if row["operation"] in LOCKING), None)
    if first is None:
        return
    proofs = [
        row
        for row in rows
        if row["operation"] == "token" and row["status"] == 200 and row["at_s"] < first["at_s"]
    ]
    assert len(proofs) >= PROOFS, story
    assert proofs[-1]["at_s"] - proofs[0]["at_s"] >= SPREAD_S, story
    assert first["at_wall_s"] - proofs[-1]["at_wall_s"] <= AGE_S, story


def rights_left(truth):
    user = next(row for name, row in truth["users"].items() if name.startswith("integration"))
    return [name for name in user["permission_sets"] if "Setup" in name]


def secrets_of(orgs):
    """The passwords the fleet was given, by the name of their file."""
    text = Path(orgs.line["orgs_file"]).read_text("utf-8")
    files = [Path(name) for name in re.findall(r"file:(\S+)", text)]
    base = Path(orgs.line["orgs_file"]).parent
    return {file.name: (base / file).read_text("utf-8").strip() for file in files}
