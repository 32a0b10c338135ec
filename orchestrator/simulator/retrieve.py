"""Retrieves: what the org holds as a zip. A file nobody changed since its deploy comes back byte for byte.

Consumer secrets never leave. Components changed by CRUD, by DML or by the org itself are written afresh.
"""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from orchestrator.simulator import soap
from orchestrator.simulator.archive import MANIFEST, Manifest, manifest_of
from orchestrator.simulator.components import EMPTY_TYPES, TYPE_BY_NAME, Component, write_file
from orchestrator.simulator.deploy import KEPT_S
from orchestrator.simulator.file_properties import Pairs, file_properties, members_of, package_type_name
from orchestrator.simulator.org import Org
from orchestrator.simulator.simulation import Simulator
from orchestrator.simulator.soap import SoapFault
from orchestrator.simulator.users import User

FOLDER = "unpackaged/"
ZIP_DATE = (2020, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class RetrieveRequest:
    """What to retrieve."""

    manifest: Manifest
    version: float
    is_single_package: bool


@dataclass(slots=True)
class Retrieval:
    """One retrieve request and, once its time is up, what it found."""

    id: str
    request: RetrieveRequest
    created_s: float
    ready_s: float
    is_done: bool = False
    zip_bytes: bytes = b""
    properties: list[Pairs] = field(default_factory=list)
    messages: list[tuple[str, str]] = field(default_factory=list)


def read_request(element: etree._Element, endpoint_version: float) -> RetrieveRequest:
    """Read RetrieveRequest; elements in any order.

    Raises:
        SoapFault: a package or version that cannot be read.
    """
    package = soap.first(element, "unpackaged")
    version_text = soap.text_of(element, "apiVersion")
    try:
        manifest = Manifest(0.0, {}) if package is None else manifest_of(package)
        version = manifest.version or float(version_text or endpoint_version)
    except ValueError as error:
        raise SoapFault("INVALID_INPUT", str(error)) from None
    return RetrieveRequest(manifest, version, soap.flag_of(element, "singlePackage"))


def submit(sim: Simulator, org: Org, user: User, request: RetrieveRequest) -> Retrieval:
    """Accept a retrieve; it is ready half a second to one and a half of org time later."""
    del user
    now_s = sim.now_s()
    retrieval = Retrieval(org.next_id("09S"), request, now_s, now_s + org.rng.uniform(0.5, 1.5))
    org.retrieves[retrieval.id] = retrieval
    return retrieval


def find_retrieval(sim: Simulator, org: Org, retrieval_id: str) -> Retrieval:
    """Return a retrieve of the last 30 days, with its result if it is time.

    Raises:
        SoapFault: no such retrieve, or older.
    """
    wanted = retrieval_id.strip()
    found = next((each for each in org.retrieves.values() if wanted in {each.id, each.id[:15]}), None)
    if not isinstance(found, Retrieval):
        raise SoapFault("INVALID_ID_FIELD", f"No retrieve found for id {wanted[:18]}")
    if sim.now_s() - found.created_s > KEPT_S:
        raise SoapFault("INVALID_LOCATOR", f"The result of retrieve {found.id} is no longer available")
    if not found.is_done and sim.now_s() >= found.ready_s:
        _finish(org, found)
    return found


def _finish(org: Org, retrieval: Retrieval) -> None:
    """Collect the files and zip them."""
    prefix = "" if retrieval.request.is_single_package else FOLDER
    components = list(_wanted(org, retrieval, prefix))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for component in components:
            _store(archive, prefix + component.file_name, content_of(component))
            retrieval.properties.append(file_properties(org, component, prefix))
        _store(archive, prefix + MANIFEST, _manifest(components, retrieval.request.version))
    retrieval.zip_bytes = stream.getvalue()
    retrieval.is_done = True


def _store(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, ZIP_DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)


def _wanted(org: Org, retrieval: Retrieval, prefix: str) -> Iterator[Component]:
    for type_name, members in retrieval.request.manifest.members.items():
        package_type = TYPE_BY_NAME.get(type_name)
        if type_name in EMPTY_TYPES:
            missing = [name for name in members if name != "*"]
            retrieval.messages += [(prefix + MANIFEST, _not_found(type_name, name)) for name in missing]
            continue
        if package_type is None or retrieval.request.version < package_type.since:
            retrieval.messages.append((prefix + MANIFEST, f"Entity type: '{type_name}' is unknown"))
            continue
        known = {component.full_name: component for component in members_of(org, package_type)}
        is_wild = package_type.allows_wildcard and "*" in members
        for name in sorted(known) if is_wild else dict.fromkeys(members):
            if name in known:
                yield known[name]
            else:
                retrieval.messages.append((prefix + MANIFEST, _not_found(type_name, name)))


def _not_found(type_name: str, name: str) -> str:
    return f"Entity of type '{type_name}' named '{name}' cannot be found"


def content_of(component: Component) -> bytes:
    """Return a component's file: as deployed if it still says what the org holds, else written afresh."""
    if component.content is not None:
        return component.content
    return write_file(component.tree, component.type_name)


def _manifest(components: list[Component], version: float) -> bytes:
    root = soap.new_root(f"{{{soap.METADATA}}}Package", {None: soap.METADATA})
    names = sorted({package_type_name(component) for component in components})
    for name in names:
        types = etree.SubElement(root, f"{{{soap.METADATA}}}types")
        for component in components:
            if package_type_name(component) == name:
                etree.SubElement(types, f"{{{soap.METADATA}}}members").text = component.full_name
        etree.SubElement(types, f"{{{soap.METADATA}}}name").text = name
    etree.SubElement(root, f"{{{soap.METADATA}}}version").text = f"{version:.1f}"
    etree.indent(root, space="    ")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + etree.tostring(root, encoding="UTF-8") + b"\n"


def soap_result(retrieval: Retrieval, *, include_zip: bool) -> Pairs:
    """Return RetrieveResult's elements in schema order."""
    pairs: Pairs = [("done", retrieval.is_done)]
    pairs += [("fileProperties", each) for each in retrieval.properties]
    pairs.append(("id", retrieval.id))
    pairs += [
        ("messages", [("fileName", name), ("problem", problem)]) for name, problem in retrieval.messages
    ]
    pairs.append(("status", "Succeeded" if retrieval.is_done else "InProgress"))
    pairs.append(("success", retrieval.is_done))
    pairs.append(("zipFile", base64.b64encode(retrieval.zip_bytes).decode() if include_zip else ""))
    return pairs
