"""The seams of the engine: clock, journal, vault, dispatcher; and the records that cross them.

Each protocol has at least two real implementations (system and manual clock, SQLite and PostgreSQL
journal, file and environment keys, local and queue dispatcher), checked by one contract suite.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from orchestrator.machine import Position
from orchestrator.redaction import Secret

_R = TypeVar("_R")


class RunStatus(StrEnum):
    """What a run is doing, as stored. A run that nobody drives is still `active`: it is resumable."""

    ACTIVE = "active"
    AWAITING_OPERATOR = "awaiting_operator"
    FINISHED = "finished"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class NewRun:
    """What is known of a run when it is made.

    Attributes:
        run: id, unique in the journal.
        org: name of the org in the orgs file.
        playbook: name of the playbook.
        playbook_digest: SHA-256 (hex) of its source; the source is stored once per digest.
        org_entry: the entry of the orgs file; secrets as references only.
        inputs: the playbook's inputs after defaults; secrets as references only.
        speed: divisor of machine waits (1 outside simulators).
        batch: id shared by the runs one command started.
        labels: labels of the org.
        priority: smaller goes first among runs that are due.
        evidence: what the run knows from the start, such as the locks of the run it undoes; never secrets.
    """

    run: str
    org: str
    playbook: str
    playbook_digest: str
    org_entry: Mapping[str, Any]
    inputs: Mapping[str, Any]
    position: Position
    not_before_s: float
    status: RunStatus
    created_s: float
    speed: float = 1.0
    batch: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    priority: int = 0
    result: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunRecord(NewRun):
    """A run as the journal holds it.

    Attributes:
        seq: number of the newest attempt, 0 before the first.
        evidence: also everything that settled attempts found out, merged; never secrets.
        updated_s: Unix seconds of the last write.
        detail: one sentence about the newest outcome.
        code: code of the newest outcome that was not a success, else "".
        until_s: while awaiting an operator, when the question expires.
        cancel_requested: an operator asked for the run to stop at the next step.
    """

    seq: int = 0
    updated_s: float = 0.0
    detail: str = ""
    code: str = ""
    until_s: float | None = None
    cancel_requested: bool = False


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One attempt: intended before the effect, settled after it. In doubt while `settled_s` is None.

    Attributes:
        seq: 1, 2, 3 … within the run; with the run id the primary key, and so the fence.
        notes: ids of things about to exist, written before the call that makes them.
        outcome: name of the outcome (`succeeded`, …), `again`, `failed` or an operator's answer.
    """

    seq: int
    state: str
    attempt: int
    intended_s: float
    settled_s: float | None = None
    outcome: str | None = None
    code: str = ""
    detail: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lease:
    """The exclusive right to drive one org.

    Attributes:
        token: grows with every new holder; a holder with an old token is refused every write.
    """

    org: str
    run: str
    owner: str
    token: int
    expires_s: float


@dataclass(frozen=True, slots=True)
class Intent:
    """The attempt about to be made."""

    seq: int
    state: str
    attempt: int
    intended_s: float


@dataclass(frozen=True, slots=True)
class Settlement:
    """What came of attempt *seq*."""

    seq: int
    settled_s: float
    outcome: str
    code: str
    detail: str
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """The run's row after a settlement: where it stands now."""

    status: RunStatus
    position: Position
    not_before_s: float
    updated_s: float
    evidence: Mapping[str, Any]
    detail: str = ""
    code: str = ""
    until_s: float | None = None
    result: str | None = None


