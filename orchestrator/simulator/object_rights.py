"""Who may read the records of which object, as far as the simulator tells it apart.

A user of the Salesforce Integration licence has no object rights but those of its permission sets (help
platform.integration_user); users of the Salesforce licence read everything here.
"""

from __future__ import annotations

from orchestrator.simulator.org import Org
from orchestrator.simulator.permissions import INTEGRATION_LICENSE
from orchestrator.simulator.users import PermissionSet, User

BUSINESS_OBJECTS = ("Account", "Contact")


def object_entries(org: Org, permission_set: PermissionSet) -> list[dict[str, str]]:
    """What a deployed permission set lists as `objectPermissions`."""
    component = org.components.get(("PermissionSet", permission_set.name))
    return [] if component is None else list(component.tree.get("objectPermissions", []))


def may_read(org: Org, user: User, sobject: str) -> bool:
    """Whether a query of the user knows the object at all."""
    is_open = org.profiles[user.profile_id].license_name != INTEGRATION_LICENSE
    if sobject not in BUSINESS_OBJECTS or is_open or "ViewAllData" in org.permissions_of(user):
        return True
    held = {each.permission_set_id for each in org.assignments.values() if each.assignee_id == user.id}
    return any(
        entry.get("object") == sobject and entry.get("allowRead") == "true"
        for set_id in held
        if set_id in org.permission_sets
        for entry in object_entries(org, org.permission_sets[set_id])
    )
