"""`resume --adopt-playbook`: let runs go on with the newer playbook of the same name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.app import App
from orchestrator.engine.advance import LEASE_TTL_S
from orchestrator.errors import UsageError
from orchestrator.playbook.model import Playbook
from orchestrator.ports import RunRecord, Standing
from orchestrator.shipped import playbook_source


@dataclass(frozen=True, slots=True)
class _Step:
    """One run and the playbook it is to go on with."""

    record: RunRecord
    newer: Playbook


def adopt_playbooks(app: App, runs: Sequence[str], file: str | None) -> list[str]:
    """Map every run that has an older playbook; all are checked before the first is changed.

    Args:
        app: the composition root.
        runs: ids.
        file: the newer playbook; None for the one that ships under the name of the run's.

    Returns:
        The runs that were mapped.

    Raises:
        UsageError: `adoption_refused`, with what differs; `playbook_unknown`; `playbook_name_differs`.
    """
    steps = [_step(app, app.journal.run(run), file) for run in runs]
    steps = [step for step in steps if step.newer.digest != step.record.playbook_digest]
    for step in steps:
        _adopted(app, step)
    for step in steps:
        _write(app, step)
    return [step.record.run for step in steps]


def _step(app: App, record: RunRecord, file: str | None) -> _Step:
    newer = app.compile(*playbook_source(file or record.playbook))
    if newer.name != record.playbook:
        raise UsageError(
            f"{record.run} is a run of {record.playbook}, not of {newer.name}",
            code="playbook_name_differs",
            remedy="name a newer version of the same playbook with --playbook FILE",
        )
    return _Step(record, newer)


def _adopted(app: App, step: _Step) -> tuple[Standing, dict[str, Any]]:
    import yaml  # noqa: PLC0415 - only when a run is mapped

    from orchestrator.engine.adoption import Former, adopted  # noqa: PLC0415 - likewise

    source = app.journal.playbook(step.record.playbook_digest)
    try:
        tree = yaml.safe_load(source)
    except yaml.YAMLError:  # it was compiled once, by a version that read more than this one
        tree = None
    return adopted(step.record, Former.read(tree), step.newer, app.clock.now_s())


def _write(app: App, step: _Step) -> None:
    """Map one run under its lease, so that nobody drives it by two playbooks."""
    record, newer = step.record, step.newer
    lease = app.journal.acquire(
        record.org, record.run, app.owner.id, now_s=app.clock.now_s(), ttl_s=LEASE_TTL_S
    )
    try:
        standing, inputs = _adopted(app, replace(step, record=app.journal.run(record.run)))
        app.journal.put_playbook(newer.digest, newer.source)
        app.journal.adopt(lease, standing, playbook=newer.name, digest=newer.digest, inputs=inputs)
    finally:
        app.journal.release(lease)
