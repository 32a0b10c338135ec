"""What a deployment makes of app components: the documented rules, each by its own refusal."""

from __future__ import annotations

import re

import pytest
from soap_wire import (
    CALLBACK,
    KEY,
    Wire,
    X,
    app_files,
    certificate,
    problems,
    text_of,
    texts_of,
)

PARENT = "<externalClientApplication>Acme_JWT</externalClientApplication>"


@pytest.fixture
def wire():
    return Wire()


def global_settings(*, certificate_text: str | None = None, key: str = "", more: str = "") -> str:
    text = certificate() if certificate_text is None else certificate_text
    pem = f"<certificate>{text}</certificate>" if text else ""
    return f"<callbackUrl>{CALLBACK}</callbackUrl>{pem}{key}{PARENT}<label>G</label>{more}"


def test_a_complete_app_deploys_and_becomes_facts(wire):
    response = wire.deploy(app_files())
    assert text_of(response, "status") == "Succeeded", problems(response)
    app = wire.org.apps["Acme_JWT"]
    assert app.consumer_key == KEY
    assert app.scopes == {"Api", "RefreshToken"}
    assert app.admin_approved
    assert app.permission_set_names == {"Acme_JWT_Access"}
    assert app.certificate_pem is not None
    assert len(app.versions) == 1
    assert wire.org.permission_set_by_name("Acme_JWT_Access") is not None


def test_components_are_counted_without_the_manifest(wire):
    response = wire.deploy(app_files())
    assert text_of(response, "numberComponentsTotal") == "6"
    assert text_of(response, "numberComponentsDeployed") == "6"
    names = texts_of(response, "componentSuccesses/fileName")
    assert len(names) == 7
    assert "package.xml" in names


def test_deploying_the_same_again_changes_nothing_and_disturbs_no_node(wire):
    wire.deploy(app_files())
    again = app_files(key=None)
    response = wire.deploy(again)
    assert text_of(response, "status") == "Succeeded", problems(response)
    assert set(texts_of(response, "componentSuccesses/changed")) == {"true", "false"}
    assert wire.org.apps["Acme_JWT"].consumer_key == KEY
    assert len(wire.org.apps["Acme_JWT"].versions) == 1


def test_leaving_the_certificate_out_clears_the_signature(wire):
    wire.deploy(app_files())
    response = wire.deploy(app_files(key=None, **{"global": global_settings(certificate_text="")}))
    assert text_of(response, "status") == "Succeeded", problems(response)
    assert wire.org.apps["Acme_JWT"].certificate_pem is None


def test_an_omitted_boolean_goes_back_to_its_default(wire):
    wire.deploy(app_files(**{"global": global_settings(more="<isPkceRequired>false</isPkceRequired>")}))
    assert not wire.org.apps["Acme_JWT"].pkce_required
    wire.deploy(app_files(key=None, **{"global": global_settings()}))
    assert wire.org.apps["Acme_JWT"].pkce_required


def test_the_consumer_key_may_be_chosen_once_only(wire):
    wire.deploy(app_files())
    assert problems(wire.deploy(app_files())) == ["You cannot provide a Consumer Key"]


def test_without_a_key_the_org_draws_one_and_tells_it(wire):
    wire.deploy(app_files(key=None))
    key = wire.read("ExtlClntAppGlobalOauthSettings", "Acme_JWT_glbloauth")["consumerKey"]
    assert len(key) == 85
    assert key == wire.org.apps["Acme_JWT"].consumer_key


def test_consumer_keys_are_unique_across_all_orgs():
    wire = Wire(count=2)
    other = wire.sim.org_by_name("globex")
    wire.deploy(app_files())
    other.apps.update(wire.org.apps)
    del wire.org.apps["Acme_JWT"]
    wire.org.components.clear()
    assert "The consumer key is already taken." in problems(wire.deploy(app_files()))


@pytest.mark.parametrize(
    "key", ["short", "with space in it", "umlautäöü1234", "slash/slash/slash", "a" * 257]
)
def test_a_consumer_key_outside_the_charset_or_length_is_refused(wire, key):
    assert any("Consumer Key" in each for each in problems(wire.deploy(app_files(key=key))))


def test_a_failed_component_takes_everything_back(wire):
    response = wire.deploy(app_files(header="<label>no contact</label>"))
    assert text_of(response, "status") == "Failed"
    assert "Required field is missing: contactEmail" in problems(response)
    assert not wire.org.apps
    assert wire.org.permission_set_by_name("Acme_JWT_Access") is None


