"""Facts that explain a refusal: what they look like in the findings, and which answers they bring. Pure data.

Order matters: of several facts that explain one answer the first is the cause. It follows the order of
Salesforce's checks, client id, assertion, user, approval, policy (apps by public tools, `jwt` notes).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.salesforce.diagnosis_findings import Confidence, Findings

# Beyond this the clocks are worth correcting; an assertion lives 170 s.
CLOCK_TOLERANCE_S = 60.0
INTEGRATION_LICENSE_KEY = "SalesforceAPIIntegrationPsl"
ADMIN_APPROVED = "AdminApprovedPreAuthorized"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that may be wrong.

    Attributes:
        code: the cause.
        explains: codes of the refusals it brings.
        holds: True when it is wrong, False when it is seen to be right, None when unknown.
        accuses, clears: the sentence for either case.
        only_likely_for: refusals it may bring, where another cause is as possible.
        is_fault: it is a fault even where it did not stop us.
    """

    code: str
    explains: frozenset[str]
    holds: Callable[[Findings], bool | None]
    accuses: Callable[[Findings], str]
    clears: Callable[[Findings], str]
    only_likely_for: frozenset[str] = frozenset()
    is_fault: bool = True

    def confidence_for(self, code: str) -> Confidence:
        """How sure the fact is as the cause of that refusal."""
        return "likely" if code in self.only_likely_for else "certain"


def _no(value: bool | None) -> bool | None:  # noqa: FBT001 - three-valued logic
    return None if value is None else not value


def _eyes(found: Findings) -> str:
    return f"seen as {found.seen_as}" if found.seen_as else "as far as the answers tell"


def _clock(found: Findings) -> bool | None:
    return None if found.clock_offset_s is None else abs(found.clock_offset_s) > CLOCK_TOLERANCE_S


def apart(found: Findings) -> str:
    """How far the clocks are apart, in words."""
    offset_s = found.clock_offset_s or 0.0
    direction = "ahead of" if offset_s > 0 else "behind"
    return f"Salesforce's clock is {abs(offset_s):.0f} s {direction} ours"


def _expired(found: Findings) -> bool | None:
    return None if found.days_left is None else found.days_left < 0


def _policy_changed(found: Findings) -> bool | None:
    return None if found.app_policy is None else found.app_policy != ADMIN_APPROVED


def _licensed(found: Findings) -> bool | None:
    return None if found.set_license is None else found.set_license == INTEGRATION_LICENSE_KEY


def _renamed(found: Findings) -> bool | None:
    return found.proven_host != found.host if found.proven_host else None


def _ranges(found: Findings) -> str:
    return ", ".join(f"{first}-{last}" for first, last in found.login_ip_ranges or ()) or "no ranges"


_NOT_APPROVED = frozenset({"app_not_approved", "user_not_approved"})
_USER_REFUSED = frozenset({"login_refused", "user_inactive"})
_APP_UNKNOWN = frozenset({"client_id_unknown", "app_not_found", "app_not_installed"})

