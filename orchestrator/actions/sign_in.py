"""A login in a browser that a guided run waits for, as it lies in the vault until it is over.

Scope `run:<id>` holds `sign_in` (the address, state and verifier of the login that was begun),
`authorization_code` (what the browser brought back) or `authorization_refusal` (what the org said instead),
`client_secret` (if the app has one) and `refresh_token`.
None of them is ever in the journal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from orchestrator.actions.base import RunContext, org_fault
from orchestrator.errors import OrgFault
from orchestrator.machine import Done
from orchestrator.ports import Vault, iso
from orchestrator.redaction import Secret
from orchestrator.salesforce.web_flow import Authorization, read_callback

SIGN_IN = "sign_in"
AUTHORIZATION_CODE = "authorization_code"
AUTHORIZATION_REFUSAL = "authorization_refusal"
CLIENT_SECRET = "client_secret"  # noqa: S105 - the name of an entry
REFRESH_TOKEN = "refresh_token"  # noqa: S105 - likewise
# A forged, an old or a repeated visit.
NOT_OURS = frozenset({"authorization_state_mismatch", "authorization_code_spent"})


def keep_authorization(vault: Vault, scope: str, authorization: Authorization) -> None:
    """Seal the login that was begun, so that another process can take its callback."""
    tree = {
        "url": authorization.url,
        "state": authorization.state,
        "verifier": authorization.verifier.reveal(),
        "redirect_uri": authorization.redirect_uri,
        "client_id": authorization.client_id,
    }
    vault.put(scope, SIGN_IN, Secret(json.dumps(tree)))


def kept_authorization(vault: Vault, scope: str) -> Authorization | None:
    """The login that is waited for; None when none was begun."""
    stored = vault.get(scope, SIGN_IN)
    if stored is None:
        return None
    tree = json.loads(stored.reveal())
    return Authorization(**{**tree, "verifier": Secret(tree["verifier"])})


def keep_callback(vault: Vault, scope: str, query: str, *, is_waited_for: bool) -> None:
    """Seal what a browser brought back: the code, or the org's refusal, for the run to judge.

    Raises:
        OrgFault: `authorization_state_mismatch` or `authorization_code_spent`, the visit says nothing about
        the
            login that is waited for.
    """
    authorization = kept_authorization(vault, scope)
    if authorization is None:
        raise org_fault("authorization_code_spent", "no login is waited for")
    try:
        code = read_callback(query, authorization, is_spent=not is_waited_for)
    except OrgFault as said:
        if said.code in NOT_OURS:
            raise
        vault.put(
            scope, AUTHORIZATION_REFUSAL, Secret(json.dumps({"code": said.code, "detail": said.detail}))
        )
    else:
        vault.put(scope, AUTHORIZATION_CODE, code)


def client_secret(ctx: RunContext, reference: object) -> Secret | None:
    """The consumer secret: as typed on the page, else what *reference* leads to, else None."""
    typed = ctx.vault.get(ctx.run_scope, CLIENT_SECRET)
    if typed is not None or not reference:
        return typed
    entry = {"name": ctx.org["name"], CLIENT_SECRET: str(reference)}
    return ctx.resolve_secret(entry, CLIENT_SECRET)


def unfinished(ctx: RunContext, name: str, code: str, detail: str) -> Done:
    """An outcome that leads back to the person: the problem is evidence, until a later success clears it."""
    problem: Mapping[str, str] = {"code": code, "detail": detail, "at": iso(ctx.now_s())}
    return Done(name, {"problem": dict(problem)}, f"{code}: {detail}")


def refused(ctx: RunContext, name: str, said: OrgFault) -> Done:
    """The same for what an org said."""
    return unfinished(ctx, name, said.code, said.detail)
