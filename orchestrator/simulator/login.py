"""The password check and everything else that decides a login; every decision leaves a Login History row.

The order of the checks: org state, host, SOAP switch, user state, login rate, single sign-on, password,
network, security token, API rights. Whether Salesforce refuses SOAP login() before or after it looks at the
password is not documented; here the org switch comes before and "Use Any API Auth" after, so a refusal for a
missing permission shows that the password was right.
"""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.simulator import sessions
from orchestrator.simulator.http import Request
from orchestrator.simulator.org import Org
from orchestrator.simulator.permissions import ANY_API_AUTH_PERMISSION, SSO_PERMISSION
from orchestrator.simulator.records import LoginRow, Session
from orchestrator.simulator.users import User

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator

LOGINS_PER_HOUR = 3600
_HOUR_S = 3600.0
_ATTEMPTS = {"ThreeAttempts": 3, "FiveAttempts": 5, "TenAttempts": 10, "NoLimit": math.inf}
_INTERVAL_S = {"FifteenMinutes": 900.0, "ThirtyMinutes": 1800.0, "SixtyMinutes": 3600.0, "Forever": math.inf}

INVALID_LOGIN_MESSAGE = "Invalid username, password, security token; or user locked out."
UNKNOWN_LOCATION_MESSAGE = (
    "Invalid username, password, security token; or user locked out. Are you at a new location? When "
    "accessing "
    "Salesforce--either via a desktop client or the API--from outside of your company's trusted "
    "networks, you must "
    "add a security token to your password to log in. To get your new security token, log in to "
    "Salesforce. From your "
    "personal settings, enter Reset My Security Token in the Quick Find box, then select Reset My "
    "Security Token."
)


@dataclass(frozen=True)
class LoginRefusal:
    """Why a login failed: SOAP exception code and message; `status` is what Login History says."""

    code: str
    message: str
    status: str = ""
    counts_as_attempt: bool = False


@dataclass(frozen=True)
class LoginResult:
    """A successful login."""

    org: Org
    user: User
    session: Session
    password_expired: bool = field(default=False)


def password_login(  # noqa: PLR0917 - the parts of one request
    sim: Simulator,
    org: Org | None,
    username: str,
    password_and_token: str,
    request: Request,
    login_type: str = "Other Apex API",
    *,
    api_type: str = "SOAP Partner",
    api_version: str = "",
) -> LoginResult | LoginRefusal:
    """Log a user in by password over SOAP; `org` is None on login. and test. hosts, which search by username.

    Refusing login() in API v65 and later is the caller's business (it belongs to the endpoint, not to the
    org).
    """
    if org is None:
        side = None if request.is_loopback_host else request.host_name == "test.salesforce.com"
        org = sim.org_by_username(username, sandbox=side)
    user = org.user_by_name(username) if org else None
    if org is None or user is None:
        return _invalid("")
    refusal = _soap_switches(org, request) or judge_password(
        sim, org, user, password_and_token, request.client_ip, over_soap=True
    )
    row = record_login(
        sim,
        org,
        user,
        request,
        status=refusal.status if refusal else "Success",
        login_type=login_type,
        api_type=api_type,
        api_version=api_version,
        application="N/A",
    )
    if refusal:
        if refusal.counts_as_attempt:
            count_failed_attempt(sim, org, user)
        return refusal
    user.failed_attempts = 0
    user.locked_until_s = None
    session = sessions.open_session(
        sim,
        org,
        user,
        origin="password",
        login_type=login_type,
        source_ip=request.client_ip,
        password_expired=user.password_expired,
        login_history_id=row.id,
    )
    return LoginResult(org, user, session, user.password_expired)


def _soap_switches(org: Org, request: Request) -> LoginRefusal | None:
    if org.switches.in_maintenance:
        return LoginRefusal(
            "ORG_IN_MAINTENANCE",
            "Organization is currently under maintenance",
            "Organization is in maintenance",
        )
    generic = request.host_name in {"login.salesforce.com", "test.salesforce.com"}
    if generic and org.setting_is_on("MyDomainSettings", "doesApiLoginRequireOrgDomain"):
        return _invalid("Restricted domain")
    if not org.switches.soap_login_enabled:
        return LoginRefusal(
            "INVALID_OPERATION",
            "SOAP API login() is disabled by default in this org. "
            "Contact the org administrator to enable SOAP API login().",
            "Failed: SOAP API login() is disabled",
        )
    return None


def judge_password(
    sim: Simulator, org: Org, user: User, given: str, client_ip: str, *, over_soap: bool
) -> LoginRefusal | None:
    """Return why this password would not log the user in, or None. Changes nothing and counts nothing."""
    return (
        user_state_refusal(sim, org, user)
        or _sso_refusal(org, user)
        or _password_refusal(sim, org, user, given, client_ip)
        or network_refusal(org, user, client_ip)
        or _right_refusal(org, user, over_soap=over_soap)
    )


def user_state_refusal(sim: Simulator, org: Org, user: User) -> LoginRefusal | None:
    """Return why this user may not log in at all, whatever the mechanism, or None."""
    if org.switches.is_suspended:
        return LoginRefusal("ORG_LOCKED", "organization is locked", "Organization is locked")
    if not user.is_active:
        return _invalid("User is Inactive")
    if user.is_frozen:
        return _invalid("User is Frozen")
    if is_over_login_rate(sim, user):
        return _invalid("Login Rate Exceeded")
    return None


def _sso_refusal(org: Org, user: User) -> LoginRefusal | None:
    if SSO_PERMISSION not in org.permissions_of(user):
        return None
    if org.switches.delegated_gateway == "unreachable":
        return LoginRefusal(
            "SSO_SERVICE_DOWN", "The single sign-on service is down", "Failed: SSO service down"
        )
    if org.switches.delegated_gateway == "accepts":
        return None
    return LoginRefusal(
        "INVALID_SSO_GATEWAY_URL",
        "The single sign-on gateway URL is invalid",
        "The Single Sign-On Gateway URL is invalid",
    )


