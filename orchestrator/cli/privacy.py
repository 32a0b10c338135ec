"""What a process that holds secrets denies to others: its memory, its core dumps, its last words."""

from __future__ import annotations

import sys
import threading
import traceback
from types import TracebackType

from orchestrator.redaction import redact

_PR_SET_DUMPABLE = 4  # linux/prctl.h


def keep_memory_private() -> None:
    """Write no core dump, and on Linux let no other process of this user trace this one or read its memory.

    Root still can, and nothing hides memory that is swapped out. Where the system has no such setting,
    nothing happens. Children are not concerned but for the size of core dumps.

    Source: prctl(2), PR_SET_DUMPABLE; getrlimit(2), RLIMIT_CORE; ptrace(2), access mode checking.
    """
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - not on every platform

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - only here

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def redact_last_words() -> None:
    """Let what nobody caught, in any thread, be printed without secrets; for a process of our own."""
    sys.excepthook = _say
    threading.excepthook = _say_of_thread


def _say(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    sys.stderr.write(redact("".join(traceback.format_exception(kind, error, trace))))


def _say_of_thread(crash: threading.ExceptHookArgs) -> None:
    if crash.exc_type is not SystemExit:
        _say(crash.exc_type, crash.exc_value, crash.exc_traceback)
