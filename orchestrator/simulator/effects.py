"""What components do to the facts of an org, on a staged copy first, and what they look like when read back.

A deployment works on `stage(org)` and `commit` copies the result over, so a failed or check-only deployment
leaves no trace. Everything others can change too (permission sets, profiles, settings, grants) is read back
from the org's facts and never from the file that once was deployed (`component_views`).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from orchestrator.simulator import package_effects
from orchestrator.simulator.app_effects import APPLY
from orchestrator.simulator.client_app import ClientApp
from orchestrator.simulator.component_views import APP_TYPES, POLICY, find, is_enabled, tree_of_profile
from orchestrator.simulator.components import (
    SETTINGS,
    Component,
    Draft,
    Tree,
    file_name_of,
    settings_name,
    type_of,
    with_defaults,
)
from orchestrator.simulator.org import Org
from orchestrator.simulator.sobjects_apps import part_id
from orchestrator.simulator.users import PermissionSet, Profile, User

STAGED_COLLECTIONS = (
    "apps",
    "components",
    "permission_sets",
    "profiles",
    "assignments",
    "oauth_grants",
    "settings",
    "setup_audit_trail",
    "installed_packages",
    "departed_apps",
    "source_members",
)
APP_POLICY = "ExtlClntAppConfigurablePolicies"
REPLACED_WHOLE = frozenset({"networkAccess"})


@dataclass(frozen=True, slots=True)
class When:
    """Who acts and at what time.

    Attributes:
        user: the deploying user.
        at_s: org time, from which a change spreads to the nodes.
        wall_s: time for timestamps.
    """

    user: User
    at_s: float
    wall_s: float


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a component."""

    component: Component
    was_created: bool
    has_changed: bool


def stage(org: Org) -> Org:
    """Return a copy of an org whose metadata can be changed without touching the original."""
    staged = copy.copy(org)
    # One copy of all: a profile and the permission set it owns share their set of permissions.
    for name, copied in copy.deepcopy({name: getattr(org, name) for name in STAGED_COLLECTIONS}).items():
        setattr(staged, name, copied)
    staged.switches = copy.copy(org.switches)
    return staged


def commit(org: Org, staged: Org) -> None:
    """Make a staged copy's metadata the org's own."""
    for name in (*STAGED_COLLECTIONS, "switches", "apps_created", "_next_number"):
        setattr(org, name, getattr(staged, name))


def apply(org: Org, draft: Draft, when: When) -> Applied:
    """Write a component that has been judged into the org's facts."""
    before = find(org, draft.type_name, draft.full_name)
    earlier = before.tree if before is not None else {}
    if type_of(draft.type_name) is SETTINGS:
        tree = _apply_settings(org, draft)
    elif draft.type_name in APP_TYPES:
        tree = with_defaults(draft.tree, draft.type_name, draft.api_version, earlier)
        _apply_app(org, draft, tree, when)
    else:
        tree = with_defaults(draft.tree, draft.type_name, draft.api_version, earlier)
        tree = _apply_rights(org, draft, tree, when)
    component = Component(
        type_name=draft.type_name,
        full_name=draft.full_name,
        file_name=file_name_of(draft.type_name, draft.full_name),
        tree=tree,
        content=draft.content,
        id=before.id if before is not None else _id_of(org, draft),
        created_by_id=before.created_by_id if before is not None else when.user.id,
        created_wall_s=before.created_wall_s if before is not None else when.wall_s,
        modified_by_id=when.user.id,
        modified_wall_s=when.wall_s,
        api_version=draft.api_version,
    )
    org.components[draft.type_name, draft.full_name] = component
    has_changed = before is None or before.tree != tree
    if has_changed:
        app = org.apps.get(str(tree.get("externalClientApplication") or draft.full_name))
        if app is not None and draft.type_name in APP_TYPES:
            app.modified_wall_s = when.wall_s
        verb = "Created" if before is None else "Changed"
        org.track_source(*_source_name(draft.type_name, draft.full_name), when.user, when.wall_s)
        org.audit(
            "deployedMetadata",
            "Metadata",
            f"{verb} {draft.type_name}: {draft.full_name}",
            when.wall_s,
            when.user,
        )
    is_created = before is None and type_of(draft.type_name) is not SETTINGS
    return Applied(component, is_created, has_changed)


