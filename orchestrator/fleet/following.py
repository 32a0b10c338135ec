"""What happens to the runs of a fleet, told from the journal, whoever drives them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from orchestrator.engine import events
from orchestrator.engine.events import Event, Observer
from orchestrator.engine.replay import events_of
from orchestrator.ports import Journal, RunRecord, RunStatus
from orchestrator.store.batches import Batches, Glimpse

_ENDS = frozenset({events.WAITING, events.RUN_FINISHED})


class Follower:
    """Looks at the journal now and then, and tells what is new.

    Args:
        journal: where the runs are.
        batches: their waves and gates.
        runs: those to follow.
        of_batches: the batches they belong to.
        observer: told of every event once, in the order in which it happened to its run.
    """

    def __init__(
        self,
        journal: Journal,
        batches: Batches,
        runs: Collection[str],
        of_batches: Sequence[str],
        observer: Observer,
    ) -> None:
        self._journal = journal
        self._batches = batches
        self._runs = frozenset(runs)
        self._of_batches = list(of_batches)
        self._observer = observer
        self._seen: dict[str, Glimpse] = {}
        self._told: dict[str, int] = {}

    def skip_the_past(self) -> None:
        """Tell nothing of what happened until now: the runs are gone on with."""
        for glimpse in self._glimpses():
            if glimpse.seq:
                record = self._journal.run(glimpse.run)
                told = events_of(record, self._journal.attempts(glimpse.run))
                self._told[glimpse.run] = sum(event.event not in _ENDS for event in told)

    def look(self) -> dict[str, Glimpse]:
        """Tell what is new; how every run stands."""
        now = {glimpse.run: glimpse for glimpse in self._glimpses()}
        for run, glimpse in now.items():
            begun = glimpse.seq or glimpse.status is not RunStatus.ACTIVE
            if begun and self._seen.get(run) != glimpse:
                self._tell(run)
        self._seen = now
        return now

    def is_over(self, standing: dict[str, Glimpse]) -> bool:
        """Whether nobody will drive any of the runs on by themselves."""
        under_way = (one.status is RunStatus.ACTIVE and not one.held for one in standing.values())
        return not any(under_way) and not self._batches.is_waiting(self._of_batches)

    def _glimpses(self) -> list[Glimpse]:
        return [one for one in self._batches.glimpses(self._of_batches) if one.run in self._runs]

    def _tell(self, run: str) -> None:
        record = self._journal.run(run)
        told = events_of(record, self._journal.attempts(run))
        steps = [event for event in told if event.event not in _ENDS]
        for event in steps[self._told.get(run, 0) :]:
            self._observer(event)
        self._told[run] = len(steps)
        for event in told:
            if event.event in _ENDS:
                self._observer(event)
        if record.status is RunStatus.ACTIVE and record.not_before_s > record.updated_s:
            self._observer(_asleep(record))


def _asleep(record: RunRecord) -> Event:
    return Event(
        ts_s=record.updated_s,
        run=record.run,
        org=record.org,
        event=events.WAITING,
        state=record.position.state,
        code=record.code,
        not_before_s=record.not_before_s,
    )
