"""Refusals of components, one row each: what is sent, and what the org says about it."""

from __future__ import annotations

import pytest
from soap_wire import CALLBACK, METADATA, Wire, X, app_files, connected_app, problems, text_of

PARENT = "<externalClientApplication>Acme_JWT</externalClientApplication>"
CONTACT = "<contactEmail>ops@example.com</contactEmail>"
GLOBAL = f"<callbackUrl>{CALLBACK}</callbackUrl>{PARENT}<label>G</label>"
RANGE = (
    "<trustedIpRanges><endIpAddress>{}</endIpAddress><startIpAddress>{}</startIpAddress></trustedIpRanges>"
)


def oauth_policy(relaxation: str, refresh: str) -> str:
    inside = f"<ipRelaxation>{relaxation}</ipRelaxation><refreshTokenPolicy>{refresh}</refreshTokenPolicy>"
    return f"<oauthPolicy>{inside}</oauthPolicy>"


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def legacy():
    return Wire("legacy_connected_apps")


@pytest.mark.parametrize(
    "name", ["1_begins_with_a_digit", "two__underscores", "ends_", "has space", "a" * 81]
)
def test_api_names_follow_salesforces_rule(wire, name):
    found = problems(wire.deploy(app_files(name)))
    assert any("can only contain underscores and alphanumeric characters" in each for each in found)


@pytest.mark.parametrize(
    ("part", "body", "words"),
    [
        (
            "header",
            f"{CONTACT}<label>L</label><distributionState>Managed</distributionState>",
            "only Local and Packaged",
        ),
        (
            "header",
            f"{CONTACT}<label>L</label><distributionState>Nowhere</distributionState>",
            "for the enum",
        ),
        ("header", "<contactEmail>no address</contactEmail><label>L</label>", "invalid email address"),
        ("header", f"{CONTACT}<label>L</label><isProtected>maybe</isProtected>", "xsd:boolean"),
        ("header", f"{CONTACT}<label>L</label><label>M</label>", "duplicated"),
        ("oauth", PARENT + "<label>O</label>" + RANGE.format("203.0.113.1", "203.0.113.9"), "end IP address"),
        (
            "oauth",
            PARENT + "<label>O</label>" + RANGE.format("300.0.0.1", "1.1.1.1"),
            "IP address is not valid",
        ),
        ("oauth", PARENT + "<label>O</label>" + RANGE.format("1.1.1.2", "1.1.1.1") * 129, "at most 128"),
        ("oauth", "<label>O</label>", "Required field is missing: externalClientApplication"),
        (
            "policy",
            f"{PARENT}<ipRelaxationPolicyType>Enforce_RelaxRefresh</ipRelaxationPolicyType>",
            "Enforce_relaxrefresh",
        ),
        (
            "policy",
            f"{PARENT}<refreshTokenPolicyType>SpecificLifetime</refreshTokenPolicyType>",
            "refreshTokenValidityPeriod",
        ),
        (
            "policy",
            f"{PARENT}<refreshTokenPolicyType>Never</refreshTokenPolicyType>",
            "RefreshTokenPolicyType",
        ),
        ("policy", f"{PARENT}<sessionTimeoutInMinutes>long</sessionTimeoutInMinutes>", "xsd:int"),
        (
            "policy",
            f"{PARENT}<clientCredentialsFlowUser>ghost@x.y</clientCredentialsFlowUser>",
            "valid execution user",
        ),
        (
            "policy",
            f"{PARENT}<isClientCredentialsFlowEnabled>true</isClientCredentialsFlowEnabled>",
            "valid execution user",
        ),
        ("app_policy", f"{PARENT}<label>P</label>", "Required field is missing: isEnabled"),
        ("global", GLOBAL + "<consumerSecret>not alphanumeric!</consumerSecret>", "Consumer Secret"),
        (
            "permission_set",
            "<hasActivationRequired>false</hasActivationRequired>",
            "Required field is missing: label",
        ),
        ("permission_set", "<label>A</label><license>Gold</license>", "no License named Gold"),
    ],
)
def test_app_components_are_refused_with_the_reason(wire, part, body, words):
    response = wire.deploy(app_files(**{part: body}))
    assert text_of(response, "status") == "Failed"
    assert any(words in each for each in problems(response)), problems(response)


