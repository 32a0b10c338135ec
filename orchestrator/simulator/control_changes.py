"""Changes of an org's facts from outside, for tests: what a person in Setup would have done."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from orchestrator.simulator import faults
from orchestrator.simulator.catalogue import random_token
from orchestrator.simulator.fault_script import STATE_KINDS
from orchestrator.simulator.org import Org
from orchestrator.simulator.users import PermissionSet, PermissionSetAssignment, User

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator


def change_org(sim: Simulator, org: Org, document: dict[str, Any]) -> None:
    """Apply every change of a document, in its order.

    Raises:
        ValueError: an unknown change, user, app or switch.
    """
    for name, value in document.items():
        change = _CHANGES.get(name)
        if change is not None:
            change(sim, org, value)
        elif name in STATE_KINDS:
            faults.change_fact(sim, org, name, {"value": value})
        else:
            raise ValueError(f"unknown change {name}; one of {', '.join(sorted({*_CHANGES, *STATE_KINDS}))}")


def _user(org: Org, username: object) -> User:
    found = org.user_by_name(str(username))
    if found is None:
        raise ValueError(f"no user {username}")
    return found


def _freeze(sim: Simulator, org: Org, value: Any) -> None:
    del sim
    _user(org, value).is_frozen = True


def _unfreeze(sim: Simulator, org: Org, value: Any) -> None:
    del sim
    _user(org, value).is_frozen = False


def _deactivate(sim: Simulator, org: Org, value: Any) -> None:
    del sim
    _user(org, value).is_active = False


def _activate(sim: Simulator, org: Org, value: Any) -> None:
    del sim
    _user(org, value).is_active = True


def _set_password(sim: Simulator, org: Org, value: Any) -> None:
    user = _user(org, value["username"])
    user.set_password(str(value["password"]), sim.wall_s(org), new_token=random_token(org.rng))


def _expire_password(sim: Simulator, org: Org, value: Any) -> None:
    del sim
    _user(org, value).password_expired = True


def _delete_user(sim: Simulator, org: Org, value: Any) -> None:
    del sim
    del org.users[_user(org, value).id]


def _delete_app(sim: Simulator, org: Org, value: Any) -> None:
    del sim
    app = org.apps.pop(str(value), None)
    if app is None:
        raise ValueError(f"no app {value}")
    for key in [key for key in org.components if key[1] == app.name or key[1].startswith(f"{app.name}_")]:
        if key[0] in {"ConnectedApp", "ExternalClientApplication"} or key[0].startswith("ExtlClntApp"):
            del org.components[key]


def _expire_sessions(sim: Simulator, org: Org, value: Any) -> None:
    del sim
    doomed = [
        token
        for token, session in org.sessions.items()
        if value is True or org.users[session.user_id].username == value
    ]
    for token in doomed:
        del org.sessions[token]


def _grant_permission(sim: Simulator, org: Org, value: Any) -> None:
    user = _user(org, value["username"])
    name = f"Granted_{value['permission']}"
    found = org.permission_set_by_name(name)
    if found is None:
        found = PermissionSet(org.next_id("0PS"), name, name, user_permissions={str(value["permission"])})
        org.permission_sets[found.id] = found
    made = PermissionSetAssignment(org.next_id("0Pa"), user.id, found.id, sim.wall_s(org))
    org.assignments[made.id] = made


def _revoke_permission(sim: Simulator, org: Org, value: Any) -> None:
    del sim
    user = _user(org, value["username"])
    for key, assignment in list(org.assignments.items()):
        permission_set = org.permission_sets[assignment.permission_set_id]
        if assignment.assignee_id == user.id and value["permission"] in permission_set.user_permissions:
            del org.assignments[key]
    org.profiles[user.profile_id].user_permissions.discard(str(value["permission"]))


def _settings(sim: Simulator, org: Org, value: Any) -> None:
    del sim
    for type_name, fields in value.items():
        org.settings.setdefault(type_name, {}).update(fields)


def _switches(sim: Simulator, org: Org, value: Any) -> None:
    del sim
    for name, setting in value.items():
        if not hasattr(org.switches, name) or name in {"propagation", "settings_keep_old_value"}:
            raise ValueError(f"unknown switch {name}")
        setattr(org.switches, name, setting)


def _propagation(sim: Simulator, org: Org, value: Any) -> None:
    del sim
    for name, setting in value.items():
        if not hasattr(org.switches.propagation, name):
            raise ValueError(f"unknown propagation value {name}")
        setattr(org.switches.propagation, name, setting)


_CHANGES: dict[str, Callable[[Simulator, Org, Any], None]] = {
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
}