FACTS: tuple[Fact, ...] = (
    Fact(
        "host_renamed",
        frozenset({"audience_invalid", "app_not_found", "grant_unsupported"}),
        _renamed,
        lambda f: f"the credential was proven at {f.proven_host}, the orgs file says {f.host}",
        lambda f: f"the credential was proven at {f.host}",
        only_likely_for=frozenset({"app_not_found", "grant_unsupported"}),
    ),
    Fact(
        "app_deleted",
        _APP_UNKNOWN,
        lambda f: _no(f.app_exists),
        lambda f: f"no such app is in the org, {_eyes(f)}",
        lambda f: f"the app is in the org, {_eyes(f)}",
    ),
    Fact(
        "consumer_key_changed",
        _APP_UNKNOWN,
        lambda f: _no(f.app_key_is_ours),
        lambda f: f"the app's consumer key is not ours, {_eyes(f)}",
        lambda _: "the app has our consumer key",
    ),
    Fact(
        "certificate_replaced",
        frozenset({"assertion_invalid"}),
        lambda f: _no(f.app_certificate_is_ours),
        lambda f: f"the fingerprint of the certificate in the app is not ours, {_eyes(f)}",
        lambda _: "the app holds our certificate",
    ),
    Fact(
        "clock_skewed",
        frozenset({"assertion_expired", "assertion_invalid"}),
        _clock,
        apart,
        lambda f: f"the clocks are {abs(f.clock_offset_s or 0.0):.0f} s apart",
        only_likely_for=frozenset({"assertion_invalid"}),
    ),
    Fact(
        "certificate_expired",
        frozenset({"assertion_invalid"}),
        _expired,
        lambda f: f"our certificate ended {-(f.days_left or 0)} days ago",
        lambda f: f"our certificate is good for {f.days_left} days",
        only_likely_for=frozenset({"assertion_invalid"}),
    ),
    Fact(
        "app_disabled",
        frozenset({"app_blocked", "flow_disabled", "login_refused", *_NOT_APPROVED}),
        lambda f: _no(f.app_enabled),
        lambda f: f"the app or its OAuth plug-in is switched off, {_eyes(f)}",
        lambda _: "the app is switched on",
    ),
    Fact(
        "user_missing",
        frozenset({"user_not_approved", *_USER_REFUSED}),
        lambda f: _no(f.user_exists),
        lambda f: f"no such user is in the org, {_eyes(f)}",
        lambda _: "the JWT user is in the org",
    ),
    Fact(
        "user_inactive",
        frozenset({"user_not_approved", *_USER_REFUSED}),
        lambda f: _no(f.user_active),
        lambda _: "User.IsActive is false",
        lambda _: "the JWT user is active",
    ),
    Fact(
        "user_frozen",
        _USER_REFUSED,
        lambda f: f.user_frozen,
        lambda _: "UserLogin.IsFrozen is true",
        lambda _: "the JWT user is not frozen",
    ),
    Fact(
        "permission_set_unassigned",
        _NOT_APPROVED,
        lambda f: _no(f.set_assigned),
        lambda _: "there is no PermissionSetAssignment of the app's permission set for the JWT user",
        lambda _: "the permission set is assigned",
    ),
    Fact(
        "app_policy_changed",
        _NOT_APPROVED,
        _policy_changed,
        lambda f: f"the app's policy is {f.app_policy}",
        lambda _: "the app's policy is as we left it",
    ),
    Fact(
        "app_grant_removed",
        _NOT_APPROVED,
        lambda f: _no(f.app_lists_set),
        lambda _: "the app's policy does not list our permission set",
        lambda _: "the app's policy lists our permission set",
    ),
    Fact(
        "permission_set_licensed",
        _NOT_APPROVED,
        _licensed,
        lambda f: f"the permission set is bound to the licence {f.set_license}",
        lambda _: "the permission set is not bound to the integration licence",
    ),
    Fact(
        "ip_range_excludes_us",
        frozenset({"login_ip_restricted", "login_refused"}),
        lambda f: f.ip_excluded,
        lambda f: f"the profile allows {_ranges(f)}; the org sees us come from {f.egress_ip}",
        lambda f: f"the profile's login IP ranges ({_ranges(f)}) let us in",
    ),
    Fact(
        "api_access_control",
        frozenset({"session_not_valid_for_api", "client_refused"}),
        lambda f: f.api_access_control,
        lambda _: "ConnectedAppSettings.enableAdminApprovedAppsOnly is true",
        lambda _: "API Access Control is off",
        is_fault=False,
    ),
    Fact(
        "api_disabled",
        frozenset({"login_refused", "session_not_valid_for_api"}),
        lambda f: _no(f.user_api_enabled),
        lambda _: "the JWT user does not hold API Enabled",
        lambda _: "the JWT user holds API Enabled",
    ),
)
