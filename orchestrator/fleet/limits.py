"""How many failures a fleet tolerates."""

from __future__ import annotations

from orchestrator.errors import UsageError


def too_many_failures(limit: str, failed: int, begun: int) -> bool:
    """Whether nothing more is to be begun.

    Args:
        limit: `N` failures, or `N%` of what was begun; "" for no limit.
        failed: runs that ended without success.
        begun: runs in the waves so far.

    Raises:
        UsageError: `threshold_invalid`.
    """
    if not limit:
        return False
    number = limit.removesuffix("%")
    if not (number.isascii() and number.isdigit()):
        raise UsageError(f"--max-failures {limit!r} is neither N nor N%", code="threshold_invalid")
    return failed * 100 > int(number) * begun if limit.endswith("%") else failed > int(number)
