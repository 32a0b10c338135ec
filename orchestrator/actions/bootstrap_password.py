"""The rungs that send the admin's password: SOAP login(), and the OAuth password grant."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.bootstrap_refusals import PASSWORD_RUNGS
from orchestrator.actions.bootstrap_rung import Entrance, identified, refuse_other_org
from orchestrator.actions.credential import connect, login_version, org_host
from orchestrator.errors import OrgFault
from orchestrator.redaction import Secret
from orchestrator.salesforce.discovery import api_versions
from orchestrator.salesforce.soap import soap_login
from orchestrator.salesforce.token import password_grant

T = TypeVar("T")

# A lockout policy may allow as few as three wrong passwords (Setup > Password Policies), so a run
# never sends a password more often in all, the probes after the lock included.
MAX_PASSWORD_ATTEMPTS = 3


class SoapLogin:
    """SOAP partner login(), then one cheap call to see that the session may use the API.

    Source: Salesforce help 005132110 (login() is gone from API 65.0 on; ends with Summer '27).
    """

    name = "soap_login"

    def is_offered(self, ctx: RunContext) -> bool:
        """It needs `username` and `password`."""
        return has_password(ctx)

    def climb(self, ctx: RunContext) -> Entrance:
        """One login."""
        username, password = str(ctx.org["username"]), _password(ctx)
        session = one_attempt(
            ctx,
            lambda: soap_login(
                ctx.network,
                org_host(ctx),
                username,
                password,
                ctx.secret("security_token"),
                api_version=soap_version(ctx),
            ),
        )
        refuse_other_org(ctx, session.org_id, "the login")
        connect(ctx, session.instance_url, session.session)  # refuses foreign hosts
        return Entrance(
            method=self.name,
            token=session.session,
            instance_url=session.instance_url,
            org_id=session.org_id,
            user_id=session.user_id,
            username=username,
        )


class PasswordGrant:
    """The OAuth username-password flow, with a connected app the customer has already.

    External Client Apps refuse this flow, and orgs born Summer '23 or later block it (help, OAuth
    username-password flow), so nothing is ever made for it.
    """

    name = "password_grant"

    def is_offered(self, ctx: RunContext) -> bool:
        """It needs `consumer_key` beside `username` and `password`."""
        return has_password(ctx) and bool(ctx.org.get("consumer_key"))

    def climb(self, ctx: RunContext) -> Entrance:
        """One login."""
        password = _password(ctx)
        token = one_attempt(
            ctx,
            lambda: password_grant(
                ctx.network,
                org_host(ctx),
                client_id=str(ctx.org["consumer_key"]),
                client_secret=ctx.secret("consumer_secret"),
                username=str(ctx.org["username"]),
                password=password,
                security_token=ctx.secret("security_token"),
            ),
        )
        return identified(ctx, self.name, token.token, token.instance_url, refresh_token=token.refresh_token)


def has_password(ctx: RunContext) -> bool:
    """Whether the orgs file gives a username and a reference to its password."""
    return bool(ctx.org.get("username")) and bool((ctx.org.get("secrets") or {}).get("password"))


def attempts_made(ctx: RunContext) -> int:
    """Passwords sent in this run, by earlier states and by this visit."""
    return int(ctx.evidence.get("password_attempts", 0)) + int(ctx.notes.get("password_attempts", 0))


def one_attempt(ctx: RunContext, login: Callable[[], T]) -> T:
    """One login, counted before it is sent; given back only when nothing can have been sent.

    Before a second one the org must have answered what needs no password: an outage uses no attempt up.

    Raises:
        OrgFault: `password_attempts_used_up`; what *login* raises; how the org is out.
    """
    if attempts_made(ctx) >= MAX_PASSWORD_ATTEMPTS:
        raise org_fault(
            "password_attempts_used_up", f"{attempts_made(ctx)} password attempts were made in this run"
        )
    before = int(ctx.notes.get("password_attempts", 0))
    if before:
        api_versions(ctx.network, org_host(ctx))
    ctx.effect()
    ctx.note(password_attempts=before + 1)
    try:
        return login()
    except OrgFault as refused:
        if not refused.was_sent:
            ctx.note(password_attempts=before)
        raise


def password_baseline(ctx: RunContext) -> dict[str, str] | None:
    """When the password was last seen to work, in this run or in the one that left the credential."""
    entered = ctx.evidence.get("bootstrap") or {}
    if entered.get("method") in PASSWORD_RUNGS:
        return {"username": entered["username"], "at": entered["at"], "by": entered["method"]}
    return ctx.evidence.get("password_baseline")


def soap_version(ctx: RunContext) -> str:
    """The playbook's version of login(), or the newest the org speaks when that is older."""
    return min(str(ctx.parameters["api_version"]), login_version(ctx), key=float)


def _password(ctx: RunContext) -> Secret:
    found = ctx.secret("password")
    if found is None:
        raise org_fault("credential_absent", "the reference to the password gives nothing")
    return found
