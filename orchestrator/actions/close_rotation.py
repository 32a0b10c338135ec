"""The end of a rotation: the former key is seen dead, lent rights go back, nothing needless is kept."""

from __future__ import annotations

from typing import Any

from orchestrator.actions import facts, removal
from orchestrator.actions.adopt_oauth import end_bootstrap_session
from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import connect_minted, mint, org_host
from orchestrator.actions.generations import IN_USE, NEXT, PREVIOUS, required, speaking_as
from orchestrator.actions.open_setup_session import JWT_METHOD, working_token
from orchestrator.actions.plan_rotation import AB
from orchestrator.errors import OrgFault
from orchestrator.machine import Again, Done, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.ports import iso
from orchestrator.salesforce.token import revoke

# What the token endpoint says of a key that the app does not trust.
_WRONG_KEY = frozenset({"assertion_invalid"})


class ProveRetired:
    """One refusal of the former key: its app is unknown, or trusts another certificate by now."""

    spec = ActionSpec(
        name="prove_retired",
        summary="See the former key refused by the token endpoint.",
        faults=frozenset({"credential_absent"}),
        waits=True,
        evidence=frozenset({"former_key_refused"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Every refusal is a new one."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `former_key_refused` (when, answer). A token that is still given is revoked."""
        wanted = removal.GONE if ctx.found("rotation")["mode"] == AB else _WRONG_KEY
        ctx.effect()
        try:
            token = mint(speaking_as(ctx, required(ctx, PREVIOUS)))
        except OrgFault as refused:
            if refused.code not in wanted:
                return Again("app_survives", f"refused, but for another reason: {refused.code}")
            refusal = {"at": iso(ctx.now_s()), "answer": refused.code, "text": refused.detail}
            return Done(
                evidence={"former_key_refused": refusal}, detail=f"the former key is refused: {refused.code}"
            )
        revoke(ctx.network, org_host(ctx), token.token)
        return Again("app_survives", "a front end still takes the former key; the token was revoked")


class CloseRotation:
    """Withdraws lent rights, ends a password session, forgets keys only behind a login that works."""

    spec = ActionSpec(
        name="close_rotation",
        summary="Give lent rights back, end the set-up session, forget the keys not needed any more.",
        faults=frozenset({"credential_absent", "session_survives"}),
        parameters={
            "retired": Parameter(
                "boolean", default=False, description="the former key is retired: forget it"
            ),
        },
        waits=True,
        evidence=frozenset({"closed", "app", "certificate"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Each step of apply is harmless when repeated, so it is repeated."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `closed` (when, rights withdrawn, session), `app` and `certificate` in use."""
        present = required(ctx, IN_USE)
        withdrawn = self._withdraw(ctx)
        opened = ctx.evidence.get("bootstrap") or {}
        by_jwt = opened.get("method") == JWT_METHOD
        session = "of the integration user; forgotten" if by_jwt else end_bootstrap_session(ctx)
        working_token(ctx, present)
        for name in (NEXT, *([PREVIOUS] if ctx.parameters["retired"] else [])):
            ctx.vault.forget(ctx.org_scope, name)
        ctx.vault.forget(ctx.run_scope)
        closed = {"at": iso(ctx.now_s()), "rights_withdrawn": withdrawn, "setup_session": session}
        return Done(
            evidence={"closed": closed, "app": present.app, "certificate": present.record["certificate"]},
            detail=f"certificate {present.sha256[:16]}… of {present.app['name']} works"
            + (f"; {withdrawn} withdrawn" if withdrawn else ""),
        )

    def _withdraw(self, ctx: RunContext) -> str | None:
        """Delete the assignment of the tool's own temporary set; other rights are the user's own."""
        rights: dict[str, Any] = ctx.evidence.get("rights") or {}
        if not rights.get("permission_set_id"):
            return None
        speaking = speaking_as(ctx, required(ctx, IN_USE))
        token = mint(speaking)
        org = connect_minted(speaking, token)
        try:
            row = facts.assignment_id(org, str(rights["user_id"]), str(rights["permission_set_id"]))
        except OrgFault as refused:  # who may not look has no rights left
            if refused.code != "permission_missing":
                raise
            row = None
        if row is None:
            return ctx.notes.get("withdrawing")
        ctx.note(withdrawing=str(rights["permission_set"]))
        ctx.effect()
        org.rest.delete("PermissionSetAssignment", row)
        return str(rights["permission_set"])
