"""The record of a deployment: what was asked, how far it is, what became of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from orchestrator.simulator.archive import Archive
from orchestrator.simulator.package_run import Message

PENDING, IN_PROGRESS, FINALIZING = "Pending", "InProgress", "FinalizingDeploy"
SUCCEEDED, PARTIAL, FAILED = "Succeeded", "SucceededPartial", "Failed"
FINALIZING_FAILED, CANCELING, CANCELED = "FinalizingDeployFailed", "Canceling", "Canceled"
DONE = frozenset({SUCCEEDED, PARTIAL, FAILED, FINALIZING_FAILED, CANCELED})


@dataclass(frozen=True, slots=True)
class DeployOptions:
    """How to deploy (Metadata API guide, DeployOptions)."""

    allow_missing_files: bool = False
    auto_update_package: bool = False
    check_only: bool = False
    ignore_warnings: bool = False
    perform_retrieve: bool = False
    purge_on_delete: bool = False
    rollback_on_error: bool = True
    single_package: bool = False
    test_level: str = ""
    run_tests: tuple[str, ...] = ()

    @property
    def runs_tests(self) -> bool:
        """Whether Apex tests were asked for."""
        return self.test_level not in {"", "NoTestRun"}


@dataclass(slots=True)
class Deployment:
    """One deploy request and what became of it; times ending in `_s` are org time."""

    id: str
    user_id: str
    user_name: str
    options: DeployOptions
    endpoint_version: float
    archive: Archive | None = field(repr=False)
    number_files: int
    zip_size_bytes: int
    created_s: float
    created_wall_s: float
    pending_s: float
    work_s: float
    finalize_s: float
    status: str = PENDING
    started_s: float | None = None
    started_wall_s: float | None = None
    changed_wall_s: float = 0.0
    ended_s: float | None = None
    cancel_s: float = math.inf
    canceled_by_id: str = ""
    canceled_by_name: str = ""
    error_code: str = ""
    error_message: str = ""
    messages: list[Message] = field(default_factory=list)
    total: int = 0
    progress: int = 0

    @property
    def is_done(self) -> bool:
        """Whether the status is final."""
        return self.status in DONE

    @property
    def is_success(self) -> bool:
        """Whether everything asked for was deployed."""
        return self.status == SUCCEEDED

    def failures(self) -> list[Message]:
        """Return the messages of components that failed."""
        return [each for each in self.messages if not each.is_success]

    def successes(self) -> list[Message]:
        """Return the messages of components that succeeded."""
        return [each for each in self.messages if each.is_success]
