"""A scenario world with every way in: a person's sessions, a connected app, grants, `sf`, a browser."""

from __future__ import annotations

import json
import socket
import sys
import textwrap
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scenario_world import World

from orchestrator.simulator import oauth, sessions
from orchestrator.simulator.client_app import ClientApp
from orchestrator.simulator.grants import built_in_app
from orchestrator.simulator.records import OauthGrant, Session
from orchestrator.simulator.users import User

CONSUMER_KEY = "3MVG9customers.connected_app"
CONSUMER_SECRET = "consumer-canary-2C5F0A"
NO_PASSWORD: Mapping[str, str] = {}
# The person whose token it is keeps a password; nobody handed one over.
PERSON = {"username": None, "secrets": NO_PASSWORD}


class Ladder:
    """One world, and what people who are no part of the product do in and around it."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.folder = folder
        self.opened: list[str] = []

    # --- people

    @property
    def admin(self) -> User:
        found = self.world.org.user_by_name(self.world.seed.username)
        assert found is not None
        return found

    def provide(self, **values: str) -> None:
        """What the operator's references lead to."""
        self.world.app.environ = {**self.world.app.environ, **values}

    def session(self, user: User | None = None, org: Any = None) -> Session:
        """A session of a person, made by another program before the run."""
        org = org or self.world.org
        person = user or (self.admin if org is self.world.org else next(iter(org.users.values())))
        return sessions.open_session(self.world.sim, org, person, origin="soap", login_type="Application")

    def is_alive(self, token: str) -> bool:
        return any(token in org.sessions for org in (self.world.org, self.world.bystander))

    def living_grants(self) -> list[str]:
        """How the sessions that live in the org were begun."""
        return sorted(session.grant_type or session.origin for session in self.world.org.sessions.values())

    # --- apps and grants

    def is_revoked(self, grant: OauthGrant) -> bool:
        return self.world.org.oauth_grants[grant.id].revoked

    def connected_app(self, **facts: Any) -> ClientApp:
        """A connected app of the customer's, known on every front end."""
        org = self.world.org
        app = ClientApp(
            *("connected_app", "Old_Tool", "Old Tool", org.next_id("0H4"), ""),
            consumer_key=CONSUMER_KEY,
            consumer_secret=CONSUMER_SECRET,
            scopes=frozenset({"Api", "RefreshToken"}),
            **facts,
        )
        org.apps[app.name] = app
        org.app_changed(app, self.world.sim.now_s())
        self.world.clock.advance(600)
        return app

    def grant(self, app: ClientApp | None = None) -> OauthGrant:
        """A refresh token that a person's login with `sf` left."""
        world = self.world
        used = app or built_in_app(world.org)
        return oauth.new_grant(
            world.sim, world.org, self.admin, used, frozenset({"api", "web", "refresh_token"})
        )

    def sfdx_url(
        self, grant: OauthGrant, *, host: str = "", app: str = "PlatformCLI", secret: str = ""
    ) -> str:
        return f"force://{app}:{secret}:{grant.refresh_token}@{host or self.world.seed.my_domain_host}"

    # --- the Salesforce CLI

    def sf(self, answers: Mapping[str, Any]) -> None:
        """Put a program `sf` on the PATH that answers as written: words of the command → document."""
        folder = self.folder / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "answers.json").write_text(json.dumps(answers), "utf-8")
        script = f"""\
            #!{sys.executable}
            import json, pathlib, sys
            here = pathlib.Path({str(folder)!r})
            with (here / "asked").open("a") as asked:
                asked.write(json.dumps(sys.argv[1:]) + "\\n")
            answers = json.loads((here / "answers.json").read_text())
            words = [word for word in sys.argv[1:] if not word.startswith("-")]
            answer = answers.get(" ".join(words[:2]), answers.get(" ".join(words[:3])))
            print(answer if isinstance(answer, str) else json.dumps(answer))
            sys.exit(1 if isinstance(answer, dict) and answer.get("status") else 0)
            """
        program = folder / "sf"
        program.write_text(textwrap.dedent(script), "utf-8")
        program.chmod(0o700)
        self.provide(PATH=str(folder))

    def asked_of_sf(self) -> list[list[str]]:
        return [json.loads(line) for line in (self.folder / "bin" / "asked").read_text("utf-8").splitlines()]

    def sf_display(self, token: str, **changes: Any) -> dict[str, Any]:
        seed = self.world.seed
        result = {
            "id": seed.org_id,
            "username": seed.username,
            "instanceUrl": f"https://{seed.my_domain_host}",
            "accessToken": token,
            "connectedStatus": "Connected",
        }
        return {"status": 0, "result": {**result, **changes}, "warnings": []}

    # --- the browser

    def browse(self, url: str) -> None:
        """What a person's browser does: open the address, be logged in, follow the redirect back."""
        self.opened.append(url)
        answer = self.world.app.network.request("GET", url, credentials=False, idempotent=True, follow=False)
        assert answer.status == 302, answer.body
        fetch(answer.headers["Location"])

    def watched(self, browse: Any = None) -> str:
        """Let somebody watch the command; returns a callback on a free port."""
        self.world.app.open_browser = browse or self.browse
        return f"http://127.0.0.1:{free_port()}/OauthRedirect"

    # --- runs

    def play(self, ladder: Sequence[str] | None = None, *, web_timeout: str = "", **entry: Any) -> Any:
        inputs = {"ladder": ",".join(ladder)} if ladder else {}
        if web_timeout:
            inputs["web_timeout"] = web_timeout
        return self.world.run(inputs, **entry)

    def traces(self, finished: Any) -> str:
        """Everything other people may read: the journal, byte by byte, and what was announced."""
        home = self.world.app.configuration.home
        self.world.app.close()
        del self.world.app.__dict__["journal"]
        raw = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
        told = repr(finished.events) + repr(finished.errors) + json.dumps(finished.record.evidence)
        return told + b"".join(raw).decode("latin-1")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def fetch(url: str, method: str = "GET", **headers: str) -> tuple[int, str, Mapping[str, str]]:
    """Status, text and headers of an http address of this machine."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, method=method, headers=named)  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
            return answer.status, answer.read().decode(), dict(answer.headers)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode(), dict(refused.headers)
