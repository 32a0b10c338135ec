"""The only door to the network: which hosts, which TLS, how long, how much, how often.

Every byte the product sends to an org or reads from one passes `Network`, also those of zeep and
simple-salesforce, which are given a `requests.Session` whose sends come here. The rules:

- Credentials go to hosts Salesforce owns, over verified TLS (1.2 or newer), or to loopback. Plain http goes
  to loopback only. Redirects are never followed with credentials; one to another host is a fault that names
  it.
- Every exchange has a connect timeout, a read timeout and a deadline; answers have a greatest size. No
  cookies.
- Only idempotent exchanges are tried again, for 30 s in all; longer waits belong to the machine.
- CA certificates: `ca_bundle` of the policy, else REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, SSL_CERT_FILE or
  SSL_CERT_DIR, else certifi's. The first that is set wins and stands alone.
- Proxies: from the environment (HTTPS_PROXY, NO_PROXY and so on), never for loopback, never for hosts that a
  connect-to rule matches, and none at all with `loopback_only`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import requests
from requests.structures import CaseInsensitiveDict
from requests.utils import default_headers, default_user_agent, get_environ_proxies
from urllib3.exceptions import HTTPError

from orchestrator.catalogue import FAULTS
from orchestrator.errors import OrgFault, UsageError
from orchestrator.redaction import Secret, redact
from orchestrator.salesforce.connect_to import ConnectTo, Route, normal_host, route
from orchestrator.salesforce.hosts import is_salesforce_host
from orchestrator.salesforce.http_answer import Answer
from orchestrator.salesforce.retries import patiently
from orchestrator.salesforce.transport import OrgAdapter, deadline_at_s, read_whole, trusted_context
from orchestrator.salesforce.transport_faults import fault_of

IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_HOPS = 3
_PORT_OF_SCHEME = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """What the network may do; one per process.

    Attributes:
        connect_to: rules in the order they were given; the first that matches wins.
        loopback_only: set by `--speed`: dial nothing but loopback addresses.
        ca_bundle: file or folder of CA certificates; None for the environment's, then certifi's.
        connect_timeout_s: longest wait for a connection and its TLS handshake.
        read_timeout_s: longest silence of a server.
        deadline_s: longest duration of one exchange, however the server drips.
        max_response_bytes: greatest answer, unpacked.
    """

    connect_to: tuple[ConnectTo, ...] = ()
    loopback_only: bool = False
    ca_bundle: str | None = None
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 60.0
    deadline_s: float = 120.0
    max_response_bytes: int = 32 * 1024 * 1024
    user_agent: str = "salesforce-orchestrator"


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for one request; see `Network.request`."""

    credentials: bool
    idempotent: bool
    deadline_s: float | None = None
    max_bytes: int | None = None
    follow: bool = True
    login_of: str = ""


class LoginGate(Protocol):
    """Asked before every login that is sent: SOAP login() and calls of the token endpoint."""

    def admit(self, host: str, user: str) -> None:
        """Count a login. Raises OrgFault `login_budget` when it must not be sent now."""
        ...


