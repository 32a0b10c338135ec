"""Look whether an org still is as the run that provisioned it left it; change nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.actions import facts
from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import (
    CERTIFICATE,
    PRIVATE_KEY,
    Connection,
    connect_minted,
    jwt_username,
    mint,
    org_host,
    read_record,
)
from orchestrator.actions.detect import host_evidence, supported_version
from orchestrator.actions.verify_app import app_checks
from orchestrator.actions.verify_locks import lock_checks
from orchestrator.actions.verify_probe import probe_check
from orchestrator.errors import Disposition, OrgFault, UsageError
from orchestrator.machine import Again, Done, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.ports import iso
from orchestrator.redaction import Secret
from orchestrator.salesforce.certificate import (
    certificate_sha256,
    days_left,
    load_certificate,
    load_private_key,
)
from orchestrator.salesforce.discovery import api_versions, auth_configuration
from orchestrator.salesforce.drift import Check, expiry_check, salesforce_time, verdict
from orchestrator.salesforce.hosts import OrgHost
from orchestrator.salesforce.token import AccessToken

# Front ends of one org may disagree for a moment (forcedotcom/cli issue 3482), so one refusal is not drift.
_ASKED_TIMES = 6
_MAY_PASS = frozenset({Disposition.BACK_OFF, Disposition.WAIT})
_DOCTOR = "`orchestrator doctor` looks for the cause."


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the org answered to the assertion: a check, and the way in if there is one."""

    check: Check
    org: Connection | None = None
    token: AccessToken | None = None


