"""`credentials list / show / forget`: what was obtained, and where it lies. Secrets only with --reveal."""

from __future__ import annotations

import json
from typing import Any

import click

from orchestrator.app import App
from orchestrator.cli.options import Console, global_options, open_app
from orchestrator.cli.output import print_json
from orchestrator.errors import UsageError


@click.group()
def credentials() -> None:
    """What was obtained, and where it lies."""


@credentials.command("list")
@global_options
@click.pass_obj
def list_credentials(console: Console) -> int:
    """Every org with a credential: app, user, when it was proven, when the certificate ends."""
    app = open_app(console)
    rows = [_record(app, scope) for scope in app.vault.scopes() if scope.startswith("org:")]
    found = [
        {
            "org": row["org"],
            "org_id": row["org_id"],
            "username": row["username"],
            "app": row["app"]["name"],
            "proven_at": row["proven_at"],
            "not_after": row["certificate"]["not_after"],
            "run": row["run"],
        }
        for row in rows
        if row is not None
    ]
    if console.as_json:
        print_json(found)
        return 0
    if not found:
        click.echo("no credentials")
    for row in found:
        click.echo(
            f"{row['org']:<16} {row['username']:<32} {row['app']:<20} proven {row['proven_at']} "
            f"ends {row['not_after']}"
        )
    return 0


@credentials.command("show")
@click.argument("org")
@click.option("--reveal", is_flag=True, help="Print the private key too.")
@global_options
@click.pass_obj
def show(console: Console, org: str, *, reveal: bool) -> int:
    """The credential of ORG; the private key only with --reveal."""
    app = open_app(console)
    record = _known(app, org)
    certificate = app.vault.get(f"org:{org}", "certificate")
    tree = {**record, "certificate_pem": None if certificate is None else certificate.reveal()}
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
    record = _known(app, org)
    if not yes:
        click.confirm(
            f"forget the key of {record['username']} in {org}? It cannot be brought back", abort=True
        )
    app.vault.forget(f"org:{org}")
    if not console.quiet:
        click.echo(f"{org}: forgotten")
    return 0


def _record(app: App, scope: str) -> dict[str, Any] | None:
    stored = app.vault.get(scope, "record")
    return None if stored is None else dict(json.loads(stored.reveal()))


def _known(app: App, org: str) -> dict[str, Any]:
    record = _record(app, f"org:{org}")
    if record is None:
        raise UsageError(
            f"there is no credential of '{org}'",
            code="credential_unknown",
            remedy="see `orchestrator credentials list`",
        )
    return record
