"""The facts of one org: plain mutable records; the rules live in the modules that answer for them."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestrator.simulator.client_app import AppVersion, ClientApp, DepartedApp, NodeReadiness
from orchestrator.simulator.ids import make_id
from orchestrator.simulator.records import (
    AuditRow,
    AuthorizationCode,
    InstalledPackage,
    InstallRequest,
    LoginRow,
    OauthGrant,
    RequestRow,
    Session,
    SourceMember,
    UninstallRequest,
)
from orchestrator.simulator.users import (
    License,
    PermissionSet,
    PermissionSetAssignment,
    PermissionSetLicenseAssign,
    Profile,
    User,
)

if TYPE_CHECKING:
    from orchestrator.simulator.components import Component

REQUESTS_KEPT_PER_ORG = 1000
OLDEST_API_VERSION = 31
NEWEST_API_VERSION = 68
ROWS_KEPT_PER_ORG = 2000


@dataclass(slots=True)
class Propagation:
    """How long an app change takes to reach the front-end nodes: uniform draws, in org seconds."""

    nodes: int = 4
    first_s: float = 4.0
    last_s: float = 25.0
    relapse_probability: float = 0.35


@dataclass(slots=True)
class Switches:
    """Facts of the org that no Metadata API field holds.

    `delegated_gateway` is `none` (not configured), `unreachable`, or `accepts` (delegated authentication
    answers yes). `settings_keep_old_value` lists Settings types whose deploy reports success and changes
    nothing.
    """

    soap_login_enabled: bool = True
    any_api_auth_enforced: bool = False
    api_access_control: bool = False
    connected_app_creation_allowed: bool = False
    sso_permission_exists: bool = True
    delegated_gateway: str = "none"
    security_token_required: bool = False
    is_suspended: bool = False
    in_maintenance: bool = False
    login_history_delay_s: float = 0.0
    settings_keep_old_value: set[str] = field(default_factory=set)
    moved_to_host: str = ""
    old_host_redirects: bool = True
    skew_s: float = 0.0
    is_dev_hub: bool = False
    blocks_uninstalled_apps: bool = False
    daily_api_limit: int = 100_000
    generic_host_serves_external_client_apps: bool = True
    propagation: Propagation = field(default_factory=Propagation)


@dataclass(slots=True)
class Org:
    """One Salesforce org."""

    id: str
    name: str
    my_domain_host: str
    kind: str
    is_sandbox: bool
    organization_type: str
    instance_name: str
    rng: random.Random
    id_tag: str
    index: int = 0
    profile_name: str = "production"
    trial_expiration: str | None = None
    created_date: str = "2019-03-04T09:00:00.000+0000"
    is_read_only: bool = False
    namespace_prefix: str | None = None
    max_api_version: int = 66
    min_api_version: int = 31
    switches: Switches = field(default_factory=Switches)
    users: dict[str, User] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)
    permission_sets: dict[str, PermissionSet] = field(default_factory=dict)
    assignments: dict[str, PermissionSetAssignment] = field(default_factory=dict)
    licenses: dict[str, License] = field(default_factory=dict)
    permission_set_licenses: dict[str, License] = field(default_factory=dict)
    license_assignments: dict[str, PermissionSetLicenseAssign] = field(default_factory=dict)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    apps: dict[str, ClientApp] = field(default_factory=dict)
    components: dict[tuple[str, str], Component] = field(default_factory=dict)
    deploys: dict[str, Any] = field(default_factory=dict)
    retrieves: dict[str, Any] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict, repr=False)
    oauth_grants: dict[str, OauthGrant] = field(default_factory=dict, repr=False)
    authorization_codes: dict[str, AuthorizationCode] = field(default_factory=dict, repr=False)
    login_history: deque[LoginRow] = field(default_factory=lambda: deque(maxlen=ROWS_KEPT_PER_ORG))
    setup_audit_trail: deque[AuditRow] = field(default_factory=lambda: deque(maxlen=ROWS_KEPT_PER_ORG))
    generic_records: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    query_cursors: dict[str, Any] = field(default_factory=dict, repr=False)
    installed_packages: dict[str, InstalledPackage] = field(default_factory=dict)
    install_requests: dict[str, InstallRequest] = field(default_factory=dict)
    uninstall_requests: dict[str, UninstallRequest] = field(default_factory=dict)
    approval_tickets: dict[str, str] = field(default_factory=dict, repr=False)
    departed_apps: list[DepartedApp] = field(default_factory=list, repr=False)
    source_members: dict[tuple[str, str], SourceMember] = field(default_factory=dict)
    requests: deque[RequestRow] = field(default_factory=lambda: deque(maxlen=REQUESTS_KEPT_PER_ORG))
    api_calls: int = 0
    deploys_started: int = 0
    apps_created: int = 0
    current_session_id: str = ""  # of the request being answered; one is answered at a time
    _next_number: int = 1

    @property
    def id15(self) -> str:
        """The 15-character org id, as SOAP URLs and auth-configuration write it."""
        return self.id[:15]

    def next_id(self, prefix: str) -> str:
        """Return a fresh 18-character record id under a three-character key prefix."""
        number = self._next_number
        self._next_number += 1
        return make_id(prefix, self.id_tag, number)

    # --- people and rights

    def user_by_name(self, username: str) -> User | None:
        """Find a user by username (case does not matter)."""
        wanted = username.strip().lower()
        return next((user for user in self.users.values() if user.username.lower() == wanted), None)

    def permission_set_by_name(self, name: str) -> PermissionSet | None:
        """Find a permission set by API name (case does not matter)."""
        wanted = name.strip().lower()
        return next((found for found in self.permission_sets.values() if found.name.lower() == wanted), None)

    def profile_by_name(self, name: str) -> Profile | None:
        """Find a profile by label or by its API name (`Admin` is System Administrator in metadata)."""
        wanted = name.strip().lower()
        if wanted == "admin":
            wanted = "system administrator"
        return next((found for found in self.profiles.values() if found.name.lower() == wanted), None)

    def assigned_permission_sets(self, user: User) -> Iterator[PermissionSet]:
        """Yield the permission sets assigned to a user (without the one its profile owns)."""
        for assignment in self.assignments.values():
            if assignment.assignee_id == user.id and assignment.permission_set_id in self.permission_sets:
                yield self.permission_sets[assignment.permission_set_id]

    def permissions_of(self, user: User) -> set[str]:
        """Return the user's effective permissions by API name (`ModifyMetadata`, `ManageUsers`, ...)."""
        effective = set(self.profiles[user.profile_id].user_permissions)
        for permission_set in self.assigned_permission_sets(user):
            effective |= permission_set.user_permissions
        return effective

    # --- settings

    def setting(self, type_name: str, *path: str, default: str = "false") -> str:
        """Return one settings value, as `setting("MyDomainSettings", "myDomainName")`."""
        value: Any = self.settings.get(type_name, {})
        for step in path:
            if not isinstance(value, dict) or step not in value:
                return default
            value = value[step]
        return str(value)

    def setting_is_on(self, type_name: str, *path: str) -> bool:
        """Whether a boolean setting is `true`."""
        return self.setting(type_name, *path).strip().lower() == "true"

    # --- apps

    def app_by_key(self, consumer_key: str) -> ClientApp | None:
        """Find an app by its consumer key; the empty key finds nothing."""
        if not consumer_key:
            return None
        return next((app for app in self.apps.values() if app.consumer_key == consumer_key), None)

    def app_by_id(self, app_id: str) -> ClientApp | None:
        """Find an app by its 0xI or 0H4 id, of 15 or 18 characters."""
        return next((app for app in self.apps.values() if app.app_id[:15] == app_id[:15]), None)

    def app_changed(self, app: ClientApp, now_s: float) -> None:
        """Freeze the app's present facts as a version and draw when each node honours it.

        To be called after any change (deploy, CRUD, access grant). Changes at the same instant are one
        version; a change that changes nothing draws nothing, so a repeated deploy disturbs nobody.
        """
        facts = app.snapshot()
        if app.versions and app.versions[-1].facts == facts:
            return
        if app.versions and app.versions[-1].at_s == now_s:
            app.versions[-1].facts = facts
            return
        app.versions.append(AppVersion(now_s, facts, self._draw_readiness(now_s)))
        del app.versions[:-8]

    def remove_app(self, name: str, now_s: float) -> ClientApp | None:
        """Delete an app with its components and grants; each node forgets it at its own time."""
        app = self.apps.pop(name, None)
        if app is None:
            return None
        for key, component in list(self.components.items()):
            is_own = key[1] == name and key[0] in {"ConnectedApp", "ExternalClientApplication"}
            if is_own or component.tree.get("externalClientApplication") == name:
                del self.components[key]
        policy = self.switches.propagation
        gone_s = [now_s + self.rng.uniform(policy.first_s, policy.last_s) for _ in range(policy.nodes)]
        self.departed_apps = [each for each in self.departed_apps if max(each.gone_s) > now_s]
        self.departed_apps.append(DepartedApp(app, tuple(gone_s)))
        for grant in self.oauth_grants.values():
            if grant.consumer_key == app.consumer_key:
                grant.revoked = True
        return app

    def _draw_readiness(self, now_s: float) -> tuple[NodeReadiness, ...]:
        policy = self.switches.propagation
        in_force = [now_s + self.rng.uniform(policy.first_s, policy.last_s) for _ in range(policy.nodes)]
        slowest_s = max(in_force)
        nodes = []
        for at_s in in_force:
            relapse_s = (0.0, 0.0)
            if self.rng.random() < policy.relapse_probability and slowest_s > at_s:
                start_s = self.rng.uniform(at_s, slowest_s)
                relapse_s = (start_s, self.rng.uniform(start_s, slowest_s))
            wait_s = at_s - now_s
            key_known_s, installed_s = sorted(now_s + wait_s * self.rng.uniform(0.1, 1.0) for _ in range(2))
            nodes.append(NodeReadiness(key_known_s, installed_s, at_s, relapse_s))
        return tuple(nodes)

    # --- trails

    def track_source(
        self, type_name: str, full_name: str, user: User, wall_s: float, *, is_deleted: bool = False
    ) -> None:
        """Note a change for source tracking, which scratch orgs alone have."""
        if self.kind != "scratch":
            return
        before = self.source_members.get((type_name, full_name))
        revisions = [member.revision for member in self.source_members.values()]
        self.source_members[type_name, full_name] = SourceMember(
            id=before.id if before else self.next_id("0MZ"),
            type_name=type_name,
            full_name=full_name,
            revision=max(revisions, default=0) + 1,
            changed_by=user.name,
            changed_wall_s=wall_s,
            is_new=before is None,
            is_deleted=is_deleted,
        )

    def audit(self, action: str, section: str, display: str, wall_s: float, user: User | None) -> None:
        """Add a SetupAuditTrail row."""
        self.setup_audit_trail.append(
            AuditRow(self.next_id("0Ym"), action, section, display, wall_s, user.id if user else "")
        )
