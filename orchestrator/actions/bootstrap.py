"""Log in once with the admin's username and password."""

from __future__ import annotations

from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import BOOTSTRAP_SESSION, connect, login_version, org_host
from orchestrator.errors import OrgFault, UsageError
from orchestrator.machine import Done, Failed, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.ports import iso
from orchestrator.redaction import Secret
from orchestrator.salesforce.soap import PasswordSession, soap_login

# A lockout policy may allow as few as three wrong passwords (Setup > Password Policies), so a run
# never sends a password more often in all, the probes after the lock included.
MAX_PASSWORD_ATTEMPTS = 3


class Bootstrap:
    """SOAP partner login() at v64.0, then one cheap call to see that the session may use the API.

    Source: Salesforce help 005132110 (login() is gone from API 65.0 on; ends with Summer '27).
    """

    spec = ActionSpec(
        name="bootstrap",
        summary="Log in once with username and password; keep the session in the vault for this run.",
        faults=frozenset(
            {
                "login_invalid",
                "login_needs_security_token",
                "soap_login_disabled",
                "any_api_auth_required",
                "password_expired",
                "password_locked_out",
                "login_ip_restricted",
                "login_hours_restricted",
                "sso_gateway_missing",
                "sso_gateway_down",
                "session_not_valid_for_api",
                "org_id_mismatch",
                "password_attempts_used_up",
            }
        ),
        parameters={
            "api_version": Parameter("string", default="64.0", description="version of login() only"),
        },
        waits=True,
        evidence=frozenset({"bootstrap", "org_id", "instance_url", "password_attempts"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """A session of this run in the vault that still works makes another login needless."""
        session = ctx.vault.get(ctx.run_scope, BOOTSTRAP_SESSION)
        instance_url = ctx.notes.get("instance_url")
        if session is None or instance_url is None:
            return None
        try:
            connect(ctx, str(instance_url), session).rest.limits()
        except OrgFault as refused:
            if refused.code == "session_expired":
                return None
            raise
        return Done(evidence=dict(ctx.notes["bootstrap_evidence"]), detail="the session of this run works")

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `bootstrap` (who, when, how), `org_id` with 18 characters, `instance_url`."""
        username = ctx.org.get("username")
        password = ctx.secret("password")
        if not username or password is None:
            raise UsageError(
                f"org '{ctx.org['name']}' has no username and password to bootstrap with",
                code="bootstrap_missing",
                remedy="give `username` and `password: env:NAME` in the orgs file",
            )
        used = int(ctx.evidence.get("password_attempts", 0)) + int(ctx.notes.get("password_attempts", 0))
        if used >= MAX_PASSWORD_ATTEMPTS:
            return Failed("password_attempts_used_up", f"{used} password attempts were made in this run")
        session = self._login(ctx, str(username), password)
        self._compare_org(ctx, session)
        evidence = self._evidence(ctx, str(username), session, used + 1)
        ctx.vault.put(ctx.run_scope, BOOTSTRAP_SESSION, session.session)
        ctx.note(instance_url=session.instance_url, bootstrap_evidence=evidence)
        connect(ctx, session.instance_url, session.session).rest.limits()
        return Done(evidence=evidence, detail=f"{username} logged in at {session.instance_url}")

    def _login(self, ctx: RunContext, username: str, password: Secret) -> PasswordSession:
        """One attempt, counted before it is sent; given back only when nothing can have been sent."""
        before = int(ctx.notes.get("password_attempts", 0))
        ctx.effect()
        ctx.note(password_attempts=before + 1)
        try:
            return soap_login(
                ctx.network,
                org_host(ctx),
                username,
                password,
                ctx.secret("security_token"),
                api_version=_version(ctx),
            )
        except OrgFault as refused:
            if not refused.was_sent:
                ctx.note(password_attempts=before)
            raise

    def _compare_org(self, ctx: RunContext, session: PasswordSession) -> None:
        expected = str(ctx.found("org_id"))
        if session.org_id[:15] != expected[:15]:
            raise org_fault("org_id_mismatch", f"the login led to org {session.org_id}, expected {expected}")

    def _evidence(
        self, ctx: RunContext, username: str, session: PasswordSession, attempts: int
    ) -> dict[str, object]:
        return {
            "org_id": session.org_id,
            "instance_url": session.instance_url,
            "password_attempts": attempts,
            "bootstrap": {
                "method": "soap_login",
                "instance_url": session.instance_url,
                "api_version": _version(ctx),
                "username": username,
                "user_id": session.user_id,
                "at": iso(ctx.now_s()),
                "meaning": "the password worked at this time; later refusals prove something",
            },
        }


def _version(ctx: RunContext) -> str:
    """The playbook's version of login(), or the newest the org speaks when that is older."""
    return min(str(ctx.parameters["api_version"]), login_version(ctx), key=float)
