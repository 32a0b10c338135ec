"""Ask an org about a consumer key, without a user and without a login; `key_check` reads the answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.errors import OrgFault
from orchestrator.redaction import Secret
from orchestrator.salesforce import key_check
from orchestrator.salesforce.hosts import OrgHost
from orchestrator.salesforce.http_answer import Answer
from orchestrator.salesforce.key_check import KeyVerdict
from orchestrator.salesforce.session import Network

_SERVER_TROUBLE = 500
_TOO_MANY = 429


def check_key(
    network: Network,
    host: OrgHost,
    *,
    consumer_key: str,
    callback_url: str,
    client_secret: Secret | None = None,
) -> KeyVerdict:
    """Whether a login with this key, callback and secret could begin here; the first refusal is the verdict.

    Args:
        network: the door.
        host: the org, by its My Domain.
        consumer_key: as `key_check.clean_key` gave it.
        callback_url: as registered with the app.
        client_secret: of the app, if it has one.

    Raises:
        OrgFault: the network's faults, and troubles of the platform that say nothing about the key.
    """
    base = f"{host.url}/services/oauth2"
    answer = network.request(
        "GET",
        f"{base}/authorize",
        params=key_check.authorize_question(consumer_key, callback_url),
        credentials=False,
        idempotent=True,
        follow=False,
    )
    _check_health(answer)
    page = answer.body.decode("utf-8", "replace")
    verdict = key_check.read_authorize(answer.status, answer.headers.get("Location", ""), page)
    if not verdict.is_known:
        return verdict
    secret = None if client_secret is None else client_secret.reveal()
    answer = _post(network, f"{base}/token", key_check.token_question(consumer_key, callback_url, secret))
    by_token = key_check.read_token(answer.status, _json(answer), with_secret=secret is not None)
    if not by_token.is_known or secret is None:
        return verdict if by_token.is_known else by_token
    answer = _post(network, f"{base}/introspect", key_check.introspect_question(consumer_key, secret))
    try:
        by_introspection = key_check.read_introspect(answer.status, _json(answer))
    except OrgFault:  # not every org introspects; the login will judge the secret
        return verdict
    return verdict if by_introspection.is_known else by_introspection


def _post(network: Network, url: str, form: Mapping[str, str]) -> Answer:
    answer = network.request(
        "POST", url, data=form, headers={"Accept": "application/json"}, credentials=True, idempotent=True
    )
    _check_health(answer)
    return answer


def _check_health(answer: Answer) -> None:
    """A server in trouble says nothing about a key. Raises OrgFault."""
    if answer.status >= _SERVER_TROUBLE or answer.status == _TOO_MANY:
        raise answer.unusable("not_json")


def _json(answer: Answer) -> Any:
    return answer.json()
