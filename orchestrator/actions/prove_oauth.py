"""Prove that the credential works: a token by JWT bearer, and real calls with it, again and again."""

from __future__ import annotations

from typing import Any

from orchestrator.actions import facts, propagation
from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import (
    Connection,
    audience,
    clock_offset_s,
    connect_minted,
    jwt_username,
    mint,
)
from orchestrator.actions.generations import IN_USE, NEWEST, PREVIOUS, speaking_for
from orchestrator.errors import Disposition, OrgFault
from orchestrator.machine import Again, Done, Failed, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.ports import iso
from orchestrator.salesforce.answers import classify_token
from orchestrator.salesforce.token import AccessToken, TokenRefused

TOKEN_FAULTS = frozenset(
    {
        "assertion_invalid",
        "assertion_expired",
        "audience_invalid",
        "login_refused",
        "user_inactive",
        "org_inactive",
        "refresh_token_scope_missing",
        "scope_invalid",
        "grant_unsupported",
        "session_level",
        "flow_disabled",
        "app_blocked",
        "login_ip_restricted",
        "org_id_mismatch",
        "jwt_wrong_user",
        "permission_missing",
    }
)


class ProveOauth:
    """One proof: mint, compare org and user, one data read and one metadata read.

    A single success says nothing while an app propagates: front ends answer differently for minutes
    (forcedotcom/cli issues 889 and 3482). The playbook asks for several in a row, spread over time, and
    the machine counts them; this action only makes one honest try.
    """

    spec = ActionSpec(
        name="prove_oauth",
        summary="Mint a token by JWT bearer and use it for a data read and a metadata read.",
        faults=TOKEN_FAULTS,
        parameters={
            "credential": Parameter(
                "string",
                default=NEWEST,
                choices=(NEWEST, IN_USE, PREVIOUS),
                description="the one this run made, the one in use, or the one before it",
            ),
            "metadata_read": Parameter(
                "boolean", default=True, description="must work too: locks are set through the Metadata API"
            ),
        },
        waits=True,
        evidence=frozenset({"jwt_proofs", "propagation", "audience", "instance_url"}),
        learnable=True,
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Every proof is a new one."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `jwt_proofs` (the streak so far), `propagation` (attempts, first success, settled)."""
        ctx = speaking_for(ctx, str(ctx.parameters["credential"]))
        ctx.effect()
        try:
            proof, token = self._prove(ctx)
        except OrgFault as refused:
            if refused.code == "login_budget":  # nothing was asked, so nothing was refused
                raise
            return self._refused(ctx, refused)
        streak = [*_streak(ctx), proof]
        evidence: dict[str, Any] = {
            "jwt_proofs": streak,
            "propagation": propagation.account(ctx),
            "audience": audience(ctx),
            "instance_url": token.instance_url,
        }
        return Done(evidence=evidence, detail=f"proof {len(streak)}: token minted and used")

    def _prove(self, ctx: RunContext) -> tuple[dict[str, Any], AccessToken]:
        token = mint(ctx)
        ctx.tokens["jwt"] = token
        org = connect_minted(ctx, token)
        if token.org_id[:15] != str(ctx.found("org_id"))[:15]:
            raise org_fault("org_id_mismatch", f"the token is of org {token.org_id}")
        user_id = facts.user_id(org, jwt_username(ctx))
        if user_id is None or user_id[:15] != token.user_id[:15]:
            raise org_fault(
                "jwt_wrong_user", f"the token is of user {token.user_id}, not {jwt_username(ctx)}"
            )
        metadata_read = self._metadata_read(ctx, org)
        at_s = ctx.now_s()
        proof: dict[str, Any] = {
            "at": iso(at_s),
            "instance_url": token.instance_url,
            "org_id": token.org_id,
            "user_id": token.user_id,
            "data_read": True,
            "metadata_read": metadata_read,
        }
        if offset_s := clock_offset_s(ctx):
            proof["clock_offset_s"] = round(offset_s)
        return proof, token

    def _metadata_read(self, ctx: RunContext, org: Connection) -> bool:
        """A token without Metadata API rights could not carry out or undo a lock."""
        name = str(ctx.found("app")["name"])
        kind = "ConnectedApp" if ctx.found("app")["kind"] == "connected_app" else "ExternalClientApplication"
        try:
            return org.metadata.read(kind, [name])[0] is not None
        except OrgFault as refused:
            # Rights were withdrawn at the end of the run that made this credential, or are not needed at all.
            is_thin = "provisioned" in ctx.evidence or not ctx.parameters.get("metadata_read", True)
            if refused.code == "permission_missing" and is_thin:
                return False
            raise

    def _refused(self, ctx: RunContext, refused: OrgFault) -> Outcome:
        told = propagation.account(ctx, refused=refused.code)
        evidence: dict[str, Any] = {"jwt_proofs": [], "propagation": told}
        following = _next_audience(ctx, refused)
        if following is not None:
            evidence["audience"] = following
            return Again(refused.code, f"{refused.detail}; trying audience {following}", evidence=evidence)
        kind = refused.kind
        if isinstance(refused, TokenRefused) and refused.error:  # else a page or a status, judged already
            age_s = (ctx.now_s() - propagation.deployed_at_s(ctx)) * ctx.speed
            switched_on = (ctx.evidence.get("client_app") or {}).get("switched_on")
            kind = classify_token(
                refused.error,
                refused.description,
                certificate_age_s=age_s,
                switched_on_age_s=age_s if switched_on else None,
            )
        if kind.disposition in {Disposition.WAIT, Disposition.BACK_OFF}:
            return Again(refused.code, refused.detail, refused.retry_after_s or 0.0, evidence)
        return Failed(refused.code, refused.detail, evidence)


def _streak(ctx: RunContext) -> list[dict[str, Any]]:
    """Proofs of the streak under way; a new visit to the state starts a new one."""
    return list(ctx.evidence.get("jwt_proofs", [])) if ctx.attempt > 1 else []


def _next_audience(ctx: RunContext, refused: OrgFault) -> str | None:
    """The audience to try after one was refused; each at most once, so that few logins are spent."""
    if refused.code != "audience_invalid":
        return None
    audiences = list(ctx.found("host")["audiences"])
    position = audiences.index(audience(ctx)) + 1
    return str(audiences[position]) if position < len(audiences) else None
