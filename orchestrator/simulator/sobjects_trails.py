"""sObject tables of what happened (logins, sessions, grants, setup changes) and of business records."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from orchestrator.simulator.clock import rest_timestamp
from orchestrator.simulator.org import Org
from orchestrator.simulator.schema import (
    FieldType,
    Row,
    RowSource,
    Table,
    described,
    fields_by_name,
    reference,
)

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator

_AUDITED = described("CreatedDate LastModifiedDate SystemModstamp", "datetime")


def _login_history(sim: Simulator, org: Org) -> Iterator[Row]:
    now_s = sim.now_s()
    for row in org.login_history:
        held_by_read_only = math.isinf(row.visible_from_s) and org.is_read_only
        if held_by_read_only or (not math.isinf(row.visible_from_s) and row.visible_from_s > now_s):
            continue
        yield {
            "Id": row.id,
            "UserId": row.user_id,
            "LoginTime": rest_timestamp(row.login_wall_s),
            "LoginType": row.login_type,
            "LoginSubType": row.login_sub_type or None,
            "Status": row.status,
            "Application": row.application,
            "SourceIp": row.source_ip,
            "LoginUrl": row.login_url,
            "ApiType": row.api_type,
            "ApiVersion": row.api_version,
            "ClientVersion": "N/A",
            "Browser": "Unknown",
            "Platform": "Unknown",
            "CountryIso": "US",
            "TlsProtocol": "TLS 1.3",
            "CipherSuite": "TLS_AES_256_GCM_SHA384",
            "AuthenticationServiceId": None,
            "NetworkId": None,
        }


def _auth_sessions(sim: Simulator, org: Org) -> Iterator[Row]:
    now_s = sim.now_s()
    for session in list(org.sessions.values()):
        if session.expires_s <= now_s:
            continue
        yield {
            "Id": session.id,
            "UsersId": session.user_id,
            "LoginType": session.login_type,
            "SessionType": "API" if session.origin == "password" else "Oauth2",
            "SessionSecurityLevel": "STANDARD",
            "NumSecondsValid": int(session.timeout_s),
            "SourceIp": session.source_ip,
            "LoginHistoryId": session.login_history_id or None,
            "IsCurrent": session.id == org.current_session_id,
            "IsAssociatedWithJwtAccessToken": session.is_jwt_format,
            "ParentId": None,
            "UserType": "Standard",
            "CreatedDate": rest_timestamp(session.created_wall_s),
            "LastModifiedDate": rest_timestamp(session.created_wall_s),
        }


def _oauth_tokens(_sim: Simulator, org: Org) -> Iterator[Row]:
    for grant in org.oauth_grants.values():
        if not grant.revoked:
            yield {
                "Id": grant.id,
                "AppName": grant.app_name,
                "UserId": grant.user_id,
                "UseCount": grant.use_count,
                "LastUsedDate": rest_timestamp(grant.last_used_wall_s),
                "CreatedDate": rest_timestamp(grant.created_wall_s),
                "AppMenuItemId": None,
                "DeleteToken": None,
            }


def _setup_audit_trail(_sim: Simulator, org: Org) -> Iterator[Row]:
    for row in org.setup_audit_trail:
        yield {
            "Id": row.id,
            "Action": row.action,
            "Section": row.section,
            "Display": row.display,
            "CreatedDate": rest_timestamp(row.created_wall_s),
            "CreatedById": row.created_by_id or None,
            "DelegateUser": None,
            "ResponsibleNamespacePrefix": None,
        }


def _two_factor_methods(_sim: Simulator, org: Org) -> Iterator[Row]:
    for user in org.users.values():
        yield {
            "Id": user.id,
            "UserId": user.id,
            "HasBuiltInAuthenticator": user.has_passkey,
            "HasSecurityKey": user.has_passkey,
            "HasSalesforceAuthenticator": False,
            "HasTotp": False,
            "HasUserVerifiedEmailAddress": True,
            "HasUserVerifiedMobileNumber": False,
        }


def _records(sobject: str) -> RowSource:
    def rows(_sim: Simulator, org: Org) -> Iterator[Row]:
        for record in org.generic_records.get(sobject, {}).values():
            moment = rest_timestamp(record["__created_wall_s"])
            yield {
                "Name": f"{record.get('FirstName', '')} {record.get('LastName', '')}".strip(),
                "CreatedDate": moment,
                "LastModifiedDate": moment,
                "SystemModstamp": moment,
                "IsDeleted": bool(record.get("__deleted")),
                **{name: value for name, value in record.items() if not name.startswith("__")},
            }

    return rows


TRAIL_TABLES = (
    Table(
        "LoginHistory",
        "0Ya",
        _login_history,
        fields_by_name(
            reference("UserId", "User", "User"),
            described("LoginTime", "datetime"),
            described("LoginType LoginUrl CountryIso TlsProtocol CipherSuite"),
            [
                FieldType(name, filterable=False)
                for name in [
                    "LoginSubType",
                    "Status",
                    "Application",
                    "SourceIp",
                    "ApiType",
                    "ApiVersion",
                    "ClientVersion",
                    "Browser",
                    "Platform",
                ]
            ],
            FieldType("AuthenticationServiceId", "reference"),
            FieldType("NetworkId", "reference"),
        ),
    ),
    Table(
        "AuthSession",
        "0Ak",
        _auth_sessions,
        fields_by_name(
            FieldType("UsersId", "reference", refers_to="User", relationship="Users"),
            FieldType("LoginHistoryId", "reference", refers_to="LoginHistory", relationship="LoginHistory"),
            FieldType("ParentId", "reference"),
            described("LoginType SessionType SessionSecurityLevel SourceIp UserType"),
            described("NumSecondsValid", "int"),
            described("IsCurrent IsAssociatedWithJwtAccessToken", "boolean"),
            described("CreatedDate LastModifiedDate", "datetime"),
        ),
        needs=frozenset({"ManageUsers"}),
        deletable=True,
    ),
    Table(
        "OauthToken",
        "0CQ",
        _oauth_tokens,
        fields_by_name(
            reference("UserId", "User", "User"),
            described("AppName DeleteToken"),
            FieldType("AppMenuItemId", "reference"),
            described("UseCount", "int"),
            described("LastUsedDate CreatedDate", "datetime"),
        ),
        deletable=True,
    ),
    Table(
        "SetupAuditTrail",
        "0Ym",
        _setup_audit_trail,
        fields_by_name(
            described("Action DelegateUser ResponsibleNamespacePrefix"),
            [FieldType("Section", filterable=False), FieldType("Display", filterable=False)],
            described("CreatedDate", "datetime"),
            reference("CreatedById", "User", "CreatedBy"),
        ),
        needs=frozenset({"ViewSetup"}),
    ),
    Table(
        "TwoFactorMethodsInfo",
        "",
        _two_factor_methods,
        fields_by_name(
            reference("UserId", "User", "User"),
            described(
                "HasBuiltInAuthenticator HasSecurityKey HasSalesforceAuthenticator HasTotp "
                "HasUserVerifiedEmailAddress HasUserVerifiedMobileNumber",
                "boolean",
            ),
        ),
        needs=frozenset({"ManageUsers"}),
    ),
    Table(
        "Account",
        "001",
        _records("Account"),
        fields_by_name(
            described(
                "Name Phone Website Industry Description AccountNumber", createable=True, updateable=True
            ),
            described("IsDeleted", "boolean"),
            _AUDITED,
        ),
        children={"Contacts": ("Contact", "AccountId")},
        createable=True,
        updateable=True,
        deletable=True,
    ),
    Table(
        "Contact",
        "003",
        _records("Contact"),
        fields_by_name(
            described("FirstName LastName Email Phone Title", createable=True, updateable=True),
            described("Name"),
            described("IsDeleted", "boolean"),
            reference("AccountId", "Account", createable=True, updateable=True),
            _AUDITED,
        ),
        createable=True,
        updateable=True,
        deletable=True,
    ),
)
