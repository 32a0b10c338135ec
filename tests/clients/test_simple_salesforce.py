"""simple-salesforce, unchanged, with Salesforce host names, which a CONNECT proxy leads to the simulator."""

from __future__ import annotations

import io

import pytest
from app_package import CONSUMER_KEY, NAMESPACE, app_files, archive, private_key_pem
from connect_proxy import proxying
from simple_salesforce import Salesforce, SalesforceExpiredSession, SalesforceLogin
from simple_salesforce.exceptions import SalesforceAuthenticationFailed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

DOMAIN = "acme.my"
HOST = "acme.my.salesforce.com"
SECRET = "0123456789ABCDEF" * 4


@pytest.fixture
def salesforce_hosts(secure_orgs, monkeypatch):
    """Every https connection of this process goes to the simulator; yields the names that were asked for."""
    for name in ("NO_PROXY", "no_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with proxying(secure_orgs.port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", secure_orgs.line["ca"])
        yield proxy.names


@pytest.fixture
def by_password(secure_orgs, salesforce_hosts) -> Salesforce:
    assert salesforce_hosts == []
    return Salesforce(username=secure_orgs.username, password=secure_orgs.password, security_token="")


def test_a_password_login_starts_at_the_login_host_and_goes_on_at_my_domain(by_password, salesforce_hosts):
    assert by_password.sf_instance == HOST
    assert by_password.is_sandbox() is False
    assert salesforce_hosts[0] == "login.salesforce.com:443"
    assert set(salesforce_hosts) == {"login.salesforce.com:443", f"{HOST}:443"}


def test_login_without_a_token_by_organization_id(secure_orgs, salesforce_hosts):
    session_id, host = SalesforceLogin(
        username=secure_orgs.username,
        password=secure_orgs.password,
        organizationId=secure_orgs.org_id,
        domain=DOMAIN,
    )
    assert (host, session_id[:15]) == (HOST, secure_orgs.org_id[:15])
    assert salesforce_hosts == [f"{HOST}:443"]


def test_a_wrong_password_is_an_authentication_failure(secure_orgs, salesforce_hosts):
    with pytest.raises(SalesforceAuthenticationFailed, match=r"INVALID_LOGIN\): Invalid username, password"):
        SalesforceLogin(username=secure_orgs.integration_user, password="no", security_token="")
    assert salesforce_hosts == ["login.salesforce.com:443"]


def test_jwt_whose_expiry_is_text(secure_orgs, salesforce_hosts):
    client = Salesforce(
        username=secure_orgs.integration_user,
        consumer_key=CONSUMER_KEY,
        privatekey=private_key_pem(),
        domain=DOMAIN,
    )
    assert client.query("SELECT Id FROM Organization")["records"][0]["Id"] == secure_orgs.org_id
    sessions = secure_orgs.truth()["users"][secure_orgs.integration_user]["live_sessions"]
    assert "urn:ietf:params:oauth:grant-type:jwt-bearer" in {session["grant_type"] for session in sessions}
    assert set(salesforce_hosts) == {f"{HOST}:443"}


@pytest.mark.usefixtures("salesforce_hosts")
def test_client_credentials(secure_orgs):
    name, key = "Credentials_App", "CREDENTIALS" + "0123456789abcdef" * 3
    files = app_files(name, key=key, run_as=secure_orgs.username)
    path = f"extlClntAppGlobalOauthSets/{name}_glbloauth.ecaGlblOauth"
    secret = f"<consumerSecret>{SECRET}</consumerSecret>"
    files[path] = files[path].replace("</consumerKey>\n", f"</consumerKey>\n    {secret}\n")
    result = secure_orgs.deploy(archive(files), secure_orgs.log_in())
    assert result["success"], result["details"]
    secure_orgs.settle()
    client = Salesforce(consumer_key=key, consumer_secret=SECRET, domain=DOMAIN)
    whoami = client.oauth2("userinfo")
    assert whoami["preferred_username"] == secure_orgs.username
    with pytest.raises(SalesforceAuthenticationFailed, match="invalid client credentials"):
        Salesforce(consumer_key=key, consumer_secret="F" * 64, domain=DOMAIN)


def test_records_queries_and_descriptions(by_password):
    made = by_password.Account.create({"Name": "Ünïted <&> Co"})
    assert by_password.Account.get(made["id"])["Name"] == "Ünïted <&> Co"
    assert by_password.Account.update(made["id"], {"Phone": "1"}) == 204
    found = by_password.query("SELECT Id, Name FROM Account WHERE Phone = '1'")
    assert [row["Id"] for row in found["records"]] == [made["id"]]
    everything = by_password.query_all("SELECT Id FROM Account")
    assert everything["done"] is True
    assert made["id"] in {row["Id"] for row in by_password.query_all_iter("SELECT Id FROM Account")}
    assert by_password.Account.delete(made["id"]) == 204
    assert "Account" in [each["name"] for each in by_password.describe()["sobjects"]]
    assert {"Id", "Username"} <= {field["name"] for field in by_password.User.describe()["fields"]}
    assert by_password.limits()["DailyApiRequests"]["Remaining"] > 0