@pytest.mark.parametrize(
    ("body", "oauth", "words"),
    [
        ("<permissionSetName>Any_API_Auth</permissionSetName>", "", "need isAdminApproved"),
        ("<profileName>Ghost</profileName>", "<isAdminApproved>true</isAdminApproved>", "no Profile named"),
        (oauth_policy("NONE", "zero"), "", "ipRelaxation"),
        (oauth_policy("ENFORCE", "ever"), "", "refreshTokenPolicy: invalid value"),
        ("<ipRanges><end>1.1.1.1</end><start>1.1.1.2</start></ipRanges>", "", "end IP address"),
        ("", "<scopes>SFApiPlatform</scopes>", "ConnectedAppOauthAccessScope"),
        ("", "<isClientCredentialEnabled>true</isClientCredentialEnabled>", "valid execution user"),
        ("", "<consumerKey>tiny</consumerKey>", "Consumer Key"),
    ],
)
def test_connected_apps_are_refused_with_the_reason(legacy, body, oauth, words):
    response = legacy.deploy(connected_app(body, oauth))
    assert text_of(response, "status") == "Failed"
    assert any(words in each for each in problems(response)), problems(response)


def test_a_connected_app_needs_a_scope(legacy):
    files = connected_app()
    path = next(iter(files))
    files[path] = files[path].replace("<scopes>Api</scopes>", "").replace("<scopes>RefreshToken</scopes>", "")
    assert problems(legacy.deploy(files)) == ["You must select at least one OAuth scope."]


def test_a_second_satellite_of_the_same_kind_is_a_duplicate(wire):
    wire.deploy(app_files())
    body = f"<ExtlClntAppOauthConfigurablePolicies {X}>{PARENT}</ExtlClntAppOauthConfigurablePolicies>"
    found = problems(wire.deploy({"extlClntAppOauthPolicies/Second.ecaOauthPlcy": body}))
    assert found == [
        "duplicate value found: ExternalClientApplication duplicates value on record Acme_JWT_oauthPlcy"
    ]


def test_a_satellite_cannot_move_to_another_app(wire):
    wire.deploy(app_files())
    other = app_files("Other", key=None, **{"global": "", "oauth": "", "policy": "", "app_policy": ""})
    moved = "<externalClientApplication>Other</externalClientApplication>"
    body = f"<ExtlClntAppOauthSettings {X}>{moved}</ExtlClntAppOauthSettings>"
    found = problems(wire.deploy(other | {"extlClntAppOauthSettings/Acme_JWT_oauth.ecaOauth": body}))
    assert found == ["externalClientApplication cannot be changed"]


@pytest.mark.parametrize("version", ["1", "one.two"])
def test_an_installed_package_names_a_version(wire, version):
    inside = f"<activateRSS>false</activateRSS><versionNumber>{version}</versionNumber>"
    body = f"<InstalledPackage {X}>{inside}</InstalledPackage>"
    listed = "<types><members>acme</members><name>InstalledPackage</name></types>"
    files = {
        "installedPackages/acme.installedPackage": body,
        "package.xml": f"<Package {X}>{listed}<version>63.0</version></Package>",
    }
    assert problems(wire.deploy(files)) == ["Invalid version number"]


