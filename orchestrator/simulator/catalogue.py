"""The orgs of a simulation: thousands are known by name and id, each is built when first touched."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.simulator.ids import base62, to_18
from orchestrator.simulator.profiles import ORG_PROFILES, OrgProfile

_WORDS = [
    "acme",
    "globex",
    "initech",
    "umbra",
    "hooli",
    "stark",
    "wayne",
    "wonka",
    "soylent",
    "tyrell",
    "cyberdyne",
    "aperture",
    "monarch",
    "vandelay",
    "dunder",
    "pied",
    "massive",
    "virtucon",
    "oceanic",
    "gringotts",
    "duff",
    "prestige",
    "sirius",
    "zorin",
    "octan",
    "nakatomi",
    "weyland",
    "gekko",
    "bluth",
    "sterling",
    "cooper",
    "pearson",
    "ollivander",
    "spacely",
    "cogswell",
    "planet",
    "rekall",
    "omni",
    "lexcorp",
    "oscorp",
]
_LETTERS = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_MARKS = "!@#%&+<'\""


@dataclass(frozen=True)
class OrgSeed:
    """What is fixed about an org before it is built.

    `access_token` and `refresh_token` (of the CLI's app) are honoured from the start, for orgs that are not
    bootstrapped by password.
    """

    index: int
    name: str
    org_id: str
    my_domain_host: str
    profile: OrgProfile
    username: str
    password: str = field(repr=False)
    security_token: str = field(repr=False)
    integration_username: str
    break_glass_username: str
    labels: Mapping[str, str] = field(default_factory=dict)
    access_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)


def generated_orgs(seed: str, profile_name: str, count: int) -> list[OrgSeed]:
    """Return `count` org seeds of one profile; the same seed gives the same orgs.

    Raises:
        KeyError: there is no such profile.
    """
    profile = ORG_PROFILES[profile_name]
    return [_generated_org(seed, profile, index) for index in range(count)]


def _generated_org(seed: str, profile: OrgProfile, index: int) -> OrgSeed:
    rng = random.Random(f"{seed}/{index}")
    round_number, word = divmod(index, len(_WORDS))
    name = _WORDS[word] + (str(round_number + 1) if round_number else "")
    suffix = profile.user_suffix.format(name=name)
    wave = "canary" if index == 0 else f"wave{1 + index % 3}"
    return OrgSeed(
        index=index,
        name=name,
        org_id=to_18("00DSIM" + base62(rng.getrandbits(34), 6) + base62(index, 3)),
        my_domain_host=profile.host_pattern.format(name=name),
        profile=profile,
        username=f"admin{suffix}",
        password=random_password(rng),
        security_token=random_token(rng),
        integration_username=f"integration{suffix}",
        break_glass_username=f"admin2{suffix}",
        labels={"wave": wave, "kind": profile.kind},
    )


def random_password(rng: random.Random) -> str:
    """Return a password of 16 characters with a mark that must be escaped in XML or forms."""
    return "".join(rng.choices(_LETTERS, k=14)) + rng.choice(_MARKS) + rng.choice("23456789")


def random_token(rng: random.Random) -> str:
    """Return a security token (24 letters and digits)."""
    return "".join(rng.choices(_LETTERS, k=24))


class Catalogue:
    """Finds org seeds by host, org id or username without building orgs."""

    def __init__(self, seeds: Sequence[OrgSeed]) -> None:
        self._seeds = list(seeds)
        self._by_host = {seed.my_domain_host: seed for seed in self._seeds}
        self._by_id = {seed.org_id[:15]: seed for seed in self._seeds}
        self._by_name = {seed.name: seed for seed in self._seeds}
        self._by_username: dict[str, OrgSeed] = {}
        for seed in self._seeds:
            for username in (seed.username, seed.integration_username, seed.break_glass_username):
                if username:
                    self._by_username[username.lower()] = seed

    def __len__(self) -> int:
        return len(self._seeds)

    def __iter__(self) -> Iterator[OrgSeed]:
        return iter(self._seeds)

    def by_host(self, host_name: str) -> OrgSeed | None:
        """Find by My Domain host."""
        return self._by_host.get(host_name)

    def by_id(self, org_id: str) -> OrgSeed | None:
        """Find by org id of 15 or 18 characters."""
        return self._by_id.get(org_id[:15])

    def by_name(self, name: str) -> OrgSeed | None:
        """Find by the name the org has in the orgs file."""
        return self._by_name.get(name)

    def by_username(self, username: str) -> OrgSeed | None:
        """Find by one of the usernames an org was born with."""
        return self._by_username.get(username.strip().lower())

    def register_username(self, username: str, seed: OrgSeed) -> None:
        """Remember a username created later, so that login hosts find its org."""
        self._by_username[username.strip().lower()] = seed
