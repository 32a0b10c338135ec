"""Journals as runs leave them, written through the journal itself, and pages read back as trees."""

from __future__ import annotations

import copy
import itertools
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lxml.html
from report_evidence import ADMIN, HYBRID, ROBOT

from orchestrator.app import App
from orchestrator.configuration import Configuration
from orchestrator.engine.report.reading import RecordReader
from orchestrator.machine import Position
from orchestrator.ports import Intent, NewRun, RunStatus, Settlement, Standing
from orchestrator.shipped import playbook_source
from orchestrator.store.rows import CHAINED, link

T0 = 1_800_000_000.25
WRITTEN = "2027-01-31T12:00:00Z"
OWNER = "build-7.4711.00ff00ff"
_numbers = itertools.count(1)


class Story:
    """One run, told to the journal attempt by attempt."""

    def __init__(
        self, app: App, org: str = "acme", *, playbook: str = "hybrid", at_s: float = T0, **run: Any
    ) -> None:
        compiled = app.compile(*playbook_source(playbook))
        app.journal.put_playbook(compiled.digest, compiled.source)
        self.journal = app.journal
        self.run = run.pop("run", f"{org}-{next(_numbers):010x}")
        self.now_s = at_s
        self.seq = 0
        self.evidence: dict[str, Any] = dict(run.get("evidence", {}))
        entry = {
            "name": org,
            "url": "https://acme.my.salesforce.com",
            "username": ADMIN,
            "integration_user": ROBOT,
        }
        settings = {
            "run": self.run,
            "org": org,
            "playbook": compiled.name,
            "playbook_digest": compiled.digest,
            "org_entry": {**entry, **run.pop("entry", {})},
            "inputs": {},
            "position": Position(compiled.machine.initial, at_s),
            "not_before_s": at_s,
            "status": RunStatus.ACTIVE,
            "created_s": at_s,
            "batch": OWNER,
            **run,
        }
        self.journal.create_run(NewRun(**settings))
        self.lease = self.journal.acquire(org, self.run, OWNER, now_s=at_s, ttl_s=1e9)

    def begin(self, state: str, *, attempt: int = 1, wait_s: float = 0.0, **notes: Any) -> Story:
        """Intend an attempt, and leave it so."""
        self.now_s += wait_s
        self.seq += 1
        self.journal.write(self.lease, intended=Intent(self.seq, state, attempt, self.now_s))
        if notes:
            self.journal.note(self.lease, self.seq, notes)
        return self

    def settle(
        self,
        outcome: str,
        evidence: dict[str, Any] | None = None,
        *,
        code: str = "",
        detail: str = "",
        took_s: float = 0.5,
    ) -> Story:
        """Settle the attempt that was begun."""
        self.now_s += took_s
        found = copy.deepcopy(evidence or {})
        self.evidence.update(found)
        settled = Settlement(self.seq, self.now_s, outcome, code, detail, found)
        self.journal.write(self.lease, settled=settled, standing=self._standing(code=code, detail=detail))
        return self

    def stand(self, state: str, status: RunStatus = RunStatus.FINISHED, **changes: Any) -> Story:
        """Write where the run stands now."""
        self.journal.write(self.lease, standing=self._standing(state=state, status=status, **changes))
        self.journal.release(self.lease)
        return self

    def hybrid(self, *, until: str = "", **changed: dict[str, Any]) -> Story:
        """The attempts of a hybrid run up to and without *until*; evidence changed by state."""
        before = ""
        for state, outcome, evidence in HYBRID:
            if state == until:
                return self
            notes = {"mechanism": "replace_password"} if state == "lock_password" else {}
            self.begin(
                state, attempt=2 if state == before else 1, wait_s=2.0 if state == before else 0.0, **notes
            )
            code = "app_not_found" if outcome == "again" else ""
            self.settle(outcome, {**evidence, **changed.get(state, {})}, code=code, detail=f"{state} is done")
            before = state
        return self

    def succeeded(self, **changed: dict[str, Any]) -> Story:
        """The whole hybrid run."""
        return self.hybrid(**changed).stand("done", result="succeeded")

    def left_open(self, **changed: dict[str, Any]) -> Story:
        """A hybrid run that leaves a way in open."""
        self.hybrid(until="withdraw_rights", **changed).begin("withdraw_rights_open")
        return self.settle("succeeded", {"rights_withdrawn": "Setup_Set"}).stand(
            "attention", result="needs_attention"
        )

    def failed(
        self, state: str = "bootstrap", code: str = "soap_login_disabled", detail: str = "login() is off"
    ) -> Story:
        """A run that stopped in *state*."""
        self.hybrid(until=state).begin(state).settle("failed", code=code, detail=detail)
        return self.stand("abandoned", result="failed", code=code, detail=detail)

    def _standing(self, **changes: Any) -> Standing:
        state = changes.pop("state", "detect")
        settings = {
            "status": RunStatus.ACTIVE,
            "not_before_s": self.now_s,
            "updated_s": self.now_s,
            "evidence": self.evidence,
            "position": Position(state, self.now_s),
            **changes,
        }
        return Standing(**settings)


@dataclass
class Room:
    """A home with a journal."""

    home: Path
    app: App

    @classmethod
    def open(cls, home: Path) -> Room:
        return cls(home, App(Configuration(home=home), environ={}))

    @property
    def reader(self) -> RecordReader:
        return RecordReader(self.app.journal, self.app.playbook_of, lambda action: f"does {action}")

    def story(self, org: str = "acme", **settings: Any) -> Story:
        return Story(self.app, org, **settings)

    def change(self, sql: str, *values: Any) -> None:
        """Change the database behind the journal's back."""
        with closing(sqlite3.connect(self.home / "journal.db")) as connection, connection:
            assert connection.execute(sql, values).rowcount > 0

    def copy_run(self, run: str, orgs: int) -> None:
        """The same run again for many orgs, each with a chain of its own."""
        with closing(sqlite3.connect(self.home / "journal.db")) as connection, connection:
            connection.row_factory = sqlite3.Row
            row = dict(connection.execute("SELECT * FROM run WHERE run = ?", [run]).fetchone())
            attempts = [
                dict(one)
                for one in connection.execute("SELECT * FROM attempt WHERE run = ? ORDER BY seq", [run])
            ]
            for number in range(orgs):
                name = f"org-{number:05d}"
                _insert(connection, "run", {**row, "run": f"{name}-run", "org": name})
                chain = ""
                for attempt in attempts:
                    copied = {**attempt, "run": f"{name}-run"}
                    chain = link(chain, {key: copied[key] for key in CHAINED})
                    _insert(connection, "attempt", {**copied, "chain": chain})


def _insert(connection: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    sql = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - names of the schema
    connection.execute(sql, list(row.values()))


def page(text: str) -> Any:
    """The tree of a page."""
    return lxml.html.document_fromstring(text)


def words(node: Any) -> str:
    """The text of a node, white space folded."""
    return " ".join(" ".join(node.itertext()).split())


def term(tree: Any, name: str) -> str:
    """What the page says of the fact called *name*."""
    for found in tree.iter("dt"):
        if words(found) == name:
            return words(found.getnext())
    raise AssertionError(f"the page has no fact '{name}'")
