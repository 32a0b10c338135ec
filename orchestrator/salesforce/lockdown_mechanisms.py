"""The mechanisms that take a password's power away: what each closes, needs and risks, and its undo. Data.

Order is from least to most invasive. One deviation from the usual order is on purpose: the password is
replaced before single sign-on is required, because Salesforce may refuse an administrator's reset for
single sign-on users, while the other order works either way (help 000385305).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

PasswordPath = Literal["soap_login", "password_grant", "ui"]
PATHS: tuple[PasswordPath, ...] = ("soap_login", "password_grant", "ui")


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One way to close password paths.

    Attributes:
        id: stable name; what evidence and playbooks carry.
        closes: paths it closes for the user (or, with scope org, for everybody).
        scope: whom it touches.
        precondition: what must hold before it is applied.
        applied: the call that applies it.
        read_back: where the org shows that it is in force.
        proven: the answer from outside that proves it.
        undone: the inverse.
        danger: what can go wrong.
        order: position; smaller is less invasive and comes first.
        removes_person: takes an account's access away, so somebody else must be able to get in.
        durable: survives whoever controls the user's mailbox.
        by_hand: why it is only reported and left to people; "" when the orchestrator applies it.
        source: where this is known from.
    """

    id: str
    closes: tuple[PasswordPath, ...]
    scope: Literal["org", "user"]
    precondition: str
    applied: str
    read_back: str
    proven: str
    undone: str
    danger: str
    order: int
    removes_person: bool = False
    durable: bool = False
    by_hand: str = ""
    source: str = ""


_ALL = (
    Mechanism(
        id="block_password_grant",
        closes=("password_grant",),
        scope="org",
        precondition="no other integration uses the flow (Login History of the last weeks)",
        applied="deploy OauthOidc.settings as read, with blockOAuthUnPwFlow=true",
        read_back="readMetadata OauthOidcSettings: blockOAuthUnPwFlow is true",
        proven="invalid_grant 'authentication failure' and Login History 'Username-Password Flow Disabled'",
        undone="deploy OauthOidc.settings from the snapshot",
        danger="other integrations that use the username-password flow stop",
        order=10,
        durable=True,
        source="meta_oauthoidcsettings; xcloud.remoteaccess_disable_username_password_flow_ca",
    ),
    Mechanism(
        id="withdraw_any_api_auth",
        closes=("soap_login",),
        scope="user",
        precondition="the user holds Use Any API Auth through a permission set that grants nothing else",
        applied="delete the PermissionSetAssignment",
        read_back="no PermissionSetAssignment of a set with PermissionsUseAnyApiAuth for the user",
        proven="INSUFFICIENT_ACCESS naming Use Any API Auth",
        undone="insert the PermissionSetAssignment again",
        danger="only orgs that enforce the permission close the path",
        order=20,
        durable=True,
        source="help 005132110",
    ),
    Mechanism(
        id="api_only",
        closes=("ui",),
        scope="user",
        precondition="the user is no person's only way into the user interface",
        applied="assign the tool's permission set with ApiUserOnly",
        read_back="PermissionSetAssignment of the set for the user",
        proven="Login History 'Failed: API-only user'",
        undone="delete the PermissionSetAssignment",
        danger="on the only administrator it locks people out of the user interface",
        order=30,
        removes_person=True,
        durable=True,
        source="help 000003819",
    ),
    Mechanism(
        id="replace_password",
        closes=("soap_login", "password_grant", "ui"),
        scope="user",
        precondition="another principal than the user acts",
        applied="POST /sobjects/User/{id}/password with a random password that is not kept",
        read_back="User.LastPasswordChangeDate is not before the call",
        proven="INVALID_LOGIN with the old password and Login History 'Invalid Password'",
        undone="none: the owner sets a new password by 'forgot password'",
        danger="whoever controls the user's mailbox can set a new password",
        order=40,
        removes_person=True,
        source="dome_sobject_user_password",
    ),
    Mechanism(
        id="require_sso",
        closes=("soap_login", "password_grant", "ui"),
        scope="user",
        precondition="the org has IsSsoEnabled and no delegated gateway that would take the password",
        applied="assign the tool's permission set with IsSsoEnabled; deploy Security.settings with "
        "singleSignOnSettings.isLoginWithSalesforceCredentialsDisabled=true",
        read_back="the PermissionSetAssignment, and the setting by readMetadata",
        proven="INVALID_SSO_GATEWAY_URL or SSO_SERVICE_DOWN",
        undone="delete the PermissionSetAssignment; deploy Security.settings from the snapshot",
        danger="if every administrator holds it and the identity provider is down, only Support can help",
        order=50,
        removes_person=True,
        durable=True,
        source="xcloud.sso_enforce_sso_login; simple-salesforce issue 279",
    ),
    Mechanism(
        id="end_sessions",
        closes=(),
        scope="user",
        precondition="the session in use is kept (AuthSession.IsCurrent)",
        applied="delete the user's AuthSession rows that are not current",
        read_back="no AuthSession of the user from before the lock",
        proven="401 INVALID_SESSION_ID with the bootstrap session",
        undone="none: sessions are begun by logging in",
        danger="people working in the account are logged out",
        order=60,
        source="sforce_api_objects_authsession",
    ),
    Mechanism(
        id="freeze_user",
        closes=("soap_login", "password_grant", "ui"),
        scope="user",
        precondition="the user is not the JWT user",
        applied="PATCH UserLogin.IsFrozen=true",
        read_back="UserLogin.IsFrozen is true",
        proven="INVALID_LOGIN and Login History 'User is Frozen'",
        undone="PATCH UserLogin.IsFrozen=false",
        danger="breaks the JWT if it is the run-as user",
        order=70,
        removes_person=True,
        durable=True,
        source="sforce_api_objects_userlogin",
    ),
    Mechanism(
        id="deactivate_user",
        closes=("soap_login", "password_grant", "ui"),
        scope="user",
        precondition="the user is not the JWT user and not the last administrator",
        applied="PATCH User.IsActive=false",
        read_back="User.IsActive is false",
        proven="INVALID_LOGIN and Login History 'User is Inactive'",
        undone="PATCH User.IsActive=true, which takes a licence",
        danger="automation that the user owns stops; the licence may be given away before an undo",
        order=80,
        removes_person=True,
        durable=True,
        source="metadata types, CANNOT_DISABLE_LAST_ADMIN",
    ),
    Mechanism(
        id="require_my_domain",
        closes=(),
        scope="org",
        precondition="nothing logs in through login.salesforce.com or test.salesforce.com",
        applied="Setup > My Domain > Policies: require API logins to use the My Domain URL",
        read_back="readMetadata MyDomainSettings: doesApiLoginRequireOrgDomain is true",
        proven="a fault at the generic host and Login History 'Restricted domain'",
        undone="the same switch",
        danger="integrations on generic hosts stop; the My Domain host stays open",
        order=90,
        durable=True,
        by_hand="it touches every integration of the org and closes generic hosts only; recommended by hand",
        source="xcloud.domain_name_setting_login_policy",
    ),
)

MECHANISMS: Mapping[str, Mechanism] = MappingProxyType({one.id: one for one in _ALL})
