"""`doctor`: one cause, its evidence and its fix, for an org that does not work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from orchestrator.app import App
from orchestrator.cli.options import Console, global_options, open_app
from orchestrator.cli.orgs import check_urls, load_orgs
from orchestrator.cli.output import print_json, rich_console
from orchestrator.errors import EXIT_REFUSED, EXIT_SUCCEEDED
from orchestrator.ports import RunStatus
from orchestrator.redaction import redact

if TYPE_CHECKING:
    from orchestrator.actions.base import RunContext
    from orchestrator.actions.examination import Examination
    from orchestrator.fleet.org_entry import OrgEntry
    from orchestrator.salesforce.diagnosis_causes import Cause
    from orchestrator.salesforce.diagnosis_findings import Diagnosis, Refused

_LOOKING = frozenset({"verify", "plan-hybrid"})
_NOT_A_FAULT = frozenset({"", "cancelled"})


@click.command()
@click.argument("org")
@click.option("--orgs", "orgs_file", required=True, metavar="FILE", help="Orgs file (YAML or CSV).")
@click.option("--with-password", is_flag=True, help="Allow one login with the password of the orgs file.")
@global_options
@click.pass_obj
def doctor(console: Console, org: str, orgs_file: str, *, with_password: bool) -> int:
    """Say why ORG does not work: one cause, why we think so, what to do, and where.

    Looks only: public endpoints, one token call, reads. Exit 0 when nothing is wrong, 3 with a cause.
    """
    from orchestrator.actions.examination import examine  # noqa: PLC0415 - heavy
    from orchestrator.fleet.selection import select  # noqa: PLC0415 - heavy
    from orchestrator.salesforce.diagnosis import diagnose  # noqa: PLC0415 - heavy

    app = open_app(console, orgs_file=orgs_file)
    (entry,) = select(load_orgs(orgs_file), None, [org])
    check_urls([entry])
    ctx = _context(app, entry)
    made = examine(ctx, with_password=with_password, last_failure=_last_failure(app, org))
    tree = _tree(entry, made, diagnose(made.findings), ctx)
    if console.as_json:
        print_json(tree)
    else:
        _print(console, tree)
    return EXIT_SUCCEEDED if tree["healthy"] else EXIT_REFUSED


def _context(app: App, entry: OrgEntry) -> RunContext:
    """A context of no run: nothing is journaled, because nothing is changed."""
    return app.open_context(
        run="doctor",
        org=entry.public(),
        parameters={},
        evidence={},
        notes={},
        attempt=1,
        entered_at_s=app.clock.now_s(),
        in_doubt=False,
        speed=1.0,
        write_note=lambda _notes: None,
        check_lease=lambda: None,
    )


def _last_failure(app: App, org: str) -> Refused | None:
    """How the newest finished run of this org failed; None when it did not, or there is none."""
    from orchestrator.catalogue import FAULTS  # noqa: PLC0415 - heavy
    from orchestrator.salesforce.diagnosis_findings import Refused  # noqa: PLC0415 - heavy

    runs = app.journal.runs(statuses=[RunStatus.FINISHED], org=org)
    newest = next((run for run in runs if run.playbook not in _LOOKING), None)
    if newest is None or newest.result == "succeeded" or newest.code in _NOT_A_FAULT:
        return None
    if newest.code not in FAULTS:
        return None
    return Refused(newest.code, f"{newest.code}: {newest.detail}", f"run {newest.run}")


def _tree(entry: OrgEntry, made: Examination, diagnosis: Diagnosis, ctx: RunContext) -> dict[str, Any]:
    """The document of --json; the text output is made from it, so that both say the same."""
    names = _names(entry, made, ctx)
    found = made.findings
    tree = diagnosis.as_json()
    if diagnosis.cause is not None:
        _complete(tree["cause"], diagnosis.cause.cause, names, made)
    for row, one in zip(tree["suspicions"], diagnosis.suspicions, strict=True):
        _complete(row, one.cause, names, made)
    return {
        "org": entry.name,
        "org_id": found.org_id_seen or found.org_id_expected or None,
        "host": found.host,
        **tree,
        "not_readable": list(found.unread),
        "looked_as": found.seen_as or None,
    }


def _complete(row: dict[str, Any], cause: Cause, names: Mapping[str, str], made: Examination) -> None:
    """Names into the steps, and the page of this org's Setup where they are done."""
    row["fix"] = [step.format_map(names) for step in row["fix"]]
    row["evidence"] = [redact(line) for line in row["evidence"]]
    row["link"] = _link(cause, made)


def _names(entry: OrgEntry, made: Examination, ctx: RunContext) -> dict[str, str]:
    """What the steps of a fix call by name."""
    from orchestrator.actions.credential import jwt_username, read_record  # noqa: PLC0415 - heavy

    record = read_record(ctx) or {}
    access = (record.get("assignments") or {}).get("access") or {}
    refused_at_login = made.fields.get("login") is not None and not made.fields.get("token")
    user = entry.username if refused_at_login else jwt_username(ctx)
    return {
        "org": entry.name,
        "host": made.host.my_domain,
        "user": str(user),
        "app": str((record.get("app") or {}).get("name") or "the client app"),
        "permission_set": str(access.get("permission_set") or "of the app"),
    }


def _link(cause: Cause, made: Examination) -> str | None:
    from orchestrator.salesforce import diagnosis_causes as causes  # noqa: PLC0415 - heavy
    from orchestrator.salesforce import setup_links  # noqa: PLC0415 - heavy

    if not cause.page:
        return None
    if cause.page == causes.USER_PAGE:
        if made.user_id:
            return setup_links.user_link(made.host, made.user_id)
        return setup_links.setup_link(made.host, "users")
    if cause.page == causes.APP_PAGE:
        if made.app_id.startswith("0xI"):
            return setup_links.external_client_app_link(made.host, made.app_id)
        return setup_links.setup_link(made.host, "external_client_apps")
    return setup_links.setup_link(made.host, cause.page)


def _print(console: Console, tree: Mapping[str, Any]) -> None:
    rich = rich_console(console)
    place = f"{tree['org']} {tree['org_id'] or ''} at {tree['host']}"
    if tree["healthy"]:
        rich.print("[green]nothing is wrong[/] ", end="")
        rich.print(place, markup=False)
    else:
        cause = tree["cause"]
        rich.print(f"[red]{cause['code']}[/] ({cause['confidence']}) ", end="")
        rich.print(place, markup=False)
        _print_cause(rich, cause)
    for one in tree["suspicions"]:
        rich.print("\n[yellow]also[/] ", end="")
        rich.print(one["code"], markup=False)
        _print_cause(rich, one)
    if console.quiet:
        return
    if tree["ruled_out"]:
        rich.print("\nruled out", markup=False)
        for row in tree["ruled_out"]:
            rich.print(f"  {row['code']:<26} {row['why']}", markup=False)
    if tree["not_readable"] and console.verbose:
        rich.print(f"\nnot readable as {tree['looked_as']}: {', '.join(tree['not_readable'])}", markup=False)


def _print_cause(rich: Any, cause: Mapping[str, Any]) -> None:
    rich.print(f"  {cause['meaning']}", markup=False)
    for line in cause["evidence"]:
        rich.print(f"  why   {line}", markup=False)
    for step in cause["fix"]:
        rich.print(f"  do    {step}", markup=False)
    if cause["link"]:
        rich.print(f"  at    {cause['link']}", markup=False)
