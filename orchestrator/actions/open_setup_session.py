"""A session that sets things up during a rotation: the integration user's own, or the bootstrap user's."""

from __future__ import annotations

from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import BOOTSTRAP_SESSION, connect_minted, mint
from orchestrator.actions.generations import NEXT, Generation, in_use, kept, speaking_as
from orchestrator.errors import Disposition, OrgFault
from orchestrator.machine import Again, Done, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.ports import iso
from orchestrator.salesforce.token import AccessToken

JWT_METHOD = "jwt_bearer"
BY_BOOTSTRAP = "bootstrap"


class OpenSetupSession:
    """Mints with the credential in use and keeps the token in the vault as this run's session.

    While a certificate is replaced in place the front ends disagree about which key is the right one, so a
    session that has to be opened then is tried with the old key first and the new key second.
    """

    spec = ActionSpec(
        name="open_setup_session",
        summary="Open a session of the integration user for set-up, or leave that to the bootstrap.",
        outcomes=frozenset({"succeeded", "bootstrap"}),
        faults=frozenset({"credential_absent"}),
        parameters={
            "by": Parameter("string", default="integration_user", choices=("integration_user", BY_BOOTSTRAP))
        },
        waits=True,
        evidence=frozenset({"bootstrap", "instance_url"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Every session is a new one."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `bootstrap` (method, who, when), `instance_url`."""
        if ctx.parameters["by"] == BY_BOOTSTRAP:
            return Done("bootstrap", detail="the bootstrap user sets things up")
        generations = [one for one in (in_use(ctx), kept(ctx, NEXT)) if one is not None]
        if not generations:
            raise org_fault("credential_absent", f"the vault holds no credential of '{ctx.org['name']}'")
        refusals = []
        for generation in generations:
            try:
                return self._opened(ctx, working_token(ctx, generation), str(generation.record["username"]))
            except OrgFault as refused:
                if refused.kind.disposition is Disposition.BACK_OFF:
                    raise
                refusals.append(refused)
        return Again(refusals[0].code, f"no session yet: {refusals[0].detail}")

    def _opened(self, ctx: RunContext, token: AccessToken, username: str) -> Done:
        ctx.vault.put(ctx.run_scope, BOOTSTRAP_SESSION, token.token)
        evidence = {
            "instance_url": token.instance_url,
            "bootstrap": {
                "method": JWT_METHOD,
                "instance_url": token.instance_url,
                "username": username,
                "user_id": token.user_id,
                "at": iso(ctx.now_s()),
            },
        }
        return Done(evidence=evidence, detail=f"session of {username} at {token.instance_url}")


def working_token(ctx: RunContext, generation: Generation) -> AccessToken:
    """A token minted with *generation* that answered a query from the right org.

    Raises:
        OrgFault: as the token endpoint or the API answers; `org_id_mismatch`.
    """
    speaking = speaking_as(ctx, generation)
    speaking.effect()
    token = mint(speaking)
    if token.org_id[:15] != str(ctx.found("org_id"))[:15]:
        raise org_fault("org_id_mismatch", f"the token is of org {token.org_id}")
    connect_minted(speaking, token).rest.query("SELECT Id FROM Organization")
    return token
