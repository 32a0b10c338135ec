"""What a person sees of a fleet: a live table on a terminal; the recap table everywhere."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Self

from orchestrator.fleet.tally import Snapshot
from orchestrator.ports import iso
from orchestrator.redaction import redact

_REFRESH_S = 0.5
_RESULT_COLORS = {"succeeded": "green", "failed": "red", "needs_attention": "yellow"}
_MINUTE_S = 60.0
_QUIET_S = 60.0  # longer than any single request may take


class LiveTable:
    """Redraws the numbers twice a second while the fleet goes.

    Args:
        rich: the console.
        snapshot: the numbers now.
        now_s: Unix seconds.
        circuits: hosts in trouble -> seconds until the next probe.
    """

    def __init__(
        self,
        rich: Any,
        snapshot: Callable[[], Snapshot],
        now_s: Callable[[], float],
        circuits: Callable[[], Mapping[str, float]],
    ) -> None:
        from rich.live import Live  # noqa: PLC0415 - only on terminals

        self._live: Any = Live(console=rich, auto_refresh=False, transient=True)
        self._table: Callable[[], Any] = lambda: table(snapshot(), now_s(), circuits())
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_drawing, name="view", daemon=True)

    def __enter__(self) -> Self:
        self._live.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._live.stop()

    def _keep_drawing(self) -> None:
        while not self._over.is_set():
            self._live.update(self._table(), refresh=True)
            self._over.wait(_REFRESH_S)


def table(now: Snapshot, now_s: float, circuits: Mapping[str, float]) -> Any:
    """The live table: results and states with counts, what is waited for, what fails, what is slow."""
    from rich.table import Table  # noqa: PLC0415 - 50 ms that --json need not pay
    from rich.text import Text  # noqa: PLC0415 - likewise

    grid = Table(box=None, pad_edge=False, show_header=False)
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(justify="right")
    grid.add_column(overflow="fold")
    over = sum(now.results.values())
    grid.add_row("fleet", f"{over}/{now.total}", Text(_course(now, now_s)))
    for result, number in sorted(now.results.items()):
        grid.add_row(Text(result, style=_RESULT_COLORS.get(result, "yellow")), str(number), "")
    for state, number in now.states.items():
        grid.add_row(Text(f"  {state}", style="dim"), str(number), "")
    wake = "" if now.next_wake_s is None else f"next in {max(now.next_wake_s - now_s, 0.0):.0f} s"
    grid.add_row("working", str(now.working), "")
    grid.add_row("waiting", str(now.asleep), wake)
    if now.quiet_s > _QUIET_S:
        idle = f"nothing for {_minutes(now.quiet_s)}; if nobody drives them: orchestrator resume --all"
        grid.add_row(Text("quiet", style="yellow"), "", idle)
    if now.operator:
        grid.add_row(Text("operator", style="yellow"), str(now.operator), "orchestrator runs approve")
    if now.not_begun:
        grid.add_row("not begun", str(now.not_begun), "")
    for code, number in list(now.codes.items())[:6]:
        grid.add_row(Text(f"  {code}", style="yellow"), str(number), "")
    for name, wait_s in circuits.items():
        grid.add_row(Text("held", style="red"), "", Text(f"{name} is in trouble; probe in {wait_s:.0f} s"))
    for org, state, since_s in now.slowest:
        grid.add_row(Text("  slowest", style="dim"), _minutes(since_s), Text(redact(f"{org} in {state}")))
    return grid


def _course(now: Snapshot, now_s: float) -> str:
    """How long it has gone, and when it may end."""
    gone = f"for {_minutes(now.elapsed_s)}"
    if now.end_s is None:
        return gone
    return f"{gone}, about {_minutes(now.end_s - now_s)} left (until {iso(now.end_s)[11:19]} UTC)"


def _minutes(seconds: float) -> str:
    if seconds < _MINUTE_S:
        return f"{seconds:.0f} s"
    minutes, rest_s = divmod(int(seconds), int(_MINUTE_S))
    return f"{minutes} min {rest_s:02d} s"


def recap_table(now: Snapshot, held_back: int) -> Any:
    """Counts by result, at the end of a fleet."""
    from rich.table import Table  # noqa: PLC0415 - as above

    recap = Table(box=None, pad_edge=False, header_style="bold")
    recap.add_column("result")
    recap.add_column("runs", justify="right")
    recap.add_column("")
    rows = [(result, number, "") for result, number in sorted(now.results.items())]
    if now.operator:
        rows.append(("waiting for an operator", now.operator, "orchestrator runs approve RUN"))
    if held_back:
        rows.append(("held back", held_back, "orchestrator resume --all"))
    for result, number, remedy in rows:
        recap.add_row(result, str(number), remedy)
    codes = ", ".join(f"{number} {code}" for code, number in now.codes.items())
    recap.add_row(
        "attempts", str(now.attempts), f"in {_minutes(now.elapsed_s)}" + (f"; {codes}" if codes else "")
    )
    return recap
