"""HTTP records exchanged between the wire (server, adapter) and the org brain.

The brain never sees sockets: the server hands it a finished `Request` and gets a finished `Response`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

JSON_TYPE = "application/json;charset=UTF-8"
XML_TYPE = "text/xml;charset=UTF-8"
HTML_TYPE = "text/html;charset=UTF-8"

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})


@dataclass(slots=True)
class Request:
    """One complete request.

    Attributes:
        method: upper-case HTTP method.
        host: the Host header in lower case, with its port when the client sent one.
        path: percent-decoded path without the query.
        query: percent-decoded query parameters, in order of appearance per name.
        headers: header values under lower-case names.
        body: the body, already de-chunked, gunzipped and size-limited.
        client_ip: address of the caller.
        node: number of the front-end node that answers (0 is the first).
        scheme: `https` or `http`, for the URLs that an answer echoes.
    """

    method: str
    host: str
    path: str
    query: Mapping[str, list[str]] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    client_ip: str
    node: int
    scheme: str = "https"

    @property
    def host_name(self) -> str:
        """The host without its port."""
        if self.host.startswith("["):
            return self.host.partition("]")[0] + "]"
        return self.host.partition(":")[0]

    @property
    def is_loopback_host(self) -> bool:
        """Whether the client addressed the simulator by a loopback name instead of an org's."""
        return self.host_name in LOOPBACK_NAMES

    def first(self, name: str, default: str = "") -> str:
        """Return the first query value under `name`, or `default`."""
        values = self.query.get(name)
        return values[0] if values else default


@dataclass(slots=True)
class Response:
    """One complete answer; the server adds Content-Length and Connection, and Date where it is missing."""

    status: int
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


class ConnectionCut(Exception):
    """The scripted fault "the connection is reset".

    Attributes:
        response: the answer of which `sent_bytes` leave before the reset; None for a reset before anything.
        sent_bytes: how much of the body leaves first.
    """

    def __init__(self, response: Response | None = None, sent_bytes: int = 0) -> None:
        super().__init__("connection reset by a scripted fault")
        self.response = response
        self.sent_bytes = sent_bytes


def json_response(status: int, document: object, *, pretty: bool = False) -> Response:
    """Return a JSON answer; `pretty` follows Salesforce's X-PrettyPrint layout (`"a" : 1`)."""
    if pretty:
        text = json.dumps(document, indent=2, separators=(",", " : "), ensure_ascii=False)
    else:
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return Response(status, {"Content-Type": JSON_TYPE}, text.encode())


def xml_response(status: int, body: bytes) -> Response:
    """Return an XML answer (SOAP answers and faults)."""
    return Response(status, {"Content-Type": XML_TYPE}, body)


def html_response(status: int, title: str, sentence: str) -> Response:
    """Return an HTML page, as edge servers and maintenance pages do."""
    head = f"<head><title>{escape(title)}</title></head>"
    page = f"<!DOCTYPE html>\n<html>{head}<body>{escape(sentence)}</body></html>\n"
    return Response(status, {"Content-Type": HTML_TYPE}, page.encode())


def rest_error(status: int, code: str, message: str, **extra: Any) -> Response:
    """Return Salesforce's REST error shape: a list with one object (`errorCode`, `message`)."""
    return json_response(status, [{"message": message, "errorCode": code, **extra}])


def oauth_error(code: str, description: str, status: int = 400) -> Response:
    """Return the error shape of the OAuth endpoints (RFC 6749 section 5.2)."""
    response = json_response(status, {"error": code, "error_description": description})
    response.headers["Cache-Control"] = "no-cache, no-store"
    return response
