from __future__ import annotations

import socket
import ssl
import struct
import threading

import pytest
from wire_server import ORG, ManualClock, authority, http, network_to, serving

from orchestrator.errors import OrgFault, UsageError
from orchestrator.redaction import Secret
from orchestrator.salesforce.connect_to import ConnectTo, parse_connect_to
from orchestrator.salesforce.retries import BUDGET_S

TOKEN = Secret("00D000000000001!AQEAQplantedsessionid")


def ok(_seen):
    return http(200, b'{"fine": true}')


def get(network, url=f"https://{ORG}/x", **options):
    return network.request("GET", url, **{"credentials": False, "idempotent": False, **options})


def test_a_request_reaches_the_org_over_tls_and_brings_its_answer():
    with serving(ok) as server, network_to(server) as network:
        answer = get(network, auth=TOKEN)
    assert (answer.status, answer.json()) == (200, {"fine": True})
    assert server.seen[0].headers["authorization"] == f"Bearer {TOKEN.reveal()}"
    assert server.seen[0].headers["user-agent"] == "salesforce-orchestrator"


def test_connect_to_keeps_name_sni_and_certificate_check():
    with serving(ok) as server, network_to(server) as network:
        get(network)
    assert server.seen[0].headers["host"] == ORG
    assert server.seen[0].server_name == ORG


def test_connect_to_does_not_excuse_a_certificate_of_another_name():
    with (
        serving(ok, names=("other.my.salesforce.com",)) as server,
        network_to(server) as network,
        pytest.raises(OrgFault) as caught,
    ):
        get(network)
    assert caught.value.code == "tls_untrusted"
    assert server.seen == []


def test_the_first_connect_to_rule_that_matches_wins():
    with serving(ok) as first, serving(ok) as second:
        rules = (
            parse_connect_to(f"beta.my.salesforce.com:443:127.0.0.1:{second.port}"),
            parse_connect_to(f"*:443:127.0.0.1:{first.port}"),
            parse_connect_to(f"{ORG}:443:127.0.0.1:{second.port}"),
        )
        with network_to(None, connect_to=rules) as network:
            get(network)
    assert (len(first.seen), len(second.seen)) == (1, 0)


def test_a_certificate_of_an_unknown_authority_is_refused_before_anything_is_sent(monkeypatch):
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(variable, raising=False)
    with (
        serving(ok) as server,
        network_to(server, ca_bundle=None) as network,
        pytest.raises(OrgFault) as caught,
    ):
        get(network, auth=TOKEN)
    assert caught.value.code == "tls_untrusted"
    assert server.seen == []


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_the_environments_ca_bundle_is_trusted(monkeypatch, variable):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(authority().file))
    with serving(ok) as server, network_to(server, ca_bundle=None) as network:
        assert get(network).status == 200


def test_a_ca_bundle_that_is_not_there_is_a_wrong_usage(tmp_path):
    with pytest.raises(UsageError) as caught, network_to(None, ca_bundle=str(tmp_path / "none.pem")):
        pass
    assert caught.value.code == "ca_bundle_unreadable"


def test_tls_older_than_1_2_is_refused():
    with serving(ok) as server, network_to(server) as network:
        server._context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            server._context.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(OrgFault):
            get(network)
    assert server.seen == []


def test_credentials_are_not_sent_to_a_host_salesforce_does_not_own():
    rules = (ConnectTo("acme.example", 443, "192.0.2.1", 443),)
    with network_to(None, connect_to=rules) as network, pytest.raises(UsageError) as caught:
        get(network, "https://acme.example/x", auth=TOKEN)
    assert caught.value.code == "host_not_trusted"


def test_plain_http_is_refused_except_to_loopback():
    with serving(ok, names=()) as server, network_to(None) as network:
        assert get(network, f"http://127.0.0.1:{server.port}/x", auth=TOKEN).status == 200
        with pytest.raises(UsageError) as caught:
            get(network, f"http://{ORG}/x")
    assert caught.value.code == "plain_http_refused"


