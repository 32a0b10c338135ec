"""A plan for people: `+` made, `~` changed, `=` stays, `!` look here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.cli.options import Console
from orchestrator.cli.output import rich_console
from orchestrator.redaction import redact

Line = tuple[str, str, str]
_COLORS = {"+": "green", "~": "yellow", "!": "red", "=": "dim", " ": "dim"}
_APPS = {
    "absent": ("+", "would be created"),
    "ours": ("~", "exists and is ours: its certificate would be replaced, its key kept"),
    "foreign": ("!", "exists and is not ours: a run would stop"),
    "in_use": ("=", "works with the stored credential: nothing would be deployed"),
}
_SETS = {
    "absent": ("+", "would be created"),
    "ours": ("=", "exists and is ours"),
    "foreign": ("!", "exists and is not ours: a run would stop"),
}


def print_plans(console: Console, tree: Mapping[str, Any]) -> None:
    """One block per org; with --quiet only those that are refused."""
    rich = rich_console(console)
    for row in tree["orgs"]:
        if console.quiet and row["result"] == "planned":
            continue
        color = "green" if row["result"] == "planned" else "red"
        rich.print(f"[{color}]{row['result']}[/] ", end="")
        rich.print(f"{row['org']}  {tree['playbook']} {tree['playbook_digest'][:12]}", markup=False)
        for symbol, what, said in _lines(row):
            rich.print(f"  [{_COLORS[symbol]}]{symbol}[/] ", end="")
            rich.print(redact(f"{what:<20} {said}"), markup=False)
    counts: dict[str, int] = {}
    for row in tree["orgs"]:
        counts[row["result"]] = counts.get(row["result"], 0) + 1
    summary = ", ".join(f"{number} {result}" for result, number in sorted(counts.items()))
    rich.print(f"[bold]{len(tree['orgs'])} org(s)[/]: {summary or 'none'}; nothing was changed")
    if tree["out"]:
        rich.print(f"run it: orchestrator run {tree['playbook']} --plan {tree['out']} …", markup=False)


def _lines(row: Mapping[str, Any]) -> Iterator[Line]:
    if row["code"]:
        yield "!", row["code"], str(row["detail"])
        if row["remedy"]:
            yield " ", "", f"remedy: {row['remedy']}"
    attempts = row["password_attempts"]
    if attempts:
        yield "!", "password", f"{attempts} login made for this plan; session {row['session'] or 'not begun'}"
    if "client_app" not in row:
        return
    yield from _provisioning(row)
    yield from _locking(row)
    if check := row["check_deploy"]:
        yield ("=" if check["status"] == "Succeeded" else "!"), "check-only deploy", check["status"]
        for failure in check["failures"]:
            yield "!", "", f"{failure['type']} {failure['name']}: {failure['problem']}"


def _provisioning(row: Mapping[str, Any]) -> Iterator[Line]:
    org, app = row["about"], row["client_app"]
    kind = "sandbox" if org["is_sandbox"] else org["kind"]
    yield "=", "org", f"{org['org_id']} {org['type']} ({kind}) at {org['host']}, API {org['api_version']}"
    yield "=", "looked as", f"{row['looked_as']['username']} by {row['looked_as']['how']}"
    symbol, said = _APPS[app["state"]]
    yield symbol, "client app", f"{app['kind']} {app['name']}: {said}"
    for one in row["permission_sets"]:
        symbol, said = _SETS[one["state"]]
        yield symbol, "permission set", f"{one['name']}: {said}"
    for one in row["assignments"]:
        symbol = "=" if one["is_there"] else "+"
        yield symbol, "assignment", f"{one['permission_set']} to {one['username']}"
    if row["rights_lent"]:
        yield "~", "rights lent", f"until the lock is proven: {', '.join(row['rights_lent'])}"


def _locking(row: Mapping[str, Any]) -> Iterator[Line]:
    if row.get("already"):
        yield "=", "locks", str(row["already"])
    for lock in row["locks"]:
        yield "~", lock["mechanism"], f"{lock['before']} -> {lock['after']}"
        yield " ", "", f"why: {lock['reason']}; danger: {lock['danger']}"
    for left in row["left_out"]:
        yield "=", left["mechanism"], f"left out: {left['reason']}"
    for path in row["stays_open"]:
        yield "!", f"open: {path['path']}", path["why"]
    for caveat in row["caveats"]:
        yield "!", "caveat", caveat
    if override := row["override"]:
        yield "!", "override", f"{override['what']}: {override['reason']}"
    if row["other_admins"]:
        yield "=", "other admins", ", ".join(row["other_admins"])
    for step in row["person"]:
        yield "!", "by a person", step
