"""From runs to exit codes: the gravest one wins (70 > 2 > 3 > 4 > 5 > 0)."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.errors import (
    EXIT_DEFECT,
    EXIT_INTERRUPTED,
    EXIT_OPERATOR,
    EXIT_REFUSED,
    EXIT_SUCCEEDED,
    EXIT_USAGE,
    OrchestratorError,
)
from orchestrator.ports import RunRecord, result_of

_GRAVEST_FIRST = (EXIT_DEFECT, EXIT_USAGE, EXIT_REFUSED, EXIT_OPERATOR, EXIT_INTERRUPTED, EXIT_SUCCEEDED)


_CODES = {
    "succeeded": EXIT_SUCCEEDED,
    "failed": EXIT_REFUSED,
    "cancelled": EXIT_REFUSED,
    "needs_attention": EXIT_OPERATOR,
    "waiting": EXIT_OPERATOR,
    "interrupted": EXIT_INTERRUPTED,
}


def exit_code(records: Iterable[RunRecord], errors: Iterable[OrchestratorError]) -> int:
    """The gravest code of all runs and errors.

    A run that ended `needs_attention` waits for a person as much as one that asks a question: 4.
    """
    codes = {_CODES[result_of(record)] for record in records} | {error.exit_status for error in errors}
    return next((code for code in _GRAVEST_FIRST if code in codes), EXIT_SUCCEEDED)
