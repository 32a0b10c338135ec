"""A process that dies on the ladder: what was refused is not tried again, what was obtained is not lost."""

from __future__ import annotations

from itertools import count as count_from
from typing import Any

import pytest
from ladder_world import CONSUMER_KEY, CONSUMER_SECRET, Ladder
from scenario_world import Finished


class KilledHere(BaseException):
    """Stands for the end of the process: no code of the product may catch it."""


def count(ladder: Ladder, operation: str) -> int:
    return sum(one.operation == operation for one in ladder.world.seen)


def dies_at_note(ladder: Ladder, number: int) -> None:
    """End the process when it is about to write the *number*th note of an attempt."""
    journal = ladder.world.app.journal
    write, written = journal.note, count_from(1)

    def note(lease: Any, seq: int, notes: Any) -> None:
        if next(written) == number:
            raise KilledHere
        write(lease, seq, notes)

    journal.note = note  # type: ignore[method-assign]  # the seam is where the process ends


def resumed(ladder: Ladder, run: str) -> Finished:
    """Another process of the same home drives the run on."""
    environ = dict(ladder.world.app.environ)
    ladder.world.new_home(ladder.world.app.configuration.home)
    ladder.provide(**environ)
    return ladder.world.drive(run)


def test_a_refused_login_is_not_repeated_by_the_process_that_goes_on(ladder: Ladder) -> None:
    ladder.connected_app()
    ladder.provide(TOOL_SECRET=CONSUMER_SECRET)
    ladder.world.change({"switches": {"soap_login_enabled": False}})
    secrets = {"password": "env:ADMIN_PASSWORD", "consumer_secret": "env:TOOL_SECRET"}
    run = ladder.world.start(consumer_key=CONSUMER_KEY, secrets=secrets)
    dies_at_note(ladder, 3)  # the login is announced, its refusal written down, the next login announced
    with pytest.raises(KilledHere):
        ladder.world.drive(run)
    assert count(ladder, "soap_login") == 1
    finished = resumed(ladder, run)
    assert finished.record.result == "succeeded"
    assert finished.evidence["bootstrap"]["method"] == "password_grant"
    assert count(ladder, "soap_login") == 2  # the other one is the probe at the end
    assert finished.evidence["password_attempts"] == 3


def test_a_session_in_the_vault_is_used_by_the_process_that_goes_on(ladder: Ladder) -> None:
    grant = ladder.grant()
    ladder.provide(URL=ladder.sfdx_url(grant))
    run = ladder.world.start(username=None, secrets={"sfdx_auth_url": "env:URL"})
    parked = ladder.world.drive(run, until="preflight")
    assert parked.evidence["bootstrap"]["method"] == "sfdx_auth_url"
    finished = resumed(ladder, run)
    assert finished.record.result == "succeeded"
    exchanges = [one for one in ladder.world.seen if b"grant_type=refresh_token" in one.body]
    assert len(exchanges) == 1
    assert "refresh_token" not in ladder.living_grants()
