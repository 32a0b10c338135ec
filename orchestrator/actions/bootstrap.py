"""Get the first session of an administrator: the rungs of a ladder, in the order the playbook gives."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from orchestrator.actions.base import RunContext
from orchestrator.actions.bootstrap_password import (
    MAX_PASSWORD_ATTEMPTS,
    PasswordGrant,
    SoapLogin,
    attempts_made,
    soap_version,
)
from orchestrator.actions.bootstrap_refusals import (
    PASSWORD_RUNGS,
    Refusal,
    is_about_the_rung,
    refusal,
    spoils,
)
from orchestrator.actions.bootstrap_rung import Entrance, Rung, newly_refused
from orchestrator.actions.bootstrap_token import AccessToken, SfCli, SfdxAuthUrl, StoredCredential, WebLogin
from orchestrator.actions.credential import BOOTSTRAP_REFRESH_TOKEN, BOOTSTRAP_SESSION, connect
from orchestrator.errors import OrgFault, UsageError
from orchestrator.machine import Done, Failed, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.ports import iso

YOUNG_S = 60.0  # a front end knows a new session within seconds

__all__ = ["MAX_PASSWORD_ATTEMPTS", "RUNGS", "Bootstrap"]

RUNGS: Mapping[str, Rung] = MappingProxyType(
    {
        rung.name: rung
        for rung in (
            StoredCredential(),
            SoapLogin(),
            PasswordGrant(),
            AccessToken(),
            SfdxAuthUrl(),
            SfCli(),
            WebLogin(),
        )
    }
)


class Bootstrap:
    """Try the rungs that the org's entry offers, until one gives a session of the pinned org.

    A refusal that is about one rung lets the next one try; every other ends the state. What was refused is
    written down before the next rung is tried, so no refused login is repeated, not even after a crash.
    """

    spec = ActionSpec(
        name="bootstrap",
        summary="Get an administrator's session by the ways the orgs file offers; keep it for this run.",
        faults=frozenset(
            {
                "login_invalid",
                "login_needs_security_token",
                "soap_login_disabled",
                "any_api_auth_required",
                "password_expired",
                "password_locked_out",
                "login_ip_restricted",
                "login_hours_restricted",
                "sso_gateway_missing",
                "sso_gateway_down",
                "session_not_valid_for_api",
                "org_id_mismatch",
                "password_attempts_used_up",
                "authorization_unanswered",
                "authorization_unattended",
                "access_token_malformed",
                "sfdx_url_malformed",
                "sf_cli_unusable",
                "sf_org_unknown",
            }
        ),
        parameters={
            "api_version": Parameter("string", default="64.0", description="version of login() only"),
            "ladder": Parameter(
                "list", default=list(RUNGS), description="ways in, in this order; only those offered are used"
            ),
            "web_timeout": Parameter(
                "duration", default="5m", description="how long a person has to log in with the browser"
            ),
        },
        waits=True,
        evidence=frozenset({"bootstrap", "org_id", "instance_url", "password_attempts", "ladder"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """A session of this run in the vault that still works makes another login needless."""
        session = ctx.vault.get(ctx.run_scope, BOOTSTRAP_SESSION)
        instance_url = ctx.notes.get("instance_url")
        if session is None or instance_url is None:
            return None
        try:
            connect(ctx, str(instance_url), session).rest.limits()
        except OrgFault as refused:
            if refused.code != "session_expired":
                raise
            if _is_young(ctx):
                raise newly_refused(refused, "run") from None
            return None
        return Done(evidence=dict(ctx.notes["bootstrap_evidence"]), detail="the session of this run works")

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `bootstrap` (who, when, how), `org_id` with 18 characters, `instance_url`, `ladder`."""
        offered = [rung for rung in _rungs(ctx.parameters["ladder"]) if rung.is_offered(ctx)]
        if not offered:
            raise UsageError(
                f"org '{ctx.org['name']}' has nothing to bootstrap with",
                code="bootstrap_missing",
                remedy="give `username` and `password`, or `access_token`, `sfdx_auth_url`, `sf_org` or "
                "`web: true` in the orgs file; secrets as references such as env:NAME",
            )
        refused = [Refusal(**row) for row in ctx.notes.get("refused", [])]
        for rung in offered:
            if any(earlier.rung == rung.name or spoils(earlier, rung.name) for earlier in refused):
                continue
            try:
                return self._enter(ctx, rung, refused)
            except OrgFault as no:
                if not is_about_the_rung(no):
                    raise
                refused.append(refusal(ctx, rung.name, no))
                ctx.note(refused=[one.as_json() for one in refused])
        first = refused[0]
        evidence = {"ladder": [one.as_json() for one in refused]}
        return Failed(first.code, "; ".join(one.said(alone=len(refused) == 1) for one in refused), evidence)

    def _enter(self, ctx: RunContext, rung: Rung, refused: Sequence[Refusal]) -> Outcome:
        """Into the vault first, then one cheap call: a session that may not use the API is worth nothing."""
        entrance = rung.climb(ctx)
        evidence = _evidence(ctx, entrance, refused)
        ctx.vault.put(ctx.run_scope, BOOTSTRAP_SESSION, entrance.token)
        if entrance.refresh_token is not None:
            ctx.vault.put(ctx.run_scope, BOOTSTRAP_REFRESH_TOKEN, entrance.refresh_token)
        ctx.note(instance_url=entrance.instance_url, bootstrap_evidence=evidence)
        try:
            connect(ctx, entrance.instance_url, entrance.token).rest.limits()
        except OrgFault as no:
            raise newly_refused(no, entrance.owner) from None
        return Done(
            evidence=evidence, detail=f"{entrance.username} at {entrance.instance_url} by {entrance.method}"
        )


def _rungs(ladder: Sequence[Any]) -> list[Rung]:
    """Raises UsageError for a way in that does not exist."""
    unknown = [str(name) for name in ladder if name not in RUNGS]
    if unknown:
        raise UsageError(
            f"the ladder names '{unknown[0]}', which is no way in",
            code="rung_unknown",
            remedy=f"use some of {', '.join(RUNGS)}",
        )
    return [RUNGS[name] for name in dict.fromkeys(ladder)]


def _is_young(ctx: RunContext) -> bool:
    """Whether our own session is so new that a front end may not know it yet; logins are few."""
    entered = ctx.notes["bootstrap_evidence"]["bootstrap"]
    age_s = ctx.now_s() - dt.datetime.fromisoformat(str(entered["at"])).timestamp()
    return entered["session_of"] == "run" and age_s < YOUNG_S


def _evidence(ctx: RunContext, entrance: Entrance, refused: Sequence[Refusal]) -> dict[str, Any]:
    method = entrance.method
    found: dict[str, Any] = {
        "org_id": entrance.org_id,
        "instance_url": entrance.instance_url,
        "password_attempts": attempts_made(ctx),
        "bootstrap": {
            "method": method,
            "instance_url": entrance.instance_url,
            "username": entrance.username,
            "user_id": entrance.user_id,
            "at": iso(ctx.now_s()),
            "session_of": entrance.owner,
            "meaning": "the password worked at this time; later refusals prove something"
            if method in PASSWORD_RUNGS
            else "no password was used; nothing is known about one",
            **({"api_version": soap_version(ctx)} if method == "soap_login" else {}),
            **({"remarks": list(entrance.remarks)} if entrance.remarks else {}),
        },
    }
    if refused:
        found["ladder"] = [
            *(one.as_json() for one in refused),
            {"rung": method, "code": "", "detail": "entered"},
        ]
    return found
