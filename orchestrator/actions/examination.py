"""Examine an org that does not work: gather what `diagnose` may use, at the price of two logins at most.

One token call with the stored credential, one login with the password and only when the operator allows it;
the rest is public endpoints and reads. Nothing is changed, and nothing is tried twice.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.actions import facts
from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import (
    CERTIFICATE,
    PRIVATE_KEY,
    Connection,
    connect,
    jwt_username,
    login_version,
    mint,
    org_host,
    read_record,
)
from orchestrator.actions.detect import host_evidence, supported_version
from orchestrator.actions.examination_facts import look_into
from orchestrator.actions.sightings import attempt
from orchestrator.errors import OrgFault, UsageError
from orchestrator.salesforce.certificate import (
    certificate_sha256,
    days_left,
    load_certificate,
    load_private_key,
)
from orchestrator.salesforce.diagnosis_facts import CLOCK_TOLERANCE_S
from orchestrator.salesforce.diagnosis_findings import Findings, Refused
from orchestrator.salesforce.discovery import api_versions, auth_configuration
from orchestrator.salesforce.drift import salesforce_time
from orchestrator.salesforce.hosts import OrgHost
from orchestrator.salesforce.soap import PasswordSession, logout, soap_login
from orchestrator.salesforce.token import TokenRefused, key_known

_CALLBACK = "https://login.salesforce.com/services/oauth2/success"


@dataclass(slots=True)
class Examination:
    """What was found, and the ids that make the links of the remedy exact.

    Attributes:
        fields: of `Findings`, as far as they are known.
        user_id, app_id: of the JWT user and the client app, "" when unknown.
    """

    host: OrgHost
    fields: dict[str, Any] = field(default_factory=dict)
    user_id: str = ""
    app_id: str = ""

    @property
    def findings(self) -> Findings:
        """Frozen, for `diagnose`."""
        return Findings(**self.fields)


def examine(ctx: RunContext, *, with_password: bool, last_failure: Refused | None = None) -> Examination:
    """Look at the org of *ctx* from outside, and from inside with whatever session it gives.

    Args:
        ctx: of no run: nothing is journaled.
        with_password: one login with the password of the orgs file is allowed.
        last_failure: how the newest run of this org failed.

    Raises:
        UsageError: the orgs file's URL or a secret reference is wrong.
        VaultError: the vault cannot be opened.
    """
    host = org_host(ctx)
    record = read_record(ctx)
    made = Examination(
        host, {"org": str(ctx.org["name"]), "host": host.my_domain, "last_failure": last_failure}
    )
    made.fields["is_sandbox"] = host.is_sandbox
    _expect(ctx, made, record)
    if not _reach(ctx, made) or _is_another_org(made):
        return made
    org = _by_credential(ctx, made, record) if record is not None else None
    if org is not None:
        look_into(made, org, ctx, record, seen_as="JWT user")
    elif with_password:
        _by_password(ctx, made, record)
    return made


def _expect(ctx: RunContext, made: Examination, record: Mapping[str, Any] | None) -> None:
    """What the vault and the orgs file say, before anybody is asked."""
    key = ctx.vault.get(ctx.org_scope, PRIVATE_KEY)
    made.fields["has_credential"] = record is not None and key is not None
    made.fields["org_id_expected"] = str(ctx.org.get("org_id") or "")
    if record is None:
        return
    made.fields["org_id_expected"] = str(record["org_id"])
    made.fields["proven_host"] = str(record["my_domain"])
    ends = salesforce_time(str(record["certificate"]["not_after"]))
    made.fields["days_left"] = days_left(ends, dt.datetime.fromtimestamp(ctx.now_s(), dt.UTC))
    problem = _credential_problem(ctx, record)
    if problem is not None:
        made.fields["credential_problem"] = problem


def _credential_problem(ctx: RunContext, record: Mapping[str, Any]) -> tuple[str, str] | None:
    """Why the stored credential cannot be what it says: cause and sentence."""
    if record["username"] != jwt_username(ctx):
        return (
            "credential_other_user",
            f"it is of {record['username']}, the orgs file names {jwt_username(ctx)}",
        )
    key, certificate = ctx.vault.get(ctx.org_scope, PRIVATE_KEY), ctx.vault.get(ctx.org_scope, CERTIFICATE)
    if key is None or certificate is None:
        return None
    try:
        if load_certificate(certificate.reveal()).public_key() != load_private_key(key).public_key():
            return "credential_damaged", "the certificate in the vault was made for another key"
        if certificate_sha256(certificate.reveal()) != record["certificate"]["sha256"]:
            return "credential_damaged", "the certificate in the vault is not the one on record"
    except UsageError as wrong:
        return "credential_damaged", wrong.detail
    return None


def _reach(ctx: RunContext, made: Examination) -> bool:
    """Public endpoints: who is there, which versions, what time it is."""
    host = made.host
    try:
        made.fields["org_id_seen"] = auth_configuration(ctx.network, host).org_id15
        version = supported_version(api_versions(ctx.network, host))
        asked_s = ctx.now_s()
        answer = ctx.network.request("GET", f"{host.url}/services/data", credentials=False, idempotent=True)
    except OrgFault as refused:
        made.fields["reach"] = Refused(refused.code, refused.detail, host.my_domain)
        return False
    if answer.date_s is not None:
        # The Date header has whole seconds, so half a second is the best guess of the rest.
        offset_s = answer.date_s + 0.5 - (asked_s + ctx.now_s()) / 2
        made.fields["clock_offset_s"] = offset_s
        if abs(offset_s) > CLOCK_TOLERANCE_S:
            ctx.tokens["clock_offset_s"] = offset_s  # so that one assertion is enough; see credential.mint
    ctx.evidence = {**ctx.evidence, "host": host_evidence(host), "api_version": version}
    return True


def _is_another_org(made: Examination) -> bool:
    """Nothing is signed for an org that is not the one we know, and no password is sent to it."""
    seen, expected = str(made.fields["org_id_seen"])[:15], str(made.fields["org_id_expected"])[:15]
    return bool(seen and expected and seen != expected)


def _by_credential(ctx: RunContext, made: Examination, record: Mapping[str, Any]) -> Connection | None:
    """One token call, and the first call with it; the session when both were let in."""
    if not made.fields["has_credential"] or made.fields.get("credential_problem"):
        return None
    found = {name: record[name] for name in ("app", "certificate", "org_id", "audience")}
    ctx.evidence = {**ctx.evidence, **found}
    try:
        token = mint(ctx)
        org = connect(ctx, token.instance_url, token.token)
    except OrgFault as refused:
        made.fields["token"] = Refused(refused.code, refused.detail, "the token endpoint")
        if isinstance(refused, TokenRefused):
            made.fields["key_known"] = _key_known(ctx, made, record)
        return None
    made.fields["token_given"] = True
    made.user_id = token.user_id
    if token.org_id and token.org_id[:15] != str(record["org_id"])[:15]:
        made.fields["token_problem"] = ("jwt_wrong_org", f"the token is of org {token.org_id}")
        return None
    if not _first_call(made, org):
        return None
    user_id = attempt(lambda: facts.user_id(org, jwt_username(ctx)), patient=False)
    if isinstance(user_id, str) and user_id[:15] != token.user_id[:15]:
        made.fields["token_problem"] = ("jwt_wrong_user", f"the token is of user {token.user_id}")
    return org


def _key_known(ctx: RunContext, made: Examination, record: Mapping[str, Any]) -> bool | None:
    """Whether the login servers know our consumer key; costs no login."""
    try:
        return key_known(
            ctx.network, made.host, consumer_key=str(record["app"]["consumer_key"]), callback_url=_CALLBACK
        )
    except OrgFault:
        return None


def _first_call(made: Examination, org: Connection) -> bool:
    try:
        org.rest.query("SELECT Id FROM Organization")  # `limits` wants View Setup, which the JWT user lacks
    except OrgFault as refused:
        made.fields["api_refusal"] = Refused(refused.code, refused.detail, "the API")
        return False
    return True


def _by_password(ctx: RunContext, made: Examination, record: Mapping[str, Any] | None) -> None:
    """The one login that --with-password allows, and a look with its session; the session is ended."""
    username, password = ctx.org.get("username"), ctx.secret("password")
    if not username or password is None:
        raise UsageError(
            f"org '{ctx.org['name']}' has no username and password to look with",
            code="bootstrap_missing",
            remedy="give `username` and `password: env:NAME` in the orgs file, or leave --with-password out",
        )
    try:
        session = soap_login(
            ctx.network,
            made.host,
            str(username),
            password,
            ctx.secret("security_token"),
            api_version=login_version(ctx),
        )
    except OrgFault as refused:
        made.fields["login"] = Refused(refused.code, refused.detail, f"login() of {username}")
        return
    made.fields["login_accepted"] = True
    try:
        _with_session(ctx, made, record, session)
    finally:
        _end(ctx, session)


def _with_session(
    ctx: RunContext, made: Examination, record: Mapping[str, Any] | None, session: PasswordSession
) -> None:
    org = connect(ctx, session.instance_url, session.session)
    if _first_call(made, org):
        look_into(made, org, ctx, record, seen_as="bootstrap user")


def _end(ctx: RunContext, session: PasswordSession) -> None:
    """End the session we opened; one that may not even call logout() ends by itself."""
    with contextlib.suppress(OrgFault):
        logout(ctx.network, session.instance_url, session.session, login_version(ctx))