def test_check_only_validates_and_writes_nothing(wire):
    response = wire.deploy(app_files(), options="<checkOnly>true</checkOnly>")
    assert text_of(response, "status") == "Succeeded"
    assert not wire.org.apps


def test_without_rollback_what_succeeds_stays():
    wire = Wire("sandbox")
    files = app_files(app_policy="")
    files["extlClntAppOauthPolicies/Acme_JWT_oauthPlcy.ecaOauthPlcy"] = (
        f"<ExtlClntAppOauthConfigurablePolicies {X}>{PARENT}<label>P</label>"
        "<commaSeparatedPermissionSet>Nobody</commaSeparatedPermissionSet></ExtlClntAppOauthConfigurablePolicies>"
    )
    response = wire.deploy(files, options="<rollbackOnError>false</rollbackOnError>")
    assert text_of(response, "status") == "SucceededPartial"
    assert text_of(response, "success") == "false"
    assert problems(response) == [
        "In field: commaSeparatedPermissionSet - no PermissionSet named Nobody found"
    ]
    assert "Acme_JWT" in wire.org.apps


def test_policies_nobody_deployed_are_made_by_the_org(wire):
    wire.deploy(app_files(policy="", app_policy=""))
    policy = wire.read("ExtlClntAppOauthConfigurablePolicies", "Acme_JWTOAuthSettings_defaultPolicy")
    assert policy["permittedUsersPolicyType"] == "AllSelfAuthorized"
    assert wire.read("ExtlClntAppConfigurablePolicies", "Acme_JWT_defaultPolicy")["isEnabled"] == "true"


def test_a_policy_of_ones_own_takes_the_place_of_the_generated_one(wire):
    wire.deploy(app_files(policy="", app_policy=""))
    wire.deploy(app_files(key=None))
    keys = [name for kind, name in wire.org.components if kind == "ExtlClntAppOauthConfigurablePolicies"]
    assert keys == ["Acme_JWT_oauthPlcy"]
    assert wire.org.apps["Acme_JWT"].admin_approved


def test_a_policy_deploy_drops_grants_made_elsewhere(wire):
    wire.deploy(app_files())
    app = wire.org.apps["Acme_JWT"]
    app.permission_set_names |= {"Other_Access"}
    policy = wire.read("ExtlClntAppOauthConfigurablePolicies", "Acme_JWT_oauthPlcy")
    assert policy["commaSeparatedPermissionSet"] == "Acme_JWT_Access, Other_Access"
    wire.deploy(app_files(key=None))
    assert wire.org.apps["Acme_JWT"].permission_set_names == {"Acme_JWT_Access"}


def test_the_kill_switch_disables_the_app(wire):
    off = (
        f"{PARENT}<isEnabled>false</isEnabled><isOauthPluginEnabled>true</isOauthPluginEnabled><label>"
        "P</label>"
    )
    wire.deploy(app_files(app_policy=off))
    assert not wire.org.apps["Acme_JWT"].enabled


@pytest.mark.parametrize(("kind", "words"), [("ec", "only RSA"), ("rsa1024", "2048 bits"), ("junk", "X.509"),
    ("large", "4 KB")])  # fmt: skip
def test_a_certificate_must_be_rsa_x509_and_small(wire, kind, words):
    texts = {"junk": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "large": "A" * 4096}
    text = texts.get(kind) or certificate(kind)
    found = problems(wire.deploy(app_files(**{"global": global_settings(certificate_text=text)})))
    assert any(words in each for each in found), found


def test_a_certificate_without_its_pem_lines_is_taken(wire):
    bare = "".join(certificate().split("-----")[2].split())
    response = wire.deploy(app_files(**{"global": global_settings(certificate_text=bare)}))
    assert text_of(response, "status") == "Succeeded", problems(response)
    assert wire.org.apps["Acme_JWT"].certificate_pem == certificate()


@pytest.mark.parametrize("scope", ["api", "chatbot_api", "SFAP", "Nonsense"])
def test_scopes_speak_the_metadata_vocabulary(wire, scope):
    oauth = f"<commaSeparatedOauthScopes>Api, {scope}</commaSeparatedOauthScopes>{PARENT}<label>O</label>"
    found = problems(wire.deploy(app_files(oauth=oauth)))
    assert found
    assert found[0].startswith(f"Invalid OAuth scope: {scope}. Valid scopes: ")
    assert "SFApiPlatform" in found[0]


