"""The credential of a run as HTML: app, certificate, propagation, proofs, and the rights lent meanwhile."""

from __future__ import annotations

from typing import Any

from orchestrator.engine.report.markup import Markup, code, element, facts, joined, moment, table
from orchestrator.engine.report.sections import Sections, Tree, chip
from orchestrator.engine.report.words import APP_KINDS, duration_words


def credential(run: Tree, section: Sections) -> Markup | None:
    """App, key, certificate, and how long the org took to accept them."""
    app, certificate, propagation = run["app"] or run["client_app"], run["certificate"], run["propagation"]
    if not app and not certificate:
        return None
    app = app or {}
    kind = str(app.get("kind") or "")
    return section(
        "OAuth credential",
        facts(
            [
                ("Client app", f"{APP_KINDS.get(kind, kind)} {app.get('name') or ''}".strip()),
                ("Consumer key", code(app["consumer_key"]) if app.get("consumer_key") else None),
                ("Consumer key in force is the one sent", _yes(app.get("key_as_sent"))),
                ("Certificate read back from the org", _yes(app.get("certificate_read_back"))),
                ("Certificate SHA-256", code(certificate["sha256"]) if _has(certificate, "sha256") else None),
                ("Certificate valid until", _expiry(certificate)),
                ("Certificate made", (certificate or {}).get("origin")),
                ("JWT audience", run["evidence"].get("audience")),
                ("Bootstrap session", (run["adopted"] or {}).get("bootstrap_session")),
            ]
        ),
        *_propagation(propagation, section),
    )


def _propagation(propagation: Tree | None, section: Sections) -> list[Markup | None]:
    if not propagation:
        return []
    answers = propagation.get("answers") or {}
    settled = propagation.get("settled_s")
    first = propagation.get("first_success_s")
    return [
        section.heading("Propagation"),
        facts(
            [
                ("First login accepted, after the deploy", None if first is None else duration_words(first)),
                (
                    "No refusal any more, after the deploy",
                    "not yet" if settled is None else duration_words(settled),
                ),
                ("Tries", propagation.get("attempts")),
                (
                    "Refusals meanwhile",
                    ", ".join(f"{number} x {name}" for name, number in answers.items()) or "none",
                ),
            ]
        ),
    ]


def _has(found: Tree | None, key: str) -> bool:
    return bool(found and found.get(key))


def _yes(value: Any) -> str | None:
    return None if value is None else "yes" if value else "no"


def _expiry(certificate: Tree | None) -> Markup | None:
    if not certificate or not certificate.get("not_after"):
        return None
    left = certificate["days_left"]
    words = f" ({left} days left when this was written)"
    if left is None:
        words = ""
    elif left < 0:
        words = f" (EXPIRED {-left} days before this was written)"
    return joined([moment(str(certificate["not_after"])), words])


def proofs(run: Tree, section: Sections) -> Markup | None:
    """Each login by certificate."""
    rows = [
        (
            number,
            moment(str(proof.get("at") or ""), ""),
            proof.get("instance_url"),
            code(proof.get("user_id")),
            _yes(proof.get("data_read")) or "-",
            _yes(proof.get("metadata_read")) or "-",
        )
        for number, proof in enumerate(run["jwt_proofs"], 1)
    ]
    if not rows:
        return None
    headings = ("Proof", "At (UTC)", "Instance", "User id", "Data read", "Metadata read")
    return section(
        "Logins by certificate",
        element("p", "Each is a new token by JWT bearer, used at once for real calls."),
        table("Proofs in a row, without a refusal between them", headings, rows),
    )


def rights(run: Tree, section: Sections) -> Markup | None:
    """What the integration user was lent, and whether it was taken back."""
    rights = run["rights"]
    if not rights["lent"] and not rights["withdrawn"]:
        return None
    withdrawn = chip("good", f"{rights['withdrawn']} withdrawn") if rights["withdrawn"] else None
    return section(
        "Rights lent and withdrawn",
        facts(
            [
                ("Lent to the integration user", rights["lent"]),
                ("Assignment", code(rights["assignment_id"]) if rights["assignment_id"] else None),
                ("Afterwards", withdrawn or chip("bad", "still lent, as far as this record shows")),
                ("Permissions it lacked before", ", ".join(map(str, rights["lacked"]))),
            ]
        ),
    )
