"""Every cause `doctor` can name: what it means, how it is put right, and on which page of Setup.

Pure data. Causes that are a fault's code of the catalogue take meaning and remedy from there unless they have
a row here; the others are only here. `docs/doctor.md` is made from `causes_table()`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from orchestrator.catalogue import FAULTS
from orchestrator.errors import Defect

# Pages that are none of `setup_links.pages()`: the detail page of the JWT user and of the client app.
USER_PAGE = "user"
APP_PAGE = "app"


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason why an org does not work.

    Attributes:
        code: of the fault catalogue, or of our own.
        meaning: one sentence.
        fix: steps in order; `{user}`, `{app}`, `{permission_set}`, `{org}`, `{host}` are filled in.
        page: one of `setup_links.pages()`, USER_PAGE, APP_PAGE, or "" when the fix is not in Setup.
    """

    code: str
    meaning: str
    fix: tuple[str, ...]
    page: str = ""


_HYBRID = "Run `orchestrator run hybrid --org {org}`; it makes a new credential."

_OWN = (
    Cause(
        "credential_missing",
        "The vault of this home holds no credential for the org.",
        ("Check --home and the org's name in the orgs file.", _HYBRID),
    ),
    Cause(
        "credential_damaged",
        "Key, certificate and record in the vault do not belong together.",
        ("Restore the vault from a backup, if there is one.", _HYBRID),
    ),
    Cause(
        "credential_other_user",
        "The credential in the vault is for another user than the orgs file names.",
        ("Correct `integration_user:` in the orgs file, if the credential's user is the right one.", _HYBRID),
    ),
    Cause(
        "clock_skewed",
        "This machine's clock and Salesforce's differ, so assertions are out of date on arrival.",
        ("Set this machine's clock by NTP.", "Run `orchestrator doctor {org}` again."),
    ),
    Cause(
        "app_deleted",
        "The client app is not in the org any more.",
        ("Find out who deleted {app} (Setup > View Setup Audit Trail).", _HYBRID),
        "audit_trail",
    ),
    Cause(
        "app_disabled",
        "The client app, or its OAuth plug-in, is switched off.",
        ("Open {app} in External Client App Manager > Policies and enable it and its OAuth plug-in.",),
        APP_PAGE,
    ),
    Cause(
        "app_policy_changed",
        "The app's policy is no longer 'Admin approved users are pre-authorized'.",
        ("Set the policy of {app} back to 'Admin approved users are pre-authorized'.",),
        APP_PAGE,
    ),
    Cause(
        "app_grant_removed",
        "The app's policy does not list our permission set any more.",
        ("Add the permission set {permission_set} to the policy of {app}.",),
        APP_PAGE,
    ),
    Cause(
        "consumer_key_changed",
        "The app has another consumer key than our credential: it was made anew or its key was rotated.",
        ("Find out who changed {app} (Setup > View Setup Audit Trail).", _HYBRID),
        "audit_trail",
    ),
    Cause(
        "certificate_replaced",
        "The app holds another certificate than ours.",
        ("Find out who replaced the certificate of {app} (Setup > View Setup Audit Trail).", _HYBRID),
        "audit_trail",
    ),
    Cause(
        "certificate_expired",
        "Our certificate is past its end.",
        ("Run `orchestrator run rotate-certificate --org {org}`.",),
    ),
    Cause(
        "certificate_ends_soon",
        "Our certificate ends soon; the org still works.",
        ("Run `orchestrator run rotate-certificate --org {org}` before that day.",),
    ),
    Cause(
        "trial_ends_soon",
        "The trial or scratch org ends soon; it still works.",
        ("Extend the trial with Salesforce, or move to another org.",),
        "company",
    ),
    Cause(
        "permission_set_unassigned",
        "The JWT user does not hold the permission set that lets it use the app.",
        ("Assign the permission set {permission_set} to {user}.",),
        "permission_sets",
    ),
    Cause(
        "permission_set_licensed",
        "The app's permission set is bound to the Salesforce API Integration licence; such sets cannot hold "
        "app grants.",
        (
            "Make {permission_set} anew without a licence.",
            "Assign it to {user} and list it in the app's policy.",
        ),
        "permission_sets",
    ),
    Cause(
        "user_missing",
        "The org has no user of the JWT user's name (renamed, or never there).",
        ("Correct `integration_user:` in the orgs file, or create {user}.", _HYBRID),
        "users",
    ),
    Cause(
        "user_inactive",
        "The JWT user is deactivated.",
        ("Find out why {user} was deactivated.", "Activate {user}."),
        USER_PAGE,
    ),
    Cause(
        "user_frozen",
        "The JWT user is frozen, by an administrator or by Salesforce after a suspicious login.",
        ("Find out who or what froze {user} (Setup > View Setup Audit Trail).", "Unfreeze {user}."),
        USER_PAGE,
    ),
    Cause(
        "ip_range_excludes_us",
        "The login IP ranges of the JWT user's profile exclude the address we come from.",
        ("Add our address to the Login IP Ranges of the profile of {user}, or run from an allowed one.",),
        "profiles",
    ),
    Cause(
        "api_access_control",
        "API Access Control is on, and lets only approved apps and users call the API.",
        ("Approve {app} for API access, or give {user} the permission Use Any API Client.",),
        "connected_apps_usage",
    ),
    Cause(
        "sandbox_refreshed",
        "The sandbox was refreshed or made anew: the host serves another org than the credential's.",
        (
            "Write the sandbox's new org id into the orgs file (`orchestrator org detect` shows it).",
            "Forget the old credential: `orchestrator credentials forget {org}`.",
            _HYBRID,
        ),
        "company",
    ),
    Cause(
        "host_renamed",
        "The credential was proven at another My Domain than the orgs file names.",
        ("Write the org's present My Domain into `url:`.", _HYBRID),
        "my_domain",
    ),
)

