"""`make soak`: one fleet in one process, weather from a printed seed, then the books are balanced.

`python -m tests.soak --minutes 60 --seed 1 --gust 3` prints a Markdown report and exits 1 if a law
is broken: memory and open files stay flat once warm, every run that was begun ends or waits visibly, an org
whose password is dead has a working JWT, and a run that says succeeded tells the truth. When the time is up
before the fleet is over, the process is asked to stop (SIGTERM), and what it had begun is resumed and judged.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.soak.gauge import Gauge, Sample
from tests.soak.weather import Control, Weather

_ROOT = Path(__file__).parents[2]
_SPEED = 60.0
_LOOK_EVERY_S = 5.0
_ENDED = "run_finished"
_FIRST = "detect"
# Connections are kept for 256 hosts and tokens for 1,024 runs; before that many are over, memory must grow.
CACHES_FULL_RUNS = 1100
# Then a finished run leaves what the recap needs, a waiting one its wake-up; nothing else may grow.
GROWTH_KB_PER_RUN = 8.0
GROWTH_FILES = 16


@dataclass(frozen=True)
class Soak:
    """What came of it."""

    program: Gauge
    simulator: Gauge
    weather: Counter[str]
    ends: Counter[str]
    broken: list[str]
    wall_s: float


def main() -> int:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--orgs", type=int, default=9000)
    parser.add_argument(
        "--minutes", type=float, default=60.0, help="then what was begun is brought to an end"
    )
    parser.add_argument("--seed", default=str(int(time.time())))
    parser.add_argument("--gust", type=float, default=3.0, help="seconds between two faults")
    parser.add_argument("--concurrency", type=int, default=16)
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.orgs} orgs", flush=True)  # noqa: T201 - the report is the point
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        soak = _soak(Path(folder), options)
    print(_report(soak))  # noqa: T201 - likewise
    return 1 if soak.broken else 0


def _soak(folder: Path, options: argparse.Namespace) -> Soak:
    simulate = [sys.executable, "-m", "orchestrator", "simulate", "--count", str(options.orgs)]
    simulate += ["--speed", f"{_SPEED:g}", "--seed", options.seed]
    with subprocess.Popen(simulate, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as orgs:  # noqa: S603 - our own
        try:
            assert orgs.stdout is not None
            line = json.loads(orgs.stdout.readline())
            return _with_orgs(folder, options, line, orgs.pid)
        finally:
            orgs.terminate()


def _with_orgs(folder: Path, options: argparse.Namespace, line: dict[str, str], simulator_pid: int) -> Soak:
    control = Control(line["control"])
    names = [row["name"] for row in control.ask("/orgs")["orgs"]]
    weather = Weather(control, options.seed, names)
    environment = {
        **os.environ,
        "REQUESTS_CA_BUNDLE": line["ca"],
        "ORCHESTRATOR_KEY": "a passphrase for soaks",
        "ORCHESTRATOR_HOME": str(folder / "home"),
    }
    run = [sys.executable, "-m", "orchestrator", "run", "hybrid", "--json", "--orgs", line["orgs_file"]]
    run += [*_to(line), "--concurrency", str(options.concurrency), "--speed", f"{_SPEED:g}"]
    out = folder / "events"
    began_s = time.monotonic()
    with out.open("wb") as file, subprocess.Popen(run, stdout=file, env=environment, cwd=_ROOT) as program:  # noqa: S603 - our own
        ours, theirs = Gauge(program.pid), Gauge(simulator_pid)
        _watch(program, out, (ours, theirs), weather, options)
    wall_s = time.monotonic() - began_s
    weather.clear()
    if wall_s > options.minutes * 60:
        begun = [row["run"] for row in _ask(environment, "runs", "list", "--json") if _is_under_way(row)]
        resume = [sys.executable, "-m", "orchestrator", "resume", *begun, "--quiet"]
        subprocess.run([*resume, *_to(line)], env=environment, cwd=_ROOT, check=False)  # noqa: S603 - our own
    broken, ends = _balance(folder / "home", control, environment, names)
    return Soak(ours, theirs, weather.posted, ends, broken + _growth(ours), wall_s)


def _watch(
    program: subprocess.Popen[bytes],
    out: Path,
    gauges: tuple[Gauge, Gauge],
    weather: Weather,
    options: argparse.Namespace,
) -> None:
    """Until the fleet or the time is over: a fault every few seconds, and a look."""
    began_s = time.monotonic()
    looked_s, finished = -_LOOK_EVERY_S, 0
    with out.open("rb") as events:
        while True:
            try:
                program.wait(options.gust)
            except subprocess.TimeoutExpired:
                weather.blow()
            else:
                return
            finished += sum(_ENDED.encode() in line for line in events)
            now_s = time.monotonic() - began_s
            if now_s > options.minutes * 60:
                program.terminate()
                program.wait()
                return
            if now_s - looked_s >= _LOOK_EVERY_S:
                looked_s = now_s
                for gauge in gauges:
                    gauge.look(now_s, finished)


def _to(line: dict[str, str]) -> list[str]:
    return ["--connect-to", line["connect_to"]]


def _is_under_way(row: dict[str, Any]) -> bool:
    """Begun, and neither over nor waiting for a person; runs not begun stand at the first state."""
    return row["status"] == "active" and row["state"] != _FIRST


def _balance(
    home: Path, control: Control, environment: dict[str, str], names: list[str]
) -> tuple[list[str], Counter[str]]:
    """Laws that the fleet broke, and how its runs ended."""
    runs = {row["org"]: row for row in _ask(environment, "runs", "list", "--json")}
    broken = [f"{name}: no run" for name in names if name not in runs]
    ends: Counter[str] = Counter()
    for name in names:
        row = runs.get(name, {})
        if row.get("status") == "active" and row.get("state") == _FIRST:
            ends["not begun when the time was up"] += 1
            continue
        result = str(row.get("result") or row.get("status"))
        ends[result if result == "succeeded" else f"{result}: {row.get('state')} {row.get('code')}"] += 1
        truth = control.ask(f"/orgs/{name}")
        if not truth["password_works"] and not truth["jwt_works"]:
            broken.append(f"{name}: locked without a working JWT ({result})")
        if result == "succeeded" and (truth["password_works"] or not truth["jwt_works"]):
            broken.append(f"{name}: succeeded is not true")
        if result not in {"succeeded", "failed", "needs_attention", "waiting"}:
            broken.append(f"{name}: neither over nor waiting for a person ({result})")
    if not (home / "journal.db").is_file():
        broken.append("the journal is gone")
    return broken, ends


def _ask(environment: dict[str, str], *arguments: str) -> Any:
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "orchestrator", *arguments],
        env=environment,
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def _growth(gauge: Gauge) -> list[str]:
    """What grew from when the caches were full (or the second tenth of a short run) to the end."""
    windows = gauge.windows()
    if len(windows) < 10:
        return ["too short to say anything about growth"]
    warm = next((window for window in windows if window.finished >= CACHES_FULL_RUNS), windows[1])
    last = windows[-1]
    runs = max(last.finished - warm.finished, 1)
    grown_kb = (last.resident_mb - warm.resident_mb) * 1024 / runs
    broken = []
    if grown_kb > GROWTH_KB_PER_RUN:
        broken.append(f"memory grew by {grown_kb:.1f} kB per run")
    if last.files - warm.files > GROWTH_FILES:
        broken.append(f"open files grew from {warm.files} to {last.files}")
    return broken


def _report(soak: Soak) -> str:
    rows = [
        "| minute | memory MB | files | threads | runs over | simulator MB |",
        "|---|---|---|---|---|---|",
    ]
    beside = [sample.resident_mb for sample in soak.simulator.windows()]
    rows += [
        _row(sample, beside[number] if number < len(beside) else 0.0)
        for number, sample in enumerate(soak.program.windows())
    ]
    faults = ", ".join(f"{kind} {count}" for kind, count in sorted(soak.weather.items()))
    ends = [f"- {count} x {end}" for end, count in soak.ends.most_common()]
    laws = soak.broken[:50] or ["no law broken"]
    return "\n".join(
        [*rows, "", f"{soak.wall_s / 60:.1f} minutes. Faults posted: {faults}.", "", *ends, "", *laws]
    )


def _row(sample: Sample, beside_mb: float) -> str:
    return (
        f"| {sample.at_s / 60:.0f} | {sample.resident_mb:.0f} | {sample.files} | {sample.threads}"
        f" | {sample.finished} | {beside_mb:.0f} |"
    )


if __name__ == "__main__":
    raise SystemExit(main())
