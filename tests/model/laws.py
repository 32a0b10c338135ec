"""The laws that are judged between two steps and at the end: what runs say, what org and disk hold."""

from __future__ import annotations

from model_world import UNFINISHED, World

from orchestrator.ports import RunRecord, RunStatus

MOST_WAKE_UPS = 400
LONGEST_WAIT_S = 8 * 86_400.0  # a question waits a week
UNDO = "restore-password-access"
DOORS = {
    "block_password_grant": "flow_blocked",
    "withdraw_any_api_auth": "no_any_api_auth",
    "require_sso": "sso",
    "api_only": "api_only",
    "freeze_user": "frozen",
    "deactivate_user": "inactive",
}


class Laws:
    """Judges a world; breaches are added to the complaints of its history."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._judged: set[str] = set()
        self.ends: dict[str, RunRecord] = {}
        self.begun_with: dict[str, int] = {}  # undo run -> interferences when it was begun

    def complaints(self) -> list[str]:
        for run in self.world.runs:
            record = self.world.record(run)
            if record.status in UNFINISHED:
                self._visible(record)
            elif run not in self._judged:
                self._judged.add(run)
                self._ended(record)
        return self.world.history.complaints

    def _visible(self, record: RunRecord) -> None:
        """Law 3: a run that is not over says until when it waits."""
        if record.not_before_s - record.updated_s > LONGEST_WAIT_S:
            self.world.history.complain(3, f"{record.run} sleeps in {record.position.state}")
        if record.status is RunStatus.AWAITING_OPERATOR and record.until_s is None:
            self.world.history.complain(3, f"{record.run} asks without an end")

    def _ended(self, record: RunRecord) -> None:
        if record.status is RunStatus.FINISHED and record.result is None:
            self.world.history.complain(3, f"{record.run} is over without a result")
        if record.playbook == UNDO:
            self._undone(record)
        elif record.playbook == "hybrid" and record.result == "succeeded":
            self._claims_success(record)

    def _claims_success(self, record: RunRecord) -> None:
        history = self.world.history
        if not history.jwt_works() and not history.broken_by_environment:
            history.complain(1, f"{record.run} succeeded and the credential does not work")
        if not self.world.interference and self.world.principal != "human_admin":
            mechanisms = self._mechanisms()
            if "works" in {mechanisms["soap_login"], mechanisms["oauth_password"]}:
                history.complain(1, f"{record.run} succeeded and the password works: {mechanisms}")

    def _mechanisms(self) -> dict[str, str]:
        from orchestrator.simulator.truth import password_mechanisms  # noqa: PLC0415 - one use

        world = self.world
        user = world.org.user_by_name(world.seed.username)
        assert user is not None
        return password_mechanisms(world.simulator, world.org, user, world.seed.password)

    def _undone(self, record: RunRecord) -> None:
        """Law 4: what an undo says it restored is as it was; what cannot come back is said."""
        history, world = self.world.history, self.world
        if len(world.interference) != self.begun_with.get(record.run):
            return
        undone = str(record.evidence["undoes"]["run"])
        ours = {door for one in history.seen if one.run == undone for door in one.closed}
        for entry in record.evidence.get("restored", []):
            door = DOORS.get(entry["mechanism"])
            if entry["restored"] and door in ours & history.doors():
                history.complain(4, f"{entry['mechanism']} is said to be restored and still holds")
            if door is None and entry["mechanism"] == "replace_password" and entry["restored"]:
                history.complain(4, "a replaced password is said to be restored")
        done = record.position.state == "done" or record.code == "undo_impossible"
        left = (history.closed_by_us & ours) - {"replaced"}
        if done and left:
            history.complain(4, f"{record.run} ended in {record.position.state}; still closed: {left}")
        if done and "replaced" in history.closed_by_us and record.code != "undo_impossible":
            history.complain(4, "a replaced password was not said to be beyond undoing")

    # --- the end

    def bring_to_an_end(self) -> None:
        """Law 3: once the troubles are over, every run comes to an end or to a question."""
        world = self.world
        world.calm()
        world.new_process()
        for run in list(world.runs):
            for _ in range(MOST_WAKE_UPS):
                record = world.record(run)
                if record.status is RunStatus.AWAITING_OPERATOR and record.position.state == "ask_for_rights":
                    world.assign_setup_set()
                    world.answer(run, approved=True)
                    continue
                if record.status is not RunStatus.ACTIVE:
                    break
                world.advance(run)
            else:
                state = world.record(run).position.state
                world.history.complain(3, f"{run} woke up {MOST_WAKE_UPS} times and is still in {state}")

    def at_the_end(self) -> None:
        world, history = self.world, self.world.history
        self.ends = {run: world.record(run) for run in world.runs}
        if history.closed_by_us and not history.jwt_works() and not history.broken_by_environment:
            history.complain(1, f"at the end {history.closed_by_us} by us, and the credential does not work")
        for run in world.runs:
            broken_at = world.app.journal.verify_chain(run)
            if broken_at is not None:
                history.complain(5, f"the chain of {run} breaks at {broken_at}")
        world.close()
        secrets = self._secrets()
        for path in world.home.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                for name, secret in secrets.items():
                    if secret.encode() in content:
                        history.complain(5, f"{name} is in {path.relative_to(world.home)}")

    def _secrets(self) -> dict[str, str]:
        seed = self.world.seed
        tokens = {f"session {n}": token for n, token in enumerate(self.world.org.sessions)}
        return {"the password": seed.password, "the security token": seed.security_token, **tokens}