def test_a_new_profile_needs_a_licence_the_org_has(wire):
    def files(license_name: str) -> dict[str, str]:
        body = (
            f"<Profile {X}><custom>true</custom><userLicense>{license_name}</userLicense><userPermissions>"
            "<enabled>true</enabled><name>ApiEnabled</name></userPermissions></Profile>"
        )
        return {"profiles/Robot.profile": body}

    assert problems(wire.deploy(files("Gold"))) == ["In field: userLicense - no UserLicense named Gold found"]
    assert text_of(wire.deploy(files("Salesforce Integration")), "status") == "Succeeded"
    made = wire.org.profile_by_name("Robot")
    assert made.user_permissions == {"ApiEnabled"}
    assert wire.org.permission_sets[made.owned_permission_set_id].user_permissions == {"ApiEnabled"}
    off = files("Salesforce Integration")
    off["profiles/Robot.profile"] = off["profiles/Robot.profile"].replace("<enabled>true", "<enabled>false")
    wire.deploy(off)
    made = wire.org.profile_by_name("Robot")
    assert made.user_permissions == set()
    assert wire.org.permission_sets[made.owned_permission_set_id].user_permissions == set()


@pytest.mark.parametrize(
    ("type_name", "member", "is_gone"),
    [
        ("ExtlClntAppGlobalOauthSettings", "Acme_JWT_glbloauth", lambda app: app.certificate_pem is None),
        ("ExtlClntAppOauthSettings", "Acme_JWT_oauth", lambda app: not app.scopes),
        (
            "ExtlClntAppOauthConfigurablePolicies",
            "Acme_JWT_oauthPlcy",
            lambda app: not app.permission_set_names,
        ),
    ],
)
def test_deleting_a_satellite_takes_its_facts_off_the_app(wire, type_name, member, is_gone):
    wire.deploy(app_files())
    assert not is_gone(wire.org.apps["Acme_JWT"])
    destructive = f"<Package {X}><types><members>{member}</members><name>{type_name}</name></types></Package>"
    response = wire.deploy({"destructiveChangesPost.xml": destructive})
    assert text_of(response, "status") == "Succeeded", problems(response)
    assert is_gone(wire.org.apps["Acme_JWT"])


@pytest.mark.parametrize(
    ("type_name", "member", "words"),
    [
        ("Settings", "Security", "Cannot delete a component of type"),
        ("Profile", "Admin", "Cannot delete a component of type"),
        ("PermissionSet", "Any_API_Auth", "it is assigned to users"),
        ("Nonsense", "X", "Unknown type name"),
    ],
)
def test_what_cannot_be_deleted_says_so(wire, type_name, member, words):
    destructive = f"<Package {X}><types><members>{member}</members><name>{type_name}</name></types></Package>"
    response = wire.deploy({"destructiveChangesPre.xml": destructive})
    assert words in problems(response)[0]


def test_a_refused_element_inside_a_nested_configuration_is_named_by_its_type(legacy):
    found = problems(legacy.deploy(connected_app(oauth="<colour>red</colour>")))
    assert found == [f"Element {{{METADATA}}}colour invalid at this location in type ConnectedAppOauthConfig"]


def test_a_file_of_another_type_or_namespace_is_refused(wire):
    files = app_files()
    files["externalClientApps/Acme_JWT.eca"] = f"<ConnectedApp {X}/>"
    assert any(
        "invalid at this location in type ExternalClientApplication" in each
        for each in problems(wire.deploy(files))
    )
    files["externalClientApps/Acme_JWT.eca"] = "<ExternalClientApplication/>"
    assert any(
        "invalid at this location in type ExternalClientApplication" in each
        for each in problems(wire.deploy(files))
    )


def test_settings_no_rule_is_about_are_kept_as_they_are(wire):
    body = (
        f"<ChatterSettings {X}><enableChatter>true</enableChatter><a><b>1</b><b>2</b></a></ChatterSettings>"
    )
    assert text_of(wire.deploy({"settings/Chatter.settings": body}), "status") == "Succeeded"
    assert wire.org.settings["ChatterSettings"] == {"enableChatter": "true", "a": {"b": ["1", "2"]}}
