"""Names what a request does, for the request history and for matching scripted faults."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from html import unescape
from urllib.parse import unquote_plus

from orchestrator.simulator.http import Request

SOAP_OPERATION = re.compile(
    rb"<(?:[\w.-]+:)?Body(?:\s[^>]*)?>\s*(?:<!--.*?-->\s*)*<(?:[\w.-]+:)?([A-Za-z]\w*)", re.DOTALL
)
SOAP_SESSION = re.compile(rb"<(?:[\w.-]+:)?sessionId(?:\s[^>]*)?>\s*([^<\s]+)\s*</")
SOAP_USERNAME = re.compile(rb"<(?:[\w.-]+:)?username(?:\s[^>]*)?>\s*([^<]+?)\s*</")
_FORM_USERNAME = re.compile(rb"(?:^|&)username=([^&]*)")
_FORM_ASSERTION = re.compile(rb"(?:^|&)assertion=[\w-]*\.([\w-]+)\.")
_CAMEL = re.compile(r"(?<=[a-z0-9])([A-Z])")
_VERSION_STEP = 3  # /services/data/vNN.0/<this one>

_PATHS = {
    "/services/oauth2/token": "token",
    "/services/oauth2/authorize": "authorize",
    "/services/oauth2/revoke": "revoke",
    "/services/oauth2/introspect": "introspect",
    "/services/oauth2/userinfo": "userinfo",
    "/services/oauth2/singleaccess": "singleaccess",
    "/.well-known/auth-configuration": "auth_configuration",
    "/.well-known/openid-configuration": "openid_configuration",
    "/services/data": "versions",
}
_REST_METHODS = {"GET": "get", "POST": "create", "PATCH": "update", "PUT": "update", "DELETE": "delete"}


def operation_of(request: Request) -> str:
    """Return the operation's name: `token`, `soap_login`, `deploy`, `query`, `user_update`, ..."""
    path = request.path.rstrip("/") or "/"
    if path.startswith("/services/Soap/"):
        return _soap_operation(request.body)
    named = _PATHS.get(path)
    if named:
        return named
    steps = path.strip("/").split("/")
    if path.startswith("/id/"):
        return "identity"
    if path.startswith("/services/data/"):
        return _rest_operation(request.method, steps)
    return "page"


def _soap_operation(body: bytes) -> str:
    found = SOAP_OPERATION.search(body)
    if found is None:
        return "soap"
    name = found[1].decode("ascii", "replace")
    return "soap_login" if name == "login" else _snake(name)


def _rest_operation(method: str, steps: list[str]) -> str:  # noqa: PLR0911 - a name per shape of path
    rest = steps[_VERSION_STEP:]
    if not rest:
        return "resources"
    if rest[:2] == ["metadata", "deployRequest"]:
        return {"POST": "deploy", "PATCH": "cancel_deploy"}.get(method, "check_deploy_status")
    if rest[0] == "tooling":
        if rest[1:2] == ["query"]:
            return "tooling_query"
        has_type = rest[1:2] == ["sobjects"] and len(rest) > 2 and rest[-1] != "describe"  # noqa: PLR2004
        return f"{_snake(rest[2])}_{_REST_METHODS.get(method, 'get')}" if has_type else "tooling"
    if rest[0] in {"query", "queryAll"}:
        return "query"
    if rest[0] == "sobjects" and len(rest) > 1:
        if rest[-1] == "describe":
            return "describe"
        if rest[-1] == "password":
            return {"POST": "set_password", "DELETE": "reset_password"}.get(method, "password_status")
        return f"{_snake(rest[1])}_{_REST_METHODS.get(method, 'get')}"
    return rest[0]


def _snake(name: str) -> str:
    return _CAMEL.sub(r"_\1", name).lower()


def bearer_token(request: Request) -> str:
    """Return the token of the Authorization header (`Bearer` or `OAuth`), or the empty string."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() in {"bearer", "oauth"} else ""


def session_token(request: Request) -> str:
    """Return the session token: of the SOAP header under /services/Soap, else of Authorization."""
    if request.path.startswith("/services/Soap/"):
        found = SOAP_SESSION.search(request.body)
        return found[1].decode("utf-8", "replace") if found else ""
    return bearer_token(request)


def login_username(request: Request, operation: str) -> str:
    """Return the username a login request names, for the history (never its password)."""
    if operation == "soap_login":
        found = SOAP_USERNAME.search(request.body)
        return unescape(found[1].decode("utf-8", "replace")) if found else ""
    if operation != "token":
        return ""
    named = _FORM_USERNAME.search(request.body)
    if named is not None:
        return unquote_plus(named[1].decode("utf-8", "replace"))
    assertion = _FORM_ASSERTION.search(request.body)
    return _subject(assertion[1]) if assertion is not None else ""


def _subject(payload: bytes) -> str:
    """Return the subject an unverified assertion names, or the empty string."""
    try:
        claims = json.loads(urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return ""
    return str(claims.get("prn") or claims.get("sub") or "") if isinstance(claims, dict) else ""
