"""`credentials`: what was obtained, where it came from, until when it holds. Secrets only with --reveal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from orchestrator.app import App
from orchestrator.cli.credential_records import beside, exports_of, known_record, record_of, summary
from orchestrator.cli.credentials_export import export
from orchestrator.cli.options import Console, global_options, open_app
from orchestrator.cli.output import print_json
from orchestrator.errors import UsageError


@click.group()
def credentials() -> None:
    """What was obtained, and where it lies."""


credentials.add_command(export)


@credentials.command("list")
@global_options
@click.pass_obj
def list_credentials(console: Console) -> int:
    """Every org with a credential: app, user, run, when it was last proven, when the certificate ends."""
    _print_rows(console, _summaries(open_app(console)), nothing="no credentials")
    return 0


@credentials.command("expiring")
@click.option(
    "--within", default="30d", show_default=True, metavar="DURATION", help="Until then, such as 30d or 12h."
)
@global_options
@click.pass_obj
def expiring(console: Console, within: str) -> int:
    """Credentials whose certificate ends soon or has ended, soonest first. Exit code 0 either way."""
    from orchestrator.playbook.values import parse_duration  # noqa: PLC0415 - only this command needs it

    within_s = parse_duration(within)
    if within_s is None:
        raise UsageError(f"'{within}' is no duration", code="setting_invalid", remedy="write --within 30d")
    rows = [row for row in _summaries(open_app(console)) if row["days_left"] * 86_400 < within_s]
    rows.sort(key=lambda row: row["not_after"])
    _print_rows(console, rows, nothing=f"no certificate ends within {within}")
    if rows and not console.as_json and not console.quiet:
        click.echo("renew: orchestrator run rotate-certificate --orgs FILE --set not_before_days_left=DAYS")
    return 0


@credentials.command("show")
@click.argument("org")
@click.option("--reveal", is_flag=True, help="Print the private key too.")
@global_options
@click.pass_obj
def show(console: Console, org: str, *, reveal: bool) -> int:
    """The credential of ORG; the private key only with --reveal."""
    app = open_app(console)
    record = known_record(app, org)
    certificate = app.vault.get(f"org:{org}", "certificate")
    row = summary(app, record)
    tree = {
        **record,
        "playbook": row["playbook"],
        "last_proven_at": row["proven_at"],
        "days_left": row["days_left"],
        "kept_beside": beside(app, org),
        "handed_over": exports_of(app, org),
        "certificate_pem": None if certificate is None else certificate.reveal(),
    }
    if console.as_json and not reveal:
        print_json(tree)
        return 0
    if reveal:
        key = app.vault.get(f"org:{org}", "private_key")
        tree["private_key_pem"] = None if key is None else key.reveal()
    # --reveal was asked for by name, so this one place prints without redaction.
    click.echo(json.dumps(tree, indent=2))
    return 0


@credentials.command("forget")
@click.argument("org")
@click.option("--yes", is_flag=True, help="Do not ask.")
@global_options
@click.pass_obj
def forget(console: Console, org: str, *, yes: bool) -> int:
    """Remove the credential of ORG from the vault; the app in the org stays."""
    app = open_app(console)
    record = known_record(app, org)
    if not yes:
        click.confirm(
            f"forget the key of {record['username']} in {org}? It cannot be brought back", abort=True
        )
    app.vault.forget(f"org:{org}")
    if not console.quiet:
        click.echo(f"{org}: forgotten")
    return 0


def _summaries(app: App) -> list[dict[str, Any]]:
    records = [record_of(app, scope) for scope in app.vault.scopes() if scope.startswith("org:")]
    return [summary(app, record) for record in records if record is not None]


def _print_rows(console: Console, rows: Sequence[dict[str, Any]], *, nothing: str) -> None:
    if console.as_json:
        print_json(list(rows))
        return
    if not rows:
        click.echo(nothing)
    for row in rows:
        left = f"{row['days_left']:>5} days left (until {row['not_after'][:10]})"
        origin = f"{row['playbook'] or 'run'} {row['run']}"
        who = f"{row['org']:<16} {row['username']:<32} {row['app']:<20}"
        click.echo(f"{who} {left}  proven {row['proven_at']}  {origin}")
