"""The page answers its own browser and nobody else."""

from __future__ import annotations

import contextlib
import re
import socket

import pytest
import requests
from guided_world import TOKEN, Guided

from orchestrator.errors import UsageError
from orchestrator.web.guard import FORM, Visit, refusal
from orchestrator.web.server import PageServer

PORT = 17170
OWN = {"host": f"localhost:{PORT}"}
POST = {**OWN, "content-type": FORM}


def judged(method: str, path: str, headers: dict[str, str]) -> int:
    """The status of the refusal, 0 for none."""
    found = refusal(Visit(method, path, "", headers), PORT, TOKEN, "/OauthRedirect")
    return 0 if found is None else int(found.status)


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", f"/{TOKEN}/", OWN, 0),
        ("GET", f"/{TOKEN}/", {"host": f"127.0.0.1:{PORT}"}, 0),
        # DNS rebinding: the name is somebody's, the address ours.
        ("GET", f"/{TOKEN}/", {"host": "rebound.example"}, 421),
        ("GET", f"/{TOKEN}/", {"host": f"rebound.example:{PORT}"}, 421),
        ("GET", f"/{TOKEN}/", {"host": "localhost"}, 421),
        ("GET", f"/{TOKEN}/", {}, 421),
        # The token.
        ("GET", "/", OWN, 403),
        ("GET", "/wrong/", OWN, 403),
        ("GET", f"/{TOKEN}x/", OWN, 403),
        ("GET", f"//{TOKEN}/", OWN, 403),
        ("POST", "/begin", POST, 403),
        # Posts of our own forms: Origin is null under no-referrer, and Fetch Metadata says whose they are.
        ("POST", f"/{TOKEN}/begin", POST, 0),
        ("POST", f"/{TOKEN}/begin", {**POST, "origin": "null", "sec-fetch-site": "same-origin"}, 0),
        ("POST", f"/{TOKEN}/begin", {**POST, "origin": f"http://localhost:{PORT}"}, 0),
        # Posts of others.
        ("POST", f"/{TOKEN}/begin", {**POST, "origin": "https://evil.example"}, 403),
        ("POST", f"/{TOKEN}/begin", {**POST, "origin": "http://localhost:9999"}, 403),
        ("POST", f"/{TOKEN}/begin", {**POST, "origin": "null", "sec-fetch-site": "cross-site"}, 403),
        ("POST", f"/{TOKEN}/begin", {**POST, "sec-fetch-site": "same-site"}, 403),
        ("POST", f"/{TOKEN}/begin", {**OWN, "content-type": "text/plain"}, 415),
        ("POST", f"/{TOKEN}/begin", {**OWN, "content-type": "application/json"}, 415),
        # Parts of the page in somebody else's page.
        ("GET", f"/{TOKEN}/", {**OWN, "sec-fetch-dest": "iframe"}, 403),
        (
            "GET",
            f"/{TOKEN}/page.css",
            {**OWN, "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
            403,
        ),
        ("GET", f"/{TOKEN}/", {**OWN, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 0),
        ("PUT", f"/{TOKEN}/", OWN, 405),
        # The callback.
        ("GET", "/OauthRedirect", OWN, 0),
        ("GET", "/OauthRedirect", {**OWN, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 0),
        ("POST", "/OauthRedirect", POST, 403),
        ("GET", "/OauthRedirect", {**OWN, "origin": "https://evil.example"}, 403),
        ("GET", "/OauthRedirect", {**OWN, "sec-fetch-mode": "no-cors"}, 403),
        ("GET", "/OauthRedirect", {**OWN, "sec-fetch-dest": "iframe"}, 403),
    ],
)
def test_whose_visits_are_answered(method: str, path: str, headers: dict[str, str], status: int) -> None:
    assert judged(method, path, headers) == status


def test_a_page_of_another_site_changes_nothing_and_is_told_so(guided: Guided) -> None:
    page = guided.post("/begin", {"url": guided.url}, headers={"Origin": "https://evil.example"})
    assert page.status == 403
    assert "nothing was done" in page.text
    assert guided.app.journal.runs() == []


def test_an_address_without_the_secret_part_shows_nothing_of_the_set_ups(guided: Guided) -> None:
    guided.begin()
    for path in ("/", f"/{guided.run}", "/page.css", "/wrong-token/"):
        answered = guided.web.get(f"{guided.origin}{path}", timeout=5)
        assert answered.status_code == 403
        assert "address that the terminal shows" in answered.text
        assert guided.seed.my_domain_host not in answered.text
        assert TOKEN not in answered.text


def test_every_answer_forbids_keeping_framing_and_foreign_content(guided: Guided) -> None:
    guided.begin()
    paths = ["/", f"/{guided.run}", "/page.css", "/page.js", f"/{guided.run}/steps.html", "/nowhere", "/../x"]
    answers = [guided.get(path) for path in paths]
    answers.append(guided.come_back(f"{guided.origin}/OauthRedirect?code=x&state=y"))
    answers.append(guided.come_back(f"{guided.origin}/"))
    for answered in answers:
        assert answered.headers["Cache-Control"] == "no-store"
        assert answered.headers["Referrer-Policy"] == "no-referrer"
        assert answered.headers["X-Content-Type-Options"] == "nosniff"
        policy = answered.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "Python" not in answered.headers["Server"]


def test_pages_load_nothing_from_elsewhere_and_hold_no_inline_script_or_style(guided: Guided) -> None:
    guided.begin()
    for path in ("/", f"/{guided.run}"):
        text = guided.get(path).text
        loaded = re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="([^"]+)"', text)
        assert all(one.startswith((f"/{TOKEN}/", "data:,")) for one in loaded)
        assert not re.search(r"<style|<script>|\son[a-z]+=|\sstyle=", text)


def test_what_an_org_or_a_person_wrote_is_shown_as_text(guided: Guided) -> None:
    page = guided.post("/begin", {"url": '"><script>alert(1)</script>'})
    assert "<script>alert" not in page.text
    guided.begin()
    page = guided.give_key('x"><img src=x onerror=alert(1)>')
    assert "<img" not in page.text


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        (b"GET /token HTTP/1.1\r\n\r\n", b"421"),
        (b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (b"POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", b"411"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"nonsense\r\n\r\n", b"400"),
    ],
)
def test_requests_out_of_measure_are_refused_without_a_word_about_the_program(
    guided: Guided, request_text: bytes, status: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", guided.port), timeout=10) as line:
        line.sendall(request_text)
        answered = line.makefile("rb").read()
    assert status in answered.partition(b"\r\n")[0]
    assert b"Python" not in answered
    assert guided.get().status == 200


def test_a_port_that_is_taken_is_said_with_a_way_on(guided: Guided) -> None:
    with pytest.raises(UsageError) as caught:
        PageServer(guided.port)
    assert caught.value.code == "callback_port_taken"
    assert "--port" in caught.value.remedy


def test_too_many_visitors_at_once_are_sent_away_and_the_page_lives_on(guided: Guided) -> None:
    lines = [socket.create_connection(("127.0.0.1", guided.port), timeout=10) for _ in range(40)]
    try:
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{guided.origin}/{TOKEN}/", timeout=5)
    finally:
        for line in lines:
            line.close()
    for _ in range(50):
        with contextlib.suppress(requests.ConnectionError):
            page = guided.get()
            break
    assert page.status == 200
