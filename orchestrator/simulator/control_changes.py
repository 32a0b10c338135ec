"""Changes of an org's facts from outside, for tests: what a person in Setup would have done."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from orchestrator.simulator import effects, faults, package_effects, setup_pages
from orchestrator.simulator.catalogue import random_token
from orchestrator.simulator.component_views import POLICY
from orchestrator.simulator.fault_script import STATE_KINDS
from orchestrator.simulator.org import NEWEST_API_VERSION, OLDEST_API_VERSION, Org
from orchestrator.simulator.packages import Package
from orchestrator.simulator.users import PermissionSet, PermissionSetAssignment, User

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator


def change_org(sim: Simulator, org: Org, document: dict[str, Any]) -> None:
    """Apply every change of a document, in its order.

    Raises:
        ValueError: an unknown change, user, app or switch.
    """
    for name, value in document.items():
        change = CHANGES.get(name)
        if change is not None:
            change(sim, org, value)
        elif name in STATE_KINDS:
            faults.change_fact(sim, org, name, {"value": value})
        else:
            raise ValueError(f"unknown change {name}; one of {', '.join(sorted({*CHANGES, *STATE_KINDS}))}")


def _user(org: Org, username: object) -> User:
    found = org.user_by_name(str(username))
    if found is None:
        raise ValueError(f"no user {username}")
    return found


def _freeze(sim: Simulator, org: Org, value: Any) -> None:
    """Freeze a user: `"USERNAME"`."""
    del sim
    _user(org, value).is_frozen = True


def _unfreeze(sim: Simulator, org: Org, value: Any) -> None:
    """Unfreeze a user: `"USERNAME"`."""
    del sim
    _user(org, value).is_frozen = False


def _deactivate(sim: Simulator, org: Org, value: Any) -> None:
    """Deactivate a user: `"USERNAME"`."""
    del sim
    _user(org, value).is_active = False


def _activate(sim: Simulator, org: Org, value: Any) -> None:
    """Activate a user: `"USERNAME"`."""
    del sim
    _user(org, value).is_active = True


def _set_password(sim: Simulator, org: Org, value: Any) -> None:
    """Set a password; the security token changes with it: `{"username", "password"}`."""
    user = _user(org, value["username"])
    user.set_password(str(value["password"]), sim.wall_s(org), new_token=random_token(org.rng))


def _expire_password(sim: Simulator, org: Org, value: Any) -> None:
    """Expire a password: `"USERNAME"`."""
    del sim
    _user(org, value).password_expired = True


def _delete_user(sim: Simulator, org: Org, value: Any) -> None:
    """Remove a user for good, as no API can: `"USERNAME"`."""
    del sim
    del org.users[_user(org, value).id]


def _delete_app(sim: Simulator, org: Org, value: Any) -> None:
    """Delete an app; each node forgets it at its own time: `"NAME"`."""
    if org.remove_app(str(value), sim.now_s()) is None:
        raise ValueError(f"no app {value}")


def _expire_sessions(sim: Simulator, org: Org, value: Any) -> None:
    """End sessions, of one user or all: `"USERNAME"` or `true`."""
    del sim
    doomed = [
        token
        for token, session in org.sessions.items()
        if value is True or org.users[session.user_id].username == value
    ]
    for token in doomed:
        del org.sessions[token]


def _grant_permission(sim: Simulator, org: Org, value: Any) -> None:
    """Give a permission by a set of its own: `{"username", "permission"}`."""
    user = _user(org, value["username"])
    name = f"Granted_{value['permission']}"
    found = org.permission_set_by_name(name)
    if found is None:
        found = PermissionSet(org.next_id("0PS"), name, name, user_permissions={str(value["permission"])})
        org.permission_sets[found.id] = found
    made = PermissionSetAssignment(org.next_id("0Pa"), user.id, found.id, sim.wall_s(org))
    org.assignments[made.id] = made


def _revoke_permission(sim: Simulator, org: Org, value: Any) -> None:
    """Take a permission from a user's sets and profile: `{"username", "permission"}`."""
    del sim
    user = _user(org, value["username"])
    for key, assignment in list(org.assignments.items()):
        permission_set = org.permission_sets[assignment.permission_set_id]
        if assignment.assignee_id == user.id and value["permission"] in permission_set.user_permissions:
            del org.assignments[key]
    org.profiles[user.profile_id].user_permissions.discard(str(value["permission"]))


def _settings(sim: Simulator, org: Org, value: Any) -> None:
    """Overlay settings: `{"OauthOidcSettings": {"blockOAuthUnPwFlow": "true"}}`."""
    del sim
    for type_name, fields in value.items():
        org.settings.setdefault(type_name, {}).update(fields)


