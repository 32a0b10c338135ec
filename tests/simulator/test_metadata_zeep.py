"""Every metadata operation through strict zeep, with the real v63 WSDL that simple-salesforce ships."""

from __future__ import annotations

import io
import zipfile

import pytest
import zeep.exceptions
from soap_clients import strict_zeep, unwrapped
from soap_wire import CALLBACK, KEY, Wire, app_files, certificate, package

APP = "Acme_JWT"


class Strict:
    """The operations with the session header in place."""

    def __init__(self, wire: Wire) -> None:
        wire.login()
        self.wire = wire
        self.client, self.service = strict_zeep(wire)
        self.headers = [self.client.get_element("ns0:SessionHeader")(sessionId=wire.session_id)]

    def type(self, name: str):
        return self.client.get_type(f"ns0:{name}")

    def call(self, operation: str, *arguments, headers=(), **named):
        return unwrapped(self.service[operation](*arguments, **named, _soapheaders=[*self.headers, *headers]))

    def settle(self, deploy_id: str):
        for _ in range(40):
            result = self.call("checkDeployStatus", deploy_id, True)  # noqa: FBT003 - zeep's order
            if result.done:
                return result
            self.wire.advance(0.3)
        raise AssertionError("the deployment does not end")

    def options(self, **given):
        plain = dict.fromkeys(("allowMissingFiles", "autoUpdatePackage", "checkOnly", "ignoreWarnings",
            "performRetrieve", "purgeOnDelete"), False)  # fmt: skip
        return self.type("DeployOptions")(
            **plain
            | {"rollbackOnError": True, "singlePackage": True, "testLevel": "RunLocalTests", "runTests": []}
            | given
        )

    def deploy(self, files: dict[str, str]):
        started = self.call("deploy", package(files), self.options())
        assert started.state == "Queued"
        return self.settle(started.id)


@pytest.fixture
def strict():
    return Strict(Wire())


def test_deploy_and_status(strict):
    result = strict.deploy(app_files())
    assert result.status == "Succeeded"
    assert result.success
    assert result.numberComponentsTotal == 6
    assert {each.fullName for each in result.details.componentSuccesses} >= {APP, "package.xml"}


def test_a_failing_deploy(strict):
    result = strict.deploy(app_files(header="<label>A</label>"))
    assert result.status == "Failed"
    assert result.details.componentFailures[0].problemType == "Error"


def test_cancel(strict):
    started = strict.call("deploy", package(app_files()), strict.options())
    assert strict.call("cancelDeploy", started.id).done
    assert strict.settle(started.id).status == "Canceled"


def test_deploy_recent_validation(strict):
    started = strict.call("deploy", package(app_files()), strict.options(checkOnly=True))
    strict.settle(started.id)
    again = strict.call("deployRecentValidation", started.id)
    assert strict.settle(again).status == "Succeeded"


def test_describe(strict):
    result = strict.call("describeMetadata", 63.0)
    described = {each.xmlName: (each.directoryName, each.suffix) for each in result.metadataObjects}
    assert described["ExtlClntAppGlobalOauthSettings"] == ("extlClntAppGlobalOauthSets", "ecaGlblOauth")
    assert result.testRequired


def test_describe_value_type(strict):
    result = strict.call("describeValueType", "{http://soap.sforce.com/2006/04/metadata}ConnectedApp")
    fields = {each.name: each for each in result.valueTypeFields}
    assert fields["label"].valueRequired
    assert "callbackUrl" in {each.name for each in fields["oauthConfig"].fields}


def test_list(strict):
    strict.deploy(app_files())
    query = strict.type("ListMetadataQuery")(type="ExtlClntAppOauthConfigurablePolicies")
    (found,) = strict.call("listMetadata", [query], 63.0)
    assert found.fullName == "Acme_JWT_oauthPlcy"
    assert found.fileName == "extlClntAppOauthPolicies/Acme_JWT_oauthPlcy.ecaOauthPlcy"
    assert strict.call("listMetadata", [strict.type("ListMetadataQuery")(type="ConnectedApp")], 63.0) in (
        None,
        [],
    )


def test_create_read_update_delete_in_the_order_tools_use(strict):
    header = strict.type("ExternalClientApplication")(
        fullName=APP, label="Acme", contactEmail="ops@example.com", distributionState="Local"
    )
    (created,) = strict.call("createMetadata", [header])
    assert created.success
    scopes = strict.type("ExtlClntAppOauthSettings")(
        fullName="o", externalClientApplication=APP, commaSeparatedOauthScopes="Api, RefreshToken", label="O"
    )
    assert strict.call("createMetadata", [scopes])[0].success
    settings = strict.type("ExtlClntAppGlobalOauthSettings")(
        fullName="g",
        externalClientApplication=APP,
        callbackUrl=CALLBACK,
        certificate=certificate(),
        label="G",
    )
    assert strict.call("createMetadata", [settings])[0].success
    (read,) = strict.call("readMetadata", "ExtlClntAppGlobalOauthSettings", ["g"])
    assert read.consumerKey == strict.wire.org.apps[APP].consumer_key
    assert read.consumerSecret is None
    assert read.certificate.strip() == certificate().strip()
    header.description = "changed"
    assert strict.call("updateMetadata", [header])[0].success
    (renamed,) = [strict.call("renameMetadata", "ExtlClntAppOauthSettings", "o", "oauth")]
    assert renamed.success
    (deleted,) = strict.call("deleteMetadata", "ExternalClientApplication", [APP])
    assert deleted.success
    assert not strict.wire.org.apps


