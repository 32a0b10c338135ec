"""Scripted faults as a client meets them on a real TLS connection."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
import requests
from requests.adapters import HTTPAdapter

sys.path.append(str(Path(__file__).parent))

from served import connected, read_to_end, serving

LOGIN = (
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
    '<login xmlns="urn:partner.soap.sforce.com"><username>{username}</username>'
    "<password>{password}</password></login></e:Body></e:Envelope>"
)
ASK = b"GET /services/data HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def secure():
    with serving(count=1) as (line, simulation):
        yield line, simulation


@pytest.fixture
def web(secure):
    line, _ = secure
    with requests.Session() as session:
        session.trust_env = False
        session.verify = line["ca"]
        session.mount("https://", HTTPAdapter(max_retries=0))
        yield session
        session.delete(f"{line['control']}/faults")


@pytest.fixture
def script(secure, web):
    line, _ = secure

    def add(**fault):
        assert web.post(f"{line['control']}/faults", json=fault).status_code == 201

    return add


@pytest.fixture
def token(secure, web):
    line, simulation = secure
    seed = next(iter(simulation.simulator.catalogue))
    body = LOGIN.format(username=seed.username, password=escape(seed.password))
    answer = web.post(f"{line['url']}/services/Soap/u/64.0", data=body)
    return answer.text.partition("<sessionId>")[2].partition("<")[0]


def test_a_reset_before_the_answer_leaves_nothing_to_read(secure, script):
    line, _ = secure
    script(kind="reset", operation="versions")
    with connected(line) as connection:
        connection.sendall(ASK)
        assert read_to_end(connection) == b""


def test_a_reset_in_mid_body_comes_after_the_head_and_some_bytes(secure, script):
    line, _ = secure
    script(kind="reset", operation="versions", sent_bytes=40)
    with connected(line) as connection:
        connection.sendall(ASK)
        answer = read_to_end(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert len(body) == 40
    assert int(head.lower().partition(b"content-length:")[2].split()[0]) > 40


def test_the_request_behind_a_late_reset_was_worked_on(secure, web, script, token):
    line, _ = secure
    script(kind="reset", operation="account_create", when="after")
    headers = {"Authorization": f"Bearer {token}"}
    root = f"{line['url']}/services/data/v66.0"
    with pytest.raises(requests.ConnectionError):
        web.post(f"{root}/sobjects/Account", json={"Name": "Lost Answer"}, headers=headers)
    params = {"q": "SELECT Id FROM Account WHERE Name = 'Lost Answer'"}
    assert web.get(f"{root}/query", params=params, headers=headers).json()["totalSize"] == 1


def test_a_slow_answer_arrives_for_the_patient(secure, web, script):
    line, _ = secure
    script(kind="slow", operation="versions", delay_s=0.3)
    answer = web.get(f"{line['url']}/services/data", timeout=10)
    assert answer.status_code == 200
    assert answer.elapsed.total_seconds() >= 0.3
    script(kind="slow", operation="versions", delay_s=30)
    with pytest.raises(requests.ReadTimeout):
        web.get(f"{line['url']}/services/data", timeout=(5, 0.2))


@pytest.mark.parametrize("status", [429, 502, 503])
def test_an_edge_error_is_html_whatever_was_asked(secure, web, script, status):
    line, _ = secure
    script(kind="status", status=status, retry_after_s=7, times=2)
    token = web.post(f"{line['url']}/services/oauth2/token", data={"grant_type": "password"})
    soap = web.post(f"{line['url']}/services/Soap/m/64.0", data="<x/>")
    for answer in (token, soap):
        assert answer.status_code == status
        assert answer.headers["Content-Type"] == "text/html;charset=UTF-8"
        assert answer.headers["Retry-After"] == "7"
        assert "<html>" in answer.text


def test_a_session_expires_between_two_calls(secure, web, script, token):
    line, _ = secure
    url, headers = f"{line['url']}/services/data/v66.0/limits", {"Authorization": f"Bearer {token}"}
    assert web.get(url, headers=headers).status_code == 200
    script(kind="expire_session", operation="limits")
    answer = web.get(url, headers=headers)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")
    assert web.get(url, headers=headers).status_code == 401


def test_a_row_lock_passes(secure, web, script, token):
    line, _ = secure
    script(kind="row_lock", operation="account_create")
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{line['url']}/services/data/v66.0/sobjects/Account"
    first = web.post(url, json={"Name": "Locked"}, headers=headers)
    assert first.json()[0]["errorCode"] == "UNABLE_TO_LOCK_ROW"
    assert web.post(url, json={"Name": "Locked"}, headers=headers).status_code == 201
