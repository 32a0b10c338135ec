"""What `doctor` found, and the form of what it concludes. Pure records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from orchestrator.salesforce.answer_row import Surface
from orchestrator.salesforce.answers import classify
from orchestrator.salesforce.diagnosis_causes import Cause

Confidence = Literal["certain", "likely"]


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal as the catalogue knows it.

    Attributes:
        code: of the fault catalogue.
        said: what the other side said, without secrets.
        where: who said it.
    """

    code: str
    said: str
    where: str = ""


def refused(surface: Surface, code: str, message: str = "", where: str = "") -> Refused:
    """The refusal behind an answer of that surface."""
    return Refused(classify(surface, code, message).code, f"{code}: {message}".strip(": "), where)


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything that was looked at. None means unknown; nothing may be concluded from it.

    Attributes:
        org, host, is_sandbox: of the orgs file; what its host says.
        reach: why the org's public endpoints do not answer; None when they do.
        org_id_seen, org_id_expected: 15 or 18 characters, "" when unknown.
        proven_host: where the credential was proven, "" when there is none.
        clock_offset_s: the server's clock minus ours.
        has_credential: the vault holds one for this org.
        credential_problem: code and sentence, when it cannot be used.
        days_left: of our certificate.
        key_known: whether the login servers know our consumer key (asked without a login).
        token: why no token was given; None when one was, or when none was asked for.
        token_given: a token was given.
        token_problem: it is of another org or user: code and sentence.
        api_refusal: why the first call with the session was refused, whatever the session.
        login: why the password was refused; None when it was accepted or not tried.
        login_accepted: the password opened a session.
        last_failure: how the newest finished run of this org failed: code and sentence.
        seen_as: whose eyes saw the facts below: "JWT user", "bootstrap user" or "" for nobody's.
        app_exists … set_license: of the client app and the JWT user.
        egress_ip, login_ip_ranges, ip_excluded: where we come from, what the profile allows, and the verdict.
        login_status: Status of the newest failed login of the JWT user in Login History.
        api_access_control, is_read_only, trial_days_left: of the org.
        unread: what could not be read, and why; shown, not judged.
    """

    org: str
    host: str
    is_sandbox: bool | None = None
    reach: Refused | None = None
    org_id_seen: str = ""
    org_id_expected: str = ""
    proven_host: str = ""
    clock_offset_s: float | None = None
    has_credential: bool = True
    credential_problem: tuple[str, str] | None = None
    days_left: int | None = None
    key_known: bool | None = None
    token: Refused | None = None
    token_given: bool = False
    token_problem: tuple[str, str] | None = None
    api_refusal: Refused | None = None
    login: Refused | None = None
    login_accepted: bool = False
    last_failure: Refused | None = None
    seen_as: str = ""
    app_exists: bool | None = None
    app_key_is_ours: bool | None = None
    app_certificate_is_ours: bool | None = None
    app_enabled: bool | None = None
    app_policy: str | None = None
    app_lists_set: bool | None = None
    user_exists: bool | None = None
    user_active: bool | None = None
    user_frozen: bool | None = None
    user_api_enabled: bool | None = None
    set_assigned: bool | None = None
    set_license: str | None = None
    egress_ip: str | None = None
    login_ip_ranges: tuple[tuple[str, str], ...] | None = None
    ip_excluded: bool | None = None
    login_status: str | None = None
    api_access_control: bool | None = None
    is_read_only: bool | None = None
    trial_days_left: int | None = None
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A cause, how sure it is, and what speaks for it."""

    cause: Cause
    confidence: Confidence
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The result.

    Attributes:
        cause: the one that comes first; None when nothing is wrong.
        suspicions: further faults that were found, not what stopped us.
        ruled_out: (cause code, what clears it).
    """

    cause: Suspicion | None
    suspicions: tuple[Suspicion, ...] = ()
    ruled_out: tuple[tuple[str, str], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The verdict as `doctor --json` prints it, without links."""
        return {
            "healthy": self.cause is None,
            "cause": None if self.cause is None else suspicion_json(self.cause),
            "suspicions": [suspicion_json(one) for one in self.suspicions],
            "ruled_out": [{"code": code, "why": why} for code, why in self.ruled_out],
        }


def suspicion_json(one: Suspicion) -> dict[str, Any]:
    """One suspicion as JSON."""
    return {
        "code": one.cause.code,
        "meaning": one.cause.meaning,
        "confidence": one.confidence,
        "evidence": list(one.evidence),
        "fix": list(one.cause.fix),
    }
