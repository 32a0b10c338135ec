"""`plan`: what a run would change in each org. Touches nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from orchestrator.cli.exits import exit_code
from orchestrator.cli.options import Console, global_options, open_app, parse_settings
from orchestrator.cli.orgs import check_speed, check_urls, load_orgs
from orchestrator.cli.output import print_errors, print_json
from orchestrator.cli.plan_file import write_plan
from orchestrator.cli.plan_view import print_plans
from orchestrator.cli.planning import Planned, look, refuse_other_playbooks
from orchestrator.cli.run import DEFAULT_CONCURRENCY, check_secrets
from orchestrator.redaction import redact
from orchestrator.shipped import playbook_source


@click.command()
@click.argument("playbook")
@click.option("--orgs", "orgs_file", required=True, metavar="FILE", help="Orgs file (YAML or CSV).")
@click.option("--org", "names", multiple=True, metavar="NAME", help="Only this org (repeatable).")
@click.option("--limit", metavar="EXPR", help="Names, globs, label=value; ',' or, '&' and, '!' not.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Input of the playbook.")
@click.option("--out", metavar="FILE", help="Write the plan, signed, for `run --plan FILE`.")
@click.option("--concurrency", type=click.IntRange(1, 256), default=DEFAULT_CONCURRENCY, show_default=True)
@click.option("--speed", type=float, default=1.0, show_default=True, help="Divide waits; loopback only.")
@global_options
@click.pass_obj
def plan(console: Console, /, playbook: str, orgs_file: str, **options: Any) -> int:
    """Say what a run of PLAYBOOK (`hybrid`) would change in the selected orgs; change nothing.

    Without a stored credential it logs in once per org with the password, reads, sends one check-only
    deploy and logs out. Exit 0 with a plan for every org, 3 when an org refuses.
    """
    from orchestrator.fleet.selection import select  # noqa: PLC0415 - heavy
    from orchestrator.playbook.inputs import read_inputs  # noqa: PLC0415 - heavy

    app = open_app(console, speed=options["speed"], orgs_file=orgs_file)
    compiled = app.compile(*playbook_source(playbook))
    refuse_other_playbooks(app, compiled)
    entries = select(load_orgs(orgs_file), options["limit"], options["names"])
    inputs = read_inputs(compiled.inputs, parse_settings(options["settings"], "--set"))
    rules = app.network.policy.connect_to  # a wrong --connect-to is found before anything is recorded
    check_urls(entries)
    if app.loopback_only:
        check_speed(entries, rules)
    check_secrets(app, entries)
    made = look(app, entries, inputs, check_deploy=True, concurrency=options["concurrency"])
    if options["out"]:
        write_plan(app, options["out"], compiled, inputs, made)
    tree = {
        "playbook": compiled.name,
        "playbook_digest": compiled.digest,
        "inputs": inputs,
        "out": options["out"],
        "orgs": _rows(made),
    }
    if console.as_json:
        print_json(tree)
    else:
        print_plans(console, tree)
    errors = {one.record.run: one.error for one in made if one.error is not None}
    print_errors(errors, as_json=console.as_json)
    return exit_code([one.record for one in made if one.error is None], errors.values())


def _rows(made: Sequence[Planned]) -> list[Mapping[str, Any]]:
    from orchestrator.catalogue import FAULTS  # noqa: PLC0415 - heavy

    return [
        {
            "org": one.entry.name,
            "result": "planned" if one.is_made else "refused",
            "code": one.code or None,
            "detail": redact(one.detail) or None,
            "remedy": FAULTS[one.code].remedy if one.code in FAULTS else None,
            "run": one.record.run,
            "password_attempts": int(one.record.evidence.get("password_attempts", 0)),
            "session": (one.record.evidence.get("session_ended") or {}).get("bootstrap_session"),
            "check_deploy": one.check,
            **(one.plan or {}),
        }
        for one in made
    ]
