"""Builds an org from its seed: standard licences, profiles, users, settings and, for some, a legacy app."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from orchestrator.simulator.catalogue import OrgSeed, random_token
from orchestrator.simulator.client_app import ClientApp
from orchestrator.simulator.ids import base62
from orchestrator.simulator.org import Org
from orchestrator.simulator.permissions import (
    ADMINISTRATOR_PERMISSIONS,
    ANY_API_AUTH_PERMISSION,
    API_ONLY_INTEGRATIONS,
    API_ONLY_PERMISSIONS,
    INTEGRATION_LICENSE,
    INTEGRATION_PERMISSION_SET_LICENSE,
    SALESFORCE_LICENSE,
    STANDARD_USER,
    STANDARD_USER_PERMISSIONS,
    SYSTEM_ADMINISTRATOR,
)
from orchestrator.simulator.profiles import standard_settings
from orchestrator.simulator.users import (
    License,
    PermissionSet,
    PermissionSetAssignment,
    PermissionSetLicenseAssign,
    Profile,
    User,
)

_BORN_BEFORE_S = 400 * 86_400.0


def build_org(seed: OrgSeed, sim_seed: str, wall_s: float) -> Org:
    """Return a new org with the facts its seed and profile ask for."""
    rng = random.Random(f"{sim_seed}/{seed.index}/facts")
    org = Org(
        id=seed.org_id,
        name=f"{seed.name.capitalize()} Inc.",
        my_domain_host=seed.my_domain_host,
        kind=seed.profile.kind,
        is_sandbox=seed.profile.is_sandbox,
        organization_type=seed.profile.organization_type,
        instance_name=seed.profile.instance_name,
        rng=rng,
        id_tag=base62(rng.getrandbits(28), 5)[-5:],
        index=seed.index,
        profile_name=seed.profile.name,
        max_api_version=seed.profile.max_api_version,
        switches=seed.profile.switches(),
        settings=standard_settings(seed.profile, seed.my_domain_host),
    )
    if seed.profile.is_trial:
        ends = datetime.fromtimestamp(wall_s, UTC) + timedelta(days=7)
        org.trial_expiration = ends.strftime("%Y-%m-%dT00:00:00.000+0000")
    _add_licenses(org)
    _add_profiles(org)
    _add_users(org, seed, wall_s - _BORN_BEFORE_S)
    _add_records(org, wall_s - _BORN_BEFORE_S)
    if seed.profile.has_legacy_connected_app:
        _add_legacy_app(org, wall_s - _BORN_BEFORE_S)
    return org


def _add_licenses(org: Org) -> None:
    # Free with the edition (help platform.integration_user).
    seats = 1 if org.organization_type == "Developer Edition" else 5
    for name, key, total in (
        (SALESFORCE_LICENSE, "SFDC", 25),
        (INTEGRATION_LICENSE, "SFDC_INTEGRATION", seats),
    ):
        found = License(org.next_id("100"), name, key, total)
        org.licenses[found.id] = found
    psl = License(org.next_id("0PL"), "Salesforce API Integration", INTEGRATION_PERMISSION_SET_LICENSE, seats)
    org.permission_set_licenses[psl.id] = psl


def _add_profiles(org: Org) -> None:
    for name, license_name, permissions in (
        (SYSTEM_ADMINISTRATOR, SALESFORCE_LICENSE, ADMINISTRATOR_PERMISSIONS),
        (STANDARD_USER, SALESFORCE_LICENSE, STANDARD_USER_PERMISSIONS),
        (API_ONLY_INTEGRATIONS, INTEGRATION_LICENSE, API_ONLY_PERMISSIONS),
    ):
        profile = Profile(org.next_id("00e"), name, license_name, set(permissions), org.next_id("0PS"))
        org.profiles[profile.id] = profile


def _add_users(org: Org, seed: OrgSeed, born_wall_s: float) -> None:
    admin = _add_user(org, seed.username, "Ada", "Admin", SYSTEM_ADMINISTRATOR, born_wall_s)
    admin.set_password(seed.password, born_wall_s, new_token=seed.security_token)
    admin.original_password_hash = admin.password_hash
    admin.password_changes = 0
    users = [admin]
    if seed.break_glass_username:
        second = _add_user(
            org, seed.break_glass_username, "Bea", "Breakglass", SYSTEM_ADMINISTRATOR, born_wall_s
        )
        second.has_passkey = True
        users.append(second)
    if seed.profile.administrator_has_any_api_auth:
        gate = PermissionSet(
            org.next_id("0PS"), "Any_API_Auth", "Any API Auth", user_permissions={ANY_API_AUTH_PERMISSION}
        )
        org.permission_sets[gate.id] = gate
        for user in users:
            assignment = PermissionSetAssignment(org.next_id("0Pa"), user.id, gate.id, born_wall_s)
            org.assignments[assignment.id] = assignment
    if seed.integration_username and org.user_by_name(seed.integration_username) is None:
        _add_integration_user(org, seed, born_wall_s)
    domain = seed.username.rpartition("@")[2]
    seller = _add_user(org, f"sam@{domain}", "Sam", "Seller", STANDARD_USER, born_wall_s)
    seller.set_password(f"seller-{random_token(org.rng)}", born_wall_s, new_token=random_token(org.rng))
    former = _add_user(org, f"former@{domain}", "Fay", "Former", STANDARD_USER, born_wall_s)
    former.is_active = False


def _add_integration_user(org: Org, seed: OrgSeed, born_wall_s: float) -> None:
    profile_name = API_ONLY_INTEGRATIONS if seed.profile.integration_license else SYSTEM_ADMINISTRATOR
    user = _add_user(org, seed.integration_username, "Integration", "User", profile_name, born_wall_s)
    if seed.profile.integration_license:
        psl = next(iter(org.permission_set_licenses.values()))
        given = PermissionSetLicenseAssign(org.next_id("2LA"), user.id, psl.id)
        org.license_assignments[given.id] = given


def _add_user(  # noqa: PLR0917 - the columns of the little tables above
    org: Org, username: str, first: str, last: str, profile_name: str, born_wall_s: float
) -> User:
    profile = org.profile_by_name(profile_name)
    assert profile is not None, profile_name  # noqa: S101 - the standard profiles were just made
    user = User(
        id=org.next_id("005"),
        user_login_id=org.next_id("0Yw"),
        username=username,
        email=username.replace("+", "."),
        first_name=first,
        last_name=last,
        profile_id=profile.id,
        alias=username[:8],
        created_wall_s=born_wall_s,
    )
    org.users[user.id] = user
    return user


def _add_records(org: Org, born_wall_s: float) -> None:
    for sobject, prefix, rows in (
        ("Account", "001", ({"Name": f"{org.name} Customer"}, {"Name": "Burlington Textiles"})),
        ("Contact", "003", ({"FirstName": "Cora", "LastName": "Contact"},)),
    ):
        table = org.generic_records.setdefault(sobject, {})
        for row in rows:
            record_id = org.next_id(prefix)
            table[record_id] = {"Id": record_id, "__created_wall_s": born_wall_s, **row}


def _add_legacy_app(org: Org, born_wall_s: float) -> None:
    app = ClientApp(
        kind="connected_app",
        name="Legacy_Loader",
        label="Legacy Loader",
        app_id=org.next_id("0H4"),
        consumer_id=org.next_id("888"),
        consumer_key="3MVG9"
        + "".join(org.rng.choices("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghij0123456789._", k=80)),
        consumer_secret="".join(org.rng.choices("0123456789ABCDEF", k=64)),
        contact_email="ops@example.com",
        callback_urls=("https://login.salesforce.com/services/oauth2/success",),
        scopes=frozenset({"Api", "RefreshToken", "Web"}),
        pkce_required=False,
        has_global_settings=True,
        has_oauth_settings=True,
        has_oauth_policy=True,
        has_app_policy=True,
        created_wall_s=born_wall_s,
        modified_wall_s=born_wall_s,
    )
    org.apps[app.name] = app
