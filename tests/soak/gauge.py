"""Memory, open files and threads of a process over time, read from /proc."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from pathlib import Path

_KB_PER_MB = 1024


@dataclass(frozen=True)
class Sample:
    """One look: seconds since the beginning, megabytes resident, open files, threads, finished runs."""

    at_s: float
    resident_mb: float
    files: int
    threads: int
    finished: int


@dataclass
class Gauge:
    """Samples of the process *pid*."""

    pid: int
    samples: list[Sample] = field(default_factory=list)

    def look(self, at_s: float, finished: int) -> None:
        """Take a sample; none when the process is over."""
        folder = Path("/proc") / str(self.pid)
        try:
            status = dict(
                line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line
            )
            files = sum(1 for _ in (folder / "fd").iterdir())
        except (OSError, ValueError):
            return
        if "VmRSS" not in status:
            return
        resident_mb = int(status["VmRSS"].split()[0]) / _KB_PER_MB
        self.samples.append(Sample(at_s, resident_mb, files, int(status["Threads"]), finished))

    def windows(self, count: int = 10) -> list[Sample]:
        """Medians of *count* equal stretches of time."""
        size = max(len(self.samples) // count, 1)
        parts = [self.samples[start : start + size] for start in range(0, len(self.samples), size)]
        return [_median(part) for part in parts[:count] if part]


def _median(part: list[Sample]) -> Sample:
    return Sample(
        part[-1].at_s,
        statistics.median(sample.resident_mb for sample in part),
        round(statistics.median(sample.files for sample in part)),
        round(statistics.median(sample.threads for sample in part)),
        part[-1].finished,
    )
