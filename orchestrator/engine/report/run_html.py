"""One run as HTML: the verdict first, then what it rests on, then the record itself.

Written from the tree of `report.run_tree` alone, so that the page says nothing that `--json` does not.
"""

from __future__ import annotations

from orchestrator.engine.report.credential_html import credential, proofs, rights
from orchestrator.engine.report.later_html import further, later_sections
from orchestrator.engine.report.locks_html import lock_sections
from orchestrator.engine.report.markup import (
    Markup,
    bullets,
    code,
    element,
    facts,
    joined,
    moment,
    span_of_time,
    table,
)
from orchestrator.engine.report.pictures import timeline
from orchestrator.engine.report.record_html import attempts, before, record
from orchestrator.engine.report.sections import Sections, Tree, chip, result_chip, tone_of
from orchestrator.engine.report.words import VERDICTS, duration_words, path_words

_PATH_TONES = {"proven_closed": "good", "closed_unproven": "fair", "open": "bad"}


def run_body(run: Tree, *, level: int = 1) -> Markup:
    """Everything about one run.

    Args:
        run: of `report.run_tree`.
        level: of its title; 1 on a page of its own.
    """
    section = Sections(level + 1, run["run"])
    organization = run["organization"]
    name = organization["name"] or run["org"]
    head = [
        element("p", f"Evidence of run {run['run']}", class_="eyebrow"),
        element(f"h{level}", name, *([f" ({run['org']})"] if name != run["org"] else [])),
        verdict_box(run),
        *(element("p", element("strong", "Note. "), notice, class_="notice") for notice in run["notices"]),
    ]
    parts = [
        *head,
        _paths(run, section),
        _problem(run, section),
        _stays_open(run, section),
        _about(run, section),
        _time(run, section),
        credential(run, section),
        proofs(run, section),
        *lock_sections(run, section),
        *later_sections(run, section),
        rights(run, section),
        before(run, section),
        further(run, section),
        attempts(run, section),
        record(run, section),
    ]
    return joined(parts)


def verdict_box(run: Tree) -> Markup:
    """The one sentence, with the result as a word."""
    tone = "bad" if not run["chain"]["intact"] else tone_of(run["result"])
    changed = None
    if not run["chain"]["intact"]:
        found = f"The record is not intact: {run['chain']['sentence']}. Do not rely on what follows."
        changed = element("p", element("strong", found))
    intact = "record intact" if run["chain"]["intact"] else None
    sub = f"Run {run['run']}, state {run['state']}" + (f"; {intact}" if intact else "")
    return element(
        "div",
        result_chip(run),
        changed,
        element("p", run["verdict"]["sentence"]),
        element("p", sub, class_="sub"),
        class_=f"verdict {tone}",
    )


def _paths(run: Tree, section: Sections) -> Markup | None:
    if not run["verdicts"]:
        return None
    rows = [
        (
            path_words(path),
            chip(
                _PATH_TONES.get(row.get("state"), "calm"),
                VERDICTS.get(row.get("state"), str(row.get("state"))),
            ),
            ", ".join(row.get("mechanisms") or []) or "-",
            row.get("why"),
        )
        for path, row in run["verdicts"].items()
    ]
    return section(
        "What the password still opens",
        table("Verdict for each way to use the password", ("Way in", "Verdict", "Rests on", "Why"), rows),
    )


def _problem(run: Tree, section: Sections) -> Markup | None:
    problem = run["problem"]
    if problem is None:
        return None
    known = facts(
        [
            ("Cause", problem["cause"]),
            ("Code", code(problem["code"]) if problem["code"] else None),
            ("Whose move it is", problem["blame"]),
            ("What was seen", problem["detail"]),
            ("What to do", problem["remedy"]),
            ("Until", moment(run["until"]) if run["until"] else None),
        ]
    )
    return section(
        "Why it stopped and how to go on",
        known,
        section.heading("Where it stands"),
        bullets(problem["stands"]),
        section.heading("Go on with"),
        element("pre", code(problem["go_on"])),
    )


def _stays_open(run: Tree, section: Sections) -> Markup | None:
    rows = [
        (path_words(str(one.get("path"))), one.get("why"), one.get("manual_step") or "-")
        for one in run["stays_open"]
    ]
    caveats = None
    if run["caveats"]:
        caveats = joined([section.heading("Caveats"), bullets(run["caveats"])])
    stays = None
    if rows:
        stays = table("Ways in that the plan leaves open", ("Way in", "Why", "Step to take by hand"), rows)
    elif caveats is not None:
        stays = element("p", "The plan leaves no way in open.")
    return section("What stays open", stays, caveats)


def _about(run: Tree, section: Sections) -> Markup | None:
    org = run["organization"]
    version = f", version {run['playbook_version']}" if run["playbook_version"] is not None else ""
    return section(
        "Org, run and people",
        section.heading("Org"),
        facts(
            [
                ("Name in the orgs file", run["org"]),
                ("Name", org["name"]),
                ("Org id", code(org["id"]) if org["id"] else None),
                ("Org id pinned in the orgs file", _pinned(org)),
                ("Edition", org["edition"]),
                ("Kind", org["kind"]),
                ("Instance", org["instance"]),
                ("Host", org["host"] or org["url"]),
                ("Instance URL", org["instance_url"]),
                ("API version", org["api_version"]),
                ("Labels", ", ".join(f"{key}={value}" for key, value in run["labels"].items())),
            ]
        ),
        section.heading("Run"),
        facts(
            [
                ("Playbook", f"{run['playbook']}{version}"),
                ("SHA-256 of the playbook", code(run["playbook_digest"])),
                ("Started", moment(run["started"])),
                ("Last written", moment(run["updated"])),
                ("Duration", duration_words(run["duration_s"])),
                ("Not before", moment(run["not_before"]) if run["not_before"] else None),
                ("Started by", run["started_by"]),
                ("Command (batch)", code(run["batch"]) if run["batch"] else None),
            ]
        ),
        section.heading("People and users"),
        facts(
            [
                ("Bootstrap user, whose password it is", run["principal"]),
                ("Integration user", run["integration_user"]),
                ("Break-glass user named", run["break_glass_user"]),
                ("Other administrators who can log in", _others(run)),
                ("Passwords sent in this run", run["password_attempts"]),
            ]
        ),
        element("p", "The journal records the process that started a run, not the person at the keyboard."),
    )


def _pinned(org: Tree) -> str | None:
    if not org["pinned_id"]:
        return None
    if not org["id"]:
        return f"{org['pinned_id']} (not compared in this run)"
    same = str(org["pinned_id"])[:15] == str(org["id"])[:15]
    return f"{org['pinned_id']} ({'the same' if same else 'ANOTHER'})"


def _others(run: Tree) -> str | None:
    others = (run["preflight"] or {}).get("other_admins")
    return None if others is None else ", ".join(map(str, others)) or "none"


def _time(run: Tree, section: Sections) -> Markup | None:
    rows = [
        (
            state["state"],
            state["purpose"] or "-",
            {True: "yes", False: "no", None: "unknown"}[state["one_way"]],
            moment(state["entered"], ""),
            state["attempts"],
            span_of_time(state["duration_s"]),
            span_of_time(state["waited_s"]),
        )
        for state in run["states"]
    ]
    headings = ("State", "What it does", "One-way", "Entered (UTC)", "Attempts", "Time", "Of it waiting")
    return section(
        "Timeline",
        timeline(run["spans"], run["states"]),
        table("States in the order they were entered", headings, rows) if rows else None,
    )
