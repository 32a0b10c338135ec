"""Scripted faults: what shall go wrong, for which org and operation, how often and when."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any

KINDS = frozenset(
    {
        "status",
        "reset",
        "slow",
        "error",
        "expire_session",
        "skew_s",
        "row_lock",
        "maintenance",
        "read_only",
        "settings_keep_old_value",
        "moved_my_domain",
        "login_history_delay",
    }
)
# Kinds that change a fact of the org once instead of spoiling an answer.
STATE_KINDS = frozenset(
    {
        "skew_s",
        "maintenance",
        "read_only",
        "settings_keep_old_value",
        "moved_my_domain",
        "login_history_delay",
    }
)


@dataclass(slots=True)
class Fault:
    """One scripted fault.

    Attributes:
        kind: one of `KINDS`.
        operation: operation name (`token`, `soap_login`, `deploy`, `check_deploy_status`, `rest`, `query`,
            ...) or a glob over the request path (it contains a slash).
        org: org id or name; empty for all.
        times: how many requests it hits (0 means always).
        after: how many matching requests pass unharmed first.
        arguments: what the kind needs (`status`, `delay_s`, `code`, `message`, `sent_bytes`, `value`).
    """

    kind: str
    operation: str = "*"
    org: str = ""
    times: int = 1
    after: int = 0
    arguments: dict[str, Any] = field(default_factory=dict)
    seen: int = 0
    hits: int = 0

    def matches(self, operation: str, path: str, org_names: tuple[str, ...]) -> bool:
        """Whether this fault concerns the request; counts it if so."""
        if self.org and self.org not in org_names:
            return False
        subject = path if "/" in self.operation else operation
        if not (
            fnmatchcase(subject, self.operation)
            or (self.operation == "rest" and path.startswith("/services/data"))
        ):
            return False
        self.seen += 1
        if self.seen <= self.after or (self.times and self.hits >= self.times):
            return False
        self.hits += 1
        return True


class FaultScript:
    """The faults waiting to happen, in the order they were scripted."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, document: dict[str, Any]) -> Fault:
        """Script a fault from its JSON form; unknown keys become arguments of the kind.

        Raises:
            ValueError: the kind is unknown or a number is not one.
        """
        kind = str(document.get("kind", ""))
        if kind not in KINDS:
            raise ValueError(f"unknown fault kind {kind!r}; one of {', '.join(sorted(KINDS))}")
        known = {"kind", "operation", "org", "times", "after"}
        fault = Fault(
            kind=kind,
            operation=str(document.get("operation", "*")),
            org=str(document.get("org", "")),
            times=int(document.get("times", 1)),
            after=int(document.get("after", 0)),
            arguments={name: value for name, value in document.items() if name not in known},
        )
        self._faults.append(fault)
        return fault

    def take(self, operation: str, path: str, org_names: tuple[str, ...]) -> list[Fault]:
        """Return the faults that hit this request, counting them."""
        if not self._faults:
            return []
        return [fault for fault in self._faults if fault.matches(operation, path, org_names)]

    def clear(self) -> None:
        """Forget every scripted fault."""
        self._faults.clear()

    def listed(self) -> list[dict[str, Any]]:
        """Return every fault with its counters, as JSON values."""
        return [asdict(fault) for fault in self._faults]