class Clock(Protocol):
    """Time, in Unix seconds (UTC)."""

    def now_s(self) -> float:
        """The time now."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_s(self) -> float:
        """The time now."""
        return time.time()


class Journal(Protocol):
    """The truth about every run. Every method either happens wholly or not at all.

    Raises (all methods): StoreError when the database cannot be used.
    """

    def put_playbook(self, digest: str, source: str) -> None:
        """Keep the source of a playbook under its digest; the same digest twice is no error."""
        ...

    def playbook(self, digest: str) -> str:
        """The source stored under *digest*."""
        ...

    def create_run(self, run: NewRun) -> None:
        """Add a run."""
        ...

    def run(self, run: str) -> RunRecord:
        """The run of that id, or the only one whose id starts so. Raises RunUnknown."""
        ...

    def cancel_requested(self, run: str) -> bool:
        """Whether an operator asked for this run (its whole id) to stop; asked before every attempt."""
        ...

    def runs(
        self, *, statuses: Sequence[RunStatus] = (), org: str | None = None, batch: str | None = None
    ) -> list[RunRecord]:
        """Runs, newest first; filters are anded, empty means any."""
        ...

    def attempts(self, run: str) -> list[AttemptRecord]:
        """All attempts of the run in order."""
        ...

    def finished_evidence(self, playbook: str, speed: float, limit: int) -> list[tuple[str, dict[str, Any]]]:
        """Run and evidence of the newest finished runs of a playbook at that speed of time, newest first."""
        ...

    def due(self, now_s: float, limit: int, *, batch: str | None = None) -> list[str]:
        """Ids of active runs whose `not_before_s` has come, by priority, then time."""
        ...

    def next_due_s(self, *, batch: str | None = None) -> float | None:
        """The earliest `not_before_s` of an active run; None when there is none."""
        ...

    def acquire(self, org: str, run: str, owner: str, *, now_s: float, ttl_s: float) -> Lease:
        """Take the org for *run*. Raises LeaseHeld while another owner's lease lives."""
        ...

    def renew(self, owner: str, *, now_s: float, ttl_s: float) -> int:
        """Extend every lease of *owner*; how many were extended."""
        ...

    def check(self, lease: Lease, *, now_s: float) -> None:
        """Raises LeaseLost unless *lease* is still the newest of its org and unexpired."""
        ...

    def release(self, lease: Lease) -> None:
        """Give the org back; releasing a lost lease is no error."""
        ...

    def write(
        self,
        lease: Lease,
        *,
        settled: Settlement | None = None,
        standing: Standing | None = None,
        intended: Intent | None = None,
    ) -> None:
        """Settle the open attempt, move the run, intend the next attempt: one transaction.

        Raises: LeaseLost when the lease is not ours any more, or when the attempt of that number
        exists already (somebody else drove the run on).
        """
        ...

    def note(self, lease: Lease, seq: int, notes: Mapping[str, Any]) -> None:
        """Merge *notes* into the open attempt *seq*, durably, before the call they announce."""
        ...

    def answer_operator(self, run: str, standing: Standing, settled: AttemptRecord) -> None:
        """Store an operator's answer as a settled attempt and move the run; only while it waits."""
        ...

    def request_cancel(self, run: str, now_s: float) -> None:
        """Ask for the run to stop at its next step."""
        ...

    def close(self) -> None:
        """Release the database."""
        ...


class Vault(Protocol):
    """Secrets at rest, encrypted and authenticated. Names are `scope/name`, e.g. `org:acme/private_key`."""

    def put(self, scope: str, name: str, value: Secret) -> None:
        """Store durably before returning; replaces an older value."""
        ...

    def put_all(self, scope: str, values: Mapping[str, Secret]) -> None:
        """Store *values* durably in one write: after a crash either all of them are there or none."""
        ...

    def get(self, scope: str, name: str) -> Secret | None:
        """The value, or None. Raises VaultError on a wrong key or a tampered entry."""
        ...

    def forget(self, scope: str, name: str | None = None) -> None:
        """Remove one value, or the whole scope."""
        ...

    def names(self, scope: str) -> list[str]:
        """Names stored under *scope*."""
        ...

    def scopes(self) -> list[str]:
        """All scopes."""
        ...


class SealedStore(Protocol):
    """Ciphertext by name, where several machines can reach it. Raises (all methods): StoreError."""

    def read(self, name: str) -> bytes | None:
        """The entry of that name; None if there is none."""
        ...

    def entries(self) -> Iterable[tuple[str, bytes]]:
        """All entries: name and ciphertext."""
        ...

    def change(self, name: str, changed: Callable[[bytes | None], bytes | None]) -> None:
        """Replace the entry by what *changed* makes of it (None: no entry), alone and durably."""
        ...

    def key_record(self, new: Callable[[], bytes] | None) -> bytes | None:
        """The record about the key; if there is none, it is made with *new*, once."""
        ...


class SharedFacts(Protocol):
    """Small JSON objects that all processes of one database change together."""

    def change(
        self, names: Sequence[str], now_s: float, changed: Callable[[Mapping[str, dict[str, Any]]], _R]
    ) -> _R:
        """Let *changed* edit the facts of these names in place, alone; what it returns."""
        ...

    def read(self, prefix: str) -> dict[str, dict[str, Any]]:
        """The facts whose names begin so."""
        ...


def result_of(record: RunRecord) -> str:
    """`succeeded`, `failed`, `needs_attention`, `waiting`, `cancelled` or `interrupted`."""
    match record.status:
        case RunStatus.FINISHED:
            return record.result or "failed"
        case RunStatus.CANCELLED:
            return "cancelled"
        case RunStatus.AWAITING_OPERATOR:
            return "waiting"
        case RunStatus.ACTIVE:
            return "interrupted"


def iso(at_s: float) -> str:
    """Unix seconds as RFC 3339 UTC with milliseconds, the form of every timestamp we print."""
    moment = dt.datetime.fromtimestamp(at_s, dt.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
