"""What comes after a lock-down as HTML: verifications, locks taken back, and evidence without a place."""

from __future__ import annotations

from orchestrator.engine.report.markup import Markup, code, element, joined, moment, quoted_json, table
from orchestrator.engine.report.sections import Sections, Tree

# Evidence that other sections show.
_SHOWN = frozenset(
    {
        "adopted",
        "api_version",
        "app",
        "audience",
        "certificate",
        "client_app",
        "host",
        "instance_url",
        "jwt_proofs",
        "lock_plan",
        "lockdown",
        "org_id",
        "organization",
        "password_attempts",
        "password_probe",
        "propagation",
        "restored",
        "rights_withdrawn",
        "snapshot",
        "verification",
        "verdicts",
    }
)
_MARKS = {
    "holds": "holds",
    "drifted": "DRIFTED",
    "not_readable": "not readable",
    "not_applicable": "does not apply",
}


def later_sections(run: Tree, section: Sections) -> list[Markup | None]:
    """Verification and locks taken back; each only when there is one."""
    return [_checks(run, section), _restored(run, section)]


def _checks(run: Tree, section: Sections) -> Markup | None:
    rows = [
        (
            check.get("check"),
            _MARKS.get(str(check.get("state")), check.get("state")),
            element("span", check.get("expected"), class_="any"),
            element("span", check.get("seen"), class_="any"),
            check.get("remedy") or "-",
        )
        for check in run["checks"]
    ]
    if not rows:
        return None
    headings = ("Check", "State", "Expected", "Seen", "What to do")
    return section("Verification", table("Everything that was looked at", headings, rows))


def _restored(run: Tree, section: Sections) -> Markup | None:
    rows = [
        (
            code(one.get("mechanism")),
            moment(str(one.get("at") or ""), ""),
            "yes" if one.get("restored") else "NO",
            one.get("note"),
            one.get("person") or "-",
        )
        for one in run["restored"]
    ]
    if not rows:
        return None
    headings = ("Mechanism", "At (UTC)", "As before", "What was done", "Left to a person")
    return section("Locks taken back", table("Newest lock first", headings, rows))


def further(run: Tree, section: Sections) -> Markup | None:
    """Everything else the run found out, so that nothing is kept back."""
    rows = [
        (name, quoted_json(value)) for name, value in sorted(run["evidence"].items()) if name not in _SHOWN
    ]
    given = [(name, quoted_json(value)) for name, value in sorted(run["given"].items())]
    found = table("Found by attempts", ("Evidence", "Value"), rows) if rows else None
    note = None
    if given:
        words = "Given when the run was made; it stands in the run's own row, which no hash covers:"
        note = joined([element("p", words), table("Given", ("Evidence", "Value"), given)])
    return section("Further evidence", found, note)
