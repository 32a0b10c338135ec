"""What a deployment makes of connected apps, permission sets, profiles, settings and deletions."""

from __future__ import annotations

import pytest
from soap_wire import Wire, X, app_files, certificate, connected_app, problems, text_of, texts_of


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def legacy():
    return Wire("legacy_connected_apps")


def test_creating_a_connected_app_is_blocked_with_the_documented_text(wire):
    assert problems(wire.deploy(connected_app())) == [
        (
            "You can't create a connected app. To enable connected app creation, contact Salesforce "
            "Customer Support."
        )
    ]


def test_where_creation_is_allowed_a_connected_app_becomes_facts(legacy):
    files = app_files() | connected_app(
        "<permissionSetName>Acme_JWT_Access</permissionSetName>"
        "<oauthPolicy><ipRelaxation>BYPASS</ipRelaxation><refreshTokenPolicy>specific_lifetime:4:HOURS"
        "</refreshTokenPolicy></oauthPolicy><sessionPolicy><sessionTimeout>120</sessionTimeout></sessionPolicy>",
        f"<certificate>{certificate()}</certificate><isAdminApproved>true</isAdminApproved>",
    )
    response = legacy.deploy(files)
    assert text_of(response, "status") == "Succeeded", problems(response)
    app = legacy.org.apps["Legacy"]
    assert app.kind == "connected_app"
    assert app.app_id.startswith("0H4")
    assert app.consumer_key.startswith("3MVG9")
    assert app.ip_relaxation == "Bypass"
    assert app.refresh_token_policy == "SpecificLifetime:4:HOURS"
    assert app.session_timeout_minutes == 120
    assert not app.pkce_required
    assert app.secret_required_for_refresh


def test_a_connected_app_of_the_same_name_blocks_an_external_client_app(legacy):
    legacy.deploy(connected_app())
    found = problems(legacy.deploy(app_files("Legacy")))
    assert any("already exists" in each for each in found)


def test_an_existing_connected_app_may_be_edited_where_creation_is_blocked(legacy):
    legacy.deploy(connected_app())
    legacy.org.switches.connected_app_creation_allowed = False
    response = legacy.deploy(connected_app(oauth=f"<certificate>{certificate()}</certificate>"))
    assert text_of(response, "status") == "Succeeded", problems(response)
    assert legacy.org.apps["Legacy"].certificate_pem is not None


def test_unknown_permissions_are_refused_and_single_sign_on_only_where_it_exists():
    body = (
        "<label>Lock</label><userPermissions><enabled>true</enabled><name>IsSsoEnabled</name>"
        "</userPermissions>"
    )
    files = {"permissionsets/Lock.permissionset": f"<PermissionSet {X}>{body}</PermissionSet>"}
    assert problems(Wire("no_sso_permission").deploy(files)) == ["Unknown user permission: IsSsoEnabled"]
    wire = Wire()
    assert text_of(wire.deploy(files), "status") == "Succeeded"
    assert wire.org.permission_set_by_name("Lock").user_permissions == {"IsSsoEnabled"}


def test_settings_merge_and_some_orgs_report_success_and_keep_the_old_value(wire):
    body = f"<OauthOidcSettings {X}><blockOAuthUnPwFlow>true</blockOAuthUnPwFlow></OauthOidcSettings>"
    files = {"settings/OauthOidc.settings": body}
    wire.org.switches.settings_keep_old_value.add("OauthOidcSettings")
    assert text_of(wire.deploy(files), "status") == "Succeeded"
    assert wire.read("OauthOidcSettings", "OauthOidc")["blockOAuthUnPwFlow"] == "false"
    wire.org.switches.settings_keep_old_value.clear()
    assert text_of(wire.deploy(files), "status") == "Succeeded"
    read = wire.read("OauthOidcSettings", "OauthOidc")
    assert (read["blockOAuthUnPwFlow"], read["blockOAuthUsrAgtFlow"]) == ("true", "false")


def test_network_access_is_replaced_whole_and_other_security_settings_stay(wire):
    def ranges(*starts: str) -> dict[str, str]:
        inside = "".join(f"<ipRanges><end>{each}</end><start>{each}</start></ipRanges>" for each in starts)
        body = f"<SecuritySettings {X}><networkAccess>{inside}</networkAccess></SecuritySettings>"
        return {"settings/Security.settings": body}

    wire.deploy(ranges("203.0.113.1", "203.0.113.2"))
    wire.deploy(ranges("203.0.113.3"))
    security = wire.org.settings["SecuritySettings"]
    assert [each["start"] for each in security["networkAccess"]["ipRanges"]] == ["203.0.113.3"]
    assert security["passwordPolicies"]["maxLoginAttempts"] == "TenAttempts"
    wire.deploy(ranges())
    assert wire.org.settings["SecuritySettings"]["networkAccess"] == {}


def test_profile_ranges_are_added_and_its_other_permissions_stay(wire):
    body = (
        f"<Profile {X}><loginIpRanges><endAddress>203.0.113.9</endAddress><startAddress>"
        "203.0.113.1</startAddress>"
        "</loginIpRanges></Profile>"
    )
    before = set(wire.org.profile_by_name("Standard User").user_permissions)
    response = wire.deploy({"profiles/Standard User.profile": body})
    assert text_of(response, "status") == "Succeeded", problems(response)
    profile = wire.org.profile_by_name("Standard User")
    assert profile.login_ip_ranges == [("203.0.113.1", "203.0.113.9")]
    assert profile.user_permissions == before
    backwards = body.replace("113.9", "112.0")
    assert problems(wire.deploy({"profiles/Standard User.profile": backwards}))


def test_destructive_changes_delete_and_missing_ones_are_a_warning(wire):
    wire.deploy(app_files())
    destructive = (
        f"<Package {X}><types><members>Acme_JWT</members><members>Gone</members>"
        "<name>ExternalClientApplication</name></types></Package>"
    )
    response = wire.deploy({"destructiveChanges.xml": destructive})
    assert text_of(response, "status") == "Succeeded", problems(response)
    assert "No ExternalClientApplication named: Gone found" in texts_of(
        response, "componentSuccesses/problem"
    )
    assert not wire.org.apps
    assert [key for key in wire.org.components if key[0].startswith("ExtlClntApp")] == []
