"""What a person pasted as a consumer key, and what an org's public endpoints say about that key. Pure.

Two answers are read, neither of which needs a user or costs a login: GET authorize with `immediate=true`,
whose redirect is not followed (it judges key, app and callback), and POST token with a code that was never
issued (it judges key, flow and secret). The order in which Salesforce checks is nowhere written down, so
each answer counts for what it names and for nothing else.

Sources: Salesforce help "OAuth 2.0 Web Server Flow" (`immediate`), "OAuth 2.0 Authorization Errors"; error
codes of the authorize page as public clients quote them (OAUTH_APP_BLOCKED, OAUTH_EC_APP_NOT_FOUND).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import SplitResult, parse_qs, unquote_plus, urlsplit

from orchestrator.errors import UsageError
from orchestrator.redaction import redact
from orchestrator.salesforce.answers import classify

KNOWN = "known"
# Of RFC 7636 appendix B: the code it would guard is never issued.
_CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
_VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
_NO_CODE = "aPrx.this.code.was.never.issued"
_NO_TOKEN = "00D.this.token.was.never.issued"  # noqa: S105 - no token at all

_REDIRECTS = range(300, 400)
_OK = 200
_PAGE_CHARACTERS = 4000
_KEY = re.compile(r"[A-Za-z0-9._]{8,256}")
_EDGES = " \t\r\n\v\f\u00a0\u200b\u200c\u200d\u2060\ufeff\"'`<>"
_IN_A_PAGE = re.compile(
    r"\b(?:error|errorcode)=(?P<code>[\w%-]+)(?:(?:&amp;|&)error_?description=(?P<said>[^&\"'<\s]*))?",
    re.IGNORECASE,
)
_AUTHORIZE_PATH = "/services/oauth2/authorize"
# A redirect to the login page, and the page itself; Salesforce also redirects by a script in a page.
_ASKS_FOR_LOGIN = re.compile(r"[?&]startURL=|/login(?:$|[/?.])|RemoteAccessAuthorizationPage", re.IGNORECASE)
_LOGIN_PAGE = re.compile(r"<title>[^<]*\blogin\b|type=[\"']?password|[?&]startURL=", re.IGNORECASE)
_NAMED_IN_A_PAGE = re.compile(r"\bOAUTH_[A-Z_]{4,40}\b")

# What people paste instead of a key: (shape, what it is). The first that fits is named.
_INSTEAD: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"PRIVATE KEY"), "this is a private key"),
    (re.compile(r"BEGIN CERTIFICATE"), "this is a certificate"),
    (re.compile(r"00D\w{12,15}![\w.]+"), "this is an access token"),
    (re.compile(r"5Aep[\w.]{20,}"), "this is a refresh token"),
    (re.compile(r"[0-9A-F]{64}"), "this is the shape of a consumer secret"),
    (re.compile(r"\d{16,20}"), "this is the shape of a consumer secret"),
    (re.compile(r"https?://\S*"), "this is an address"),
    (re.compile(r"[^@\s]+@[^@\s]+"), "this is a username or an e-mail address"),
    (re.compile(r"(?:0xI|0H4|888|00D)[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?"), "this is the id of a record"),
)
_WHERE = (
    "copy the Consumer Key: in Setup open the app, then Settings > OAuth Settings > Consumer Key and Secret"
)


@dataclass(frozen=True, slots=True)
class KeyVerdict:
    """What the org says about a key.

    Attributes:
        code: `known`, or a row of the fault catalogue.
        detail: one sentence, what was seen.
    """

    code: str
    detail: str

    @property
    def is_known(self) -> bool:
        """Whether a login may be begun with it."""
        return self.code == KNOWN


def clean_key(text: str) -> str:
    """The consumer key in a pasted text.

    Raises:
        UsageError: `consumer_key_unusable`; the text is something else, possibly a secret, and is not
        repeated.
            Nothing was sent.
    """
    trimmed = "".join(text.strip(_EDGES).split())
    if not trimmed:
        _refuse("the consumer key is empty")
    for shape, what in _INSTEAD:
        if shape.search(text) if " " in shape.pattern else shape.fullmatch(trimmed):
            _refuse(f"{what}, not a consumer key")
    if not _KEY.fullmatch(trimmed):
        _refuse("a consumer key has 8 to 256 letters, digits, dots and underscores; this text has others")
    return trimmed


def clean_secret(text: str, consumer_key: str) -> str:
    """The consumer secret in a pasted text.

    Raises:
        UsageError: `consumer_secret_unusable`; the text is not repeated.
    """
    trimmed = "".join(text.strip(_EDGES).split())
    if not trimmed:
        _refuse_secret("the consumer secret is empty")
    if trimmed == consumer_key:
        _refuse_secret("the consumer key was pasted twice")
    if trimmed.startswith("3MVG9"):
        _refuse_secret("this is the shape of a consumer key")
    if not re.fullmatch(r"[\x21-\x7e]{4,256}", trimmed):
        _refuse_secret("a consumer secret has 4 to 256 letters and digits; this text is something else")
    return trimmed


def _refuse(reason: str) -> NoReturn:
    raise UsageError(reason, code="consumer_key_unusable", remedy=_WHERE)


def _refuse_secret(reason: str) -> NoReturn:
    remedy = (
        "copy the Consumer Secret, which stands below the Consumer Key; leave it empty if the app needs none"
    )
    raise UsageError(reason, code="consumer_secret_unusable", remedy=remedy)


# --- what is asked


def authorize_question(consumer_key: str, callback_url: str) -> dict[str, str]:
    """Query of GET authorize: whether a login could begin, without beginning one."""
    return {
        "response_type": "code",
        "client_id": consumer_key,
        "redirect_uri": callback_url,
        "code_challenge": _CHALLENGE,
        "code_challenge_method": "S256",
        "immediate": "true",
    }


def token_question(consumer_key: str, callback_url: str, secret: str | None) -> dict[str, str]:
    """Form of POST token: redeem a code that was never issued."""
    form = {
        "grant_type": "authorization_code",
        "client_id": consumer_key,
        "code": _NO_CODE,
        "redirect_uri": callback_url,
        "code_verifier": _VERIFIER,
    }
    return form if secret is None else {**form, "client_secret": secret}


def introspect_question(consumer_key: str, secret: str) -> dict[str, str]:
    """Form of POST introspect, which judges the secret before it looks at the token (RFC 7662)."""
    return {"client_id": consumer_key, "client_secret": secret, "token": _NO_TOKEN}


# --- what the answers mean


def read_authorize(status: int, location: str, page: str) -> KeyVerdict:
    """What the answer to `authorize_question` says.

    Args:
        status: HTTP status.
        location: its Location header, "" without one.
        page: body as text.
    """
    error, said = _error_in(location, page)
    if error.lower() == "immediate_unsuccessful":
        return KeyVerdict(KNOWN, "the org knows the key and its callback, and nobody is logged in")
    if error:
        return _judged(error, said)
    to = _parts(location)
    if status in _REDIRECTS and to.path == _AUTHORIZE_PATH:
        return KeyVerdict("host_moved", f"the org sends logins on to {to.netloc}")
    if status in _REDIRECTS and _ASKS_FOR_LOGIN.search(f"{to.path}?{to.query}"):
        return KeyVerdict(KNOWN, "the org knows the key and its callback, and asks for a login")
    if status == _OK and _LOGIN_PAGE.search(page[:_PAGE_CHARACTERS]):
        return KeyVerdict(KNOWN, "the org knows the key and its callback, and shows its login page")
    return KeyVerdict("answer_unknown", f"the authorize page answered {status} without a known reason")


def read_token(status: int, answer: object, *, with_secret: bool) -> KeyVerdict:
    """What the answer to `token_question` says.

    Args:
        status: HTTP status.
        answer: its JSON.
        with_secret: whether a secret was sent.
    """
    fields = answer if isinstance(answer, Mapping) else {}
    error, said = str(fields.get("error") or ""), str(fields.get("error_description") or "")
    if not error:
        return KeyVerdict("answer_unknown", f"the token endpoint answered {status} without an OAuth error")
    # The code does not exist, so this is the one right answer: key, flow and secret passed before it.
    if error == "invalid_grant" and re.search(r"authorization code|code verifier", said, re.IGNORECASE):
        return KeyVerdict(KNOWN, "the token endpoint knows the key")
    verdict = _judged(error, said)
    if verdict.code == "client_credentials_invalid" and not with_secret:
        return KeyVerdict("client_secret_required", verdict.detail)
    return verdict


def read_introspect(status: int, answer: object) -> KeyVerdict:
    """What the answer to `introspect_question` says; an org that does not introspect says nothing."""
    fields = answer if isinstance(answer, Mapping) else {}
    if status == _OK or not fields.get("error"):
        return KeyVerdict(KNOWN, "the secret was not refused")
    verdict = _judged(str(fields["error"]), str(fields.get("error_description") or ""))
    if verdict.code == "client_credentials_invalid":
        return verdict
    return KeyVerdict(KNOWN, "the secret was not judged")


def _judged(error: str, said: str) -> KeyVerdict:
    return KeyVerdict(classify("token", error, said).code, redact(f"{error}: {said}".rstrip(": ")))


def _parts(location: str) -> SplitResult:
    """The address a redirect names; an empty one when it is none that can be read."""
    try:
        return urlsplit(location)
    except ValueError:
        return urlsplit("")


def _error_in(location: str, page: str) -> tuple[str, str]:
    """Error and description: from the address of a redirect, else from the text of an error page."""
    query = parse_qs(_parts(location).query, keep_blank_values=True)
    named = {name.lower(): values[-1] for name, values in query.items()}
    for error, said in (("error", "error_description"), ("errorcode", "errordescription")):
        if named.get(error):
            return named[error], named.get(said, "")
    text = page[:_PAGE_CHARACTERS]
    if found := _IN_A_PAGE.search(text):
        return unquote_plus(found["code"]), unquote_plus(found["said"] or "")
    if found := _NAMED_IN_A_PAGE.search(text):
        return found[0], ""
    return "", ""
