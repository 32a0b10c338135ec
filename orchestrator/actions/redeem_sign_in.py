"""Redeem the code a browser brought back, and see who logged in and where."""

from __future__ import annotations

import json
from typing import Any

from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import Connection, connect, org_host
from orchestrator.actions.sign_in import (
    AUTHORIZATION_CODE,
    AUTHORIZATION_REFUSAL,
    REFRESH_TOKEN,
    SIGN_IN,
    client_secret,
    kept_authorization,
    refused,
    unfinished,
)
from orchestrator.errors import Disposition, OrgFault, UsageError
from orchestrator.machine import Done, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.ports import iso
from orchestrator.redaction import Secret
from orchestrator.salesforce.token import AccessToken, revoke
from orchestrator.salesforce.web_flow import Authorization, read_callback, redeem

_ASK_FOR_SECRET = frozenset({"client_credentials_invalid"})
_APP_IS_WRONG = frozenset(
    {
        "client_id_unknown",
        "app_not_found",
        "app_blocked",
        "callback_mismatch",
        "flow_disabled",
        "grant_unsupported",
    }
)


class RedeemSignIn:
    """One exchange of the code; the org of the token must be the org of the run.

    Sources: RFC 6749 section 4.1.3; Salesforce help "OAuth 2.0 Web Server Flow".
    """

    spec = ActionSpec(
        name="redeem_sign_in",
        summary="Redeem the code of a login in a browser; compare org and user.",
        outcomes=frozenset({"succeeded", "without_certificate", "again", "secret_required", "refused"}),
        parameters={
            "client_secret": Parameter("secret", description="of the app, if it asks for one"),
            "callback_address": Parameter("secret", description="the address the browser ended at"),
            "certificate_uploaded": Parameter("boolean", default=True),
        },
        waits=True,
        evidence=frozenset({"signed_in", "instance_url", "organization", "provisioned", "problem"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """A code is good once: when an exchange was cut off, only another login helps."""
        if ctx.in_doubt and "code_sent" in ctx.notes:
            return unfinished(
                ctx, "again", "authorization_code_spent", "the exchange of the code was interrupted"
            )
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `signed_in` (user, org, scope), `organization`, `instance_url`; else `problem`."""
        try:
            token = self._exchange(ctx)
            self._compare_org(ctx, token)
            evidence = self._identity(ctx, token)
        except OrgFault as said:
            return self._refusal(ctx, said)
        except UsageError as unresolved:
            return unfinished(ctx, "again", unresolved.code, unresolved.detail)
        if token.refresh_token is not None:
            ctx.vault.put(ctx.run_scope, REFRESH_TOKEN, token.refresh_token)
        elif not ctx.parameters["certificate_uploaded"]:
            return unfinished(
                ctx, "refused", "refresh_token_scope_missing", "the org gave no refresh token for this login"
            )
        user = evidence["signed_in"]["username"]
        name = "succeeded" if ctx.parameters["certificate_uploaded"] else "without_certificate"
        return Done(name, evidence, f"{user} logged in to org {token.org_id}")

    def _exchange(self, ctx: RunContext) -> AccessToken:
        authorization = kept_authorization(ctx.vault, ctx.run_scope)
        if authorization is None:
            raise org_fault("authorization_code_spent", "no login is under way")
        code = ctx.vault.get(ctx.run_scope, AUTHORIZATION_CODE) or self._typed_code(ctx, authorization)
        # Whatever comes of it, neither works a second time.
        ctx.effect()
        ctx.note(code_sent=True)
        ctx.vault.forget(ctx.run_scope, AUTHORIZATION_CODE)
        ctx.vault.forget(ctx.run_scope, SIGN_IN)
        secret = client_secret(ctx, ctx.parameters.get("client_secret"))
        return redeem(ctx.network, org_host(ctx), code, authorization, secret)

    def _compare_org(self, ctx: RunContext, token: AccessToken) -> None:
        """A token of another org is given back at once."""
        expected = str(ctx.found("org_id"))
        if token.org_id[:15] != expected[:15]:
            revoke(ctx.network, org_host(ctx), token.refresh_token or token.token)
            raise org_fault("org_id_mismatch", f"the login was in org {token.org_id}, not {expected}")

    def _typed_code(self, ctx: RunContext, authorization: Authorization) -> Secret:
        """The code of an address that was pasted in a terminal, unless the org refused on the page."""
        said = ctx.vault.get(ctx.run_scope, AUTHORIZATION_REFUSAL)
        if said is not None:
            ctx.vault.forget(ctx.run_scope, AUTHORIZATION_REFUSAL)
            raise org_fault(**json.loads(said.reveal()))
        address = ctx.resolve_secret({**ctx.parameters, "name": ctx.org["name"]}, "callback_address")
        if address is None:
            raise org_fault("authorization_code_spent", "no callback of the login has come")
        return read_callback(address.reveal().strip().rpartition("?")[2], authorization)

    def _refusal(self, ctx: RunContext, said: OrgFault) -> Outcome:
        if said.kind.disposition is Disposition.BACK_OFF:
            return refused(ctx, "again", said)
        if said.code in _ASK_FOR_SECRET:
            return refused(ctx, "secret_required", said)
        return refused(ctx, "refused" if said.code in _APP_IS_WRONG else "again", said)

    def _identity(self, ctx: RunContext, token: AccessToken) -> dict[str, Any]:
        org = connect(ctx, token.instance_url, token.token)
        users = org.rest.query(
            "SELECT Id, Username, Name, Profile.Name FROM User WHERE Id = {id}", id=token.user_id
        )
        user = users[0] if users else {}
        return {
            "signed_in": {
                "at": iso(ctx.now_s()),
                "org_id": token.org_id,
                "user_id": token.user_id,
                "username": str(user.get("Username") or ""),
                "profile": str((user.get("Profile") or {}).get("Name") or ""),
                "scope": token.scope,
            },
            "organization": _organization(org),
            "instance_url": token.instance_url,
            "provisioned": {},
            "problem": None,
        }


def _organization(org: Connection) -> dict[str, Any]:
    """What the org says about itself; the row beats what its host let us guess."""
    rows = org.rest.query(
        "SELECT Name, OrganizationType, IsSandbox, TrialExpirationDate, InstanceName FROM Organization"
    )
    row = rows[0] if rows else {}
    return {
        "name": row.get("Name"),
        "edition": row.get("OrganizationType"),
        "is_sandbox": row.get("IsSandbox"),
        "trial_ends": row.get("TrialExpirationDate"),
        "instance": row.get("InstanceName"),
    }