def test_a_second_create_is_a_duplicate(strict):
    header = strict.type("ExternalClientApplication")(fullName=APP, label="A", contactEmail="ops@example.com")
    strict.call("createMetadata", [header])
    (again,) = strict.call("createMetadata", [header])
    assert not again.success
    assert (again.errors[0].statusCode, again.errors[0].message) == (
        "DUPLICATE_VALUE",
        "duplicate value found",
    )


def test_upsert_says_whether_it_created(strict):
    settings = strict.type("OauthOidcSettings")(fullName="OauthOidc", blockOAuthUnPwFlow=True)
    (result,) = strict.call("upsertMetadata", [settings])
    assert (result.success, result.created) == (True, False)
    assert strict.wire.org.setting_is_on("OauthOidcSettings", "blockOAuthUnPwFlow")


def test_all_or_none_takes_everything_back(strict):
    make = strict.type("PermissionSet")
    sets = [make(fullName="Good", label="Good"), make(fullName="bad name", label="Bad")]
    header = strict.client.get_element("ns0:AllOrNoneHeader")(allOrNone=True)
    results = strict.call("createMetadata", sets, headers=[header])
    assert [each.success for each in results] == [False, False]
    assert results[0].errors[0].statusCode == "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert strict.wire.org.permission_set_by_name("Good") is None
    results = strict.call("createMetadata", sets)
    assert [each.success for each in results] == [True, False]


def test_more_than_ten_components_are_refused(strict):
    with pytest.raises(zeep.exceptions.Fault, match="EXCEEDED_ID_LIMIT"):
        strict.call("readMetadata", "PermissionSet", [f"P{number}" for number in range(11)])


def test_an_unknown_type_is_refused(strict):
    with pytest.raises(zeep.exceptions.Fault, match="INVALID_TYPE"):
        strict.call("readMetadata", "Nonsense", ["x"])


def test_deleting_what_is_not_there_fails_alone(strict):
    (result,) = strict.call("deleteMetadata", "PermissionSet", ["Ghost"])
    assert result.errors[0].statusCode == "INVALID_CROSS_REFERENCE_KEY"


def test_an_assigned_permission_set_cannot_be_deleted(strict):
    org = strict.wire.org
    assigned = next(org.permission_sets[each.permission_set_id] for each in org.assignments.values())
    (result,) = strict.call("deleteMetadata", "PermissionSet", [assigned.name])
    assert not result.success
    assert assigned.id in org.permission_sets


def test_renaming_a_permission_set_keeps_what_names_it(strict):
    strict.deploy(app_files())
    assert strict.call("renameMetadata", "PermissionSet", "Acme_JWT_Access", "Gate").success
    assert strict.wire.org.permission_set_by_name("Gate") is not None
    assert strict.wire.org.apps[APP].permission_set_names == {"Gate"}
    (read,) = strict.call("readMetadata", "ExtlClntAppOauthConfigurablePolicies", ["Acme_JWT_oauthPlcy"])
    assert read.commaSeparatedPermissionSet == "Gate"


@pytest.mark.parametrize(
    ("type_name", "old", "code"),
    [
        ("ExternalClientApplication", APP, "FIELD_INTEGRITY_EXCEPTION"),
        ("PermissionSet", "Ghost", "INVALID_CROSS_REFERENCE_KEY"),
        ("PermissionSet", "Any_API_Auth", "DUPLICATE_VALUE"),
    ],
)
def test_a_rename_that_is_refused_says_why(strict, type_name, old, code):
    strict.deploy(app_files())
    result = strict.call("renameMetadata", type_name, old, "Acme_JWT_Access")
    assert not result.success
    assert result.errors[0].statusCode == code


def test_an_update_of_what_is_not_there_and_mixed_types_are_refused(strict):
    (result,) = strict.call("updateMetadata", [strict.type("PermissionSet")(fullName="Ghost", label="G")])
    assert result.errors[0].statusCode == "INVALID_CROSS_REFERENCE_KEY"
    mixed = [
        strict.type("PermissionSet")(fullName="A", label="A"),
        strict.type("OauthOidcSettings")(fullName="OauthOidc"),
    ]
    with pytest.raises(zeep.exceptions.Fault, match="same type"):
        strict.call("createMetadata", mixed)
    (nameless,) = strict.call("createMetadata", [strict.type("PermissionSet")(label="A")])
    assert nameless.errors[0].statusCode == "REQUIRED_FIELD_MISSING"


