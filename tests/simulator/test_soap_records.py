"""Records, describes and passwords over the partner API, every answer held against the partner WSDL."""

from __future__ import annotations

from xml.sax.saxutils import escape

import pytest
from soap_clients import strict_zeep, unwrapped
from soap_wire import PARTNER, Wire, check, envelope, fault_code, root_of, text_of, texts_of, wsdl_oracle

P = f'xmlns="{PARTNER}" xmlns:o="urn:sobject.partner.soap.sforce.com"'
READ_DELETED = "SELECT IsDeleted FROM Account"


@pytest.fixture
def wire():
    wire = Wire()
    wire.login()
    return wire


def query(wire: Wire, text: str):
    return wire.partner(f"<query {P}><queryString>{text}</queryString></query>")


def test_a_query_answers_typed_sobjects_with_relationships(wire):
    text = "SELECT Id, IsActive, Profile.Name FROM User WHERE Profile.Name = 'System Administrator' LIMIT 1"
    response = query(wire, text)
    assert text_of(response, "size") == "1"
    assert texts_of(response, "records/Profile/Name") == ["System Administrator"]
    assert texts_of(response, "records/IsActive") == ["true"]
    assert b'<records xsi:type="sf:sObject"><sf:type>User</sf:type><sf:Id>005' in response.body
    assert (
        b'<sf:Profile xsi:type="sf:sObject"><sf:type>Profile</sf:type><sf:Id xsi:nil="true"/>'
        in response.body
    )


@pytest.mark.parametrize(("text", "code", "kind"), [
    ("SELECT", "MALFORMED_QUERY", "MalformedQueryFault"),
    ("SELECT Nope FROM User", "INVALID_FIELD", "InvalidFieldFault"),
    ("SELECT Id FROM ScratchOrgInfo", "INVALID_TYPE", "InvalidSObjectFault"),
])  # fmt: skip
def test_a_bad_query_has_the_fault_type_of_the_wsdl(wire, text, code, kind):
    response = query(wire, text)
    assert fault_code(response) == code
    assert f"<sf:{kind} ".encode() in response.body


def test_an_unknown_locator_is_its_own_fault(wire):
    response = wire.partner(f"<queryMore {P}><queryLocator>01g000000000001-2000</queryLocator></queryMore>")
    assert fault_code(response) == "INVALID_QUERY_LOCATOR"


def test_records_are_created_updated_retrieved_and_deleted(wire):
    made = wire.partner(f"<create {P}><sObjects><o:type>Account</o:type><o:Name>A &amp; B</o:Name></sObjects>"
        "<sObjects><o:type>Account</o:type></sObjects></create>")  # fmt: skip
    assert texts_of(made, "result/success") == ["true", "false"]
    assert texts_of(made, "errors/statusCode") == ["REQUIRED_FIELD_MISSING"]
    account = texts_of(made, "result/id")[0]
    changed = wire.partner(
        f"<update {P}><sObjects><o:type>Account</o:type><o:Id>{account}</o:Id><o:Name>C</o:Name>"
        "</sObjects></update>"
    )
    assert texts_of(changed, "success") == ["true"]
    got = wire.partner(
        f"<retrieve {P}><fieldList>Name</fieldList><sObjectType>Account</sObjectType><ids>{account}</ids>"
        "<ids>001000000000001AAA</ids></retrieve>"
    )
    assert texts_of(got, "result/Name") == ["C"]
    assert len(root_of(got).findall(".//{*}result")) == 2
    gone = wire.partner(f"<delete {P}><ids>{account}</ids><ids>nonsense</ids></delete>")
    assert texts_of(gone, "success") == ["true", "false"]
    assert texts_of(gone, "statusCode") == ["MALFORMED_ID"]


def test_an_unknown_type_faults_and_unknown_ids_do_not_fit_rest_codes(wire):
    response = wire.partner(f"<create {P}><sObjects><o:type>Nope</o:type></sObjects></create>")
    assert fault_code(response) == "INVALID_TYPE"
    response = wire.partner(f"<resetPassword {P}><userId>005000000000001AAA</userId></resetPassword>")
    assert fault_code(response) == "INVALID_CROSS_REFERENCE_KEY"


def test_upsert_says_which_it_did(wire):
    response = wire.partner(
        f"<upsert {P}><externalIDFieldName>Id</externalIDFieldName>"
        "<sObjects><o:type>Account</o:type><o:Name>N</o:Name></sObjects></upsert>"
    )
    assert texts_of(response, "created") == ["true"]
    account = text_of(response, "id")
    response = wire.partner(
        f"<upsert {P}><sObjects><o:type>Account</o:type><o:Id>{account}</o:Id><o:Name>M</o:Name></sObjects>"
        "<externalIDFieldName>Id</externalIDFieldName></upsert>"
    )
    assert texts_of(response, "created") == ["false"]


