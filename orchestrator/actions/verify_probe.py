"""The one login with the password that should be dead, only when the operator asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import login_version, org_host
from orchestrator.errors import Disposition, OrgFault
from orchestrator.salesforce.drift import Check
from orchestrator.salesforce.soap import logout, soap_login

_EXPECTED = "SOAP login() with the old password is refused"


def probe_check(ctx: RunContext, record: Mapping[str, Any]) -> Check:
    """Try the password of the orgs file, at most once per run; every try counts towards a lockout.

    Raises:
        SecretUnavailable: the reference leads nowhere.
    """
    refusal = _why_not(ctx, record)
    if refusal is not None:
        return Check("password_probe", "not_applicable", _EXPECTED, refusal)
    if "probe" not in ctx.notes:
        password = ctx.secret("password")
        if password is None:
            return Check("password_probe", "not_applicable", _EXPECTED, "the orgs file names no password")
        ctx.effect()
        ctx.note(probe="sent; the answer was not seen")
        try:
            session = soap_login(
                ctx.network,
                org_host(ctx),
                str(ctx.org["username"]),
                password,
                ctx.secret("security_token"),
                api_version=login_version(ctx),
            )
        except OrgFault as refused:
            passing = refused.kind.disposition is Disposition.BACK_OFF
            word = "no answer" if passing and not refused.code.startswith("sso_") else "refused"
            ctx.note(probe=f"{word}: {refused.code}: {refused.detail}")
        else:
            ctx.note(probe="login succeeded")
            logout(ctx.network, session.instance_url, session.session, login_version(ctx))
    return _judged(str(ctx.notes["probe"]))


def _judged(answer: str) -> Check:
    if answer == "login succeeded":
        remedy = "lock it again with `orchestrator run hybrid`, and find out who set this password"
        return Check("password_probe", "drifted", _EXPECTED, "the login succeeded", remedy)
    if answer.startswith("refused"):
        return Check("password_probe", "holds", _EXPECTED, answer)
    return Check("password_probe", "not_readable", _EXPECTED, answer)


def _why_not(ctx: RunContext, record: Mapping[str, Any]) -> str | None:
    if not ctx.parameters["probe_password"]:
        return "not asked for (--probe-password)"
    if not ctx.org.get("username") or not (ctx.org.get("secrets") or {}).get("password"):
        return "the orgs file names no username and password"
    provisioned = record.get("provisioned") or {}
    plan = provisioned.get("lock_plan") or {}
    if not plan.get("may_probe_with_password", True):
        return "the org passes passwords of this user on to its own gateway; it is not shown to it"
    if "soap_login" in (provisioned.get("open") or []):
        return "the lock-down left this path open; a success would say nothing new"
    return None
