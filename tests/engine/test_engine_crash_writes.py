"""Whichever write of the journal is the last of a process, the next one brings the run to the same end."""

from __future__ import annotations

from typing import Any

import pytest
from engine_world import Died, Make, Scripted, World, chain, looping, one_way

from orchestrator.errors import StoreError
from orchestrator.machine import Again, Done

WRITES = ("acquire", "release", "write", "note", "check")


class DyingJournal:
    """The real journal; its n-th call of a writing method raises, before or after it was carried out."""

    def __init__(self, inner: Any, nth: int, *, after: bool, error: BaseException) -> None:
        self._inner = inner
        self._left = nth
        self._after = after
        self._error = error
        self.has_died = False

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in WRITES:
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            if self.has_died and isinstance(self._error, Died):
                raise self._error  # a dead process does not even give its lease back
            self._left -= 1
            if self._left == 0:
                self.has_died = True
                if self._after:
                    found(*args, **kwargs)
                raise self._error
            return found(*args, **kwargs)

        return call


def built(world, org) -> World:
    """Three effects, a poll, a loop and a one-way state."""
    poll = Scripted(org, "poll", Again("busy"), Done())
    step = Scripted(org, "step", Done("more"), Done())
    actions = [Make(org, "app"), poll, step, Make(org, "rights"), Make(org, "lock")]
    machine = chain(
        "app",
        "rights",
        "step",
        "poll",
        "lock",
        step=looping("step", "poll", visits=9),
        lock=one_way("lock", "poll"),
    )
    return world(machine, actions)


def writes_of_a_clean_run(world, org) -> int:
    here = built(world, org)
    here.start()
    counting = DyingJournal(here.journal, 10**9, after=False, error=Died())
    assert here.drive(here.engine(journal=counting)).result == "succeeded"
    org.made.clear()
    return 10**9 - counting._left


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
@pytest.mark.parametrize("kind", [Died, StoreError])
def test_a_run_survives_the_failure_of_any_one_write(world, org, after, kind):
    writes = writes_of_a_clean_run(world, org)
    assert writes > 20
    for nth in range(1, writes + 1):
        org.made.clear()
        here = built(world, org)
        here.start()
        error = kind("the disk is full") if kind is StoreError else kind()
        dying = DyingJournal(here.journal, nth, after=after, error=error)
        with pytest.raises(kind):
            here.drive(here.engine("dying.1.aa", journal=dying))
        assert dying.has_died
        here.clock.at_s += 91  # the lease of the dead runs out
        record = here.drive(here.engine("fresh.2.bb"))
        assert record.result == "succeeded", f"write {nth}"
        assert org.made == {"app": 1, "rights": 1, "lock": 1}, f"write {nth}"
        attempts = here.attempts()
        assert [attempt.seq for attempt in attempts] == list(range(1, len(attempts) + 1))
        assert all(attempt.settled_s is not None for attempt in attempts)
