"""The people around a run: who answers its questions, and what they do in the org before they answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests
from matrix_stage import Stage

from orchestrator.actions.sign_in import kept_authorization
from orchestrator.app import App
from orchestrator.ports import RunRecord
from orchestrator.simulator.adapter import SimulatorAdapter
from orchestrator.simulator.users import PermissionSetAssignment

NEW_USER = "service@new.example"
SETUP_SET = "Orchestrator_JWT_Setup"
ANSWER_TAKES_S = 30.0
RELOADS, RELOADED_EVERY_S = 10, 30.0
YES: Mapping[str, str] = {}


def operator(stage: Stage, app: App, record: RunRecord) -> Mapping[str, str] | None:
    """Does what is asked and says so; silent where nothing can be done."""
    answers = {
        "ask_for_rights": _lend_rights,
        "ask_to_retire": _deactivate,
        "create_app": _make_app,
        "sign_in": _log_in,
        "ask_about_certificate": _look_again,
        "ask_before_retiring": _look_again,
    }
    answer = answers.get(record.position.state)
    return None if answer is None else answer(stage, app, record)


def _lend_rights(stage: Stage, _app: App, record: RunRecord) -> Mapping[str, str] | None:
    org = stage.org
    found = org.permission_set_by_name(SETUP_SET)
    user = org.user_by_name(str(record.org_entry["integration_user"]))
    if found is None or user is None:
        return None
    held = {(one.assignee_id, one.permission_set_id) for one in org.assignments.values()}
    if (user.id, found.id) not in held:
        made = PermissionSetAssignment(org.next_id("0Pa"), user.id, found.id, stage.sim.wall_s(org))
        org.assignments[made.id] = made
    return YES


def _deactivate(stage: Stage, _app: App, record: RunRecord) -> Mapping[str, str]:
    stage.change({"deactivate_user": record.evidence["removal_plan"]["integration_user"]["username"]})
    return YES


def _make_app(stage: Stage, _app: App, record: RunRecord) -> Mapping[str, str]:
    stage.clock.sleep(ANSWER_TAKES_S)
    stage.meanwhile()
    guided = record.evidence["guided"]
    name, uploads = guided["app_name"], guided["app_name"] != "Without_Certificate"
    if name not in stage.org.apps:
        fields: dict[str, Any] = {
            "name": name,
            "callback_url": guided["callback_url"],
            "secret_optional": True,
        }
        if uploads:
            fields["certificate_pem"] = stage.environ["OWN_CERTIFICATE"]
        stage.change({"make_app": fields})
        stage.clock.sleep(600.0)
    return {
        "consumer_key": stage.org.apps[name].consumer_key,
        "certificate_uploaded": str(uploads).lower(),
    }


def _log_in(stage: Stage, app: App, record: RunRecord) -> Mapping[str, str] | None:
    """What a browser does: open the address, be logged in, follow the redirect back."""
    stage.clock.sleep(ANSWER_TAKES_S)
    stage.meanwhile()
    begun = kept_authorization(app.vault, f"run:{record.run}")
    assert begun is not None
    address = browsed(stage, begun.url)
    if address is None:
        return None
    kept = stage.world.home / "callback.txt"
    kept.touch(mode=0o600)
    kept.write_text(address, "utf-8")
    return {"callback_address": f"file:{kept}"}


def browsed(stage: Stage, url: str) -> str | None:
    """Where the browser comes back to, of a person who agrees, and reloads for five minutes if need be."""
    with requests.Session() as session:
        session.mount("https://", SimulatorAdapter(stage.sim))
        for _ in range(RELOADS):
            try:
                address = session.get(url, allow_redirects=False).headers.get("Location", "")
            except requests.RequestException:
                address = ""
            if "code=" in address:
                return address
            stage.clock.sleep(RELOADED_EVERY_S)
            stage.meanwhile()
    return None


def _look_again(_stage: Stage, _app: App, _record: RunRecord) -> Mapping[str, str]:
    return YES
