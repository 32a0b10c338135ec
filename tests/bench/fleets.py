"""Fleets over the wire: the program and the yardstick, each a process of its own, against the simulator."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

THREADS = 16
_NEEDS_ATTENTION = 4
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Cost:
    """What a fleet cost.

    Attributes:
        wall_s: from the start of the process to its end.
        cpu_s: of the process.
        simulator_cpu_s: of the simulator meanwhile.
        peak_mb: most memory the process held.
        requests_per_org: as the simulator counted them.
        out: standard output.
    """

    wall_s: float
    cpu_s: float
    simulator_cpu_s: float
    peak_mb: float
    requests_per_org: float
    out: str

    @property
    def share_of_cores(self) -> float:
        """How much of all cores the process and the simulator used; near 1 the machine was the limit."""
        return (self.cpu_s + self.simulator_cpu_s) / self.wall_s / (os.cpu_count() or 1)


@contextlib.contextmanager
def simulated(count: int, speed: float, profile: str = "production") -> Iterator[Mapping[str, str]]:
    """A simulator with *count* orgs in a process of its own."""
    command = [sys.executable, "-m", "orchestrator", "simulate", "--count", str(count)]
    command += ["--speed", f"{speed:g}", "--profile", profile, "--seed", "bench"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as process:  # noqa: S603 - our own program
        if process.stdout is None:
            raise AssertionError
        try:
            yield {**json.loads(process.stdout.readline()), "pid": str(process.pid)}
        finally:
            process.terminate()


def product(folder: Path, count: int, speed: float, profile: str = "production") -> Cost:
    """The hybrid flow for *count* orgs; the whole process counts, its start included."""
    with simulated(count, speed, profile) as orgs:
        command = [sys.executable, "-m", "orchestrator", "--home", str(folder), "run", "hybrid", "--quiet"]
        command += ["--orgs", orgs["orgs_file"], "--connect-to", orgs["connect_to"], "--speed", f"{speed:g}"]
        command += ["--concurrency", str(THREADS)]
        return _measured(command, orgs, count)


def yardstick(count: int, speed: float) -> Cost:
    """The straight-line script for as many orgs."""
    with simulated(count, speed) as orgs:
        port = orgs["connect_to"].rpartition(":")[2]
        command = [sys.executable, "-m", "tests.bench.straight_line", orgs["orgs_file"], port, str(THREADS)]
        return _measured(command, orgs, count)


def _measured(command: list[str], orgs: Mapping[str, str], count: int) -> Cost:
    environment = {
        **os.environ,
        "REQUESTS_CA_BUNDLE": orgs["ca"],
        "ORCHESTRATOR_KEY": "a passphrase for benches",
    }
    began_s, simulator_s = time.perf_counter(), _cpu_s(orgs["pid"])
    with subprocess.Popen(  # noqa: S603 - our own program
        command, env=environment, cwd=_ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        out = process.stdout.read() if process.stdout else ""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in {0, _NEEDS_ATTENTION}:
        raise AssertionError(f"{command[2]} ended with {process.returncode}: {out[-2000:]}")
    return Cost(
        wall_s=time.perf_counter() - began_s,
        cpu_s=used.ru_utime + used.ru_stime,
        simulator_cpu_s=_cpu_s(orgs["pid"]) - simulator_s,
        peak_mb=used.ru_maxrss / 1024,
        requests_per_org=_requests(orgs, count),
        out=out,
    )


def slowest_own_s(folder: Path) -> float:
    """Longest time from the first attempt of a run to its last, by the journal in *folder*."""
    query = (
        "SELECT MAX(own_s) FROM (SELECT MAX(settled_s) - MIN(intended_s) AS own_s FROM attempt GROUP BY run)"
    )
    with contextlib.closing(sqlite3.connect(folder / "journal.db")) as journal:
        return float(journal.execute(query).fetchone()[0])


def _cpu_s(pid: str) -> float:
    """CPU seconds of a living process (proc(5), fields utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _requests(orgs: Mapping[str, str], count: int) -> float:
    import urllib.request  # noqa: PLC0415 - only here

    with urllib.request.urlopen(f"{orgs['control']}/requests?limit=1", timeout=60) as answer:  # noqa: S310 - loopback
        found: dict[str, Any] = json.load(answer)
    return float(found["total"]) / count
