"""The OAuth 2.0 web server flow with PKCE: a person logs in with a browser, we get the token.

Pure but for `redeem`, which asks the token endpoint once. The browser comes back to a loopback address, so
the code never leaves this machine, and it is worth nothing without the verifier that never left this process.

Sources: RFC 6749 section 4.1; RFC 7636 (PKCE, S256); RFC 8252 section 7.3 (loopback redirect); Salesforce
help "OAuth 2.0 Web Server Flow for Web App Integration".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

from orchestrator.catalogue import fault
from orchestrator.errors import OrgFault, UsageError
from orchestrator.redaction import Secret, redact
from orchestrator.salesforce.answers import classify
from orchestrator.salesforce.hosts import OrgHost, is_loopback_host
from orchestrator.salesforce.session import Network
from orchestrator.salesforce.token import AccessToken, TokenRefused, code_grant

# What `sf org login web` asks for; `refresh_token` makes Salesforce list the grant, so it can be revoked.
DEFAULT_SCOPES = ("api", "refresh_token")
_ENTROPY_BYTES = 32  # 43 characters in base64url: the shortest verifier RFC 7636 allows, 256 bits
_SPENT = ("authorization code", "code verifier")


@dataclass(frozen=True, slots=True)
class Authorization:
    """One login that was begun; good for one callback.

    Attributes:
        url: what the person's browser opens.
        state: what the callback must bring back.
        verifier: proves at the token endpoint that the code was asked for here.
        redirect_uri: where the browser comes back to.
        client_id: consumer key of the app.
    """

    url: str
    state: str
    verifier: Secret
    redirect_uri: str
    client_id: str


def begin(
    host: OrgHost | str,
    client_id: str,
    redirect_uri: str,
    *,
    scopes: Sequence[str] = DEFAULT_SCOPES,
    login_hint: str | None = None,
    prompt: str | None = None,
    entropy: Callable[[int], bytes],
) -> Authorization:
    """Make the address of a login.

    Args:
        host: the org, or an origin such as `https://login.salesforce.com`.
        client_id: consumer key of the app.
        redirect_uri: loopback address as registered with the app, with port and path.
        scopes: OAuth scopes.
        login_hint: username to fill in.
        prompt: `login` to ask for the password even where the browser is logged in already.
        entropy: so many random bytes, such as `secrets.token_bytes`.

    Raises:
        UsageError: `redirect_not_loopback`.
    """
    _check_loopback(redirect_uri)
    verifier = Secret(_text(entropy(_ENTROPY_BYTES)))
    state = _text(entropy(_ENTROPY_BYTES))
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes),
        "state": state,
        "code_challenge": _text(hashlib.sha256(verifier.reveal().encode()).digest()),
        "code_challenge_method": "S256",
        "login_hint": login_hint,
        "prompt": prompt,
    }
    origin = host.url if isinstance(host, OrgHost) else host.rstrip("/")
    asked = urlencode({name: value for name, value in query.items() if value is not None})
    return Authorization(
        f"{origin}/services/oauth2/authorize?{asked}", state, verifier, redirect_uri, client_id
    )


def read_callback(query: str, authorization: Authorization, *, is_spent: bool = False) -> Secret:
    """The code a callback brings.

    Args:
        query: of the address the browser was sent to, without the question mark.
        authorization: the login that is waited for.
        is_spent: its callback has come already.

    Raises:
        OrgFault: `authorization_state_mismatch`, not the answer to this login; `authorization_code_spent`,
            its second answer; what the org said instead of a code (`authorization_denied`, …).
    """
    fields = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
    state = fields.get("state", "").encode("utf-8", "surrogatepass")
    if not hmac.compare_digest(state, authorization.state.encode()):
        raise OrgFault(fault("authorization_state_mismatch"), "the callback is not the answer to this login")
    if is_spent:
        raise OrgFault(fault("authorization_code_spent"), "the callback of this login came a second time")
    error = fields.get("error", "")
    if error:
        said = redact(fields.get("error_description", ""))[:200]
        raise OrgFault(classify("token", error, said), f"{redact(error)[:80]}: {said}".rstrip(": "))
    if not fields.get("code"):
        raise OrgFault(fault("answer_unknown"), "the callback brings neither a code nor an error")
    return Secret(fields["code"])


def redeem(
    network: Network,
    host: OrgHost,
    code: Secret,
    authorization: Authorization,
    client_secret: Secret | None = None,
) -> AccessToken:
    """Exchange the code for tokens. Sent once: a code is good for one exchange.

    Raises:
        TokenRefused: the org's refusal; `authorization_code_spent` for a code that is used, expired or of
            another login.
        OrgFault: the network's faults.
    """
    try:
        return code_grant(
            network,
            host,
            client_id=authorization.client_id,
            code=code,
            redirect_uri=authorization.redirect_uri,
            verifier=authorization.verifier,
            client_secret=client_secret,
        )
    except TokenRefused as refused:
        if refused.error == "invalid_grant" and any(words in refused.description for words in _SPENT):
            raise OrgFault(fault("authorization_code_spent"), refused.detail) from None
        raise


def _check_loopback(redirect_uri: str) -> None:
    parts = urlsplit(redirect_uri)
    if parts.scheme != "http" or not is_loopback_host(parts.hostname or ""):
        raise UsageError(
            "the callback of a login must be an http address of this machine",
            code="redirect_not_loopback",
            remedy="use the callback registered with the app, such as http://localhost:1717/OauthRedirect",
        )


def _text(value: bytes) -> str:
    """base64url without padding (RFC 7636 appendix A)."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