def _source_name(type_name: str, full_name: str) -> tuple[str, str]:
    return ("Settings" if type_of(type_name) is SETTINGS else type_name), full_name


def _id_of(org: Org, draft: Draft) -> str:
    """Return the record id: of the app (its parts' derive from it), permission set, profile, or a fresh one.

    Settings have none.
    """
    package_type = type_of(draft.type_name)
    if draft.type_name in {"ExternalClientApplication", "ConnectedApp"}:
        return org.apps[draft.full_name].app_id
    if draft.type_name == "PermissionSet" and (found := org.permission_set_by_name(draft.full_name)):
        return found.id
    if draft.type_name == "Profile" and (profile := org.profile_by_name(draft.full_name)):
        return profile.id
    if package_type is None or not package_type.key_prefix:
        return ""
    app = org.apps.get(str(draft.tree.get("externalClientApplication")))
    return org.next_id(package_type.key_prefix) if app is None else part_id(app, package_type.key_prefix)


def _apply_app(org: Org, draft: Draft, tree: Tree, when: When) -> None:
    name = str(tree.get("externalClientApplication") or draft.full_name)
    app = org.apps.get(name)
    if app is None:
        kind_prefix = "0H4" if draft.type_name == "ConnectedApp" else "0xI"
        app = ClientApp(
            kind="connected_app" if draft.type_name == "ConnectedApp" else "external_client_app",
            name=name,
            label=name,
            app_id=org.next_id(kind_prefix),
            consumer_id=org.next_id("888"),
            created_wall_s=when.wall_s,
        )
        org.apps[name] = app
        org.apps_created += 1
    _drop_generated(org, draft, name)
    APPLY[draft.type_name](org, app, tree)


def _drop_generated(org: Org, draft: Draft, app_name: str) -> None:
    """A policy deployed under a name of its own takes the place of the one the org generated."""
    for key, other in list(org.components.items()):
        is_same_slot = key[0] == draft.type_name and other.tree.get("externalClientApplication") == app_name
        if is_same_slot and other.is_generated and key[1] != draft.full_name:
            del org.components[key]


def add_default_policies(org: Org, when: When) -> None:
    """Make the policies that an app needs and nobody deployed (names as Trailhead shows them)."""
    for app in org.apps.values():
        if app.kind != "external_client_app":
            continue
        if not app.has_app_policy:
            tree = {
                "externalClientApplication": app.name,
                "isEnabled": "true" if app.enabled else "false",
                "isOauthPluginEnabled": "true",
            }
            _generate(org, APP_POLICY, f"{app.name}_defaultPolicy", tree, when)
        if (app.has_oauth_settings or app.has_global_settings) and not app.has_oauth_policy:
            tree = {"externalClientApplication": app.name}
            _generate(org, POLICY, f"{app.name}OAuthSettings_defaultPolicy", tree, when)


def _generate(org: Org, type_name: str, full_name: str, tree: Tree, when: When) -> None:
    tree["label"] = full_name
    draft = Draft(
        type_name, full_name, file_name_of(type_name, full_name), tree, None, float(org.max_api_version)
    )
    apply(org, draft, when).component.is_generated = True


def announce(org: Org, when: When) -> None:
    """Let changed apps spread to the nodes; an app that has not changed draws nothing."""
    for app in org.apps.values():
        org.app_changed(app, when.at_s)


def _apply_settings(org: Org, draft: Draft) -> Tree:
    """Merge settings: fields sent change, others stay; an org may report success and keep the old value."""
    current = org.settings.setdefault(draft.type_name, {})
    names = {draft.type_name, settings_name(draft.type_name)}
    if not names & org.switches.settings_keep_old_value:
        _merge(current, draft.tree)
        if draft.type_name == "ConnectedAppSettings":
            org.switches.api_access_control = current.get("enableAdminApprovedAppsOnly") == "true"
    return copy.deepcopy(current)


def _merge(current: dict[str, Any], given: Tree) -> None:
    for name, value in given.items():
        nested = current.get(name)
        if isinstance(value, dict) and isinstance(nested, dict) and name not in REPLACED_WHOLE:
            _merge(nested, value)
        else:
            current[name] = copy.deepcopy(value)


