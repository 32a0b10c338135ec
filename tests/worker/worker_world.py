"""Workers as processes, and a shared database looked at from outside."""

from __future__ import annotations

import json
import threading
import time

from orchestrator.ports import RunStatus, SystemClock
from orchestrator.store import open_store

SPEED = 40
TAKEOVER_S = 6.0
# A machine that runs other tests meanwhile may let the survivor wait for a core.
BUSY_S = 10.0
_LOOK_EVERY_S = 0.1


def wait_until(true, within_s=60.0, what=""):
    """Look again and again until *true()* is; what it was."""
    give_up_s = time.monotonic() + within_s
    while not (found := true()):
        assert time.monotonic() < give_up_s, f"not within {within_s} s: {what or true}"
        threading.Event().wait(_LOOK_EVERY_S)
    return found


class Working:
    """A worker process, and what it has said so far."""

    def __init__(self, process):
        self.process = process
        self.said = []
        self.complaints = []
        self._readers = [
            threading.Thread(target=self._read, args=(process.stdout, self.said), daemon=True),
            threading.Thread(target=self._read, args=(process.stderr, self.complaints), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream, lines):
        try:
            lines.extend(json.loads(line) if line.startswith("{") else line for line in stream)
        except ValueError:  # the stream was closed while we read
            return

    def events(self, name):
        return [line for line in list(self.said) if isinstance(line, dict) and line.get("event") == name]

    def end(self):
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(20)


class Fleet:
    """The runs of a shared database, looked at from outside."""

    def __init__(self, database):
        self.url = database
        self.store = open_store(database, clock=SystemClock())

    @property
    def journal(self):
        return self.store.journal

    def records(self):
        return self.journal.runs()

    def results(self):
        return sorted(record.result or str(record.status) for record in self.records())

    def under_way(self):
        return [record for record in self.records() if record.status is RunStatus.ACTIVE]

    def wait(self, within_s=60.0):
        """Until no run is under way."""
        wait_until(lambda: not self.under_way(), within_s, "over")

    def owners(self):
        """Process ids of those who hold leases."""
        with self.journal._database.reading() as connection:
            rows = connection.exec_driver_sql("SELECT owner FROM lease WHERE owner != ''").scalars()
            return {int(owner.split(".")[-2]) for owner in rows}

    def sql(self, text):
        """Run a statement against the database, as somebody else might."""
        with self.journal._database.writing() as connection:
            return connection.exec_driver_sql(text)


def effects_of(orgs, name):
    """How often an org was changed."""
    counts = orgs.truth(name)["counts"]
    return {kind: counts[kind] for kind in ("deploys", "apps", "password_changes")}


def assert_provisioned_once(orgs, before):
    """Every org went through the hybrid flow, with each effect once."""
    for name in orgs.names():
        after = effects_of(orgs, name)
        once = {kind: after[kind] - before[name][kind] for kind in after}
        assert once == {"deploys": 2, "apps": 1, "password_changes": 1}, name
        truth = orgs.truth(name)
        assert truth["jwt_works"]
        assert not truth["password_works"]
