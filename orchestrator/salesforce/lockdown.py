"""Which locks fit an org and the user whose password was handed over, and what they leave open. Pure.

The rule of the house: the default principal is `handed_over`, an administrator's account whose password was
given to us. The password itself must die; the account lives. Sources: xcloud.sso_enforce_sso_login (do not
require single sign-on of administrators), help 005132110, object reference UserLogin.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from orchestrator.salesforce.lockdown_mechanisms import MECHANISMS, PATHS, Mechanism, PasswordPath
from orchestrator.salesforce.lockdown_proof import (
    Judgement,
    PathVerdict,
    Probe,
    judge_probe,
    verdicts,
)

__all__ = [
    "MECHANISMS",
    "PATHS",
    "AnyApiAuthGrant",
    "Judgement",
    "LockPlan",
    "Mechanism",
    "OpenPath",
    "OrgFacts",
    "PasswordPath",
    "PathVerdict",
    "Principal",
    "Probe",
    "Step",
    "choose",
    "judge_probe",
    "verdicts",
]

Principal = Literal["handed_over", "human_admin", "dedicated", "integration_user"]

_USER_STEPS = ("withdraw_any_api_auth", "replace_password", "end_sessions")
# What each principal would get if the org allows everything.
_WANTED: dict[Principal, tuple[str, ...]] = {
    "handed_over": ("block_password_grant", *_USER_STEPS),
    "human_admin": ("block_password_grant",),
    "dedicated": ("block_password_grant", *_USER_STEPS, "require_sso", "freeze_user", "deactivate_user"),
    "integration_user": (
        *("block_password_grant", "withdraw_any_api_auth", "api_only"),
        *("replace_password", "require_sso", "end_sessions"),
    ),
}
# Why a mechanism is not even wanted for a principal.
_NOT_WANTED: dict[Principal, str] = {
    "handed_over": "the account lives on; only its password must die",
    "human_admin": "the account is a person's own; nothing of the person's is touched",
    "dedicated": "the account is deactivated, which covers it",
    "integration_user": "the JWT runs as this user, so it must stay active",
}


@dataclass(frozen=True, slots=True)
class AnyApiAuthGrant:
    """One way the bootstrap user holds Use Any API Auth.

    Attributes:
        name: of the permission set or profile.
        is_dedicated: it grants nothing else, so its assignment can go.
        is_profile: it is the profile; never changed here.
    """

    name: str
    is_dedicated: bool
    is_profile: bool = False


@dataclass(frozen=True, slots=True)
class OrgFacts:
    """What was read in the org before anything is chosen.

    Attributes:
        is_read_only: Organization.IsReadOnly.
        has_sso_permission: PermissionSet's describe has PermissionsIsSsoEnabled.
        has_delegated_gateway: whether passwords of single sign-on users go to a gateway of the customer.
        any_api_auth_field_exists: PermissionSet's describe has PermissionsUseAnyApiAuth.
        any_api_auth_holders: how the bootstrap user holds it.
        ropc_already_blocked: OauthOidcSettings.blockOAuthUnPwFlow.
        other_admins: active, unfrozen administrators beside the bootstrap user who can use the interface.
        break_glass_ok: the operator named or accepted another way in.
        bootstrap_user_is_integration_user: one user for both.
        user_is_api_only: the bootstrap user has API Only already.
        password_was_given: false when bootstrapped by a token; then there is no password of ours to kill.
        soap_login_enabled: whether login() is on; None when nothing has told.
    """

    is_read_only: bool = False
    has_sso_permission: bool = False
    has_delegated_gateway: Literal["unknown", "yes", "no"] = "unknown"
    any_api_auth_field_exists: bool = False
    any_api_auth_holders: tuple[AnyApiAuthGrant, ...] = ()
    ropc_already_blocked: bool = False
    other_admins: int = 0
    break_glass_ok: bool = False
    bootstrap_user_is_integration_user: bool = False
    user_is_api_only: bool = False
    password_was_given: bool = True
    soap_login_enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A mechanism to apply, and why."""

    mechanism: Mechanism
    reason: str


@dataclass(frozen=True, slots=True)
class OpenPath:
    """A path on which a password keeps its power, why, and what a person can do about it."""

    path: PasswordPath
    why: str
    manual_step: str


@dataclass(frozen=True, slots=True)
class LockPlan:
    """What will be done, what will not, and what that leaves.

    Attributes:
        principal: whose plan it is, after `bootstrap_user_is_integration_user` had its say.
        steps: in the order to apply them.
        left_out: mechanism id and reason.
        stays_open: paths that nothing in `steps` closes.
        caveats: what the locks do not survive, one sentence each.
        may_probe_with_password: false when a gateway of the customer would get to see the password.
    """

    principal: Principal
    steps: tuple[Step, ...]
    left_out: tuple[tuple[str, str], ...]
    stays_open: tuple[OpenPath, ...]
    caveats: tuple[str, ...] = field(default=())
    may_probe_with_password: bool = True


def choose(facts: OrgFacts, principal: Principal = "handed_over", *, sso_asked_for: bool = False) -> LockPlan:
    """The locks for one org.

    Args:
        facts: what was read in the org.
        principal: whose password it was.
        sso_asked_for: require single sign-on also of a handed-over account.
    """
    if facts.bootstrap_user_is_integration_user:
        principal = "integration_user"
    wanted = set(_WANTED[principal])
    if sso_asked_for and principal == "handed_over":
        wanted.add("require_sso")
    steps: list[Step] = []
    left_out: list[tuple[str, str]] = []
    for mechanism in sorted(MECHANISMS.values(), key=lambda one: one.order):
        refusal = _refusal(mechanism, facts, principal)
        if mechanism.by_hand:
            refusal = mechanism.by_hand
        elif mechanism.id not in wanted:
            refusal = _NOT_WANTED[principal]
        if refusal:
            left_out.append((mechanism.id, refusal))
        else:
            steps.append(Step(mechanism, _reason(mechanism, facts)))
    left_out += _shared_grants(facts, steps)
    return LockPlan(
        principal=principal,
        steps=tuple(steps),
        left_out=tuple(left_out),
        stays_open=tuple(_stays_open(steps, facts, principal)),
        caveats=tuple(_caveats(steps, facts)),
        may_probe_with_password=facts.has_delegated_gateway != "yes",
    )


