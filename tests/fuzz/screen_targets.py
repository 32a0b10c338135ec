"""Targets at the edges towards people: requests of a browser, and texts of an org on screens and in pages."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import re
import socket
import unicodedata
from collections.abc import Sequence
from typing import Any

from orchestrator.cli.options import Console
from orchestrator.cli.output import print_errors, print_json, rich_console
from orchestrator.cli.terminal import neutral_output
from orchestrator.engine.report import markup as report_markup
from orchestrator.errors import Defect, RunUnknown, UsageError
from orchestrator.redaction import MASK, Secret, redact, redact_tree
from orchestrator.salesforce.answers import TABLES, classify
from orchestrator.salesforce.hosts import parse_org_url
from orchestrator.salesforce.http_answer import Answer
from orchestrator.salesforce.key_check import clean_key, clean_secret
from orchestrator.salesforce.web_flow import begin, read_callback
from orchestrator.web import markup as page_markup
from orchestrator.web.callback import CallbackReceiver
from orchestrator.web.server import PageServer
from orchestrator.web.site import Site
from orchestrator.web.view import SetupLine

from .law import PLANTED, Target

_TOKEN = "token-of-the-page"
_PEER = ("127.0.0.1", 1)
_HTTP_WORDS = tuple(
    word.encode()
    for word in (
        *(
            "GET ",
            "POST ",
            "HEAD ",
            "PUT ",
            " HTTP/1.1\r\n",
            " HTTP/9.9\r\n",
            "Host: localhost:{PORT}\r\n",
            "\r\n\r\n",
        ),
        *("Content-Length: 5\r\n", "Content-Length: \u00b2\r\n", "Content-Length: " + "9" * 5000 + "\r\n"),
        *(
            "Transfer-Encoding: chunked\r\n",
            "Expect: 100-continue\r\n",
            "Origin: null\r\n",
            "Sec-Fetch-Site: x\r\n",
        ),
        *(
            f"/{_TOKEN}/",
            "/begin",
            "/key",
            "//[",
            "/OauthRedirect?code=a&state=",
            "url=",
            "&consumer_key=",
            "%00%ff",
        ),
    )
)


class _Desk:
    """A desk at which nothing is begun; what visitors type is read as the real one reads it."""

    def setups(self) -> Sequence[SetupLine]:
        return []

    def begin(self, url: str, *, certificate: str = "", private_key: Secret | None = None) -> str:  # noqa: ARG002
        return parse_org_url(url).my_domain

    def view(self, run: str) -> Any:
        raise RunUnknown(f"no run '{run}' in the journal")

    def give_key(self, run: str, key: str, secret: Secret | None, *, certificate_uploaded: bool) -> None:  # noqa: ARG002
        clean_secret(secret.reveal() if secret else "", clean_key(key))

    def give_secret(self, run: str, secret: Secret) -> None:  # noqa: ARG002
        clean_secret(secret.reveal(), "key")

    def answer(self, run: str, *, approved: bool) -> None:  # noqa: ARG002
        raise UsageError("nobody asked", code="not_waiting")

    def callback(self, query: str) -> str:
        return "run" if read_callback(query, _AUTHORIZATION) else ""

    def use_other_app(self, run: str, app_kind: str) -> str:  # noqa: ARG002
        raise RunUnknown(f"no run '{app_kind}'")

    def give_up(self, run: str) -> None:
        raise RunUnknown(f"no run '{run}'")


_AUTHORIZATION = begin(
    "https://acme.my.salesforce.com",
    "key",
    "http://localhost:1717/OauthRedirect",
    entropy=lambda count: b"s" * count,
)


def _visited(server: Any, request: bytes) -> bytes:
    """What a server answers on one connection; what its visitor class raises comes out."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(request)
        ours.shutdown(socket.SHUT_WR)
        server.RequestHandlerClass(theirs, _PEER, server)
        theirs.close()
        answer = b""
        while chunk := ours.recv(1 << 16):
            answer += chunk
    head = answer.partition(b"\r\n\r\n")[0]
    # A status line only once: a header that a visitor smuggled in could make it two answers.
    if answer and b"\nHTTP/" in head:
        raise Defect("two answers to one request")
    return answer


@functools.cache
def _page_server() -> Any:
    page = PageServer(0)
    site = Site(_Desk(), port=page.port, token=_TOKEN, callback_path="/OauthRedirect", on_close=lambda: None)
    page._answer = site.answer
    return page._server, page.port


