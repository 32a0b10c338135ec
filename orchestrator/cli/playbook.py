"""`playbook check`, `graph`, `schema`, `list`: nothing here talks to an org."""

from __future__ import annotations

import click

from orchestrator.app import App
from orchestrator.cli.options import Console, global_options, open_app
from orchestrator.cli.output import print_json
from orchestrator.errors import DocumentError, UsageError
from orchestrator.shipped import playbook_source, shipped_playbooks


@click.group()
def playbook() -> None:
    """Check, draw and describe playbooks."""


@playbook.command("check")
@click.argument("files", nargs=-1, required=True)
@global_options
@click.pass_obj
def check(console: Console, files: tuple[str, ...]) -> int:
    """Compile FILES and report every error with file:line:column, code and fix."""
    app = open_app(console)
    findings = []
    unreadable = []
    for file in files:
        try:
            compiled = app.compile(*playbook_source(file))
        except DocumentError as error:
            findings.extend(error.diagnostics)
        except UsageError as error:
            unreadable.append(error)
        else:
            if not console.as_json and not console.quiet:
                states = len(compiled.machine.states)
                click.echo(f"{file}: ok, {states} states, digest {compiled.digest[:12]}")
    if console.as_json:
        fields = ("file", "line", "column", "code", "problem", "remedy")
        rows = [{name: getattr(finding, name) for name in fields} for finding in findings]
        rows += [{"file": None, "code": e.code, "problem": e.detail, "remedy": e.remedy} for e in unreadable]
        print_json({"ok": not rows, "diagnostics": rows})
    else:
        for finding in findings:
            click.echo(str(finding), err=True)
        for wrong in unreadable:
            click.echo(f"{wrong}\n  remedy: {wrong.remedy}", err=True)
    return 2 if findings or unreadable else 0


@playbook.command("graph")
@click.argument("file")
@click.option("--format", "form", type=click.Choice(["mermaid", "svg"]), default="mermaid", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, writable=True), help="Write there instead.")
@global_options
@click.pass_obj
def graph(console: Console, file: str, form: str, out: str | None) -> int:
    """Draw FILE as Mermaid or SVG."""
    from orchestrator.playbook.graph import mermaid, svg  # noqa: PLC0415 - heavy

    compiled = open_app(console).compile(*playbook_source(file))
    text = svg(compiled) if form == "svg" or (out or "").endswith(".svg") else mermaid(compiled)
    if out:
        with click.open_file(out, "w", encoding="utf-8") as stream:
            stream.write(text)
    else:
        click.echo(text)
    return 0


@playbook.command("schema")
@global_options
@click.pass_obj
def schema(console: Console) -> int:
    """The JSON Schema of playbooks, for editors."""
    from orchestrator.catalogue import FAULTS  # noqa: PLC0415 - heavy
    from orchestrator.playbook.schema import json_schema  # noqa: PLC0415 - heavy

    app: App = open_app(console)
    print_json(json_schema({name: action.spec for name, action in app.actions.items()}, FAULTS))
    return 0


@playbook.command("list")
@global_options
@click.pass_obj
def list_shipped(console: Console) -> int:
    """Playbooks that ship with the product."""
    app = open_app(console)
    rows = []
    for name in shipped_playbooks():
        compiled = app.compile(*playbook_source(name))
        rows.append({"playbook": name, "version": compiled.version, "description": compiled.description})
    if console.as_json:
        print_json(rows)
    else:
        for row in rows:
            click.echo(f"{row['playbook']:<28} {row['description']}")
    return 0
