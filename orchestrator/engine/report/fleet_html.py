"""Many runs as HTML: counts, what needs a person first, all orgs, how long propagation took."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from orchestrator.engine.report.fleet import EXPIRES_SOON_DAYS, by_gravity, needs_a_look, settled_s
from orchestrator.engine.report.markup import (
    Markup,
    element,
    escaped,
    facts,
    joined,
    moment,
    span_of_time,
    table,
)
from orchestrator.engine.report.pictures import bar
from orchestrator.engine.report.sections import Tree, chip, result_chip
from orchestrator.engine.report.words import RESULTS, duration_words

Link = Callable[[Tree], str]


def fleet_body(report: Tree, link: Link) -> Markup:
    """The overview.

    Args:
        report: of `report.report` or `report.assemble`.
        link: run → address of its page or section.
    """
    runs, fleet = report["runs"], report["fleet"]
    if not runs:
        return joined(
            [
                element("h1", "Evidence report"),
                element("p", "There are no runs in this journal to report on."),
            ]
        )
    return joined(
        [
            element("p", "Evidence report", class_="eyebrow"),
            element("h1", f"{fleet['runs']} run{'s' * (fleet['runs'] != 1)} in {fleet['orgs']} orgs"),
            _verdict(report),
            _tally(fleet),
            _notices(fleet),
            _attention(runs, link),
            _distribution(fleet),
            _all(runs, link),
        ]
    )


def _verdict(report: Tree) -> Markup:
    fleet, chain = report["fleet"], report["chain"]
    good = fleet["counts"].get("succeeded", 0)
    others = fleet["runs"] - good
    sentence = f"{good} of {fleet['runs']} runs succeeded" + (
        f"; {others} need{'s' * (others == 1)} somebody to look." if others else "."
    )
    tone = "good" if not others else "fair"
    records = "Every record is intact."
    if not chain["intact"]:
        tone = "bad"
        records = f"{len(chain['broken'])} of {chain['runs']} records are NOT intact."
    return element(
        "div", element("p", sentence), element("p", records, class_="sub"), class_=f"verdict {tone}"
    )


def _tally(fleet: Tree) -> Markup:
    items = [
        element("li", element("b", number), RESULTS.get(result, result))
        for result, number in fleet["counts"].items()
    ]
    if fleet["expiring"]:
        words = f"certificates expire within {EXPIRES_SOON_DAYS} days"
        items.append(element("li", element("b", len(fleet["expiring"])), words))
    return element("ul", *items, class_="tally", aria_label="Runs by result")


def _notices(fleet: Tree) -> Markup | None:
    number = fleet["simulated"]
    if not number:
        return None
    words = (
        f"{number} of {fleet['runs']} runs were made against simulated orgs; "
        "they are no evidence about real ones."
    )
    return element("p", element("strong", "Note. "), words, class_="notice")


def _attention(runs: Sequence[Tree], link: Link) -> Markup | None:
    rows = [
        (
            _to(run, link),
            result_chip(run) if run["chain"]["intact"] else chip("bad", "Record not intact"),
            _cause(run),
            (run["problem"] or {}).get("remedy") or "see the record",
        )
        for run in by_gravity(runs)
        if needs_a_look(run)
    ]
    if not rows:
        return None
    return element(
        "section",
        element("h2", "Needs somebody to look", id="attention"),
        table("The gravest first", ("Org", "Result", "Cause", "What to do"), rows),
        aria_labelledby="attention",
    )


def _cause(run: Tree) -> Markup:
    if not run["chain"]["intact"]:
        return escaped(run["chain"]["sentence"])
    problem = run["problem"] or {}
    shown = element("code", problem["code"]) if problem.get("code") else None
    return joined([shown, " " if shown else None, problem.get("cause")])


def _all(runs: Sequence[Tree], link: Link) -> Markup:
    headings = (
        "Org",
        "Org id",
        "Result",
        "State",
        "Last written (UTC)",
        "Took",
        "Propagation",
        "Certificate until",
        "Record",
    )
    rows = [_row(run, link) for run in sorted(runs, key=lambda one: (one["org"], one["started"], one["run"]))]
    return element(
        "section",
        element("h2", "All runs", id="all"),
        table("By name of the org", headings, rows),
        aria_labelledby="all",
    )


def _row(run: Tree, link: Link) -> tuple[Any, ...]:
    settled = settled_s(run)
    problem = run["problem"] or {}
    return (
        _to(run, link),
        element("code", run["org_id"], class_="whole") if run["org_id"] else "-",
        result_chip(run),
        joined([run["state"], _under(problem.get("code"))]),
        moment(run["updated"][:19] + "Z", ""),
        span_of_time(run["duration_s"]),
        span_of_time(settled),
        _expiry(run["certificate"]),
        "intact" if run["chain"]["intact"] else element("strong", "NOT INTACT", class_="bad"),
    )


def _expiry(certificate: Tree | None) -> Any:
    if not certificate or not certificate.get("not_after"):
        return "-"
    left = certificate["days_left"]
    date = element("span", str(certificate["not_after"])[:10], class_="num")
    if left is None or left >= EXPIRES_SOON_DAYS:
        return date
    return joined([date, " ", chip("bad" if left < 0 else "fair", "expired" if left < 0 else f"{left} days")])


def _to(run: Tree, link: Link) -> Markup:
    """The org's name leads to its page; the org's own name and the run tell namesakes apart."""
    name = run["org_name"] if run["org_name"] != run["org"] else None
    return joined([element("a", run["org"], href=link(run)), _under(name), _under(run["run"])])


def _under(text: Any) -> Markup | None:
    """Small, on a line below."""
    return element("span", text, class_="under") if text else None


def _distribution(fleet: Tree) -> Markup | None:
    found = fleet["propagation"]
    if not found:
        return None
    most = max(bucket["count"] for bucket in found["buckets"])
    rows = [(_bucket(bucket), bucket["count"], bar(bucket["count"] / most)) for bucket in found["buckets"]]
    words = [
        ("Runs measured", found["count"]),
        ("Half of them within", duration_words(found["median_s"])),
        ("Nine of ten within", duration_words(found["p90_s"])),
        ("Longest", duration_words(found["max_s"])),
    ]
    return element(
        "section",
        element("h2", "How long propagation took", id="propagation"),
        facts(words),
        element(
            "div",
            table("From the deploy to the last refusal's end", ("Time", "Runs", "Share"), rows),
            class_="shares keep",
        ),
        aria_labelledby="propagation",
    )


def _bucket(bucket: Tree) -> str:
    low = duration_words(bucket["from_s"]) if bucket["from_s"] else "0 s"
    return f"over {low}" if bucket["to_s"] is None else f"{low} to {duration_words(bucket['to_s'])}"
