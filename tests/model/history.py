"""What the org saw, and the laws that are judged at the instant of a request.

The witness is the simulated org: its facts right before and right after each request. Nothing here believes
what the product says about itself, except the journal on disk, which law 5 is about.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests
from worlds.wire import changes

from orchestrator.salesforce.certificate import certificate_sha256
from orchestrator.simulator.jwt_bearer import jwt_refusal

if TYPE_CHECKING:
    from model_world import World

FRESH_S = 960.0  # `requires: not_older_than: 15m`, and the minute that looking around takes
LEAST_PROOFS = 4
_OK = 200
_ZIP = re.compile(rb"<(?:\w+:)?ZipFile>([^<]+)<")
_DEPLOY_ID = re.compile(rb"<id>(0Af\w+)</id>")

# What a change of the org may be part of: operation -> actions. The list is short on purpose.
_LOCKING = {"lock_password", "restore_access"}
MAY: dict[str, set[str]] = {
    "soap_login": {"bootstrap", "verify_lockdown"},
    "logout": {"bootstrap", "adopt_oauth", "verify_lockdown"},
    "revoke": {"bootstrap", "adopt_oauth", "close_rotation", "prove_retired"},
    "deploy": {
        "deploy_permission_set",
        "deploy_client_app",
        "deploy_certificate",
        "roll_back_certificate",
        "retire_app",
    },
    "user_create": {"provide_integration_user"},
    "permission_set_license_assign_create": {"provide_integration_user"},
    "permission_set_assignment_create": {"assign_permission_set", *_LOCKING},
    "permission_set_assignment_delete": {"withdraw_rights", "return_rights", "close_rotation", *_LOCKING},
    "upsert_metadata": _LOCKING,
    "delete_metadata": {"restore_access"},  # the set of our own that locked
    "set_password": {"lock_password"},
    "auth_session_delete": {"lock_password"},
    "user_login_update": _LOCKING,
    "user_update": _LOCKING,
}
LOOKING = {"get_user_info", "list_metadata", "describe_metadata", "introspect"}


@dataclass
class Seen:
    """One request of the product.

    Attributes:
        run: the run at work; state and seq are those of its open attempt in the journal.
        doors: what kept a password out right before, and `closed` what this request added to it.
        answered: False when the answer never arrived.
    """

    at_s: float
    product_s: float
    what: str
    run: str
    is_change: bool
    body: bytes = field(default=b"", repr=False)
    state: str = ""
    seq: int = 0
    doors: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()
    opened: frozenset[str] = frozenset()
    status: int = 0
    deploy_id: str = ""


class History:
    """Everything the org was asked, and every breach of a law on the way."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.seen: list[Seen] = []
        self.complaints: list[str] = []
        self.broken_by_environment = False
        self.closed_by_us: set[str] = set()
        self.last_change_at = 0  # how much had been seen when the environment last changed the org
        self._is_environment = False

    # --- the truth

    def doors(self) -> frozenset[str]:
        """What keeps the handed-over password out at this moment."""
        org = self.world.org
        user = org.user_by_name(self.world.seed.username)
        if user is None:
            return frozenset({"deleted"})
        held = org.permissions_of(user)
        found = {
            "frozen": user.is_frozen,
            "inactive": not user.is_active,
            "replaced": user.password_hash != user.original_password_hash,
            "flow_blocked": org.setting_is_on("OauthOidcSettings", "blockOAuthUnPwFlow"),
            "sso": "IsSsoEnabled" in held,
            "api_only": "ApiUserOnly" in held,
            "no_any_api_auth": "UseAnyApiAuth" not in held,
        }
        return frozenset(name for name, closed in found.items() if closed)

    def credential(self) -> dict[str, Any] | None:
        """The credential the product holds for the org."""
        stored = self.world.app.vault.get(f"org:{self.world.seed.name}", "record")
        return None if stored is None else dict(json.loads(stored.reveal()))

    def jwt_works(self) -> bool:
        """Whether the org would let the credential in, once every front end knows the app."""
        record, org = self.credential(), self.world.org
        if record is None:
            return False
        app = next((a for a in org.apps.values() if a.consumer_key == record["app"]["consumer_key"]), None)
        user = org.user_by_name(record["username"])
        if app is None or user is None or not app.certificate_pem:
            return False
        if certificate_sha256(app.certificate_pem) != record["certificate"]["sha256"]:
            return False
        return jwt_refusal(self.world.simulator, org, app, user, "127.0.0.1") is None

    # --- writing down

    @contextlib.contextmanager
    def environment(self) -> Iterator[None]:
        """Whatever happens inside was done by others."""
        worked = self.jwt_works()
        before = self._is_environment
        self._is_environment = True
        try:
            yield
        finally:
            self._is_environment = before
            works = self.jwt_works()
            self.broken_by_environment = (self.broken_by_environment or worked) and not works
            self.last_change_at = len(self.seen)
            self.closed_by_us &= self.doors()

    def before(self, request: requests.PreparedRequest, what: str) -> Seen:
        """Write the request down as it leaves the product."""
        world = self.world
        body = request.body or b""
        seen = Seen(
            at_s=world.true.now_s(),
            product_s=world.clock.now_s(),
            what=what,
            run=world.driven,
            is_change=changes(request) and what not in LOOKING,
            body=body.encode() if isinstance(body, str) else bytes(body),
        )
        if self._is_environment:
            return seen
        self.seen.append(seen)
        if seen.run and (attempts := self.world.app.journal.attempts(seen.run)):
            seen.state, seen.seq = attempts[-1].state, attempts[-1].seq
        if seen.is_change:
            seen.doors = self.doors()
            self._explained(seen)
            self._once(seen)
            self._worked = self.jwt_works()
        return seen

    def after(self, seen: Seen, answer: requests.Response | None) -> None:
        """Write down what came of it."""
        if answer is not None:
            seen.status = answer.status_code
        if self._is_environment or not seen.is_change:
            return
        doors = self.doors()
        seen.closed, seen.opened = doors - seen.doors, seen.doors - doors
        self.closed_by_us = (self.closed_by_us | seen.closed) & doors
        self._locked_only_with_a_way_in(seen)
        if answer is not None and seen.what == "deploy" and (found := _DEPLOY_ID.search(answer.content)):
            seen.deploy_id = found[1].decode()

    # --- laws

    def complain(self, law: int, text: str) -> None:
        self.complaints.append(f"law {law}: {text}")

    def _locked_only_with_a_way_in(self, seen: Seen) -> None:
        """Law 1, at the instant of a lock, and what our own change did to the way in."""
        works = self.jwt_works()
        if seen.closed:
            if not self._worked and not self.broken_by_environment:
                self.complain(1, f"{seen.what} closed {set(seen.closed)} while the credential did not work")
            self._proved_freshly(seen)
            if self._worked and not works:
                self.complain(1, f"{seen.what} closed {set(seen.closed)} and broke the credential with it")
        if works:
            self.broken_by_environment = False

    def _proved_freshly(self, seen: Seen) -> None:
        """The last logins of the run before a lock: several in a row, and the last not long ago."""
        proofs: list[Seen] = []
        for one in reversed(self.seen[:-1]):
            if one.run != seen.run or one.what != "token" or one.state != "prove_oauth":
                continue
            if one.status != _OK:
                break
            proofs.append(one)
        if len(proofs) < LEAST_PROOFS:
            self.complain(1, f"{seen.what} closed {set(seen.closed)} after {len(proofs)} proofs in a row")
        elif not 0 <= (age_s := seen.product_s - proofs[0].product_s) <= FRESH_S:
            self.complain(1, f"{seen.what} closed {set(seen.closed)}, the last proof is {age_s:.0f} s old")

    def _once(self, seen: Seen) -> None:
        """Law 2: nothing is done a second time that was done, unless somebody else changed the org since."""
        earlier = [
            one
            for one in self.seen[:-1][self.last_change_at :]
            if one.run == seen.run and one.what == seen.what
        ]
        if seen.what == "deploy":
            same = [one for one in earlier if _package(one) == _package(seen) and self._took(one)]
            if same:
                self.complain(2, f"the package of {same[0].state} was deployed again in {seen.state}")
        if seen.what == "set_password" and any(one.status in {_OK, 204} for one in earlier):
            self.complain(2, "the password was set twice in one run")

    def _took(self, deploy: Seen) -> bool:
        """Whether the org took that package, and has not refused it."""
        done = self.world.org.deploys.get(deploy.deploy_id)
        return done is not None and (done.is_success or not done.is_done)

    def _explained(self, seen: Seen) -> None:
        """Law 5: an attempt is open in the journal, of a state that may do such a thing."""
        if not seen.run:
            self.complain(5, f"{seen.what} outside any run")
            return
        attempts = self.world.app.journal.attempts(seen.run)
        if not attempts or attempts[-1].settled_s is not None:
            self.complain(5, f"{seen.what} without an open attempt")
            return
        record = self.world.record(seen.run)
        action = self.world.app.playbook_of(record.playbook_digest).machine.states[seen.state].action or ""
        if action not in MAY.get(seen.what, set()):
            self.complain(5, f"{seen.what} in state {seen.state} ({action})")
        if attempts[-1].intended_s > seen.product_s and not self._clock_was_set_back(attempts[-1].intended_s):
            self.complain(5, f"{seen.what} before attempt {seen.seq} was intended")
        if seen.what == "set_password" and attempts[-1].notes.get("mechanism") != "replace_password":
            notes = [one.notes for one in attempts if one.state == seen.state]
            if not any(one.get("mechanism") == "replace_password" for one in notes):
                self.complain(2, "a password was set that no note announces")

    def _clock_was_set_back(self, intended_s: float) -> bool:
        return self.world.clock_was_set and intended_s > 0


def _package(deploy: Seen) -> str:
    found = _ZIP.search(deploy.body)
    return hashlib.sha256(found[1] if found else deploy.body).hexdigest()