class VerifyCredential:
    """Credential, host, org id, JWT, certificate, app, policy, assignment and locks, one check each.

    The JWT user has few rights after a run. What they do not let it read is `not_readable`: shown, never
    claimed to hold, and no reason to fail. No password is sent unless the playbook asks for the one probe.
    """

    spec = ActionSpec(
        name="verify_credential",
        summary="Check, read-only, that credential, app, assignment and locks are as they were left.",
        outcomes=frozenset({"succeeded", "drifted"}),
        parameters={
            "warn_days": Parameter("integer", default=30, description="warn below so many days"),
            "probe_password": Parameter("boolean", default=False, description="try the old password once"),
        },
        waits=True,
        evidence=frozenset({"verification"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Reading is repeated, not remembered; the one probe is guarded by its note."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `verification` (result, checks, days left of the certificate)."""
        record = read_record(ctx)
        checks = [_credential_check(ctx, record)]
        if record is None or checks[0].state == "drifted":
            return _conclude(ctx, record, checks)
        checks.append(_expiry(ctx, record))
        try:
            checks += self._of_the_org(ctx, record)
        except OrgFault as refused:
            seen = f"{refused.code}: {refused.detail}"
            checks.append(Check("reachable", "drifted", "answers we know", seen, refused.kind.remedy))
            if refused.kind.disposition not in _MAY_PASS:
                return _conclude(ctx, record, checks)
            evidence = _evidence(ctx, record, checks, result="unreachable")
            return Again(refused.code, refused.detail, refused.retry_after_s or 0.0, evidence)
        return _conclude(ctx, record, checks)

    def _of_the_org(self, ctx: RunContext, record: Mapping[str, Any]) -> list[Check]:
        """Everything that needs an answer. Raises OrgFault for passing troubles."""
        host = org_host(ctx)
        checks = _address_checks(ctx, host, record)
        if any(check.state == "drifted" for check in checks):
            untried = Check(
                "jwt_login", "not_applicable", "a token", "not tried: this is not the org we know"
            )
            return [*checks, untried]
        found = {name: record[name] for name in ("app", "certificate", "org_id", "audience")}
        version = supported_version(api_versions(ctx.network, host))
        ctx.evidence = {**ctx.evidence, **found, "host": host_evidence(host), "api_version": version}
        asked = _log_in(ctx, record)
        checks.append(asked.check)
        if asked.org is None or asked.token is None:
            return checks
        checks += app_checks(asked.org, record, asked.token.user_id)
        checks += lock_checks(ctx, asked.org, record, asked.token)
        checks.append(probe_check(ctx, record))
        return checks


def _credential_check(ctx: RunContext, record: Mapping[str, Any] | None) -> Check:
    """Record, key and certificate are in the vault, belong together and are for this org's user."""
    expected = "record, private key and certificate in the vault, for this org's user"

    def drifted(seen: str, remedy: str) -> Check:
        return Check("credential", "drifted", expected, seen, remedy)

    key = ctx.vault.get(ctx.org_scope, PRIVATE_KEY)
    certificate = ctx.vault.get(ctx.org_scope, CERTIFICATE)
    if record is None or key is None or certificate is None:
        return drifted(
            "not in the vault",
            "run `orchestrator run hybrid` for this org, or leave it out with --limit; check --home",
        )
    if record["username"] != jwt_username(ctx):
        return drifted(
            f"the credential is of {record['username']}, the orgs file names {jwt_username(ctx)}",
            "correct `integration_user:` in the orgs file, or run `orchestrator run hybrid`",
        )
    problem = _pair_problem(ctx, key, certificate, record)
    if problem:
        return drifted(problem, "restore the vault from a backup, or run `orchestrator run hybrid`")
    return Check("credential", "holds", expected, f"of {record['username']}, made by run {record['run']}")


def _pair_problem(ctx: RunContext, key: Secret, certificate: Secret, record: Mapping[str, Any]) -> str:
    """Why key, certificate and record do not belong together; "" when they do."""
    try:
        parsed = load_private_key(key, is_checked=True)
        public_key = load_certificate(certificate.reveal()).public_key()
        fingerprint = certificate_sha256(certificate.reveal())
    except UsageError as wrong:
        return wrong.detail
    ctx.tokens["key"] = parsed  # for the assertion: parsing costs more than signing
    if public_key != parsed.public_key():
        return "the certificate in the vault was made for another key"
    recorded = record["certificate"]["sha256"]
    if fingerprint != recorded:
        return f"the certificate in the vault is {fingerprint}, the record says {recorded}"
    return ""


def _expiry(ctx: RunContext, record: Mapping[str, Any]) -> Check:
    return expiry_check(
        _days_left(ctx, record), str(record["certificate"]["not_after"]), int(ctx.parameters["warn_days"])
    )


def _days_left(ctx: RunContext, record: Mapping[str, Any]) -> int:
    now = dt.datetime.fromtimestamp(ctx.now_s(), dt.UTC)
    return days_left(salesforce_time(str(record["certificate"]["not_after"])), now)


def _address_checks(ctx: RunContext, host: OrgHost, record: Mapping[str, Any]) -> list[Check]:
    """Host and org id, from public endpoints: asked before anything is signed for this address."""
    known = str(record["my_domain"])
    expected_id = str(record["org_id"])
    rename = "write the org's present My Domain into `url:` and run `orchestrator run hybrid`"
    try:
        configuration = auth_configuration(ctx.network, host)
    except OrgFault as refused:
        if refused.kind.disposition is Disposition.BACK_OFF:
            raise
        remedy = rename if refused.code == "host_moved" else refused.kind.remedy
        return [Check("host", "drifted", known, f"{refused.code}: {refused.detail}", remedy)]
    moved = host.my_domain != known
    checks = [
        Check("host", "drifted", known, host.my_domain, rename)
        if moved
        else Check("host", "holds", known, known)
    ]
    seen_id = configuration.org_id15
    pinned = str(ctx.org.get("org_id") or expected_id)
    if not seen_id:
        checks.append(Check("org_id", "not_readable", expected_id, "the host does not say which org it is"))
    elif {seen_id, pinned[:15]} != {expected_id[:15]}:
        seen = f"{host.my_domain} is org {seen_id}, the orgs file pins {ctx.org.get('org_id') or 'none'}"
        checks.append(Check("org_id", "drifted", expected_id, seen, _replaced_remedy(host)))
    else:
        checks.append(Check("org_id", "holds", expected_id, seen_id))
    return checks


def _replaced_remedy(host: OrgHost) -> str:
    if host.is_sandbox:
        return "the sandbox was refreshed or made anew: run `orchestrator run hybrid` with its new org id"
    return "correct `url:` or `org_id:` in the orgs file"


def _log_in(ctx: RunContext, record: Mapping[str, Any]) -> _Asked:
    """A token and a call with it. Raises OrgFault for passing troubles."""
    expected = f"a token for {record['username']} in org {record['org_id']}, and a call with it"
    ctx.effect()
    try:
        token = mint(ctx)
        org = connect_minted(ctx, token)
        row_id = str(facts.organization(org)["Id"])
    except OrgFault as refused:
        late_node = refused.kind.disposition is Disposition.WAIT and ctx.attempt < _ASKED_TIMES
        if late_node or refused.kind.disposition is Disposition.BACK_OFF:
            raise
        seen = f"{refused.code}: {refused.detail}"
        return _Asked(Check("jwt_login", "drifted", expected, seen, f"{refused.kind.remedy} {_DOCTOR}"))
    ids = {str(record["org_id"])[:15], token.org_id[:15], row_id[:15]}
    if len(ids) > 1:
        seen = f"the token is of org {token.org_id}, the API says {row_id}"
        return _Asked(Check("jwt_login", "drifted", expected, seen, _DOCTOR))
    seen = f"token of user {token.user_id}, API answered as org {row_id}"
    return _Asked(Check("jwt_login", "holds", expected, seen), org, token)


def _conclude(ctx: RunContext, record: Mapping[str, Any] | None, checks: list[Check]) -> Outcome:
    evidence = _evidence(ctx, record, checks)
    drifted = [check for check in checks if check.state == "drifted"]
    if drifted:
        return Done("drifted", evidence, "; ".join(f"{check.check}: {check.seen}" for check in drifted))
    held = sum(check.state == "holds" for check in checks)
    unread = [check.check for check in checks if check.state == "not_readable"]
    detail = f"{held} checks hold" + (f"; not readable: {', '.join(unread)}" if unread else "")
    return Done(evidence=evidence, detail=detail)


def _evidence(
    ctx: RunContext, record: Mapping[str, Any] | None, checks: list[Check], *, result: str = ""
) -> dict[str, Any]:
    return {
        "verification": {
            "at": iso(ctx.now_s()),
            "org_id": None if record is None else record["org_id"],
            "result": result or verdict(checks),
            "checks": [check.as_json() for check in checks],
            "certificate_days_left": None if record is None else _days_left(ctx, record),
        }
    }
