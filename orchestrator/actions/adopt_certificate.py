"""The proven certificate becomes the org's credential; the former one is kept until it is retired."""

from __future__ import annotations

from typing import Any

from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import CERTIFICATE, PRIVATE_KEY, audience
from orchestrator.actions.generations import (
    IN_USE,
    NEXT,
    PREVIOUS,
    Generation,
    required,
    take_into_use,
)
from orchestrator.actions.plan_rotation import AB, handed_over
from orchestrator.errors import Defect
from orchestrator.machine import Done, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.ports import iso

ASK, ASK_IF_EXPORTED, NOW = "ask", "ask_if_exported", "now"


class AdoptCertificate:
    """One write to the vault. Whoever reads the credential finds the old one or the new one, whole."""

    spec = ActionSpec(
        name="adopt_certificate",
        summary="Make the proven new key the org's credential; keep the former one as `previous`.",
        outcomes=frozenset({"succeeded", "needs_approval", "in_place"}),
        faults=frozenset({"credential_absent"}),
        parameters={
            "retire": Parameter(
                "string",
                default=ASK_IF_EXPORTED,
                choices=(ASK_IF_EXPORTED, ASK, NOW),
                description="whether a person is asked before the former app goes",
            ),
        },
        evidence=frozenset({"rotated"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Apply looks what is in use, so it is repeated."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `rotated` (when, mode, app and certificate before and after, the question)."""
        present, sha256 = required(ctx, IN_USE), str(ctx.found("certificate")["sha256"])
        if present.sha256 != sha256:
            take_into_use(ctx, self._new(ctx, present), former=present)
        ctx.vault.forget(ctx.org_scope, NEXT)
        former, rotation = required(ctx, PREVIOUS), ctx.found("rotation")
        rotated: dict[str, Any] = {
            "at": iso(ctx.now_s()),
            "mode": rotation["mode"],
            "from": {"app": former.app["name"], "sha256": former.sha256},
            "to": {"app": ctx.found("app")["name"], "sha256": sha256},
        }
        if rotation["mode"] != AB:
            return Done("in_place", {"rotated": rotated}, f"certificate {sha256[:16]}… is in use")
        exports = handed_over(ctx, former.sha256)
        targets = ", ".join(sorted({f"{one['to']} {one['target']}".strip() for one in exports}))
        rotated["question"] = (
            f"Delete the former client app {former.app['name']}? Whatever still uses its key stops then"
            + (f"; it was handed over to: {targets}" if targets else "")
            + ". Hand over the new key first (`orchestrator credentials export`)."
        )
        mode = str(ctx.parameters["retire"])
        ask = mode == ASK or (mode == ASK_IF_EXPORTED and bool(exports))
        return Done(
            "needs_approval" if ask else "succeeded",
            {"rotated": rotated},
            f"certificate {sha256[:16]}… of {ctx.found('app')['name']} is in use",
        )

    def _new(self, ctx: RunContext, present: Generation) -> Generation:
        key = ctx.vault.get(ctx.run_scope, PRIVATE_KEY)
        certificate = ctx.vault.get(ctx.run_scope, CERTIFICATE)
        if key is None or certificate is None:
            raise Defect("the key pair of this run is not in the vault")
        record = {
            **present.record,
            "org_id": ctx.found("org_id"),
            "instance_url": ctx.found("instance_url"),
            "my_domain": ctx.found("host")["my_domain"],
            "audience": audience(ctx),
            "app": {**ctx.found("app"), "sets_named_after": ctx.found("rotation")["sets"]},
            "certificate": ctx.found("certificate"),
            "run": ctx.run,
            "proven_at": ctx.found("jwt_proofs")[-1]["at"],
        }
        return Generation(record, key, certificate.reveal())


class ReadoptPrevious:
    """The way back before the former app is gone: what was in use before is in use again."""

    spec = ActionSpec(
        name="readopt_previous",
        summary="Put the previous, newly proven credential back to use.",
        faults=frozenset({"credential_absent"}),
        evidence=frozenset({"readopted"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Apply looks what is in use, so it is repeated."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `readopted` (when, which certificate)."""
        wanted = str(ctx.found("rotation")["former"]["certificate"]["sha256"])
        present = required(ctx, IN_USE)
        if present.sha256 != wanted:
            take_into_use(ctx, required(ctx, PREVIOUS), former=present)
        return Done(
            evidence={"readopted": {"at": iso(ctx.now_s()), "sha256": wanted}},
            detail=f"certificate {wanted[:16]}… is in use again",
        )
