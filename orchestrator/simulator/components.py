"""Metadata components: which types there are, how a file is read into a tree, how a tree is written as XML.

A tree is a dictionary from element name to text, to another tree, or to a list of those where the element
repeats. It holds the *effective* values: fields that the API version knows and the file leaves out are at
their default, which is what makes a deploy declarative.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from orchestrator.simulator.metadata_fields import ENUMERATIONS, FIELDS, SCOPES
from orchestrator.simulator.soap import METADATA, elements, is_nil, local_name, new_root, whole_text

Tree = dict[str, Any]

BOOLEAN = "b"
INTEGER = "i"
SCOPE_WORDS = frozenset(SCOPES.split())
EXTERNAL_CLIENT_APP_SCOPE_WORDS = (SCOPE_WORDS - {"SFAP"}) | {"SFApiPlatform"}
DEFAULT_TRUE = frozenset(
    {
        ("ExtlClntAppGlobalOauthSettings", "isPkceRequired"),
        ("ExtlClntAppGlobalOauthSettings", "isSecretRequiredForRefreshToken"),
        ("ConnectedAppOauthConfig", "isSecretRequiredForRefreshToken"),
    }
)
SECRET_FIELDS = frozenset({"consumerSecret"})
FIELD_PATTERN = re.compile(
    r"(?P<name>\w+)(?P<marks>[!*]*)(?::(?P<type>\w+))?(?:@(?P<since>\d+))?(?:-(?P<until>\d+))?"
)
MAX_DEPTH = 12
LATEST = 66.0


@dataclass(frozen=True, slots=True)
class Field:
    """One element of a metadata type and the API versions that know it."""

    name: str
    type_name: str
    is_required: bool
    repeats: bool
    since: int
    until: int

    def is_known_at(self, version: float) -> bool:
        """Tell whether this API version has the field."""
        return self.since <= version < self.until + 1


@dataclass(frozen=True, slots=True)
class MetadataType:
    """One type as ``package.xml`` names it.

    Attributes:
        name: the name in ``package.xml`` and on the SOAP wire.
        folder: its folder in the zip.
        suffix: its file suffix, without the dot.
        key_prefix: the first three characters of its record ids; empty when it has none.
        since: the first API version that knows it.
        order: the place in a deployment; what others refer to comes first.
        allows_wildcard: whether ``*`` is a member.
    """

    name: str
    folder: str
    suffix: str
    key_prefix: str
    since: int
    order: int
    allows_wildcard: bool = True


PACKAGE_TYPES = (
    MetadataType("PermissionSet", "permissionsets", "permissionset", "0PS", 22, 0),
    MetadataType("Profile", "profiles", "profile", "00e", 10, 1),
    MetadataType("ExternalClientApplication", "externalClientApps", "eca", "0xI", 59, 2),
    MetadataType("ExtlClntAppOauthSettings", "extlClntAppOauthSettings", "ecaOauth", "0xJ", 59, 3),
    MetadataType(
        "ExtlClntAppGlobalOauthSettings", "extlClntAppGlobalOauthSets", "ecaGlblOauth", "0xK", 59, 4
    ),
    MetadataType(
        "ExtlClntAppOauthConfigurablePolicies", "extlClntAppOauthPolicies", "ecaOauthPlcy", "0xM", 59, 5
    ),
    MetadataType("ExtlClntAppConfigurablePolicies", "extlClntAppPolicies", "ecaPlcy", "0xL", 60, 6),
    MetadataType("ConnectedApp", "connectedApps", "connectedApp", "0H4", 29, 7),
    MetadataType(
        "InstalledPackage", "installedPackages", "installedPackage", "0A3", 28, 8, allows_wildcard=False
    ),
    MetadataType("Settings", "settings", "settings", "", 27, 9, allows_wildcard=False),
)
TYPE_BY_NAME = {each.name: each for each in PACKAGE_TYPES}
TYPE_BY_FOLDER = {each.folder: each for each in PACKAGE_TYPES}
SETTINGS = TYPE_BY_NAME["Settings"]
# Types every org has and this one has no components of: they list as nothing and cannot be deployed here.
EMPTY_TYPES = frozenset(
    """
    ApexClass ApexComponent ApexPage ApexTrigger AuraDefinitionBundle AuthProvider Certificate CspTrustedSite
    CustomApplication CustomField CustomLabels CustomMetadata CustomObject CustomPermission CustomTab
    ExternalCredential ExternalDataSource Flow FlowDefinition GlobalValueSet Group Layout
    LightningComponentBundle NamedCredential PermissionSetGroup ProfilePasswordPolicy ProfileSessionSetting
    Queue QuickAction RecordType RemoteSiteSetting Report Role SamlSsoConfig StaticResource
    TransactionSecurityPolicy ValidationRule Workflow
    """.split()  # noqa: SIM905 - a list of words reads better than a list of literals
)
SATELLITES = tuple(each.name for each in PACKAGE_TYPES if each.name.startswith("ExtlClntApp"))


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a component cannot be deployed, and where in its file."""

    text: str
    line: int | None = None
    is_warning: bool = False
    status_code: str = "INVALID_INPUT"


