"""The rungs that send no password: a stored credential, tokens handed over, and a login in a browser."""

from __future__ import annotations

import threading
from urllib.parse import urlsplit

from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.bootstrap_rung import Entrance, identified, refuse_other_org
from orchestrator.actions.credential import mint, org_host
from orchestrator.actions.generations import IN_USE, required, speaking_as
from orchestrator.actions.try_credential import stored_credential
from orchestrator.redaction import Secret, environment_for_children
from orchestrator.salesforce.sf_cli import is_access_token, stored_session
from orchestrator.salesforce.sfdx_url import is_for, parse_sfdx_url
from orchestrator.salesforce.token import refresh_grant
from orchestrator.salesforce.web_flow import begin, read_callback, redeem
from orchestrator.web.callback import CallbackReceiver

# The Salesforce CLI's own app and callback, which every org knows; System Administrators need no approval.
DEFAULT_WEB_CLIENT = "PlatformCLI"
DEFAULT_WEB_CALLBACK = "http://localhost:1717/OauthRedirect"
# Enough for REST and Metadata API. No refresh token is asked for: the session is good for this run only.
_WEB_SCOPES = ("api",)
_ORG_ID_LENGTH = 15
_LOOK_EVERY_S = 5.0
# One callback port, and one person: logins of a fleet come one after the other.
_one_person = threading.Lock()


class StoredCredential:
    """The OAuth credential of an earlier run, for playbooks that do not begin with `try_credential`."""

    name = "jwt"

    def is_offered(self, ctx: RunContext) -> bool:
        """It needs a credential in the vault that the org has not refused in this run."""
        tried = ctx.evidence.get("credential") or {}
        return "refused" not in tried and not isinstance(stored_credential(ctx), str)

    def climb(self, ctx: RunContext) -> Entrance:
        """One token, for the credential in use, whatever key this run has made since."""
        record = stored_credential(ctx)
        if isinstance(record, str):
            raise org_fault("credential_absent", record)
        speaking = speaking_as(ctx, required(ctx, IN_USE))
        speaking.effect()
        token = mint(speaking)  # ended with the bootstrap, so nothing else may come to rely on it
        return identified(speaking, self.name, token.token, token.instance_url)


class AccessToken:
    """A session id or access token that somebody handed over; it stays that person's."""

    name = "access_token"

    def is_offered(self, ctx: RunContext) -> bool:
        """It needs `access_token`."""
        return _has_secret(ctx, "access_token")

    def climb(self, ctx: RunContext) -> Entrance:
        """Look at the token, then ask the org whose it is."""
        token = _secret(ctx, "access_token")
        text = token.reveal().strip()
        if not is_access_token(text):
            raise org_fault("access_token_malformed", "the access token has another shape than 00D…!…")
        return _handed_over(ctx, self.name, Secret(text))


class SfdxAuthUrl:
    """The refresh token of an SFDX auth URL buys an access token, which is ours."""

    name = "sfdx_auth_url"

    def is_offered(self, ctx: RunContext) -> bool:
        """It needs `sfdx_auth_url`."""
        return _has_secret(ctx, "sfdx_auth_url")

    def climb(self, ctx: RunContext) -> Entrance:
        """One exchange, at the org's own host whatever host the URL names."""
        url, host = parse_sfdx_url(_secret(ctx, "sfdx_auth_url")), org_host(ctx)
        if not is_for(url, host):
            raise org_fault(
                "org_id_mismatch",
                f"the SFDX auth URL is for {url.host.my_domain}, the orgs file names {host.my_domain}; "
                "nothing was sent",
            )
        ctx.effect()
        token = refresh_grant(
            ctx.network,
            host,
            client_id=url.client_id,
            refresh_token=url.refresh_token,
            client_secret=url.client_secret,
        )
        spent = (
            "the app rotates refresh tokens, so the SFDX auth URL is used up; log in again to make a new one"
        )
        rotated = token.refresh_token is not None and token.refresh_token != url.refresh_token
        return identified(
            ctx,
            self.name,
            token.token,
            token.instance_url,
            refresh_token=token.refresh_token if rotated else None,
            remarks=(spent,) if rotated else (),
        )


class SfCli:
    """The session of an org that the Salesforce CLI on this machine is logged in to; it stays the CLI's."""

    name = "sf_cli"

    def is_offered(self, ctx: RunContext) -> bool:
        """It needs `sf_org`."""
        return bool(ctx.org.get("sf_org"))

    def climb(self, ctx: RunContext) -> Entrance:
        """Ask the CLI; its answer is compared before its token is sent anywhere."""
        environ = environment_for_children(ctx.environ, ctx.org.get("secrets", {}).values())
        session, host = stored_session(str(ctx.org["sf_org"]), environ), org_host(ctx)
        refuse_other_org(ctx, session.org_id, f"the CLI's org {ctx.org['sf_org']}")
        named = urlsplit(session.instance_url).netloc.lower()
        remarks = (
            () if named == host.my_domain else (f"the CLI knows the org at {named or 'no host'}; not used",)
        )
        return _handed_over(ctx, self.name, session.token, remarks)


class WebLogin:
    """A person logs in with a browser on this machine: OAuth web server flow with PKCE."""

    name = "web"

    def is_offered(self, ctx: RunContext) -> bool:
        """It needs `web: true`."""
        return bool(ctx.org.get("web"))

    def climb(self, ctx: RunContext) -> Entrance:
        """Show the address, wait for the browser to come back, exchange the code."""
        if ctx.open_browser is None:
            raise org_fault("authorization_unattended", "nobody is there to log in with a browser")
        client_id = str(ctx.org.get("web_client_id") or DEFAULT_WEB_CLIENT)
        authorization = begin(
            org_host(ctx),
            client_id,
            str(ctx.org.get("web_callback") or DEFAULT_WEB_CALLBACK),
            scopes=_WEB_SCOPES,
            login_hint=ctx.org.get("username"),
            prompt="login",
            entropy=lambda count: bytes.fromhex(ctx.random_hex(count)),
        )
        while not _one_person.acquire(timeout=_LOOK_EVERY_S):
            ctx.check_lease()
        try:
            with CallbackReceiver(
                authorization.redirect_uri,
                lambda query, *, is_spent: read_callback(query, authorization, is_spent=is_spent),
            ) as receiver:
                ctx.effect()
                ctx.open_browser(authorization.url)
                code = receiver.wait(float(ctx.parameters["web_timeout"]))
        finally:
            _one_person.release()
        ctx.effect()
        # The secret of the customer's own app, when it is the app that logs in.
        secret = ctx.secret("consumer_secret") if client_id == ctx.org.get("consumer_key") else None
        token = redeem(ctx.network, org_host(ctx), code, authorization, secret)
        return identified(ctx, self.name, token.token, token.instance_url, refresh_token=token.refresh_token)


def _handed_over(ctx: RunContext, method: str, token: Secret, remarks: tuple[str, ...] = ()) -> Entrance:
    """The entrance of a person's token, at the org's own host; what it tells of its org is compared first."""
    prefix, mark, _ = token.reveal().partition("!")
    if mark:
        refuse_other_org(ctx, prefix[:_ORG_ID_LENGTH], f"the token of {method}")
    return identified(ctx, method, token, org_host(ctx).url, owner="person", remarks=remarks)


def _has_secret(ctx: RunContext, name: str) -> bool:
    return bool((ctx.org.get("secrets") or {}).get(name))


def _secret(ctx: RunContext, name: str) -> Secret:
    found = ctx.secret(name)
    if found is None:
        raise org_fault("credential_absent", f"the reference in '{name}' gives nothing")
    return found
