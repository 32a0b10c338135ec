"""Reads an orgs file (the orgs to simulate) and writes one (the orgs simulated).

Passwords are references in both directions: `env:NAME` and `file:PATH` are resolved, written files hold
`file:`.
"""

from __future__ import annotations

import csv
import os
import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from orchestrator.simulator.catalogue import OrgSeed, random_password, random_token
from orchestrator.simulator.ids import base62, to_18
from orchestrator.simulator.profiles import ORG_PROFILES, OrgProfile

_ORG_ID = re.compile(r"00D[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?")
_PARTITION_PROFILES = {
    "sandbox": "sandbox",
    "develop": "developer",
    "scratch": "scratch",
    "trailblaze": "trailhead",
}


class OrgsFileError(ValueError):
    """The orgs file cannot be simulated; the message names the org and what is wrong."""


def read_orgs_file(path: Path, *, seed: str, default_profile: str = "production") -> list[OrgSeed]:
    """Return the org seeds an orgs file (YAML or CSV) describes.

    `labels.profile` chooses an org's profile; otherwise the partition of its host does, then
    `default_profile`.

    Raises:
        OrgsFileError: the file is not an orgs file, or a reference cannot be resolved.
        OSError: the file cannot be read.
    """
    entries = _csv_entries(path) if path.suffix.lower() == ".csv" else _yaml_entries(path)
    seeds = [
        _seed(name, entry, index, path.parent, seed, default_profile)
        for index, (name, entry) in enumerate(entries)
    ]
    if not seeds:
        raise OrgsFileError(f"{path} names no org")
    return seeds


def _yaml_entries(path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        raise OrgsFileError(f"{path} is not YAML: {error}") from None
    orgs = document.get("orgs") if isinstance(document, dict) else None
    if not isinstance(orgs, dict):
        raise OrgsFileError(f"{path} has no mapping `orgs`")
    return [(str(name), entry) for name, entry in orgs.items() if isinstance(entry, dict)]


def _csv_entries(path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    with path.open(encoding="utf-8", newline="") as lines:
        rows = [
            {name: value for name, value in row.items() if name and value} for row in csv.DictReader(lines)
        ]
    entries: list[tuple[str, Mapping[str, Any]]] = []
    for number, row in enumerate(rows):
        labels = dict(pair.split("=", 1) for pair in row.get("labels", "").split(";") if "=" in pair)
        entries.append((row.get("name") or row.get("org") or f"org{number + 1}", {**row, "labels": labels}))
    return entries


def _seed(  # noqa: PLR0917 - the parts of one entry
    name: str, entry: Mapping[str, Any], index: int, folder: Path, seed: str, default_profile: str
) -> OrgSeed:
    host = _my_domain_host(name, str(entry.get("url", "")))
    labels = {str(key): str(value) for key, value in (entry.get("labels") or {}).items()}
    profile = _profile(name, host, labels.get("profile", ""), default_profile)
    rng = random.Random(f"{seed}/{name}")
    org_id = str(entry.get("org_id") or "") or "00DSIM" + base62(rng.getrandbits(34), 6) + base62(index, 3)
    if not _ORG_ID.fullmatch(org_id):  # a wrong checksum passes: people copy ids from examples
        raise OrgsFileError(f"org {name}: {org_id} is not an org id")
    username = str(entry.get("username") or f"admin@{name}.example")
    return OrgSeed(
        index=index,
        name=name,
        org_id=to_18(org_id),
        my_domain_host=host,
        profile=profile,
        username=username,
        password=_resolve(name, str(entry.get("password") or ""), folder) or random_password(rng),
        security_token=_resolve(name, str(entry.get("security_token") or ""), folder) or random_token(rng),
        integration_username=str(entry.get("integration_user") or ""),
        break_glass_username=str(entry.get("break_glass_user") or ""),
        labels=labels,
        access_token=_resolve(name, str(entry.get("access_token") or ""), folder),
        refresh_token=_refresh_token(_resolve(name, str(entry.get("sfdx_auth_url") or ""), folder)),
    )


def _refresh_token(sfdx_auth_url: str) -> str:
    """Return the refresh token of `force://CLIENT:SECRET:TOKEN@HOST` (or without the secret)."""
    return sfdx_auth_url.removeprefix("force://").rpartition("@")[0].rpartition(":")[2]


def _my_domain_host(name: str, url: str) -> str:
    host = (urlsplit(url if "//" in url else f"https://{url}").hostname or "").lower()
    if not host:
        raise OrgsFileError(f"org {name} has no url")
    return host.replace(".lightning.force.com", ".my.salesforce.com").replace(
        ".my.salesforce-setup.com", ".my.salesforce.com"
    )


def _profile(name: str, host: str, label: str, default_profile: str) -> OrgProfile:
    partition = host.split(".")[1] if host.count(".") > 1 else ""
    chosen = label or _PARTITION_PROFILES.get(partition, default_profile)
    if chosen not in ORG_PROFILES:
        raise OrgsFileError(f"org {name}: no profile {chosen}; one of {', '.join(ORG_PROFILES)}")
    return ORG_PROFILES[chosen]


def _resolve(name: str, reference: str, folder: Path) -> str:
    scheme, _, rest = reference.partition(":")
    if not reference:
        return ""
    if scheme == "env":
        if rest not in os.environ:
            raise OrgsFileError(f"org {name}: environment variable {rest} is not set")
        return os.environ[rest]
    if scheme == "file":
        try:
            return (folder / Path(rest).expanduser()).read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as error:
            raise OrgsFileError(f"org {name}: {error.strerror}: {rest}") from None
    raise OrgsFileError(f"org {name}: the simulator resolves env: and file: references only")


def write_orgs_file(folder: Path, seeds: Sequence[OrgSeed]) -> Path:
    """Write `orgs.yaml` and one 0600 password file per org into a private folder; return its path."""
    secrets_folder = folder / "secrets"
    secrets_folder.mkdir(mode=0o700)
    lines = ["orgs:\n"]
    for seed in seeds:
        password_path = secrets_folder / f"{seed.name}.password"
        write_private(password_path, seed.password)
        lines.append(_entry(seed, password_path, secrets_folder))
    path = folder / "orgs.yaml"
    write_private(path, "".join(lines))
    return path


def _entry(seed: OrgSeed, password_path: Path, secrets_folder: Path) -> str:
    entry = [
        f"  {seed.name}:\n",
        f"    url: https://{seed.my_domain_host}\n",
        f"    org_id: {seed.org_id}\n",
        f"    username: {seed.username}\n",
        f"    password: file:{password_path}\n",
    ]
    if seed.profile.security_token_required:
        token_path = secrets_folder / f"{seed.name}.token"
        write_private(token_path, seed.security_token)
        entry.append(f"    security_token: file:{token_path}\n")
    if seed.integration_username:
        entry.append(f"    integration_user: {seed.integration_username}\n")
    if seed.break_glass_username:
        entry.append(f"    break_glass_user: {seed.break_glass_username}\n")
    pairs = ", ".join(f"{name}: {value}" for name, value in seed.labels.items())
    entry.append(f"    labels: {{{pairs}}}\n")
    return "".join(entry)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, from its first byte on."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