@pytest.mark.parametrize(
    "url",
    [
        "https://user:planted-secret@acme.my.salesforce.com/",
        "https://acme.my.salesforce.com@evil.example/",
        "ftp://acme.my.salesforce.com/",
        "https:///x",
        "https://acme.my.salesforce.com:99999/",
        "acme.my.salesforce.com",
        "",
    ],
)
def test_urls_that_are_not_plain_are_refused_without_quoting_their_secrets(url):
    with network_to(None) as network, pytest.raises(UsageError) as caught:
        get(network, url)
    assert caught.value.code == "url_unusable"
    assert "planted-secret" not in str(caught.value)


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def test_a_reset_is_tried_again_when_the_request_is_idempotent():
    answers = iter([reset, reset])
    with serving(lambda seen: next(answers, None) or ok(seen), names=()) as server:
        clock = ManualClock()
        with network_to(None, clock) as network:
            url = f"http://127.0.0.1:{server.port}/x"
            assert get(network, url, idempotent=True).status == 200
    assert clock.slept == [0.5, 1.0]


def test_a_reset_is_not_tried_again_when_the_request_is_not_idempotent():
    with serving(lambda _: reset) as server, network_to(server) as network, pytest.raises(OrgFault) as caught:
        network.request("POST", f"https://{ORG}/x", data=b"x", credentials=True, idempotent=False)
    assert caught.value.code == "network_unreachable"
    assert len(server.seen) == 1


def test_retry_after_is_honoured_within_the_budget():
    answers = iter([http(503, Retry_After="7"), http(429, Retry_After="11")])
    clock = ManualClock()
    with (
        serving(lambda seen: next(answers, None) or ok(seen)) as server,
        network_to(server, clock) as network,
    ):
        assert get(network, idempotent=True).status == 200
    assert clock.slept == [7, 11]


def test_a_wait_beyond_the_budget_is_left_to_the_machine():
    clock = ManualClock()
    with serving(lambda _: http(503, Retry_After="600")) as server, network_to(server, clock) as network:
        answer = get(network, idempotent=True)
    assert (answer.status, answer.retry_after_s, clock.slept) == (503, 600, [])


def test_tries_end_with_the_last_answer_when_the_budget_is_spent():
    clock = ManualClock()
    with serving(lambda _: http(503)) as server, network_to(server, clock) as network:
        assert get(network, idempotent=True).status == 503
    assert 15 < sum(clock.slept) <= BUDGET_S
    assert len(server.seen) == len(clock.slept) + 1


def test_a_refused_connection_is_a_fault_of_the_network():
    with serving(ok) as server:
        pass
    with network_to(server) as network, pytest.raises(OrgFault) as caught:
        get(network)
    assert caught.value.code == "network_unreachable"


def test_an_unknown_name_is_a_fault_of_its_own():
    with network_to(None) as network, pytest.raises(OrgFault) as caught:
        get(network, "https://acme.invalid/")
    assert caught.value.code == "host_unknown"


def test_connections_are_reused_by_threads_and_nothing_is_mixed_up():
    with serving(lambda seen: http(200, seen.path.encode())) as server, network_to(server) as network:
        wrong = []

        def ask(number):
            for turn in range(10):
                path = f"/{number}/{turn}"
                if get(network, f"https://{ORG}{path}").body.decode() != path:
                    wrong.append(path)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert len(server.seen) == 80
    assert server.connections <= 8


def test_cookies_are_not_kept():
    biscuit = http(200, b"{}", Set_Cookie="sid=planted; Secure")
    with serving(lambda _: biscuit) as server, network_to(server) as network:
        session = network.requests_session()
        session.get(f"https://{ORG}/a")
        session.get(f"https://{ORG}/b")
    assert "cookie" not in server.seen[1].headers


def test_a_librarys_session_obeys_the_same_rules():
    with serving(ok, names=("other.my.salesforce.com",)) as server, network_to(server) as network:
        session = network.requests_session()
        with pytest.raises(OrgFault) as caught:
            session.get(f"https://{ORG}/x", verify=False, timeout=None)
    assert caught.value.code == "tls_untrusted"
    with network_to(None) as network, pytest.raises(UsageError) as refused:
        network.requests_session().get("https://acme.example/x")
    assert refused.value.code == "host_not_trusted"


def test_netrc_does_not_replace_our_authorization(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {ORG} login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(ok) as server, network_to(server) as network:
        network.requests_session().get(f"https://{ORG}/x", headers={"Authorization": "Bearer mine"})
    assert server.seen[0].headers["authorization"] == "Bearer mine"


def test_a_fault_does_not_carry_the_request_with_its_secrets():
    with serving(lambda _: reset) as server, network_to(server) as network, pytest.raises(OrgFault) as caught:
        get(network, auth=TOKEN)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert TOKEN.reveal() not in str(caught.value)
