"""From here on the run holds no password session."""

from __future__ import annotations

from typing import Any

from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.bootstrap_password import password_baseline
from orchestrator.actions.credential import (
    BOOTSTRAP_REFRESH_TOKEN,
    BOOTSTRAP_SESSION,
    CERTIFICATE,
    PRIVATE_KEY,
    audience,
    connect,
    jwt_username,
    login_version,
    org_host,
    read_record,
    write_record,
)
from orchestrator.errors import Defect, OrgFault
from orchestrator.machine import Done, Outcome
from orchestrator.playbook.model import ActionSpec
from orchestrator.ports import iso
from orchestrator.salesforce.soap import logout
from orchestrator.salesforce.token import revoke


class AdoptOauth:
    """Hand the proven credential to the org's place in the vault, end the bootstrap session, see it dead."""

    spec = ActionSpec(
        name="adopt_oauth",
        summary="Store the proven credential, revoke the bootstrap session and verify that it is dead.",
        faults=frozenset({"session_survives"}),
        waits=True,
        evidence=frozenset({"adopted"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Each step of apply is harmless when repeated, so it is repeated."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `adopted` (when, what became of the bootstrap session)."""
        self._keep_credential(ctx)
        fate = end_bootstrap_session(ctx)
        ctx.vault.forget(ctx.run_scope)
        return Done(
            evidence={"adopted": {"at": iso(ctx.now_s()), "bootstrap_session": fate}},
            detail=f"OAuth adopted; bootstrap session: {fate}",
        )

    def _keep_credential(self, ctx: RunContext) -> None:
        """Key first, record last: a record means that the key is there."""
        key = ctx.vault.get(ctx.run_scope, PRIVATE_KEY)
        if key is not None:
            certificate = ctx.vault.get(ctx.run_scope, CERTIFICATE)
            if certificate is None:
                raise Defect("a private key without its certificate is in the vault")
            ctx.vault.put(ctx.org_scope, CERTIFICATE, certificate)
            ctx.vault.put(ctx.org_scope, PRIVATE_KEY, key)
        elif ctx.vault.get(ctx.org_scope, PRIVATE_KEY) is None:
            raise Defect("there is no private key to adopt")
        write_record(
            ctx,
            {
                "org": ctx.org["name"],
                "org_id": ctx.found("org_id"),
                "instance_url": ctx.found("instance_url"),
                "my_domain": ctx.found("host")["my_domain"],
                "audience": audience(ctx),
                "username": jwt_username(ctx),
                "app": ctx.found("app"),
                "certificate": ctx.found("certificate"),
                "run": ctx.run,
                "proven_at": ctx.found("jwt_proofs")[-1]["at"],
                "assignments": ctx.evidence.get("assignments", {}),
                "password_baseline": password_baseline(ctx),
                "provisioned": ctx.evidence.get("provisioned", {}),
                **made_user(ctx),
            },
        )


def made_user(ctx: RunContext) -> dict[str, Any]:
    """For the record: the integration user this or an earlier run provided; a re-run forgets nothing."""
    known = ctx.evidence.get("integration_user") or (read_record(ctx) or {}).get("integration_user")
    return {"integration_user": known} if known else {}


def end_bootstrap_session(ctx: RunContext) -> str:
    """End what this run logged in for and see that it is dead; says what became of it, and why.

    A session that a person handed over (a pasted token, the Salesforce CLI's) is that person's: somebody goes
    on working with it, so it is forgotten here and ended by nobody. A refresh token that the run was given
    beside its session is revoked first, and with it what it bought.

    Raises:
        OrgFault: `session_survives`.
    """
    session = ctx.vault.get(ctx.run_scope, BOOTSTRAP_SESSION)
    if session is None:
        return str(ctx.notes.get("bootstrap_session") or "there was none")
    known = ctx.evidence.get("bootstrap") or {}
    if known.get("session_of") == "person":
        fate = f"left alone: it belongs to the person who handed it over ({known['method']}); forgotten here"
        ctx.note(bootstrap_session=fate)
        return fate
    instance_url = str(known.get("instance_url") or org_host(ctx).url)
    ctx.effect()
    refresh_token = ctx.vault.get(ctx.run_scope, BOOTSTRAP_REFRESH_TOKEN)
    if refresh_token is not None:
        revoke(ctx.network, org_host(ctx), refresh_token)
    if known.get("method", "soap_login") == "soap_login":
        logout(ctx.network, instance_url, session, login_version(ctx))
    else:
        revoke(ctx.network, org_host(ctx), session)
    try:
        connect(ctx, instance_url, session).rest.limits()
    except OrgFault as refused:
        if refused.code not in {"session_expired", "session_not_valid_for_api"}:
            raise
    else:
        raise org_fault("session_survives", "the bootstrap session still works after it was ended")
    fate = "revoked; a call with it was refused"
    ctx.note(bootstrap_session=fate)
    return fate