def _switches(sim: Simulator, org: Org, value: Any) -> None:
    """Set switches, listed below: `{"soap_login_enabled": false}`."""
    del sim
    for name, setting in value.items():
        if not hasattr(org.switches, name) or name in {"propagation", "settings_keep_old_value"}:
            raise ValueError(f"unknown switch {name}")
        setattr(org.switches, name, setting)


def _propagation(sim: Simulator, org: Org, value: Any) -> None:
    """Set how apps spread: `{"nodes", "first_s", "last_s", "relapse_probability"}`."""
    del sim
    for name, setting in value.items():
        if not hasattr(org.switches.propagation, name):
            raise ValueError(f"unknown propagation value {name}")
        setattr(org.switches.propagation, name, setting)


def _api_versions(sim: Simulator, org: Org, value: Any) -> None:
    """Set the oldest and newest API version, from 31 to 68: `{"min", "max"}`."""
    del sim
    newest, oldest = int(value.get("max", org.max_api_version)), int(value.get("min", org.min_api_version))
    if not OLDEST_API_VERSION <= oldest <= newest <= NEWEST_API_VERSION:
        raise ValueError(f"API versions go from {OLDEST_API_VERSION} to {NEWEST_API_VERSION}")
    org.min_api_version, org.max_api_version = oldest, newest


def _uninstall_package(sim: Simulator, org: Org, value: Any) -> None:
    """Uninstall a package at once: `"NAMESPACE"`."""
    installed = package_effects.find_installed(org, str(value))
    if installed is None:
        raise ValueError(f"no installed package {value}")
    package_effects.uninstall(org, installed, _now(sim, org))


def _install_package(sim: Simulator, org: Org, value: Any) -> None:
    """Install a package version at once: `"04t…"`."""
    found = sim.packages.find_version(str(value))
    if found is None:
        raise ValueError(f"no package version {value}")
    staged, when = effects.stage(org), _now(sim, org)
    package_effects.install(staged, *found, when)
    effects.add_default_policies(staged, when)
    effects.announce(staged, when)
    effects.commit(org, staged)


def _app_policies(sim: Simulator, org: Org, value: Any) -> None:
    """Set policies of an app in Setup: `{"app", "admin_approved", "permission_set", "enabled"}`."""
    app = org.apps.get(str(value["app"]))
    if app is None:
        raise ValueError(f"no app {value['app']}")
    app.admin_approved = bool(value.get("admin_approved", app.admin_approved))
    app.enabled = bool(value.get("enabled", app.enabled))
    if "permission_set" in value:
        app.permission_set_names |= {str(value["permission_set"])}
    for component in org.components.values():
        if component.tree.get("externalClientApplication") != app.name:
            continue
        if component.type_name == POLICY:
            approved = "AdminApprovedPreAuthorized" if app.admin_approved else "AllSelfAuthorized"
            component.tree["permittedUsersPolicyType"] = approved
        elif component.type_name == effects.APP_POLICY:
            component.tree["isEnabled"] = "true" if app.enabled else "false"
    org.app_changed(app, sim.now_s())


def _now(sim: Simulator, org: Org) -> effects.When:
    return effects.When(next(iter(org.users.values())), sim.now_s(), sim.wall_s(org))


def renew_vendor_app(sim: Simulator, package: Package) -> None:
    """Carry what a vendor changed of an app (key, certificate) into the orgs that have it."""
    vendor = package.app
    for org in sim.touched_orgs() if vendor is not None else ():
        app = org.apps.get(package.app_full_name)
        if app is not None and vendor is not None and package.id in org.installed_packages:
            app.consumer_key, app.certificate_pem = vendor.consumer_key, vendor.certificate_pem
            org.app_changed(app, sim.now_s())


def _licenses(sim: Simulator, org: Org, value: Any) -> None:
    """Set how many licences the org has: `{"NAME": 3}`, user or permission set licences; 0 for none."""
    del sim
    known = {each.name: each for each in (*org.licenses.values(), *org.permission_set_licenses.values())}
    for name, total in dict(value).items():
        if name not in known:
            raise ValueError(f"no licence {name}; one of {', '.join(sorted(known))}")
        known[name].total = int(total)


CHANGES: dict[str, Callable[[Simulator, Org, Any], None]] = {
    "make_app": setup_pages.make_app,
    "change_app": setup_pages.change_app,
    "freeze_user": _freeze,
    "unfreeze_user": _unfreeze,
    "deactivate_user": _deactivate,
    "activate_user": _activate,
    "delete_user": _delete_user,
    "set_password": _set_password,
    "expire_password": _expire_password,
    "delete_app": _delete_app,
    "expire_sessions": _expire_sessions,
    "grant_permission": _grant_permission,
    "revoke_permission": _revoke_permission,
    "settings": _settings,
    "switches": _switches,
    "propagation": _propagation,
    "api_versions": _api_versions,
    "install_package": _install_package,
    "uninstall_package": _uninstall_package,
    "app_policies": _app_policies,
    "licenses": _licenses,
}
