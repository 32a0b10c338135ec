"""Drive the playbook `plan-hybrid` for some orgs and read what it found out."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.app import App
from orchestrator.engine.events import ignore
from orchestrator.errors import OrchestratorError, UsageError
from orchestrator.fleet.local import LocalDispatcher
from orchestrator.ports import RunRecord, RunStatus, result_of
from orchestrator.shipped import playbook_source

if TYPE_CHECKING:
    from orchestrator.fleet.org_entry import OrgEntry
    from orchestrator.playbook.model import Playbook

PLANNED = "hybrid"
_PLANNER = "plan-hybrid"


@dataclass(frozen=True, slots=True)
class Planned:
    """What came of planning one org.

    Attributes:
        record: of the run that looked.
        plan, observed: as surveyed; None when it did not come so far.
        check: what the check-only deploy said; None when there was none.
        code, detail: what stopped it; "" when nothing did.
        error: of our side.
    """

    entry: OrgEntry
    record: RunRecord
    plan: Mapping[str, Any] | None
    observed: Mapping[str, Any] | None
    check: Mapping[str, Any] | None
    code: str = ""
    detail: str = ""
    error: OrchestratorError | None = None

    @property
    def is_made(self) -> bool:
        """Whether a run could begin with it."""
        return result_of(self.record) == "succeeded"


def refuse_other_playbooks(app: App, compiled: Playbook) -> None:
    """Raises UsageError `plan_unknown_playbook` unless *compiled* is the hybrid playbook that ships."""
    shipped = app.compile(*playbook_source(PLANNED))
    if compiled.digest == shipped.digest:
        return
    raise UsageError(
        f"plan knows the shipped playbook {PLANNED} only, not {compiled.name} {compiled.digest[:12]}",
        code="plan_unknown_playbook",
        remedy=f"plan `{PLANNED}`; for others, `orchestrator playbook graph` shows what they do",
    )


def look(
    app: App,
    entries: Sequence[OrgEntry],
    inputs: Mapping[str, Any],
    *,
    check_deploy: bool,
    concurrency: int,
) -> list[Planned]:
    """One run of `plan-hybrid` per org, journaled like any other; in the order of *entries*.

    Args:
        app: the composition root.
        entries: the orgs.
        inputs: of the playbook that is planned.
        check_deploy: also send the packages as a check-only deploy.
        concurrency: how many orgs at once.
    """
    from orchestrator.cli.run import signals  # noqa: PLC0415 - run imports this module's sibling

    compiled = app.compile(*playbook_source(_PLANNER))
    app.journal.put_playbook(compiled.digest, compiled.source)
    given = {**inputs, "check_deploy": check_deploy}
    runs = [app.new_run(entry, compiled, given, batch=app.owner.id, priority=0) for entry in entries]
    app.journal.create_runs(runs)
    stop = threading.Event()
    dispatcher = LocalDispatcher(app.engine(ignore, stop.is_set), concurrency=concurrency, stop=stop)
    with signals(stop):
        drive = dispatcher.drive_waves(
            [[new.run for new in runs]], too_many_failures=lambda _failed, _started: False
        )
    return [
        planned_of(app, entry, new.run, drive.errors.get(new.run))
        for entry, new in zip(entries, runs, strict=True)
    ]


def planned_of(app: App, entry: OrgEntry, run: str, error: OrchestratorError | None) -> Planned:
    """What the journal says about the run that looked at *entry*; *error* is what stopped us, if anything."""
    record = app.journal.run(run)  # the journal is the truth, evidence included
    code, detail = _refusal(app, record)
    if error is not None:
        code, detail = error.code, error.detail
    found = record.evidence
    return Planned(
        entry,
        record,
        found.get("plan"),
        found.get("observed"),
        found.get("check_deploy"),
        code,
        detail,
        error,
    )


def _refusal(app: App, record: RunRecord) -> tuple[str, str]:
    """Code and sentence of the attempt that ended it: the log-out that follows has none."""
    if record.status is RunStatus.ACTIVE:
        return "interrupted", f"the plan was not finished; continue with `orchestrator resume {record.run}`"
    if result_of(record) == "succeeded":
        return "", ""
    codes = [(one.code, one.detail) for one in app.journal.attempts(record.run) if one.code]
    return codes[-1] if codes else (record.code, record.detail)