def test_types_the_org_has_nothing_of_list_as_nothing_and_unknown_ones_fault(strict):
    query = strict.type("ListMetadataQuery")
    assert not strict.call("listMetadata", [query(type="ApexClass")], 63.0)
    with pytest.raises(zeep.exceptions.Fault, match="Unknown type:Nope"):
        strict.call("listMetadata", [query(type="Nope")], 63.0)
    with pytest.raises(zeep.exceptions.Fault, match="LIMIT_EXCEEDED"):
        strict.call("listMetadata", [query(type="Profile")] * 4, 63.0)


def test_grants_and_permissions_changed_elsewhere_are_read_back(strict):
    strict.deploy(app_files())
    strict.wire.org.permission_set_by_name("Acme_JWT_Access").user_permissions.add("ApiEnabled")
    (read,) = strict.call("readMetadata", "PermissionSet", ["Acme_JWT_Access"])
    assert [(each.name, each.enabled) for each in read.userPermissions] == [("ApiEnabled", True)]
    found, _ = retrieve(strict, {"PermissionSet": ["Acme_JWT_Access"]})
    assert "<name>ApiEnabled</name>" in found["permissionsets/Acme_JWT_Access.permissionset"]


def retrieve(strict, types: dict[str, list[str]]):
    members = strict.type("PackageTypeMembers")
    unpackaged = strict.type("Package")(
        types=[members(members=names, name=name) for name, names in types.items()], version="63.0"
    )
    request = strict.type("RetrieveRequest")(apiVersion=63.0, singlePackage=True, unpackaged=unpackaged)
    started = strict.call("retrieve", request)
    pending = strict.call("checkRetrieveStatus", started.id, True)  # noqa: FBT003 - zeep's order
    assert not pending.done
    strict.wire.advance(2)
    result = strict.call("checkRetrieveStatus", started.id, True)  # noqa: FBT003 - zeep's order
    assert result.done
    assert result.status == "Succeeded"
    with zipfile.ZipFile(io.BytesIO(result.zipFile)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}, result


def test_a_deployed_file_comes_back_byte_for_byte(strict):
    files = app_files()
    strict.deploy(files)
    wanted = {
        "ExtlClntAppGlobalOauthSettings": ["*"],
        "ExternalClientApplication": [APP],
        "PermissionSet": ["Acme_JWT_Access"],
        "ExtlClntAppOauthConfigurablePolicies": ["*"],
    }
    found, result = retrieve(strict, wanted)
    for path in found:
        if path != "package.xml":
            assert found[path] == files[path]
    assert len(found) == 5
    assert "<members>Acme_JWT_glbloauth</members>" in found["package.xml"]
    assert {each.fullName for each in result.fileProperties} >= {APP, "Acme_JWT_glbloauth"}


def test_a_retrieved_file_never_holds_the_secret_and_always_the_key(strict):
    secret = "s3cr3t" * 4
    text = app_files()["extlClntAppGlobalOauthSets/Acme_JWT_glbloauth.ecaGlblOauth"]
    with_secret = text.replace("</consumerKey>", f"</consumerKey><consumerSecret>{secret}</consumerSecret>")
    result = strict.deploy(
        app_files() | {"extlClntAppGlobalOauthSets/Acme_JWT_glbloauth.ecaGlblOauth": with_secret}
    )
    assert result.status == "Succeeded"
    assert strict.wire.org.apps[APP].consumer_secret == secret
    found, _ = retrieve(strict, {"ExtlClntAppGlobalOauthSettings": ["*"]})
    content = found["extlClntAppGlobalOauthSets/Acme_JWT_glbloauth.ecaGlblOauth"]
    assert secret not in content
    assert KEY in content
    (read,) = strict.call("readMetadata", "ExtlClntAppGlobalOauthSettings", ["Acme_JWT_glbloauth"])
    assert read.consumerSecret is None


def test_a_missing_member_is_a_message_and_not_a_failure(strict):
    found, result = retrieve(strict, {"ConnectedApp": ["Ghost"], "Nope": ["*"]})
    assert list(found) == ["package.xml"]
    assert result.messages[0].problem == "Entity of type 'ConnectedApp' named 'Ghost' cannot be found"
    assert result.messages[1].problem == "Entity type: 'Nope' is unknown"


def test_settings_come_back_with_every_field_the_org_holds(strict):
    found, _ = retrieve(strict, {"Settings": ["OauthOidc", "Security"]})
    assert "<blockOAuthUnPwFlow>false</blockOAuthUnPwFlow>" in found["settings/OauthOidc.settings"]
    assert "<maxLoginAttempts>TenAttempts</maxLoginAttempts>" in found["settings/Security.settings"]


def test_a_bad_session_is_a_fault(strict):
    strict.headers = [strict.client.get_element("ns0:SessionHeader")(sessionId=f"{strict.wire.org.id15}!x")]
    with pytest.raises(zeep.exceptions.Fault) as caught:
        strict.call("describeMetadata", 63.0)
    assert caught.value.code == "sf:INVALID_SESSION_ID"
