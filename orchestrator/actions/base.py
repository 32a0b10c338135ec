"""What an action is, and what it may touch while it works.

An action looks (`observe`) and acts (`apply`). It has no loop, no sleep and no retry of its own: it
answers Done, Again or Failed, or raises OrgFault, and the machine decides what follows. The look comes
before every second try and after every crash, so it must tell the truth from the org, not from memory.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from orchestrator.catalogue import fault
from orchestrator.errors import Defect, OrgFault
from orchestrator.machine import Outcome
from orchestrator.playbook.model import ActionSpec
from orchestrator.ports import Clock, Vault
from orchestrator.redaction import Secret
from orchestrator.salesforce.session import Network


class Action(Protocol):
    """One thing a playbook can do."""

    @property
    def spec(self) -> ActionSpec:
        """What the compiler needs to know."""
        ...

    def observe(self, ctx: RunContext) -> Outcome | None:
        """What an earlier try has already brought about; None when nothing of it can be seen."""
        ...

    def apply(self, ctx: RunContext) -> Outcome:
        """Do it."""
        ...


@dataclass(slots=True)
class RunContext:
    """Everything an action may read or touch, for one attempt of one run.

    Attributes:
        run: id of the run.
        org: entry of the orgs file; secrets only as references.
        parameters: of the state, references resolved, durations in seconds.
        evidence: what earlier states (and earlier attempts of this one) found out.
        notes: what this visit to the state wrote down before acting.
        attempt: number of the attempt, from 1.
        entered_at_s: when the state was entered, Unix seconds.
        in_doubt: an earlier attempt of this visit was cut off; its effect may or may not have happened.
        clock, vault, network: the three rooms with effects.
        tokens: access tokens of this run, in memory only.
        environ: environment variables, for programs of the operator's that are asked (the Salesforce CLI).
        open_browser: shows a person the address of a login; None where nobody is there.
    """

    run: str
    org: Mapping[str, Any]
    parameters: Mapping[str, Any]
    evidence: Mapping[str, Any]
    notes: Mapping[str, Any]
    attempt: int
    entered_at_s: float
    in_doubt: bool
    clock: Clock
    vault: Vault
    network: Network
    speed: float
    resolve_secret: Callable[[Mapping[str, Any], str], Secret | None]
    write_note: Callable[[Mapping[str, Any]], None]
    check_lease: Callable[[], None]
    tokens: dict[str, Any] = field(default_factory=dict)
    random_hex: Callable[[int], str] = secrets.token_hex
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    open_browser: Callable[[str], None] | None = None

    def now_s(self) -> float:
        """Unix seconds."""
        return self.clock.now_s()

    def note(self, **notes: Any) -> None:
        """Write *notes* to the journal, durably, before the call they announce."""
        self.write_note(notes)
        self.notes = {**self.notes, **notes}

    def effect(self) -> None:
        """To be called immediately before every request that changes something.

        Raises LeaseLost when another process drives the org by now.
        """
        self.check_lease()

    def secret(self, name: str) -> Secret | None:
        """The secret the orgs file refers to under *name*, resolved now; None when not given."""
        return self.resolve_secret(self.org, name)

    def found(self, key: str) -> Any:
        """Evidence an earlier state must have left. Raises Defect when it is not there."""
        try:
            return self.evidence[key]
        except KeyError:
            raise Defect(f"the playbook reached this state without evidence '{key}'") from None

    @property
    def run_scope(self) -> str:
        """Vault scope of what lives no longer than the run."""
        return f"run:{self.run}"

    @property
    def org_scope(self) -> str:
        """Vault scope of the credential the run hands over."""
        return f"org:{self.org['name']}"


def org_fault(code: str, detail: str, *, retry_after_s: float | None = None) -> OrgFault:
    """An OrgFault of the catalogue's row *code*."""
    return OrgFault(fault(code), detail, retry_after_s=retry_after_s)
