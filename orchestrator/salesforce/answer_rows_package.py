"""Tables of answers about packages: texts of a failed install, and the words of a validation.

Sources: CumulusCI `package_install.py` (which texts pass by themselves), forcedotcom/packaging
(`InstallValidationStatus`, PR 580 for the texts about the installation password), forcedotcom/cli issues 1167
and 2882, NPSP issue 7179 (`INSTALL_KEY_REQUIRED`), issues of public packages for dependencies and features
(rflib 24, LightningFlowComponents 484, ObjectMerge 26, twilio-salesforce 62, Milestones-PM 129).
"""

from __future__ import annotations

from orchestrator.salesforce.answer_row import rows

# What a REST call about a package and a failed install can both say.
MESSAGES = (
    (".*", r"doesn't require an installation ?key", "package_password_unneeded"),
    ("INSTALL_KEY_[A-Z]+", "", "package_password_wrong"),
    (".*", r"installation ?key|package password|invalid password", "package_password_wrong"),
)

PACKAGE_ROWS = rows(
    # Texts of PackageInstallRequest.Errors; the code is ERROR.
    *MESSAGES,
    (".*", "not yet available|version number .* does not exist", "package_not_available"),
    (".*", "doesn't yet exist or has been deleted", "package_not_available"),
    (".*", "invalid cross reference id", "package_not_available"),
    (".*", "unable to obtain exclusive access|unable_to_lock_row", "deploy_in_progress"),
    (".*", "install (?:is )?(?:already )?in progress", "deploy_in_progress"),
    (".*", "newer version of this package", "package_newer_installed"),
    (".*", "beta (?:package|version)", "package_beta_refused"),
    (".*", r"depends on package|install package '", "package_requirement_missing"),
    (".*", "missing organization (?:feature|edition)|missing feature", "package_requirement_missing"),
    (".*", "requires the following feature", "package_requirement_missing"),
    (".*", "storage|limit (?:has been )?exceeded|exceeded the (?:max|limit)", "package_requirement_missing"),
    (".*", "insufficient (?:access|privileges)|insufficient_access", "permission_missing"),
    # Words of SubscriberPackageVersion.InstallValidationStatus.
    ("PACKAGE_UNAVAILABLE(?:_CRC|_ZIP)?", "", "package_not_available"),
    ("UNINSTALL_IN_PROGRESS", "", "deploy_in_progress"),
    ("CANNOT_INSTALL_EARLIER_VERSION", "", "package_newer_installed"),
    ("BETA_INSTALL_INTO_PRODUCTION_ORG", "", "package_beta_refused"),
    ("CANNOT_UPGRADE_(?:BETA|UNMANAGED)|NAMESPACE_COLLISION", "", "package_in_the_way"),
    ("EXTENSIONS_ON_LOCAL_PACKAGES|PACKAGE_HAS_IN_DEV_EXTENSIONS", "", "package_in_the_way"),
    ("INSTALL_INTO_DEV_ORG", "", "package_in_the_way"),
    ("PACKAGE_NOT_INSTALLED", "", "package_requirement_missing"),
    ("DEPRECATED_INSTALL_PACKAGE", "", "package_version_missing"),
    ("NO_ACCESS|PACKAGING_NO_ACCESS|PACKAGING_DISABLED", "", "permission_missing"),
    # A failed install that no row above knows: the org has rolled it back, so it is no riddle how it ended.
    ("ERROR", "", "package_install_failed"),
)
