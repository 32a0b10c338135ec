"""Managed packages: installs by request, what a packaged app needs to be usable, 1GP by metadata."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from core_wire import METADATA, World, certificate_pem

from orchestrator.simulator.control import answer_control
from orchestrator.simulator.http import Request


def control(world, method, path, document=None):
    body = b"" if document is None else json.dumps(document).encode()
    response, _ = answer_control(
        world.sim, Request(method, "127.0.0.1:9", path, {}, {}, body, "127.0.0.1", 0)
    )
    return response.status, json.loads(response.body) if response.body else None


def listed(world, namespace="simconnect"):
    found = control(world, "GET", "/packages")[1]["packages"]
    return next(each for each in found if each["namespace"] == namespace)


def version(world, number, namespace="simconnect"):
    return next(each for each in listed(world, namespace)["versions"] if each["number"].startswith(number))


@pytest.fixture
def world():
    return World()


@pytest.fixture
def token(world):
    return world.admin_token()


def request(world, token, version_id, **fields):
    fields = {"SubscriberPackageVersionKey": version_id, "SecurityType": "Full", **fields}
    return world.rest("POST", "/tooling/sobjects/PackageInstallRequest", token, json=fields)


def status(world, token, request_id):
    return world.rest("GET", f"/tooling/sobjects/PackageInstallRequest/{request_id}", token).json()


def install(world, token, number, namespace="simconnect", **fields):
    made = request(world, token, version(world, number, namespace)["id"], **fields)
    assert made.status_code == 201, made.text
    world.sim.clock.advance(30)
    return status(world, token, made.json()["id"])


def messages(found):
    return [each["message"] for each in found["Errors"]["errors"]]


def tooling(world, token, text):
    return world.rest("GET", "/tooling/query", token, params={"q": text}).json()["records"]


def test_an_install_goes_through_its_states_by_the_clock_and_not_by_polling(world, token):
    made = request(world, token, version(world, "1.3")["id"], NameConflictResolution="Block").json()["id"]
    assert made.startswith("0Hf")
    seen = []
    for _ in range(60):
        seen.append(status(world, token, made)["Status"])
        world.wall_s += 0.5
    assert list(dict.fromkeys(seen)) == ["UNKNOWN", "IN_PROGRESS", "SUCCESS"]
    assert status(world, token, made)["Errors"] is None


def test_what_is_installed_is_found_by_the_queries_tools_ask(world, token):
    assert install(world, token, "1.3")["Status"] == "SUCCESS"
    rows = tooling(
        world,
        token,
        "SELECT Id, SubscriberPackageId, SubscriberPackage.NamespacePrefix, SubscriberPackage.Name, "
        "SubscriberPackageVersion.Id, SubscriberPackageVersion.MajorVersion, "
        "SubscriberPackageVersion.MinorVersion FROM InstalledSubscriberPackage ORDER BY SubscriberPackageId",
    )
    assert rows[0]["SubscriberPackage"]["NamespacePrefix"] == "simconnect"
    assert rows[0]["SubscriberPackageVersion"]["MinorVersion"] == 3
    text = "SELECT NamespacePrefix, Status FROM PackageLicense"
    assert [row["NamespacePrefix"] for row in world.query(text, token)] == ["simconnect"]
    menu = world.query("SELECT ApplicationId, Label, NamespacePrefix FROM AppMenuItem", token)
    assert [row["Label"] for row in menu] == ["Sim Connector"]
    apps = world.query(
        "SELECT DeveloperName, NamespacePrefix, DistributionState FROM ExternalClientApplication", token
    )
    assert [(row["DeveloperName"], row["NamespacePrefix"]) for row in apps] == [
        ("Sim_Connector", "simconnect")
    ]


def test_validation_status_foretells_what_an_install_would_meet(world, token):
    text = "SELECT InstallValidationStatus FROM SubscriberPackageVersion WHERE Id = '{}'"

    def foretold(number):
        return tooling(world, token, text.format(version(world, number)["id"]))[0]["InstallValidationStatus"]

    assert (foretold("1.3"), foretold("2.0")) == ("NO_ERRORS_DETECTED", "BETA_INSTALL_INTO_PRODUCTION_ORG")
    install(world, token, "1.3")
    assert foretold("1.2") == "CANNOT_INSTALL_EARLIER_VERSION"


def test_an_upgrade_keeps_the_policies_and_the_same_version_again_changes_nothing(world, token):
    install(world, token, "1.2")
    before = world.org.apps["simconnect__Sim_Connector"].app_id
    assert install(world, token, "1.2")["Status"] == "SUCCESS"
    assert install(world, token, "1.3")["Status"] == "SUCCESS"
    assert world.org.apps["simconnect__Sim_Connector"].app_id == before
    assert "newer version" in messages(install(world, token, "1.2"))[0]


def test_an_installation_key_is_needed_and_never_told_again(world, token):
    assert "installation key" in messages(install(world, token, "1.4"))[0]
    key = version(world, "1.4")["installation_key"]
    found = install(world, token, "1.4", Password=key)
    assert (found["Status"], found["Password"]) == ("SUCCESS", None)
    text = f"SELECT Id, InstallationKey FROM SubscriberPackageVersion WHERE InstallationKey = '{key}'"  # noqa: S608
    assert tooling(world, token, text)[0]["InstallationKey"] is None


@pytest.mark.parametrize(
    ("kind", "words"),
    [("package_unavailable", "not yet available"), ("row_lock", "unable to obtain exclusive access")],
)
def test_passing_troubles_are_scripted_and_pass(world, token, kind, words):
    world.sim.faults.add({"kind": kind, "operation": "install_package"})
    assert words in messages(install(world, token, "1.3"))[0]
    assert install(world, token, "1.3")["Status"] == "SUCCESS"


def test_a_version_just_published_is_not_available_until_it_has_spread(world, token):
    assert control(
        world, "POST", "/packages", {"namespace": "simconnect", "version": "1.5", "available_in_s": 90}
    )
    assert "not yet available" in messages(install(world, token, "1.5"))[0]
    world.sim.clock.advance(90)
    assert install(world, token, "1.5")["Status"] == "SUCCESS"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"SubscriberPackageVersionKey": ""}, "REQUIRED_FIELD_MISSING"),
        ({"SubscriberPackageVersionKey": "04tnonsense"}, "INVALID_CROSS_REFERENCE_KEY"),
        ({"SecurityType": "Everybody"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ({"Colour": "red"}, "INVALID_FIELD"),
    ],
)
def test_a_malformed_request_is_refused_at_once(world, token, fields, code):
    made = request(world, token, version(world, "1.3")["id"], **fields)
    assert (made.status_code, made.json()[0]["errorCode"]) == (400, code)


def test_an_unknown_version_is_accepted_and_ends_in_error(world, token):
    made = request(world, token, "04t000000000001AAA").json()["id"]
    world.sim.clock.advance(30)
    assert "deleted" in messages(status(world, token, made))[0]


def test_without_the_permission_nobody_installs(world, token):
    world.org.profiles[world.org.user_by_name(world.seed.username).profile_id].user_permissions.discard(
        "InstallPackaging"
    )
    made = request(world, token, version(world, "1.3")["id"])
    assert made.json()[0]["errorCode"] == "INSUFFICIENT_ACCESS_OR_READONLY"


POLICY = (
    f"<ExtlClntAppOauthConfigurablePolicies {METADATA}>"
    "<commaSeparatedPermissionSet>Acme_JWT_Access</commaSeparatedPermissionSet>"
    "<externalClientApplication>simconnect__Sim_Connector</externalClientApplication>"
    "<label>Subscriber</label><permittedUsersPolicyType>AdminApprovedPreAuthorized</permittedUsersPolicyType>"
    "</ExtlClntAppOauthConfigurablePolicies>"
)
ACCESS = f"<PermissionSet {METADATA}><label>Access</label></PermissionSet>"


def approve(world, token):
    files = {
        "permissionsets/Acme_JWT_Access.permissionset": ACCESS,
        "extlClntAppOauthPolicies/Subscriber_policy.ecaOauthPlcy": POLICY,
    }
    result = world.deploy(files, token)
    assert result["success"], result["details"]
    found = world.query("SELECT Id FROM PermissionSet WHERE Name = 'Acme_JWT_Access'", token)[0]["Id"]
    fields = {"AssigneeId": world.user_id(world.seed.integration_username), "PermissionSetId": found}
    world.rest("POST", "/sobjects/PermissionSetAssignment", token, json=fields)


def test_a_packaged_app_works_once_installed_and_approved_and_not_after_it_is_gone(world, token):
    document = {"namespace": "simconnect", "certificate": certificate_pem()}
    assert control(world, "POST", "/packages", document)[0] == 201
    key = listed(world)["app"]["consumer_key"]

    def said():
        answer = world.jwt(consumer_key=key).json()
        return answer.get("error", "token")

    assert said() == "app_not_found"
    install(world, token, "1.3")
    world.settle()
    assert said() == "invalid_grant"
    approve(world, token)
    world.settle()
    assert said() == "token"
    installed = world.org.installed_packages
    fields = {"SubscriberPackageVersionId": next(iter(installed.values())).version.id}
    made = world.rest(
        "POST", "/tooling/sobjects/SubscriberPackageVersionUninstallRequest", token, json=fields
    ).json()["id"]
    world.sim.clock.advance(90)
    path = f"/tooling/sobjects/SubscriberPackageVersionUninstallRequest/{made}"
    assert world.rest("GET", path, token).json()["Status"] == "Success"
    world.settle()
    assert said() == "app_not_found"
    assert not installed


def test_what_the_vendor_packaged_cannot_be_changed_by_the_subscriber(world, token):
    install(world, token, "1.3")
    body = (
        f"<ExternalClientApplication {METADATA}><contactEmail>me@example.com</contactEmail><label>Mine"
        "</label></ExternalClientApplication>"
    )
    result = world.deploy({"externalClientApps/simconnect__Sim_Connector.eca": body}, token)
    assert "Cannot modify managed object" in result["details"]["componentFailures"][0]["problem"]


def test_a_first_generation_package_is_installed_by_metadata_and_listed(world, token):
    def deploy(number, password=""):
        inside = f"<activateRSS>false</activateRSS>{password}<versionNumber>{number}</versionNumber>"
        body = f"<InstalledPackage {METADATA}>{inside}</InstalledPackage>"
        result = world.deploy({"installedPackages/simload.installedPackage": body}, token)
        return [each["problem"] for each in result["details"]["componentFailures"]]

    assert deploy("9.9") == ["InstalledPackage version number : 9.9 does not exist!"]
    assert deploy("1.2") == []
    assert world.query("SELECT Name FROM ConnectedApplication", token)[0]["Name"] == "Sim Loader"
    assert "newer" not in str(deploy("1.3"))
    key = version(world, "1.4", "simload")["installation_key"]
    assert "installation key" in deploy("1.4")[0]
    assert deploy("1.4", f"<password>{key}</password>") == []
    assert key not in str(world.org.components)
    assert deploy("1.2") == ["A newer version of this package is currently installed."]


def test_removing_a_package_by_hand_ends_its_app(world):
    version_id = version(world, "1.3")["id"]
    assert control(world, "POST", "/orgs/acme", {"install_package": version_id})[0] == 200
    assert "simconnect__Sim_Connector" in world.org.apps
    assert control(world, "POST", "/orgs/acme", {"uninstall_package": "simconnect"})[0] == 200
    assert "simconnect__Sim_Connector" not in world.org.apps


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"namespace": "no blanks"},
        {"namespace": "a", "colour": 1},
        {"namespace": "simconnect", "certificate": "x"},
    ],
)
def test_publishing_nonsense_is_refused(world, document):
    assert control(world, "POST", "/packages", document)[0] == 400


def test_package_ids_follow_from_the_seed():
    first, again, other = World(seed="1"), World(seed="1"), World(seed="2")
    assert listed(first) == listed(again)
    assert listed(first) != listed(other)
