"""Whatever happens, in whatever order, the laws hold: a machine that plays org, people, network and death."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from laws import UNDO, Laws
from model_world import World

from orchestrator.errors import LeaseHeld
from orchestrator.ports import RunStatus

EXAMPLES = int(os.environ.get("ORCHESTRATOR_MODEL_EXAMPLES", "25"))
STEPS = int(os.environ.get("ORCHESTRATOR_MODEL_STEPS", "15"))

MOST_RUNS = 5
MOMENTS = ["request_before", "request_after", "change_before", "change_after", "write"]
MEMORY = Path("/dev/shm")  # noqa: S108 - a process dies here, never the machine: no disk has to be waited for
LATE = ["plan_lockdown", "lock_password", "verify_lockdown", "withdraw_rights"]
STATES = ["deploy_client_app", "prove_oauth", "adopt_oauth", *LATE, "restore_access", "return_rights"]
ADMIN, JWT = "{admin}", "{integration}"
ROPC = "blockOAuthUnPwFlow"
PEOPLE: list[dict[str, Any]] = [
    {"freeze_user": JWT},
    {"unfreeze_user": JWT},
    {"deactivate_user": JWT},
    {"activate_user": JWT},
    {"deactivate_user": ADMIN},
    {"activate_user": ADMIN},
    {"deactivate_user": "{break_glass}"},
    {"activate_user": "{break_glass}"},
    {"revoke_permission": {"username": JWT, "permission": "ManageUsers"}},
    {"grant_permission": {"username": JWT, "permission": "ManageUsers"}},
    {"revoke_permission": {"username": JWT, "permission": "ModifyMetadata"}},
    {"grant_permission": {"username": ADMIN, "permission": "UseAnyApiAuth"}},
    {"delete_app": "Orchestrator_JWT"},
    {"app_policies": {"app": "Orchestrator_JWT", "enabled": False}},
    {"app_policies": {"app": "Orchestrator_JWT", "enabled": True}},
    {"expire_sessions": True},
    {"expire_sessions": JWT},
    {"expire_sessions": ADMIN},
    {"set_password": {"username": ADMIN, "password": "{password}"}},
    {"set_password": {"username": ADMIN, "password": "Chosen-by-0wner"}},
    {"expire_password": ADMIN},
    {"settings": {"OauthOidcSettings": {ROPC: "true"}}},
    {"settings": {"OauthOidcSettings": {ROPC: "false"}}},
    {"settings_keep_old_value": "OauthOidcSettings"},
    {"propagation": {"first_s": 60, "last_s": 500, "relapse_probability": 1.0}},
    {"login_history_delay": 120.0},
    {"switches": {"soap_login_enabled": False}},
    {"switches": {"soap_login_enabled": True}},
]
OPERATIONS = ["token", "query", "soap_login", "deploy", "check_deploy_status", "read_metadata"]
OPERATIONS += ["upsert_metadata", "set_password", "permission_set_assignment_create"]
OPERATIONS += ["permission_set_assignment_delete", "logout", "*"]
TROUBLES: list[dict[str, Any]] = [
    {"kind": "status", "status": 429, "retry_after_s": 7},
    {"kind": "status", "status": 502},
    {"kind": "status", "status": 503},
    {"kind": "reset", "when": "before"},
    {"kind": "reset", "when": "after"},
    {"kind": "slow", "delay_s": 20},
    {"kind": "slow", "delay_s": 200},
    {"kind": "expire_session"},
    {"kind": "row_lock"},
]
STAGES = ["run_deploy", "finalize_deploy"]


class Orchestration(RuleBasedStateMachine):
    """One org, any number of runs, and everything that can come between."""

    world: World

    @initialize(
        profile=st.sampled_from(["production", "production", "full_license_integration_user", "sandbox"]),
        principal=st.sampled_from(["handed_over", "handed_over", "dedicated", "human_admin"]),
        seed=st.sampled_from("123"),
        approve=st.sampled_from(["false", "false", "true"]),
        playbook=st.sampled_from(["hybrid", "hybrid", "hybrid", "jwt"]),
        depth=st.sampled_from(["", "deploy_client_app", "prove_oauth", *LATE, *LATE, "the end"]),
    )
    def begin(
        self, *, profile: str, principal: str, seed: str, approve: str, playbook: str, depth: str
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="model-", dir=MEMORY if MEMORY.is_dir() else None))
        self.world = World(self.folder, profile=profile, principal=principal, seed=seed)
        self.laws = Laws(self.world)
        self.playbook = playbook
        self.inputs = {"approve_locks": approve} if playbook == "hybrid" else {}
        self.world.start(playbook, self.inputs)
        if depth:
            self._driven(0, 60, depth)

    # --- the product at work

    def _driven(self, which: int, wake_ups: int, until: str | None = None) -> None:
        runs = [one.run for one in self.world.unfinished() if one.status is RunStatus.ACTIVE]
        if not runs:
            return
        run = runs[which % len(runs)]
        for _ in range(wake_ups):
            try:
                record = self.world.advance(run, until=until)
            except LeaseHeld:
                self.world.history.complain(3, f"{run} is held by a process that is gone")
                return
            if record.status is not RunStatus.ACTIVE or record.position.state == until:
                return

    which = st.integers(0, 2)
    wake_ups = st.sampled_from([1, 2, 4, 10, 40])

    @rule(which=which, wake_ups=wake_ups)
    def drive(self, which: int, wake_ups: int) -> None:
        self._driven(which, wake_ups)

    @rule(which=which, until=st.sampled_from(STATES))
    def drive_until(self, which: int, until: str) -> None:
        self._driven(which, 60, until)

    @rule(
        which=which,
        wake_ups=wake_ups,
        place=st.integers(1, 8),
        moment=st.sampled_from(MOMENTS),
    )
    def drive_and_die(self, which: int, wake_ups: int, place: int, moment: str) -> None:
        self.world.dying.arm(place, moment)
        self._driven(which, wake_ups)
        self.world.dying.disarm()

    @rule()
    def restart(self) -> None:
        self.world.new_process()

    # --- what comes between

    @rule(what=st.sampled_from(PEOPLE))
    def people(self, what: dict[str, Any]) -> None:
        names = {
            "admin": self.world.seed.username,
            "integration": self.world.seed.integration_username,
            "break_glass": self.world.seed.break_glass_username,
            "password": self.world.seed.password,
        }
        document = _filled(what, names)
        app = document.get("delete_app") or document.get("app_policies", {}).get("app")
        if app is None or app in self.world.org.apps:
            self.world.change(document)

    @rule(
        what=st.sampled_from(TROUBLES),
        operation=st.sampled_from(OPERATIONS),
        after=st.integers(0, 4),
        times=st.sampled_from([1, 1, 2, 5, 0]),
    )
    def trouble(self, what: dict[str, Any], operation: str, after: int, times: int) -> None:
        self.world.fault(**what, operation=operation, after=after, times=times)

    @rule(stage=st.sampled_from(STAGES), times=st.sampled_from([1, 2, 0]))
    def trouble_at_a_stage(self, stage: str, times: int) -> None:
        self.world.fault(kind="row_lock", operation=stage, times=times)

    @rule(name=st.sampled_from(["maintenance", "read_only"]), value=st.booleans())
    def condition(self, name: str, value: bool) -> None:  # noqa: FBT001 - drawn by name
        self.world.change({name: value})

    @rule(skew_s=st.sampled_from([0.0, 200.0, -200.0, 4000.0]))
    def clock_of_the_org(self, skew_s: float) -> None:
        self.world.change({"skew_s": skew_s})

    @rule(off_s=st.sampled_from([0.0, 70.0, -70.0, 3600.0, -3600.0, -90_000.0]))
    def clock_of_the_product(self, off_s: float) -> None:
        self.world.set_clock(off_s)

    @rule(seconds=st.sampled_from([30.0, 1000.0, 7300.0, 90_000.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.true.sleep(seconds)

    @rule()
    def calm(self) -> None:
        self.world.calm()

    # --- people of ours

    @precondition(
        lambda self: any(one.status is RunStatus.AWAITING_OPERATOR for one in self.world.unfinished())
    )
    @rule(approved=st.sampled_from([True, True, False]))
    def answer(self, approved: bool) -> None:  # noqa: FBT001 - drawn by name
        for record in self.world.unfinished():
            if record.status is not RunStatus.AWAITING_OPERATOR:
                continue
            if record.until_s is not None and self.world.clock.now_s() >= record.until_s:
                self.world.engine.expire_if_free(record.run)
                continue
            if approved and record.position.state == "ask_for_rights":
                self.world.assign_setup_set()
            self.world.answer(record.run, approved=approved)

    @precondition(lambda self: self.world.unfinished())
    @rule(which=st.integers(0, 6))
    def cancel(self, which: int) -> None:
        runs = self.world.unfinished()
        if which >= len(runs):  # mostly not: a cancelled run meets nothing any more
            return
        record = runs[which % len(runs)]
        self.world.app.journal.request_cancel(record.run, self.world.clock.now_s())
        self.world.engine.cancel_if_free(record.run)

    @precondition(lambda self: not self.world.unfinished() and len(self.world.runs) < MOST_RUNS)
    @rule()
    def run_again(self) -> None:
        self.world.start(self.playbook, self.inputs)

    @precondition(lambda self: not self.world.unfinished() and self.world.history.credential() is not None)
    @rule()
    def rotate(self) -> None:
        if len(self.world.runs) < MOST_RUNS:
            self.world.start("rotate-certificate")

    @precondition(lambda self: len(self.world.runs) in {1, 3})
    @rule()
    def verify(self) -> None:
        self.world.start("verify")

    @precondition(lambda self: not self.world.unfinished() and any(map(self.world.locks, self.world.runs)))
    @rule()
    def undo(self) -> None:
        locked = [run for run in self.world.runs if self.world.locks(run)]
        begun = self.world.start_undo(locked[-1])
        self.laws.begun_with[begun] = len(self.world.interference)

    # --- the laws

    @invariant()
    def the_laws_hold(self) -> None:
        if hasattr(self, "world"):
            assert not self.laws.complaints(), self.world.history.complaints

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.laws.bring_to_an_end()
            self.laws.complaints()
            self.laws.at_the_end()
            assert not self.world.history.complaints, self.world.history.complaints
            self._say_where_it_went()
        finally:
            self.world.close()
            shutil.rmtree(self.folder)

    def _say_where_it_went(self) -> None:
        """For `--hypothesis-show-statistics`: how deep the examples go."""
        for seen in {name for one in self.world.history.seen for name in one.closed}:
            event(f"we closed {seen}")
        for run in self.world.runs:
            record = self.laws.ends[run]
            event(f"{record.playbook} ended in {record.position.state} {record.code}")


def _filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, str):
        return value.format(**names)
    if isinstance(value, dict):
        return {key: _filled(item, names) for key, item in value.items()}
    return value


Orchestration.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    print_blob=True,
    database=None,
    derandomize="ORCHESTRATOR_MODEL_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
TestTheLawsHold = pytest.mark.slow(pytest.mark.timeout(0)(Orchestration.TestCase))
__all__ = ["UNDO", "TestTheLawsHold"]
