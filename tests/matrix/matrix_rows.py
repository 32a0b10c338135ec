"""The rows of the matrix: which runs are looked at, and what was true of their orgs before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matrix_people import NEW_USER
from matrix_routes import Route
from matrix_stage import Stage, own_pair

from orchestrator.simulator.packages import Package

OWN_KEY = {"private_key": "env:OWN_KEY", "certificate": "env:OWN_CERTIFICATE"}
SECOND_PASSWORD = "another-pass-1"
NAMESPACE, PACKAGED_APP = "simconnect", "Sim_Connector"
# Who logs in with the browser becomes the user; nobody is named before.
BY_HAND: Mapping[str, Any] = {
    "username": None,
    "integration_user": None,
    "break_glass_user": None,
    "secrets": {},
}


def own_key(_stage: Stage) -> Mapping[str, str]:
    """The run is given its key."""
    return OWN_KEY


def locked(stage: Stage) -> None:
    """A hybrid run has been there."""
    assert stage.play("hybrid", OWN_KEY).result in {"succeeded", "needs_attention"}
    stage.clock.sleep(7200.0)


def served(stage: Stage) -> None:
    """A jwt run has been there and made its user."""
    inputs = {**OWN_KEY, "email": "ops@new.example", "lock": "true"}
    assert stage.play("jwt", inputs, integration_user=NEW_USER).result in {"succeeded", "needs_attention"}
    # The second administrator, who was not locked, offers a login for the removal.
    stage.change({"set_password": {"username": stage.seed.break_glass_username, "password": SECOND_PASSWORD}})
    stage.environ = {**stage.environ, "SECOND_PASSWORD": SECOND_PASSWORD}
    stage.clock.sleep(7200.0)


def publish(stage: Stage) -> Package:
    """The vendor's app holds our certificate."""
    return stage.sim.packages.publish(
        {"namespace": NAMESPACE, "certificate": own_pair().certificate_pem}, stage.sim.now_s()
    )


def package_inputs(stage: Stage) -> Mapping[str, str]:
    """What the operator knows of the package."""
    package = publish(stage)
    assert package.app is not None
    version = next(one for one in package.versions if one.text == "1.3")
    return {
        "package": version.id,
        "namespace": NAMESPACE,
        "app_name": PACKAGED_APP,
        "app_kind": package.app.kind,
        "consumer_key": package.app.consumer_key,
        **OWN_KEY,
    }


def installed(stage: Stage) -> None:
    """A run of `managed-package` has been there."""
    assert stage.play("managed-package", package_inputs(stage)).result == "succeeded"
    stage.clock.sleep(7200.0)


def second_app_off(stage: Stage) -> None:
    """Somebody switches the new app off in Setup."""
    stage.change({"change_app": {"name": "Orchestrator_JWT_B", "enabled": False}})
    stage.clock.sleep(600.0)


def half_rotated(stage: Stage) -> None:
    """A rotation in place was given up after the org had taken the new certificate."""
    locked(stage)
    with stage.process() as app:
        run = stage.start(app, "rotate-certificate", {"mode": "in_place"})
        record, error = stage.drive(app, until="adopt_certificate")
        assert error is None, error
        assert record.position.state == "adopt_certificate", record.detail
        app.journal.request_cancel(run, stage.clock.now_s())
        app.engine(lambda _event: None).cancel_if_free(run)
    stage.clock.sleep(7200.0)


ROUTES = (
    Route("hybrid", "hybrid", "an org is handed over", inputs=own_key),
    Route(
        "jwt",
        "jwt",
        "the integration user is made",
        inputs=lambda _stage: {**OWN_KEY, "email": "ops@new.example", "permissions": "Account:read"},
        entry=lambda _stage: {"integration_user": NEW_USER},
        states=("provide_integration_user", "choose_lock"),
    ),
    Route(
        "plan-hybrid",
        "plan-hybrid",
        "a plan is made",
        inputs=own_key,
        states=("survey", "check_deploy", "end_session"),
    ),
    Route(
        "managed-package",
        "managed-package",
        "the run installs the package",
        inputs=package_inputs,
        states=(
            "expect_package",
            "look",
            "preflight",
            "install_package",
            "read_app_policies",
            "set_app_policies",
        ),
    ),
    Route(
        "withdraw-package-access",
        "withdraw-package-access",
        "after `managed-package`",
        before=installed,
        states=("withdraw",),
    ),
    Route(
        "rotate-certificate (ab)",
        "rotate-certificate",
        "a second app takes over",
        before=locked,
        states=(
            "plan_rotation",
            "try_credential",
            "open_session",
            "check_rights",
            "deploy_certificate",
            "adopt_certificate",
            "renew_with_new",
            "confirm_new",
            "retire_app",
            "prove_retired",
            "close",
        ),
    ),
    Route(
        "rotate-certificate (in place)",
        "rotate-certificate",
        "the same app gets the certificate",
        before=locked,
        inputs=lambda _stage: {"mode": "in_place"},
        states=("deploy_certificate", "prove_new", "prove_retired"),
    ),
    Route(
        "rotate-certificate (rolled back)",
        "rotate-certificate",
        "somebody switches the second app off before it is confirmed",
        before=locked,
        on_entering={"confirm_new": second_app_off},
        states=("prove_previous", "readopt_previous", "roll_back", "close_failed"),
    ),
    Route(
        "rotate-certificate (recovered)",
        "rotate-certificate",
        "an earlier rotation in place was given up half-way",
        before=half_rotated,
        states=("recover_credential",),
    ),
    Route(
        "restore-password-access",
        "restore-password-access",
        "after `hybrid`",
        before=locked,
        states=("recall_lockdown", "check_rights", "restore_access", "return_rights"),
    ),
    Route(
        "decommission",
        "decommission",
        "after `hybrid`",
        before=locked,
        inputs=lambda _stage: {"approved": "true"},
        states=(
            "recall_credential",
            "plan_removal",
            "confirm_ours",
            "remove_app",
            "remove_permission_sets",
            "prove_removed",
            "choose_user",
            "forget_credential",
        ),
        closes_access=True,
    ),
    Route(
        "decommission (made user)",
        "decommission",
        "after `jwt`, which had made the user",
        before=served,
        inputs=lambda _stage: {"approved": "true"},
        entry=lambda stage: {
            "integration_user": NEW_USER,
            "username": stage.seed.break_glass_username,
            "secrets": {"password": "env:SECOND_PASSWORD"},
        },
        states=("bootstrap", "retire_integration_user"),
        closes_access=True,
    ),
    Route("verify", "verify", "after `hybrid`", before=locked),
    Route(
        "guided",
        "guided",
        "the person uploads the certificate",
        inputs=lambda _stage: {**OWN_KEY, "app_name": "By_Hand"},
        entry=lambda _stage: BY_HAND,
        states=("plan_setup", "check_key", "begin_sign_in", "redeem_sign_in", "prove_oauth"),
    ),
    Route(
        "guided (no certificate)",
        "guided",
        "the person uploads none, so the login is kept",
        inputs=lambda _stage: {**OWN_KEY, "app_name": "Without_Certificate"},
        entry=lambda _stage: BY_HAND,
        states=("keep_sign_in",),
    ),
)
