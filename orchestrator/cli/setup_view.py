"""From a guided run in the journal to what its page shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.actions.credential import CERTIFICATE
from orchestrator.actions.sign_in import kept_authorization
from orchestrator.app import App
from orchestrator.catalogue import FAULTS
from orchestrator.errors import OrchestratorError
from orchestrator.ports import RunRecord, RunStatus, result_of
from orchestrator.redaction import redact
from orchestrator.salesforce.hosts import OrgHost, parse_org_url
from orchestrator.salesforce.setup_links import setup_link, setup_page
from orchestrator.texts import setup_steps
from orchestrator.texts.setup_steps import Step
from orchestrator.web.view import Problem, SetupView, Stage, StepView, Value, problem_of

_STAGES: Mapping[str, Stage] = {
    "detect": "looking",
    "plan_setup": "looking",
    "issue_certificate": "looking",
    "create_app": "app",
    "check_key": "checking",
    "give_secret": "secret",
    "begin_sign_in": "checking",
    "sign_in": "sign_in",
    "redeem_sign_in": "proving",
    "prove_oauth": "proving",
    "ask_about_certificate": "certificate",
    "adopt_oauth": "proving",
    "keep_sign_in": "proving",
}
_LABELS = {
    "app_label": "Name of the app",
    "app_name": "API name",
    "callback_url": "Callback URL",
    "certificate": "Certificate",
}
# Where in Setup a problem is mended; codes that are not here have no page of their own.
_MENDED_AT = {
    "client_id_unknown": "external_client_apps",
    "app_not_found": "external_client_apps",
    "callback_mismatch": "external_client_apps",
    "refresh_token_scope_missing": "external_client_apps",
    "client_secret_required": "external_client_apps",
    "client_credentials_invalid": "external_client_apps",
    "assertion_invalid": "external_client_apps",
    "app_blocked": "connected_apps_usage",
    "app_not_installed": "connected_apps_usage",
    "flow_disabled": "oauth_settings",
    "app_not_approved": "permission_sets",
    "user_not_approved": "permission_sets",
    "login_refused": "login_history",
}


def stage_of(record: RunRecord) -> Stage:
    """Where a guided run stands."""
    if record.status in {RunStatus.FINISHED, RunStatus.CANCELLED}:
        return "done" if result_of(record) == "succeeded" else "over"
    return _STAGES.get(record.position.state, "looking")


def view_of(app: App, record: RunRecord, *, port: int, stopped: OrchestratorError | None) -> SetupView:
    """What the page shows.

    Args:
        app: for the vault.
        record: the run.
        port: where the page is served.
        stopped: what keeps this process from driving the run on.
    """
    host = parse_org_url(str(record.org_entry["url"]))
    stage = stage_of(record)
    guided = record.evidence.get("guided") or {}
    release = guided.get("release")
    kind = str(guided.get("app_kind") or "")
    values = _values(app, record, guided)
    begun = kept_authorization(app.vault, f"run:{record.run}") if stage == "sign_in" else None
    return SetupView(
        run=record.run,
        org=record.org,
        my_domain=host.my_domain,
        kind=host.kind,
        stage=stage,
        release="" if release is None else str(release),
        app_kind=kind,
        app_kinds=setup_steps.app_kinds(host.kind, release),
        steps=tuple(
            _step(step, host, release, values) for step in setup_steps.steps(kind, host.kind, release)
        ),
        remarks=tuple(_step(step, host, release, {}) for step in setup_steps.remarks(host.kind, release)),
        facts=_facts(record),
        problem=problem_of(stopped) if stopped is not None else _problem(record, host, stage, release),
        authorize_url="" if begun is None else begun.url,
        consumer_key=str((record.evidence.get("operator") or {}).get("consumer_key") or ""),
        notes=_notes(app, record, stage, port),
        commands=_commands(record, stage),
    )


def _values(app: App, record: RunRecord, guided: Mapping[str, Any]) -> dict[str, Value]:
    pem = app.vault.get(f"run:{record.run}", CERTIFICATE) or app.vault.get(f"org:{record.org}", CERTIFICATE)
    texts = {
        "app_label": guided.get("app_label"),
        "app_name": guided.get("app_name"),
        "callback_url": guided.get("callback_url"),
        "certificate": None if pem is None else pem.reveal(),
    }
    return {name: Value(name, _LABELS[name], str(text)) for name, text in texts.items() if text}


def _step(step: Step, host: OrgHost, release: float | None, values: Mapping[str, Value]) -> StepView:
    return StepView(
        title=step.title,
        lines=step.lines,
        link=setup_link(host, step.page, release) if step.page else "",
        link_label=setup_page(step.page, release).label if step.page else "",
        values=tuple(values[name] for name in step.values if name in values),
    )


def _problem(record: RunRecord, host: OrgHost, stage: Stage, release: float | None) -> Problem | None:
    """The newest thing that did not work: as an action found it, else as the machine was told."""
    found = record.evidence.get("problem") or {}
    code, seen = str(found.get("code") or ""), str(found.get("detail") or "")
    if record.code and stage != "done":
        code, seen = record.code, record.detail
    if stage == "done" or code not in FAULTS:
        return None
    kind = FAULTS[code].for_release(release)
    page = _MENDED_AT.get(code, "")
    return Problem(
        code=code,
        meaning=kind.meaning,
        remedy=kind.remedy,
        seen=redact(seen),
        link=setup_link(host, page, release) if page else "",
        link_label=setup_page(page, release).label if page else "",
    )


def _facts(record: RunRecord) -> tuple[tuple[str, str], ...]:
    evidence = record.evidence
    org, signed_in = evidence.get("organization") or {}, evidence.get("signed_in") or {}
    by_certificate = "adopted" in evidence
    rows = {
        "Org": org.get("name"),
        "Edition": org.get("edition"),
        "Org id": signed_in.get("org_id") or evidence.get("org_id"),
        "User": signed_in.get("username"),
        "App": (evidence.get("app") or {}).get("name"),
        "Consumer key": (evidence.get("app") or {}).get("consumer_key"),
        "Logs in by": ("certificate (JWT bearer)" if by_certificate else "refresh token")
        if signed_in
        else None,
        "Certificate ends": (evidence.get("certificate") or {}).get("not_after") if by_certificate else None,
        "Run": record.run,
    }
    return tuple((label, str(text)) for label, text in rows.items() if text)


def _notes(app: App, record: RunRecord, stage: Stage, port: int) -> tuple[str, ...]:
    notes = []
    wanted = int(record.inputs.get("callback_port") or port)
    if wanted != port and stage in {"app", "checking", "secret", "sign_in"}:
        notes.append(
            f"The callback URL of this set-up leads to port {wanted}, but this page is served at "
            f"{port}. Before you "
            f"log in, end it and run: orchestrator setup --port {wanted}"
        )
    if stage == "sign_in" and record.evidence.get("single_sign_on_offered"):
        notes.append("This org offers single sign-on. Log in the way you usually do.")
    if stage == "app" and "record" in app.vault.names(f"org:{record.org}"):
        notes.append(
            f"There is a credential for {record.org} already. This set-up replaces it when it is finished."
        )
    return tuple(notes)


def _commands(record: RunRecord, stage: Stage) -> tuple[str, ...]:
    if stage != "done":
        return ()
    return (f"orchestrator credentials show {record.org}", f"orchestrator runs show {record.run}")
