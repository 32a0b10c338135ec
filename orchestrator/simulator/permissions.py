"""User permissions by API name: which exist, and what the standard profiles grant.

Only permissions that a rule of the simulator reads, or that clients commonly ask for, are listed
(object reference, PermissionSet, fields `Permissions*`).
"""

from __future__ import annotations

SYSTEM_ADMINISTRATOR = "System Administrator"
STANDARD_USER = "Standard User"
API_ONLY_INTEGRATIONS = "Minimum Access - API Only Integrations"

SALESFORCE_LICENSE = "Salesforce"
INTEGRATION_LICENSE = "Salesforce Integration"
INTEGRATION_PERMISSION_SET_LICENSE = "SalesforceAPIIntegrationPsl"

SSO_PERMISSION = "IsSsoEnabled"
ANY_API_AUTH_PERMISSION = "UseAnyApiAuth"

ADMINISTRATOR_PERMISSIONS = frozenset(
    {
        "ApiEnabled",
        "ApproveUninstalledConnectedApps",
        "AssignPermissionSets",
        "AuthorApex",
        "BulkApiHardDelete",
        "CustomizeApplication",
        "EditReadonlyFields",
        "ExternalClientAppAdmin",
        "ExternalClientAppDeveloper",
        "ExternalClientAppViewer",
        "FreezeUsers",
        "InstallPackaging",
        "LightningExperienceUser",
        "ManageCertificates",
        "ManageInternalUsers",
        "ManageIpAddresses",
        "ManageLoginAccessPolicies",
        "ManagePasswordPolicies",
        "ManageProfilesPermissionsets",
        "ManageRemoteAccess",
        "ManageSharing",
        "ManageUsers",
        "ModifyAllData",
        "ModifyMetadata",
        "MonitorLoginHistory",
        "ResetPasswords",
        "RunReports",
        "ViewAllData",
        "ViewAllUsers",
        "ViewClientSecret",
        "ViewEventLogFiles",
        "ViewRoles",
        "ViewSetup",
    }
)
STANDARD_USER_PERMISSIONS = frozenset({"ApiEnabled", "LightningExperienceUser", "RunReports", "ViewSetup"})
API_ONLY_PERMISSIONS = frozenset({"ApiEnabled", "ApiUserOnly"})

OTHER_PERMISSIONS = frozenset(
    {
        "ApiUserOnly",
        "BreakGlassLoginAllowed",
        "ForceTwoFactor",
        "MustUseSso",
        "PasswordNeverExpires",
        "TwoFactorApi",
        "UseAnyApiClient",
    }
)

ALL_PERMISSIONS = (
    ADMINISTRATOR_PERMISSIONS | STANDARD_USER_PERMISSIONS | API_ONLY_PERMISSIONS | OTHER_PERMISSIONS
)

# What a user of the Salesforce Integration licence may hold without the Salesforce API Integration licence.
INTEGRATION_LICENSE_PERMISSIONS = frozenset(
    {"ApiEnabled", "ApiUserOnly", SSO_PERMISSION, ANY_API_AUTH_PERMISSION}
)


def known_permissions(*, sso_permission_exists: bool, any_api_auth_exists: bool = True) -> frozenset[str]:
    """Return the permissions that exist in an org (two of them depend on its features)."""
    extra = set()
    if sso_permission_exists:
        extra.add(SSO_PERMISSION)
    if any_api_auth_exists:
        extra.add(ANY_API_AUTH_PERMISSION)
    return ALL_PERMISSIONS | extra
