"""Packages of apps, permission sets and settings: golden bytes, Salesforce's own schemas, and refusals."""

from __future__ import annotations

import functools
import importlib.util
import io
import os
import re
import zipfile
from pathlib import Path

import pytest
from golden_apps import CERTIFICATE, GOLDEN, VERSIONS, packages, plan
from lxml import etree

from orchestrator.errors import Defect, OrgFault, UsageError
from orchestrator.salesforce.archive import package_digest, zip_package
from orchestrator.salesforce.client_app import AppMembers, build_client_app, external_client_app
from orchestrator.salesforce.org_settings import oauth_oidc_settings, single_sign_on_settings
from orchestrator.salesforce.package import FOLDERS, NAMESPACE, Component, build_package
from orchestrator.salesforce.permission_sets import (
    DEPENDS_ON,
    SETUP_PERMISSIONS,
    setup_set,
    with_dependencies,
)

PACKAGES = packages()
XSD = "http://www.w3.org/2001/XMLSchema"
WSDL = "http://schemas.xmlsoap.org/wsdl/"


def bundled_wsdl():
    found = importlib.util.find_spec("simple_salesforce")
    return Path(found.origin).parent / "metadata.wsdl"


def sibling_wsdl(version):
    named = os.environ.get("ORCHESTRATOR_SHARED")
    folder = Path(named) if named else Path(__file__).resolve().parents[3] / "shared"
    path = folder / "wsdl" / f"metadata-v{version}.wsdl"
    if not path.is_file():
        pytest.skip(f"no metadata WSDL of v{version} beside the checkout; set ORCHESTRATOR_SHARED")
    return path


@functools.cache
def schema_of(path):
    """The XSD of a metadata WSDL, with an element for each type a component document may have."""
    types = etree.parse(path).getroot().find(f"{{{WSDL}}}types")
    schema = next(one for one in types if one.get("targetNamespace") == NAMESPACE)
    named = {one.get("name") for one in schema.findall(f"{{{XSD}}}complexType")}
    taken = {one.get("name") for one in schema.findall(f"{{{XSD}}}element")}
    for name in sorted(named - taken):
        etree.SubElement(schema, f"{{{XSD}}}element", name=name, type=f"tns:{name}")
    text = etree.tostring(schema)
    text = (
        text
        if b"xmlns:tns=" in text
        else text.replace(b":schema ", f':schema xmlns:tns="{NAMESPACE}" '.encode(), 1)
    )
    return etree.XMLSchema(etree.fromstring(text))


def invalid_documents(schema, versions):
    return [
        f"{folder}/{path}: {schema.error_log.last_error}"
        for folder, package in PACKAGES.items()
        if package.api_version in versions
        for path, content in package.files.items()
        if not schema.validate(etree.fromstring(content))
    ]


def test_every_document_up_to_its_version_is_valid_by_the_schema_of_a_real_org():
    assert invalid_documents(schema_of(bundled_wsdl()), range(60, 66)) == []


@pytest.mark.shared
@pytest.mark.parametrize(("version", "versions"), [(62, (60, 61, 62)), (64, (64, 65)), (66, (66,))])
def test_every_document_is_valid_by_salesforces_published_schemas(version, versions):
    assert invalid_documents(schema_of(sibling_wsdl(version)), versions) == []


def test_the_schema_finds_a_field_that_does_not_exist():
    text = f'<PermissionSet xmlns="{NAMESPACE}"><connectedApps>x</connectedApps></PermissionSet>'
    assert not schema_of(bundled_wsdl()).validate(etree.fromstring(text))


@pytest.mark.parametrize("folder", sorted(PACKAGES))
def test_each_package_has_the_bytes_of_its_golden_files(folder):
    kept = {
        path.relative_to(GOLDEN / folder).as_posix(): path.read_bytes()
        for path in (GOLDEN / folder).rglob("*")
        if path.is_file()
    }
    assert kept == dict(PACKAGES[folder].files)


def test_there_is_no_golden_folder_without_a_package():
    assert {path.name for path in GOLDEN.iterdir() if path.is_dir()} == set(PACKAGES)


