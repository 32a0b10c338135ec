"""What installing, upgrading and uninstalling a package does to an org, and what the org refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.simulator.client_app import ClientApp
from orchestrator.simulator.components import Component, Draft, file_name_of
from orchestrator.simulator.org import Org
from orchestrator.simulator.packages import Package, PackageCatalogue, PackageVersion
from orchestrator.simulator.records import InstalledPackage

if TYPE_CHECKING:
    from orchestrator.simulator.effects import When

NOT_AVAILABLE = (
    "This package is not yet available. If the package was just uploaded, wait a few minutes and try again."
)
UNKNOWN_PACKAGE = "The requested package doesn't yet exist or has been deleted."
WRONG_KEY = "The installation key is invalid."
BETA_IN_PRODUCTION = "Beta packages can only be installed in sandbox or Developer Edition organizations."
EARLIER_VERSION = "A newer version of this package is currently installed."
BETA_UPGRADE = "A beta version can't be upgraded. Uninstall it first."
DEPENDS_ON = (
    "The package you're installing depends on package '{needed}', version '1.0'. Install package '{needed}' "
    "in the target org before you install package '{name}'."
)
MESSAGES = {
    "PACKAGE_UNAVAILABLE": NOT_AVAILABLE,
    "BETA_INSTALL_INTO_PRODUCTION_ORG": BETA_IN_PRODUCTION,
    "CANNOT_INSTALL_EARLIER_VERSION": EARLIER_VERSION,
    "CANNOT_UPGRADE_BETA": BETA_UPGRADE,
}
NO_ERRORS = "NO_ERRORS_DETECTED"


def validation_status(org: Org, package: Package, version: PackageVersion, now_s: float) -> str:
    """Return `SubscriberPackageVersion.InstallValidationStatus` for an org."""
    if now_s < version.available_from_s:
        return "PACKAGE_UNAVAILABLE"
    if version.is_beta and org.kind == "production":
        return "BETA_INSTALL_INTO_PRODUCTION_ORG"
    installed = org.installed_packages.get(package.id)
    if installed is None or installed.version.id == version.id:
        return NO_ERRORS
    if installed.version.is_beta:
        return "CANNOT_UPGRADE_BETA"
    return "CANNOT_INSTALL_EARLIER_VERSION" if version.number < installed.version.number else NO_ERRORS


def refusal(
    org: Org, package: Package, version: PackageVersion, *, key_matches: bool, now_s: float
) -> str | None:
    """Return why a version cannot be installed, or None when it can."""
    status = validation_status(org, package, version, now_s)
    if status != NO_ERRORS:
        return MESSAGES[status]
    if not key_matches:
        return WRONG_KEY
    if version.depends_on and find_installed(org, version.depends_on) is None:
        return DEPENDS_ON.format(needed=version.depends_on, name=package.name)
    return None


def install(org: Org, package: Package, version: PackageVersion, when: When) -> None:
    """Install or upgrade; the same version again changes nothing."""
    before = org.installed_packages.get(package.id)
    if before is not None and before.version.id == version.id:
        return
    org.installed_packages[package.id] = InstalledPackage(
        id=before.id if before else org.next_id("0A3"),
        license_id=before.license_id if before else org.next_id("050"),
        package=package,
        version=version,
        installed_by_id=when.user.id,
        installed_wall_s=when.wall_s,
    )
    if package.app is not None:
        _install_app(org, package, when)
    verb = "Installed" if before is None else "Upgraded"
    text = f"{verb} package {package.name} {version.text} ({package.namespace})"
    org.audit("packageInstalled", "Installed Packages", text, when.wall_s, when.user)


def install_named(org: Org, packages: PackageCatalogue, draft: Draft, when: When) -> None:
    """Install what an InstalledPackage component names; its key was needed once and is not kept."""
    draft.tree.pop("password", None)
    found = packages.find_numbered(draft.full_name, str(draft.tree["versionNumber"]))
    if found is not None:
        install(org, *found, when)


def _install_app(org: Org, package: Package, when: When) -> None:
    vendor, name = package.app, package.app_full_name
    assert vendor is not None  # noqa: S101 - the caller has looked
    app = org.apps.get(name)
    if app is None:
        app = ClientApp(
            kind=vendor.kind,
            name=name,
            label=vendor.label,
            app_id=org.next_id("0xI" if vendor.kind == "external_client_app" else "0H4"),
            consumer_id=org.next_id("888"),
            contact_email="vendor@example.com",
            distribution_state="Managed",
            namespace=package.namespace,
            created_wall_s=when.wall_s,
        )
        org.apps[name] = app
        app.admin_approved, app.enabled = vendor.admin_approved, vendor.is_enabled
        if vendor.kind == "external_client_app":
            _add_header(org, app, when)
    app.label, app.consumer_key = vendor.label, vendor.consumer_key
    app.certificate_pem = vendor.certificate_pem
    app.scopes, app.pkce_required = vendor.scopes, False
    app.has_global_settings = app.has_oauth_settings = True
    app.modified_wall_s = when.wall_s


def _add_header(org: Org, app: ClientApp, when: When) -> None:
    type_name = "ExternalClientApplication"
    tree = {
        "contactEmail": app.contact_email,
        "distributionState": app.distribution_state,
        "isProtected": "false",
        "label": app.label,
    }
    org.components[type_name, app.name] = Component(
        type_name=type_name,
        full_name=app.name,
        file_name=file_name_of(type_name, app.name),
        tree=tree,
        content=None,
        id=app.app_id,
        created_by_id=when.user.id,
        created_wall_s=when.wall_s,
        modified_by_id=when.user.id,
        modified_wall_s=when.wall_s,
        api_version=float(org.max_api_version),
        is_generated=True,
    )


def uninstall(org: Org, installed: InstalledPackage, when: When) -> None:
    """Take a package out; its app goes with it, node by node."""
    package = installed.package
    org.installed_packages.pop(package.id, None)
    if package.app is not None:
        org.remove_app(package.app_full_name, when.at_s)
    text = f"Uninstalled package {package.name} ({package.namespace})"
    org.audit("packageUninstalled", "Installed Packages", text, when.wall_s, when.user)


def find_installed(org: Org, namespace: str) -> InstalledPackage | None:
    """Find an installed package by namespace."""
    wanted = namespace.lower()
    found = org.installed_packages.values()
    return next((each for each in found if each.package.namespace.lower() == wanted), None)
