"""The credential a run hands over, as it lies in the vault, and the sessions made from it.

Scope `org:<name>` holds `private_key` and `certificate` (PEM) and `record` (JSON: ids and proofs, no
secrets). Scope `run:<id>` holds what lives no longer than the run: the bootstrap session, and key and
certificate until OAuth is adopted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from orchestrator.actions.base import RunContext, org_fault
from orchestrator.errors import Defect, OrgFault
from orchestrator.redaction import Secret
from orchestrator.salesforce.certificate import load_private_key
from orchestrator.salesforce.hosts import OrgHost, is_loopback_host, is_salesforce_host, parse_org_url
from orchestrator.salesforce.metadata import Metadata
from orchestrator.salesforce.rest import OrgApi, Renewal
from orchestrator.salesforce.soap import LAST_LOGIN_API_VERSION
from orchestrator.salesforce.token import AccessToken, TokenRefused, jwt_assertion, jwt_bearer

BOOTSTRAP_SESSION = "bootstrap_session"
BOOTSTRAP_REFRESH_TOKEN = "bootstrap_refresh_token"  # noqa: S105 - the name of a place in the vault
PRIVATE_KEY = "private_key"
CERTIFICATE = "certificate"
RECORD = "record"
UNDO_TOKEN = "undo_token"  # noqa: S105 - a name in the vault
# Date headers have whole seconds, and an answer takes its time.
_CLOCKS_AGREE_S = 15.0


@dataclass(frozen=True, slots=True)
class Connection:
    """An org as one principal sees it: REST and Metadata API with the same session."""

    instance_url: str
    api_version: int
    rest: OrgApi
    metadata: Metadata


def connect(
    ctx: RunContext, instance_url: str, token: Secret, *, renewal: Renewal | None = None
) -> Connection:
    """Both APIs at *instance_url* with *token*, in the version `detect` found.

    Args:
        ctx: of the attempt.
        instance_url: where the org says its API is.
        token: session id or access token.
        renewal: what it means that the org does not know *token*, where a new one can be had.

    Raises:
        OrgFault: `answer_unknown`, the org named a host that is not Salesforce's; nothing was sent there.
    """
    named = urlsplit(instance_url).hostname or ""
    if not (is_salesforce_host(named) or is_loopback_host(named)):
        raise org_fault("answer_unknown", f"the org says its API is at {named!r}, which is not Salesforce's")
    version = str(ctx.evidence.get("api_version", "64.0"))
    return Connection(
        instance_url=instance_url,
        api_version=int(float(version)),
        rest=OrgApi(ctx.network, instance_url, token, version, renewal=renewal),
        metadata=Metadata(ctx.network, instance_url, token, version, renewal=renewal),
    )


def login_version(ctx: RunContext) -> str:
    """Version of the Partner API for login() and logout(): the last that has them, or the org's if older."""
    of_the_org = str(ctx.evidence.get("api_version", LAST_LOGIN_API_VERSION))
    return min(LAST_LOGIN_API_VERSION, of_the_org, key=float)


def org_host(ctx: RunContext) -> OrgHost:
    """Where the org lives, from the URL of the orgs file."""
    return parse_org_url(str(ctx.org["url"]))


def bootstrap_connection(ctx: RunContext) -> Connection:
    """The one-shot admin session of this run. Raises Defect once OAuth was adopted."""
    if "adopted" in ctx.evidence:
        raise Defect("the password session was asked for after OAuth was adopted")
    session = ctx.vault.get(ctx.run_scope, BOOTSTRAP_SESSION)
    if session is None:
        raise org_fault("session_expired", "the bootstrap session of this run is not in the vault")
    return connect(ctx, str(ctx.found("instance_url")), session)


def jwt_username(ctx: RunContext) -> str:
    """The run-as user of the credential: the integration user, or the bootstrap user when none is named."""
    named = ctx.org.get("integration_user") or ctx.org.get("username")
    if named:
        return str(named)
    # Who came in by a token or logged in by hand is not in the orgs file.
    stored = ctx.evidence.get("signed_in") or ctx.evidence.get("credential") or {}
    return str(stored.get("username") or ctx.found("bootstrap")["username"])


def mint(ctx: RunContext) -> AccessToken:
    """A new access token by JWT bearer. Raises OrgFault as the token endpoint answers.

    An assertion that was out of date on arrival is made once more, by the clock of the org.
    """
    try:
        return _mint(ctx)
    except TokenRefused as refused:
        if refused.code != "assertion_expired" or refused.server_date_s is None:
            raise
        offset_s = refused.server_date_s - ctx.now_s()
        if abs(offset_s - clock_offset_s(ctx)) < _CLOCKS_AGREE_S:
            raise
        ctx.tokens["clock_offset_s"] = offset_s
    return _mint(ctx)


