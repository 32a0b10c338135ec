"""The server on real loopback sockets: TLS, HTTP/1.1 as clients speak it, and what must not kill it."""

from __future__ import annotations

import gzip
import json
import signal
import socket
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import yaml
from requests.adapters import HTTPAdapter

sys.path.append(str(Path(__file__).parent))

from core_wire import form
from served import serving

LOGIN = (
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
    '<login xmlns="urn:partner.soap.sforce.com">'
    "<username>admin@acme.example</username><password>wrong</password></login></e:Body></e:Envelope>"
)


@pytest.fixture(scope="module")
def plain():
    with serving(http=True, count=2) as (line, simulation):
        yield line, simulation


@pytest.fixture(scope="module")
def secure():
    with serving(count=2) as (line, simulation):
        yield line, simulation


def exchange(url: str, *writes: bytes) -> bytes:
    """Send raw bytes and read until the server closes."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as raw:
        for each in writes:
            raw.sendall(each)
        raw.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := raw.recv(65536):
            answer += chunk
    return answer


def test_the_json_line_names_everything_a_client_needs(secure):
    line, _ = secure
    assert set(line) == {"url", "ca", "seed", "connect_to", "orgs_file", "control"}
    assert line["connect_to"] == f"*:443:127.0.0.1:{urlsplit(line['url']).port}"
    assert Path(line["ca"]).stat().st_mode & 0o777 == 0o600
    orgs = yaml.safe_load(Path(line["orgs_file"]).read_text())["orgs"]
    assert list(orgs) == ["acme", "globex"]
    reference = orgs["acme"]["password"]
    assert Path(reference.removeprefix("file:")).stat().st_mode & 0o777 == 0o600


def test_tls_verifies_against_the_throwaway_ca_by_address(secure):
    line, _ = secure
    with requests.Session() as web:
        web.trust_env = False
        assert web.get(f"{line['url']}/services/data", verify=line["ca"]).status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "acme.my.salesforce.com",
        "acme--uat.sandbox.my.salesforce.com",
        "login.salesforce.com",
        "acme.my.salesforce-setup.com",
        "orgs.customer.example",
        "a.b.c.d.example",
    ],
)
def test_a_certificate_is_at_hand_for_any_name(secure, name):
    line, _ = secure
    context = ssl.create_default_context(cafile=line["ca"])
    parts = urlsplit(line["url"])
    with (
        socket.create_connection((parts.hostname, parts.port), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname=name) as wrapped,
    ):
        wrapped.sendall(f"GET /services/data HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        answer = wrapped.recv(65536)
    assert answer.startswith(b"HTTP/1.1 ")


def test_one_connection_carries_many_requests_and_each_answer_is_one_write(plain):
    line, _ = plain
    parts = urlsplit(line["url"])
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as raw:
        for _ in range(5):
            raw.sendall(b"GET /services/data HTTP/1.1\r\nHost: acme.my.salesforce.com\r\n\r\n")
            answer = raw.recv(262_144)
            head, _, body = answer.partition(b"\r\n\r\n")
            length = int(
                next(row for row in head.split(b"\r\n") if row.lower().startswith(b"content-length")).split()[
                    1
                ]
            )
            assert len(body) == length, "head and body came in two pieces"


def test_pipelined_requests_are_answered_in_order(plain):
    line, _ = plain
    one = b"GET /services/data HTTP/1.1\r\nHost: x.invalid\r\n\r\n"
    two = (
        b"GET /.well-known/auth-configuration HTTP/1.1\r\n"
        b"Host: acme.my.salesforce.com\r\nConnection: close\r\n\r\n"
    )
    answer = exchange(line["url"], one + two)
    assert answer.index(b"404") < answer.index(b"OrgId")


def test_a_chunked_body_without_length_is_read(plain):
    line, _ = plain

    def pieces():
        yield LOGIN[:40].encode()
        yield LOGIN[40:].encode()

    with requests.Session() as web:
        web.trust_env = False
        answer = web.post(f"{line['url']}/services/Soap/u/64.0", data=pieces(), headers={"SOAPAction": '""'})
    assert answer.status_code == 500
    assert "INVALID_LOGIN" in answer.text


def test_a_gzip_body_is_read_and_gzip_is_sent_only_if_asked(plain):
    line, _ = plain
    with requests.Session() as web:
        web.trust_env = False
        answer = web.post(
            f"{line['url']}/services/Soap/u/64.0",
            data=gzip.compress(LOGIN.encode()),
            headers={"Content-Encoding": "gzip"},
        )
        assert "INVALID_LOGIN" in answer.text
        url = f"{line['url']}/services/data"
        assert web.get(url, headers={"Accept-Encoding": "gzip"}).headers["Content-Encoding"] == "gzip"
        assert "Content-Encoding" not in web.get(url, headers={"Accept-Encoding": "identity"}).headers


MALFORMED = {
    "not http": b"hello\r\n\r\n",
    "binary": bytes(range(256)) + b"\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "negative length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
    "length not a number": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: lots\r\n\r\n",
    "bad chunk": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nxx\r\n0\r\n\r\n",
    "huge header": b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    "broken gzip": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
    "unknown encoding": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: zstd\r\nContent-Length: 4\r\n\r\nnope"
    ),
    "body announced too large": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n",
    "target not a url": b"GET http://[::1 HTTP/1.1\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_input_is_answered_with_a_4xx_and_the_server_lives(plain, raw):
    line, _ = plain
    answer = exchange(line["url"], raw)
    assert answer.startswith(b"HTTP/1.1 4"), answer[:100]
    assert b"200 " in exchange(
        line["url"], b"GET /services/data HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )


def test_a_gzip_bomb_is_refused_without_being_unpacked(plain):
    line, _ = plain
    bomb = gzip.compress(b"\0" * 80_000_000)
    head = (
        "POST /services/oauth2/token HTTP/1.1\r\nHost: a\r\n"
        f"Content-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
    )
    assert exchange(line["url"], head.encode() + bomb).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    "path",
    [
        "/services/Soap/u/64.0",
        "/services/Soap/m/64.0",
        "/services/oauth2/token",
        "/services/oauth2/revoke",
        "/services/oauth2/introspect",
        "/services/oauth2/authorize",
        "/services/data/v66.0/query",
        "/services/data/v66.0/sobjects/Account",
        "/id/x/y",
        "/%00%ff/../..",
    ],
)
@pytest.mark.parametrize("body", [b"", b"\0\xff\xfe", b"<", b"<a><b></a>", b"[" * 5000, b"{}", b"a=%zz&b"])
def test_any_body_on_any_endpoint_is_answered_without_a_defect(plain, path, body):
    line, simulation = plain
    token = "00DSIM!x"
    with requests.Session() as web:
        web.trust_env = False
        answer = web.post(line["url"] + path, data=body, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code != 500 or path.startswith("/services/Soap/"), answer.text
    assert "defect" not in answer.text
    del simulation


def test_a_bare_address_serves_the_first_org_and_echoes_itself(plain):
    line, simulation = plain
    seed = next(iter(simulation.simulator.catalogue))
    with requests.Session() as web:
        web.trust_env = False
        body = LOGIN.replace("wrong", seed.password.replace("&", "&amp;").replace("<", "&lt;"))
        answer = web.post(f"{line['url']}/services/Soap/u/64.0", data=body)
        assert f"<serverUrl>{line['url']}/services/Soap/u/64.0/" in answer.text
        configuration = web.get(f"{line['url']}/.well-known/auth-configuration").json()
        assert (configuration["OrgId"], configuration["Url"]) == (seed.org_id[:15], line["url"])


def test_many_clients_at_once_are_all_answered(plain):
    line, _ = plain

    def ask(_: int) -> int:
        with requests.Session() as web:
            web.trust_env = False
            return sum(web.get(f"{line['url']}/services/data").status_code == 200 for _ in range(20))

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(ask, range(16))) == 320


class TestScriptedFaults:
    """Faults scripted over the control plane, felt on the wire."""

    @pytest.fixture
    def web(self, plain):
        line, _ = plain
        with requests.Session() as web:
            web.trust_env = False
            web.mount("http://", HTTPAdapter(max_retries=0))
            yield web
            web.delete(f"{line['control']}/faults")

    def script(self, web, line, **fault):
        assert web.post(f"{line['control']}/faults", json=fault).status_code == 201

    def test_a_status_hits_as_often_as_asked_after_as_many_as_asked(self, plain, web):
        line, _ = plain
        self.script(web, line, kind="status", status=503, operation="versions", times=2, after=1)
        url = f"{line['url']}/services/data"
        assert [web.get(url).status_code for _ in range(5)] == [200, 503, 503, 200, 200]
        listed = web.get(f"{line['control']}/faults").json()["faults"]
        assert (listed[0]["seen"], listed[0]["hits"]) == (5, 2)

    def test_a_reset_before_the_answer_and_one_in_mid_body(self, plain, web):
        line, _ = plain
        self.script(web, line, kind="reset", operation="versions")
        with pytest.raises(requests.ConnectionError):
            web.get(f"{line['url']}/services/data")
        self.script(web, line, kind="reset", operation="versions", sent_bytes=50)
        with pytest.raises(requests.RequestException):
            web.get(f"{line['url']}/services/data", headers={"Accept-Encoding": "identity"})
        assert web.get(f"{line['url']}/services/data").status_code == 200

    def test_a_slow_answer_outlasts_an_impatient_client(self, plain, web):
        line, _ = plain
        self.script(web, line, kind="slow", delay_s=30, operation="versions")
        with pytest.raises(requests.ReadTimeout):
            web.get(f"{line['url']}/services/data", timeout=(5, 0.2))
        assert web.get(f"{line['url']}/services/data", timeout=5).status_code == 200

    def test_an_error_takes_the_shape_of_the_surface(self, plain, web):
        line, _ = plain
        for operation in ("token", "soap_login", "versions"):
            self.script(
                web, line, kind="error", code="SERVER_UNAVAILABLE", message="down", operation=operation
            )
        token = web.post(f"{line['url']}/services/oauth2/token", data=form(grant_type="password"))
        assert token.json() == {"error": "SERVER_UNAVAILABLE", "error_description": "down"}
        login = web.post(f"{line['url']}/services/Soap/u/64.0", data=LOGIN)
        assert "<sf:exceptionCode>SERVER_UNAVAILABLE</sf:exceptionCode>" in login.text
        assert web.get(f"{line['url']}/services/data").json()[0]["errorCode"] == "SERVER_UNAVAILABLE"

    def test_an_unknown_kind_is_refused(self, plain, web):
        line, _ = plain
        answer = web.post(f"{line['control']}/faults", json={"kind": "earthquake"})
        assert answer.status_code == 400
        assert "unknown fault kind" in answer.json()["error"]


def test_the_control_plane_answers_on_loopback_names_only(plain):
    line, _ = plain
    with requests.Session() as web:
        web.trust_env = False
        assert web.get(f"{line['control']}/orgs", headers={"Host": "evil.example"}).status_code == 403


@pytest.mark.slow
def test_the_command_prints_one_line_writes_a_journal_and_stops_on_sigterm(tmp_path):
    journal = tmp_path / "journal.jsonl"
    code = (
        "from pathlib import Path; from orchestrator.simulator.command import serve; "
        f"serve(count=1, journal=Path({str(journal)!r}))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as running:  # noqa: S603
        line = json.loads(running.stdout.readline())
        with requests.Session() as web:
            web.trust_env = False
            answer = web.post(
                f"{line['url']}/services/Soap/u/64.0", data=LOGIN, verify=line["ca"], timeout=10
            )
            assert answer.status_code == 500
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 0
    row = json.loads(journal.read_text().splitlines()[0])
    assert (row["operation"], row["username"], row["code"]) == (
        "soap_login",
        "admin@acme.example",
        "INVALID_LOGIN",
    )
    assert "wrong" not in journal.read_text()
    assert not Path(line["orgs_file"]).exists(), "the secrets outlived the simulator"


def test_a_doubled_slash_at_the_start_of_the_path_is_taken(plain):
    line, _ = plain
    answer = exchange(
        line["url"], b"GET //services/data HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 200")