def field(package, type_name, name):
    folder, suffix = FOLDERS[type_name]
    (path,) = [one for one in package.files if one.startswith(f"{folder}/") and one.endswith(f".{suffix}")]
    found = etree.fromstring(package.files[path]).find(f"{{{NAMESPACE}}}{name}")
    return None if found is None else found.text


@pytest.mark.parametrize("version", VERSIONS)
def test_fields_appear_only_in_versions_that_accept_them(version):
    package = build_client_app(plan(), version)
    present = {
        name
        for type_name, name in (
            ("ExtlClntAppGlobalOauthSettings", "isNamedUserJwtEnabled"),
            ("ExtlClntAppOauthConfigurablePolicies", "isNamedUserJwtEnabled"),
            ("ExtlClntAppConfigurablePolicies", "isCanvasPluginEnabled"),
            ("ExtlClntAppGlobalOauthSettings", "isCodeCredFlowEnabled"),
        )
        if field(package, type_name, name) is not None
    }
    in_global = field(package, "ExtlClntAppGlobalOauthSettings", "isNamedUserJwtEnabled")
    in_policy = field(package, "ExtlClntAppOauthConfigurablePolicies", "isNamedUserJwtEnabled")
    assert (in_global is not None) == (version >= 67)
    assert (in_policy is not None) == (61 <= version <= 63)
    assert ("isCanvasPluginEnabled" in present) == (version >= 66)
    assert ("isCodeCredFlowEnabled" in present) == (version >= 61)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_app_is_for_holders_of_the_permission_set_only_and_never_rotates_its_key(version):
    package = build_client_app(plan(), version)
    policy = "ExtlClntAppOauthConfigurablePolicies"
    assert field(package, policy, "commaSeparatedPermissionSet") == "Acme_JWT_Access"
    assert field(package, policy, "permittedUsersPolicyType") == "AdminApprovedPreAuthorized"
    for name in ("shouldRotateConsumerKey", "shouldRotateConsumerSecret"):
        assert field(package, "ExtlClntAppGlobalOauthSettings", name) == "false"
    whole = b"".join(package.files.values())
    assert b"orgScopedExternalApp" not in whole
    assert b"oauthLink" not in whole
    assert b"consumerSecret>" not in whole
    assert field(package, "ExtlClntAppGlobalOauthSettings", "certificate") == CERTIFICATE


def test_the_consumer_key_is_sent_only_when_the_app_is_created():
    created = build_client_app(plan(consumer_key="a" * 64), 66)
    assert field(created, "ExtlClntAppGlobalOauthSettings", "consumerKey") == "a" * 64
    assert field(build_client_app(plan(), 66), "ExtlClntAppGlobalOauthSettings", "consumerKey") is None


def test_satellites_of_an_app_made_by_hand_keep_their_names():
    members = AppMembers("G", "O", "Acme_defaultPolicy", "P")
    named = [component.member for component in external_client_app(plan(members=members), 66)]
    assert named == ["Acme_JWT", "G", "O", "Acme_defaultPolicy", "P"]


def test_the_manifest_names_every_component_sorted():
    manifest = PACKAGES["external_client_app_v66_create"].files["package.xml"].decode()
    types = re.findall(r"<name>(\w+)</name>", manifest)
    assert types == sorted(types)
    assert len(types) == 5
    assert manifest.count("<members>") == 5
    assert "<version>66.0</version>" in manifest


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"name": "1Acme"}, "name"),
        ({"name": "Acme__JWT"}, "name"),
        ({"name": "Acme_"}, "name"),
        ({"name": "A" * 31}, "name"),
        ({"name": "Acmé"}, "name"),
        ({"label": " "}, "label"),
        ({"label": "x" * 81}, "label"),
        ({"label": "a\x00b"}, "label"),
        ({"contact_email": "nobody"}, "contact_email"),
        ({"permission_set": "a,b"}, "permission_set"),
        ({"consumer_key": "short"}, "consumer_key"),
        ({"consumer_key": "with-dash-in-it"}, "consumer_key"),
        ({"certificate_pem": "rubbish"}, "certificate"),
        ({"certificate_pem": CERTIFICATE + "\n" + CERTIFICATE}, "certificate"),
        ({"certificate_pem": "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----"}, "certificate"),
        ({"certificate_pem": CERTIFICATE.replace("MII", "MII" + "A" * 4096, 1)}, "certificate"),
        ({"scopes": ("Api",)}, "scopes"),
        ({"scopes": ("RefreshToken",)}, "scopes"),
        ({"scopes": ("api", "RefreshToken")}, "scopes"),
        ({"scopes": ("refresh_token", "Api")}, "scopes"),
    ],
)
def test_what_salesforce_would_refuse_is_refused_before_anything_is_sent(changed, word):
    with pytest.raises(UsageError, match=word) as refused:
        plan(**changed)
    assert refused.value.code == "client_app_invalid"


