"""Components as the org holds them now, whatever became of them since they were deployed."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import datetime

from orchestrator.simulator.app_effects import APPLY, tree_of_connected_app
from orchestrator.simulator.components import (
    SETTINGS,
    TYPE_BY_NAME,
    Component,
    Tree,
    file_name_of,
    settings_name,
    type_of,
)
from orchestrator.simulator.org import Org
from orchestrator.simulator.users import PermissionSet, Profile

APP_TYPES = frozenset(APPLY)
POLICY = "ExtlClntAppOauthConfigurablePolicies"


def is_enabled(permission: Tree) -> bool:
    """Tell whether an entry of ``userPermissions`` grants its permission."""
    return permission.get("enabled") == "true"


def find(org: Org, type_name: str, full_name: str) -> Component | None:
    """Return a component as the org holds it now, or None."""
    return next((each for each in list_components(org, type_name) if each.full_name == full_name), None)


def list_components(org: Org, type_name: str) -> Iterator[Component]:
    """Yield the components of one type by root element name, with the values the org has now."""
    if type_name == "PermissionSet":
        for found in org.permission_sets.values():
            if not found.is_owned_by_profile:
                yield _view(org, type_name, found.name, _tree_of_permission_set(org, found), found.id)
    elif type_name == "Profile":
        for profile in org.profiles.values():
            name = "Admin" if profile.name == "System Administrator" else profile.name
            yield _view(org, type_name, name, tree_of_profile(profile), profile.id)
    elif type_of(type_name) is SETTINGS:
        if type_name in org.settings:
            yield _view(org, type_name, settings_name(type_name), copy.deepcopy(org.settings[type_name]), "")
    elif type_name in TYPE_BY_NAME:
        yield from _installed(org) if type_name == "InstalledPackage" else _app_components(org, type_name)


def _installed(org: Org) -> Iterator[Component]:
    for installed in org.installed_packages.values():
        tree = {"activateRSS": "false", "versionNumber": installed.version.text}
        yield _view(org, "InstalledPackage", installed.package.namespace, tree, installed.id)


def _app_components(org: Org, type_name: str) -> Iterator[Component]:
    for (stored_type, full_name), component in org.components.items():
        if stored_type != type_name:
            continue
        tree = component.tree
        app = org.apps.get(str(tree.get("externalClientApplication") or full_name))
        if type_name in APP_TYPES and app is None:
            continue
        if type_name == POLICY and app is not None:
            tree = dict(tree)
            _set_words(tree, "commaSeparatedPermissionSet", app.permission_set_names)
            _set_words(tree, "commaSeparatedProfile", app.profile_names)
        yield _view(org, type_name, full_name, tree, component.id)
    if type_name == "ConnectedApp":
        for app in org.apps.values():
            if app.kind == "connected_app" and (type_name, app.name) not in org.components:
                yield _view(org, type_name, app.name, tree_of_connected_app(app), app.app_id)


def _set_words(tree: Tree, name: str, words: frozenset[str]) -> None:
    """Set a comma separated field unless it already says the same."""
    if frozenset(each.strip() for each in str(tree.get(name) or "").split(",") if each.strip()) != words:
        tree[name] = ", ".join(sorted(words))


def _view(org: Org, type_name: str, full_name: str, tree: Tree, component_id: str) -> Component:
    """Return the stored component if the org's facts still say the same, else one with the present facts."""
    stored = org.components.get((type_name, full_name))
    if stored is not None and stored.tree == tree:
        return stored
    author = next(iter(org.users), "")
    born_wall_s = datetime.strptime(org.created_date, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()
    return Component(
        type_name=type_name,
        full_name=full_name,
        file_name=file_name_of(type_name, full_name),
        tree=tree,
        content=None,
        id=component_id,
        created_by_id=stored.created_by_id if stored else author,
        created_wall_s=stored.created_wall_s if stored else born_wall_s,
        modified_by_id=stored.modified_by_id if stored else author,
        modified_wall_s=stored.modified_wall_s if stored else born_wall_s,
        api_version=stored.api_version if stored else float(org.max_api_version),
        is_generated=stored is not None and stored.is_generated,
    )


def _tree_of_permission_set(org: Org, found: PermissionSet) -> Tree:
    """Return a permission set's tree; entries the simulator keeps no facts of come from what was deployed."""
    stored = org.components.get(("PermissionSet", found.name))
    tree: Tree = dict(stored.tree) if stored is not None else {}
    tree |= {
        "hasActivationRequired": "true" if found.has_activation_required else "false",
        "label": found.label,
    }
    for name, value in (("description", found.description), ("license", found.license)):
        tree.pop(name, None)
        if value:
            tree[name] = value
    disabled = [each for each in tree.get("userPermissions", []) if not is_enabled(each)]
    given = {each["name"] for each in tree.get("userPermissions", []) if is_enabled(each)}
    if given != found.user_permissions:
        enabled = [{"enabled": "true", "name": name} for name in sorted(found.user_permissions)]
        tree["userPermissions"] = [
            *enabled,
            *(each for each in disabled if each["name"] not in found.user_permissions),
        ]
    return tree


def tree_of_profile(profile: Profile) -> Tree:
    """Return a profile's tree."""
    return {
        "custom": "true" if profile.is_custom else "false",
        "loginIpRanges": [
            {"endAddress": end, "startAddress": start} for start, end in profile.login_ip_ranges
        ],
        "userLicense": profile.license_name,
        "userPermissions": [{"enabled": "true", "name": name} for name in sorted(profile.user_permissions)],
    }
