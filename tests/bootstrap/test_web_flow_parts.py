"""The parts of the web flow by themselves: the address, the callback's query, the receiver's manners."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import threading
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from ladder_world import fetch, free_port

from orchestrator.errors import OrgFault, UsageError
from orchestrator.redaction import Secret
from orchestrator.salesforce.hosts import parse_org_url
from orchestrator.salesforce.web_flow import Authorization, begin, read_callback
from orchestrator.web.callback import CallbackReceiver

HOST = parse_org_url("https://acme.my.salesforce.com")


def begun(**changes: object) -> Authorization:
    options = {"entropy": os.urandom, **changes}
    return begin(HOST, "PlatformCLI", f"http://127.0.0.1:{free_port()}/back", **options)  # type: ignore[arg-type]


def test_the_address_asks_for_a_code_with_an_s256_challenge_of_the_verifier() -> None:
    login = begun(login_hint="admin@acme.example", prompt="login", scopes=("api", "web"))
    url = urlsplit(login.url)
    asked = {name: values[0] for name, values in parse_qs(url.query).items()}
    digest = hashlib.sha256(login.verifier.reveal().encode()).digest()
    assert (url.netloc, url.path) == ("acme.my.salesforce.com", "/services/oauth2/authorize")
    assert asked == {
        "response_type": "code",
        "client_id": "PlatformCLI",
        "redirect_uri": login.redirect_uri,
        "scope": "api web",
        "state": login.state,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "login_hint": "admin@acme.example",
        "prompt": "login",
    }
    assert 43 <= len(login.verifier.reveal()) <= 128  # RFC 7636 section 4.1
    assert login.verifier.reveal() not in login.url
    assert login.verifier.reveal() not in repr(login)


def test_the_challenge_is_the_one_of_rfc_7636_appendix_b() -> None:
    octets = bytes(
        (
            *(116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186),
            *(22, 212, 37, 77, 105, 214, 191, 240, 91, 88, 5, 88, 83, 132, 141, 121),
        )
    )
    login = begun(entropy=lambda _count: octets)
    assert login.verifier.reveal() == "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" in login.url


@pytest.mark.parametrize(
    "redirect", ["https://localhost:1717/x", "http://evil.example/x", "http://10.0.0.1:80/", "localhost:1717"]
)
def test_a_callback_that_leaves_this_machine_is_refused(redirect: str) -> None:
    with pytest.raises(UsageError) as refused:
        begin(HOST, "PlatformCLI", redirect, entropy=os.urandom)
    assert refused.value.code == "redirect_not_loopback"


def test_the_answer_to_this_login_brings_its_code_once() -> None:
    login = begun()
    query = urlencode({"code": "aPrx==", "state": login.state})
    assert read_callback(query, login) == Secret("aPrx==")
    with pytest.raises(OrgFault) as again:
        read_callback(query, login, is_spent=True)
    assert again.value.code == "authorization_code_spent"


@pytest.mark.parametrize("state", ["", "guessed", None])
def test_the_answer_to_another_login_is_not_taken(state: str | None) -> None:
    fields = {"code": "x", **({} if state is None else {"state": state})}
    with pytest.raises(OrgFault) as refused:
        read_callback(urlencode(fields), begun())
    assert refused.value.code == "authorization_state_mismatch"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"error": "access_denied", "error_description": "end-user denied"}, "authorization_denied"),
        ({"error": "OAUTH_APPROVAL_ERROR_GENERIC"}, "authorization_denied"),
        ({"error": "redirect_uri_mismatch"}, "callback_mismatch"),
        ({"error": "invalid_client_id"}, "client_id_unknown"),
        ({"error": "something_new"}, "answer_unknown"),
        ({}, "answer_unknown"),
    ],
)
def test_what_the_org_says_instead_of_a_code_has_a_meaning(fields: dict[str, str], code: str) -> None:
    login = begun()
    with pytest.raises(OrgFault) as refused:
        read_callback(urlencode({**fields, "state": login.state}), login)
    assert refused.value.code == code


# --- the receiver


@pytest.fixture
def login() -> Authorization:
    return begun()


@pytest.fixture
def receiver(login: Authorization) -> Iterator[CallbackReceiver[Secret]]:
    with CallbackReceiver(
        login.redirect_uri, lambda query, *, is_spent: read_callback(query, login, is_spent=is_spent)
    ) as listening:
        yield listening


def answer_to(login: Authorization, **fields: str) -> str:
    return f"{login.redirect_uri}?{urlencode({'code': 'the-code', 'state': login.state, **fields})}"


def test_one_valid_visit_is_taken_and_the_page_loads_nothing(
    receiver: CallbackReceiver[Secret], login: Authorization
) -> None:
    status, page, headers = fetch(answer_to(login))
    assert status == 200
    assert "Logged in" in page
    assert "the-code" not in page
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert (headers["Cache-Control"], headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert receiver.wait(5) == Secret("the-code")
    assert fetch(answer_to(login))[0] == 400


def test_other_doors_are_shut_and_the_wait_goes_on(
    receiver: CallbackReceiver[Secret], login: Authorization
) -> None:
    here, good = login.redirect_uri, answer_to(login)
    assert fetch(here.replace("/back", "/favicon.ico"))[0] == 404
    assert fetch(good.replace("/back", "/"))[0] == 404
    assert fetch(good, method="POST")[0] == 405
    assert fetch(good, method="HEAD")[0] == 405
    assert fetch(good, Host="evil.example")[0] == 421
    assert fetch(good, Origin="https://evil.example")[0] == 403
    assert fetch(good, Sec_Fetch_Mode="no-cors")[0] == 403
    assert fetch(good, Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="iframe")[0] == 403
    assert fetch(answer_to(login, state="guessed"))[0] == 400
    assert fetch(good, Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document")[0] == 200
    assert receiver.wait(5) == Secret("the-code")


def test_what_a_visitor_sends_is_never_markup_of_the_page(
    receiver: CallbackReceiver[Secret], login: Authorization
) -> None:
    denied = {"error": "access_denied", "error_description": "<script>alert(1)</script>"}
    _, page, _ = fetch(f"{login.redirect_uri}?{urlencode({**denied, 'state': login.state})}")
    assert "<script" not in page
    with pytest.raises(OrgFault) as refused:
        receiver.wait(5)
    assert refused.value.code == "authorization_denied"


def test_a_connection_that_says_nothing_holds_nobody_up(
    receiver: CallbackReceiver[Secret], login: Authorization
) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(login.redirect_uri).port or 0)):
        assert fetch(answer_to(login))[0] == 200
        assert receiver.wait(5) == Secret("the-code")


def test_of_many_visits_at_once_one_is_taken(
    receiver: CallbackReceiver[Secret], login: Authorization
) -> None:
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(fetch(answer_to(login))[0])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, *[400] * 7]
    assert receiver.wait(5) == Secret("the-code")


def test_nobody_but_this_machine_can_reach_it(
    receiver: CallbackReceiver[Secret], login: Authorization
) -> None:
    del receiver
    port = urlsplit(login.redirect_uri).port or 0
    with socket.socket() as other:
        other.bind(("127.0.0.2", port))  # would fail if every address of the machine were taken