@dataclass(slots=True)
class Component:
    """A component as an org keeps it.

    Attributes:
        type_name: root element, such as ``OauthOidcSettings`` or ``ConnectedApp``. full_name: its API name.
        file_name: path in a zip, without any leading folder. tree: effective values. content: the file as
        deployed, to be given back byte for byte; None when it never was a file, or the org
            holds more than the file says.
        is_generated: made by the org itself (default policies).
    """

    type_name: str
    full_name: str
    file_name: str
    tree: Tree = field(repr=False)
    content: bytes | None = field(repr=False)
    id: str
    created_by_id: str
    created_wall_s: float
    modified_by_id: str
    modified_wall_s: float
    api_version: float
    is_generated: bool = False


@dataclass(slots=True)
class Draft:
    """A component as sent, before the org has judged it."""

    type_name: str
    full_name: str
    file_name: str
    tree: Tree = field(repr=False)
    content: bytes | None = field(repr=False)
    api_version: float
    problems: list[Problem] = field(default_factory=list)


@functools.cache
def fields_of(type_name: str) -> dict[str, Field]:
    """Return the fields of a type in schema order; empty for a type the tables do not hold."""
    known: dict[str, Field] = {}
    for word in FIELDS.get(type_name, "").split():
        found = FIELD_PATTERN.fullmatch(word)
        if found is None:
            raise ValueError(f"{type_name}: {word} is not a field description")
        known[found["name"]] = Field(
            name=found["name"],
            type_name=found["type"] or "",
            is_required="!" in found["marks"],
            repeats="*" in found["marks"],
            since=int(found["since"] or 0),
            until=int(found["until"] or 999),
        )
    return known


def type_of(root_name: str) -> MetadataType | None:
    """Return the package type of a root element; every ``...Settings`` in a settings file is ``Settings``."""
    found = TYPE_BY_NAME.get(root_name)
    if found is None and root_name.endswith("Settings") and root_name != "Settings":
        return SETTINGS
    return found


def settings_name(root_name: str) -> str:
    """Return the member name of a settings type: ``OauthOidcSettings`` is ``OauthOidc``."""
    return root_name.removesuffix("Settings")


def file_name_of(type_name: str, full_name: str) -> str:
    """Return the path of a component in a zip."""
    package_type = type_of(type_name)
    if package_type is None:
        return full_name
    return f"{package_type.folder}/{full_name}.{package_type.suffix}"


def read_tree(element: etree._Element, type_name: str, version: float) -> tuple[Tree, list[Problem]]:
    """Read an element into a tree and list what the schema of that API version refuses.

    Types without a table (settings that no rule here is about) are taken as they come.
    """
    problems: list[Problem] = []
    return _read(element, type_name, version, problems, 0), problems


def _read(
    element: etree._Element, type_name: str, version: float, problems: list[Problem], depth: int
) -> Tree:
    known = fields_of(type_name)
    tree: Tree = {}
    if depth > MAX_DEPTH:
        problems.append(Problem("Error parsing file: nested too deeply", line_of(element)))
        return tree
    for child in elements(element):
        name = local_name(child)
        if depth == 0 and name == "fullName":
            continue
        about = known.get(name)
        if about is None and known:
            problems.append(_invalid_element(child, type_name))
            continue
        if about is not None and not about.is_known_at(version):
            problems.append(_invalid_element(child, type_name))
            continue
        if is_nil(child):
            continue
        value = _read_value(child, about, version, problems, depth)
        if about is not None and about.repeats:
            tree.setdefault(name, []).append(value)
        elif name in tree and about is not None:
            problems.append(Problem(f"Element {name} is duplicated", line_of(child)))
        elif name in tree:
            earlier = tree[name]
            tree[name] = [*earlier, value] if isinstance(earlier, list) else [earlier, value]
        else:
            tree[name] = value
    problems += [
        Problem(
            f"Required field is missing: {about.name}", line_of(element), status_code="REQUIRED_FIELD_MISSING"
        )
        for about in known.values()
        if about.is_required and about.is_known_at(version) and tree.get(about.name) in (None, "")
    ]
    return tree


