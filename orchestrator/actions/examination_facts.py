"""What a session sees of app, user and org: the facts `diagnose` reads. Every read may be refused."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from orchestrator.actions import facts, sightings
from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import Connection, jwt_username
from orchestrator.actions.locks import truth
from orchestrator.actions.sightings import AppSeen, Unread, UserSeen
from orchestrator.actions.snapshot import read_settings
from orchestrator.salesforce.drift import salesforce_time

if TYPE_CHECKING:
    from orchestrator.actions.examination import Examination

_LOOKED_BACK = dt.timedelta(days=7)

Value = TypeVar("Value")


def look_into(
    made: Examination, org: Connection, ctx: RunContext, record: Mapping[str, Any] | None, *, seen_as: str
) -> None:
    """Add to *made* what *org* shows; what it does not show is listed under `unread`.

    Args:
        made: gets the findings.
        org: a session that the API accepts.
        ctx: of the examination.
        record: the credential record, None without a credential.
        seen_as: whose session it is.
    """
    eyes = _Eyes(made, org)
    made.fields["seen_as"] = seen_as
    eyes.see_org(ctx)
    user = eyes.see_user(jwt_username(ctx))
    if record is not None:
        eyes.see_app(record)
        if user is not None:
            eyes.see_grant(record, user)
    if user is not None:
        eyes.see_logins(ctx, user)
    made.fields["unread"] = tuple(eyes.unread)


class _Eyes:
    """Reads one thing after the other and keeps account of what it was not shown."""

    def __init__(self, made: Examination, org: Connection) -> None:
        self.made = made
        self.org = org
        self.unread: list[str] = []

    def known(self, what: str, value: Value | Unread) -> Value | None:
        """The value, or None after noting why it could not be read."""
        if isinstance(value, Unread):
            self.unread.append(f"{what}: {value.code}")
            return None
        return value

    def see_org(self, ctx: RunContext) -> None:
        """Read-only mode, end of trial, API Access Control."""
        row = self.known(
            "Organization", sightings.attempt(lambda: facts.organization(self.org), patient=False)
        )
        if row is not None:
            self.made.fields["is_read_only"] = bool(row.get("IsReadOnly"))
            ends = row.get("TrialExpirationDate")
            if ends:
                left = salesforce_time(str(ends)) - dt.datetime.fromtimestamp(ctx.now_s(), dt.UTC)
                self.made.fields["trial_days_left"] = left.days
        settings = self.known(
            "ConnectedAppSettings",
            sightings.attempt(lambda: read_settings(self.org, "ConnectedAppSettings"), patient=False),
        )
        if settings:
            self.made.fields["api_access_control"] = truth(settings.get("enableAdminApprovedAppsOnly"))

    def see_user(self, username: str) -> UserSeen | None:
        """The JWT user; None when there is none, or none to be seen."""
        user = self.known("User", sightings.see_user(self.org, username, patient=False))
        if user is None:
            return None
        self.made.fields["user_exists"] = bool(user.id)
        if not user.id:
            return None
        self.made.user_id = user.id
        self.made.fields["user_active"] = self.known("User.IsActive", user.is_active)
        self.made.fields["user_frozen"] = self.known("UserLogin.IsFrozen", user.is_frozen)
        api = sightings.see_permission(self.org, user.id, "ApiEnabled", patient=False)
        self.made.fields["user_api_enabled"] = self.known("PermissionsApiEnabled", api)
        return user

    def see_app(self, record: Mapping[str, Any]) -> None:
        """The client app: there, ours, on, and under the policy we gave it."""
        app = record["app"]
        seen = sightings.see_app(self.org, str(app["kind"]), str(app["name"]), patient=False)
        app_id = self.known("ExternalClientApplication", seen.app_id)
        if app_id is None:
            return
        # A token was given, so there is an app: these rights only do not show it.
        hidden = not app_id and self.made.fields.get("token_given")
        self.made.fields["app_exists"] = None if hidden else bool(app_id)
        self.made.app_id = app_id
        if app_id:
            self._see_inside(seen, record)

    def _see_inside(self, seen: AppSeen, record: Mapping[str, Any]) -> None:
        fields = self.made.fields
        fields["app_enabled"] = self.known("app policy", seen.enabled)
        fields["app_policy"] = self.known("OAuth policy", seen.policy)
        key = self.known("consumer key", seen.consumer_key)
        fields["app_key_is_ours"] = None if key is None else key == record["app"]["consumer_key"]
        fingerprint = self.known("certificate in the app", seen.certificate_sha256)
        ours = record["certificate"]["sha256"]
        fields["app_certificate_is_ours"] = None if fingerprint is None else fingerprint == ours
        granted = self.known("SetupEntityAccess", seen.granted_sets)
        access_id = _access_id(record)
        if granted is not None and access_id and not (not granted and fields.get("token_given")):
            fields["app_lists_set"] = access_id[:15] in granted

    def see_grant(self, record: Mapping[str, Any], user: UserSeen) -> None:
        """The permission set: assigned, and without the licence that keeps it from holding app grants."""
        access_id = _access_id(record)
        if not access_id:
            return
        assigned = sightings.see_assignment(self.org, user.id, access_id, patient=False)
        self.made.fields["set_assigned"] = self.known("PermissionSetAssignment", assigned)
        bound = sightings.see_set_license(self.org, access_id, patient=False)
        self.made.fields["set_license"] = self.known("PermissionSet.LicenseId", bound)

    def see_logins(self, ctx: RunContext, user: UserSeen) -> None:
        """Login History of the JWT user: the status of the newest failure, and the address we come from."""
        start = dt.datetime.fromtimestamp(ctx.now_s(), dt.UTC) - _LOOKED_BACK
        since = start.strftime("%Y-%m-%dT%H:%M:%SZ")
        rows = self.known(
            "LoginHistory",
            sightings.attempt(lambda: facts.login_rows(self.org, user.id, since), patient=False),
        )
        if rows:
            newest = rows[0]
            if str(newest["Status"]) != "Success":
                self.made.fields["login_status"] = str(newest["Status"])
            self.made.fields["egress_ip"] = str(newest["SourceIp"])
        profile = self.known(
            "Profile.loginIpRanges",
            sightings.attempt(
                lambda: self.org.metadata.read("Profile", [user.profile])[0] or {}, patient=False
            ),
        )
        if profile:
            self._judge_ranges(profile)

    def _judge_ranges(self, profile: Mapping[str, Any]) -> None:
        listed = profile.get("loginIpRanges") or []
        rows = listed if isinstance(listed, list) else [listed]
        ranges = tuple((str(row["startAddress"]), str(row["endAddress"])) for row in rows)
        self.made.fields["login_ip_ranges"] = ranges
        egress = self.made.fields.get("egress_ip")
        if egress is not None:
            self.made.fields["ip_excluded"] = _excluded(str(egress), ranges)


def _access_id(record: Mapping[str, Any]) -> str:
    access = (record.get("assignments") or {}).get("access") or {}
    return str(access.get("permission_set_id") or "")


def _excluded(address: str, ranges: tuple[tuple[str, str], ...]) -> bool | None:
    """Whether no range holds the address; False without ranges, None for an address that cannot be read."""
    try:
        number = ipaddress.ip_address(address)
        spans = [(ipaddress.ip_address(first), ipaddress.ip_address(last)) for first, last in ranges]
    except ValueError:
        return None
    inside = (
        first.version == number.version and int(first) <= int(number) <= int(last) for first, last in spans
    )
    return bool(spans) and not any(inside)
