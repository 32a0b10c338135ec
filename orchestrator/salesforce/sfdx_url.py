"""SFDX auth URLs: `force://CLIENT_ID:CLIENT_SECRET:REFRESH_TOKEN@HOST`, as `sf` shows them. Pure.

Such a URL is a root secret (its refresh token may live for ever), so no text of it is ever repeated.

Source: sfdx_dev_auth_view_secrets; forcedotcom/sfdx-core, AuthInfo.parseSfdxAuthUrl.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestrator.catalogue import fault
from orchestrator.errors import OrgFault, UsageError
from orchestrator.redaction import Secret
from orchestrator.salesforce.hosts import OrgHost, parse_org_url

_URL = re.compile(
    r"force://(?P<client_id>[A-Za-z0-9._-]+={0,2}):(?P<client_secret>[A-Za-z0-9._-]*={0,2})"
    r":(?P<refresh_token>[A-Za-z0-9._-]+={0,2})@(?P<host>[A-Za-z0-9.-]+(?::\d{1,5})?)"
)
# Hosts that serve many orgs: a refresh token handed out there is as good at the org's own host.
_SHARED = frozenset({"generic_login", "legacy_instance"})


@dataclass(frozen=True, slots=True)
class SfdxUrl:
    """What an SFDX auth URL holds.

    Attributes:
        client_id: consumer key of the app, `PlatformCLI` for the CLI's own.
        client_secret: None for apps without one.
        refresh_token: buys access tokens.
        host: where the URL says the org is.
    """

    client_id: str
    client_secret: Secret | None
    refresh_token: Secret
    host: OrgHost


def parse_sfdx_url(text: Secret) -> SfdxUrl:
    """Read an SFDX auth URL.

    Raises:
        OrgFault: `sfdx_url_malformed`, also when the host is not Salesforce's; the text is not repeated.
    """
    found = _URL.fullmatch(text.reveal().strip())
    if found is None:
        raise _malformed("it does not read force://CLIENT_ID:CLIENT_SECRET:REFRESH_TOKEN@HOST")
    try:
        host = parse_org_url(found["host"], require_org=False)
    except UsageError as refused:
        raise _malformed(refused.detail) from None
    secret = found["client_secret"]
    return SfdxUrl(
        found["client_id"], Secret(secret) if secret else None, Secret(found["refresh_token"]), host
    )


def is_for(url: SfdxUrl, org: OrgHost) -> bool:
    """Whether the URL may belong to *org*: it names its host, or one that serves many orgs."""
    return url.host.kind in _SHARED or url.host.my_domain == org.my_domain


def _malformed(why: str) -> OrgFault:
    return OrgFault(fault("sfdx_url_malformed"), f"the SFDX auth URL cannot be used: {why}")
