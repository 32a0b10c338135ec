"""Detect the org behind the URL a person pasted, before any secret is sent."""

from __future__ import annotations

from orchestrator.actions.base import RunContext, org_fault
from orchestrator.machine import Done, Failed, Outcome
from orchestrator.playbook.model import ActionSpec
from orchestrator.salesforce.discovery import api_versions, auth_configuration
from orchestrator.salesforce.hosts import OrgHost, parse_org_url

# Everything after the login speaks this version: the newest whose wire format the client was checked
# against. An org that is still older is spoken to in its own newest version.
PREFERRED_API_VERSION = "66.0"
OLDEST_API_VERSION = "62.0"


class Detect:
    """Normalise the URL, ask the org's public endpoints who it is, compare the pinned org id.

    Source: Salesforce help "Authentication Configuration Endpoint", REST API guide "Versions".
    """

    spec = ActionSpec(
        name="detect",
        summary="Normalise the URL, find org kind, hosts and audiences, compare the pinned org id.",
        faults=frozenset({"org_id_mismatch", "url_not_an_org", "host_moved", "api_version_unsupported"}),
        waits=True,
        evidence=frozenset({"org_id", "host", "api_version"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Reading is repeated, not remembered."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `host` (names, kind, audiences), `org_id` (15 characters at least), `api_version`."""
        host = parse_org_url(str(ctx.org["url"]))
        configuration = auth_configuration(ctx.network, host)
        pinned = ctx.org.get("org_id")
        if not configuration.org_id15:
            return Failed("url_not_an_org", f"{host.my_domain} does not say which org it is")
        if pinned and configuration.org_id15 != str(pinned)[:15]:
            return Failed(
                "org_id_mismatch",
                f"{host.my_domain} is org {configuration.org_id15}, the orgs file pins {pinned}",
            )
        version = supported_version(api_versions(ctx.network, host))
        return Done(
            evidence={
                "host": host_evidence(host),
                "org_id": pinned or configuration.org_id15,
                "api_version": version,
                "single_sign_on_offered": configuration.saml,
            },
            detail=f"{host.kind} org {configuration.org_id15} at {host.my_domain}, API {version}",
        )


def host_evidence(host: OrgHost) -> dict[str, object]:
    """The evidence `host`: names, kind, audiences."""
    return {
        "my_domain": host.my_domain,
        "kind": host.kind,
        "login_host": host.login_host,
        "setup_host": host.setup_host,
        "audiences": list(host.audiences),
    }


def supported_version(offered: list[str]) -> str:
    """The newest version both sides speak. Raises OrgFault `api_version_unsupported`."""
    known = [v for v in offered if float(OLDEST_API_VERSION) <= float(v) <= float(PREFERRED_API_VERSION)]
    if not known:
        newest = max(offered, key=float, default="none")
        raise org_fault(
            "api_version_unsupported",
            f"the org offers API versions up to {newest}; {OLDEST_API_VERSION} or newer is needed",
        )
    return max(known, key=float)
