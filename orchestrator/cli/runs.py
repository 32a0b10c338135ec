"""`runs`: the group of all commands about runs, and `runs show`, the whole record of one."""

from __future__ import annotations

from typing import Any

import click

from orchestrator.cli.answering import approve, cancel
from orchestrator.cli.listing import list_runs
from orchestrator.cli.options import Console, global_options, open_app
from orchestrator.cli.output import print_json, rich_console, run_json
from orchestrator.cli.prune import prune
from orchestrator.cli.undo import undo
from orchestrator.cli.watch import watch
from orchestrator.ports import iso, result_of
from orchestrator.redaction import redact


@click.group()
def runs() -> None:
    """List, show, watch, approve, cancel, undo and prune runs."""


for command in (list_runs, watch, approve, cancel, undo, prune):
    runs.add_command(command)


@runs.command("show")
@click.argument("run")
@global_options
@click.pass_obj
def show(console: Console, run: str) -> int:
    """Everything the journal knows about RUN (an id or its beginning)."""
    app = open_app(console)
    record = app.journal.run(run)
    attempts = app.journal.attempts(record.run)
    if console.as_json:
        print_json(run_json(record, attempts))
        return 0
    rich = rich_console(console)
    rich.print(f"run       {record.run}", markup=False)
    rich.print(f"org       {record.org}  {record.evidence.get('org_id', '')}", markup=False)
    rich.print(f"playbook  {record.playbook}  {record.playbook_digest[:12]}", markup=False)
    rich.print(f"result    {result_of(record)}  in state {record.position.state}", markup=False)
    rich.print(f"started   {iso(record.created_s)}   updated {iso(record.updated_s or record.created_s)}\n")
    for attempt in attempts:
        took = "in doubt" if attempt.settled_s is None else f"{attempt.settled_s - attempt.intended_s:6.2f} s"
        detail = f"{attempt.code}: {attempt.detail}" if attempt.code else attempt.detail
        text = f"{attempt.seq:>4} {attempt.state:<22} {took:>9}  {attempt.outcome or '-':<10} {detail}"
        rich.print(redact(text), markup=False)
    rich.print("\nevidence", markup=False)
    _print_tree(rich, dict(record.evidence), 1)
    return 0


def _print_tree(rich: Any, tree: Any, depth: int) -> None:
    """Evidence as an indented outline; long lists of plain values on one line."""
    pad = "  " * depth
    rows = tree.items() if isinstance(tree, dict) else enumerate(tree, 1)
    for key, value in rows:
        if (
            isinstance(value, dict | list)
            and value
            and any(isinstance(v, dict | list) for v in _values(value))
        ):
            rich.print(f"{pad}{key}", markup=False)
            _print_tree(rich, value, depth + 1)
        elif isinstance(value, dict):
            text = ", ".join(f"{name}={item}" for name, item in value.items())
            rich.print(redact(f"{pad}{key}: {text}"), markup=False)
        else:
            rich.print(redact(f"{pad}{key}: {value}"), markup=False)


def _values(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value
