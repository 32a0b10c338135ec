"""The connection breaks at any one request of a hybrid run, before the org sees it or after it has acted.

The process lives on, and must find out which of the two it was. Requests that only read are tried again at
once by the network itself; of those each kind is broken once, of the others every single one.
"""

from __future__ import annotations

import pytest
import requests
from crash_points import READING, stepwise
from crash_world import operation
from urllib3.exceptions import NewConnectionError

SEED = "hybrid-2"
SHARES = 8

pytestmark = pytest.mark.slow


class Cut:
    """Breaks the connection at the n-th request, once."""

    def __init__(self, nth: int, *, after: bool) -> None:
        self.left = nth
        self.after = after
        self.broke = ""

    def __call__(self, request, send):
        self.left -= 1
        if self.left >= 0 or self.broke:
            return send()
        self.broke = operation(request)
        if self.after:
            send()
        raise requests.ConnectionError(ConnectionResetError(104, "Connection reset by peer"), request=request)


@pytest.fixture(scope="module")
def steps(scratch):
    """The clean run, attempt by attempt."""
    return stepwise(scratch / "lost", SEED)


@pytest.fixture(scope="module")
def effects(steps, scratch):
    """What a run without trouble does to the org."""
    world = steps[0].world.copy(scratch / "lost-clean")
    assert world.resume().result == "succeeded"
    return world.effects()


def breaks(steps):
    """(step, number of the request in it, operation) of every request worth breaking."""
    seen = set()
    for step in steps:
        for number, (method, name) in enumerate(step.requests):
            is_read = method == "GET" or name in READING
            if is_read and (step.state, name) in seen:
                continue
            seen.add((step.state, name))
            yield step, number, name


@pytest.mark.parametrize("after", [False, True], ids=["before the org saw it", "after the org acted"])
@pytest.mark.parametrize("share", range(SHARES))
def test_a_lost_answer_doubles_no_effect_and_stops_no_run(steps, effects, share, after, folder):
    for count, (step, number, name) in list(enumerate(breaks(steps)))[share::SHARES]:
        story = f"{step.state}, request {number} ({name}), seed {SEED}"
        print(story)  # noqa: T201 - the seed, should it fail
        world = step.world.copy(folder / str(count))
        cut = Cut(number, after=after)
        record = world.resume(cut)
        truth = world.truth()
        assert cut.broke, story
        assert record.result == "succeeded", f"{story}: {record.position.state} {record.code} {record.detail}"
        assert world.effects() == effects, story
        assert truth["jwt_works"], story
        assert not truth["password_works"], story
        assert truth["counts"]["operations"]["soap_login"] <= 3, story
        sent = record.evidence["password_attempts"]
        assert sent >= truth["counts"]["operations"]["soap_login"], f"{story}: a password went uncounted"


def test_every_password_that_may_have_arrived_is_counted_and_the_third_is_the_last(steps, folder):
    first = next(step for step in steps if step.state == "bootstrap")
    world = first.world.copy(folder / "world")

    def always_lost(request, send):
        if operation(request) != "soap_login":
            return send()
        send()
        raise requests.ConnectionError(ConnectionResetError(104, "Connection reset by peer"), request=request)

    record = world.resume(always_lost)
    assert record.result == "failed"
    assert record.code == "password_attempts_used_up"
    assert world.truth()["counts"]["operations"]["soap_login"] == 3


def test_a_password_that_never_left_the_machine_is_not_counted(steps, folder):
    first = next(step for step in steps if step.state == "bootstrap")
    world = first.world.copy(folder / "world")
    refused = [0]

    def refuse(request, send):
        if operation(request) != "soap_login" or refused[0] == 5:
            return send()
        refused[0] += 1
        error = NewConnectionError(None, "Connection refused")
        raise requests.ConnectionError(error, request=request)

    record = world.resume(refuse)
    assert record.result == "succeeded"
    assert refused[0] == 5
    assert record.evidence["password_attempts"] == 2
