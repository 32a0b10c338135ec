"""A locked org over TLS, the administrator beside it, and questions about which credential works."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenario_world import Finished, World

from orchestrator.engine.operator import answer_run
from orchestrator.ports import RunRecord, RunStatus
from orchestrator.redaction import Secret
from orchestrator.salesforce.certificate import issue, load_private_key
from orchestrator.salesforce.hosts import parse_org_url
from orchestrator.salesforce.rest import OrgApi
from orchestrator.salesforce.token import TokenRefused, jwt_assertion, jwt_bearer
from orchestrator.simulator import sessions

APP, SECOND_APP = "Orchestrator_JWT", "Orchestrator_JWT_B"
PLAYBOOK = "rotate-certificate"
DAY_S = 86_400.0


@dataclass(frozen=True)
class OwnPair:
    """Files of a key pair, the certificate's text and its fingerprint."""

    key: Path
    certificate: Path
    certificate_pem: str
    sha256: str


class RotationWorld(World):
    """What a test of rotations asks and does."""

    hybrid_run: str = ""

    def locked(self) -> RotationWorld:
        """Run the hybrid flow to its end."""
        done = self.run()
        assert done.record.position.state in {"done", "attention"}, (done.record.code, done.record.detail)
        self.hybrid_run = done.record.run
        self.forget_history()
        return self

    # --- runs

    def rotate(self, inputs: Mapping[str, str] | None = None, **entry: Any) -> Finished:
        """A whole rotation; the administrator lends the rights when they are asked for."""
        return self.with_rights(self.drive(self.start(inputs, PLAYBOOK, **entry)))

    def rotate_until(self, state: str, inputs: Mapping[str, str] | None = None) -> str:
        """A rotation that is parked before *state*; the run's id."""
        run = self.start(inputs, PLAYBOOK)
        parked = self.with_rights(self.drive(run, until=state), until=state)
        assert parked.record.position.state == state, (parked.record.position.state, parked.record.detail)
        return run

    def with_rights(self, finished: Finished, *, until: str | None = None) -> Finished:
        if finished.record.position.state != "ask_for_rights":
            return finished
        self.lend_rights()
        self.answer(finished.record.run)
        return self.drive(finished.record.run, until=until)

    def answer(self, run: str, *, approved: bool = True) -> None:
        """What `runs approve` and `runs approve --reject` do."""
        record = self.app.journal.run(run)
        machine = self.app.playbook_of(record.playbook_digest).machine
        answer_run(self.app.journal, machine, record, approved=approved, inputs={}, now_s=self.clock.now_s())

    def cancel(self, run: str) -> RunRecord:
        """What `runs cancel` does while nobody drives the run."""
        self.app.journal.request_cancel(run, self.clock.now_s())
        record = self.app.engine(lambda _event: None).cancel_if_free(run)
        assert record.status is RunStatus.CANCELLED
        return record

    # --- the administrator

    def admin_api(self) -> OrgApi:
        """The second administrator, over the wire."""
        admin = self.org.user_by_name(self.seed.break_glass_username)
        assert admin is not None
        session = sessions.open_session(self.sim, self.org, admin, origin="ui", login_type="Application")
        return OrgApi(self.app.network, f"https://{self.seed.my_domain_host}", Secret(session.token), "66.0")

    def lend_rights(self) -> None:
        """Assign the temporary set, as the question says."""
        api = self.admin_api()
        (found,) = api.query("SELECT Id FROM PermissionSet WHERE Name = {n}", n=f"{APP}_Setup")
        (user,) = api.query("SELECT Id FROM User WHERE Username = {u}", u=self.seed.integration_username)
        api.create("PermissionSetAssignment", {"AssigneeId": user["Id"], "PermissionSetId": found["Id"]})

    def holders_of(self, permission_set: str) -> list[str]:
        return sorted(
            self.org.users[each.assignee_id].username
            for each in self.org.assignments.values()
            if self.org.permission_sets[each.permission_set_id].name == permission_set
        )

    def switch_off(self, app_name: str) -> None:
        """Switch an app off in Setup."""
        app = self.org.apps[app_name]
        app.enabled = False
        self.org.app_changed(app, self.sim.now_s())

    def own_pair(self, folder: Path) -> OwnPair:
        """A key and certificate that the operator brings, in files of their own."""
        now = dt.datetime.fromtimestamp(self.clock.now_s(), dt.UTC)
        pair = issue(
            subject_common_name="Acme integration",
            key_bits=2048,
            not_before=now - dt.timedelta(days=1),
            not_after=now + dt.timedelta(days=700),
            serial=4711,
        )
        made = OwnPair(folder / "own.key", folder / "own.crt", pair.certificate_pem, pair.sha256)
        for path, text in (
            (made.key, pair.private_key_pem.reveal()),
            (made.certificate, pair.certificate_pem),
        ):
            path.touch(mode=0o600)
            path.write_text(text, "utf-8")
        return made

    # --- the vault and the org

    def note_export(self, to: str, target: str) -> None:
        """What `credentials export` writes down."""
        row = {
            "to": to,
            "target": target,
            "at": "2026-09-01T00:00:00.000Z",
            "certificate_sha256": self.record()["certificate"]["sha256"],
        }
        self.app.vault.put(self.scope, "exports", Secret(json.dumps([row])))

    @property
    def scope(self) -> str:
        return f"org:{self.seed.name}"

    def record(self) -> dict[str, Any]:
        stored = self.app.vault.get(self.scope, "record")
        assert stored is not None
        return dict(json.loads(stored.reveal()))

    def kept(self, name: str) -> dict[str, Any] | None:
        """The generation kept as `next` or `previous`."""
        stored = self.app.vault.get(self.scope, name)
        return None if stored is None else dict(json.loads(stored.reveal()))

    def apps(self) -> list[str]:
        return sorted(app["name"] for app in self.truth()["apps"])

    def logs_in(self, consumer_key: str, private_key_pem: str) -> bool:
        """Whether the org gives a token for that key: asked of the token endpoint, not of the product."""
        host = parse_org_url(f"https://{self.seed.my_domain_host}")
        assertion = jwt_assertion(
            consumer_key=consumer_key,
            username=self.seed.integration_username,
            audience=f"https://{self.seed.my_domain_host}",
            private_key=load_private_key(Secret(private_key_pem)),
            now_s=self.clock.now_s(),
        )
        try:
            jwt_bearer(self.app.network, host, assertion)
        except TokenRefused:
            return False
        return True

    def in_use_works(self) -> bool:
        """Whether the credential in the vault is a whole one that opens the org."""
        key = self.app.vault.get(self.scope, "private_key")
        assert key is not None
        return self.logs_in(self.record()["app"]["consumer_key"], key.reveal())

    def settle(self) -> None:
        """Let every change reach every front end."""
        self.clock.advance(7200.0)