class Network:
    """Sends requests under one policy. Threads may share it; connections are pooled per host.

    Args:
        policy: what is allowed.
        clock_s: seconds that grow, for the retry budget only; deadlines of sockets run on the machine's
        clock. sleep: waits that many seconds between tries, or until somebody asks to stop.
        stopping: whether somebody has asked to stop: nothing is tried again then.
        logins: admits logins; None admits all.

    Raises:
        UsageError (ca_bundle_unreadable): the CA file is not there or holds no certificates.
    """

    def __init__(
        self,
        policy: NetworkPolicy,
        *,
        clock_s: Callable[[], float],
        sleep: Callable[[float], object],
        stopping: Callable[[], bool] = lambda: False,
        logins: LoginGate | None = None,
    ) -> None:
        self.policy = policy
        self._logins = logins
        self._clock_s = clock_s
        self._sleep = sleep
        self._stopping = stopping
        self._adapter = OrgAdapter(
            trusted_context(policy.ca_bundle), policy.connect_to, loopback_only=policy.loopback_only
        )

    def request(
        self,
        method: str,
        url: str,
        *,
        credentials: bool,
        idempotent: bool,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | bytes | None = None,
        json: Any = None,
        files: Mapping[str, tuple[str | None, bytes, str]] | None = None,
        auth: Secret | None = None,
        deadline_s: float | None = None,
        max_bytes: int | None = None,
        follow: bool = True,
        login_of: str = "",
    ) -> Answer:
        """Send one request and read the whole answer, whatever its status.

        Args:
            method: HTTP method.
            url: absolute.
            credentials: the body or the headers carry a secret (implied by *auth*).
            idempotent: sending it twice does no harm; only then passing troubles are tried again.
            headers: further headers.
            params: query parameters.
            data: body, a form when it is a mapping.
            json: body, to be sent as JSON.
            files: parts of a multipart body: name → (file name, content, media type).
            auth: sent as `Authorization: Bearer`.
            deadline_s: for one try, instead of the policy's.
            max_bytes: greatest answer, instead of the policy's.
            follow: False to be given redirects as they are, also those to other hosts.
            login_of: whose login this request is, "" when it is none.

        Raises:
            OrgFault: the network's faults (`host_unknown`, `network_timeout`, `tls_untrusted`, …),
            `host_moved`,
                `answer_too_large`.
            UsageError: the URL may not be used so (`host_not_trusted`, `plain_http_refused`, `url_unusable`,
                `speed_needs_loopback`).
        """
        try:
            prepared = requests.Request(
                method,
                url,
                headers=dict(headers or {}),
                params=dict(params) if params else None,
                data=dict(data) if isinstance(data, Mapping) else data,
                json=json,
                files=dict(files) if files else None,
            ).prepare()
        except (requests.RequestException, ValueError):
            raise _url_unusable(url) from None
        if auth is not None:
            prepared.headers["Authorization"] = f"Bearer {auth.reveal()}"
        rules = Rules(
            credentials=credentials or auth is not None,
            idempotent=idempotent,
            deadline_s=deadline_s,
            max_bytes=max_bytes,
            follow=follow,
            login_of=login_of,
        )
        response = self.exchange(prepared, rules)
        return Answer(response.status_code, response.headers, response.content, response.url)

    def requests_session(self, origin: str = "") -> requests.Session:
        """A session for libraries: same rules, whatever they pass for timeouts, verification or redirects.

        Args:
            origin: where the org is, for libraries that write `https://` whatever they are told: requests to
                the same host and port go to this origin, so that a simulator may be served by plain http.
        """
        return _LibrarySession(self, origin)

    def close(self) -> None:
        """Close every pooled connection."""
        self._adapter.close()

    def exchange(self, prepared: requests.PreparedRequest, rules: Rules) -> requests.Response:
        """Send a prepared request; see `request`."""
        for name, value in default_headers().items():
            prepared.headers.setdefault(name, value)
        if prepared.headers["User-Agent"] == default_user_agent():
            prepared.headers["User-Agent"] = self.policy.user_agent
        if not rules.idempotent:
            return self._hops(prepared, rules)
        return patiently(
            lambda: self._hops(prepared, rules),
            clock_s=self._clock_s,
            sleep=self._sleep,
            stopping=self._stopping,
        )

    def _hops(self, prepared: requests.PreparedRequest, rules: Rules) -> requests.Response:
        """Send; follow redirects within the same origin when nothing secret is at stake."""
        for _ in range(_HOPS):
            response = self._once(prepared, rules)
            target = _redirect_target(response)
            if target is None or not rules.follow:
                break
            here, there = urlsplit(response.url), urlsplit(target)
            if here.netloc.lower() != there.netloc.lower():
                raise OrgFault(
                    FAULTS["host_moved"], f"{here.netloc} redirects to {there.scheme}://{there.netloc}"
                )
            if rules.credentials or prepared.method not in IDEMPOTENT_METHODS or here.scheme != there.scheme:
                break
            prepared = prepared.copy()
            prepared.prepare_url(target, None)
        return response

    def _once(self, prepared: requests.PreparedRequest, rules: Rules) -> requests.Response:
        """One exchange: admit, send, read everything, translate what goes wrong."""
        url = str(prepared.url)
        policy = self.policy
        way = self._admit(url, credentials=rules.credentials)
        if rules.login_of and self._logins is not None:
            self._logins.admit(urlsplit(url).netloc.lower(), rules.login_of.lower())
        deadline_s = policy.deadline_s if rules.deadline_s is None else rules.deadline_s
        max_bytes = policy.max_response_bytes if rules.max_bytes is None else rules.max_bytes
        direct = way.mapped or way.loopback or policy.loopback_only
        token = deadline_at_s.set(time.monotonic() + deadline_s)
        try:
            response = self._adapter.send(
                prepared,
                stream=True,
                timeout=(min(policy.connect_timeout_s, deadline_s), min(policy.read_timeout_s, deadline_s)),
                proxies={} if direct else get_environ_proxies(url),
            )
            read_whole(response, max_bytes)
        except (requests.RequestException, HTTPError, OSError) as error:
            # The library's exceptions hold the request, and so its secrets: they must not become our cause.
            raise fault_of(error, urlsplit(url).netloc) from None
        finally:
            deadline_at_s.reset(token)
        return response

    def _admit(self, url: str, *, credentials: bool) -> Route:
        """Where *url* will be dialled, if it may be used at all."""
        parts = urlsplit(url)
        try:
            port = parts.port or _PORT_OF_SCHEME[parts.scheme]
        except (ValueError, KeyError):
            raise _url_unusable(url) from None
        host = normal_host(parts.hostname or "")
        if not host or "@" in parts.netloc:
            raise _url_unusable(url)
        way = route(self.policy.connect_to, host, port)
        if way.loopback:
            return way
        if parts.scheme != "https":
            raise UsageError(
                f"plain http to {host} would show everything to the network",
                code="plain_http_refused",
                remedy="use https; plain http is for loopback only",
            )
        if credentials and not is_salesforce_host(host):
            raise UsageError(
                f"credentials are not sent to {host}: it is not a host Salesforce owns",
                code="host_not_trusted",
                remedy="use the org's My Domain URL",
            )
        return way


