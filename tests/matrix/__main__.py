"""`python -m tests.matrix --write` makes the page anew, `--check` compares it with what happens now.

`--only ROUTE[:STATE[:FAULT]]` limits either to some cells; the others are kept as they are.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from matrix_run import Task, all_tasks, grouped, run_tasks
from matrix_table import PAGE, page, read_page


def main() -> int:
    """Exit code 1 when a law is broken or a cell differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    chosen = [task for task in all_tasks() if not asked.only or any(_fits(task, one) for one in asked.only)]
    written = read_page(PAGE.read_text("utf-8")) if PAGE.exists() else {}
    made: dict[tuple[str, str, str], str] = {}
    is_wrong = False
    with multiprocessing.get_context("spawn").Pool(asked.processes) as pool:
        for result in (
            one for group in pool.imap_unordered(run_tasks, grouped(chosen)[::-1]) for one in group
        ):
            made.update(result.cells)
            if asked.write:  # as it goes: it takes minutes
                PAGE.write_text(page({**written, **made}), "utf-8")
            for line in result.lines:
                print(line, flush=True)  # noqa: T201 - what happened
            is_wrong |= result.is_broken
        pool.close()
        pool.join()  # each process removes its folder
    differing = [key for key, text in made.items() if written.get(key) != text]
    for key in sorted(differing):
        print(f"differs {key}: {written.get(key)!r} -> {made[key]!r}")  # noqa: T201 - likewise
    return int(is_wrong or (asked.check and bool(differing)))


def _fits(task: Task, only: str) -> bool:
    return all(part in {"", "*", mine} for part, mine in zip(only.split(":"), task, strict=False))


if __name__ == "__main__":
    sys.exit(main())
