"""sObject tables of OAuth apps: External Client Apps, their policies, Connected Apps, pre-authorisations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from orchestrator.simulator.client_app import ClientApp
from orchestrator.simulator.clock import rest_timestamp
from orchestrator.simulator.ids import to_18
from orchestrator.simulator.org import Org
from orchestrator.simulator.schema import Row, Table, described, fields_by_name, reference

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator

_AUDITED = described("CreatedDate LastModifiedDate SystemModstamp", "datetime")


def _dates(app: ClientApp) -> Row:
    created, modified = rest_timestamp(app.created_wall_s), rest_timestamp(app.modified_wall_s)
    return {"CreatedDate": created, "LastModifiedDate": modified, "SystemModstamp": modified}


def part_id(app: ClientApp, prefix: str) -> str:
    """Return the id of a satellite record of an app (one of each per app)."""
    return to_18(prefix + app.app_id[3:15])


def _external_client_apps(_sim: Simulator, org: Org) -> Iterator[Row]:
    for app in org.apps.values():
        if app.kind == "external_client_app":
            yield {
                "Id": app.app_id,
                "DeveloperName": app.name.removeprefix(f"{app.namespace}__"),
                "MasterLabel": app.label,
                "ContactEmail": app.contact_email,
                "Description": app.description or None,
                "DistributionState": app.distribution_state,
                "OrgScopedExternalApp": f"{org.id}:{app.name}",
                "NamespacePrefix": app.namespace or org.namespace_prefix,
                "Language": "en_US",
                "IsProtected": False,
                **_dates(app),
            }


def _oauth_policies(_sim: Simulator, org: Org) -> Iterator[Row]:
    for app in org.apps.values():
        if app.kind == "external_client_app":
            yield {
                "Id": part_id(app, "0xM"),
                "ExternalClientApplicationId": app.app_id,
                "PermittedUsersPolicyType": (
                    "AdminApprovedPreAuthorized" if app.admin_approved else "AllSelfAuthorized"
                ),
                "IpRelaxationPolicyType": app.ip_relaxation,
                "RefreshTokenPolicyType": app.refresh_token_policy,
                "RequiredSessionLevel": app.required_session_level or None,
                "SessionTimeoutInMinutes": app.session_timeout_minutes or None,
                "PolicyAction": app.policy_action or None,
                "IsNamedUserJwtEnabled": app.issues_jwt_tokens,
                **_dates(app),
            }


def _app_policies(_sim: Simulator, org: Org) -> Iterator[Row]:
    for app in org.apps.values():
        if app.kind == "external_client_app":
            yield {
                "Id": part_id(app, "0xL"),
                "ExternalClientApplicationId": app.app_id,
                "IsEnabled": app.enabled,
                "OauthPluginStatus": "Enabled" if app.oauth_plugin_enabled else "Disabled",
                **_dates(app),
            }


def _oauth_settings(_sim: Simulator, org: Org) -> Iterator[Row]:
    for app in org.apps.values():
        if app.kind == "external_client_app" and app.has_oauth_settings:
            words = {word.lower() for word in app.scopes}
            yield {
                "Id": part_id(app, "0xJ"),
                "ExternalClientApplicationId": app.app_id,
                "OauthLink": f"{org.id}:{app.consumer_id}",
                "OauthScopesAPI": "api" in words,
                "OauthScopesREFRESH_TOKEN": bool(words & {"refreshtoken", "offlineaccess"}),
                "OauthScopesWEB": "web" in words,
                "OauthScopesFULL": "full" in words,
                **_dates(app),
            }


def _connected_apps(_sim: Simulator, org: Org) -> Iterator[Row]:
    for app in org.apps.values():
        if app.kind == "connected_app":
            yield {
                "Id": app.app_id,
                "Name": app.label,
                "OptionsAllowAdminApprovedUsersOnly": app.admin_approved,
                "OptionsRefreshTokenValidityMetric": False,
                "RefreshTokenValidityPeriod": None,
                "OptionsIsInternal": False,
                "StartUrl": app.start_url or None,
                "MobileStartUrl": None,
                **_dates(app),
            }


def access_rows(org: Org) -> Iterator[tuple[str, str, ClientApp]]:
    """Yield (row id, permission set id, app) of every pre-authorisation; ids are stable once given."""
    for app in org.apps.values():
        named_sets = [org.permission_set_by_name(name) for name in sorted(app.permission_set_names)]
        named_profiles = [org.profile_by_name(name) for name in sorted(app.profile_names)]
        parents = [found.id for found in named_sets if found is not None]
        parents += [found.owned_permission_set_id for found in named_profiles if found is not None]
        for parent_id in parents:
            if parent_id not in app.access_ids:
                app.access_ids[parent_id] = org.next_id("0J0")
            yield app.access_ids[parent_id], parent_id, app


def _setup_entity_access(_sim: Simulator, org: Org) -> Iterator[Row]:
    for row_id, parent_id, app in access_rows(org):
        yield {
            "Id": row_id,
            "ParentId": parent_id,
            "SetupEntityId": app.app_id,
            "SetupEntityType": (
                "ExternalClientApplication" if app.kind == "external_client_app" else "ConnectedApplication"
            ),
            "SystemModstamp": rest_timestamp(app.modified_wall_s),
        }


_APP = reference("ExternalClientApplicationId", "ExternalClientApplication")

APP_TABLES = (
    Table(
        "ExternalClientApplication",
        "0xI",
        _external_client_apps,
        fields_by_name(
            described(
                "DeveloperName MasterLabel ContactEmail Description DistributionState OrgScopedExternalApp"
            ),
            described("NamespacePrefix Language"),
            described("IsProtected", "boolean"),
            _AUDITED,
        ),
        surfaces="data",
    ),
    Table(
        "ExtlClntAppOauthPlcyCnfg",
        "0xM",
        _oauth_policies,
        fields_by_name(
            _APP,
            described(
                "PermittedUsersPolicyType IpRelaxationPolicyType RefreshTokenPolicyType RequiredSessionLevel"
            ),
            described("PolicyAction"),
            described("SessionTimeoutInMinutes", "int"),
            described("IsNamedUserJwtEnabled", "boolean"),
            _AUDITED,
        ),
        surfaces="data",
    ),
    Table(
        "ExtlClntAppPlcyCnfg",
        "0xL",
        _app_policies,
        fields_by_name(_APP, described("IsEnabled", "boolean"), described("OauthPluginStatus"), _AUDITED),
        surfaces="data",
    ),
    Table(
        "ExtlClntAppOauthSettings",
        "0xJ",
        _oauth_settings,
        fields_by_name(
            _APP,
            described("OauthLink"),
            described("OauthScopesAPI OauthScopesREFRESH_TOKEN OauthScopesWEB OauthScopesFULL", "boolean"),
            _AUDITED,
        ),
        surfaces="data",
    ),
    Table(
        "ConnectedApplication",
        "0H4",
        _connected_apps,
        fields_by_name(
            described("Name StartUrl MobileStartUrl"),
            described(
                "OptionsAllowAdminApprovedUsersOnly OptionsRefreshTokenValidityMetric OptionsIsInternal",
                "boolean",
            ),
            described("RefreshTokenValidityPeriod", "int"),
            _AUDITED,
        ),
    ),
    Table(
        "SetupEntityAccess",
        "0J0",
        _setup_entity_access,
        fields_by_name(
            reference("ParentId", "PermissionSet", "Parent", createable=True),
            reference("SetupEntityId", "ExternalClientApplication", "SetupEntity", createable=True),
            described("SetupEntityType"),
            described("SystemModstamp", "datetime"),
        ),
        createable=True,
        deletable=True,
    ),
)
