"""What a refused login proves, and what it does not; and the verdict per password path. Pure.

A wrong password proves nothing: INVALID_LOGIN has many causes. A probe therefore counts only when its answer
names the lock, or when Login History names the cause. Sources: EventLogFile LOGIN_STATUS, help 000212767,
simple-salesforce issues 279 and 493, help 005132110.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from orchestrator.salesforce.lockdown_mechanisms import MECHANISMS, PATHS, PasswordPath

Meaning = Literal["still_works", "proves", "proves_nothing"]
VerdictState = Literal["proven_closed", "closed_unproven", "open"]
SUCCEEDED = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """One attempt to log in with the password that should be dead.

    Attributes:
        path: how it was tried; the user interface is never tried.
        fault_code: of the catalogue; "" when the login succeeded.
        login_history_status: Status of its Login History row; None while there is none.
        applied: mechanisms in force when it was made.
    """

    path: PasswordPath
    fault_code: str
    login_history_status: str | None
    applied: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a probe means.

    Attributes:
        meaning: the password works, a lock is proven, or nothing is.
        mechanism: the lock that is proven; `soap_login_switch` is the org's own, never ours.
        why: one sentence.
    """

    meaning: Meaning
    mechanism: str
    why: str


@dataclass(frozen=True, slots=True)
class PathVerdict:
    """Where a path stands after the locks.

    Attributes:
        path: which.
        state: proven_closed, closed_unproven or open.
        mechanisms: the locks it rests on.
        why: one sentence.
    """

    path: PasswordPath
    state: VerdictState
    mechanisms: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class _Acceptance:
    """A row: with this lock in force, this answer (and, where given, this history) proves it."""

    mechanism: str
    fault_codes: tuple[str, ...]
    status: str | None
    why: str


SOAP_LOGIN_SWITCH = "soap_login_switch"
# First match wins. A status of None means the answer names the lock by itself.
ACCEPTANCE = (
    _Acceptance(SOAP_LOGIN_SWITCH, ("soap_login_disabled",), None, "the org refuses every SOAP login"),
    _Acceptance(
        "withdraw_any_api_auth", ("any_api_auth_required",), None, "the answer names Use Any API Auth"
    ),
    _Acceptance(
        "require_sso",
        ("sso_gateway_missing", "sso_gateway_down"),
        None,
        "only single sign-on users get this answer",
    ),
    _Acceptance("end_sessions", ("session_expired",), None, "the old session is refused"),
    _Acceptance(
        "deactivate_user",
        ("login_invalid", "user_inactive", "login_refused"),
        "user is inactive",
        "Login History names the deactivated user",
    ),
    _Acceptance(
        "freeze_user",
        ("login_invalid", "user_inactive", "login_refused"),
        "user is frozen",
        "Login History names the frozen user",
    ),
    _Acceptance(
        "replace_password",
        ("login_invalid", "login_refused"),
        "invalid password",
        "Login History names the password as wrong, and it was right before",
    ),
    _Acceptance(
        "block_password_grant",
        ("login_refused",),
        "username-password flow disabled",
        "Login History names the blocked flow",
    ),
    _Acceptance(
        "api_only",
        ("login_invalid", "login_refused"),
        "failed: api-only user",
        "Login History names API Only",
    ),
)
# Locks whose proof on one path is a proof on all they close, because they act on the password or the user.
_OF_THE_USER = frozenset({"replace_password", "freeze_user", "deactivate_user", "require_sso"})


def judge_probe(applied: Collection[str], fault_code: str, login_history_status: str | None) -> Judgement:
    """What the answer to a probe means.

    Args:
        applied: mechanisms in force when it was made.
        fault_code: of the catalogue; "" when the login succeeded.
        login_history_status: Status of its Login History row; None while there is none.
    """
    if fault_code == SUCCEEDED:
        return Judgement("still_works", "", "the login succeeded")
    status = (login_history_status or "").strip().lower()
    waiting = ""
    for row in ACCEPTANCE:
        in_force = row.mechanism in applied or row.mechanism == SOAP_LOGIN_SWITCH
        if not in_force or fault_code not in row.fault_codes:
            continue
        if row.status is None or row.status == status:
            return Judgement("proves", row.mechanism, row.why)
        waiting = waiting or row.mechanism
    if waiting and not status:
        return Judgement("proves_nothing", waiting, "Login History does not show the attempt yet")
    if fault_code == "password_locked_out" or status == "password lockout":
        return Judgement("proves_nothing", "", "the user is locked out; the lock ends by itself")
    return Judgement("proves_nothing", "", "many causes give this answer, and none of ours is named")


def verdicts(
    applied: Iterable[str], read_backs: Mapping[str, bool], probes: Iterable[Probe]
) -> dict[PasswordPath, PathVerdict]:
    """The verdict for each path.

    Args:
        applied: ids of the mechanisms that were applied (`[s.mechanism.id for s in plan.steps]`).
        read_backs: mechanism → whether the org shows it in force; absent counts as not shown.
        probes: attempts made after the locks, oldest first; a later one on the same path counts more.
    """
    last: dict[PasswordPath, Judgement] = {}
    proven: set[str] = set()
    for probe in probes:
        judgement = judge_probe(probe.applied, probe.fault_code, probe.login_history_status)
        last[probe.path] = judgement
        if judgement.meaning == "proves":
            proven.add(judgement.mechanism)
    works = {path for path, judgement in last.items() if judgement.meaning == "still_works"}
    shown = [one for one in applied if read_backs.get(one, False)]
    if works:
        # A password that works on one path disproves every lock of the password or the user.
        shown = [one for one in shown if one not in _OF_THE_USER]
    return {path: _verdict(path, shown, proven, works=path in works) for path in PATHS}


def _verdict(path: PasswordPath, shown: list[str], proven: set[str], *, works: bool) -> PathVerdict:
    if works:
        return PathVerdict(path, "open", (), "the password opened the org on this path")
    if path == "soap_login" and SOAP_LOGIN_SWITCH in proven:
        return PathVerdict(path, "proven_closed", (SOAP_LOGIN_SWITCH,), "the org refuses every SOAP login")
    closing = tuple(one for one in shown if path in MECHANISMS[one].closes)
    sure = tuple(one for one in closing if one in proven)
    if sure:
        return PathVerdict(path, "proven_closed", sure, "applied, read back and proven from outside")
    if closing:
        return PathVerdict(path, "closed_unproven", closing, "applied and read back, but not proven")
    return PathVerdict(path, "open", (), "no lock on this path is in force")
