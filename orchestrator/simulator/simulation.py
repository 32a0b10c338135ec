"""The simulation as a whole: clock, seed, orgs, scripted faults, and the front-end nodes."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from orchestrator.simulator import sessions
from orchestrator.simulator.birth import build_org
from orchestrator.simulator.catalogue import Catalogue, OrgSeed, generated_orgs
from orchestrator.simulator.clock import SimClock
from orchestrator.simulator.fault_script import FaultScript
from orchestrator.simulator.http import Request
from orchestrator.simulator.org import Org
from orchestrator.simulator.packages import PackageCatalogue
from orchestrator.simulator.records import OauthGrant

GENERIC_PRODUCTION_HOST = "login.salesforce.com"
GENERIC_SANDBOX_HOST = "test.salesforce.com"
TOKENS_KEPT = 10_000
GENERIC_HOSTS = frozenset({GENERIC_PRODUCTION_HOST, GENERIC_SANDBOX_HOST})


class Simulator:
    """Everything the wire needs to answer: built once, used from one thread.

    Args:
        seeds: the orgs, or None for one generated org of `profile`.
        seed: text from which every random choice follows.
        profile: org profile for generated orgs.
        count: number of generated orgs.
        speed: org seconds per wall second.
        wall: wall clock, in seconds since the epoch.
    """

    def __init__(
        self,
        seeds: Sequence[OrgSeed] | None = None,
        *,
        seed: str = "1",
        profile: str = "production",
        count: int = 1,
        speed: float = 1.0,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.seed = seed
        self.clock = SimClock(speed=speed, wall=wall)
        self.rng = random.Random(f"{seed}/wire")
        self.catalogue = Catalogue(seeds if seeds is not None else generated_orgs(seed, profile, count))
        self.packages = PackageCatalogue(seed)
        self.faults = FaultScript()
        self.on_request: Callable[[dict[str, Any]], None] | None = None
        self._orgs: dict[str, Org] = {}
        self._moved_hosts: dict[str, str] = {}
        self._orgs_of_tokens: dict[str, str] = {}

    # --- finding orgs

    def org_of(self, seed: OrgSeed) -> Org:
        """Return the org of a seed, building it on first touch."""
        org = self._orgs.get(seed.org_id)
        if org is None:
            org = self._orgs[seed.org_id] = build_org(seed, self.seed, self.clock.wall_s())
            self._honour_tokens(seed, org)
        return org

    def _honour_tokens(self, seed: OrgSeed, org: Org) -> None:
        """Open what an orgs file says is open already: a session, a refresh token of the CLI."""
        admin = org.user_by_name(seed.username)
        if admin is None:
            return
        if seed.access_token:
            opened = sessions.open_session(
                self, org, admin, origin="ui", login_type="Application", token=seed.access_token
            )
            self.remember_token(opened.token, org)
        if seed.refresh_token:
            wall_s = self.clock.wall_s()
            grant = OauthGrant(
                id=org.next_id("0CQ"),
                refresh_token=seed.refresh_token,
                user_id=admin.id,
                consumer_key="PlatformCLI",
                app_name="Salesforce CLI",
                scopes=frozenset({"api", "web", "refresh_token"}),
                created_wall_s=wall_s,
                last_used_wall_s=wall_s,
            )
            org.oauth_grants[grant.id] = grant

    def org_by_host(self, host_name: str) -> Org | None:
        """Find an org by its My Domain host (also by the one it moved to)."""
        seed = self.catalogue.by_host(host_name)
        if seed is None and host_name in self._moved_hosts:
            seed = self.catalogue.by_id(self._moved_hosts[host_name])
        return None if seed is None else self.org_of(seed)

    def org_by_id(self, org_id: str) -> Org | None:
        """Find an org by id (15 or 18 characters)."""
        seed = self.catalogue.by_id(org_id)
        return None if seed is None else self.org_of(seed)

    def org_by_name(self, name: str) -> Org | None:
        """Find an org by its name in the orgs file."""
        seed = self.catalogue.by_name(name)
        return None if seed is None else self.org_of(seed)

    def org_by_username(self, username: str, *, sandbox: bool | None = None) -> Org | None:
        """Find the org of a user; `sandbox` restricts to one side, as the generic login hosts do."""
        seed = self.catalogue.by_username(username)
        if seed is None:
            found = next((org for org in self._orgs.values() if org.user_by_name(username)), None)
        else:
            found = self.org_of(seed)
        if found is None or (sandbox is not None and found.is_sandbox != sandbox):
            return None
        return found

    def org_by_session(self, token: str) -> Org | None:
        """Find the org a session token names (`00D…!…`), whether or not the session lives."""
        head, mark, _ = token.partition("!")
        org_id = self._orgs_of_tokens.get(token, head if mark else "")
        return self.org_by_id(org_id) if org_id else None

    def remember_token(self, token: str, org: Org) -> None:
        """Remember whose a token is that does not begin with its org's id (JWT-format tokens)."""
        self._orgs_of_tokens[token] = org.id
        if len(self._orgs_of_tokens) > TOKENS_KEPT:
            del self._orgs_of_tokens[next(iter(self._orgs_of_tokens))]

    def first_org(self) -> Org:
        """Return the first org (who a bare loopback address means before anybody logged in)."""
        return self.org_of(next(iter(self.catalogue)))

    def touched_orgs(self) -> Iterator[Org]:
        """Yield the orgs built so far."""
        yield from list(self._orgs.values())

    def seed_of(self, org: Org) -> OrgSeed:
        """Return the seed an org was built from."""
        found = self.catalogue.by_id(org.id)
        if found is None:
            raise LookupError(f"org {org.id} is not of this simulation")
        return found

    def move_org(self, org: Org, new_host: str, *, redirects: bool = True) -> None:
        """Rename an org's My Domain; the old host redirects from then on, or is gone."""
        org.switches.moved_to_host = new_host
        org.switches.old_host_redirects = redirects
        settings = org.settings.setdefault("MyDomainSettings", {})
        settings["myDomainName"] = new_host.partition(".")[0]
        settings["redirectPriorMyDomain"] = "true" if redirects else "false"
        org.my_domain_host = new_host
        self._moved_hosts[new_host] = org.id

    # --- time and nodes

    def now_s(self) -> float:
        """Org time in seconds (durations)."""
        return self.clock.now_s()

    def wall_s(self, org: Org | None = None) -> float:
        """Wall time in seconds since the epoch, skewed if the org's clock is scripted to be off."""
        return self.clock.wall_s() + (org.switches.skew_s if org else 0.0)

    def draw_node(self, org: Org | None) -> int:
        """Return the front-end node that answers the next request."""
        return self.rng.randrange(org.switches.propagation.nodes if org else 4)

    # --- URLs

    def base_url(self, org: Org, request: Request) -> str:
        """Return the URL an answer names as the org's own: the loopback address used, else My Domain."""
        if request.is_loopback_host:
            return f"{request.scheme}://{request.host}"
        _, mark, port = request.host.rpartition(":")
        return f"{request.scheme}://{org.my_domain_host}" + (f":{port}" if mark else "")