@pytest.mark.parametrize(("version", "is_taken"), [(64, False), (66, True)])
def test_named_user_jwt_is_refused_at_64_and_taken_later(wire, version, is_taken):
    more = "<isNamedUserJwtEnabled>true</isNamedUserJwtEnabled>"
    response = wire.deploy(app_files(**{"global": global_settings(more=more)}), version=version)
    refusal = (
        "Element {http://soap.sforce.com/2006/04/metadata}isNamedUserJwtEnabled invalid at this "
        "location in type "
        "ExtlClntAppGlobalOauthSettings"
    )
    assert (refusal not in problems(response)) is is_taken
    assert (text_of(response, "status") == "Succeeded") is is_taken


def test_an_unknown_element_is_named_with_its_type_and_line(wire):
    response = wire.deploy(
        app_files(header="<contactEmail>a@b.c</contactEmail>\n<label>x</label>\n<colour>red</colour>")
    )
    assert problems(response)[0] == (
        "Element {http://soap.sforce.com/2006/04/metadata}colour invalid at this location in type "
        "ExternalClientApplication"
    )
    assert texts_of(response, "componentFailures/lineNumber")[0] == "3"


@pytest.mark.parametrize("name", ["shouldRotateConsumerKey", "shouldRotateConsumerSecret"])
def test_rotation_is_a_warning_that_fails_unless_warnings_are_ignored(wire, name):
    wire.deploy(app_files())
    before = wire.org.apps["Acme_JWT"]
    files = app_files(key=None, **{"global": global_settings(more=f"<{name}>true</{name}>")})
    refused = wire.deploy(files)
    assert text_of(refused, "status") == "Failed"
    assert texts_of(refused, "componentFailures/problemType") == ["Warning"]
    accepted = wire.deploy(files, options="<ignoreWarnings>true</ignoreWarnings>")
    assert text_of(accepted, "status") == "Succeeded", problems(accepted)
    after = wire.org.apps["Acme_JWT"]
    assert (after.consumer_key != before.consumer_key) is (name == "shouldRotateConsumerKey")
    assert (after.consumer_secret != before.consumer_secret) is (name == "shouldRotateConsumerSecret")


@pytest.mark.parametrize("owner", ["00D000000000001AAA", "{id}"])
def test_an_org_scoped_name_of_another_org_is_a_dead_reference(wire, owner):
    scoped = f"{owner.format(id=wire.org.id)}:Acme_JWT"
    header = (
        f"<contactEmail>ops@example.com</contactEmail><label>A</label><orgScopedExternalApp>{scoped}"
        "</orgScopedExternalApp>"
    )
    found = problems(wire.deploy(app_files(header=header)))
    assert bool(found) is not owner.startswith("{")


def test_an_oauth_link_of_another_org_is_a_dead_reference(wire):
    oauth = f"{PARENT}<label>O</label><oauthLink>00D000000000001AAA:888000000000001AAA</oauthLink>"
    assert any("oauthLink" in each for each in problems(wire.deploy(app_files(oauth=oauth))))


@pytest.mark.parametrize(("field", "found"), [("callbackUrl", "Required field is missing: callbackUrl"),
    ("label", "Required field is missing: label")])  # fmt: skip
def test_what_the_validator_wants_beyond_the_schema(wire, field, found):
    body = re.sub(f"<{field}>.*?</{field}>", "", global_settings())
    assert found in problems(wire.deploy(app_files(**{"global": body})))


@pytest.mark.parametrize("url", ["http://evil.example/cb", "no-scheme", "https://has space/cb"])
def test_callback_urls_must_be_https_or_a_custom_scheme(wire, url):
    body = global_settings().replace(CALLBACK, url)
    assert any("callback URL" in each for each in problems(wire.deploy(app_files(**{"global": body}))))


def test_a_satellite_needs_its_app(wire):
    files = app_files()
    del files["externalClientApps/Acme_JWT.eca"]
    assert (
        "In field: externalClientApplication - no ExternalClientApplication named Acme_JWT found"
        in problems(wire.deploy(files))
    )


def test_profiles_named_by_a_policy_must_exist(wire):
    policy = (
        f"<commaSeparatedProfile>System Administrator, Ghost</commaSeparatedProfile>{PARENT}<label>P</label>"
    )
    assert problems(wire.deploy(app_files(policy=policy))) == [
        "In field: commaSeparatedProfile - no Profile named Ghost found"
    ]
