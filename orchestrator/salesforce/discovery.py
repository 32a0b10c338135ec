"""What a host says about its org before anybody logs in.

Source: Salesforce help "Auth. Configuration Endpoint" (`/.well-known/auth-configuration`); REST API guide,
"Versions".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.catalogue import FAULTS
from orchestrator.errors import OrgFault
from orchestrator.salesforce.hosts import OrgHost
from orchestrator.salesforce.http_answer import Answer
from orchestrator.salesforce.rest import refusal
from orchestrator.salesforce.session import Network

_OK = 200
_SHORT_ID_LENGTH = 15
_MAX_BYTES = 1024 * 1024
_KEPT = ("LoginPage", "CertificateLogin", "LoginPageType")


@dataclass(frozen=True, slots=True)
class AuthConfiguration:
    """Public facts of an org's login page.

    Attributes:
        org_id15: the org's id, 15 characters; "" when the host does not say.
        my_domain_url: where the org lives now; "" when the host does not say.
        saml: single sign-on is offered.
        facts: further public values, for the record.
    """

    org_id15: str
    my_domain_url: str
    saml: bool
    facts: Mapping[str, Any] = field(default_factory=dict)


def auth_configuration(network: Network, host: OrgHost) -> AuthConfiguration:
    """Ask who lives at *host*, without credentials.

    Raises:
        OrgFault: `host_moved` when the host sends us to another one; the network's faults.
    """
    found = _public(network, f"{host.url}/.well-known/auth-configuration")
    if not isinstance(found, Mapping):
        raise OrgFault(
            FAULTS["answer_unknown"], f"{host.my_domain} gave an auth configuration of another shape"
        )
    return AuthConfiguration(
        org_id15=str(found.get("OrgId") or "")[:_SHORT_ID_LENGTH],
        my_domain_url=str(found.get("Url") or ""),
        saml=bool(found.get("SamlProviders")),
        facts={name: found[name] for name in _KEPT if name in found},
    )


def api_versions(network: Network, host: OrgHost) -> list[str]:
    """The API versions the org serves, such as "64.0", oldest first. Raises OrgFault."""
    found = _public(network, f"{host.url}/services/data")
    rows = found if isinstance(found, list) else []
    versions = [str(row["version"]) for row in rows if isinstance(row, Mapping) and row.get("version")]
    numbered = [version for version in versions if version.replace(".", "", 1).isdecimal()]
    if not numbered:
        raise OrgFault(FAULTS["answer_unknown"], f"{host.my_domain} names no API versions")
    return sorted(numbered, key=float)


def _public(network: Network, url: str) -> Any:
    """JSON of a resource that needs no login."""
    answer: Answer = network.request(
        "GET",
        url,
        headers={"Accept": "application/json"},
        credentials=False,
        idempotent=True,
        max_bytes=_MAX_BYTES,
    )
    if answer.status != _OK:
        raise refusal(answer)
    return answer.json()
