"""sObject tables of packages: what can be installed, what is, which requests run, what users see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from orchestrator.simulator.clock import rest_timestamp
from orchestrator.simulator.ids import to_18
from orchestrator.simulator.org import Org
from orchestrator.simulator.package_effects import validation_status
from orchestrator.simulator.packages import Package, PackageVersion
from orchestrator.simulator.schema import FieldType, Row, Table, described, fields_by_name, reference

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator

_NEEDS = frozenset({"InstallPackaging", "ModifyMetadata", "ModifyAllData", "ViewSetup"})


def _complex(names: str) -> list[FieldType]:
    return [FieldType(name, "complexvalue", filterable=False) for name in names.split()]


def _packages(sim: Simulator, _org: Org) -> Iterator[Row]:
    for package in sim.packages:
        yield {
            "Id": package.id,
            "Name": package.name,
            "NamespacePrefix": package.namespace,
            "Description": None,
            "IsPackageValid": True,
        }


def _versions(sim: Simulator, org: Org) -> Iterator[Row]:
    for package in sim.packages:
        for version in package.versions:
            yield _version_row(org, package, version, sim.now_s())


def _version_row(org: Org, package: Package, version: PackageVersion, now_s: float) -> Row:
    major, minor, patch, build = version.number
    return {
        "Id": version.id,
        "SubscriberPackageId": package.id,
        "Name": f"{package.name} {version.text}",
        "Description": None,
        "PublisherName": "Simulated Vendor",
        "MajorVersion": major,
        "MinorVersion": minor,
        "PatchVersion": patch,
        "BuildNumber": build,
        "ReleaseState": "Beta" if version.is_beta else "Released",
        "IsBeta": version.is_beta,
        "IsManaged": True,
        "IsDeprecated": False,
        "IsPasswordProtected": bool(version.installation_key),
        "IsSecurityReviewed": False,
        "Package2ContainerOptions": "Managed",
        "InstallValidationStatus": validation_status(org, package, version, now_s),
        "InstallationKey": version.installation_key or None,
        "PostInstallUrl": None,
        "ReleaseNotesUrl": None,
        "AppExchangePackageName": None,
        "AppExchangePublisherName": None,
        "AppExchangeDescription": None,
        "AppExchangeLogoUrl": None,
        "RemoteSiteSettings": {"settings": []},
        "CspTrustedSites": {"settings": []},
        "Profiles": {"destinationProfiles": [], "sourceProfiles": []},
        "Dependencies": None,
    }


def _installed(_sim: Simulator, org: Org) -> Iterator[Row]:
    for each in org.installed_packages.values():
        yield {
            "Id": each.id,
            "SubscriberPackageId": each.package.id,
            "SubscriberPackageVersionId": each.version.id,
            "MinPackageVersionId": each.version.id,
        }


def _licenses(_sim: Simulator, org: Org) -> Iterator[Row]:
    for each in org.installed_packages.values():
        moment = rest_timestamp(each.installed_wall_s)
        yield {
            "Id": each.license_id,
            "NamespacePrefix": each.package.namespace,
            "Status": "Active",
            "AllowedLicenses": -1,
            "UsedLicenses": 0,
            "ExpirationDate": None,
            "IsProvisioned": True,
            "CreatedDate": moment,
            "LastModifiedDate": moment,
            "SystemModstamp": moment,
        }


def _install_requests(_sim: Simulator, org: Org) -> Iterator[Row]:
    for each in org.install_requests.values():
        moment = rest_timestamp(each.created_wall_s)
        errors: dict[str, Any] | None = None
        if each.errors:
            errors = {"errors": [{"message": message} for message in each.errors]}
        given = each.options
        yield {
            "Id": each.id,
            "SubscriberPackageVersionKey": each.version_id,
            "Status": each.status,
            "Errors": errors,
            "SecurityType": given.get("SecurityType") or "Custom",
            "NameConflictResolution": given.get("NameConflictResolution") or "Block",
            "UpgradeType": given.get("UpgradeType") or "mixed-mode",
            "ApexCompileType": given.get("ApexCompileType") or "all",
            "EnableRss": bool(given.get("EnableRss")),
            "PackageInstallSource": given.get("PackageInstallSource") or "U",
            "Password": None,
            "CreatedById": each.user_id,
            "CreatedDate": moment,
            "LastModifiedDate": moment,
        }


def _uninstall_requests(_sim: Simulator, org: Org) -> Iterator[Row]:
    for each in org.uninstall_requests.values():
        yield {
            "Id": each.id,
            "SubscriberPackageVersionId": each.version_id,
            "Status": each.status,
            "CreatedById": each.user_id,
            "CreatedDate": rest_timestamp(each.created_wall_s),
        }


def _menu_items(_sim: Simulator, org: Org) -> Iterator[Row]:
    for place, app in enumerate(org.apps.values(), start=1):
        yield {
            "Id": to_18("0DS" + app.app_id[3:15]),
            "ApplicationId": app.app_id,
            "Name": app.name.partition("__")[2] if app.namespace else app.name,
            "Label": app.label,
            "Type": "ConnectedApplication",
            "NamespacePrefix": app.namespace or None,
            "StartUrl": app.start_url or None,
            "IsAccessible": app.enabled,
            "IsVisible": True,
            "SortOrder": place,
        }


def _source_members(_sim: Simulator, org: Org) -> Iterator[Row]:
    for member in org.source_members.values():
        moment = rest_timestamp(member.changed_wall_s)
        yield {
            "Id": member.id,
            "MemberType": member.type_name,
            "MemberName": member.full_name,
            "MemberIdOrName": member.full_name,
            "IsNameObsolete": member.is_deleted,
            "IsNewMember": member.is_new,
            "RevisionNum": member.revision,
            "RevisionCounter": member.revision,
            "ChangedBy": member.changed_by,
            "LastModifiedDate": moment,
            "SystemModstamp": moment,
        }


PACKAGE_TABLES = (
    Table(
        "AppMenuItem",
        "0DS",
        _menu_items,
        fields_by_name(
            described("Name Label Type NamespacePrefix StartUrl"),
            FieldType("ApplicationId", "reference"),
            described("IsAccessible IsVisible", "boolean"),
            described("SortOrder", "int"),
        ),
        surfaces="data",
    ),
    Table(
        "PackageLicense",
        "050",
        _licenses,
        fields_by_name(
            described("NamespacePrefix Status"),
            described("AllowedLicenses UsedLicenses", "int"),
            described("IsProvisioned", "boolean"),
            described("ExpirationDate CreatedDate LastModifiedDate SystemModstamp", "datetime"),
        ),
        surfaces="data",
    ),
    Table(
        "SubscriberPackage",
        "033",
        _packages,
        fields_by_name(described("Name NamespacePrefix Description"), described("IsPackageValid", "boolean")),
        needs=_NEEDS,
        surfaces="tooling",
    ),
    Table(
        "SubscriberPackageVersion",
        "04t",
        _versions,
        fields_by_name(
            reference("SubscriberPackageId", "SubscriberPackage"),
            described("Name Description PublisherName ReleaseState Package2ContainerOptions"),
            described("InstallValidationStatus PostInstallUrl ReleaseNotesUrl AppExchangePackageName"),
            described("AppExchangePublisherName AppExchangeDescription AppExchangeLogoUrl"),
            described("MajorVersion MinorVersion PatchVersion BuildNumber", "int"),
            described("IsBeta IsManaged IsDeprecated IsPasswordProtected IsSecurityReviewed", "boolean"),
            FieldType("InstallationKey", "encryptedstring"),
            _complex("RemoteSiteSettings CspTrustedSites Profiles Dependencies"),
        ),
        needs=_NEEDS,
        surfaces="tooling",
    ),
    Table(
        "InstalledSubscriberPackage",
        "0A3",
        _installed,
        fields_by_name(
            reference("SubscriberPackageId", "SubscriberPackage"),
            reference("SubscriberPackageVersionId", "SubscriberPackageVersion"),
            reference("MinPackageVersionId", "SubscriberPackageVersion"),
        ),
        needs=_NEEDS,
        surfaces="tooling",
    ),
    Table(
        "PackageInstallRequest",
        "0Hf",
        _install_requests,
        fields_by_name(
            described("SubscriberPackageVersionKey SecurityType NameConflictResolution", createable=True),
            described("UpgradeType ApexCompileType PackageInstallSource", createable=True),
            FieldType("Password", "encryptedstring", createable=True),
            described("EnableRss", "boolean", createable=True),
            described("Status"),
            _complex("Errors"),
            reference("CreatedById", "User"),
            described("CreatedDate LastModifiedDate", "datetime"),
        ),
        needs=_NEEDS,
        createable=True,
        surfaces="tooling",
    ),
    Table(
        "SubscriberPackageVersionUninstallRequest",
        "06y",
        _uninstall_requests,
        fields_by_name(
            reference("SubscriberPackageVersionId", "SubscriberPackageVersion", createable=True),
            described("Status"),
            reference("CreatedById", "User"),
            described("CreatedDate", "datetime"),
        ),
        needs=_NEEDS,
        createable=True,
        surfaces="tooling",
    ),
    Table(
        "SourceMember",
        "0MZ",
        _source_members,
        fields_by_name(
            described("MemberType MemberName MemberIdOrName ChangedBy"),
            described("IsNameObsolete IsNewMember", "boolean"),
            described("RevisionNum RevisionCounter", "int"),
            described("LastModifiedDate SystemModstamp", "datetime"),
        ),
        surfaces="tooling",
        exists_in=lambda org: org.kind == "scratch",
    ),
)
