"""How many logins a fleet makes: never more than a share of what Salesforce allows, at an even pace.

Salesforce allows 3,600 logins per hour and user (SOAP API guide, login(); token calls count the same), and
whoever exceeds it locks the customer's own integrations out as well. So one object per process counts
every SOAP login and every token call, per user and per login host, over all threads. A login over the budget
is not sent: the attempt ends with the fault `login_budget` and the time of the slot that is kept for it, the
run parks, and no thread sleeps.

Both budgets are leaky buckets in the form of ATM's generic cell rate algorithm (ITU-T I.371): a time per
bucket instead of a counter, and nothing to reset.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from orchestrator.catalogue import fault
from orchestrator.errors import OrgFault

LOGINS_PER_HOUR_AND_USER = 3600
DEFAULT_SHARE = 0.25
DEFAULT_LOGINS_PER_S = 5.0
# A slot that nobody came for (the run was cancelled, the process stopped) is forgotten after this time.
_SLOT_KEPT_S = 300.0
_SWEEP_AT = 50_000
# One attempt may need several logins (two canaries after a lock). Once admitted, a user's next ones go at
# once and are booked later, or an attempt whose second login is held would begin with the first for ever.
_FOLLOWING = 2
_FOLLOWING_WITHIN_S = 10.0
_ROUNDING_S = 1e-6


class _Bucket:
    """Times at which one budget allows logins: one every *interval_s*, *burst* of them at once."""

    __slots__ = ("due_s", "interval_s", "tolerance_s")

    def __init__(self, interval_s: float, burst: int) -> None:
        self.interval_s = interval_s
        self.tolerance_s = interval_s * (burst - 1)
        self.due_s = 0.0

    def earliest_s(self, now_s: float) -> float:
        """When the next login fits."""
        return max(now_s, self.due_s - self.tolerance_s)

    def take(self, at_s: float) -> None:
        """Book a login at *at_s*."""
        self.due_s = max(self.due_s, at_s) + self.interval_s


class LoginGovernor:
    """Admits logins, or says when. One per process; threads share it.

    Args:
        clock_s: seconds that grow.
        logins_per_s: at one login host; a My Domain is a host of its own.
        share: of Salesforce's 3,600 logins per hour and user that may be used.
        speed: a simulator's clock runs so much faster.

    Attributes:
        admitted: logins sent so far.
        held: logins that had to wait.
    """

    def __init__(
        self,
        clock_s: Callable[[], float],
        *,
        logins_per_s: float = DEFAULT_LOGINS_PER_S,
        share: float = DEFAULT_SHARE,
        speed: float = 1.0,
    ) -> None:
        self.admitted = 0
        self.held = 0
        self._clock_s = clock_s
        # Half of the share at once and half spread evenly: together never more than the share in any hour.
        self._user_burst = max(int(LOGINS_PER_HOUR_AND_USER * share / 2), 1)
        self._user_interval_s = 3600.0 / self._user_burst / speed
        self._host_burst = max(int(logins_per_s), 1)
        self._host_interval_s = 1.0 / logins_per_s / speed
        self._lock = threading.Lock()
        self._hosts: dict[str, _Bucket] = {}
        self._users: dict[tuple[str, str], _Bucket] = {}
        self._slots: dict[tuple[str, str], float] = {}
        self._following: dict[tuple[str, str], tuple[float, int]] = {}

    def admit(self, host: str, user: str) -> None:
        """Count a login of *user* at *host* that is about to be sent.

        Raises:
            OrgFault: `login_budget` with `retry_after_s`; nothing was sent, and the slot is kept.
        """
        with self._lock:
            now_s = self._clock_s()
            wait_s = self._slot_s((host, user), now_s) - now_s
            if wait_s <= _ROUNDING_S:
                self.admitted += 1
                return
            self.held += 1
        refused = OrgFault(
            fault("login_budget"),
            f"the next login of {user} at {host} is due in {wait_s:.1f} s",
            retry_after_s=wait_s,
        )
        refused.was_sent = False
        raise refused

    def _slot_s(self, key: tuple[str, str], now_s: float) -> float:
        """When the login may be sent: now, at the slot kept for it, or at one that is booked here."""
        slot_s = self._slots.get(key)
        if slot_s is not None and now_s < slot_s - _ROUNDING_S:
            return slot_s
        self._slots.pop(key, None)
        if slot_s is not None and now_s - slot_s <= _SLOT_KEPT_S:
            self._following[key] = (now_s, _FOLLOWING)
            return now_s  # booked when it was refused
        self._sweep(now_s)
        user = self._users.setdefault(key, _Bucket(self._user_interval_s, self._user_burst))
        host = self._hosts.setdefault(key[0], _Bucket(self._host_interval_s, self._host_burst))
        slot_s = max(user.earliest_s(now_s), host.earliest_s(now_s))
        user.take(slot_s)
        host.take(slot_s)
        if slot_s <= now_s + _ROUNDING_S:
            self._following[key] = (now_s, _FOLLOWING)
        elif user.due_s - user.tolerance_s <= now_s + user.interval_s and self._follows(key, now_s):
            return now_s
        else:
            self._slots[key] = slot_s
        return slot_s

    def _follows(self, key: tuple[str, str], now_s: float) -> bool:
        """Whether this login belongs to one that was admitted a moment ago; counted down."""
        since_s, left = self._following.get(key, (0.0, 0))
        if not left or now_s - since_s > _FOLLOWING_WITHIN_S:
            return False
        self._following[key] = (since_s, left - 1)
        return True

    def _sweep(self, now_s: float) -> None:
        """Forget budgets that are full again; a worker lives for months."""
        if len(self._users) < _SWEEP_AT:
            return
        self._users = {key: bucket for key, bucket in self._users.items() if bucket.due_s > now_s}
        self._hosts = {key: bucket for key, bucket in self._hosts.items() if bucket.due_s > now_s}
        self._following.clear()
        self._slots = {key: at_s for key, at_s in self._slots.items() if now_s - at_s <= _SLOT_KEPT_S}
