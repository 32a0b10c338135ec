"""What listMetadata and retrieve say about a component: FileProperties."""

from __future__ import annotations

from orchestrator.simulator.clock import soap_timestamp
from orchestrator.simulator.component_views import list_components
from orchestrator.simulator.components import SETTINGS, Component, MetadataType, type_of
from orchestrator.simulator.org import Org

Pairs = list[tuple[str, object]]


def package_type_name(component: Component) -> str:
    """Return the type name ``package.xml`` uses: every settings component is ``Settings``."""
    package_type = type_of(component.type_name)
    return component.type_name if package_type is None else package_type.name


def members_of(org: Org, package_type: MetadataType) -> list[Component]:
    """Return the components a type of ``package.xml`` has in an org, by name."""
    names = sorted(org.settings) if package_type is SETTINGS else [package_type.name]
    found = [component for name in names for component in list_components(org, name)]
    return sorted(found, key=lambda component: component.full_name)


def file_properties(org: Org, component: Component, prefix: str = "") -> Pairs:
    """Return FileProperties in schema order."""
    return [
        ("createdById", component.created_by_id),
        ("createdByName", _user_name(org, component.created_by_id)),
        ("createdDate", soap_timestamp(component.created_wall_s)),
        ("fileName", prefix + component.file_name),
        ("fullName", component.full_name),
        ("id", component.id),
        ("lastModifiedById", component.modified_by_id),
        ("lastModifiedByName", _user_name(org, component.modified_by_id)),
        ("lastModifiedDate", soap_timestamp(component.modified_wall_s)),
        ("manageableState", "unmanaged"),
        ("type", package_type_name(component)),
    ]


def _user_name(org: Org, user_id: str) -> str:
    user = org.users.get(user_id)
    return user.name if user is not None else "Automated Process"
