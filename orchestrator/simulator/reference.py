"""Writes the tables of docs/simulator.md from the code: `python -m orchestrator.simulator.reference FILE`.

Each table stands between `<!-- NAME -->` and `<!-- /NAME -->`; the text around it is people's.
"""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from orchestrator.simulator.control import ROUTES
from orchestrator.simulator.control_changes import CHANGES
from orchestrator.simulator.fault_script import FAULT_KINDS
from orchestrator.simulator.org import Propagation, Switches
from orchestrator.simulator.profiles import ORG_PROFILES, OrgProfile

_BLOCK = re.compile(r"(<!-- (?P<name>[a-z-]+) -->\n).*?(<!-- /(?P=name) -->)", re.DOTALL)
_NOT_DIFFERENCES = frozenset(
    {"name", "about", "kind", "host_pattern", "user_suffix", "organization_type", "instance_name"}
)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [" | ".join(columns), " | ".join("---" for _ in columns), *(" | ".join(row) for row in rows)]
    return "".join(f"| {line} |\n" for line in lines)


def profiles() -> str:
    """Return the table of org profiles."""
    rows = [
        (f"`{name}`", profile.about, profile.host_pattern.format(name="acme"), _differences(profile))
        for name, profile in ORG_PROFILES.items()
    ]
    return table(("profile", "what it is", "host of `acme`", "set differently from `production`"), rows)


def _differences(profile: OrgProfile) -> str:
    usual = ORG_PROFILES["production"]
    found = []
    for each in dataclasses.fields(OrgProfile):
        value = getattr(profile, each.name)
        if each.name not in _NOT_DIFFERENCES and value != getattr(usual, each.name):
            found.append(f"`{each.name}={value}`")
    return " ".join(found) or "-"


def faults() -> str:
    """Return the table of fault kinds."""
    rows = []
    for name, kind in sorted(FAULT_KINDS.items()):
        where = "the org, from then on" if kind.is_state else "requests"
        if kind.stages:
            where += f"; stages {kind.stages}"
        rows.append((f"`{name}`", kind.about, kind.arguments or "-", where))
    return table(("kind", "effect", "arguments", "hits"), rows)


def changes() -> str:
    """Return the table of changes `POST /orgs/ID` takes."""
    rows = []
    for name, change in sorted(CHANGES.items()):
        about, _, argument = (change.__doc__ or "").partition(": `")
        rows.append((f"`{name}`", about, f"`{argument}".rstrip(".")))
    return table(("change", "effect", "value"), rows)


def switches() -> str:
    """Return the table of switches."""
    nested = {"propagation", "settings_keep_old_value"}
    rows = [
        (f"`{each.name}`", f"`{each.default!r}`")
        for each in dataclasses.fields(Switches)
        if each.name not in nested
    ]
    propagation = ", ".join(f"{name} {value}" for name, value in dataclasses.asdict(Propagation()).items())
    return table(("switch", "default"), rows) + f"\nPropagation defaults: {propagation}.\n"


def routes() -> str:
    """Return the table of control routes."""
    rows = [(f"`{method} /{path}`", about) for (method, path), about in ROUTES.items()]
    return table(("route", "does"), rows)


TABLES: dict[str, Callable[[], str]] = {
    "profiles": profiles,
    "faults": faults,
    "changes": changes,
    "switches": switches,
    "routes": routes,
}


def in_step(text: str) -> str:
    """Return a document with every table between its markers written anew.

    Raises:
        ValueError: a marker names no table, or a table has no marker.
    """
    named = {found["name"] for found in _BLOCK.finditer(text)}
    if named != set(TABLES):
        raise ValueError(f"the markers are {sorted(named)}, the tables {sorted(TABLES)}")
    return _BLOCK.sub(lambda found: f"{found[1]}{TABLES[found['name']]()}{found[3]}", text)


def main(arguments: Sequence[str]) -> int:
    """Write the tables into a file; return the exit status."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m orchestrator.simulator.reference FILE\n")
        return 2
    path = Path(arguments[0])
    path.write_text(in_step(path.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
