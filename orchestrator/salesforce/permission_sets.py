"""Permission sets of the orchestrator: pre-authorisation, temporary set-up rights, single sign-on. Pure.

Sources: metadata guide meta_permissionset; object reference PermissionSet (`Permissions*` fields). Which
permissions need which others is written in Setup only; the table holds what the lock-down needs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from orchestrator.catalogue import fault
from orchestrator.errors import OrgFault
from orchestrator.salesforce.package import Component, Fields, check_text

SSO_PERMISSION = "IsSsoEnabled"
ANY_API_AUTH_PERMISSION = "UseAnyApiAuth"
API_ONLY_PERMISSION = "ApiUserOnly"

DEPENDS_ON: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "CustomizeApplication": ("ViewSetup",),
        "ExternalClientAppAdmin": ("ExternalClientAppViewer", "ViewSetup"),
        "ExternalClientAppDeveloper": ("ExternalClientAppViewer", "ViewSetup"),
        "ExternalClientAppViewer": ("ViewSetup",),
        "ManageProfilesPermissionsets": ("ViewSetup",),
        "ManageUsers": (
            "AssignPermissionSets",
            "ManageInternalUsers",
            "ManageIpAddresses",
            "ManageLoginAccessPolicies",
            "ManagePasswordPolicies",
            "ManageProfilesPermissionsets",
            "ManageRoles",
            "ManageSharing",
            "ResetPasswords",
            "ViewAllUsers",
            "ViewSetup",
        ),
        "ManageRoles": ("ViewRoles", "ViewSetup"),
        "ModifyMetadata": ("ViewRoles", "ViewSetup"),
    }
)
"""Permission → those it needs to be in the same set."""

SETUP_PERMISSIONS: Mapping[str, str] = MappingProxyType(
    {
        "ApiEnabled": "call the API",
        "CustomizeApplication": "write the org's OAuth and security settings, delete Connected Apps",
        "ExternalClientAppAdmin": "read and edit the app's policies",
        "ExternalClientAppDeveloper": "create, edit and delete the app",
        "FreezeUsers": "freeze and unfreeze users",
        "ManageUsers": "replace passwords, end sessions, deactivate users",
        "ModifyMetadata": "deploy",
        "MonitorLoginHistory": "read Login History of others",
    }
)
"""What the JWT user needs while it locks, and what for."""

# Without these the lock-down cannot be done at all; the others exist in most orgs only.
_ESSENTIAL = frozenset({"ApiEnabled", "CustomizeApplication", "ManageUsers", "ModifyMetadata"})


def with_dependencies(permissions: Iterable[str]) -> tuple[str, ...]:
    """*permissions* and all they need, sorted."""
    found: set[str] = set()
    waiting = list(permissions)
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += DEPENDS_ON.get(one, ())
    return tuple(sorted(found))


def preauthorisation_set(name: str, label: str, app_label: str) -> Component:
    """An empty set without a licence: holding it is what lets a user use the app.

    It carries no licence because a set bound to the Salesforce API Integration licence cannot hold app
    grants, and one bound to Salesforce cannot go to an integration user.
    """
    return _permission_set(
        name, label, f"Lets its holders use the app {app_label}. It grants nothing else.", ()
    )


def setup_set(name: str, label: str, available: Collection[str] | None = None) -> Component:
    """The temporary set with the rights the lock-down needs; it is taken away and deleted afterwards.

    Args:
        name: API name; ends in `_Setup` by custom.
        label: shown to people.
        available: permissions that exist in the org (fields `Permissions*` of PermissionSet's describe,
            without the prefix); others are left out. None when not known.

    Raises:
        OrgFault: `permission_missing`, a permission that nothing works without is not in the org.
    """
    wanted = with_dependencies(SETUP_PERMISSIONS)
    granted = tuple(one for one in wanted if available is None or one in available)
    missing = sorted(_ESSENTIAL.difference(granted))
    if missing:
        raise OrgFault(fault("permission_missing"), f"the org has no permission {', '.join(missing)}")
    return _permission_set(name, label, "Temporary rights of the orchestrator; safe to delete.", granted)


def sso_set(name: str, label: str) -> Component:
    """The tool's own set with Is Single Sign-On Enabled; one assignment to delete undoes it."""
    text = "Its holders log in by single sign-on only; their passwords are not accepted."
    return _permission_set(name, label, text, (SSO_PERMISSION,))


def api_only_set(name: str, label: str) -> Component:
    """The tool's own set with API Only User: its holders cannot log in to the user interface."""
    text = "Its holders can use the API only, not the user interface."
    return _permission_set(name, label, text, (API_ONLY_PERMISSION, "ApiEnabled"))


def _permission_set(name: str, label: str, description: str, permissions: Iterable[str]) -> Component:
    check_text("the permission set's label", label, 80)
    fields: Fields = {
        "description": description[:255],
        "hasActivationRequired": False,
        "label": label,
        "userPermissions": [{"enabled": True, "name": one} for one in sorted(permissions)],
    }
    return Component("PermissionSet", name, fields)
