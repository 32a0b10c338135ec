"""How many logins all processes make together: never more than a share of what Salesforce allows, evenly.

Salesforce allows 3,600 logins per hour and user (SOAP API guide, login(); token calls count the same), and
whoever exceeds it locks the customer's own integrations out as well. So every SOAP login and token call is
counted, per user and per login host, over all threads and all processes that use one database. A login over
the budget is not sent: the attempt ends with the fault `login_budget` and the time of the slot that is kept
for it, the run parks, and no thread sleeps.

Both budgets are leaky buckets in the form of ATM's generic cell rate algorithm (ITU-T I.371): a time per
bucket instead of a counter, and nothing to reset. The times are facts that the processes share; at a host
that was idle a few logins are taken at once, so that most of them ask nobody.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.catalogue import fault
from orchestrator.errors import OrgFault
from orchestrator.fleet.facts import MemoryFacts
from orchestrator.ports import SharedFacts

LOGINS_PER_HOUR_AND_USER = 3600
DEFAULT_SHARE = 0.25
DEFAULT_LOGINS_PER_S = 5.0
CHUNK = 3
"""Logins of one user taken at once at an idle host, where the facts are kept in a database."""
# A slot that nobody came for (the run was cancelled, the process stopped) is forgotten after this time.
_SLOT_KEPT_S = 300.0
# One attempt may need several logins (two canaries after a lock). Once admitted, a user's next ones go at
# once and are booked later, or an attempt whose second login is held would begin with the first for ever.
_FOLLOWING = 2
_FOLLOWING_WITHIN_S = 10.0
_ROUNDING_S = 1e-6
# Nobody books so far ahead: a clock was set back since, and the budget starts anew.
_HORIZON_S = 6 * 3600.0

_Fact = dict[str, Any]


class LoginGovernor:
    """Admits logins, or says when. Threads share it; processes share its facts.

    Args:
        clock_s: seconds that grow; the same clock for all who share the facts.
        logins_per_s: at one login host; a My Domain is a host of its own.
        share: of Salesforce's 3,600 logins per hour and user that may be used.
        speed: a simulator's clock runs so much faster.
        facts: where the budgets are kept; by default in this process alone.
        chunk: how many logins of a user may be taken at once.

    Attributes:
        admitted: logins sent so far by this process.
        held: logins of this process that had to wait.
    """

    def __init__(
        self,
        clock_s: Callable[[], float],
        *,
        logins_per_s: float = DEFAULT_LOGINS_PER_S,
        share: float = DEFAULT_SHARE,
        speed: float = 1.0,
        facts: SharedFacts | None = None,
        chunk: int = 1,
    ) -> None:
        self.admitted = 0
        self.held = 0
        self._clock_s = clock_s
        # Half of the share at once and half spread evenly: together never more than the share in any hour.
        user_burst = max(int(LOGINS_PER_HOUR_AND_USER * share / 2), 1)
        host_burst = max(int(logins_per_s), 1)
        self._user = _Bucket(3600.0 / user_burst / speed, user_burst)
        self._host = _Bucket(1.0 / logins_per_s / speed, host_burst)
        self._chunk = min(chunk, host_burst)
        self._facts = facts or MemoryFacts()
        self._lock = threading.Lock()
        self._taken: dict[tuple[str, str], tuple[float, int]] = {}

    def admit(self, host: str, user: str) -> None:
        """Count a login of *user* at *host* that is about to be sent.

        Raises:
            OrgFault: `login_budget` with `retry_after_s`; nothing was sent, and the slot is kept.
            StoreError: the budgets cannot be read; nothing was sent.
        """
        key = (host, user)
        now_s = self._clock_s()
        if self._spent(key, now_s):
            return
        at_host, of_user = f"login {host}", f"login {host} {user}"

        def booked(facts: Mapping[str, _Fact]) -> tuple[float, int]:
            return self._booked(facts[at_host], facts[of_user], now_s)

        slot_s, extra = self._facts.change([at_host, of_user], now_s, booked)
        wait_s = slot_s - now_s
        with self._lock:
            if wait_s <= _ROUNDING_S:
                self.admitted += 1
                self._keep(key, now_s, extra)
                return
            self.held += 1
        refused = OrgFault(
            fault("login_budget"),
            f"the next login of {user} at {host} is due in {wait_s:.1f} s",
            retry_after_s=wait_s,
        )
        refused.was_sent = False
        raise refused

    def _spent(self, key: tuple[str, str], now_s: float) -> bool:
        """Whether the login was taken before, with another one."""
        with self._lock:
            taken_s, left = self._taken.pop(key, (0.0, 0))
            if not left or not 0 <= now_s - taken_s <= _FOLLOWING_WITHIN_S:
                return False
            self._keep(key, taken_s, left - 1)
            self.admitted += 1
            return True

    def _keep(self, key: tuple[str, str], taken_s: float, left: int) -> None:
        if left:
            self._taken[key] = (taken_s, left)

    def _booked(self, host: _Fact, user: _Fact, now_s: float) -> tuple[float, int]:
        """When the login may be sent: now, at the slot kept for it, or at one booked here; how many more."""
        slot_s = user.get("slot_s")
        if slot_s is not None and now_s < slot_s - _ROUNDING_S <= now_s + _HORIZON_S:
            return slot_s, 0
        user.pop("slot_s", None)
        if slot_s is not None and 0 <= now_s - slot_s + _ROUNDING_S <= _SLOT_KEPT_S:
            user["since_s"], user["left"] = now_s, _FOLLOWING
            return now_s, 0  # booked when it was refused
        extra = self._chunk - 1 if self._host.is_idle(host, now_s) else 0
        slot_s = max(self._user.earliest_s(user, now_s), self._host.earliest_s(host, now_s))
        for _ in range(1 + (extra if slot_s <= now_s + _ROUNDING_S else 0)):
            self._user.take(user, slot_s)
            self._host.take(host, slot_s)
        if slot_s <= now_s + _ROUNDING_S:
            user["since_s"], user["left"] = now_s, _FOLLOWING
            return slot_s, extra
        if self._user.is_nearly_due(user, now_s) and _follows(user, now_s):
            return now_s, 0
        user["slot_s"] = slot_s
        return slot_s, 0


class _Bucket:
    """How one budget allows logins: one every *interval_s*, *burst* at once. The time is in a fact."""

    def __init__(self, interval_s: float, burst: int) -> None:
        self._interval_s = interval_s
        self._tolerance_s = interval_s * (burst - 1)

    def earliest_s(self, fact: _Fact, now_s: float) -> float:
        """When the next login fits."""
        return max(now_s, self._due_s(fact, now_s) - self._tolerance_s)

    def take(self, fact: _Fact, at_s: float) -> None:
        """Book a login at *at_s*."""
        fact["due_s"] = max(self._due_s(fact, at_s), at_s) + self._interval_s

    def is_idle(self, fact: _Fact, now_s: float) -> bool:
        """Whether nothing is booked."""
        return self._due_s(fact, now_s) <= now_s

    def is_nearly_due(self, fact: _Fact, now_s: float) -> bool:
        """Whether the booked logins reach no further ahead than one more login would."""
        return self._due_s(fact, now_s) - self._tolerance_s <= now_s + self._interval_s

    def _due_s(self, fact: _Fact, now_s: float) -> float:
        due_s = float(fact.get("due_s", 0.0))
        return due_s if due_s <= now_s + _HORIZON_S else 0.0


def _follows(user: _Fact, now_s: float) -> bool:
    """Whether this login belongs to one that was admitted a moment ago; counted down."""
    left = int(user.get("left", 0))
    if not left or now_s - float(user.get("since_s", 0.0)) > _FOLLOWING_WITHIN_S:
        return False
    user["left"] = left - 1
    return True
