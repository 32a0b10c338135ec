"""Turns what arrives (target, headers, body bytes) into a `Request`, or says why it cannot."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from urllib.parse import parse_qs, unquote, urlsplit

from orchestrator.simulator.http import Request, Response, html_response

SOAP_BODY_LIMIT_BYTES = 60_000_000
BODY_LIMIT_BYTES = 6_000_000
DEPLOY_BODY_LIMIT_BYTES = 60_000_000
TARGET_LIMIT_CHARS = 16_384


class UnreadableRequest(Exception):
    """Carries the answer to a request that cannot be read."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"answered {response.status}")
        self.response = response


def bad_request(status: int, sentence: str) -> Response:
    """Return the answer an edge server gives before any org is involved."""
    return html_response(
        status,
        {408: "Request Timeout", 413: "Payload Too Large", 414: "URI Too Long"}.get(status, "Bad Request"),
        sentence,
    )


def body_limit_bytes(path: str) -> int:
    """Return how long a body may be at this path (SOAP takes a 50 MB deploy and its envelope)."""
    if path.startswith("/services/Soap/"):
        return SOAP_BODY_LIMIT_BYTES
    return DEPLOY_BODY_LIMIT_BYTES if "/metadata/deployRequest" in path else BODY_LIMIT_BYTES


def make_request(
    method: str,
    target: str,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    *,
    client_ip: str,
    scheme: str,
) -> Request:
    """Return the request record.

    Raises:
        UnreadableRequest: the target, the encoding or the size is not acceptable.
    """
    if len(target) > TARGET_LIMIT_CHARS:
        raise UnreadableRequest(bad_request(414, "The request target is too long."))
    by_name: dict[str, str] = {}
    for name, value in headers:
        lowered = name.lower()
        by_name[lowered] = f"{by_name[lowered]}, {value}" if lowered in by_name else value
    if target.startswith("/"):
        target = "/" + target.lstrip("/")  # the CLI joins "https://host/" and "/services"; orgs take it
    try:
        parts = urlsplit(target)
        query = parse_qs(parts.query, keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        raise UnreadableRequest(bad_request(400, "The request target is malformed.")) from None
    path = unquote(parts.path) if "%" in parts.path else parts.path
    host = by_name.get("host", "") or parts.netloc
    if not host:
        raise UnreadableRequest(bad_request(400, "No Host header."))
    encoding = by_name.get("content-encoding", "").strip().lower()
    if encoding in {"gzip", "x-gzip", "deflate"}:
        body = _inflate(body, body_limit_bytes(path))
    elif encoding not in {"", "identity"}:
        raise UnreadableRequest(bad_request(415, "Unsupported Content-Encoding."))
    if len(body) > body_limit_bytes(path):
        raise UnreadableRequest(bad_request(413, "The request body is too large."))
    return Request(method.upper(), host.lower(), path, query, by_name, body, client_ip, 0, scheme)


def _inflate(body: bytes, limit_bytes: int) -> bytes:
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: gzip or zlib, by its header
    try:
        plain = inflater.decompress(body, limit_bytes + 1)
    except zlib.error:
        raise UnreadableRequest(bad_request(400, "The compressed body is broken.")) from None
    if len(plain) > limit_bytes:
        raise UnreadableRequest(bad_request(413, "The request body is too large."))
    if not inflater.eof:
        raise UnreadableRequest(bad_request(400, "The compressed body ends early."))
    return plain
