"""A metadata package as a mapping of paths to bytes, and the XML in it. Pure and byte-stable.

Elements are written in alphabetical order, which is the order of Salesforce's WSDLs; repeated elements stay
adjacent. Source: metadata guide "deploy()", source-deploy-retrieve's registry for folders and suffixes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from xml.sax.saxutils import escape

from orchestrator.errors import Defect, UsageError

NAMESPACE = "http://soap.sforce.com/2006/04/metadata"
OLDEST_API_VERSION = 60
NEWEST_API_VERSION = 68

FOLDERS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "ConnectedApp": ("connectedApps", "connectedApp"),
        "ExternalClientApplication": ("externalClientApps", "eca"),
        "ExtlClntAppConfigurablePolicies": ("extlClntAppPolicies", "ecaPlcy"),
        "ExtlClntAppGlobalOauthSettings": ("extlClntAppGlobalOauthSets", "ecaGlblOauth"),
        "ExtlClntAppOauthConfigurablePolicies": ("extlClntAppOauthPolicies", "ecaOauthPlcy"),
        "ExtlClntAppOauthSettings": ("extlClntAppOauthSettings", "ecaOauth"),
        "InstalledPackage": ("installedPackages", "installedPackage"),
        "PermissionSet": ("permissionsets", "permissionset"),
        "Settings": ("settings", "settings"),
    }
)
"""Type → folder in the zip and suffix of its files (mdapi format: no `-meta.xml`)."""

Fields = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Component:
    """One component: its type and member as package.xml names them, and its fields.

    Attributes:
        type_name: such as `PermissionSet`; `Settings` for every settings type.
        member: developer name, the base of the file's name.
        fields: element → text, bool, int, mapping, or a sequence of them. None leaves an element out.
        root: name of the document element where it is not the type (`OauthOidcSettings`).
    """

    type_name: str
    member: str
    fields: Fields
    root: str = ""

    @property
    def path(self) -> str:
        """Its path in the zip."""
        folder, suffix = FOLDERS[self.type_name]
        return f"{folder}/{self.member}.{suffix}"


@dataclass(frozen=True, slots=True)
class Package:
    """Files of a deploy, by path from the root of the zip (singlePackage), and the version they are for."""

    files: Mapping[str, bytes]
    api_version: int

    @property
    def members(self) -> list[str]:
        """The paths, sorted."""
        return sorted(self.files)


def check_api_version(api_version: int) -> int:
    """*api_version* if packages for it are known.

    Raises:
        UsageError: `api_version_unsupported`.
    """
    if not OLDEST_API_VERSION <= api_version <= NEWEST_API_VERSION:
        raise UsageError(
            f"no package shapes are known for API version {api_version}",
            code="api_version_unsupported",
            remedy=f"use a version from {OLDEST_API_VERSION} to {NEWEST_API_VERSION}",
        )
    return api_version


def build_package(components: Iterable[Component], api_version: int) -> Package:
    """The package of *components* with its package.xml.

    Raises:
        UsageError: the API version is not known.
        Defect: two components share a path.
    """
    check_api_version(api_version)
    files: dict[str, bytes] = {}
    members: dict[str, list[str]] = {}
    for component in components:
        if component.path in files:
            raise Defect(f"two components at {component.path}")
        files[component.path] = document(component.root or component.type_name, component.fields)
        members.setdefault(component.type_name, []).append(component.member)
    files["package.xml"] = manifest(members, api_version)
    return Package(MappingProxyType(dict(sorted(files.items()))), api_version)


def destructive_package(members: Mapping[str, Sequence[str]], api_version: int) -> Package:
    """A package that deletes components: an empty package.xml beside destructiveChanges.xml.

    Args:
        members: type → members to delete.
        api_version: the version of the deploy.
    """
    check_api_version(api_version)
    files = {
        "destructiveChanges.xml": manifest(members, api_version),
        "package.xml": manifest({}, api_version),
    }
    return Package(MappingProxyType(files), api_version)


def manifest(members: Mapping[str, Sequence[str]], api_version: int) -> bytes:
    """package.xml or destructiveChanges.xml: types and members sorted, then the version."""
    lines = [f'<Package xmlns="{NAMESPACE}">']
    for type_name in sorted(members):
        lines.append("    <types>")
        lines += [
            f"        <members>{escape(member)}</members>" for member in sorted(set(members[type_name]))
        ]
        lines += [f"        <name>{type_name}</name>", "    </types>"]
    lines += [f"    <version>{api_version}.0</version>", "</Package>"]
    return _finished(lines)


def document(root: str, fields: Fields) -> bytes:
    """The XML document of a component."""
    return _finished([f'<{root} xmlns="{NAMESPACE}">', *_elements(fields, "    "), f"</{root}>"])


def check_text(name: str, text: str, longest: int) -> str:
    """*text* if XML can carry it and it is not empty or too long.

    Raises:
        UsageError: `client_app_invalid`, naming the field.
    """
    problem = ""
    if not text.strip():
        problem = "is empty"
    elif len(text) > longest:
        problem = f"is longer than {longest} characters"
    elif re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", text):
        problem = "has a character that XML cannot carry"
    if problem:
        raise UsageError(f"{name} {problem}", code="client_app_invalid", remedy=f"correct {name}")
    return text


def _finished(lines: Sequence[str]) -> bytes:
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', *lines, ""]).encode()


def _elements(fields: Fields, indent: str) -> list[str]:
    lines: list[str] = []
    for name in sorted(fields):
        content = fields[name]
        repeated = isinstance(content, Sequence) and not isinstance(content, str)
        for one in content if isinstance(content, Sequence) and repeated else [content]:
            lines += _element(name, one, indent)
    return lines


def _element(name: str, content: object, indent: str) -> list[str]:
    match content:
        case None:
            return []
        case bool():
            return [f"{indent}<{name}>{str(content).lower()}</{name}>"]
        case int():
            return [f"{indent}<{name}>{content}</{name}>"]
        case str():
            return [f"{indent}<{name}>{escape(content)}</{name}>"]
        case Mapping():
            return [f"{indent}<{name}>", *_elements(content, indent + "    "), f"{indent}</{name}>"]
        case _:
            raise Defect(f"no XML form for {type(content).__name__} in {name}")