def clock_offset_s(ctx: RunContext) -> float:
    """How far the org's clock is ahead of ours, as far as it mattered yet."""
    return float(ctx.tokens.get("clock_offset_s", 0.0))


def _mint(ctx: RunContext) -> AccessToken:
    assertion = jwt_assertion(
        consumer_key=str(ctx.found("app")["consumer_key"]),
        username=jwt_username(ctx),
        audience=audience(ctx),
        private_key=_private_key(ctx),
        now_s=ctx.now_s() + clock_offset_s(ctx),
    )
    return jwt_bearer(ctx.network, org_host(ctx), assertion)


def jwt_connection(ctx: RunContext, *, fresh: bool = False) -> Connection:
    """The org as the integration user; the token is minted once per run and process unless *fresh*."""
    token = ctx.tokens.get("jwt")
    if token is None or fresh:
        token = mint(ctx)
        ctx.tokens["jwt"] = token
    return connect_minted(ctx, token)


def connect_minted(ctx: RunContext, token: AccessToken) -> Connection:
    """Both APIs with a token of the credential.

    A refused session is the end of nothing here: a front end does not know a token yet that is seconds old,
    or the session was ended, and the next attempt mints anew (`token_not_honoured`, within the window).
    """

    def not_honoured(refused: OrgFault) -> OrgFault:
        if ctx.tokens.get("jwt") is token:
            del ctx.tokens["jwt"]
        return org_fault("token_not_honoured", refused.detail, retry_after_s=refused.retry_after_s)

    return connect(ctx, token.instance_url, token.token, renewal=not_honoured)


def keep_undo_token(ctx: RunContext) -> None:
    """Put the session in use into the vault: should this process and JWT die together, it can still undo."""
    token = ctx.tokens["jwt"]
    kept = {"token": token.token.reveal(), "instance_url": token.instance_url}
    ctx.vault.put(ctx.run_scope, UNDO_TOKEN, Secret(json.dumps(kept)))


def recall_undo_token(ctx: RunContext) -> bool:
    """Use the session another process of this run kept, unless this one has its own; whether it is used."""
    kept = None if "jwt" in ctx.tokens else ctx.vault.get(ctx.run_scope, UNDO_TOKEN)
    if kept is None:
        return False
    tree = json.loads(kept.reveal())
    ctx.tokens["jwt"] = AccessToken(
        token=Secret(tree["token"]),
        instance_url=tree["instance_url"],
        org_id="",
        user_id="",
        scope="",
        issued_at_s=None,
        server_date_s=None,
    )
    return True


def forget_undo_token(ctx: RunContext) -> None:
    """The way in was proven anew, or the lock is gone: nothing needs the kept session any more."""
    ctx.vault.forget(ctx.run_scope, UNDO_TOKEN)


def audience(ctx: RunContext) -> str:
    """The audience in use: the one that worked or is being tried, else the first that fits the org."""
    tried = ctx.evidence.get("audience")
    return str(tried or ctx.found("host")["audiences"][0])


def _private_key(ctx: RunContext) -> Any:
    """The parsed key, once per wake-up; the vault's seal vouches for what was checked when it was stored."""
    if "key" not in ctx.tokens:
        pem = ctx.vault.get(ctx.run_scope, PRIVATE_KEY) or ctx.vault.get(ctx.org_scope, PRIVATE_KEY)
        if pem is None:
            raise org_fault("credential_absent", "the private key is not in the vault")
        ctx.tokens["key"] = load_private_key(pem, is_checked=True)
    return ctx.tokens["key"]


def sets_named_after(app: Mapping[str, Any]) -> str:
    """The name that the permission sets of *app* are called after.

    A second app of the same org (certificate rotation) goes on with the sets of the first.
    """
    return str(app.get("sets_named_after") or app["name"])


def read_record(ctx: RunContext) -> dict[str, Any] | None:
    """The org's credential record, or None when the vault holds none."""
    stored = ctx.vault.get(ctx.org_scope, RECORD)
    return None if stored is None else dict(json.loads(stored.reveal()))


def write_record(ctx: RunContext, record: dict[str, Any]) -> None:
    """Replace the org's credential record."""
    ctx.vault.put(ctx.org_scope, RECORD, Secret(json.dumps(record, sort_keys=True)))