def test_a_deleted_record_waits_in_the_recycle_bin(wire):
    account = wire.partner(
        f"<create {P}><sObjects><o:type>Account</o:type><o:Name>Bin</o:Name></sObjects></create>"
    )
    record_id = text_of(account, "id")
    wire.partner(f"<delete {P}><ids>{record_id}</ids></delete>")
    asked = f"<queryString>{READ_DELETED} WHERE Id = '{record_id}'</queryString>"
    assert text_of(wire.partner(f"<query {P}>{asked}</query>"), "size") == "0"
    assert texts_of(wire.partner(f"<queryAll {P}>{asked}</queryAll>"), "IsDeleted") == ["true"]
    restored = wire.partner(f"<undelete {P}><ids>{record_id}</ids></undelete>")
    assert texts_of(restored, "success") == ["true"]
    assert text_of(wire.partner(f"<query {P}>{asked}</query>"), "size") == "1"
    assert texts_of(
        wire.partner(f"<emptyRecycleBin {P}><ids>{record_id}</ids></emptyRecycleBin>"), "success"
    ) == ["false"]


def test_ones_own_password_is_changed_with_the_old_one(wire):
    def change(old: str, new: str):
        inside = f"<oldPassword>{escape(old)}</oldPassword><newPassword>{new}</newPassword>"
        return wire.partner(f"<changeOwnPassword {P}>{inside}</changeOwnPassword>")

    assert fault_code(change("wrong", "n3wPassword")) == "INVALID_OLD_PASSWORD"
    assert fault_code(change(wire.seed.password, "short")) == "INVALID_NEW_PASSWORD"
    assert change(wire.seed.password, "n3wPassword").status == 200
    assert wire.login(password="n3wPassword").status == 200


def test_a_permission_set_is_assigned_by_soap_as_by_rest(wire):
    made = wire.partner(
        f"<create {P}><sObjects><o:type>PermissionSet</o:type><o:Name>Gate</o:Name><o:Label>"
        "Gate</o:Label></sObjects></create>"
    )
    gate = text_of(made, "id")
    user = wire.org.user_by_name(wire.seed.username)
    given = wire.partner(
        f"<create {P}><sObjects><o:type>PermissionSetAssignment</o:type><o:AssigneeId>"
        f"{user.id}</o:AssigneeId>"
        f"<o:PermissionSetId>{gate}</o:PermissionSetId></sObjects></create>"
    )
    assert texts_of(given, "success") == ["true"], given.body
    assert gate in {each.id for each in wire.org.assigned_permission_sets(user)}


def test_describes_follow_the_schema(wire):
    response = wire.partner(f"<describeGlobal {P}/>")
    assert "User" in texts_of(response, "sobjects/name")
    response = wire.partner(
        f"<describeSObject {P}><sObjectType>PermissionSet</sObjectType></describeSObject>"
    )
    assert "PermissionsModifyMetadata" in texts_of(response, "fields/name")
    response = wire.partner(
        f"<describeSObjects {P}><sObjectType>User</sObjectType><sObjectType>Account</sObjectType>"
        "</describeSObjects>"
    )
    assert texts_of(response, "result/name") == ["User", "Account"]
    response = wire.partner(f"<describeSObject {P}><sObjectType>Nope</sObjectType></describeSObject>")
    assert fault_code(response) == "INVALID_TYPE"


def test_a_password_is_set_for_others_and_refused_for_oneself(wire):
    other = wire.org.user_by_name(wire.seed.break_glass_username)
    me = wire.org.user_by_name(wire.seed.username)
    assert (
        wire.partner(
            f"<setPassword {P}><userId>{other.id}</userId><password>n3w-passw0rd</password></setPassword>"
        ).status
        == 200
    )
    assert other.password_matches("n3w-passw0rd")
    response = wire.partner(
        f"<setPassword {P}><userId>{me.id}</userId><password>n3w-passw0rd</password></setPassword>"
    )
    assert b"Cannot set password for self" in response.body
    response = wire.partner(
        f"<setPassword {P}><userId>{other.id}</userId><password>short</password></setPassword>"
    )
    assert b"sf:InvalidNewPasswordFault" in response.body
    response = wire.partner(f"<resetPassword {P}><userId>{other.id}</userId></resetPassword>")
    assert other.password_matches(text_of(response, "password"))


def test_an_expired_password_leaves_a_session_good_only_for_a_new_one():
    wire = Wire()
    me = wire.org.user_by_name(wire.seed.username)
    me.password_expired = True
    response = wire.login()
    assert text_of(response, "passwordExpired") == "true"
    assert fault_code(query(wire, "SELECT Id FROM User")) == "INVALID_OPERATION_WITH_EXPIRED_PASSWORD"
    assert (
        wire.partner(
            f"<setPassword {P}><userId>{me.id}</userId><password>n3w-passw0rd</password></setPassword>"
        ).status
        == 200
    )
    assert query(wire, "SELECT Id FROM User").status == 200


