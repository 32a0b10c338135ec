"""The OAuth endpoints of an org: the grants, userinfo, revocation.

Source: RFC 7523; Salesforce help "OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from orchestrator.catalogue import FAULTS
from orchestrator.errors import OrgFault
from orchestrator.redaction import Secret, redact
from orchestrator.salesforce.answers import classify
from orchestrator.salesforce.hosts import OrgHost
from orchestrator.salesforce.http_answer import Answer, whole_number
from orchestrator.salesforce.session import Network

ASSERTION_LIFETIME_S = 170  # Salesforce wants exp within 3 minutes; 10 s are left for the way and the clocks
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_OK = 200
_REDIRECTS = range(300, 400)
_ID_PARTS = 2


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token and what came with it.

    Attributes:
        instance_url: origin of the org's API, such as `https://acme.my.salesforce.com`.
        org_id, user_id: 18 characters, from the identity URL; "" when there was none.
        scope: as granted, space-separated.
        issued_at_s: Unix seconds; None when the org did not say.
        server_date_s: the server's clock when it answered, Unix seconds, to tell a skewed clock of ours.
        refresh_token: given by the flows with a browser, and in place of a rotated one.
    """

    token: Secret
    instance_url: str
    org_id: str
    user_id: str
    scope: str
    issued_at_s: float | None
    server_date_s: float | None
    refresh_token: Secret | None = None


class TokenRefused(OrgFault):
    """The token endpoint said no.

    Attributes:
        error: OAuth error code, such as `invalid_grant`; "" when the answer was not OAuth's.
        description: error_description, secrets removed. With `error`, what `classify_token` wants.
        server_date_s: the server's clock when it answered.
    """

    error: str = ""
    description: str = ""
    server_date_s: float | None = None


def jwt_assertion(
    *, consumer_key: str, username: str, audience: str, private_key: RSAPrivateKey, now_s: float
) -> str:
    """Sign the assertion that buys one access token.

    `exp` is an integer: clients that send strings or milliseconds work by luck. There is no `iat` (Salesforce
    does not ask for it, and one from a clock that runs ahead of the server's lies in its future) and no
    `jti`, so that an assertion whose answer was lost may be sent again.

    Args:
        consumer_key: of the client app.
        username: the run-as user's, not an e-mail address.
        audience: one of `hosts.audiences_for`.
        private_key: parsed once per run; parsing again costs ten times the signature.
        now_s: Unix seconds.

    Returns: a compact JWS, RS256, valid for ASSERTION_LIFETIME_S.
    """
    claims = {
        "iss": consumer_key,
        "sub": username,
        "aud": audience,
        "exp": int(now_s) + ASSERTION_LIFETIME_S,
    }
    return jwt.encode(claims, private_key, algorithm="RS256")


def jwt_bearer(network: Network, host: OrgHost, assertion: str) -> AccessToken:
    """Buy an access token with an assertion.

    Raises:
        TokenRefused: the org's refusal; whether `client_id_unknown` and its like are worth waiting for
        depends on
            the age of the app (`answers.classify_token`).
        OrgFault: the network's faults.
    """
    # Without jti an assertion may be used twice, so a lost answer may be asked for again.
    form = {"grant_type": _JWT_BEARER, "assertion": assertion}
    return _grant(network, host, form, idempotent=True)


def password_grant(
    network: Network,
    host: OrgHost,
    *,
    client_id: str,
    username: str,
    password: Secret,
    client_secret: Secret | None = None,
    security_token: Secret | None = None,
) -> AccessToken:
    """Try the OAuth password grant, to prove that it is blocked. Sent once: failures count towards a lockout.

    Raises: TokenRefused, OrgFault.
    """
    joined = Secret(password.reveal() + (security_token.reveal() if security_token else ""))
    form = {
        "grant_type": "password",
        "client_id": client_id,
        "username": username,
        "password": joined.reveal(),
    }
    if client_secret is not None:
        form["client_secret"] = client_secret.reveal()
    return _grant(network, host, form, idempotent=False)


def refresh_grant(
    network: Network,
    host: OrgHost,
    *,
    client_id: str,
    refresh_token: Secret,
    client_secret: Secret | None = None,
) -> AccessToken:
    """Buy an access token with a refresh token (SFDX auth URLs). Sent once: the token may be rotated.

    Raises: TokenRefused, OrgFault.
    """
    form = {"grant_type": "refresh_token", "client_id": client_id, "refresh_token": refresh_token.reveal()}
    if client_secret is not None:
        form["client_secret"] = client_secret.reveal()
    return _grant(network, host, form, idempotent=False)


def code_grant(
    network: Network,
    host: OrgHost,
    *,
    client_id: str,
    code: Secret,
    redirect_uri: str,
    verifier: Secret,
    client_secret: Secret | None = None,
) -> AccessToken:
    """Buy an access token with the code of a login in a browser. Sent once: a code is good for one exchange.

    Raises: TokenRefused, OrgFault.
    """
    form = {
        "grant_type": "authorization_code",
        "client_id": client_id,
        "code": code.reveal(),
        "redirect_uri": redirect_uri,
        "code_verifier": verifier.reveal(),
    }
    if client_secret is not None:
        form["client_secret"] = client_secret.reveal()
    return _grant(network, host, form, idempotent=False)


