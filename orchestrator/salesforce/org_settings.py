"""Packages that change one switch of an org's settings and leave all others as they were read. Pure.

Read, modify, write: the snapshot is what readMetadata or retrieve gave; the same builder with the snapshot
alone is the undo. Sources: meta_oauthoidcsettings, meta_securitysettings (a deploy with an empty
networkAccess deletes every trusted range, so that element is never sent), meta_externalclientappsettings.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.errors import Defect
from orchestrator.salesforce.package import Component

_BOOLEANS = {
    "OauthOidcSettings": {
        "agentAuthLinking": 66,
        "blockOAuthUnPwFlow": 56,
        "blockOAuthUsrAgtFlow": 56,
        "isPkceRequired": 59,
        "oAuthCdCrdtFlowEnable": 57,
    },
    "SingleSignOnSettings": {
        "enableCaseInsensitiveFederationID": 47,
        "enableForceDelegatedCallout": 47,
        "enableMultipleSamlConfigs": 47,
        "enableSamlJitProvisioning": 47,
        "enableSamlLogin": 47,
        "isLoginWithSalesforceCredentialsDisabled": 47,
    },
    "ExternalClientAppSettings": {
        "enableClientSecretInRestApiAccess": 62,
        "enableConsumerSecretApiAccess": 62,
        "enablePackageEcaOauthFromDevOrg": 62,
    },
}


def oauth_oidc_settings(
    snapshot: Mapping[str, bool], api_version: int, *, block_password_grant: bool | None = None
) -> Component:
    """OauthOidc.settings as read, the username-password flow blocked or allowed; None only writes back."""
    change = {} if block_password_grant is None else {"blockOAuthUnPwFlow": block_password_grant}
    fields = _merged("OauthOidcSettings", snapshot, change, api_version)
    return Component("Settings", "OauthOidc", fields, root="OauthOidcSettings")


def single_sign_on_settings(
    snapshot: Mapping[str, bool], api_version: int, *, disable_password_login: bool | None = None
) -> Component:
    """Security.settings with its singleSignOnSettings alone; never networkAccess or password policies.

    Args:
        snapshot: the elements of `singleSignOnSettings` as read.
        api_version: of the package.
        disable_password_login: whether holders of Is Single Sign-On Enabled lose the login form; None only
            writes back.
    """
    change = (
        {}
        if disable_password_login is None
        else {"isLoginWithSalesforceCredentialsDisabled": disable_password_login}
    )
    nested = _merged("SingleSignOnSettings", snapshot, change, api_version)
    return Component("Settings", "Security", {"singleSignOnSettings": nested}, root="SecuritySettings")


def external_client_app_settings(
    snapshot: Mapping[str, bool], api_version: int, *, give_consumer_key: bool | None = None
) -> Component:
    """ExternalClientApp.settings as read, access to keys through the Metadata API on or off."""
    change = {} if give_consumer_key is None else {"enableConsumerSecretApiAccess": give_consumer_key}
    fields = _merged("ExternalClientAppSettings", snapshot, change, api_version)
    return Component("Settings", "ExternalClientApp", fields, root="ExternalClientAppSettings")


def _merged(
    type_name: str, snapshot: Mapping[str, bool], change: Mapping[str, bool], api_version: int
) -> dict[str, bool]:
    """Snapshot and change, only elements the version knows.

    Raises:
        Defect: a value is no boolean, which would be written wrongly; or nothing is left to write.
    """
    known = {name for name, first in _BOOLEANS[type_name].items() if api_version >= first}
    merged = {name: value for name, value in {**snapshot, **change}.items() if name in known}
    if not all(isinstance(value, bool) for value in merged.values()):
        raise Defect(f"a snapshot of {type_name} holds a value that is no boolean")
    if not merged:
        raise Defect(f"nothing of {type_name} to write")
    return merged