def test_the_enterprise_endpoint_answers_in_its_own_namespaces(wire):
    ns = "urn:enterprise.soap.sforce.com"
    body = f'<login xmlns="{ns}"><username>{wire.seed.username}</username><password>wrong</password></login>'
    response = wire.post("/services/Soap/c/64.0", envelope(body))
    assert b'xmlns:sf="urn:fault.enterprise.soap.sforce.com"' in response.body
    header = f'<SessionHeader xmlns="{ns}"><sessionId>{wire.session_id}</sessionId></SessionHeader>'
    text = "SELECT Id, Name FROM Profile"
    body = f'<query xmlns="{ns}"><queryString>{text}</queryString></query>'
    response = wire.post("/services/Soap/c/64.0", envelope(body, header))
    assert b'<records xsi:type="sf:Profile"><sf:Id>00e' in response.body


@pytest.mark.shared
@pytest.mark.parametrize("version", [62, 64, 66])
def test_every_answer_fits_salesforces_partner_wsdl(version):
    if wsdl_oracle.wsdl_path("partner", version) is None:
        pytest.skip(f"no partner WSDL v{version}: the folder 'shared' is not beside this checkout")
    wire = Wire()
    check("partner", version, wire.login())
    for body in (
        "<getUserInfo {P}/>", "<getServerTimestamp {P}/>", "<describeGlobal {P}/>",
        "<describeSObject {P}><sObjectType>User</sObjectType></describeSObject>",
        "<query {P}><queryString>SELECT Id, Name, Profile.UserLicense.Name FROM User</queryString></query>",
        "<query {P}><queryString>SELECT</queryString></query>",
        "<delete {P}><ids>x</ids></delete>",
        "<query {P}><queryString>SELECT Id, (SELECT Id FROM Contacts) FROM Account</queryString></query>",
        (
            "<query {P}><queryString>SELECT Id, (SELECT Id FROM Assignments) FROM PermissionSet"
            "</queryString></query>"
        ),
        "<query {P}><queryString>SELECT Name, COUNT(Id) n FROM User GROUP BY Name</queryString></query>",
        "<queryAll {P}><queryString>SELECT Id FROM Account</queryString></queryAll>",
        "<queryMore {P}><queryLocator>01g000000000001-200</queryLocator></queryMore>",
        "<describeSObjects {P}><sObjectType>Account</sObjectType></describeSObjects>",
        "<create {P}><sObjects><o:type>Account</o:type><o:Name>A</o:Name></sObjects></create>",
        "<update {P}><sObjects><o:type>Account</o:type><o:Id>x</o:Id></sObjects></update>",
        (
            "<upsert {P}><externalIDFieldName>Id</externalIDFieldName>"
            "<sObjects><o:type>Account</o:type><o:Name>A</o:Name></sObjects></upsert>"
        ),
        "<retrieve {P}><fieldList>Id</fieldList><sObjectType>Account</sObjectType></retrieve>",
        "<undelete {P}><ids>001000000000001AAA</ids></undelete>",
        "<emptyRecycleBin {P}><ids>001000000000001AAA</ids></emptyRecycleBin>",
        "<invalidateSessions {P}><sessionIds>nobody</sessionIds></invalidateSessions>",
        "<setPassword {P}><userId>005000000000001AAA</userId><password>x</password></setPassword>",
        "<resetPassword {P}><userId>005000000000001AAA</userId></resetPassword>",
        (
            "<changeOwnPassword {P}><oldPassword>x</oldPassword><newPassword>y</newPassword>"
            "</changeOwnPassword>"
        ),
        "<search {P}><searchString>x</searchString></search>",
        "<logout {P}/>",
    ):  # fmt: skip
        wire.partner(body.format(P=P), version)


@pytest.mark.shared
def test_strict_zeep_logs_in_queries_and_logs_out():
    if wsdl_oracle.wsdl_path("partner", 64) is None:
        pytest.skip("no partner WSDL v64: the folder 'shared' is not beside this checkout")
    wire = Wire()
    client, service = strict_zeep(wire, "partner", 64)
    result = unwrapped(service.login(wire.seed.username, wire.seed.password))
    assert result.userInfo.organizationId == wire.org.id
    headers = [client.get_element("{urn:partner.soap.sforce.com}SessionHeader")(sessionId=result.sessionId)]
    answer = unwrapped(service.query("SELECT Id FROM Organization", _soapheaders=headers))
    assert answer.records[0].Id == wire.org.id
    service.logout(_soapheaders=headers)
