"""`explain`: what a code means, whose move it is, what the machine does about it, what to do."""

from __future__ import annotations

import click

from orchestrator.cli.options import Console, global_options, open_app
from orchestrator.cli.output import print_json
from orchestrator.errors import UsageError

_CAUSE = "a finding of `orchestrator doctor`: nothing is changed"
_FINDING = "a finding in a document: nothing is begun"


@click.command()
@click.argument("code", required=False)
@click.option(
    "--release", type=float, metavar="VERSION", help="As it is in an org of that API version (66.0)."
)
@global_options
@click.pass_obj
def explain(console: Console, code: str | None, *, release: float | None) -> int:
    """What CODE means and what to do about it; every code there is when none is given.

    CODE is what messages, JSON and `docs/errors.md` name: a fault (login_invalid), a cause that `doctor`
    found (app_disabled), or a finding in a playbook or orgs file (PB012, OF050).
    """
    open_app(console).close()  # lays the user's own sentences over ours
    if code is None:
        rows = [_row(known, release) for known in sorted(_known())]
        if console.as_json:
            print_json(rows)
        else:
            width = max(len(row["code"]) for row in rows)
            click.echo("\n".join(f"{row['code']:<{width}}  {row['meaning']}" for row in rows))
        return 0
    row = _row(_checked(code.strip()), release)
    if console.as_json:
        print_json(row)
    else:
        _print(row)
    return 0


def _known() -> set[str]:
    """Every code that can be explained."""
    from orchestrator.catalogue import FAULTS  # noqa: PLC0415 - heavy
    from orchestrator.playbook.diagnostics import PLAYBOOK_MEANINGS  # noqa: PLC0415 - heavy
    from orchestrator.salesforce.diagnosis_causes import OWN  # noqa: PLC0415 - heavy

    findings = {f"{prefix}{number:03d}" for prefix in ("PB", "OF") for number in PLAYBOOK_MEANINGS}
    return {*FAULTS, *OWN, *findings}


def _checked(code: str) -> str:
    """The code as the catalogue writes it. Raises UsageError with the nearest ones."""
    known = _known()
    for spelled in (code, code.lower().replace("-", "_"), code.upper()):
        if spelled in known:
            return spelled
    from difflib import get_close_matches  # noqa: PLC0415 - only for who mistyped

    near = get_close_matches(code.lower(), sorted(known), n=3, cutoff=0.5)
    near += [one for one in sorted(known) if code.lower() in one and one not in near][:3]
    remedy = f"did you mean {' or '.join(near)}?" if near else "see `orchestrator explain` for every code"
    raise UsageError(f"there is no code '{code}'", code="code_unknown", remedy=remedy)


def _row(code: str, release: float | None) -> dict[str, str]:
    """What is said about a known code, as the JSON of the command."""
    from orchestrator.catalogue import DISPOSITIONS, FAULTS  # noqa: PLC0415 - heavy
    from orchestrator.playbook.diagnostics import PLAYBOOK_MEANINGS  # noqa: PLC0415 - heavy
    from orchestrator.salesforce.diagnosis_causes import OWN  # noqa: PLC0415 - heavy

    if code in FAULTS:
        kind = FAULTS[code].for_release(release)
        said = (str(kind.blame), str(kind.disposition), DISPOSITIONS[kind.disposition])
        return _said(code, said, (kind.meaning, kind.remedy, kind.source))
    if code in OWN:
        fix = " ".join(OWN[code].fix)
        return _said(code, ("operator", "stop", _CAUSE), (OWN[code].meaning, fix, "docs/doctor.md"))
    meaning = PLAYBOOK_MEANINGS[int(code[2:])]
    remedy = "The message names line and column, and what to write instead."
    source = "docs/playbooks.md" if code.startswith("PB") else "docs/fleet.md"
    return _said(
        code, ("operator", "stop", _FINDING), (f"{meaning[0].upper()}{meaning[1:]}.", remedy, source)
    )


def _said(code: str, machine: tuple[str, str, str], texts: tuple[str, str, str]) -> dict[str, str]:
    keys = ("blame", "disposition", "machine", "meaning", "remedy", "source")
    return {"code": code, **dict(zip(keys, (*machine, *texts), strict=True))}


def _print(row: dict[str, str]) -> None:
    click.echo(row["code"])
    click.echo(f"  {row['meaning']}")
    for title, text in (
        ("whose move", row["blame"]),
        ("the machine", row["machine"]),
        ("what to do", row["remedy"]),
        ("source", row["source"]),
    ):
        click.echo(f"  {title + ':':<13}{text}")
