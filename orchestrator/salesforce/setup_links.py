"""Deep links into an org's Setup, for remedies and for the guided page.

Labels and paths of the pages are texts (`orchestrator/texts/setup_pages.yaml`): releases change them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestrator.errors import Defect
from orchestrator.salesforce.hosts import OrgHost
from orchestrator.texts import document, text


@dataclass(frozen=True, slots=True)
class SetupPage:
    """One page of Setup.

    Attributes:
        label: its name in Setup's Quick Find box.
        path: from the root of the Setup host.
    """

    label: str
    path: str


def pages() -> tuple[str, ...]:
    """The keys of all pages."""
    return tuple(document("setup_pages").entries)


def setup_page(page: str, release: float | None = None) -> SetupPage:
    """The page of that key, in an org of that API version; the newest when it is not known.

    Raises:
        Defect: there is no such page.
    """
    try:
        return SetupPage(*(text("setup_pages", page, field, release) for field in ("label", "path")))
    except KeyError:
        raise Defect(f"no Setup page is known as {page!r}") from None


def setup_link(host: OrgHost, page: str, release: float | None = None) -> str:
    """The address of *page* (one of `pages()`) in the org's Setup, in an org of that API version.

    Raises:
        Defect: there is no such page.
    """
    return host.setup_url + setup_page(page, release).path


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
    """Every page of `pages()` with its address."""
    return {page: setup_link(host, page) for page in pages()}


def _checked_id(record_id: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?", record_id):
        raise Defect("a record id has 15 or 18 letters and digits")
    return record_id
