"""What an OAuth app shall be, and the checks that keep a deploy from failing on it. Pure.

Sources: meta_connectedapp (consumer key, scopes), meta_externalclientapplication, public tools for the shape
of the developer name; RFC 7523 for the flow the scopes serve.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, NoReturn

from orchestrator.errors import UsageError
from orchestrator.salesforce.package import check_text

AppKind = Literal["external_client_app", "connected_app"]
IpRelaxation = Literal["enforce", "bypass", "bypass_second_factor", "enforce_relax_refresh"]
DEFAULT_CALLBACK_URL = "https://login.salesforce.com/services/oauth2/success"
DEFAULT_SCOPES = ("Api", "RefreshToken")
MAX_CERTIFICATE_BYTES = 4096
MAX_NAME_LENGTH = 30

# Words of the metadata API (ConnectedAppOauthAccessScope of the v67 WSDL); the token endpoint has others.
# The Salesforce API platform is SFAP for Connected Apps and SFApiPlatform for External Client Apps.
_SCOPES = frozenset(
    {
        *("Address", "Api", "Basic", "CDP", "CDPCalculatedInsight", "CDPIdentityResolution", "CDPIngest"),
        *("CDPProfile", "CDPQuery", "CDPSegment", "Chatbot", "Chatter", "Content", "CustomApplications"),
        *("CustomPermissions", "DataCloudUserClaims", "Eclair", "EinsteinGPT", "Email", "ForgotPassword"),
        *("Full", "Interaction", "Lightning", "MCP", "OfflineAccess", "OpenID", "Pardot", "Phone", "Profile"),
        *("PwdlessLogin", "RefreshToken", "SCRT", "SFAP", "SFApiPlatform", "UserRegistration", "Wave", "Web"),
    }
)


@dataclass(frozen=True, slots=True)
class AppMembers:
    """Developer names of an External Client App's satellites; an app made by hand may have others."""

    global_oauth: str
    oauth: str
    oauth_policy: str
    policy: str


def default_members(name: str) -> AppMembers:
    """The names Setup itself gives: `<App>_glbloauth`, `_oauth`, `_oauthPlcy`, `_plcy`."""
    return AppMembers(f"{name}_glbloauth", f"{name}_oauth", f"{name}_oauthPlcy", f"{name}_plcy")


@dataclass(frozen=True, slots=True)
class ClientAppPlan:
    """What the app shall be.

    Attributes:
        name: developer name: a letter, then up to 29 letters, digits and single underscores.
        label: shown to people.
        contact_email: the validator demands one.
        certificate_pem: the certificate whose key signs assertions; without it a deploy would clear the
            app's, so it is never optional.
        permission_set: API name of the pre-authorisation set listed in the policy.
        kind: which of the two.
        description: shown to people.
        consumer_key: only when the app is created; 8-256 letters and digits, unique in all of Salesforce.
        scopes: in the words of the metadata API; RefreshToken and at least one other.
        callback_url: demanded by the validator; the JWT flow does not use it.
        ip_relaxation: how the app treats the IP ranges of org and profile.
        session_timeout_min: life of an access token; None for the org's default.
        enabled: false deploys the app switched off (External Client App only).
        members: names of the satellites where they are not the default ones.
    """

    name: str
    label: str
    contact_email: str
    certificate_pem: str
    permission_set: str
    kind: AppKind = "external_client_app"
    description: str = "Made by the orchestrator: access by certificate (JWT bearer flow)"
    consumer_key: str | None = None
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    callback_url: str = DEFAULT_CALLBACK_URL
    ip_relaxation: IpRelaxation = "enforce"
    session_timeout_min: int | None = 120
    enabled: bool = True
    members: AppMembers | None = field(default=None)

    def __post_init__(self) -> None:
        check_text("the label", self.label, 80)
        check_text("the description", self.description, 255)
        check_text("the callback URL", self.callback_url, 2000)
        _match(
            "name",
            self.name[: MAX_NAME_LENGTH + 1],
            rf"(?=.{{1,{MAX_NAME_LENGTH}}}\Z)[A-Za-z](?:_?[A-Za-z0-9])*",
            "start with a letter, then up to 29 letters, digits and single underscores",
        )
        _match(
            "contact_email",
            self.contact_email,
            r"[^\s@<>&]+@[^\s@<>&]+\.[^\s@<>&]+",
            "give an e-mail address people read",
        )
        _match("permission_set", self.permission_set, r"[A-Za-z][A-Za-z0-9_]*", "give an API name")
        if self.consumer_key is not None:
            _match(
                "consumer_key", self.consumer_key, r"[A-Za-z0-9]{8,256}", "give 8 to 256 letters and digits"
            )
        self._check_certificate()
        self._check_scopes()

    def _check_certificate(self) -> None:
        pem = self.certificate_pem.strip()
        if len(pem.encode()) > MAX_CERTIFICATE_BYTES:
            _refuse("certificate", "give a certificate under 4 KB, without a chain")
        if "PRIVATE KEY" in pem:
            _refuse("certificate", "give the certificate alone; the key never leaves this machine")
        shape = r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----"
        _match("certificate", pem, shape, "give one certificate in PEM")

    def _check_scopes(self) -> None:
        unknown = sorted(set(self.scopes) - _SCOPES)
        if unknown:
            _refuse(f"scopes ({', '.join(unknown)})", "use the metadata API's words, such as Api")
        if "RefreshToken" not in self.scopes or len(set(self.scopes)) < 2:  # noqa: PLR2004 - itself and one more
            _refuse("scopes", "give RefreshToken and at least one other; the JWT bearer flow demands both")


def _match(name: str, text: str, pattern: str, remedy: str) -> None:
    if not re.fullmatch(pattern, text):
        _refuse(name, remedy)


def _refuse(name: str, remedy: str) -> NoReturn:
    raise UsageError(f"the app's {name} cannot be used", code="client_app_invalid", remedy=remedy)
