"""Scripted faults: what shall go wrong, for which org and operation, how often and when."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True)
class FaultKind:
    """What a kind of fault does, for the documentation and for deciding how to apply it.

    Attributes:
        about: one sentence.
        arguments: what it reads besides `operation`, `org`, `times` and `after`.
        is_state: whether it changes a fact of the org once instead of spoiling an answer.
        stages: stages of long work that it can hit by name, beside requests.
    """

    about: str
    arguments: str = ""
    is_state: bool = False
    stages: str = ""


_STAGES = "`run_deploy`, `finalize_deploy`, `install_package`"
FAULT_KINDS: dict[str, FaultKind] = {
    "status": FaultKind(
        "An HTML page with an HTTP status, as edge servers send it (429, 502, 503).",
        "`status` (503), `retry_after_s`",
    ),
    "reset": FaultKind(
        "The connection is cut: before the request is worked on, after it, or in the middle of the body.",
        "`when` (`before` or `after`), `sent_bytes`",
    ),
    "slow": FaultKind("The answer is held back.", "`delay_s` (1), in wall seconds"),
    "error": FaultKind(
        "An error in the shape of the surface asked: OAuth, SOAP fault or REST.",
        "`code`, `message`, `status` (400)",
        stages=_STAGES,
    ),
    "row_lock": FaultKind(
        "UNABLE_TO_LOCK_ROW; at a stage, the component or the install fails with it.", stages=_STAGES
    ),
    "package_unavailable": FaultKind(
        "The package version has not reached this org yet; the install ends in ERROR.",
        "`message`",
        stages="`install_package`",
    ),
    "expire_session": FaultKind("The session of the request is over before it is looked at."),
    "skew_s": FaultKind(
        "The org's clock is off: the Date header, every timestamp, the check of `exp`.",
        "`value`, in seconds",
        is_state=True,
    ),
    "maintenance": FaultKind(
        "The org is down: REST and pages answer 503 with HTML, login() ORG_IN_MAINTENANCE.",
        "`value` (true)",
        is_state=True,
    ),
    "read_only": FaultKind(
        "Read-only mode: reads work, every write is refused, Login History waits until it ends.",
        "`value` (true)",
        is_state=True,
    ),
    "settings_keep_old_value": FaultKind(
        "A deploy of this Settings type reports success and changes nothing.",
        "`value` (`OauthOidcSettings`)",
        is_state=True,
    ),
    "moved_my_domain": FaultKind(
        "The org gets another My Domain; the old host redirects, or is gone.",
        "`value` (the new host), `redirects` (true)",
        is_state=True,
    ),
    "login_history_delay": FaultKind(
        "Rows of Login History become visible later.", "`value`, in org seconds", is_state=True
    ),
}
KINDS = frozenset(FAULT_KINDS)
STATE_KINDS = frozenset(name for name, kind in FAULT_KINDS.items() if kind.is_state)


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

    def take_stage(self, stage: str, org_names: tuple[str, ...]) -> Fault | None:
        """Return the fault scripted by name for a stage of long work (`run_deploy`), counting it.

        A fault for any operation (`*`) is about requests, and a stage is none.
        """
        named = (fault for fault in self._faults if fault.operation == stage)
        return next((fault for fault in named if fault.matches(stage, "", org_names)), None)

    def clear(self) -> None:
        """Forget every scripted fault."""
        self._faults.clear()

    def listed(self) -> list[dict[str, Any]]:
        """Return every fault with its counters, as JSON values."""
        return [asdict(fault) for fault in self._faults]