class _LibrarySession(requests.Session):
    """A requests session that leaves every send to `Network`."""

    def __init__(self, network: Network, origin: str) -> None:
        super().__init__()
        self.trust_env = False  # or ~/.netrc would replace Authorization headers
        self.headers = CaseInsensitiveDict({"User-Agent": network.policy.user_agent})
        self._network = network
        self._origin = origin

    def request(  # type: ignore[override]  # what else libraries may pass is for `send` to ignore
        self, method: str, url: str, **options: Any
    ) -> requests.Response:
        """Send without the merging of sessions: there are no cookies, no .netrc and no hooks to merge."""
        prepared = requests.Request(
            method,
            url,
            headers={**self.headers, **(options.get("headers") or {})},
            **{name: options[name] for name in ("params", "data", "json", "files") if options.get(name)},
        ).prepare()
        return self.send(prepared)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send under the rules of `Network`; timeouts, verification and redirects asked for are ignored."""
        del kwargs
        url = urlsplit(str(request.url))
        if self._origin and url.netloc == urlsplit(self._origin).netloc:
            request.url = url._replace(scheme=urlsplit(self._origin).scheme).geturl()
        return self._network.exchange(
            request, Rules(credentials=True, idempotent=request.method in IDEMPOTENT_METHODS)
        )


def _url_unusable(url: str) -> UsageError:
    return UsageError(
        f"{redact(url.rpartition('@')[2])[:200]!r} cannot be used as an http(s) URL",
        code="url_unusable",
        remedy="use the org's My Domain URL",
    )


def _redirect_target(response: requests.Response) -> str | None:
    location = response.headers.get("Location")
    if not location or not response.is_redirect:
        return None
    try:
        return requests.Request("GET", urljoin(response.url, location)).prepare().url
    except (requests.RequestException, ValueError):
        return None  # leads nowhere, so the redirect itself is the answer