def _web_page(given: bytes) -> None:
    server, port = _page_server()
    _visited(server, given.replace(b"{PORT}", str(port).encode()))


@functools.cache
def _callback_server() -> Any:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    receiver: Any = CallbackReceiver(f"http://localhost:{port}/OauthRedirect", functools.partial(_read))
    receiver.__enter__()
    return receiver._server, port


def _read(query: str, *, is_spent: bool) -> Secret:
    return read_callback(query, _AUTHORIZATION, is_spent=is_spent)


def _web_callback(given: bytes) -> None:
    server, port = _callback_server()
    server.receiver._answered.clear()
    _visited(server, given.replace(b"{PORT}", str(port).encode()))


def _http_answer(given: bytes) -> None:
    """Headers and body of an answer, and what its words mean."""
    head, _, body = given.partition(b"\n\n")
    lines = head.decode("latin-1").split("\n")
    headers = {
        name.strip().title(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    digits = "".join(filter(str.isascii, lines[0]))[:3]
    status = int(digits) if digits.isdecimal() else 200
    answer = Answer(status, headers, body, "https://acme.my.salesforce.com/")
    _ = (answer.media_type, answer.retry_after_s, answer.date_s)
    text = body.decode("utf-8", "replace")
    for surface in TABLES:
        classify(surface, lines[-1], text)
    answer.unusable("not_xml")
    answer.json()


_SENT = Secret(PLANTED)


def _redaction(given: bytes) -> None:
    text = given.decode("utf-8", "surrogateescape")
    said = redact(text)
    if PLANTED in said:
        raise Defect("a live secret is told")
    if redact(said) != said and MASK not in text:
        raise Defect("redacting twice is not redacting once")
    redact_tree({text: [text, (text, _SENT)]})


_ORDERS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def _terminal(given: bytes) -> None:
    """Whatever an org says: no order reaches the terminal, and JSON stays the JSON it was."""
    text = (
        given.decode(
            "utf-8",
            "surrogatepass" if b"\xed" in given else "surrogateescape",
        )
        if _fits(given)
        else given.decode("latin-1")
    )
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), neutral_output():
        rich_console(Console(color=False)).print(text, markup=False)
        print_errors({"run": UsageError(text)}, as_json=False)
        print_errors({"run": UsageError(text)}, as_json=True)
    shown = (out.getvalue() + err.getvalue()).replace("\r\n", "\n")
    bad = [one for one in shown if unicodedata.category(one) in _ORDERS and one not in "\n\t"]
    if bad:
        raise Defect(f"{bad[0]!r} reached the terminal")
    with contextlib.redirect_stdout(document := io.StringIO()), neutral_output():
        print_json({"a": text})
    if json.loads(document.getvalue()) != redact_tree({"a": text}):
        raise Defect("another document than was meant")


def _fits(given: bytes) -> bool:
    try:
        given.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


_MARKUP = re.compile(r"""[<>"']""")


def _html(given: bytes) -> None:
    """A text in a page is a text: between tags, and in quotes."""
    text = given.decode("utf-8", "surrogateescape")
    pages: tuple[Any, ...] = (report_markup, page_markup)
    for made in pages:
        written = made.element("p", text, title=text)
        opened, _, rest = str(written).removeprefix('<p title="').partition('">')
        if _MARKUP.search(opened) or _MARKUP.search(rest.removesuffix("</p>")):
            raise Defect("a text became markup")
    str(report_markup.element("p", text)).encode()  # a page that cannot be written is none


TARGETS = (
    Target("web_page", _web_page, _HTTP_WORDS),
    Target("web_callback", _web_callback, _HTTP_WORDS),
    Target(
        "http_answer", _http_answer, (b"Retry-After: ", b"Date: ", b"503\n", b"\n\n", b"9" * 400, b"[" * 64)
    ),
    Target(
        "redaction",
        _redaction,
        (PLANTED.encode(), b"password=", b"force://", b"eyJ", b"-----BEGIN PRIVATE KEY-----"),
    ),
    Target(
        "terminal",
        _terminal,
        (b"\x1b]0;", b"\x1b[2J", b"\xe2\x80\xae", b"\xed\xa0\x80", b"\r", b"\xc2\x9b", b"[red]"),
    ),
    Target("html", _html, (b"<script>", b'" onload="', b"&#60;", b"\xed\xa0\x80", b"\x00")),
)
