"""The package of an OAuth app for the JWT bearer flow: External Client App or Connected App. Pure.

A deploy is declarative: an element of the schema that is left out is reset to its default, so every boolean
is pinned, per API version. Sources: metadata guide (meta_externalclientapplication and its four satellites,
meta_connectedapp), the WSDLs of v62-v67, and what live validators refused (apps by public tools at v64/v67).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from orchestrator.salesforce.client_app_plan import (
    AppKind,
    AppMembers,
    ClientAppPlan,
    IpRelaxation,
    default_members,
)
from orchestrator.salesforce.package import Component, Fields, Package, build_package

__all__ = [
    "AppKind",
    "AppMembers",
    "ClientAppPlan",
    "IpRelaxation",
    "app_policy",
    "build_client_app",
    "connected_app",
    "default_members",
    "external_client_app",
]

# ECA: what a live validator enumerates; the guide spells the last one Enforce_RelaxRefresh.
_ECA_IP: Mapping[IpRelaxation, str] = {
    "enforce": "Enforce",
    "bypass": "Bypass",
    "bypass_second_factor": "Bypass_2factor",
    "enforce_relax_refresh": "Enforce_relaxrefresh",
}
_CONNECTED_IP: Mapping[IpRelaxation, str] = {
    "enforce": "ENFORCE",
    "bypass": "BYPASS",
    "bypass_second_factor": "BYPASS_2FACTOR",
    "enforce_relax_refresh": "ENFORCE_RELAXREFRESH",
}


def build_client_app(plan: ClientAppPlan, api_version: int, beside: Sequence[Component] = ()) -> Package:
    """The package that creates or updates the app.

    Args:
        plan: the app.
        api_version: of the deploy.
        beside: other components to go into the same package.

    Raises:
        UsageError: the API version is not known.
    """
    if plan.kind == "connected_app":
        return build_package([*beside, connected_app(plan)], api_version)
    return build_package([*beside, *external_client_app(plan, api_version)], api_version)


def external_client_app(plan: ClientAppPlan, api_version: int) -> list[Component]:
    """The header of an External Client App and its four satellites."""
    names = plan.members or default_members(plan.name)
    header: Fields = {
        "contactEmail": plan.contact_email,
        "description": plan.description,
        "distributionState": "Local",
        "isProtected": False,
        "label": plan.label,
    }
    return [
        Component("ExternalClientApplication", plan.name, header),
        Component("ExtlClntAppGlobalOauthSettings", names.global_oauth, _global_oauth(plan, api_version)),
        Component("ExtlClntAppOauthSettings", names.oauth, _oauth(plan, api_version)),
        Component(
            "ExtlClntAppOauthConfigurablePolicies", names.oauth_policy, _oauth_policy(plan, api_version)
        ),
        Component("ExtlClntAppConfigurablePolicies", names.policy, _policy(plan, api_version)),
    ]


def app_policy(plan: ClientAppPlan, api_version: int) -> Package:
    """Only the policies, for a second deploy that enables or repairs an existing app."""
    last_two = external_client_app(plan, api_version)[3:]
    return build_package(last_two, api_version)


def _global_oauth(plan: ClientAppPlan, api_version: int) -> Fields:
    """The satellite with key and certificate; the certificate is what switches the JWT flow on."""
    return _for_version(
        {
            "callbackUrl": plan.callback_url,
            "certificate": plan.certificate_pem.strip(),
            "consumerKey": plan.consumer_key,
            "externalClientApplication": plan.name,
            "isClientCredentialsFlowEnabled": False,
            "isCodeCredFlowEnabled": False,
            "isCodeCredPostOnly": False,
            "isConsumerSecretOptional": False,
            "isDeviceFlowEnabled": False,
            "isIntrospectAllTokens": False,
            # JWT access tokens would be refused by SOAP, and so by the Metadata API.
            "isNamedUserJwtEnabled": False,
            "isPkceRequired": True,
            "isRefreshTokenRotationEnabled": False,
            "isSecretRequiredForRefreshToken": True,
            "isSecretRequiredForTokenExchange": True,
            "isTokenExchangeEnabled": False,
            "label": f"{plan.label} Global",
            # true would make a new key with every deploy.
            "shouldRotateConsumerKey": False,
            "shouldRotateConsumerSecret": False,
        },
        api_version,
        {
            "isCodeCredFlowEnabled": _from(61),
            "isCodeCredPostOnly": _from(61),
            # In the WSDLs since v61, but live validators refuse it at v64 and accept it at v67.
            "isNamedUserJwtEnabled": _from(67),
        },
    )


def _oauth(plan: ClientAppPlan, api_version: int) -> Fields:
    """Scopes. No oauthLink: it names an org, and Salesforce writes it itself."""
    return _for_version(
        {
            "commaSeparatedOauthScopes": ", ".join(
                "SFApiPlatform" if scope == "SFAP" else scope for scope in plan.scopes
            ),
            "externalClientApplication": plan.name,
            "isFirstPartyAppEnabled": False,
            "label": f"{plan.label} OAuth",
        },
        api_version,
        {"isFirstPartyAppEnabled": _from(62)},
    )


def _oauth_policy(plan: ClientAppPlan, api_version: int) -> Fields:
    """Who may use the app: nobody but users with the permission set.

    The set stands here, not only in SetupEntityAccess, because a deploy of this file can drop grants it
    does not list.
    """
    return _for_version(
        {
            "commaSeparatedPermissionSet": plan.permission_set,
            "externalClientApplication": plan.name,
            "ipRelaxationPolicyType": _ECA_IP[plan.ip_relaxation],
            "isClientCredentialsFlowEnabled": False,
            "isGuestCodeCredFlowEnabled": False,
            "isNamedUserJwtEnabled": False,
            "isTokenExchangeFlowEnabled": False,
            "label": f"{plan.label} OAuth Policy",
            "permittedUsersPolicyType": "AdminApprovedPreAuthorized",
            "refreshTokenPolicyType": "Zero",
            "sessionTimeoutInMinutes": plan.session_timeout_min,
        },
        api_version,
        {"isGuestCodeCredFlowEnabled": _from(61), "isNamedUserJwtEnabled": lambda v: 61 <= v <= 63},  # noqa: PLR2004
    )


def _policy(plan: ClientAppPlan, api_version: int) -> Fields:
    """The switch of the app and its plug-ins."""
    return _for_version(
        {
            "externalClientApplication": plan.name,
            "isCanvasPluginEnabled": False,
            "isEnabled": plan.enabled,
            "isMobilePluginEnabled": False,
            "isNotificationPluginEnabled": False,
            "isOauthPluginEnabled": True,
            "isPushPluginEnabled": False,
            "isSamlPluginEnabled": False,
            "label": f"{plan.label} Policy",
            "startPage": "None",
        },
        api_version,
        {
            "isCanvasPluginEnabled": _from(66),
            "isMobilePluginEnabled": _from(63),
            "isNotificationPluginEnabled": _from(63),
            "isPushPluginEnabled": _from(63),
            "isSamlPluginEnabled": _from(63),
            "startPage": _from(63),
        },
    )


def connected_app(plan: ClientAppPlan) -> Component:
    """A Connected App, for the few orgs that still may create one; the same fields in v60-v68."""
    oauth_config: Fields = {
        "callbackUrl": plan.callback_url,
        "certificate": plan.certificate_pem.strip(),
        "consumerKey": plan.consumer_key,
        "isAdminApproved": True,
        "isClientCredentialEnabled": False,
        "isCodeCredentialEnabled": False,
        "isCodeCredentialPostOnly": False,
        "isConsumerSecretOptional": False,
        "isIntrospectAllTokens": False,
        "isNamedUserJwtEnabled": False,
        "isPkceRequired": True,
        "isRefreshTokenRotationEnabled": False,
        "isSecretRequiredForRefreshToken": True,
        "isSecretRequiredForTokenExchange": True,
        "isTokenExchangeEnabled": False,
        "scopes": tuple("SFAP" if scope == "SFApiPlatform" else scope for scope in plan.scopes),
    }
    session = None if plan.session_timeout_min is None else {"sessionTimeout": plan.session_timeout_min}
    fields: Fields = {
        "contactEmail": plan.contact_email,
        "description": plan.description,
        "label": plan.label,
        "oauthConfig": oauth_config,
        "oauthPolicy": {
            "ipRelaxation": _CONNECTED_IP[plan.ip_relaxation],
            "refreshTokenPolicy": "zero",
        },
        "permissionSetName": plan.permission_set,
        "sessionPolicy": session,
    }
    return Component("ConnectedApp", plan.name, fields)


def _from(first: int) -> Callable[[int], bool]:
    return lambda version: version >= first


def _for_version(fields: Fields, api_version: int, accepted: Mapping[str, Callable[[int], bool]]) -> Fields:
    """The fields the version accepts; those without a rule are accepted by all we know."""
    return {name: fields[name] for name in fields if name not in accepted or accepted[name](api_version)}
