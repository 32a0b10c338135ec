"""A package as a zip, the same bytes every time, so that its digest identifies what was deployed. Pure."""

from __future__ import annotations

import hashlib
import io
import zipfile

from orchestrator.errors import Defect
from orchestrator.salesforce.package import Package

MAX_ZIP_BYTES = 39 * 1024 * 1024
"""Limit of the Metadata API before base64 (50 MB after it)."""
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can carry
_REGULAR_FILE = 0o100644 << 16


def zip_package(package: Package) -> bytes:
    """The package as a zip for `singlePackage=true`: sorted, deflated, without times of now.

    Raises:
        Defect: the zip exceeds the limit of the Metadata API; ours are under 20 KB.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in package.members:
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = _REGULAR_FILE
            entry.create_system = 3  # Unix, whatever we run on
            archive.writestr(entry, package.files[path], compresslevel=9)
    zipped = buffer.getvalue()
    if len(zipped) > MAX_ZIP_BYTES:
        raise Defect("a package exceeds the limit of the Metadata API")
    return zipped


def package_digest(package: Package) -> str:
    """SHA-256 (hex) over paths and contents; independent of the compressor."""
    digest = hashlib.sha256()
    for path in package.members:
        content = package.files[path]
        digest.update(f"{len(path)}:{path}:{len(content)}:".encode() + content)
    return digest.hexdigest()