def _password_refusal(
    sim: Simulator, org: Org, user: User, given: str, client_ip: str
) -> LoginRefusal | None:
    if is_locked(sim, user):
        return _invalid("Password Lockout")
    if user.password_matches(given):
        if org.switches.security_token_required and not is_trusted(org, client_ip):
            return LoginRefusal(
                "LOGIN_MUST_USE_SECURITY_TOKEN",
                UNKNOWN_LOCATION_MESSAGE,
                "Failed: API security token required",
            )
        return None
    token = user.security_token
    if token and given.endswith(token) and user.password_matches(given[: -len(token)]):
        return None
    return _invalid("Invalid Password", counts_as_attempt=True)


def network_refusal(org: Org, user: User, client_ip: str) -> LoginRefusal | None:
    """Return why the profile's login IP ranges or hours refuse, or None; they bind every mechanism."""
    profile = org.profiles[user.profile_id]
    if not profile.login_hours_open:
        return LoginRefusal(
            "LOGIN_DURING_RESTRICTED_TIME", "User is not allowed to login at this time", "Restricted time"
        )
    if profile.login_ip_ranges and not _inside(client_ip, profile.login_ip_ranges):
        return LoginRefusal(
            "LOGIN_DURING_RESTRICTED_DOMAIN",
            "User is not allowed to login from this IP address",
            "Restricted IP",
        )
    return None


def _right_refusal(org: Org, user: User, *, over_soap: bool) -> LoginRefusal | None:
    permissions = org.permissions_of(user)
    if "ApiEnabled" not in permissions:
        return LoginRefusal(
            "API_DISABLED_FOR_ORG", "API is not enabled for this Organization or Partner", "API Disabled"
        )
    if over_soap and org.switches.any_api_auth_enforced and ANY_API_AUTH_PERMISSION not in permissions:
        return LoginRefusal(
            "INSUFFICIENT_ACCESS",
            "SOAP API login() requires the Use Any API Auth user permission.",
            "Failed: Use Any API Auth permission required",
        )
    return None


def _invalid(status: str, *, counts_as_attempt: bool = False) -> LoginRefusal:
    return LoginRefusal("INVALID_LOGIN", INVALID_LOGIN_MESSAGE, status, counts_as_attempt)


def is_locked(sim: Simulator, user: User) -> bool:
    """Whether too many wrong passwords lock the user at this moment."""
    return user.locked_until_s is not None and sim.now_s() < user.locked_until_s


def count_failed_attempt(sim: Simulator, org: Org, user: User) -> None:
    """Count a wrong password and lock the user when the policy's number is reached."""
    if user.locked_until_s is not None:  # the lock has run out, or the attempt would not have been counted
        user.locked_until_s = None
        user.failed_attempts = 0
    user.failed_attempts += 1
    allowed = org.setting("SecuritySettings", "passwordPolicies", "maxLoginAttempts", default="TenAttempts")
    if user.failed_attempts >= _ATTEMPTS.get(allowed, 10):
        interval = org.setting(
            "SecuritySettings", "passwordPolicies", "lockoutInterval", default="FifteenMinutes"
        )
        user.locked_until_s = sim.now_s() + _INTERVAL_S.get(interval, 900.0)


def is_over_login_rate(sim: Simulator, user: User) -> bool:
    """Whether the user has used up the 3,600 logins of the last hour of org time."""
    horizon_s = sim.now_s() - _HOUR_S
    times = user.login_times_s
    while times and times[0] <= horizon_s:
        times.pop(0)
    return len(times) >= LOGINS_PER_HOUR


def is_trusted(org: Org, client_ip: str) -> bool:
    """Whether an address is inside the org's Network Access ranges."""
    ranges = org.settings.get("SecuritySettings", {}).get("networkAccess", {})
    listed = ranges.get("ipRanges", []) if isinstance(ranges, dict) else []
    if isinstance(listed, dict):
        listed = [listed]
    return _inside(client_ip, [(str(each.get("start")), str(each.get("end"))) for each in listed])


def _inside(client_ip: str, ranges: list[tuple[str, str]]) -> bool:
    try:
        address = ipaddress.ip_address(client_ip)
        return any(
            int(ipaddress.ip_address(start)) <= int(address) <= int(ipaddress.ip_address(end))
            for start, end in ranges
        )
    except ValueError:
        return False


def record_login(
    sim: Simulator,
    org: Org,
    user: User,
    request: Request,
    *,
    status: str,
    login_type: str,
    login_sub_type: str = "",
    application: str = "N/A",
    api_type: str = "N/A",
    api_version: str = "N/A",
) -> LoginRow:
    """Add a Login History row and count the login against the hourly rate.

    While over the rate, Salesforce writes one row per stretch, not one per attempt (help 000381578).
    """
    delay_s = org.switches.login_history_delay_s
    row = LoginRow(
        id=org.next_id("0Ya"),
        user_id=user.id,
        login_wall_s=sim.wall_s(org),
        login_type=login_type,
        login_sub_type=login_sub_type,
        status=status,
        application=application,
        source_ip=request.client_ip,
        login_url=request.host_name,
        api_type=api_type,
        api_version=api_version or "N/A",
        visible_from_s=math.inf if org.is_read_only else sim.now_s() + delay_s,
    )
    over = status == "Login Rate Exceeded"
    if over and org.login_history and org.login_history[-1].status == status:
        return row
    org.login_history.append(row)
    if not over:
        user.login_times_s.append(sim.now_s())
    return row