def line_of(element: etree._Element) -> int | None:
    """Return the line an element begins on."""
    # lxml-stubs declares `sourceline` as the literal `...`.
    line: Any = element.sourceline
    return line if isinstance(line, int) else None


def _invalid_element(child: etree._Element, type_name: str) -> Problem:
    return Problem(f"Element {child.tag} invalid at this location in type {type_name}", line_of(child))


def _read_value(
    child: etree._Element, about: Field | None, version: float, problems: list[Problem], depth: int
) -> str | Tree:
    if about is not None and about.type_name in FIELDS:
        return _read(child, about.type_name, version, problems, depth + 1)
    if about is None and next(elements(child), None) is not None:
        return _read(child, "", version, problems, depth + 1)
    text = whole_text(child)
    if about is None or not text:
        return text
    if about.type_name == BOOLEAN:
        if text.lower() not in {"true", "false", "1", "0"}:
            problems.append(
                Problem(f"'{text}' is not a valid value for the type xsd:boolean", line_of(child))
            )
        return "true" if text.lower() in {"true", "1"} else "false"
    if about.type_name == INTEGER and not re.fullmatch(r"[+-]?\d{1,10}", text):
        problems.append(Problem(f"'{text}' is not a valid value for the type xsd:int", line_of(child)))
    allowed = ENUMERATIONS.get(about.type_name, "").split()
    if about.type_name == "ConnectedAppOauthAccessScope":
        allowed = sorted(SCOPE_WORDS)
    if allowed and text not in allowed:
        problems.append(
            Problem(
                f"'{text}' is not a valid value for the enum '{about.type_name}'. "
                f"Valid values: {', '.join(allowed)}",
                line_of(child),
            )
        )
    return text


def with_defaults(tree: Tree, type_name: str, version: float, before: Tree) -> Tree:
    """Return the effective tree of a declarative deploy.

    A field this API version knows and the file omits goes back to its default; a field it does not know
    keeps the value it had. Nested configurations follow the same rule.
    """
    effective: Tree = {}
    for about in fields_of(type_name).values():
        given, kept = tree.get(about.name), before.get(about.name)
        value = given if about.is_known_at(version) else kept
        if isinstance(value, dict):
            value = with_defaults(value, about.type_name, version, kept if isinstance(kept, dict) else {})
        elif value is None and about.type_name == BOOLEAN:
            value = "true" if (type_name, about.name) in DEFAULT_TRUE else "false"
        if value is not None:
            effective[about.name] = value
    return effective if fields_of(type_name) else dict(tree)


def pairs_of(tree: Tree, type_name: str, version: float = LATEST) -> list[tuple[str, object]]:
    """Return a tree as pairs in schema order for writing, secrets and fields of other versions left out."""
    known = fields_of(type_name)
    pairs: list[tuple[str, object]] = []
    for name in [each for each in known if each in tree] or sorted(tree):
        about = known.get(name)
        if name in SECRET_FIELDS or (about is not None and not about.is_known_at(min(version, LATEST))):
            continue
        nested = about.type_name if about is not None else ""
        values = tree[name] if isinstance(tree[name], list) else [tree[name]]
        pairs += [
            (name, pairs_of(value, nested, version) if isinstance(value, dict) else value) for value in values
        ]
    return pairs


def write_file(tree: Tree, type_name: str) -> bytes:
    """Write a component as a metadata file, elements in schema order, no secret in it."""
    root = new_root(f"{{{METADATA}}}{type_name}", {None: METADATA})
    _write(root, pairs_of(tree, type_name))
    etree.indent(root, space="    ")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + etree.tostring(root, encoding="UTF-8") + b"\n"


def _write(parent: etree._Element, pairs: list[tuple[str, Any]]) -> None:
    for name, value in pairs:
        element = etree.SubElement(parent, f"{{{METADATA}}}{name}")
        if isinstance(value, list):
            _write(element, value)
        else:
            element.text = value
