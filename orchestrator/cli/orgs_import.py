"""`orgs import --from-sf`: begin an orgs file with what the Salesforce CLI knows."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import Console, global_options
from orchestrator.errors import UsageError
from orchestrator.redaction import redact

if TYPE_CHECKING:
    from orchestrator.salesforce.sf_cli import SfOrg

_HEAD = """\
# From `sf org list`. Still to be written: `integration_user:` (whom the service will be) and
# `break_glass_user:` (who can still get in). `sf_org:` lets the bootstrap use the CLI's session.
"""


@click.group()
@global_options
def orgs() -> None:
    """Make orgs files."""


@orgs.command("import")
@click.option("--from-sf", is_flag=True, help="From the orgs the Salesforce CLI is logged in to.")
@click.option("--out", "out", metavar="FILE", help="Write a new file instead of standard output.")
@global_options
@click.pass_obj
def import_orgs(console: Console, /, *, from_sf: bool, out: str | None) -> int:
    """Print an orgs file of the orgs another tool knows; no secret is read or written."""
    from orchestrator.fleet.orgs import read_orgs  # noqa: PLC0415 - heavy
    from orchestrator.salesforce.sf_cli import known_orgs  # noqa: PLC0415 - heavy

    if not from_sf:
        raise UsageError("say where from", code="nothing_selected", remedy="give --from-sf")
    found = known_orgs(os.environ)
    usable = [org for org in found if _why_not(org) is None]
    for org in found:
        if (reason := _why_not(org)) is not None and not console.quiet:
            click.echo(redact(f"left out {org.username}: {reason}"), err=True)
    if not usable:
        raise UsageError(
            "the Salesforce CLI is logged in to no org that can be used",
            code="nothing_to_import",
            remedy="log in with `sf org login web --alias NAME`, and see `sf org list`",
        )
    if console.as_json:
        click.echo(json.dumps({"orgs": _entries(usable)}, indent=2))
        return 0
    text = _yaml(usable)
    read_orgs(text, "sf org list", "yaml")  # what is printed here must be accepted there
    if out is None:
        click.echo(text, nl=False)
    else:
        _write_new(Path(out), text)
        click.echo(f"{len(usable)} org(s) written to {out}", err=True)
    return 0


def _why_not(org: SfOrg) -> str | None:
    """Why a run could not use the org; None when it could."""
    from orchestrator.fleet.org_ids import OrgIdRefused, canonical_org_id  # noqa: PLC0415 - heavy
    from orchestrator.salesforce.hosts import parse_org_url  # noqa: PLC0415 - heavy

    try:
        parse_org_url(org.instance_url)
        canonical_org_id(org.org_id)
    except UsageError as refused:
        return refused.detail
    except OrgIdRefused as refused:
        return str(refused)
    return None


def _entries(found: Sequence[SfOrg]) -> dict[str, dict[str, str]]:
    from orchestrator.salesforce.sf_cli import SF_ORG_NAME  # noqa: PLC0415 - heavy

    entries: dict[str, dict[str, str]] = {}
    for org in found:
        base = re.sub(r"[^A-Za-z0-9._@+-]+", "-", org.alias or org.username).strip("-._@+") or "org"
        name = base if base not in entries else f"{base}-{org.org_id[:15]}"
        entries[name] = {
            "url": org.instance_url,
            "org_id": org.org_id,
            "username": org.username,
            "sf_org": org.alias if SF_ORG_NAME.fullmatch(org.alias) else org.username,
        }
    return entries


def _yaml(found: Sequence[SfOrg]) -> str:
    """JSON strings are YAML strings, so nothing in a name can become something else."""
    lines = [_HEAD.rstrip("\n"), "orgs:"]
    for name, entry in _entries(found).items():
        lines.append(f"  {json.dumps(name)}:")
        lines += [f"    {key}: {json.dumps(value)}" for key, value in entry.items()]
    return "\n".join(lines) + "\n"


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} is there already", code="file_exists", remedy="name a new file") from None
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}", code="file_unwritable", remedy="check the folder"
        ) from error
