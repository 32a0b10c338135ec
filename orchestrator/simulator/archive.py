"""Opens deployment archives: untrusted zips in, named files and a manifest out, memory bounded.

Limits of the Metadata API (guide, "deploy()"): 39 MB compressed, 600 MB uncompressed, 10,000 files. The
simulator holds far less in memory than Salesforce, so the uncompressed limit that bites here is
`MAX_HELD_BYTES`.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from lxml import etree

from orchestrator.simulator.soap import elements, local_name, parse_xml, text_of, texts_of

MAX_ZIP_BYTES = 39 * 1024 * 1024
MAX_UNCOMPRESSED_BYTES = 600 * 1024 * 1024
MAX_HELD_BYTES = 64 * 1024 * 1024
MAX_FILES = 10_000
MAX_PATH_CHARACTERS = 512
MANIFEST = "package.xml"
DESTRUCTIVE = ("destructiveChangesPre.xml", "destructiveChanges.xml", "destructiveChangesPost.xml")


class ArchiveError(Exception):
    """An archive that the Metadata API refuses.

    Attributes:
        status_code: the StatusCode a DeployResult would carry.
    """

    def __init__(self, status_code: str, message: str) -> None:
        super().__init__(message)
        self.status_code = status_code


@dataclass(frozen=True, slots=True)
class Manifest:
    """A ``package.xml`` or destructive change list: members by type, and the API version (0 when absent)."""

    version: float
    members: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Archive:
    """An opened archive: files by path below the package root, and that root (empty or ``zip/``)."""

    root: str
    files: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    @property
    def manifest_bytes(self) -> bytes | None:
        """The ``package.xml``, or None when there is none."""
        return self.files.get(MANIFEST)


def open_archive(content: bytes) -> Archive:
    """Open a zip and find its package root.

    Raises:
        ArchiveError: not a zip, a hostile path, too many files, too large, or damaged.
    """
    if len(content) > MAX_ZIP_BYTES:
        raise ArchiveError("LIMIT_EXCEEDED", f"Maximum size of the zip file is {MAX_ZIP_BYTES} bytes")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as opened:
            files = _read_all(opened)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        OSError,
        ValueError,
    ) as error:
        raise ArchiveError("UNKNOWN_EXCEPTION", f"Not a valid zip file: {error}") from None
    root = _root_of(files)
    return Archive(
        root, MappingProxyType({name.removeprefix(root): content for name, content in files.items()})
    )


def _read_all(opened: zipfile.ZipFile) -> dict[str, bytes]:
    entries = [entry for entry in opened.infolist() if not entry.is_dir()]
    if len(entries) > MAX_FILES:
        raise ArchiveError("LIMIT_EXCEEDED", f"Maximum number of files in a zip is {MAX_FILES}")
    if sum(entry.file_size for entry in entries) > MAX_UNCOMPRESSED_BYTES:
        raise ArchiveError("LIMIT_EXCEEDED", f"Maximum uncompressed size is {MAX_UNCOMPRESSED_BYTES} bytes")
    files: dict[str, bytes] = {}
    held_bytes = 0
    for entry in entries:
        _refuse_hostile(entry.filename)
        if entry.filename in files:
            raise ArchiveError("UNKNOWN_EXCEPTION", f"Duplicate entry in zip file: {entry.filename}")
        with opened.open(entry) as stream:
            content = stream.read(MAX_HELD_BYTES - held_bytes + 1)
        held_bytes += len(content)
        if held_bytes > MAX_HELD_BYTES:
            raise ArchiveError("LIMIT_EXCEEDED", f"Maximum uncompressed size is {MAX_HELD_BYTES} bytes here")
        files[entry.filename] = content
    return files


def _refuse_hostile(path: str) -> None:
    """Refuse absolute names, drive letters, parent steps, backslashes, control characters, endless names."""
    steps = path.split("/")
    hostile = (
        not path.isprintable()
        or len(path) > MAX_PATH_CHARACTERS
        or path.startswith("/")
        or "\\" in path
        or ":" in steps[0]
        or any(step in {"", ".", ".."} for step in steps)
    )
    if hostile:
        raise ArchiveError("UNKNOWN_EXCEPTION", f"Invalid entry name in zip file: {path[:80]!a}")


def _root_of(files: Mapping[str, bytes]) -> str:
    """Return the folder that holds ``package.xml``: the top, or the one folder above it (``zip/``)."""
    if MANIFEST in files or not files:
        return ""
    tops = sorted({name.partition("/")[0] for name in files if "/" in name})
    return next((f"{top}/" for top in tops if f"{top}/{MANIFEST}" in files), "")


def read_manifest(content: bytes) -> Manifest:
    """Read a ``package.xml`` or a destructive change list.

    Raises:
        ValueError: not XML, not a Package, or a member without a type.
    """
    root = parse_xml(content)
    if local_name(root) != "Package":
        raise ValueError(f"Element {root.tag} invalid at this location: expected Package")
    return manifest_of(root)


def manifest_of(package: etree._Element) -> Manifest:
    """Read a Package element; ``name`` and ``members`` may stand in any order.

    Raises:
        ValueError: a ``types`` element without a name, or a version that is no number.
    """
    members: dict[str, tuple[str, ...]] = {}
    for types in elements(package, "types"):
        name = text_of(types, "name")
        if name is None:
            raise ValueError("Required field is missing: name")
        members[name] = (*members.get(name, ()), *(each for each in texts_of(types, "members") if each))
    version_text = text_of(package, "version") or "0"
    try:
        version = float(version_text)
    except ValueError:
        raise ValueError(f"'{version_text}' is not a valid API version") from None
    return Manifest(version, MappingProxyType(members))
