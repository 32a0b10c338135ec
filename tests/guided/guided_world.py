"""A simulated org behind TLS, the page served for real, and a person who sends plain HTTP requests."""

from __future__ import annotations

import base64
import html
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from scenario_world import Wire

from orchestrator.app import App
from orchestrator.cli.setup_desk import GuidedDesk
from orchestrator.configuration import Configuration
from orchestrator.engine.events import Event
from orchestrator.ports import RunRecord
from orchestrator.simulator import control_changes
from orchestrator.simulator.catalogue import OrgSeed, generated_orgs
from orchestrator.simulator.http import Request, Response
from orchestrator.simulator.org import Org
from orchestrator.simulator.router import answer
from orchestrator.simulator.simulation import Simulator
from orchestrator.web.server import PageServer
from orchestrator.web.site import Site

TOKEN = "token-of-the-page"
CALLBACK = "/OauthRedirect"
SETTLED_WITHIN_S = 20.0


@dataclass
class Page:
    """One answer of the page, as far as tests look at it."""

    status: int
    url: str
    text: str
    headers: Any

    @property
    def heading(self) -> str:
        found = re.search(r"<h1>(.*?)</h1>", self.text)
        return html.unescape(found[1]) if found else ""

    @property
    def code(self) -> str:
        """The code of the problem that is shown, "" without one."""
        found = re.search(r"Code (\w+)", self.text)
        return found[1] if found else ""

    def value(self, name: str) -> str:
        tag = re.search(rf'<input[^>]* id="{name}"[^>]*>', self.text)
        assert tag, f"no field {name}"
        found = re.search(r' value="([^"]*)"', tag[0])
        return html.unescape(found[1]) if found else ""

    def link(self, needle: str) -> str:
        for found in re.findall(r'href="([^"]+)"', self.text):
            if needle in found:
                return html.unescape(found)
        raise AssertionError(f"no link with {needle}")


@dataclass
class Guided:
    """The world of one test.

    Attributes:
        seen: operations the orgs were asked, in order.
        rewrite: changes an answer of an org before it leaves.
    """

    wire: Wire
    home: Path
    profile: str = "production"
    speed: float = 20.0
    settings: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, str]] = field(default_factory=list)
    rewrite: Callable[[Request, Response], None] = lambda _request, _response: None

    def __post_init__(self) -> None:
        self.seeds: list[OrgSeed] = list(generated_orgs("guided", self.profile, 2))
        self.seed = self.seeds[0]
        self.sim = Simulator(self.seeds, seed="guided", speed=self.speed)
        self.wire.answerer = self._answer
        self.events: list[Event] = []
        self.closed = threading.Event()
        self.org: Org = self.sim.org_of(self.seed)
        self.other: Org = self.sim.org_of(self.seeds[1])
        self.change({"propagation": {"nodes": 1, "first_s": 0, "last_s": 0}})
        self.open()

    def _answer(self, request: Request) -> tuple[Response, float]:
        self.seen.append((request.method, request.path))
        response, delay_s = answer(self.sim, request)
        self.rewrite(request, response)
        return response, delay_s

    def open(self, port: int = 0) -> None:
        """What `orchestrator setup` does, on a port of its own."""
        environ = {"ORCHESTRATOR_KEY": base64.b64encode(bytes(32)).decode()}
        rule = f"*:443:127.0.0.1:{self.wire.port}"
        self.app = App(Configuration(home=self.home, connect_to=(rule,), speed=self.speed), environ=environ)
        self.server = PageServer(port)
        self.port = self.server.port
        self.desk = GuidedDesk(self.app, self.events.append, port=self.port, settings=self.settings)
        self.site = Site(
            self.desk, port=self.port, token=TOKEN, callback_path=CALLBACK, on_close=self.closed.set
        )
        self.server.serve(self.site.answer)
        self.web = requests.Session()
        self.web.trust_env = False

    def close(self) -> None:
        """What Ctrl-C does."""
        self.app.stop.set()
        self.server.__exit__(None, None, None)
        for run in list(self.desk._drivers):
            self.desk._drivers[run].join(SETTLED_WITHIN_S)
        if "network" in self.app.__dict__:
            self.app.network.close()
        self.web.close()
        self.app.close()

    # --- the page

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"https://{self.seed.my_domain_host}"

    def get(self, path: str = "/", **options: Any) -> Page:
        return _page(self.web.get(f"{self.origin}/{TOKEN}{path}", timeout=30, **options))

    def post(self, path: str, form: dict[str, str], **options: Any) -> Page:
        headers = {"Content-Type": "application/x-www-form-urlencoded", **options.pop("headers", {})}
        url = f"{self.origin}/{TOKEN}{path}"
        return _page(self.web.post(url, data=form, timeout=30, headers=headers, **options))

    def begin(self, url: str = "", **form: str) -> Page:
        page = self.post("/begin", {"url": url or self.url, **form})
        if page.status == 200:
            self.run = page.url.rpartition("/")[2]
        return page

    def give_key(self, key: str, secret: str = "", *, uploaded: bool = True) -> Page:
        form = {
            "consumer_key": key,
            "consumer_secret": secret,
            "certificate_uploaded": "yes" if uploaded else "no",
        }
        return self.post(f"/{self.run}/key", form)

    def record(self) -> RunRecord:
        return self.app.journal.run(self.run)

    def settled(self, *headings: str) -> Page:
        """The page of the set-up once it shows one of the headings."""
        until_s, pause = time.monotonic() + SETTLED_WITHIN_S, threading.Event()
        while time.monotonic() < until_s:
            page = self.get(f"/{self.run}")
            if page.heading in headings:
                return page
            pause.wait(0.05)
        raise AssertionError(f"{page.heading} {page.code}: {self.record().detail}")

    # --- the org

    def change(self, document: dict[str, Any], org: Org | None = None) -> None:
        control_changes.change_org(self.sim, org or self.org, document)

    def make_app(self, page: Page, *, org: Org | None = None, **fields: Any) -> str:
        """What the person does in Setup, as the page says; the consumer key."""
        certificate = self.get(f"/{self.run}/certificate.crt").text
        given = {
            "name": page.value("value-app_name"),
            "callback_url": page.value("value-callback_url"),
            "certificate_pem": certificate,
            "secret_optional": True,
            **fields,
        }
        self.change({"make_app": given}, org)
        return (org or self.org).apps[given["name"]].consumer_key

    def log_in(self, page: Page) -> str:
        """What the browser does at Salesforce, as the administrator who consents; where it is sent to."""
        target = urlsplit(page.link("/services/oauth2/authorize"))
        answered = self.web.get(
            f"https://127.0.0.1:{self.wire.port}{target.path}?{target.query}",
            headers={"Host": target.netloc},
            verify=str(self.wire.ca_path),
            allow_redirects=False,
            timeout=30,
        )
        assert answered.status_code == 302, answered.text
        return str(answered.headers["Location"])

    def come_back(self, address: str, **options: Any) -> Page:
        """The browser follows the redirect of the login."""
        return _page(self.web.get(address, timeout=30, **options))

    def to_login(self, **app: Any) -> Page:
        """From the URL to the page that offers the login."""
        page = self.begin()
        return self.give_key(self.make_app(page, **app))


def _page(answered: requests.Response) -> Page:
    answered.encoding = "utf-8"
    return Page(answered.status_code, answered.url, answered.text, answered.headers)
