"""The record itself as HTML: settings from before, every attempt, and whether all of it is intact."""

from __future__ import annotations

from orchestrator.engine.report.markup import (
    Markup,
    code,
    element,
    facts,
    joined,
    moment,
    quoted_json,
    span_of_time,
    table,
)
from orchestrator.engine.report.sections import Sections, Tree, chip

_WHAT_THE_CHAIN_SHOWS = (
    "Each settled attempt carries the SHA-256 of its content and of the hash before it. The chain has no "
    "key: it shows a change of the journal to everybody who kept an earlier head, for example in this "
    "report. The run's own row is not hashed; its result and evidence were compared with the attempts."
)


def before(run: Tree, section: Sections) -> Markup | None:
    """The settings as they were read before anything was touched."""
    snapshot = run["snapshot"]
    if snapshot is None:
        return None
    rows = [
        (name, quoted_json(one["values"]), code(one["sha256"])) for name, one in snapshot["settings"].items()
    ]
    return section(
        "Settings before anything was touched",
        element("p", "Read at ", moment(snapshot["taken_at"]), "."),
        table("Settings as read", ("Metadata", "Values", "SHA-256 of the canonical JSON"), rows),
    )


def attempts(run: Tree, section: Sections) -> Markup | None:
    """Every attempt in order."""
    rows = [
        (
            attempt["seq"],
            f"{attempt['state']} ({attempt['attempt']})" if attempt["attempt"] > 1 else attempt["state"],
            moment(attempt["intended"], ""),
            "in doubt" if attempt["settled"] is None else span_of_time(attempt["duration_s"]),
            attempt["outcome"] or "-",
            code(attempt["code"]) if attempt["code"] else "-",
            attempt["detail"] or "-",
        )
        for attempt in run["attempts"]
    ]
    if not rows:
        return None
    headings = ("No.", "State (try)", "Begun (UTC)", "Took", "Outcome", "Code", "Detail")
    return section(
        "Record of attempts",
        table("Every attempt: written before its effect, settled after it", headings, rows),
    )


def record(run: Tree, section: Sections) -> Markup | None:
    """The hash chain: whether it holds, its head, how to check again."""
    chain = run["chain"]
    state = chip("good", "record intact")
    if not chain["intact"]:
        state = joined([chip("bad", "record NOT intact"), " ", chain["sentence"]])
    return section(
        "Integrity of this record",
        facts(
            [
                ("Checked when this was written", state),
                ("Attempts in the chain", chain["links"]),
                ("Head of the chain", code(chain["head"]) if chain["head"] else "none yet"),
            ]
        ),
        element("p", _WHAT_THE_CHAIN_SHOWS),
        element("p", "To check again (exit code 3: something was changed; the head is in `chain`):"),
        element("pre", code(f"orchestrator report {run['run']} --json")),
        element("p", "Whether the org is still as it was left:"),
        element("pre", code(f"orchestrator verify --orgs FILE --org {run['org']}")),
    )
