from __future__ import annotations

import gzip
import socket
import threading
import time
from itertools import count

import pytest
from wire_server import ORG, http, network_to, serving

from orchestrator.errors import OrgFault
from orchestrator.redaction import Secret

TOKEN = Secret("00D000000000001!AQEAQplantedsessionid")


def ok(_seen):
    return http(200, b'{"fine": true}')


def get(network, url=f"https://{ORG}/x", **options):
    return network.request("GET", url, **{"credentials": False, "idempotent": False, **options})


def test_a_redirect_to_another_host_is_a_fault_that_names_it_and_carries_nothing_there():
    away = http(302, Location="https://evil.example/landing")
    with (
        serving(lambda _: away) as server,
        network_to(server) as network,
        pytest.raises(OrgFault) as caught,
    ):
        get(network, auth=TOKEN)
    assert caught.value.code == "host_moved"
    assert "https://evil.example" in caught.value.detail
    assert len(server.seen) == 1


def test_a_redirect_within_the_host_is_followed_without_credentials_only():
    def script(seen):
        return ok(seen) if seen.path == "/new" else http(301, Location="/new")

    with serving(script) as server, network_to(server) as network:
        assert get(network).url == f"https://{ORG}/new"
        assert get(network, auth=TOKEN).status == 301
    assert [seen.path for seen in server.seen] == ["/x", "/new", "/x"]


def test_endless_redirects_end():
    with serving(lambda _: http(302, Location="/x")) as server, network_to(server) as network:
        assert get(network).status == 302
    assert len(server.seen) == 3


def test_an_answer_announced_as_too_large_is_not_read():
    def script(_seen):
        return lambda sock: sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx")

    with serving(script) as server, network_to(server) as network, pytest.raises(OrgFault) as caught:
        get(network)
    assert caught.value.code == "answer_too_large"


def test_an_answer_that_grows_when_unpacked_is_cut_off():
    bomb = http(200, gzip.compress(b"0" * 50_000_000), Content_Encoding="gzip")
    with (
        serving(lambda _: bomb) as server,
        network_to(server) as network,
        pytest.raises(OrgFault) as caught,
    ):
        get(network, max_bytes=1_000_000)
    assert caught.value.code == "answer_too_large"


def test_an_endless_chunked_answer_is_cut_off():
    def drown(sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            sock.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")

    with serving(lambda _: drown) as server, network_to(server) as network, pytest.raises(OrgFault) as caught:
        get(network, max_bytes=1_000_000)
    assert caught.value.code == "answer_too_large"


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"])
def test_a_server_that_drips_cannot_stretch_the_deadline(first):
    stop = threading.Event()

    def drip(sock):
        sock.sendall(first)
        for number in count():
            if stop.wait(0.05):
                return
            sock.sendall(b"x" if first else (b"HTTP/1.1 200 OK\r\n" if number == 0 else b"X-A: b\r\n"))

    with serving(lambda _: drip) as server, network_to(server) as network:
        started_s = time.monotonic()
        with pytest.raises(OrgFault) as caught:
            get(network, deadline_s=0.4)
        took_s = time.monotonic() - started_s
        stop.set()
    assert caught.value.code == "network_timeout"
    assert took_s < 5


def test_a_silent_server_times_out():
    stop = threading.Event()
    with serving(lambda _: lambda _sock: stop.wait(10) and None) as server:
        with network_to(server, read_timeout_s=0.2) as network, pytest.raises(OrgFault) as caught:
            get(network)
        stop.set()
    assert caught.value.code == "network_timeout"


def test_a_truncated_body_is_not_taken_for_an_answer():
    def cut(sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")

    with serving(lambda _: cut) as server, network_to(server) as network, pytest.raises(OrgFault) as caught:
        get(network)
    assert caught.value.code == "network_unreachable"


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\x00\x01\x02",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nx",
        b"HTTP/1.1 302 Found\r\nLocation: https://[broken\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: \xff\xfe://\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: https://a:b:c/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 503 Busy\r\nRetry-After: " + b"9" * 5000 + b"\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 503 Busy\r\nRetry-After: Mon, 99 Nov 99999 99:99:99 GMT\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_no_nonsense_of_a_server_escapes_as_anything_but_a_fault_or_an_answer(head):
    def babble(sock):
        sock.sendall(head)
        sock.shutdown(socket.SHUT_WR)

    with serving(lambda _: babble, names=()) as server, network_to(None) as network:
        try:
            answer = get(network, f"http://127.0.0.1:{server.port}/x", idempotent=True)
        except OrgFault as fault:
            outcome = fault.code
        else:
            outcome = answer.status
            assert (answer.retry_after_s or 0) <= 86_400
    assert outcome in {"network_unreachable", "host_moved", 200, 302, 503}
