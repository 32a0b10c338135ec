"""Where connections go: connect-to rules, loopback, proxies."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest
from wire_server import ORG, http, network_to, serving

from orchestrator.errors import OrgFault, UsageError
from orchestrator.redaction import Secret
from orchestrator.salesforce.connect_to import (
    ConnectTo,
    is_loopback_address,
    parse_connect_to,
    parse_connect_to_list,
    route,
)

PROXIES = (
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
)


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for variable in PROXIES:
        monkeypatch.delenv(variable, raising=False)


def ok(_seen):
    return http(200, b"{}")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a.example:443:127.0.0.1:8443", ConnectTo("a.example", 443, "127.0.0.1", 8443)),
        ("A.Example:443:b.example:", ConnectTo("a.example", 443, "b.example", None)),
        ("::127.0.0.1:8443", ConnectTo("", None, "127.0.0.1", 8443)),
        ("*:443:127.0.0.1:8443", ConnectTo("", 443, "127.0.0.1", 8443)),
        ("*::127.0.0.1:8443", ConnectTo("", None, "127.0.0.1", 8443)),
        ("[::1]:443:[fe80::1]:8443", ConnectTo("::1", 443, "fe80::1", 8443)),
        (":::8443", ConnectTo("", None, "", 8443)),
    ],
)
def test_a_rule_is_read_as_curl_reads_it(text, rule):
    assert parse_connect_to(text) == rule


@pytest.mark.parametrize(
    "text", ["", "a:443", "a:443:b", "a:443:b:c", "a:0:b:1", "a:443:b:65536", "::1:443:b:1", "a:1:b:2:3"]
)
def test_what_is_no_rule_is_refused_with_an_example(text):
    with pytest.raises(UsageError) as caught:
        parse_connect_to(text)
    assert caught.value.code == "connect_to_invalid"


def test_the_environments_rules_are_separated_by_commas():
    assert parse_connect_to_list("a:443:b:1, ,c:443:d:2") == (
        ConnectTo("a", 443, "b", 1),
        ConnectTo("c", 443, "d", 2),
    )


def test_a_rule_applies_to_its_host_and_port_only():
    rules = [parse_connect_to("a.example:443:127.0.0.1:1"), parse_connect_to("b.example:443::2")]
    assert route(rules, "A.EXAMPLE.", 443).mapped
    assert not route(rules, "a.example", 80).mapped
    assert not route(rules, "sub.a.example", 443).mapped
    assert (route(rules, "b.example", 443).host, route(rules, "b.example", 443).port) == ("b.example", 2)


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),  # noqa: S104 - nothing binds
        ("::", False),
        ("10.0.0.1", False),
        ("169.254.1.1", False),
        ("localhost", False),
        ("127.0.0.1.evil.example", False),
        ("2130706433", False),
    ],
)
def test_only_loopback_addresses_count_as_loopback(address, loopback):
    assert is_loopback_address(address) is loopback


def test_an_ipv6_target_is_reached():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with serving(ok, address="::1") as server:
        rules = (parse_connect_to(f"{ORG}:443:[::1]:{server.port}"),)
        with network_to(None, connect_to=rules) as network:
            assert (
                network.request("GET", f"https://{ORG}/", credentials=False, idempotent=False).status == 200
            )


def test_speed_refuses_a_target_off_loopback_before_connecting():
    rules = (parse_connect_to(f"{ORG}:443:192.0.2.1:443"),)
    away = network_to(None, connect_to=rules, loopback_only=True)
    with away as network, pytest.raises(UsageError) as caught:
        network.request("GET", f"https://{ORG}/", credentials=False, idempotent=True)
    assert caught.value.code == "speed_needs_loopback"
    assert "192.0.2.1" in caught.value.detail


def test_speed_accepts_loopback():
    with serving(ok) as server, network_to(server, loopback_only=True) as network:
        assert network.request("GET", f"https://{ORG}/", credentials=False, idempotent=True).status == 200


def test_speed_uses_no_proxy(monkeypatch):
    with serving(ok, names=()) as proxy, network_to(None, loopback_only=True) as network:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(UsageError) as caught:
            network.request("GET", "https://192.0.2.1/", credentials=False, idempotent=True)
    assert caught.value.code == "speed_needs_loopback"
    assert proxy.seen == []


def test_a_loopback_name_that_does_not_resolve_to_loopback_is_not_dialled(monkeypatch):
    def resolved(_host, port, *_, **__):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    with network_to(None) as network, pytest.raises(OrgFault) as caught:
        network.request("GET", "http://sim.localhost:80/", credentials=True, idempotent=False)
    assert caught.value.code == "network_unreachable"


def tunnel_to(port):
    """A CONNECT proxy that leads every tunnel to *port*."""

    def script(seen):
        assert seen.method == "CONNECT"

        def join(sock):
            sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            with socket.create_connection(("127.0.0.1", port)) as target:
                back = threading.Thread(target=pump, args=(target, sock))
                back.start()
                pump(sock, target)
                back.join()

        return join

    return script


def pump(source, sink):
    with contextlib.suppress(OSError):
        while chunk := source.recv(65536):
            sink.sendall(chunk)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def test_the_environments_proxy_is_used_and_sees_no_secret(monkeypatch):
    token = Secret("00D000000000001!AQEAQplanted")
    with (
        serving(ok) as server,
        serving(tunnel_to(server.port), names=()) as proxy,
        network_to(None) as network,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        url = f"https://{ORG}/x"
        assert network.request("GET", url, auth=token, credentials=True, idempotent=False).status == 200
        network.close()
    assert proxy.seen[0].path == f"{ORG}:443"
    assert "authorization" not in proxy.seen[0].headers
    assert server.seen[0].server_name == ORG


def test_a_host_with_a_connect_to_rule_goes_past_the_proxy(monkeypatch):
    with serving(ok) as server, serving(ok, names=()) as proxy, network_to(server) as network:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        network.request("GET", f"https://{ORG}/x", credentials=False, idempotent=False)
    assert (len(server.seen), len(proxy.seen)) == (1, 0)


def test_loopback_goes_past_the_proxy(monkeypatch):
    with serving(ok, names=()) as server, serving(ok, names=()) as proxy, network_to(None) as network:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        network.request("GET", f"http://127.0.0.1:{server.port}/x", credentials=True, idempotent=False)
    assert (len(server.seen), len(proxy.seen)) == (1, 0)


def test_no_proxy_is_honoured(monkeypatch):
    with serving(ok, names=()) as proxy, network_to(None) as network:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", ".invalid")
        with pytest.raises(OrgFault) as caught:
            network.request("GET", "https://acme.invalid/", credentials=False, idempotent=False)
    assert caught.value.code == "host_unknown"
    assert proxy.seen == []


def test_a_proxy_that_refuses_is_named_as_the_cause(monkeypatch):
    with serving(lambda _: http(407), names=()) as proxy, network_to(None) as network:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(OrgFault) as caught:
            network.request("GET", f"https://{ORG}/x", credentials=False, idempotent=True)
    assert caught.value.code == "proxy_refused"
