"""Cells made in processes: a route is recorded once per process, then shot at."""

from __future__ import annotations

import atexit
import functools
import itertools
import multiprocessing.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

from matrix_cells import Outcome, fire, shots
from matrix_faults import COLUMNS, Column
from matrix_routes import Recording, record_route
from matrix_stage import scratch
from matrix_table import ALL_ROUTES, action_states, cell, states_of

ROWS_TOGETHER = 8


class Task(NamedTuple):
    """One row."""

    route: str
    state: str


@dataclass
class Result:
    """The cells of a row, and what there is to say about them."""

    cells: dict[tuple[str, str, str], str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    is_broken: bool = False


@functools.cache
def folder() -> Path:
    """Of this process; in memory where the system offers it."""
    made = ExitStack()
    atexit.register(made.close)
    multiprocessing.util.Finalize(None, made.close, exitpriority=1)  # a pool's process runs no atexit
    return made.enter_context(scratch())


@functools.lru_cache(maxsize=4)
def recording(name: str) -> Recording:
    """The clean run of a route."""
    route = next(one for one in ALL_ROUTES if one.name == name)
    return record_route(route, folder() / str(ALL_ROUTES.index(route)))


def all_tasks() -> Iterator[Task]:
    """Every row there may be; states a route does not reach give none."""
    for route in ALL_ROUTES:
        known = action_states(route.playbook)
        yield from (Task(route.name, state) for state in states_of(route) if state in known)


def grouped(tasks: Iterable[Task]) -> list[list[Task]]:
    """Rows to be made by one process: a route is recorded for each of them."""
    groups = []
    for _, same in itertools.groupby(tasks, key=lambda task: task.route):
        rows = list(same)
        groups += [rows[start : start + ROWS_TOGETHER] for start in range(0, len(rows), ROWS_TOGETHER)]
    return groups


def run_tasks(tasks: list[Task]) -> list[Result]:
    """Some rows."""
    return [run_task(task) for task in tasks]


def make_cell(route: str, state: str, column: Column) -> tuple[str, list[Outcome]]:
    """One cell and everything it was made from."""
    made = recording(route)
    visit = made.visits[state]
    outcomes = []
    for shot in shots(column, visit.operations):
        place = Path(tempfile.mkdtemp(dir=folder()))
        outcomes.append(fire(shot, made, visit, place / "world"))
        shutil.rmtree(place)
    return cell(outcomes), outcomes


def run_task(task: Task) -> Result:
    """A row."""
    for name in set(os.environ) - {"PATH", "HOME"}:  # requests looks for proxies in it before every request
        del os.environ[name]
    result = Result()
    if task.state not in recording(task.route).visits:
        return result
    for column in COLUMNS:
        text, outcomes = make_cell(task.route, task.state, column)
        result.cells[task.route, task.state, column.name] = text
        for one in outcomes:
            result.is_broken |= bool(one.broken)
            mark = f"BROKEN {'; '.join(one.broken)} " if one.broken else ""
            if one.broken or not one.is_as_clean:
                result.lines.append(f"{task.route}:{task.state} {mark}{one}")
    return result