def test_lists_of_records_and_pages_of_them(by_password):
    records = [{"attributes": {"type": "Contact"}, "LastName": f"Paged {number}"} for number in range(200)]
    body = {"allOrNone": True, "records": records}
    made = by_password.restful("composite/sobjects", method="POST", json=body)
    assert [result["success"] for result in made] == [True] * 200
    asked = {"Sforce-Query-Options": "batchSize=200"}
    query = "SELECT Id FROM Contact WHERE LastName LIKE 'Paged %' OR LastName = 'Contact'"
    first = by_password.query(query, headers=asked)
    assert (len(first["records"]), first["done"], first["totalSize"]) == (200, False, 201)
    everything = by_password.query_all(query, headers=asked)
    assert (len(everything["records"]), everything["done"]) == (201, True)
    ids = ",".join(result["id"] for result in made)
    gone = by_password.restful("composite/sobjects", params={"ids": ids}, method="DELETE")
    assert len(gone) == sum(result["success"] for result in gone) == 200


def test_a_batch_answers_each_request_by_itself(by_password):
    asked = [{"method": "GET", "url": "v59.0/limits"}, {"method": "GET", "url": "v59.0/sobjects/Nonsense"}]
    answer = by_password.restful("composite/batch", method="POST", json={"batchRequests": asked})
    assert answer["hasErrors"] is True
    assert [result["statusCode"] for result in answer["results"]] == [200, 404]
    assert answer["results"][0]["result"]["DailyApiRequests"]["Max"] > 0


@pytest.mark.usefixtures("salesforce_hosts")
def test_an_expired_session_is_its_own_error(secure_orgs):
    client = Salesforce(session_id=f"{secure_orgs.org_id[:15]}!gone", instance_url=secure_orgs.my_domain)
    with pytest.raises(SalesforceExpiredSession):
        client.query("SELECT Id FROM Account")


def test_metadata_of_the_app_types_by_its_own_zeep(by_password):
    metadata = by_password.mdapi
    described = {each.xmlName for each in metadata.describe_metadata().metadataObjects}
    assert {"ExternalClientApplication", "ExtlClntAppGlobalOauthSettings"} <= described
    header = metadata.ExternalClientApplication(
        fullName="Crud_App", label="Crud", contactEmail="ops@acme.example", distributionState="Local"
    )
    metadata.ExternalClientApplication.upsert(header)
    settings = metadata.ExtlClntAppOauthSettings(
        fullName="Crud_App_oauth",
        externalClientApplication="Crud_App",
        commaSeparatedOauthScopes="Api, RefreshToken",
        label="Crud OAuth",
    )
    metadata.ExtlClntAppOauthSettings.create(settings)
    read = metadata.ExtlClntAppOauthSettings.read("Crud_App_oauth")
    assert (read.externalClientApplication, read.commaSeparatedOauthScopes) == (
        "Crud_App",
        "Api, RefreshToken",
    )
    query = metadata.ListMetadataQuery(type="ExternalClientApplication")
    assert "Crud_App" in {each.fullName for each in metadata.list_metadata(query)}
    header.description = "changed"
    metadata.ExternalClientApplication.update(header)
    assert metadata.ExternalClientApplication.read("Crud_App").description == "changed"
    metadata.ExternalClientApplication.delete("Crud_App")
    assert metadata.ExternalClientApplication.read("Crud_App").fullName is None


def test_a_deploy_and_its_status(by_password, secure_orgs):
    started = by_password.deploy(io.BytesIO(archive(app_files("Simple_App"))), sandbox=False)
    assert started["state"] == "Queued"
    secure_orgs.settle()
    status = by_password.checkDeployStatus(started["asyncId"])
    assert (status["state"], status["deployment_detail"]["deployed_count"]) == ("Succeeded", "6")
    assert "Simple_App" in {app["name"] for app in secure_orgs.truth()["apps"]}


def test_a_deploy_that_fails_says_why(by_password, secure_orgs):
    files = app_files("Failing_App")
    path = "externalClientApps/Failing_App.eca"
    files[path] = (
        f'<ExternalClientApplication xmlns="{NAMESPACE}"><label>x</label></ExternalClientApplication>'
    )
    started = by_password.deploy(io.BytesIO(archive(files)), sandbox=False, checkOnly=True)
    secure_orgs.settle()
    status = by_password.checkDeployStatus(started["asyncId"])
    assert status["state"] == "Failed"
    assert "contactEmail" in {error["message"].split()[-1] for error in status["deployment_detail"]["errors"]}
