"""The runs behind the guided page: begin them, answer their questions, drive them on."""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Mapping, Sequence

from orchestrator.actions.credential import CERTIFICATE, PRIVATE_KEY
from orchestrator.actions.sign_in import CLIENT_SECRET, NOT_OURS, keep_callback
from orchestrator.app import App
from orchestrator.catalogue import fault
from orchestrator.cli.setup_view import stage_of, view_of
from orchestrator.engine.events import Observer
from orchestrator.engine.operator import answer_run
from orchestrator.errors import OrchestratorError, OrgFault, UsageError
from orchestrator.fleet.local import LocalDispatcher
from orchestrator.fleet.org_entry import OrgEntry
from orchestrator.playbook.inputs import read_inputs
from orchestrator.ports import RunRecord, RunStatus
from orchestrator.redaction import Secret
from orchestrator.salesforce.certificate import KeyAndCertificate, adopt
from orchestrator.salesforce.discovery import auth_configuration
from orchestrator.salesforce.hosts import OrgHost, parse_org_url
from orchestrator.salesforce.key_check import clean_key, clean_secret
from orchestrator.shipped import playbook_source
from orchestrator.web.view import SetupLine, SetupView

PLAYBOOK = "guided"
_OPEN = (RunStatus.ACTIVE, RunStatus.AWAITING_OPERATOR)
# How long an answer of the page waits for the run; what takes longer is shown as under way.
_PATIENCE_S = 8.0
_TYPED = "prompt:"  # the reference that says: a person was asked, and the answer lies in the run's vault


