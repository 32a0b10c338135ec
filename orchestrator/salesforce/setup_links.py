"""Deep links into an org's Setup, for remedies and for the guided page.

Pure. The paths are Salesforce's own node names as they stand in Setup's address bar (Salesforce Inspector
reloaded keeps a list of them).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from orchestrator.errors import Defect
from orchestrator.salesforce.hosts import OrgHost


@dataclass(frozen=True, slots=True)
class SetupPage:
    """One page of Setup.

    Attributes:
        label: its name in Setup's Quick Find box.
        path: from the root of the Setup host.
    """

    label: str
    path: str


def _page(label: str, node: str) -> SetupPage:
    return SetupPage(label, f"/lightning/setup/{node}/home")


PAGES: Mapping[str, SetupPage] = MappingProxyType(
    {
        "external_client_apps": _page("External Client App Manager", "ManageExternalClientApplication"),
        "external_client_app_settings": _page(
            "External Client App Settings", "ExternalClientApplicationSettings"
        ),
        "connected_apps_usage": _page("Connected Apps OAuth Usage", "ConnectedAppsUsage"),
        "connected_apps": _page("Manage Connected Apps", "ConnectedApplication"),
        "oauth_settings": _page("OAuth and OpenID Connect Settings", "OauthOidcSettings"),
        "user_interface": _page("User Interface", "UserInterfaceUI"),
        "login_history": _page("Login History", "OrgLoginHistory"),
        "users": _page("Users", "ManageUsers"),
        "permission_sets": _page("Permission Sets", "PermSets"),
        "profiles": _page("Profiles", "EnhancedProfiles"),
        "session_settings": _page("Session Settings", "SecuritySession"),
        "network_access": _page("Network Access", "NetworkAccess"),
        "single_sign_on": _page("Single Sign-On Settings", "SingleSignOn"),
        "my_domain": _page("My Domain", "OrgDomain"),
        "company": _page("Company Information", "CompanyProfileInfo"),
        "audit_trail": _page("View Setup Audit Trail", "SecurityEvents"),
        "deployment_status": _page("Deployment Status", "DeployStatus"),
        "installed_packages": _page("Installed Packages", "ImportedPackage"),
        "release_updates": _page("Release Updates", "ReleaseUpdates"),
    }
)


def setup_link(host: OrgHost, page: str) -> str:
    """The address of *page* (a key of `PAGES`) in the org's Setup.

    Raises:
        Defect: there is no such page.
    """
    if page not in PAGES:
        raise Defect(f"no Setup page is known as {page!r}")
    return host.setup_url + PAGES[page].path


def user_link(host: OrgHost, user_id: str) -> str:
    """The detail page of a user (`005…`) in Setup."""
    address = f"%2F{_checked_id(user_id)}%3Fnoredirect%3D1%26isUserEntityOverride%3D1"
    return f"{host.setup_url}/lightning/setup/ManageUsers/page?address={address}"


def permission_set_link(host: OrgHost, permission_set_id: str) -> str:
    """The detail page of a permission set (`0PS…`) in Setup."""
    return f"{host.setup_url}/lightning/setup/PermSets/page?address=%2F{_checked_id(permission_set_id)}"


def external_client_app_link(host: OrgHost, app_id: str) -> str:
    """The detail page of an External Client App (`0xI…`); Setup wants the 15-character id."""
    return (
        f"{host.setup_url}/lightning/setup/ManageExternalClientApplication/{_checked_id(app_id)[:15]}/detail"
    )


def all_links(host: OrgHost) -> dict[str, str]:
    """Every page of `PAGES` with its address."""
    return {page: setup_link(host, page) for page in PAGES}


def _checked_id(record_id: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?", record_id):
        raise Defect("a record id has 15 or 18 letters and digits")
    return record_id
