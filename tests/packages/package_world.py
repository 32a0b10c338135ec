"""A vendor, its package and a subscriber's org behind the wire, and runs of `managed-package` in it."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scenario_world import Finished, Wire, World

from orchestrator.engine.operator import answer_run
from orchestrator.salesforce.certificate import KeyAndCertificate, issue
from orchestrator.simulator.packages import Package, PackageVersion

PASSWORD = "canary-installation-password-7"
POST = "package_install_request_create"
TWO_GENERATIONS = {2: ("simconnect", "Sim_Connector"), 1: ("simload", "Sim_Loader")}
LOOKED_AFTER_EVERY_S = 3600.0


@functools.cache
def vendor_pair(serial: int = 7) -> KeyAndCertificate:
    """The vendor's key pair; one per test process is enough."""
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    return issue(
        subject_common_name="vendor",
        key_bits=2048,
        not_before=now,
        not_after=now + dt.timedelta(days=365),
        serial=serial,
    )


class PackageWorld(World):
    """A world in which a vendor has published packages whose apps hold the vendor's certificate.

    Args:
        generation: 2 for `simconnect` with an External Client App, 1 for `simload` with a Connected App.
        published: more of what the vendor packaged, such as `admin_approved`.
    """

    def __init__(
        self,
        wire: Wire,
        home: Path,
        *,
        generation: int = 2,
        published: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(wire, home, **options)
        self.namespace, self.app_name = TWO_GENERATIONS[generation]
        self.pair = vendor_pair()
        self.package = self.publish(certificate=self.pair.certificate_pem, **(published or {}))
        self.app.environ = {**self.app.environ, **self.references}

    @property
    def references(self) -> dict[str, str]:
        """What the operator's references lead to."""
        return {
            "VENDOR_KEY": self.pair.private_key_pem.reveal(),
            "VENDOR_CERTIFICATE": self.pair.certificate_pem,
            "PACKAGE_PASSWORD": PASSWORD,
        }

    def publish(self, **document: Any) -> Package:
        """What the vendor does."""
        return self.sim.packages.publish({"namespace": self.namespace, **document}, self.sim.now_s())

    def version(self, number: str) -> PackageVersion:
        found = [one for one in self.package.versions if one.text == number]
        return found[-1]

    @property
    def full_name(self) -> str:
        return f"{self.namespace}__{self.app_name}"

    def inputs(self, number: str = "1.3", **changed: str) -> dict[str, str]:
        assert self.package.app is not None
        found = self.version(number)
        given = {
            "package": found.id,
            "namespace": self.namespace,
            "app_name": self.app_name,
            "app_kind": self.package.app.kind,
            "consumer_key": self.package.app.consumer_key,
            "private_key": "env:VENDOR_KEY",
            "certificate": "env:VENDOR_CERTIFICATE",
        }
        return {**given, **changed}

    def begin(self, number: str = "1.3", **changed: str) -> str:
        entry = changed.pop("entry", None)
        return self.start(self.inputs(number, **changed), "managed-package", **(entry or {}))

    def install(self, number: str = "1.3", **changed: str) -> Finished:
        """A whole run."""
        return self.drive(self.begin(number, **changed))

    def approve(self, run: str, *, approved: bool = True) -> None:
        """What `runs approve` does."""
        record = self.app.journal.run(run)
        machine = self.app.playbook_of(record.playbook_digest).machine
        answer_run(self.app.journal, machine, record, approved=approved, inputs={}, now_s=self.clock.now_s())

    def days_pass(self, run: str, days: float) -> list[Finished]:
        """Somebody looks after the run every hour (cron, a worker) while *days* pass."""
        until_s = self.clock.now_s() + days * 86_400.0
        seen = []
        while self.clock.now_s() < until_s:
            self.clock.advance(LOOKED_AFTER_EVERY_S)
            seen.append(self.drive(run))
        return seen

    def admin_installs(self, number: str = "1.3") -> None:
        """An administrator follows the link."""
        self.change({"install_package": self.version(number).id})

    def installed(self) -> str:
        """Version of the package in the org; "" when it is not there."""
        found = [one for one in self.org.installed_packages.values() if one.package.id == self.package.id]
        return found[0].version.text if found else ""

    def posts(self) -> int:
        """How often an install was asked for."""
        return sum(one.operation == POST for one in self.seen)

    def logins(self) -> int:
        return sum(one.operation == "soap_login" for one in self.seen)

    def settle(self) -> None:
        """Let everything spread to every front end."""
        self.clock.advance(600.0)

    def new_home(self, home: Path) -> None:
        """Another process: at the same home when it is the same folder."""
        super().new_home(home)
        self.app.environ = {**self.app.environ, **self.references}


def secret_texts(world: PackageWorld) -> dict[str, str]:
    """Everything that must stand nowhere but in the vault."""
    key = world.pair.private_key_pem.reveal()
    middle = key.splitlines()[5]
    return {"installation password": PASSWORD, "private key": middle, "admin's password": world.password}
