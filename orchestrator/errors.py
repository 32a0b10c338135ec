"""Every error a user can meet: whose fault, a stable code, what was seen, what to do next.

OrchestratorError
├── UsageError            exit 2   the operator can fix it by calling or writing differently
│   ├── PlaybookError              the playbook does not compile; carries every diagnostic at once
│   ├── OrgsFileError              the orgs file or a secret reference in it is wrong
│   ├── TextsFileError             the user's own texts name what does not exist
│   └── SecretUnavailable          a secret reference could not be resolved
├── OrgFault              exit 3   an org, Salesforce or the network said no; carries a FaultKind
├── StoreError            exit 2   the journal or the vault cannot be used
│   ├── RunUnknown                 no run of that id
│   ├── LeaseHeld                  another process drives this org
│   ├── LeaseLost                  this process was replaced while it worked; it must not act
│   └── VaultError                 wrong key, tampered or unreadable vault
├── Interrupted           exit 5   stopped by a signal or by --until; the run can be resumed
└── Defect                exit 70  our bug; never retried, never swallowed
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar

from orchestrator import texts

EXIT_SUCCEEDED = 0
EXIT_USAGE = 2
EXIT_REFUSED = 3
EXIT_OPERATOR = 4
EXIT_INTERRUPTED = 5
EXIT_DEFECT = 70


class Blame(StrEnum):
    """Who has to move before the same call can work."""

    OPERATOR = "operator"
    ORG = "org"
    PLATFORM = "platform"
    NETWORK = "network"
    ORCHESTRATOR = "orchestrator"


class Disposition(StrEnum):
    """What the machine may do about a fault.

    WAIT: normal while an app propagates; try again within the state's window.
    BACK_OFF: a passing trouble of network or platform; try again, slower.
    FIX: we can repair it ourselves by another state of the playbook.
    STOP: nobody but a person can change the answer; asking again only costs.
    """

    WAIT = "wait"
    BACK_OFF = "back_off"
    FIX = "fix"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One row of the catalogue of faults; its sentences are texts (`orchestrator/texts/faults.yaml`).

    Attributes:
        code: stable, snake_case; what playbooks name under `on:` and JSON carries.
        blame: who has to move.
        disposition: what the machine may do.
        release: API version of the org it is told about, such as 66.0; None for the newest sentences.
    """

    code: str
    blame: Blame
    disposition: Disposition
    release: float | None = None

    @property
    def meaning(self) -> str:
        """One sentence, what the answer means."""
        return self._sentence("meaning")

    @property
    def remedy(self) -> str:
        """One imperative sentence, the next thing to do."""
        return self._sentence("remedy")

    @property
    def source(self) -> str:
        """Where the meaning is known from."""
        return self._sentence("source")

    def for_release(self, api_version: float | str | None) -> FaultKind:
        """The row with the sentences that are true in an org of that API version; None when not known."""
        return replace(self, release=None if api_version is None else float(api_version))

    def _sentence(self, field: str) -> str:
        try:
            return texts.text("faults", self.code, field, self.release)
        except (KeyError, texts.TextsInvalid) as missing:
            raise Defect(f"no text for {field} of fault {self.code!r}: {missing}") from None


class OrchestratorError(Exception):
    """Base of every error the product raises on purpose."""

    code: str = "defect"
    blame: Blame = Blame.ORCHESTRATOR
    remedy: str = "report this; it is a defect of the orchestrator"
    exit_status: ClassVar[int] = EXIT_DEFECT

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        remedy: str | None = None,
        blame: Blame | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        if code is not None:
            self.code = code
        if remedy is not None:
            self.remedy = remedy
        if blame is not None:
            self.blame = blame

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"

    def as_json(self) -> dict[str, dict[str, str]]:
        """The shape of the contract: `{"error": {"code", "blame", "detail", "remedy"}}`."""
        return {
            "error": {
                "code": self.code,
                "blame": str(self.blame),
                "detail": self.detail,
                "remedy": self.remedy,
            }
        }


class UsageError(OrchestratorError):
    """The operator can fix it by calling or writing differently."""

    code = "usage"
    blame = Blame.OPERATOR
    remedy = "see --help"
    exit_status = EXIT_USAGE


@dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """One finding of the playbook compiler or the orgs-file reader, with its place.

    Attributes:
        file: as the user named it.
        line: 1-based.
        column: 1-based.
        code: stable, such as `PB003`.
        problem: what is wrong, one sentence without a full stop.
        remedy: what to write instead.
    """

    file: str
    line: int
    column: int
    code: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.code}: {self.problem}\n  remedy: {self.remedy}"


class DocumentError(UsageError):
    """A YAML or CSV document is wrong; all findings at once, in the order of the file."""

    code = "document_invalid"
    remedy = "correct the places named above"

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        self.diagnostics = sorted(diagnostics)
        super().__init__("\n".join(str(d) for d in self.diagnostics))


class PlaybookError(DocumentError):
    """The playbook does not compile."""

    code = "playbook_invalid"


class OrgsFileError(DocumentError):
    """The orgs file is wrong."""

    code = "orgs_file_invalid"


class TextsFileError(DocumentError):
    """The user's file of texts is wrong."""

    code = "texts_file_invalid"


class SecretUnavailable(UsageError):
    """A secret reference could not be resolved; the detail names the reference, never a value."""

    code = "secret_unavailable"
    remedy = "set what the reference names, or point the reference elsewhere"


class OrgFault(OrchestratorError):
    """An org, the platform or the network said no.

    Args:
        kind: the row of the catalogue.
        detail: what was seen, secrets removed.
        retry_after_s: what the server asked for (Retry-After), in seconds.

    Attributes:
        was_sent: False only when it is certain that nothing of the request left this machine.
    """

    exit_status = EXIT_REFUSED
    was_sent: bool = True

    def __init__(self, kind: FaultKind, detail: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(detail, code=kind.code, remedy=kind.remedy, blame=kind.blame)
        self.kind = kind
        self.retry_after_s = retry_after_s


class StoreError(OrchestratorError):
    """The journal or the vault cannot be used."""

    code = "store_unusable"
    blame = Blame.OPERATOR
    remedy = "check --home and --database: space, permissions, and that no other program changed the files"
    exit_status = EXIT_USAGE


class RunUnknown(StoreError):
    """No run of that id is in the journal."""

    code = "run_unknown"
    remedy = "see `orchestrator runs list`"


class LeaseHeld(StoreError):
    """Another process drives this org at the moment."""

    code = "org_busy"
    remedy = "wait for the other run, or cancel it with `orchestrator runs cancel`"


class LeaseLost(StoreError):
    """This process lost the org to another one while it worked; it must not act any more."""

    code = "lease_lost"
    remedy = "nothing; the process that holds the lease continues the run"


class VaultError(StoreError):
    """The vault cannot be opened: wrong key, tampered entry, unreadable file."""

    code = "vault_unusable"
    remedy = "use the key the vault was made with (OS keyring, ORCHESTRATOR_KEY or the key file in home)"


class Interrupted(OrchestratorError):
    """Stopped by a signal or by `--until`; everything settled is kept."""

    code = "interrupted"
    blame = Blame.OPERATOR
    remedy = "continue with `orchestrator resume`"
    exit_status = EXIT_INTERRUPTED


class Defect(OrchestratorError):
    """Our bug: a case the code was not written for. Never retried, never swallowed."""
