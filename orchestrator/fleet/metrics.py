"""The fleet's numbers as an OpenMetrics text file, for a node exporter's textfile collector and its like.

Source: OpenMetrics 1.0 (text format). The file is replaced at once, never seen half written.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from orchestrator.errors import UsageError
from orchestrator.fleet.tally import Snapshot

EVERY_S = 5.0


def exposition(now: Snapshot, *, logins: int, logins_held: int, circuits: int) -> str:
    """The text of the file.

    Args:
        now: the numbers.
        logins: logins sent.
        logins_held: logins that had to wait for the login budget.
        circuits: hosts whose runs are held because the host is in trouble.
    """
    lines = [
        "# TYPE orchestrator_runs gauge",
        "# HELP orchestrator_runs Runs of this command by what they are doing.",
        *(
            f'orchestrator_runs{{status="{status}"}} {number}'
            for status, number in (
                ("not_begun", now.not_begun),
                ("working", now.working),
                ("waiting", now.asleep),
                ("waiting_for_operator", now.operator),
            )
        ),
        "# TYPE orchestrator_runs_in_state gauge",
        "# HELP orchestrator_runs_in_state Runs that have begun and are not over, by state.",
        *(
            f'orchestrator_runs_in_state{{state="{_label(state)}"}} {number}'
            for state, number in sorted(now.states.items())
        ),
        "# TYPE orchestrator_runs_finished counter",
        "# HELP orchestrator_runs_finished Runs that are over, by result.",
        *(
            f'orchestrator_runs_finished_total{{result="{_label(result)}"}} {number}'
            for result, number in sorted(now.results.items())
        ),
        "# TYPE orchestrator_faults gauge",
        "# HELP orchestrator_faults Runs that wait or failed, by the code of their newest answer.",
        *(
            f'orchestrator_faults{{code="{_label(code)}"}} {number}'
            for code, number in sorted(now.codes.items())
        ),
    ]
    for name, kind, meaning, value in (
        ("attempts", "counter", "Attempts settled.", now.attempts),
        ("logins", "counter", "Logins sent.", logins),
        ("logins_held", "counter", "Logins that had to wait for the login budget.", logins_held),
        ("circuits_open", "gauge", "Hosts whose runs are held because the host is in trouble.", circuits),
    ):
        suffix = "_total" if kind == "counter" else ""
        lines += [
            f"# TYPE orchestrator_{name} {kind}",
            f"# HELP orchestrator_{name} {meaning}",
            f"orchestrator_{name}{suffix} {value}",
        ]
    return "\n".join([*lines, "# EOF", ""])


class MetricsFile:
    """Writes the file every few seconds, and once more at the end.

    Args:
        path: where; its folder must exist.
        text: makes the text.

    Raises:
        UsageError: `metrics_unwritable`, at the start; later troubles are left to the next write.
    """

    def __init__(self, path: Path, text: Callable[[], str], *, every_s: float = EVERY_S) -> None:
        self._path = path
        self._text = text
        self._every_s = every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_writing, name="metrics", daemon=True)

    def __enter__(self) -> Self:
        try:
            self._write()
        except OSError as error:
            raise UsageError(
                f"--metrics {self._path}: {error.strerror}",
                code="metrics_unwritable",
                remedy="name a file in a folder that exists and that you may write to",
            ) from error
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._try_write()

    def _keep_writing(self) -> None:
        while not self._over.wait(self._every_s):
            self._try_write()

    def _try_write(self) -> None:
        """A full disk must not end a fleet; the next write may work."""
        try:
            self._write()
        except OSError:
            return

    def _write(self) -> None:
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            beside.write_text(self._text(), "utf-8")
            beside.replace(self._path)
        finally:
            beside.unlink(missing_ok=True)


def _label(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
