"""Targets behind the network: the input is the whole answer of an org, headers included."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from orchestrator.actions import facts
from orchestrator.actions.credential import Connection
from orchestrator.errors import OrchestratorError
from orchestrator.redaction import Secret
from orchestrator.salesforce import discovery, key_asking, package_install, soap, token
from orchestrator.salesforce.metadata import Metadata
from orchestrator.salesforce.rest import OrgApi
from orchestrator.salesforce.session import Network

from .law import PLANTED, Target, each_obeys
from .wire import HOST, ORIGIN, answering

_USER = "005000000000001"
_SINCE = "2026-01-01T00:00:00Z"
_PASSWORD = Secret(PLANTED)  # known to redact() while it lives, as the password of a run is
_CALLBACK = "http://localhost:1717/OauthRedirect"
_KEY = "3MVG9.planted.consumer.key"

JSON_WORDS = tuple(
    word.encode()
    for word in (
        *("null", "true", "false", "[]", "{}", '""', "NaN", "-Infinity", "1e999", '"\\ud800"', '"\\u0000"'),
        *('"records"', '"done"', '"nextRecordsUrl"', '"errorCode"', '"message"', '"success"', '"errors"'),
        *("[" * 64, '{"a":' * 32, "9" * 64, "HTTP/1.1 200 X\r\n", "HTTP/1.1 400 X\r\n", "HTTP/1.1 503 X\r\n"),
        *("Content-Length: ", "Transfer-Encoding: chunked", "Content-Encoding: gzip", "Retry-After: 99999"),
        *("Date: Thu, 01 Jan 1970 00:00:00 GMT", "Location: //evil.example/", "Content-Type: text/html"),
    )
)
XML_WORDS = tuple(
    word.encode()
    for word in (
        *(
            "<!DOCTYPE a [<!ENTITY b 'c'>]>",
            "&b;",
            "<![CDATA[",
            "]]>",
            "<?xml-stylesheet?>",
            "&#x0;",
            "&#55296;",
        ),
        *('xsi:nil="true"', 'xsi:type="xsd:string"', "<result>", "</result>", "<result/>", "<records/>"),
        *("loginResponse", "getUserInfoResponse", "readMetadataResponse", "checkDeployStatusResponse"),
        *("listMetadataResponse", "upsertMetadataResponse", "deployResponse", "deleteMetadataResponse"),
        *("soapenv:Fault", "faultcode", "faultstring", "exceptionCode", "<a>" * 40, ' xmlns="urn:x"'),
        *("9999999999999999999", "1e999", "INF", "0000-00-00T00:00:00Z", "P1Y", "utf-16", "encoding='x'"),
    )
)


def _metadata(raw: bytes) -> Metadata:
    return Metadata(answering(raw), ORIGIN, _PASSWORD)


def _login(network: Network) -> object:
    session = soap.soap_login(network, HOST, "admin@acme.example", _PASSWORD, None)
    with contextlib.suppress(OrchestratorError):  # the same bytes are no REST answer
        soap.session_usable(network, session)
    return session


_SOAP: dict[bytes, Callable[[bytes], object]] = {
    b"loginResponse": lambda raw: _login(answering(raw)),
    b"getUserInfoResponse": lambda raw: soap.get_user_info(answering(raw), ORIGIN, _PASSWORD),
    b"logoutResponse": lambda raw: soap.logout(answering(raw), ORIGIN, _PASSWORD),
    b"readMetadataResponse": lambda raw: _metadata(raw).read("PermissionSet", ["A", "B"]),
    b"listMetadataResponse": lambda raw: _metadata(raw).list("PermissionSet"),
    b"checkDeployStatusResponse": lambda raw: _metadata(raw).status("0Af000000000001").fault(),
    b"cancelDeployResponse": lambda raw: _metadata(raw).cancel("0Af000000000001"),
    b"deployResponse": lambda raw: _metadata(raw).deploy(b"PK"),
    b"upsertMetadataResponse": lambda raw: _metadata(raw).upsert("PermissionSet", [{"fullName": "A"}]),
    b"updateMetadataResponse": lambda raw: _metadata(raw).update("PermissionSet", [{"fullName": "A"}]),
    b"deleteMetadataResponse": lambda raw: _metadata(raw).delete("PermissionSet", ["A"]),
}


def _soap(raw: bytes) -> object:
    """The call whose answer this looks like; a login when it looks like none."""
    call = next((call for name, call in _SOAP.items() if name in raw), _SOAP[b"loginResponse"])
    return call(raw)


def _rest(raw: bytes) -> None:
    def api() -> OrgApi:
        return OrgApi(answering(raw), ORIGIN, _PASSWORD)

    each_obeys(
        (
            lambda: api().query("SELECT Id FROM User"),
            lambda: api().query_tooling("SELECT Id FROM User"),
            lambda: api().get("User", _USER, ("Id",)),
            lambda: api().create("User", {"Username": "a"}),
            lambda: api().update("User", _USER, {"Username": "a"}),
            lambda: api().restful("limits"),
        )
    )


def _deploy_rest(raw: bytes) -> None:
    each_obeys(
        (
            lambda: _metadata(raw).status_rest("0Af000000000001").fault(),
            lambda: _metadata(raw).deploy_rest(b"PK"),
        )
    )


def _token(raw: bytes) -> None:
    each_obeys(
        (
            lambda: token.jwt_bearer(answering(raw), HOST, "a.b.c"),
            lambda: token.refresh_grant(answering(raw), HOST, client_id=_KEY, refresh_token=_PASSWORD),
            lambda: token.revoke(answering(raw), HOST, _PASSWORD),
            lambda: token.userinfo(answering(raw), HOST, _PASSWORD),
        )
    )


def _discovery(raw: bytes) -> None:
    each_obeys(
        (
            lambda: discovery.auth_configuration(answering(raw), HOST),
            lambda: discovery.api_versions(answering(raw), HOST),
        )
    )


def _key_asking(raw: bytes) -> object:
    return key_asking.check_key(
        answering(raw), HOST, consumer_key=_KEY, callback_url=_CALLBACK, client_secret=_PASSWORD
    )


def _packages(raw: bytes) -> None:
    def api() -> OrgApi:
        return OrgApi(answering(raw), ORIGIN, _PASSWORD)

    version = "04t000000000001"
    each_obeys(
        (
            lambda: package_install.installed_packages(api()),
            lambda: package_install.offered_version(api(), version),
            lambda: package_install.request_install(
                api(), version, password=None, security_type="admins_only", remote_sites=False
            ),
            lambda: package_install.install_status(api(), "0Hf000000000001"),
            lambda: package_install.install_requests(api(), version, since=_SINCE),
        )
    )


def _facts(raw: bytes) -> None:
    """What preflight and the locks ask an org."""
    network = answering(raw)
    org = Connection(ORIGIN, 64, OrgApi(network, ORIGIN, _PASSWORD), Metadata(network, ORIGIN, _PASSWORD))
    calls: tuple[Callable[[], Any], ...] = (
        lambda: facts.user_by_username(org, "admin@acme.example"),
        lambda: facts.existing_permissions(org),
        lambda: facts.permissions_of(org, _USER, ("ManageUsers",)),
        lambda: facts.other_admins(org, (_USER,)),
        lambda: facts.organization(org),
        lambda: facts.permission_set_ids(org, ("A",)),
        lambda: facts.assignment_ids(org, _USER, ("0PS000000000001",)),
        lambda: facts.login_rows(org, _USER, _SINCE),
    )
    each_obeys(calls)


TARGETS = (
    Target("soap", _soap, XML_WORDS, told="echoed"),
    Target("rest", _rest, JSON_WORDS, told="echoed"),
    Target("deploy_rest", _deploy_rest, JSON_WORDS, told="echoed"),
    Target("token", _token, JSON_WORDS, told="echoed"),
    Target("discovery", _discovery, JSON_WORDS),
    Target("key_asking", _key_asking, JSON_WORDS, told="echoed"),
    Target("packages", _packages, JSON_WORDS),
    Target("facts", _facts, JSON_WORDS),
)
