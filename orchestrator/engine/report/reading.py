"""Reading runs for a report: a row and its attempts that belong together, checked and redacted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from orchestrator.engine.report.integrity import Integrity, examine, merged_evidence
from orchestrator.errors import DocumentError, StoreError
from orchestrator.playbook.model import Playbook
from orchestrator.ports import AttemptRecord, RunRecord, RunStatus
from orchestrator.redaction import redact, redact_tree
from orchestrator.store.reading import JournalReader

Row = TypeVar("Row", RunRecord, AttemptRecord)

_QUIET_READS = 3


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run as it was read.

    Attributes:
        record: the row, its texts redacted; `evidence` and `inputs` in it are not to be shown.
        attempts: all of them, redacted.
        evidence: what the attempts add up to.
        given: evidence that only the row has: given when the run was made.
        integrity: whether the record is whole.
        playbook: compiled; None when this version cannot.
    """

    record: RunRecord
    attempts: Sequence[AttemptRecord]
    evidence: Mapping[str, Any]
    given: Mapping[str, Any]
    integrity: Integrity
    playbook: Playbook | None


@dataclass(slots=True)
class RecordReader:
    """Reads runs for reports.

    Attributes:
        journal: where they are; nothing is written to it.
        playbook_of: digest → compiled playbook; may raise StoreError or DocumentError.
        purpose_of: action → what it does, one sentence; "" for actions of other versions.
    """

    journal: JournalReader
    playbook_of: Callable[[str], Playbook]
    purpose_of: Callable[[str], str] = lambda _action: ""
    _playbooks: dict[str, tuple[str | None, Playbook | None]] = field(default_factory=dict, repr=False)

    def read(self, record: RunRecord) -> RunFacts:
        """Attempts and checks of one run. Raises StoreError when the database cannot be used."""
        record, attempts, first_changed = self._quietly(record)
        source, playbook = self._playbook(record.playbook_digest)
        integrity = examine(record, attempts, first_changed, source, playbook)
        row, clean, evidence = _clean(record, attempts)
        given = {key: value for key, value in record.evidence.items() if key not in evidence}
        given = _without_surrogates(redact_tree(given))
        return RunFacts(row, clean, evidence, given, integrity, playbook)

    def _quietly(self, record: RunRecord) -> tuple[RunRecord, list[AttemptRecord], int | None]:
        """Row and attempts that belong together, although somebody may be driving the run meanwhile."""
        for _ in range(_QUIET_READS):
            first_changed = self.journal.verify_chain(record.run)
            try:
                attempts = self.journal.attempts(record.run)
            except StoreError:
                if first_changed is None:
                    raise
                attempts = []  # what stands there is not JSON any more; the chain says from where on
            if record.status is not RunStatus.ACTIVE:
                break
            again = self.journal.run(record.run)
            if again == record:
                break
            record = again
        return record, attempts, first_changed

    def _playbook(self, digest: str) -> tuple[str | None, Playbook | None]:
        if digest not in self._playbooks:
            source, playbook = None, None
            try:
                source = self.journal.playbook(digest)
                playbook = self.playbook_of(digest)
            except (StoreError, DocumentError):
                pass  # not stored, or of a version whose words this one does not know
            self._playbooks[digest] = (source, playbook)
        return self._playbooks[digest]


def newest_of_every_org(newest_first: Iterable[RunRecord]) -> list[RunRecord]:
    """The first run of each org, by name of the org."""
    newest: dict[str, RunRecord] = {}
    for record in newest_first:
        newest.setdefault(record.org, record)
    return [newest[org] for org in sorted(newest)]


def _clean(
    record: RunRecord, attempts: Sequence[AttemptRecord]
) -> tuple[RunRecord, Sequence[AttemptRecord], dict[str, Any]]:
    """Row, attempts and merged evidence, redacted, and without lone surrogates, which no file can hold.

    Only what came from outside is filtered: remedies of our own may say `access_token:` and mean it.
    Nearly always there is nothing to filter, so all texts are first looked at in one piece.
    """
    leaves: set[str] = set()
    for row, trees in ((record, _RUN_TREES), *((attempt, _ATTEMPT_TREES) for attempt in attempts)):
        for name in (*_TEXTS, *trees):
            _collect(getattr(row, name, None), leaves)
    joined = "\n".join(sorted(leaves))
    if redact(joined) != joined or _SURROGATE.search(joined):
        record = _filtered(record, _RUN_TREES)
        attempts = [_filtered(attempt, _ATTEMPT_TREES) for attempt in attempts]
    return record, attempts, merged_evidence(attempts)


_TEXTS = ("run", "org", "batch", "playbook", "state", "outcome", "code", "detail", "result")
_RUN_TREES = ("org_entry", "labels")
_ATTEMPT_TREES = ("evidence", "notes")
_SURROGATE = re.compile("[\ud800-\udfff]")


def _collect(value: Any, leaves: set[str]) -> None:
    if isinstance(value, str):
        leaves.add(value)
    elif isinstance(value, Mapping):
        leaves.update(value)
        for item in value.values():
            _collect(item, leaves)
    elif isinstance(value, list):
        for item in value:
            _collect(item, leaves)


def _filtered(row: Row, trees: tuple[str, ...]) -> Row:
    values = {name: getattr(row, name) for name in (*_TEXTS, *trees) if hasattr(row, name)}
    return replace(row, **_without_surrogates(redact_tree(values)))


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    return value
