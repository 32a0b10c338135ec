"""`credentials export ORG --to …`: hand the credential over, and write down where it went."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from orchestrator.app import App
from orchestrator.cli.credential_records import known_record
from orchestrator.cli.handover import DEFAULT_PREFIX, Handover
from orchestrator.cli.options import Console, global_options, open_app
from orchestrator.cli.output import print_json
from orchestrator.errors import UsageError
from orchestrator.ports import iso
from orchestrator.redaction import Secret

TARGETS = ("sf", "env", "json", "github", "gitlab", "vault")
EXPORTS = "exports"
_IN_FILES = ("env", "json")
_NEEDED = {"github": ("repo", "--repo OWNER/REPO"), "gitlab": ("repo", "--repo GROUP/PROJECT")}
_UNDERSTOOD = {
    "sf": {"alias", "set_default", "file", "force"},
    "env": {"file", "force", "prefix", "reveal"},
    "json": {"file", "force", "reveal"},
    "github": {"repo", "environment", "prefix"},
    "gitlab": {"repo", "environment", "prefix"},
    "vault": {"path"},
}


@click.command("export")
@click.argument("org")
@click.option("--to", "target", required=True, type=click.Choice(TARGETS), help="Whom to hand it to.")
@click.option("--file", metavar="PATH", help="env, json: write here (0600). sf: keep the key here.")
@click.option("--reveal", is_flag=True, help="env, json: print to standard output, secrets and all.")
@click.option("--force", is_flag=True, help="Write even where others or git may find it.")
@click.option("--prefix", metavar="NAME", help=f"Of variable names [default: {DEFAULT_PREFIX}].")
@click.option("--alias", metavar="NAME", help="sf: alias of the org.")
@click.option("--set-default", is_flag=True, help="sf: make it the default org.")
@click.option("--repo", metavar="OWNER/REPO", help="github, gitlab: the repository or project.")
@click.option("--environment", metavar="NAME", help="github, gitlab: only for this environment.")
@click.option("--path", metavar="PATH", help="vault: of the secret, such as secret/acme.")
@global_options
@click.pass_obj
def export(console: Console, /, org: str, target: str, **options: Any) -> int:
    """Hand the credential of ORG over: to the Salesforce CLI, a file, GitHub, GitLab or HashiCorp's Vault.

    Secrets go to standard input or into private files, never into arguments.
    """
    _check_options(target, options)
    app = open_app(console)
    handover = handover_of(app, org)
    if target in _IN_FILES and not options["file"]:
        _print(handover, target, options)
        note_export(app, handover, to=target, target="standard output")
        return 0
    done = _hand_over(handover, target, options)
    note_export(app, handover, to=target, target=str(done["target"]))
    if console.as_json:
        print_json({"org": org, "to": target, **done})
    elif not console.quiet:
        for warning in done.get("warnings", []):
            click.echo(f"warning: {warning}", err=True)
        click.echo(f"{org}: handed over to {target} {done['target']}")
        if target == "sf" and not options["file"]:
            click.echo(
                "the key was not left with sf: when its access token ends, export again, or give --file PATH"
            )
    return 0


def handover_of(app: App, org: str) -> Handover:
    """The credential of *org*.

    Raises:
        UsageError: `credential_unknown`.
    """
    record = known_record(app, org)
    key, certificate = (app.vault.get(f"org:{org}", name) for name in ("private_key", "certificate"))
    if key is None or certificate is None:
        raise UsageError(
            f"the vault holds no private key of '{org}'",
            code="credential_unknown",
            remedy="run `orchestrator run hybrid` for this org",
        )
    return Handover(org, record, key, certificate.reveal())


def note_export(app: App, handover: Handover, *, to: str, target: str) -> None:
    """Write down who has this key now; a rotation asks before it deletes the app they use."""
    scope = f"org:{handover.org}"
    stored = app.vault.get(scope, EXPORTS)
    rows = [] if stored is None else list(json.loads(stored.reveal()))
    sha256 = handover.record["certificate"]["sha256"]
    others = [
        row for row in rows if (row["to"], row["target"], row["certificate_sha256"]) != (to, target, sha256)
    ]
    row = {"to": to, "target": target, "at": iso(app.clock.now_s()), "certificate_sha256": sha256}
    app.vault.put(scope, EXPORTS, Secret(json.dumps([*others, row])))


def _check_options(target: str, options: dict[str, Any]) -> None:
    """Refuse what the target does not understand, and ask for what it needs."""
    for name, value in options.items():
        if value and name not in _UNDERSTOOD[target]:
            raise UsageError(
                f"--{name.replace('_', '-')} has no meaning with --to {target}",
                code="option_invalid",
                remedy="see `orchestrator credentials export --help`",
            )
    needed, example = _NEEDED.get(target, ("path", "--path secret/NAME") if target == "vault" else ("", ""))
    if needed and not options[needed]:
        raise UsageError(f"--to {target} needs {example}", code="option_missing", remedy=f"give {example}")
    if target in _IN_FILES and not options["file"] and not options["reveal"]:
        raise UsageError(
            f"--to {target} would print the private key",
            code="reveal_needed",
            remedy="give --file PATH, or --reveal to print it to standard output",
        )


def _print(handover: Handover, target: str, options: dict[str, Any]) -> None:
    # --reveal was asked for by name, so this prints without redaction.
    click.echo(_text(handover, target, options), nl=False)


def _prefix(options: dict[str, Any]) -> str:
    return str(options["prefix"] or DEFAULT_PREFIX)


def _hand_over(handover: Handover, target: str, options: dict[str, Any]) -> dict[str, Any]:
    from orchestrator.cli import handover_programs as programs  # noqa: PLC0415 - only this command needs it
    from orchestrator.cli.handover_files import write_secret_file  # noqa: PLC0415 - likewise

    file = Path(options["file"]).expanduser().absolute() if options["file"] else None
    where = {"repo": options["repo"], "environment": options["environment"], "prefix": _prefix(options)}
    if target == "github":
        return programs.to_github(handover, **where)
    if target == "gitlab":
        return programs.to_gitlab(handover, **where)
    if target == "vault":
        return programs.to_hashicorp_vault(handover, path=options["path"])
    warnings = (
        []
        if file is None
        else write_secret_file(file, _text(handover, target, options), force=options["force"])
    )
    if target == "sf":
        alias, set_default = options["alias"], options["set_default"]
        done = programs.to_salesforce_cli(handover, alias=alias, set_default=set_default, key_file=file)
        return {**done, "warnings": warnings}
    return {"target": str(file), "warnings": warnings}


def _text(handover: Handover, target: str, options: dict[str, Any]) -> str:
    """What stands in the file."""
    if target == "sf":
        return handover.private_key.reveal()
    return handover.as_json() if target == "json" else handover.as_environment(_prefix(options))
