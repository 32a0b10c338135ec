"""What a refused rung means for the next one, and whose switch it hangs on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType

from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import org_host
from orchestrator.errors import Disposition, OrgFault
from orchestrator.salesforce.setup_links import setup_link

PASSWORD_RUNGS = frozenset({"soap_login", "password_grant"})
# SOAP login itself is shut for this user or org: nothing was said about the password, or it was right.
_DOOR_IS_SHUT = frozenset({"soap_login_disabled", "any_api_auth_required", "api_version_unsupported"})

_ADMIN = "an administrator of the org (Customize Application)"
_USERS = "an administrator of the org (Manage Users)"
_YOU = "whoever keeps the orgs file"
# Refusals that are about one way in or its secret, with the page of Setup and who can turn the switch.
# Everything else (another org, a closed org, an unknown answer) is about all of them and ends the state.
_SWITCHES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "soap_login_disabled": ("user_interface", _ADMIN),
        "any_api_auth_required": ("permission_sets", _USERS),
        "api_version_unsupported": ("", _YOU),
        "login_invalid": ("login_history", _USERS),
        "login_needs_security_token": ("network_access", _ADMIN),
        "login_refused": ("login_history", _ADMIN),
        "password_expired": ("users", _USERS),
        "password_locked_out": ("users", _USERS),
        "password_attempts_used_up": ("login_history", _USERS),
        "user_inactive": ("users", _USERS),
        "user_type_refused": ("users", _USERS),
        "login_ip_restricted": ("profiles", _USERS),
        "login_hours_restricted": ("profiles", _USERS),
        "login_domain_restricted": ("my_domain", _ADMIN),
        "sso_gateway_missing": ("single_sign_on", _ADMIN),
        "identity_challenge": ("session_settings", _ADMIN),
        "session_level": ("session_settings", _ADMIN),
        "transaction_security_blocked": ("login_history", _ADMIN),
        "mutual_tls_required": ("login_history", _ADMIN),
        "client_refused": ("connected_apps", _ADMIN),
        "session_not_valid_for_api": ("connected_apps", _ADMIN),
        "session_expired": ("", _YOU),
        "credential_absent": ("", _YOU),
        "client_id_unknown": ("connected_apps", _YOU),
        "client_credentials_invalid": ("connected_apps", _YOU),
        "app_not_found": ("connected_apps_usage", _ADMIN),
        "app_not_installed": ("connected_apps_usage", _ADMIN),
        "app_blocked": ("connected_apps_usage", _ADMIN),
        "app_not_approved": ("connected_apps", _ADMIN),
        "user_not_approved": ("connected_apps", _ADMIN),
        "grant_unsupported": ("oauth_settings", _ADMIN),
        "flow_disabled": ("oauth_settings", _ADMIN),
        "assertion_invalid": ("external_client_apps", _ADMIN),
        "scope_invalid": ("connected_apps", _ADMIN),
        "request_malformed": ("", _YOU),
        "refresh_token_invalid": ("connected_apps_usage", _YOU),
        "callback_mismatch": ("connected_apps", _ADMIN),
        "authorization_denied": ("connected_apps_usage", _ADMIN),
        "authorization_code_spent": ("", _YOU),
        "authorization_unanswered": ("", _YOU),
        "authorization_unattended": ("", _YOU),
        "access_token_malformed": ("", _YOU),
        "sfdx_url_malformed": ("", _YOU),
        "sf_cli_unusable": ("", _YOU),
        "sf_org_unknown": ("", _YOU),
    }
)
# The password grant hides its reason ("authentication failure"), and the usual one is the org's switch.
_SWITCH_OF_RUNG = MappingProxyType({("password_grant", "login_refused"): "oauth_settings"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """One rung that was refused.

    Attributes:
        rung: its name.
        code, detail, remedy: of the fault.
        who: who can turn the switch.
        setup: address of the page with the switch; "" when it is not in Setup.
    """

    rung: str
    code: str
    detail: str
    remedy: str
    who: str
    setup: str

    def as_json(self) -> dict[str, str]:
        """Evidence form."""
        return asdict(self)

    def said(self, *, alone: bool) -> str:
        """One clause for the detail of the run."""
        place = f" [{self.who}: {self.setup}]" if self.setup else ""
        return f"{self.detail}{place}" if alone else f"{self.rung} ({self.code}): {self.detail}{place}"


def is_about_the_rung(fault: OrgFault) -> bool:
    """Whether another rung may still get in."""
    return fault.code in _SWITCHES and fault.kind.disposition is not Disposition.BACK_OFF


def spoils(earlier: Refusal, rung: str) -> bool:
    """Whether *rung* would send the password that *earlier* cast doubt on."""
    return rung in PASSWORD_RUNGS and earlier.rung in PASSWORD_RUNGS and earlier.code not in _DOOR_IS_SHUT


def refusal(ctx: RunContext, rung: str, fault: OrgFault) -> Refusal:
    """What to tell about *fault*."""
    page, who = _SWITCHES[fault.code]
    page = _SWITCH_OF_RUNG.get((rung, fault.code), page)
    link = setup_link(org_host(ctx), page) if page else ""
    return Refusal(rung, fault.code, fault.detail, fault.remedy, who, link)
