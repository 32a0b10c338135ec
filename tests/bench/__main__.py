"""`make bench`: a table of figures, targets, what was measured, and how fast this machine is.

`python -m tests.bench --quick` measures a tenth of everything. Figures of a shared machine differ from run to
run; the ratios stay.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from tests.bench import fleets, makespan, noop, pacing, simulator_rate, workers

Row = tuple[str, str, str]
_ROOT = Path(__file__).parents[2]
_SPEED = 100.0
_SPEED_WITHOUT_WIRE = 10.0


def machine_reference(folder: Path, scale: int) -> list[Row]:
    """What this machine needs for the things that everything else is made of."""
    began_s = time.process_time()
    for _ in range(20):
        rsa.generate_private_key(65537, 2048)
    key_ms = (time.process_time() - began_s) / 20 * 1000
    began_s = time.process_time()
    total = sum(number * number for number in range(2_000_000))
    loop_ms = (time.process_time() - began_s) * 1000 + 0 * total
    with (folder / "sync").open("wb", buffering=0) as file:
        began_s = time.perf_counter()
        for _ in range(200):
            file.write(b"x" * 4096)
            os.fdatasync(file.fileno())
        sync_ms = (time.perf_counter() - began_s) / 200 * 1000
    load = os.getloadavg()[0]
    return [
        (
            "machine",
            "",
            f"{os.cpu_count()} cores, Python {platform.python_version()}, load {load:.1f} at start",
        ),
        ("machine: an RSA 2048 key, CPU", "", f"{key_ms:.0f} ms"),
        ("machine: 2 million multiplications, CPU", "", f"{loop_ms:.0f} ms"),
        ("machine: 4 kB written and synced", "", f"{sync_ms:.2f} ms"),
        ("scale", "", f"1/{scale}"),
    ]


def cpu_per_org(folder: Path, scale: int) -> list[Row]:
    """The hybrid flow against the straight line, one after the other."""
    count = 1000 // scale
    theirs = fleets.yardstick(count, _SPEED)
    ours = fleets.product(folder / "cpu", count, _SPEED)
    return [
        (f"straight-line script, {count} orgs, CPU per org", "", f"{theirs.cpu_s / count:.3f} s"),
        ("  requests per org", "", f"{theirs.requests_per_org:.0f}"),
        (f"hybrid flow, {count} orgs, CPU per org", "", f"{ours.cpu_s / count:.3f} s"),
        ("  requests per org", "", f"{ours.requests_per_org:.0f}"),
        ("  peak memory", "", f"{ours.peak_mb:.0f} MB"),
        ("  ended", "all succeeded", _ended(ours)),
        ("  ratio", "<= 2", f"{ours.cpu_s / theirs.cpu_s:.2f}"),
    ]


def journal_and_engine(folder: Path, scale: int) -> list[Row]:
    """Runs whose states do nothing: what the machine, the engine and the journal cost."""
    count = 100
    (folder / "warm").mkdir()
    noop.drive_noops(folder / "warm", 5)
    measured = []
    for number in range(3):
        (folder / f"noop{number}").mkdir()
        measured.append(noop.drive_noops(folder / f"noop{number}", count))
    wall_s, cpu_s = min(measured)
    finished, waiting = 100_000 // scale, 10_000 // scale
    (folder / "beside").mkdir()
    few_ms, many_ms = noop.drive_beside(folder / "beside", finished, waiting)
    return [
        (f"{count} runs x {noop.STATES} no-op states, journal synced", "<= 1 s", f"{wall_s:.2f} s"),
        ("  CPU", "", f"{cpu_s:.2f} s"),
        ("a transition beside 100 finished runs, CPU", "", f"{few_ms:.2f} ms"),
        (
            f"a transition beside {finished:,} finished and {waiting:,} waiting runs, CPU",
            "<= 1.2 x that",
            f"{many_ms:.2f} ms, {many_ms / few_ms:.2f} x",
        ),
    ]


def waiting(folder: Path, scale: int) -> list[Row]:
    """Ten thousand parked runs, and ten thousand that wait for an operator."""
    count = 10_000 // scale
    parked, asking = (_park(folder / name, count, name) for name in ("waiting", "asking"))
    return [
        (f"{count:,} parked runs, memory they add", "<= 200 MB", f"{parked['added_mb']:.0f} MB"),
        ("  whole process", "", f"{parked['total_mb']:.0f} MB"),
        ("  CPU of waiting", "< 1 % of a core", f"{parked['waiting_share'] * 100:.3f} %"),
        (
            "  to drive them until they park, CPU per run",
            "",
            f"{parked['drive_cpu_s'] / count * 1000:.1f} ms",
        ),
        (f"{count:,} runs waiting for an operator, to go through them", "", f"{asking['drive_s']:.1f} s"),
        ("  memory they add", "<= 200 MB", f"{asking['added_mb']:.0f} MB"),
    ]


def _park(folder: Path, count: int, how: str) -> dict[str, Any]:
    folder.mkdir()
    command = [sys.executable, "-m", "tests.bench.noop", str(folder), str(count), "10", how]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - our own
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def overlap(folder: Path, scale: int) -> list[Row]:
    """A fleet whose apps take 2 to 10 minutes of org time to propagate: without the wire, and over it."""
    count = 500 // scale
    (folder / "overlap").mkdir()
    made = makespan.drive(folder / "overlap", count, _SPEED_WITHOUT_WIRE)
    cost = fleets.product(folder / "makespan", count, _SPEED, "slow_propagation")
    own_s = fleets.slowest_own_s(folder / "makespan")
    return [
        (
            f"{count} orgs, propagation 2-10 min at speed {_SPEED_WITHOUT_WIRE:g}, wire left out, makespan",
            "<= 1.1 x slowest",
            f"{made.fleet_s:.1f} s, {made.fleet_s / made.slowest_s:.2f} x",
        ),
        ("  share of all cores used", "", f"{made.share_of_cores:.0%}"),
        (f"{count} orgs, the same at speed {_SPEED:g} over the wire, makespan", "", f"{cost.wall_s:.0f} s"),
        ("  share of all cores used, simulator included", "", f"{cost.share_of_cores:.0%}"),
        ("  slowest org by itself", "", f"{own_s:.0f} s"),
        ("  ended", "all succeeded", _ended(cost)),
        ("  orgs a minute", "", f"{count / cost.wall_s * 60:.0f}"),
        ("  requests per org", "", f"{cost.requests_per_org:.0f}"),
    ]


def _ended(cost: fleets.Cost) -> str:
    found = re.search(r"run\(s\): (.*)", cost.out)
    return found.group(1) if found else "?"


def learned_pace(_folder: Path, scale: int) -> list[Row]:
    """Pacing by what earlier runs took, against schedules that do not learn."""
    return pacing.figures(max(200 // scale, 40))


def simulator(_folder: Path, _scale: int) -> list[Row]:
    """What one simulator process serves and holds; the machine's own reference stands behind each figure."""
    return [(name, "", f"{measured}; {reference}") for name, measured, reference in simulator_rate.figures()]


def many_machines(_folder: Path, scale: int) -> list[Row]:
    """Two workers on one PostgreSQL against one."""
    return workers.figures(200 // scale)


_PARTS: tuple[Callable[[Path, int], list[Row]], ...] = (
    machine_reference,
    journal_and_engine,
    waiting,
    learned_pace,
    cpu_per_org,
    overlap,
    many_machines,
    simulator,
)


def main() -> None:
    """Measure, and print the table as it grows."""
    scale = 10 if "--quick" in sys.argv else 1
    began_s = time.perf_counter()
    print(f"{'figure':<72} {'target':<16} measured")  # noqa: T201 - the table is the point
    for part in _PARTS:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            for figure, target, measured in part(Path(folder), scale):
                print(f"{figure:<72} {target:<16} {measured}", flush=True)  # noqa: T201 - likewise
    print(f"{'in all':<72} {'':<16} {time.perf_counter() - began_s:.0f} s")  # noqa: T201 - likewise


if __name__ == "__main__":
    main()