def revoke(network: Network, host: OrgHost, token: Secret) -> None:
    """End an access or refresh token; one that is no token any more is no error. Raises OrgFault."""
    answer = network.request(
        "POST",
        f"{host.url}/services/oauth2/revoke",
        data={"token": token.reveal()},
        credentials=True,
        idempotent=True,
    )
    if answer.status != _OK:
        fault = _refused(answer)
        if fault.error not in {"invalid_token", "unsupported_token_type"}:
            raise fault


def userinfo(network: Network, host: OrgHost, token: Secret) -> Mapping[str, Any]:
    """Who the token belongs to: `user_id`, `organization_id`, `preferred_username` and more.

    Raises: OrgFault.
    """
    answer = network.request(
        "GET", f"{host.url}/services/oauth2/userinfo", auth=token, credentials=True, idempotent=True
    )
    if answer.status != _OK:
        # This endpoint answers with plain text, such as Bad_OAuth_Token.
        text = redact(answer.body[:200].decode("utf-8", "replace"))
        kind = classify("token", "", text)
        if kind.code == "answer_unknown":
            kind = classify("network", str(answer.status), text)
        raise OrgFault(kind, f"userinfo answered {answer.status}: {text}", retry_after_s=answer.retry_after_s)
    return _object(answer)


def key_known(network: Network, host: OrgHost, *, consumer_key: str, callback_url: str) -> bool | None:
    """Ask, without logging in, whether this org's login servers know a consumer key.

    Costs no login. `immediate=true` makes the server answer at once that nobody is logged in, instead of
    showing a page; an unknown key is reported before that. It hints at propagation; only a token proves it.

    Returns: None when the answer says neither.
    """
    answer = network.request(
        "GET",
        f"{host.url}/services/oauth2/authorize",
        params={
            "response_type": "code",
            "client_id": consumer_key,
            "redirect_uri": callback_url,
            # Of RFC 7636 appendix B; the code it would guard is never issued.
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256",
            "immediate": "true",
        },
        credentials=False,
        idempotent=True,
        follow=False,
    )
    location = answer.headers.get("Location", "")
    said = parse_qs(urlsplit(location).query).get("error", [""])[0]
    text = f"{said} {answer.body[:4000].decode('utf-8', 'replace')}".lower()
    if "invalid_client_id" in text or "client identifier invalid" in text or "app_not_found" in text:
        return False
    if answer.status in _REDIRECTS and (said == "immediate_unsuccessful" or "redirect_uri_mismatch" in said):
        return True
    return None


def _grant(network: Network, host: OrgHost, form: Mapping[str, str], *, idempotent: bool) -> AccessToken:
    answer = network.request(
        "POST",
        f"{host.url}/services/oauth2/token",
        data=form,
        headers={"Accept": "application/json"},
        credentials=True,
        idempotent=idempotent,
        login_of=_principal(form),
    )
    if answer.status != _OK:
        raise _refused(answer)
    found = _object(answer)
    token, instance_url = found.get("access_token"), found.get("instance_url")
    if not token or not instance_url:
        raise OrgFault(FAULTS["answer_unknown"], "the token endpoint gave no token or no instance URL")
    org_id, user_id = _identity(str(found.get("id") or ""))
    issued_ms = whole_number(str(found.get("issued_at") or ""))
    return AccessToken(
        token=Secret(str(token)),
        instance_url=str(instance_url).rstrip("/"),
        org_id=org_id,
        user_id=user_id,
        scope=str(found.get("scope") or ""),
        issued_at_s=issued_ms / 1000 if issued_ms else None,
        server_date_s=answer.date_s,
        refresh_token=Secret(str(found["refresh_token"])) if found.get("refresh_token") else None,
    )


def _principal(form: Mapping[str, str]) -> str:
    """Who logs in: the user of a password or an assertion; of a refresh token its client."""
    if "assertion" in form:
        try:
            claims = jwt.decode(form["assertion"], options={"verify_signature": False})
        except jwt.InvalidTokenError:
            return "?"
        return str(claims.get("sub") or claims.get("iss") or "?")
    return form.get("username") or form.get("client_id") or "?"


def _refused(answer: Answer) -> TokenRefused:
    """The fault in an answer of the token endpoint that is not a success."""
    error = description = ""
    try:
        found = answer.json()
    except OrgFault as unreadable:
        fault = TokenRefused(unreadable.kind, unreadable.detail, retry_after_s=unreadable.retry_after_s)
    else:
        found = found if isinstance(found, Mapping) else {}
        error = redact(str(found.get("error") or ""))
        description = redact(str(found.get("error_description") or ""))
        kind = (
            classify("token", error, description)
            if error
            else classify("network", str(answer.status), description)
        )
        detail = f"{error}: {description}".strip(": ") or f"{answer.host} answered {answer.status}"
        fault = TokenRefused(kind, detail, retry_after_s=answer.retry_after_s)
    fault.error, fault.description, fault.server_date_s = error, description, answer.date_s
    return fault


def _object(answer: Answer) -> Mapping[str, Any]:
    found = answer.json()
    if not isinstance(found, Mapping):
        raise OrgFault(FAULTS["answer_unknown"], f"{answer.host} answered with JSON that is no object")
    return found


def _identity(url: str) -> tuple[str, str]:
    """Org and user id of an identity URL, `https://login.salesforce.com/id/ORG/USER`."""
    parts = urlsplit(url).path.partition("/id/")[2].split("/")
    return (parts[0], parts[1]) if len(parts) == _ID_PARTS else ("", "")