@pytest.mark.parametrize("version", [59, 69, 0])
def test_a_version_without_known_shapes_is_refused(version):
    with pytest.raises(UsageError) as refused:
        build_client_app(plan(), version)
    assert refused.value.code == "api_version_unsupported"


def test_text_is_escaped_so_that_it_cannot_become_markup():
    package = build_client_app(plan(label="A&B <script>", description="]]> & <!--"), 66)
    assert field(package, "ExternalClientApplication", "label") == "A&B <script>"
    assert field(package, "ExternalClientApplication", "description") == "]]> & <!--"


def test_a_zip_is_the_same_bytes_every_time_and_holds_the_files():
    package = PACKAGES["external_client_app_v66_create"]
    zipped = zip_package(package)
    assert zipped == zip_package(packages()["external_client_app_v66_create"])
    with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
        assert archive.namelist() == sorted(package.files)
        assert {name: archive.read(name) for name in archive.namelist()} == dict(package.files)
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_DEFLATED}
    assert len(zipped) < 20_000


def test_the_digest_changes_with_any_byte_of_a_package():
    assert package_digest(build_client_app(plan(), 66)) == package_digest(build_client_app(plan(), 66))
    digests = {package_digest(one) for one in PACKAGES.values()}
    assert len(digests) == len(PACKAGES)


def test_two_components_at_one_path_are_our_defect():
    component = Component("PermissionSet", "A", {"label": "A"})
    with pytest.raises(Defect):
        build_package([component, component], 64)


def test_the_setup_set_holds_all_that_its_permissions_need():
    granted = set(with_dependencies(SETUP_PERMISSIONS))
    assert set(SETUP_PERMISSIONS) <= granted
    for permission in granted:
        assert set(DEPENDS_ON.get(permission, ())) <= granted


def test_permissions_an_org_does_not_have_are_left_out_unless_nothing_works_without():
    available = set(with_dependencies(SETUP_PERMISSIONS)) - {"FreezeUsers", "ManageRoles"}
    names = [one["name"] for one in setup_set("S", "S", available).fields["userPermissions"]]
    assert names == sorted(available)
    with pytest.raises(OrgFault) as refused:
        setup_set("S", "S", available - {"ModifyMetadata"})
    assert refused.value.kind.code == "permission_missing"


def test_settings_are_written_back_as_read_with_one_switch_changed():
    snapshot = {"blockOAuthUnPwFlow": False, "isPkceRequired": True, "agentAuthLinking": True}
    changed = oauth_oidc_settings(snapshot, 66, block_password_grant=True)
    assert changed.fields == snapshot | {"blockOAuthUnPwFlow": True}
    assert oauth_oidc_settings(snapshot, 66).fields == snapshot
    assert "agentAuthLinking" not in oauth_oidc_settings(snapshot, 64).fields


def test_security_settings_never_carry_the_trusted_ranges():
    snapshot = {"networkAccess": True, "enableSamlLogin": True}
    component = single_sign_on_settings(snapshot, 66, disable_password_login=True)
    assert component.fields == {
        "singleSignOnSettings": {"enableSamlLogin": True, "isLoginWithSalesforceCredentialsDisabled": True}
    }


@pytest.mark.parametrize("snapshot", [{"isPkceRequired": "true"}, {}])
def test_a_snapshot_that_would_be_written_back_wrongly_is_our_defect(snapshot):
    with pytest.raises(Defect):
        oauth_oidc_settings(snapshot, 66)