def _refusal(mechanism: Mechanism, facts: OrgFacts, principal: Principal) -> str:
    """Why the mechanism cannot be used here; "" when it can."""
    locks_people_out = mechanism.removes_person and facts.other_admins < 1 and not facts.break_glass_ok
    obstacles = {
        "": (
            (facts.is_read_only, "the org is in read-only mode; resume when it can be written"),
            (locks_people_out, "no other administrator could let people back in; name a break_glass_user"),
        ),
        "withdraw_any_api_auth": ((True, _withdrawal_refusal(facts)),),
        "api_only": ((facts.user_is_api_only, "the user has API Only already"),),
        "replace_password": (
            (principal == "integration_user", "a user cannot set its own password through the API"),
            (not facts.password_was_given, "no password was handed over"),
        ),
        "require_sso": (
            (
                not facts.has_sso_permission,
                "the org has no Is Single Sign-On Enabled permission; only Salesforce Support can add it",
            ),
            (
                facts.has_delegated_gateway == "yes",
                "passwords would go to the org's delegated gateway, which may accept them",
            ),
        ),
    }
    for holds, reason in (*obstacles[""], *obstacles.get(mechanism.id, ())):
        if holds and reason:
            return reason
    return ""


def _withdrawal_refusal(facts: OrgFacts) -> str:
    if not facts.any_api_auth_field_exists:
        return "the org does not have the Use Any API Auth permission, so login() does not ask for it"
    if not facts.any_api_auth_holders:
        return "the user does not hold Use Any API Auth"
    if not any(grant.is_dedicated and not grant.is_profile for grant in facts.any_api_auth_holders):
        return _shared_reason(facts.any_api_auth_holders)
    return ""


def _shared_reason(grants: tuple[AnyApiAuthGrant, ...]) -> str:
    shared = [one for one in grants if one.is_profile or not one.is_dedicated]
    names = ", ".join(f"{'profile' if one.is_profile else 'permission set'} {one.name}" for one in shared)
    return f"held through {names}, which grants more; remove Use Any API Auth there in Setup by hand"


def _shared_grants(facts: OrgFacts, steps: list[Step]) -> Iterator[tuple[str, str]]:
    """The part of a withdrawal that stays with people: grants beside the ones that are withdrawn."""
    withdrawn = any(step.mechanism.id == "withdraw_any_api_auth" for step in steps)
    if withdrawn and any(one.is_profile or not one.is_dedicated for one in facts.any_api_auth_holders):
        yield "withdraw_any_api_auth", _shared_reason(facts.any_api_auth_holders)


_REASONS = {
    "block_password_grant": "no OAuth client may use a password",
    "withdraw_any_api_auth": "where the org enforces it, SOAP login() refuses users without it",
    "api_only": "an integration needs no user interface",
    "replace_password": "the password that was handed over must be worth nothing",
    "require_sso": "the only lock of a user that survives a password reset",
    "end_sessions": "sessions begun with the password must not outlive it",
    "freeze_user": "the account is no longer needed; freezing stops it at once",
    "deactivate_user": "the account was made for the bootstrap only",
}


def _reason(mechanism: Mechanism, facts: OrgFacts) -> str:
    if mechanism.id == "block_password_grant" and facts.ropc_already_blocked:
        return "the flow is blocked already; only read back"
    return _REASONS[mechanism.id]


def _stays_open(steps: list[Step], facts: OrgFacts, principal: Principal) -> Iterator[OpenPath]:
    # Withdrawing Use Any API Auth closes login() only where the org enforces it; the probe tells.
    closed = {path for step in steps for path in step.mechanism.closes}
    if facts.soap_login_enabled is False:
        closed.add("soap_login")
    if facts.user_is_api_only:
        closed.add("ui")
    for path in PATHS:
        if path not in closed:
            why = (
                "the org is in read-only mode"
                if facts.is_read_only
                else "the person's password stays as it is"
                if principal == "human_admin"
                else "no mechanism fits this org and user"
            )
            yield OpenPath(path, why, _MANUAL[path])


_GATE = "withdraw_any_api_auth"
_MANUAL: dict[PasswordPath, str] = {
    "soap_login": "take Use Any API Auth from the user, and ask for the switch Setup > User Interface > "
    "Enable SOAP API login() to go off by its Release Update",
    "password_grant": "switch off Setup > OAuth and OpenID Connect Settings > Allow OAuth "
    "Username-Password Flows",
    "ui": "let the person choose a new password, or require single sign-on for the person",
}


def _caveats(steps: list[Step], facts: OrgFacts) -> Iterator[str]:
    applied = {step.mechanism.id for step in steps}
    lasting = [step.mechanism for step in steps if step.mechanism.durable and step.mechanism.id != _GATE]
    durable = {path for mechanism in lasting for path in mechanism.closes}
    if "replace_password" in applied and not set(PATHS) <= durable:
        yield "whoever controls the user's mailbox can set a new password by 'forgot password'"
    if "require_sso" in applied and facts.has_delegated_gateway == "unknown":
        yield "if the org has a delegated gateway, it will see passwords typed for this user"
    if _GATE in applied:
        yield "Use Any API Auth closes SOAP login only in orgs that enforce it"
