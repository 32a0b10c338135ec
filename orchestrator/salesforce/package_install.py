"""Packages of an org: what is installed, asking for an install, how it goes, and the link for a person.

Sources: Tooling API guide (PackageInstallRequest, InstalledSubscriberPackage, SubscriberPackageVersion),
forcedotcom/packaging, help "Install a package" for `/packaging/installPackage.apexp?p0=04t…`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.catalogue import FAULTS
from orchestrator.errors import Disposition, OrgFault, UsageError
from orchestrator.redaction import Secret, redact
from orchestrator.salesforce.answers import classify
from orchestrator.salesforce.hosts import OrgHost
from orchestrator.salesforce.http_answer import whole_number
from orchestrator.salesforce.rest import OrgApi, reading

VersionNumber = tuple[int, int, int, int]
UNDER_WAY = frozenset({"UNKNOWN", "IN_PROGRESS"})
SECURITY_TYPES: Mapping[str, str] = {"admins_only": "None", "all_users": "Full"}
_VERSION_ID = re.compile(r"04t[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?")
_PASSING = frozenset({Disposition.BACK_OFF, Disposition.WAIT})
_REQUEST_FIELDS = "Id, Status, Errors, CreatedDate, CreatedById"


@dataclass(frozen=True, slots=True)
class InstalledVersion:
    """A package as the org has it.

    Attributes:
        namespace: its prefix; "" for a package without one.
        version_id: `04t…` of the version that is installed.
        number: major, minor, patch, build.
    """

    namespace: str
    name: str
    package_id: str
    version_id: str
    number: VersionNumber


@dataclass(frozen=True, slots=True)
class InstallStatus:
    """A PackageInstallRequest as the org shows it.

    Attributes:
        request_id: `0Hf…`.
        state: `UNKNOWN`, `IN_PROGRESS`, `SUCCESS` or `ERROR`.
        messages: why it failed, in the org's words.
        created_by: id of the user who asked.
    """

    request_id: str
    state: str
    messages: tuple[str, ...] = ()
    created_by: str = ""

    def fault(self) -> OrgFault:
        """What a request in ERROR means; of several problems the one that will not pass by itself."""
        said = self.messages or ("no reason was given",)
        kinds = [classify("package", "ERROR", message) for message in said]
        # "package_install_failed" is any other text, so a reason we know says more.
        lasting = [kind for kind in kinds if kind.disposition not in _PASSING]
        known = [kind for kind in lasting if kind.code != "package_install_failed"]
        kind = (known or lasting or kinds)[0]
        return OrgFault(kind, f"install {self.request_id}: {redact('; '.join(said))}")


def check_version_id(text: str) -> str:
    """*text* if it is the id of a package version.

    Raises:
        UsageError: `package_id_invalid`.
    """
    if _VERSION_ID.fullmatch(text) is None:
        raise UsageError(
            f"{text[:40]!r} is not the id of a package version",
            code="package_id_invalid",
            remedy="give the id that begins with 04t (`sf package version list`, or the installation link)",
        )
    return text


def install_links(host: OrgHost, version_id: str) -> dict[str, str]:
    """Addresses at which an administrator installs the version by hand.

    `own_host` is the org's My Domain, so it cannot lead into another org; `login_host` asks who one is
    (login. for production, test. for sandboxes) and is "" where the org has no such host.
    """
    path = f"/packaging/installPackage.apexp?p0={check_version_id(version_id)}"
    generic = f"https://{host.login_host}{path}" if host.login_host else ""
    return {"own_host": host.url + path, "login_host": generic}


@reading()
def installed_packages(org: OrgApi) -> list[InstalledVersion]:
    """Every package of the org (the query of `sf package installed list`).

    Raises:
        OrgFault: `functionality_missing` when the user may not see packages, or the network.
    """
    found = org.query_tooling(
        "SELECT Id, SubscriberPackageId, SubscriberPackage.NamespacePrefix, SubscriberPackage.Name, "
        "SubscriberPackageVersion.Id, SubscriberPackageVersion.MajorVersion, "
        "SubscriberPackageVersion.MinorVersion, SubscriberPackageVersion.PatchVersion, "
        "SubscriberPackageVersion.BuildNumber FROM InstalledSubscriberPackage ORDER BY SubscriberPackageId"
    )
    packages = []
    for row in found:
        package, version = row.get("SubscriberPackage") or {}, row.get("SubscriberPackageVersion") or {}
        packages.append(
            InstalledVersion(
                namespace=str(package.get("NamespacePrefix") or ""),
                name=str(package.get("Name") or ""),
                package_id=str(row.get("SubscriberPackageId") or ""),
                version_id=str(version.get("Id") or ""),
                number=_number(version),
            )
        )
    return packages


@reading()
def offered_version(org: OrgApi, version_id: str) -> tuple[VersionNumber, str] | None:
    """Number of a version and the org's word on installing it; None when the org does not show it.

    The query of a version behind an installation password demands that password in the address of the
    request; it is not given away there, so such a version is not shown.
    """
    try:
        found = org.query_tooling(
            "SELECT Id, MajorVersion, MinorVersion, PatchVersion, BuildNumber, InstallValidationStatus "
            "FROM SubscriberPackageVersion WHERE Id = {version}",
            version=version_id,
        )
    except OrgFault as refused:
        if refused.code == "session_expired" or refused.kind.disposition in _PASSING:
            raise
        return None  # what may be installed is said by the install itself; this was only a look ahead
    if not found:
        return None
    return _number(found[0]), str(found[0].get("InstallValidationStatus") or "")


def request_install(
    org: OrgApi, version_id: str, *, password: Secret | None, security_type: str, remote_sites: bool
) -> str:
    """Ask for the version to be installed or upgraded; the id of the request. Sent once.

    Args:
        org: as the administrator.
        version_id: `04t…`.
        password: the installation password (installation key).
        security_type: a key of `SECURITY_TYPES`.
        remote_sites: whether remote sites the package brings become active.

    Raises:
        OrgFault: the refusal; `package_not_available` when the id has not reached this instance.
    """
    fields: dict[str, Any] = {
        "SubscriberPackageVersionKey": version_id,
        "SecurityType": SECURITY_TYPES[security_type],
        "NameConflictResolution": "Block",
        "EnableRss": remote_sites,
        "PackageInstallSource": "U",
    }
    if password is not None:
        fields["Password"] = password.reveal()
    try:
        made = org.restful("tooling/sobjects/PackageInstallRequest", method="POST", json=fields)
    except OrgFault as refused:
        # "invalid cross reference id" is what CumulusCI sees right after a release.
        if refused.code == "record_missing":
            raise OrgFault(FAULTS["package_not_available"], refused.detail) from None
        raise
    request_id = made.get("id") if isinstance(made, Mapping) else None
    if not request_id:
        raise OrgFault(FAULTS["answer_unknown"], "the org took the install but named no request")
    return str(request_id)


@reading()
def install_status(org: OrgApi, request_id: str) -> InstallStatus:
    """How the request stands. Raises OrgFault (`record_missing` when the org does not know it)."""
    found = org.query_tooling(
        f"SELECT {_REQUEST_FIELDS} FROM PackageInstallRequest WHERE Id = {{request}}",  # noqa: S608 - SOQL, quoted by the library
        request=request_id,
    )
    if not found:
        raise OrgFault(FAULTS["record_missing"], f"the org does not know install request {request_id}")
    return _status(found[0])


@reading()
def install_requests(org: OrgApi, version_id: str, *, since: str) -> list[InstallStatus]:
    """Requests for the version from *since* (RFC 3339, seconds, Z) on, whoever made them, newest first."""
    found = org.query_tooling(
        f"SELECT {_REQUEST_FIELDS} FROM PackageInstallRequest "  # noqa: S608 - likewise
        "WHERE SubscriberPackageVersionKey = {version} AND CreatedDate >= {since:literal} "
        "ORDER BY CreatedDate DESC",
        version=version_id,
        since=since,
    )
    return [_status(row) for row in found]


def shown(number: VersionNumber) -> str:
    """A version number as people write it: `1.3`, `1.3.2`."""
    major, minor, patch, _ = number
    return f"{major}.{minor}.{patch}" if patch else f"{major}.{minor}"


def _number(row: Mapping[str, Any]) -> VersionNumber:
    names = ("MajorVersion", "MinorVersion", "PatchVersion", "BuildNumber")
    major, minor, patch, build = (whole_number(str(row.get(name) or 0)) for name in names)
    return major, minor, patch, build


def _status(row: Mapping[str, Any]) -> InstallStatus:
    errors = (row.get("Errors") or {}).get("errors") or []
    return InstallStatus(
        request_id=str(row["Id"]),
        state=str(row.get("Status") or ""),
        messages=tuple(str(each.get("message") or "") for each in errors),
        created_by=str(row.get("CreatedById") or ""),
    )