def _apply_rights(org: Org, draft: Draft, tree: Tree, when: When) -> Tree:
    """Write a permission set (replaced whole) or a profile (listed entries only)."""
    if draft.type_name == "PermissionSet":
        found = org.permission_set_by_name(draft.full_name)
        if found is None:
            found = PermissionSet(org.next_id("0PS"), draft.full_name, "", created_wall_s=when.wall_s)
            org.permission_sets[found.id] = found
        found.label, found.description = str(tree.get("label")), str(tree.get("description") or "")
        found.license = tree.get("license")
        found.has_activation_required = tree.get("hasActivationRequired") == "true"
        found.user_permissions = {
            each["name"] for each in tree.get("userPermissions", []) if is_enabled(each)
        }
    elif draft.type_name == "Profile":
        profile = org.profile_by_name(draft.full_name) or _new_profile(org, draft, tree)
        for each in tree.get("userPermissions", []):
            change = profile.user_permissions.add if is_enabled(each) else profile.user_permissions.discard
            change(each["name"])
        for each in tree.get("loginIpRanges", []):
            pair = (each["startAddress"], each["endAddress"])
            if pair not in profile.login_ip_ranges:
                profile.login_ip_ranges.append(pair)
        return tree_of_profile(profile)
    return tree


def _new_profile(org: Org, draft: Draft, tree: Tree) -> Profile:
    profile = Profile(
        id=org.next_id("00e"),
        name=draft.full_name,
        license_name=str(tree.get("userLicense")),
        user_permissions=set(),
        owned_permission_set_id=org.next_id("0PS"),
        is_custom=True,
    )
    org.profiles[profile.id] = profile
    owned = PermissionSet(
        profile.owned_permission_set_id,
        f"X{profile.owned_permission_set_id}",
        profile.name,
        is_owned_by_profile=True,
        profile_id=profile.id,
        user_permissions=profile.user_permissions,
    )
    org.permission_sets[owned.id] = owned
    return profile


def remove(org: Org, type_name: str, full_name: str, when: When) -> str | None:
    """Delete a component; returns why that is refused, or None when it is done.

    Deleting an External Client App deletes what belongs to it.
    """
    if find(org, type_name, full_name) is None:
        return f"No {type_name} named: {full_name} found"
    app = org.apps.get(full_name)
    if app is not None and app.namespace and type_name in {"ExternalClientApplication", "ConnectedApp"}:
        return f"Cannot delete managed object: {type_name} {full_name}"
    if type_of(type_name) is SETTINGS or type_name == "Profile":
        return f"Cannot delete a component of type {type_name}"
    if type_name == "PermissionSet" and (found := org.permission_set_by_name(full_name)) is not None:
        if any(each.permission_set_id == found.id for each in org.assignments.values()):
            return f"Cannot delete PermissionSet {full_name}: it is assigned to users"
        del org.permission_sets[found.id]
    component = org.components.pop((type_name, full_name), None)
    if type_name in {"ExternalClientApplication", "ConnectedApp"}:
        org.remove_app(full_name, when.at_s)
    elif type_name == "InstalledPackage":
        if (installed := package_effects.find_installed(org, full_name)) is not None:
            package_effects.uninstall(org, installed, when)
    elif type_name in APP_TYPES and component is not None:
        _detach(org.apps.get(str(component.tree.get("externalClientApplication"))), type_name)
    org.track_source(type_name, full_name, when.user, when.wall_s, is_deleted=True)
    org.audit("deletedMetadata", "Metadata", f"Deleted {type_name}: {full_name}", when.wall_s, when.user)
    return None


def _detach(app: ClientApp | None, type_name: str) -> None:
    """Take a satellite's facts off its app."""
    if app is None:
        return
    match type_name:
        case "ExtlClntAppGlobalOauthSettings":
            app.has_global_settings, app.certificate_pem = False, None
            app.consumer_key = app.consumer_secret = ""
        case "ExtlClntAppOauthSettings":
            app.has_oauth_settings, app.scopes = False, frozenset()
        case "ExtlClntAppOauthConfigurablePolicies":
            app.has_oauth_policy = app.admin_approved = False
            app.permission_set_names = app.profile_names = frozenset()
        case _:
            app.has_app_policy, app.enabled = False, True