class GuidedDesk:
    """All guided runs of this home; what `web.view.Desk` asks for.

    Args:
        app: journal, vault, network.
        observer: told of every event.
        port: where browsers come back to.
        settings: inputs of the playbook.
        org_name: name for the credential; None to take it from the host.

    Raises:
        UsageError: a setting is no input of the playbook, or not of its type.
    """

    def __init__(
        self,
        app: App,
        observer: Observer,
        *,
        port: int,
        settings: Mapping[str, str],
        org_name: str | None = None,
    ) -> None:
        self._app = app
        self._engine = app.engine(observer, app.stop.is_set)
        self._port = port
        self._settings = {"callback_port": str(port), **settings}
        self._org_name = org_name
        self._playbook = app.compile(*playbook_source(PLAYBOOK))
        read_inputs(self._playbook.inputs, self._settings)  # a wrong setting is found before anybody begins
        self._drivers: dict[str, threading.Thread] = {}
        self._stopped: dict[str, OrchestratorError] = {}
        self._starting = threading.Lock()
        self.touched: dict[str, None] = {}

    # --- what the page asks for

    def setups(self) -> Sequence[SetupLine]:
        """Those under way, newest first."""
        return [
            SetupLine(one.run, one.org, parse_org_url(str(one.org_entry["url"])).my_domain, stage_of(one))
            for one in self._unfinished()
        ]

    def begin(self, url: str, *, certificate: str = "", private_key: Secret | None = None) -> str:
        """Begin a set-up, or find the one of this org; the URL is tried before it is recorded."""
        host = parse_org_url(url)
        pair = self._own_pair(certificate, private_key)
        for record in self._unfinished():
            if parse_org_url(str(record.org_entry["url"])).my_domain == host.my_domain:
                if pair is not None:
                    raise UsageError(
                        f"a set-up of {host.my_domain} is under way with another certificate",
                        code="org_has_active_run",
                        remedy="give that one up first, or go on with it",
                    )
                self._drive(record.run)
                return record.run
        if not auth_configuration(self._app.network, host).org_id15:
            raise UsageError(
                f"{host.my_domain} does not say which org it is", code="url_not_an_org", remedy=_MY_DOMAIN
            )
        return self._start(host, pair, {})

    def view(self, run: str) -> SetupView:
        """How it stands; a run that nobody drives, because a process ended, is taken up again."""
        record = self._record(run)
        if record.status is RunStatus.ACTIVE and not self._app.stop.is_set():
            self._driver(record.run)
        self.touched[record.run] = None
        return view_of(self._app, record, port=self._port, stopped=self._stopped.get(record.run))

    def give_key(self, run: str, key: str, secret: Secret | None, *, certificate_uploaded: bool) -> None:
        """Judge the texts, seal the secret, answer the question; nothing that is no key is ever stored."""
        record = self._record(run)
        cleaned = clean_key(key)
        kept = None if secret is None else Secret(clean_secret(secret.reveal(), cleaned))
        scope = f"run:{record.run}"
        if kept is None:
            self._app.vault.forget(scope, CLIENT_SECRET)
        else:
            self._app.vault.put(scope, CLIENT_SECRET, kept)
        uploaded = "true" if certificate_uploaded else "false"
        self._answer(record, {"consumer_key": cleaned, "certificate_uploaded": uploaded})

    def give_secret(self, run: str, secret: Secret) -> None:
        """Seal the secret, answer the question."""
        record = self._record(run)
        key = str((record.evidence.get("operator") or {}).get("consumer_key") or "")
        kept = Secret(clean_secret(secret.reveal(), key))
        self._app.vault.put(f"run:{record.run}", CLIENT_SECRET, kept)
        self._answer(record, {"consumer_secret": _TYPED})

    def answer(self, run: str, *, approved: bool) -> None:
        """Yes or no."""
        self._answer(self._record(run), {}, approved=approved)

    def callback(self, query: str) -> str:
        """A browser came back; the state in the query says from which login."""
        refused: OrgFault | None = None
        for record in self._unfinished():
            waits = stage_of(record) == "sign_in"
            try:
                keep_callback(self._app.vault, f"run:{record.run}", query, is_waited_for=waits)
            except OrgFault as said:
                if said.code not in NOT_OURS:
                    raise
                refused = said if refused is None or said.code == "authorization_code_spent" else refused
                continue
            self._answer(record, {"callback_address": _TYPED})
            return record.run
        raise refused or OrgFault(fault("authorization_code_spent"), "no login is waited for")

    def take_address(self, run: str, address: Secret) -> None:
        """The address a browser on another machine ended at, as it was pasted."""
        record = self._record(run)
        query = address.reveal().strip().rpartition("?")[2]
        keep_callback(
            self._app.vault, f"run:{record.run}", query, is_waited_for=stage_of(record) == "sign_in"
        )
        self._answer(record, {"callback_address": _TYPED})

    def use_other_app(self, run: str, app_kind: str) -> str:
        """Begin anew with the other kind of app and the same certificate."""
        record = self._record(run)
        host = parse_org_url(str(record.org_entry["url"]))
        scope = f"run:{record.run}"
        certificate, key = self._app.vault.get(scope, CERTIFICATE), self._app.vault.get(scope, PRIVATE_KEY)
        self.give_up(record.run)
        pair = None if certificate is None else self._own_pair(certificate.reveal(), key)
        return self._start(host, pair, {"app_kind": app_kind})

    def give_up(self, run: str) -> None:
        """Cancel the run and forget what it sealed."""
        record = self._record(run)
        self._app.journal.request_cancel(record.run, self._app.clock.now_s())
        if self._engine.cancel_if_free(record.run).status is RunStatus.CANCELLED:
            self._app.vault.forget(f"run:{record.run}")

    # --- what the terminal needs beside

    def go_on(self, run: str) -> None:
        """Drive a run that was left alone."""
        self._drive(run)

    def wait(self, run: str) -> None:
        """Until nobody drives the run any more."""
        driver = self._drivers.get(run)
        while driver is not None and driver.is_alive() and not self._app.stop.is_set():
            driver.join(0.2)

    def records(self) -> list[RunRecord]:
        """The runs that were shown or answered."""
        return [self._app.journal.run(run) for run in self.touched]

    # --- inside

    def _unfinished(self) -> list[RunRecord]:
        return unfinished(self._app)

    def _record(self, run: str) -> RunRecord:
        record = self._app.journal.run(run)
        if record.playbook != PLAYBOOK:
            raise UsageError(
                f"{record.run} is no guided set-up", code="run_unknown", remedy="see `orchestrator runs list`"
            )
        return record

    def _own_pair(self, certificate: str, private_key: Secret | None) -> KeyAndCertificate | None:
        if not certificate.strip() and private_key is None:
            return None
        if not certificate.strip() or private_key is None:
            raise UsageError(
                "a certificate and its private key are given together or not at all",
                code="key_without_certificate",
                remedy="paste both, or leave both fields empty",
            )
        now = dt.datetime.fromtimestamp(self._app.clock.now_s(), dt.UTC)
        return adopt(private_key, certificate, now=now)

    def _start(self, host: OrgHost, pair: KeyAndCertificate | None, more: Mapping[str, str]) -> str:
        inputs = read_inputs(self._playbook.inputs, {**self._settings, **more})
        entry = OrgEntry(name=self._org_name or self._name_for(host), url=host.url)
        self._app.journal.put_playbook(self._playbook.digest, self._playbook.source)
        new = self._app.new_run(entry, self._playbook, inputs, batch="setup", priority=0)
        if pair is not None:
            self._app.vault.put(f"run:{new.run}", CERTIFICATE, Secret(pair.certificate_pem))
            self._app.vault.put(f"run:{new.run}", PRIVATE_KEY, pair.private_key_pem)
        self._app.journal.create_run(new)
        self._drive(new.run)
        return new.run

    def _name_for(self, host: OrgHost) -> str:
        """The first part of the host, unless another org has that name already."""
        short = re.sub(r"[^A-Za-z0-9._@+-]", "-", host.my_domain.partition(".")[0] or "org")
        known = self._app.journal.runs(org=short)
        if any(_host_of(record) != host.my_domain for record in known):
            return re.sub(r"[^A-Za-z0-9._@+-]", "-", host.my_domain)
        return short

    def _answer(self, record: RunRecord, inputs: Mapping[str, str], *, approved: bool = True) -> None:
        machine = self._app.playbook_of(record.playbook_digest).machine.scaled(record.speed)
        answer_run(
            self._app.journal,
            machine,
            record,
            approved=approved,
            inputs=inputs,
            now_s=self._app.clock.now_s(),
        )
        self._drive(record.run)

    def _drive(self, run: str) -> None:
        """Have the run driven in a thread of its own, and wait a little for it to come to rest."""
        driver = self._driver(run)
        driver.join(_PATIENCE_S)
        # The thread may have been leaving when the answer came; then nobody has taken it up yet.
        if not driver.is_alive() and self._app.journal.run(run).status is RunStatus.ACTIVE:
            self._driver(run).join(_PATIENCE_S)

    def _driver(self, run: str) -> threading.Thread:
        with self._starting:
            self.touched[run] = None
            driver = self._drivers.get(run)
            if driver is None or not driver.is_alive():
                driver = threading.Thread(target=self._driven, args=(run,), name=f"drive {run}", daemon=True)
                self._drivers[run] = driver
                driver.start()
        return driver

    def _driven(self, run: str) -> None:
        dispatcher = LocalDispatcher(self._engine, concurrency=1, stop=self._app.stop)
        drive = dispatcher.drive_waves([[run]], too_many_failures=lambda _failed, _started: False)
        self._stopped.pop(run, None)
        if run in drive.errors:
            self._stopped[run] = drive.errors[run]


def unfinished(app: App) -> list[RunRecord]:
    """The guided runs that are not over, newest first."""
    found = app.journal.runs(statuses=list(_OPEN))
    return [record for record in found if record.playbook == PLAYBOOK]


_MY_DOMAIN = "copy the address from Setup > My Domain (it ends in .my.salesforce.com)"


def _host_of(record: RunRecord) -> str:
    try:
        return parse_org_url(str(record.org_entry["url"])).my_domain
    except UsageError:
        return ""
