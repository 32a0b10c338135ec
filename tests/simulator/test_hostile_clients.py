"""What a hostile or broken client must not be able to do: hold, flood, starve or kill the server."""

from __future__ import annotations

import contextlib
import gzip
import resource
import socket
import sys
import tracemalloc
from pathlib import Path
from urllib.parse import urlsplit

import pytest

sys.path.append(str(Path(__file__).parent))

from served import connected, read_to_end, serving

from orchestrator.simulator.connection import Patience

ASK = b"GET /services/data HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
IMPATIENT = Patience(idle_s=0.6, head_s=0.3, body_s=0.4, handshake_s=0.5)
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def plain():
    with serving(http=True, count=1) as (line, _):
        yield line


@pytest.fixture(scope="module")
def impatient():
    with serving(http=True, count=1, patience=IMPATIENT) as (line, _):
        yield line


def answers(line) -> bool:
    with connected(line) as connection:
        connection.sendall(ASK)
        return read_to_end(connection).startswith(b"HTTP/1.1 200")


def test_a_head_that_drips_is_cut_off_with_408(impatient):
    with connected(impatient) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
        assert read_to_end(connection).startswith(b"HTTP/1.1 408")
    assert answers(impatient)


def test_a_body_that_never_ends_is_cut_off_with_408(impatient):
    with connected(impatient) as connection:
        connection.sendall(
            b"POST /services/oauth2/token HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc"
        )
        assert read_to_end(connection).startswith(b"HTTP/1.1 408")


def test_a_connection_that_says_nothing_is_closed(impatient):
    with connected(impatient) as connection:
        assert read_to_end(connection) == b""


def test_a_handshake_that_never_ends_is_given_up():
    with serving(count=1, patience=IMPATIENT) as (line, _):
        parts = urlsplit(line["url"])
        with socket.create_connection((parts.hostname, parts.port), timeout=10) as raw:
            assert read_to_end(raw) == b""
        assert answers(line)


def test_what_comes_after_an_answer_is_still_given_its_time(impatient):
    with connected(impatient) as connection:
        connection.sendall(ASK.replace(b"Connection: close\r\n", b"") + b"GET / HT")
        assert b"HTTP/1.1 408" in read_to_end(connection)


@pytest.mark.slow
def test_a_thousand_idle_connections_leave_room_for_others(plain):
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 2500:
        pytest.skip(f"only {soft} file descriptors; a thousand connections take two each here")
    parts = urlsplit(plain["url"])
    with contextlib.ExitStack() as stack:
        for _ in range(1000):
            stack.enter_context(socket.create_connection((parts.hostname, parts.port), timeout=10))
        assert answers(plain)
    assert answers(plain)


def test_a_flood_of_headers_is_refused(plain):
    flood = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%d: %d\r\n" % (n, n) for n in range(20_000))
    with connected(plain) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(flood + b"\r\n")
        assert read_to_end(connection)[:12] in {b"HTTP/1.1 431", b""}
    assert answers(plain)


def test_a_body_beyond_the_limit_is_refused_while_it_arrives(plain):
    head = b"POST /services/oauth2/token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"100000\r\n" + b"a" * MEGABYTE + b"\r\n"
    tracemalloc.start()
    with connected(plain) as connection:
        connection.sendall(head)
        with contextlib.suppress(ConnectionError):
            for _ in range(40):
                connection.sendall(chunk)
        read_to_end(connection)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 40 * MEGABYTE
    assert answers(plain)


def test_requests_sent_without_reading_answers_do_not_fill_memory(plain):
    asks = ASK.replace(b"Connection: close\r\n", b"") * 500
    with connected(plain, timeout_s=1.0) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        tracemalloc.start()
        sent_bytes = 0
        with contextlib.suppress(TimeoutError, ConnectionError):
            for _ in range(400):
                connection.sendall(asks)
                sent_bytes += len(asks)
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert sent_bytes < 400 * len(asks), "the server read everything although nobody took the answers"
        assert peak_bytes < 16 * MEGABYTE
    assert answers(plain)


def test_what_arrives_during_a_slow_answer_waits_in_the_kernel():
    with serving(http=True, count=1) as (line, simulation):
        simulation.simulator.faults.add({"kind": "slow", "operation": "versions", "delay_s": 30})
        with connected(line, timeout_s=1.0) as connection:
            connection.sendall(ASK.replace(b"Connection: close\r\n", b""))
            sent_bytes = 0
            with contextlib.suppress(TimeoutError):
                for _ in range(400):
                    connection.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 60_000 + b"\r\n\r\n")
                    sent_bytes += 60_000
            assert sent_bytes < 20 * MEGABYTE


@pytest.mark.parametrize(
    "target",
    [
        b"/services/data/../../etc/passwd",
        b"/services/data/v66.0/%2e%2e/%2e%2e/limits",
        b"/services/data/v66.0//limits",
        b"/services/Soap/u/64.0/..%2f..%2f",
        b"/%00",
        b"http://evil.example/services/data",
        b"*",
        b"/id/00D000000000001/../../x",
        b"/services/data/v66.0/sobjects/User/' OR Id != '",
        "/\N{SNOWMAN}".encode(),
        b"/" + b"a" * 20_000,
    ],
)
def test_tricks_with_the_path_find_nothing(plain, target):
    with connected(plain) as connection:
        connection.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = read_to_end(connection)
    usual = {b"200", b"400", b"401", b"403", b"404", b"414"}
    assert answer[9:12] in usual or b"<faultcode>soapenv:Client</faultcode>" in answer, answer[:80]
    assert b"defect" not in answer
    assert b"root:" not in answer


BILLION_LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><e:Envelope '
    b'xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><login>&c;</login></e:Body></e:Envelope>'
)
OUTSIDE = BILLION_LAUGHS.replace(b'<!ENTITY a "ha">', b'<!ENTITY a SYSTEM "file:///etc/passwd">')


@pytest.mark.parametrize("body", [BILLION_LAUGHS, OUTSIDE, b"<a>" * 100_000, b"\xff\xfe<\0a\0/\0>\0", b""])
@pytest.mark.parametrize("surface", ["u", "c", "m"])
def test_hostile_xml_is_a_fault(plain, surface, body):
    head = f"POST /services/Soap/{surface}/64.0 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    with connected(plain) as connection:
        connection.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        answer = read_to_end(connection)
    assert answer.startswith(b"HTTP/1.1 500")
    assert b"<faultcode>soapenv:" in answer
    assert b"root:" not in answer


@pytest.mark.parametrize(
    "raw",
    [
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFFFFFFFF\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHo st: a\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\r\nX: \x00\r\n\r\n",
        b"G\x00T / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_broken_framing_is_refused_and_the_server_lives(plain, raw):
    with connected(plain, timeout_s=5) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        answer = read_to_end(connection)
    assert answer[:10] in {b"HTTP/1.1 4", b"HTTP/1.1 5", b""}, answer[:80]
    assert answers(plain)


def test_a_compressed_bomb_inside_a_soap_call_is_refused_in_bounded_memory(plain):
    bomb = gzip.compress(b" " * 200 * MEGABYTE, compresslevel=9)
    head = (
        "POST /services/Soap/m/64.0 HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\n"
        f"Connection: close\r\nContent-Length: {len(bomb)}\r\n\r\n"
    )
    tracemalloc.start()
    with connected(plain) as connection:
        connection.sendall(head.encode() + bomb)
        answer = read_to_end(connection)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert answer.startswith(b"HTTP/1.1 413")
    assert peak_bytes < 130 * MEGABYTE
