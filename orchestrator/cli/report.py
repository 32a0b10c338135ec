"""`report`: the record people look at, and the evidence an auditor keeps."""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli.options import Console, global_options, open_app
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.app import App
    from orchestrator.engine.report.reading import RecordReader
    from orchestrator.ports import RunRecord

_NEWEST = "last"


@click.command()
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@click.option(
    "--html", "target", metavar="FILE|DIR/", help="Write HTML: one file, or a folder with an overview."
)
@click.option("--org", "orgs", multiple=True, metavar="NAME", help="Only runs of this org (repeatable).")
@click.option("--playbook", metavar="NAME", help="Only runs of this playbook, such as hybrid or verify.")
@click.option("--batch", metavar="ID", help=f"The runs one command started; '{_NEWEST}' for the newest.")
@click.option("--all", "everything", is_flag=True, help="Every run, not only the newest of each org.")
@click.option(
    "--written", metavar="TIME", help="Date the report so (ISO 8601), to make the same bytes again."
)
@global_options
@click.pass_obj
def report(console: Console, /, runs: tuple[str, ...], **options: Any) -> int:
    """Write the evidence of RUNS (ids or their beginnings); without any, of the newest run of every org.

    Without --html and --json, one line per run. Exit code 3 when a record was changed after it was written.
    """
    from orchestrator.engine.report.integrity import RecordChanged  # noqa: PLC0415 - heavy
    from orchestrator.engine.report.reading import RecordReader  # noqa: PLC0415 - heavy

    app = open_app(console)
    written_s = _written_s(options["written"], app)
    reader = RecordReader(app.journal, app.playbook_of, _purposes(app))
    records = _select(reader, runs, options)
    found = _tell(console, reader, records, written_s, options["target"])
    if found["broken"]:
        first = found["broken"][0]
        more = f" (and {len(found['broken']) - 1} more)" if len(found["broken"]) > 1 else ""
        raise RecordChanged(f"record of run {first['run']}{more}: {first['found']}")
    return 0


def _written_s(text: str | None, app: App) -> float:
    if text is None:
        return app.clock.now_s()
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--written {text!r} is no time", code="time_invalid", remedy="write 2026-01-31T12:00:00Z"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()


def _purposes(app: App) -> Any:
    return lambda action: app.actions[action].spec.summary if action in app.actions else ""


def _select(reader: RecordReader, runs: tuple[str, ...], options: dict[str, Any]) -> list[RunRecord]:
    """The runs that were asked for. Raises RunUnknown and UsageError."""
    from orchestrator.engine.report.reading import newest_of_every_org  # noqa: PLC0415 - heavy

    journal, batch, orgs = reader.journal, options["batch"], options["orgs"]
    if runs:
        if batch or orgs or options["everything"] or options["playbook"]:
            raise UsageError(
                "RUN cannot be combined with --org, --playbook, --batch and --all",
                code="options_conflict",
                remedy="name runs, or describe them, not both",
            )
        return list({record.run: record for record in map(journal.run, runs)}.values())
    if batch == _NEWEST:
        newest = journal.runs(limit=1)
        batch = newest[0].batch if newest else ""
    chosen = [
        record
        for record in journal.runs(batch=batch)
        if (not orgs or record.org in orgs) and options["playbook"] in {None, record.playbook}
    ]
    if not chosen and (orgs or batch is not None or options["playbook"]):
        raise UsageError(
            "no run was selected", code="nothing_selected", remedy="see `orchestrator runs list`"
        )
    return chosen if options["everything"] or batch is not None else newest_of_every_org(chosen)


def _tell(
    console: Console, reader: RecordReader, records: list[RunRecord], written_s: float, target: str | None
) -> dict[str, Any]:
    """Print and write what was asked for; what the chains of all runs showed."""
    from orchestrator.engine.report import tree as evidence  # noqa: PLC0415 - heavy

    if target is not None and _is_folder(target) and not console.as_json:
        return _write_folder(console, reader, records, written_s, Path(target))
    tree = evidence.report(reader, records, written_s)
    if target is not None:
        _write_html(console, tree, target)
    if console.as_json:
        json.dump(tree, sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")
    elif target is None:
        for line in _lines(tree):
            click.echo(line)
    chain: dict[str, Any] = tree["chain"]
    return chain


def _is_folder(target: str) -> bool:
    return target.endswith(("/", os.sep)) or Path(target).is_dir()


def _write_html(console: Console, tree: dict[str, Any], target: str) -> None:
    from orchestrator.engine.report import html as pages  # noqa: PLC0415 - heavy

    if _is_folder(target):
        folder = Path(target)
        for run in tree["runs"]:
            _write(folder / "runs" / pages.file_name(run), pages.run_page(run, tree["written"]))
        _write(folder / pages.INDEX, pages.index_page(tree))
    elif target == "-":
        sys.stdout.write(pages.single_page(tree))
        return
    else:
        _write(Path(target), pages.single_page(tree))
    _say_written(console, target, tree)


def _write_folder(
    console: Console, reader: RecordReader, records: list[RunRecord], written_s: float, folder: Path
) -> dict[str, Any]:
    """One page after the other, so that ten thousand runs need no more room than one."""
    from orchestrator.engine.report import html as pages  # noqa: PLC0415 - heavy
    from orchestrator.engine.report import tree as evidence  # noqa: PLC0415 - heavy
    from orchestrator.ports import iso  # noqa: PLC0415 - with the others

    def summaries() -> Iterator[dict[str, Any]]:
        for record in records:
            facts = reader.read(record)
            tree = evidence.run_tree(facts, reader, written_s)
            page = pages.run_page(tree, iso(written_s))
            _write(folder / "runs" / pages.file_name(tree), page)
            yield evidence.summary_tree(facts, written_s)

    tree = evidence.assemble(list(summaries()), written_s)
    _write(folder / pages.INDEX, pages.index_page(tree))
    _say_written(console, str(folder / pages.INDEX), tree)
    chain: dict[str, Any] = tree["chain"]
    return chain


def _write(path: Path, text: str) -> None:
    """Whole or not at all. Raises UsageError when it cannot be written."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, "utf-8")
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise UsageError(
            f"cannot write {path}: {error.strerror}", code="file_unwritable", remedy="choose another place"
        ) from error


def _say_written(console: Console, target: str, tree: dict[str, Any]) -> None:
    if not console.quiet and not console.as_json:
        number = len(tree["runs"])
        click.echo(f"{target}: {number} run{'s' * (number != 1)}")


def _lines(tree: dict[str, Any]) -> list[str]:
    """One paragraph per run for a terminal."""
    from orchestrator.engine.report.markup import visible  # noqa: PLC0415 - heavy

    lines = []
    for run in tree["runs"]:
        said = f"{run['verdict']['word']}. {run['verdict']['sentence']} [{run['chain']['sentence']}]"
        lines.append(visible(f"{run['run']}  {said}"))
    return lines or ["no runs"]
