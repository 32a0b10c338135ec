"""Org profiles: the states of the world a simulated org can be born in, as records of switches.

Sources: SOAP login() retirement (help 005132110), connected app creation block (help 005228017), API Access
    Control
(help security_api_access_control), My Domain partitions (MyDomainSettings.domainPartition).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from orchestrator.simulator.org import Propagation, Switches


@dataclass(frozen=True)
class OrgProfile:
    """What distinguishes one kind of org from another.

    `host_pattern` and `user_suffix` are formatted with `name`. `password_flow_blocked` is the initial
    `OauthOidcSettings.blockOAuthUnPwFlow`. `settings` overlays the standard settings.
    """

    name: str
    about: str = "a production org of today: SOAP login() on, connected apps cannot be created"
    kind: str = "production"
    host_pattern: str = "{name}.my.salesforce.com"
    user_suffix: str = "@{name}.example"
    is_sandbox: bool = False
    is_trial: bool = False
    organization_type: str = "Enterprise Edition"
    instance_name: str = "USA482"
    soap_login_enabled: bool = True
    any_api_auth_enforced: bool = False
    administrator_has_any_api_auth: bool = True
    api_access_control: bool = False
    connected_app_creation_allowed: bool = False
    has_legacy_connected_app: bool = False
    sso_permission_exists: bool = True
    security_token_required: bool = False
    password_flow_blocked: bool = False
    generic_host_serves_external_client_apps: bool = True
    integration_license: bool = True
    is_dev_hub: bool = False
    max_api_version: int = 66
    propagation: tuple[float, float] = (4.0, 25.0)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)

    def switches(self) -> Switches:
        """Return fresh switches for an org of this profile."""
        first_s, last_s = self.propagation
        return Switches(
            soap_login_enabled=self.soap_login_enabled,
            any_api_auth_enforced=self.any_api_auth_enforced,
            api_access_control=self.api_access_control,
            connected_app_creation_allowed=self.connected_app_creation_allowed,
            sso_permission_exists=self.sso_permission_exists,
            security_token_required=self.security_token_required,
            is_dev_hub=self.is_dev_hub,
            generic_host_serves_external_client_apps=self.generic_host_serves_external_client_apps,
            propagation=Propagation(first_s=first_s, last_s=last_s),
        )


_ALL = (
    OrgProfile("production"),
    OrgProfile(
        "sandbox",
        about="a sandbox: test.salesforce.com, usernames with a suffix",
        kind="sandbox",
        host_pattern="{name}--uat.sandbox.my.salesforce.com",
        user_suffix="@{name}.example.uat",
        is_sandbox=True,
        instance_name="USA684S",
    ),
    OrgProfile(
        "developer",
        about="a Developer Edition org",
        kind="developer",
        host_pattern="{name}-dev-ed.develop.my.salesforce.com",
        organization_type="Developer Edition",
        instance_name="CAN98",
    ),
    OrgProfile(
        "trailhead",
        about="a Trailhead Playground",
        kind="trailhead",
        host_pattern="{name}-dev-ed.trailblaze.my.salesforce.com",
        organization_type="Developer Edition",
        instance_name="SWE44",
    ),
    OrgProfile(
        "scratch",
        about="a scratch org: a trial that ends, connected apps may be created, source tracking",
        kind="scratch",
        host_pattern="{name}-dev-ed.scratch.my.salesforce.com",
        is_sandbox=True,
        is_trial=True,
        organization_type="Developer Edition",
        instance_name="USA254S",
        connected_app_creation_allowed=True,
    ),
    OrgProfile(
        "soap_login_off",
        about="SOAP login() and the username-password flow are off, as in orgs created since Winter '26",
        soap_login_enabled=False,
        password_flow_blocked=True,
    ),
    OrgProfile(
        "eca_only",
        about="login.salesforce.com never serves External Client Apps; a Dev Hub",
        password_flow_blocked=True,
        generic_host_serves_external_client_apps=False,
        is_dev_hub=True,
    ),
    OrgProfile(
        "legacy_connected_apps",
        about="an old connected app lives here and new ones may be created",
        connected_app_creation_allowed=True,
        has_legacy_connected_app=True,
    ),
    OrgProfile(
        "any_api_auth_required",
        about="login() asks for Use Any API Auth, which the administrators hold",
        any_api_auth_enforced=True,
        password_flow_blocked=True,
    ),
    OrgProfile(
        "any_api_auth_missing",
        about="login() asks for Use Any API Auth, which nobody holds",
        any_api_auth_enforced=True,
        administrator_has_any_api_auth=False,
        password_flow_blocked=True,
    ),
    OrgProfile(
        "api_access_control",
        about="only admin-approved apps, External Client Apps and Use Any API Client may call",
        api_access_control=True,
        settings={"ConnectedAppSettings": {"enableAdminApprovedAppsOnly": "true"}},
    ),
    OrgProfile(
        "security_token_required", about="passwords need the security token", security_token_required=True
    ),
    OrgProfile(
        "no_sso_permission",
        about="the permission Is Single Sign-On Enabled does not exist",
        sso_permission_exists=False,
    ),
    OrgProfile(
        "full_license_integration_user",
        about="the integration user has a full licence and is an administrator",
        integration_license=False,
    ),
    OrgProfile(
        "next_release",
        about="what comes next: API v68, login() asks for Use Any API Auth, the password flow is blocked",
        any_api_auth_enforced=True,
        password_flow_blocked=True,
        max_api_version=68,
    ),
    OrgProfile(
        "slow_propagation", about="an app reaches the nodes after 2 to 10 minutes", propagation=(120.0, 600.0)
    ),
)

ORG_PROFILES: dict[str, OrgProfile] = {profile.name: profile for profile in _ALL}


def standard_settings(profile: OrgProfile, my_domain_host: str) -> dict[str, dict[str, Any]]:
    """Return the settings an org of this profile starts with, as Metadata API field values."""
    labels = my_domain_host.split(".")
    partition = labels[1] if labels[1] != "my" else "none"
    settings: dict[str, dict[str, Any]] = {
        "SecuritySettings": {
            "networkAccess": {},
            "passwordPolicies": {
                "lockoutInterval": "FifteenMinutes",
                "maxLoginAttempts": "TenAttempts",
                "minimumPasswordLength": "8",
            },
            "sessionSettings": {
                "sessionTimeout": "TwoHours",
                "terminateUserSessionsWhenAdminResetsPassword": "false",
            },
            "singleSignOnSettings": {
                "enableForceDelegatedCallout": "false",
                "enableSamlLogin": "false",
                "isLoginWithSalesforceCredentialsDisabled": "false",
            },
        },
        "OauthOidcSettings": {
            "blockOAuthUnPwFlow": "true" if profile.password_flow_blocked else "false",
            "blockOAuthUsrAgtFlow": "false",
            "isPkceRequired": "false",
            "oAuthCdCrdtFlowEnable": "false",
        },
        "MyDomainSettings": {
            "canOnlyLoginWithMyDomainUrl": "false",
            "doesApiLoginRequireOrgDomain": "false",
            "domainPartition": partition,
            "myDomainName": labels[0],
            "myDomainSuffix": "MySalesforce",
        },
        "ConnectedAppSettings": {
            "enableAdminApprovedAppsOnly": "false",
            "enableAdminApprovedAppsOnlyForExternalUser": "false",
            "enableSkipUserProvisioningWizardWelcomePage": "false",
        },
        "ExternalClientAppSettings": {
            "enableClientSecretInRestApiAccess": "false",
            "enableConsumerSecretApiAccess": "false",
            "enablePackageEcaOauthFromDevOrg": "false",
        },
        "UserManagementSettings": {"enableEnhancedPermsetMgmt": "true"},
    }
    for type_name, fields in profile.settings.items():
        settings.setdefault(type_name, {}).update(fields)
    return settings
