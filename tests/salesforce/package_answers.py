"""What orgs say about packages, one case for each row of the table and of what REST says of them."""

from __future__ import annotations

_ERRORS = [
    ("This package is not yet available. If the package was just uploaded, wait.", "package_not_available"),
    ("InstalledPackage version number : 1.3 does not exist!", "package_not_available"),
    ("The requested package doesn't yet exist or has been deleted.", "package_not_available"),
    ("invalid cross reference id", "package_not_available"),
    ("unable to obtain exclusive access to this record", "deploy_in_progress"),
    ("Another install is already in progress", "deploy_in_progress"),
    ("Another package install in progress", "deploy_in_progress"),
    ("A newer version of this package is currently installed.", "package_newer_installed"),
    ("Beta packages can only be installed in sandboxes", "package_beta_refused"),
    (
        "The package you\u2019re installing depends on package 'FS', version '1.0'. Install package 'FS'",
        "package_requirement_missing",
    ),
    ("Missing Organization Feature: CommonPortal null", "package_requirement_missing"),
    (
        "Installing this package requires the following feature and its associated permissions: Apex Classes",
        "package_requirement_missing",
    ),
    ("storage limit exceeded", "package_requirement_missing"),
    ("insufficient access rights on cross-reference id", "permission_missing"),
    ("Invalid InstallationKey for SubscriberPackageVersion", "package_password_wrong"),
    ("This package doesn\u2019t require an installation key.: Password", "package_password_unneeded"),
    ("Required fields are missing: [Name__c]", "package_install_failed"),
]
_WORDS = [
    ("PACKAGE_UNAVAILABLE", "package_not_available"),
    ("PACKAGE_UNAVAILABLE_ZIP", "package_not_available"),
    ("UNINSTALL_IN_PROGRESS", "deploy_in_progress"),
    ("CANNOT_INSTALL_EARLIER_VERSION", "package_newer_installed"),
    ("BETA_INSTALL_INTO_PRODUCTION_ORG", "package_beta_refused"),
    ("CANNOT_UPGRADE_BETA", "package_in_the_way"),
    ("NAMESPACE_COLLISION", "package_in_the_way"),
    ("EXTENSIONS_ON_LOCAL_PACKAGES", "package_in_the_way"),
    ("INSTALL_INTO_DEV_ORG", "package_in_the_way"),
    ("PACKAGE_NOT_INSTALLED", "package_requirement_missing"),
    ("DEPRECATED_INSTALL_PACKAGE", "package_version_missing"),
    ("PACKAGING_NO_ACCESS", "permission_missing"),
    ("INSTALL_KEY_REQUIRED", "package_password_wrong"),
    ("UNKNOWN_ERROR", "answer_unknown"),
    ("SOMETHING_NEW", "answer_unknown"),
]
PACKAGE_CASES = [
    *(("package", "ERROR", message, fault) for message, fault in _ERRORS),
    *(("package", word, "", fault) for word, fault in _WORDS),
    (
        "rest",
        "INSTALL_KEY_REQUIRED",
        "Please provide installationkey when querying",
        "package_password_wrong",
    ),
    (
        "rest",
        "FIELD_INTEGRITY_EXCEPTION",
        "This package doesn\u2019t require an installation key.: Password",
        "package_password_unneeded",
    ),
]