# Where in Setup the causes of the catalogue are looked at or put right.
_PAGES = {
    "client_id_unknown": "external_client_apps",
    "app_not_found": "external_client_apps",
    "app_not_installed": "connected_apps_usage",
    "app_blocked": "connected_apps_usage",
    "app_not_approved": APP_PAGE,
    "user_not_approved": APP_PAGE,
    "policy_missing": APP_PAGE,
    "assertion_invalid": APP_PAGE,
    "session_level": "session_settings",
    "flow_disabled": "oauth_settings",
    "grant_unsupported": "oauth_settings",
    "refresh_token_scope_missing": APP_PAGE,
    "client_credentials_user_missing": APP_PAGE,
    "login_refused": "login_history",
    "login_invalid": "login_history",
    "login_rate": "login_history",
    "login_ip_restricted": "profiles",
    "login_hours_restricted": "profiles",
    "login_needs_security_token": "network_access",
    "login_domain_restricted": "my_domain",
    "soap_login_disabled": "user_interface",
    "any_api_auth_required": "permission_sets",
    "password_locked_out": USER_PAGE,
    "api_disabled": "profiles",
    "sso_gateway_missing": "single_sign_on",
    "sso_gateway_down": "single_sign_on",
    "session_not_valid_for_api": "connected_apps_usage",
    "client_refused": "connected_apps_usage",
    "host_moved": "my_domain",
    "org_moved_instance": "my_domain",
    "org_id_mismatch": "company",
    "org_inactive": "company",
    "request_limit": "company",
    "trial_expired": "company",
    "read_only": "company",
    "permission_missing": "permission_sets",
}

OWN: Mapping[str, Cause] = MappingProxyType({cause.code: cause for cause in _OWN})


def cause_of(code: str) -> Cause:
    """The cause of that code.

    Raises:
        Defect: neither ours nor in the catalogue; codes are ours, so a miss is a bug.
    """
    if code in OWN:
        return OWN[code]
    if code not in FAULTS:
        raise Defect(f"doctor knows no cause {code!r}")
    # A fix is a format string; a remedy is a plain sentence, and the user may have written it.
    remedy = FAULTS[code].remedy.replace("{", "{{").replace("}", "}}")
    return Cause(code, FAULTS[code].meaning, (remedy,), _PAGES.get(code, ""))


def causes_table() -> str:
    """The causes of our own as a Markdown table, for `docs/doctor.md`."""
    lines = ["| cause | meaning | fix |", "|---|---|---|"]
    lines += [f"| `{cause.code}` | {cause.meaning} | {' '.join(cause.fix)} |" for cause in _OWN]
    return "\n".join(lines)
