"""Host suffixes of Salesforce: which serve APIs, which are pages for people, which hold customers' content.

Sources: sfdx-core sfdcUrl.ts (internal and government suffixes), Salesforce Inspector reloaded (UI and
content hosts), Salesforce help "My Domain URL formats".
"""

from __future__ import annotations

from typing import Literal

GENERIC_LOGIN_HOSTS = frozenset({"login.salesforce.com", "test.salesforce.com"})

# Hosts that may be given credentials end in one of these.
API_SUFFIXES = (
    ".salesforce.com",
    ".my.salesforce.mil",
    ".my.sfcrmproducts.cn",
    ".my-salesforce.com",
    ".cloudforce.com",
    ".database.com",
)
# Name and, perhaps, partition stand before these.
MY_DOMAIN_SUFFIXES = (".my.salesforce.com", ".my-salesforce.com", ".cloudforce.com", ".database.com")
# Clouds with login hosts of their own.
OWN_CLOUD_SUFFIXES: tuple[tuple[str, Literal["government", "china"]], ...] = (
    (".my.salesforce.mil", "government"),
    (".my.sfcrmproducts.cn", "china"),
)
# Page for people → API host, both with the name and the partition before them.
UI_SUFFIXES = (
    (".lightning.force.com", ".my.salesforce.com"),
    (".my.salesforce-setup.com", ".my.salesforce.com"),
    (".lightning.crmforce.mil", ".my.salesforce.mil"),
    (".my.salesforce-setup.mil", ".my.salesforce.mil"),
    (".lightning.sfcrmapps.cn", ".my.sfcrmproducts.cn"),
    (".my-lightning.com", ".my-salesforce.com"),
)
# Hosts inside Salesforce that no customer has.
INTERNAL_SUFFIXES = (
    ".pc-rnd.salesforce.com",
    ".stm.salesforce.com",
    ".stmfa.salesforce.com",
    ".stmfb.salesforce.com",
    ".blitz.salesforce.com",
    ".internal.salesforce.com",
    ".crm.dev",
    ".localhost.sfdcdev.salesforce.com",
)
_INTERNAL = "is internal to Salesforce"
_SITE = "is an Experience Cloud or public site, which has no API login"
_VISUALFORCE = "serves Visualforce pages, not the API"
_CONTENT = "serves files and content, not the API"
# First match wins; the reason completes "<host> …".
REFUSED_SUFFIXES = (
    *((end, _INTERNAL) for end in INTERNAL_SUFFIXES),
    (".pc-rnd.force.com", _INTERNAL),
    (".sfdcdev.com", _INTERNAL),
    (".vf.force.com", _VISUALFORCE),
    (".visualforce.com", _VISUALFORCE),
    (".visual.force.com", _VISUALFORCE),
    (".file.force.com", _CONTENT),
    (".content.force.com", _CONTENT),
    (".documentforce.com", _CONTENT),
    (".forceusercontent.com", _CONTENT),
    (".live.preview.salesforce-experience.com", _SITE),
    (".live-preview.salesforce-experience.com", _SITE),
    (".builder.salesforce-experience.com", _SITE),
    (".salesforce-experience.com", _SITE),
    (".my.site.com", _SITE),
    (".site.com", _SITE),
    (".my.salesforce-sites.com", _SITE),
    (".salesforce-sites.com", _SITE),
    (".force-user-content.com", _CONTENT),
    (".salesforce-scrt.com", "serves messaging, not the API"),
    (".salesforceliveagent.com", "serves chat, not the API"),
    (".marketingcloudapis.com", "belongs to Marketing Cloud, another product"),
    (".exacttarget.com", "belongs to Marketing Cloud, another product"),
    (".trailhead.salesforce.com", "is Trailhead's web site, not an org"),
    (".help.salesforce.com", "is the help site, not an org"),
    (".developer.salesforce.com", "is the documentation, not an org"),
    (".www.salesforce.com", "is the company's web site, not an org"),
)


def setup_host(host: str) -> str:
    """The host of the Setup pages of the org at API *host*."""
    if host.endswith(".my.salesforce.com"):
        return host.removesuffix(".my.salesforce.com") + ".my.salesforce-setup.com"
    for page, api in UI_SUFFIXES:
        if host.endswith(api):
            return host.removesuffix(api) + page
    return host
