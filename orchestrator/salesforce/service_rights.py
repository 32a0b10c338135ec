"""What a service may do in an org, as people write it, and the permission set made of it. Pure.

Written as `Account:read+edit` (an object and what may be done with its records) or `ViewSetup` (a user
permission by its API name). What a right needs comes with it: Salesforce refuses edit without read.
Source: metadata guide meta_permissionset (PermissionSetObjectPermissions, PermissionSetUserPermission).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from orchestrator.catalogue import fault
from orchestrator.errors import OrgFault
from orchestrator.salesforce.package import Component, Fields, check_text
from orchestrator.salesforce.permission_sets import with_dependencies

DESCRIPTION = "What the service of the orchestrator's integration user may do."

# Word → (element of the metadata, words it needs).
_ACCESS: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "create": ("allowCreate", ("read",)),
        "read": ("allowRead", ()),
        "edit": ("allowEdit", ("read",)),
        "delete": ("allowDelete", ("edit",)),
        "view_all": ("viewAllRecords", ("read",)),
        "modify_all": ("modifyAllRecords", ("view_all", "delete")),
    }
)
_OBJECT = re.compile(r"[A-Za-z]\w{0,254}")
_PERMISSION = re.compile(r"[A-Z][A-Za-z0-9]{2,79}")


@dataclass(frozen=True, slots=True)
class ServiceRights:
    """What a service may do.

    Attributes:
        objects: API name of an object → words of what may be done with its records.
        permissions: API names of user permissions, those they need included.
    """

    objects: Mapping[str, frozenset[str]]
    permissions: tuple[str, ...]


def read_rights(written: Iterable[str]) -> ServiceRights:
    """The rights as *written*.

    Raises:
        OrgFault: `permission_invalid`, an entry is neither form.
    """
    objects: dict[str, frozenset[str]] = {}
    permissions: list[str] = []
    for entry in written:
        target, mark, access = str(entry).strip().partition(":")
        if mark:
            known = objects.get(_checked(target, _OBJECT, entry), frozenset())
            objects[target] = known | _words(access, entry)
        else:
            permissions.append(_checked(target, _PERMISSION, entry))
    return ServiceRights(MappingProxyType(objects), with_dependencies(permissions))


def service_set(name: str, label: str, rights: ServiceRights) -> Component:
    """The permission set for *rights*; without a licence, so that it fits any user."""
    check_text("the permission set's label", label, 80)
    fields: Fields = {
        "description": DESCRIPTION,
        "hasActivationRequired": False,
        "label": label,
        "objectPermissions": [_object(each, words) for each, words in sorted(rights.objects.items())],
        "userPermissions": [{"enabled": True, "name": one} for one in rights.permissions],
    }
    return Component("PermissionSet", name, {key: value for key, value in fields.items() if value != []})


def _object(name: str, words: frozenset[str]) -> Fields:
    flags = {element: word in words for word, (element, _) in _ACCESS.items()}
    return dict(sorted({**flags, "object": name}.items()))


def _words(access: str, entry: str) -> frozenset[str]:
    """The words of `read+edit` and all they need."""
    waiting = [word.strip() for word in access.split("+")]
    found: set[str] = set()
    while waiting:
        word = waiting.pop()
        if word not in _ACCESS:
            raise _invalid(entry)
        if word not in found:
            found.add(word)
            waiting += _ACCESS[word][1]
    return frozenset(found)


def _checked(name: str, pattern: re.Pattern[str], entry: str) -> str:
    if pattern.fullmatch(name) is None:
        raise _invalid(entry)
    return name


def _invalid(entry: str) -> OrgFault:
    return OrgFault(fault("permission_invalid"), f"'{entry}' is none; the rights are {', '.join(_ACCESS)}")
