"""What a person sees while runs go on; the same events are the lines of `--json`."""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from typing import TextIO

from orchestrator.cli.terminal import rich_on
from orchestrator.engine import events
from orchestrator.engine.events import Event
from orchestrator.ports import iso
from orchestrator.redaction import redact

_MARKS = {"succeeded": ("✓", "green"), "again": ("·", "yellow"), "failed": ("✗", "red")}
_RESULT_COLORS = {"succeeded": "green", "failed": "red", "needs_attention": "yellow"}


class JsonLines:
    """One JSON object a line, flushed as it happens."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Print the event."""
        line = json.dumps(event.as_json(), ensure_ascii=False)
        with self._lock:
            self._out.write(redact(line) + "\n")
            self._out.flush()


class Silence:
    """For --quiet: errors and the recap are printed by the command itself."""

    def __call__(self, event: Event) -> None:
        """Say nothing."""


class Lines:
    """A line for everything that settles; waiting is shown once per reason, not once per try."""

    def __init__(self, *, color: bool, many: bool, verbose: bool) -> None:
        self._rich = rich_on(sys.stdout, color=color)
        self._many = many
        self._verbose = verbose
        self._lock = threading.Lock()
        self._tries: Counter[tuple[str, str]] = Counter()
        self._last: dict[str, str] = {}

    def __call__(self, event: Event) -> None:
        """Print what is worth a line."""
        with self._lock:
            text = self._text(event)
            if text:
                self._rich.print(redact(text), markup=True)

    def _text(self, event: Event) -> str | None:
        match event.event:
            case events.RUN_STARTED:
                return f"[bold]{_safe(event.org)}[/]  run {_safe(event.run)}"
            case events.ATTEMPT_SETTLED:
                return self._settled(event)
            case events.WAITING if event.code == "operator":
                until = iso(event.not_before_s) if event.not_before_s else "an answer comes"
                question = f"{event.detail} - " if event.detail else ""
                return self._line(event, "?", "yellow", f"{question}waits for an operator until {until}")
            case events.WAITING if event.code == "org_busy":
                return self._line(event, "·", "yellow", f"org_busy: {event.detail}")
            case events.RUN_FINISHED:
                color = _RESULT_COLORS.get(event.result or "", "yellow")
                took = f" in {event.duration_s:.1f} s" if event.duration_s is not None else ""
                return f"{self._name(event)}[{color}]{event.result}[/]{took}"
            case _:
                return None

    def _settled(self, event: Event) -> str | None:
        detail = event.detail or ""
        if event.outcome == "again":
            self._tries[event.run, event.state] += 1
            reason = f"{event.state} {event.code}"
            if self._last.get(event.run) == reason and not self._verbose:
                return None
            self._last[event.run] = reason
            return self._line(event, "·", "yellow", f"{event.code}: {detail}")
        self._last.pop(event.run, None)
        tries = self._tries.pop((event.run, event.state), 0)
        mark, color = _MARKS.get(event.outcome or "", ("✓", "green"))
        also = f" ({event.outcome})" if event.outcome not in {"succeeded", "failed"} else ""
        code = f"{event.code}: " if event.code else ""
        after = f" [dim]after {tries} more tries[/]" if tries else ""
        return self._line(event, mark, color, f"{code}{detail}{also}", after)

    def _line(self, event: Event, mark: str, color: str, text: str, after: str = "") -> str:
        return f"{self._name(event)}[{color}]{mark}[/] {event.state:<24} {_safe(text)}{after}"

    def _name(self, event: Event) -> str:
        return f"[bold]{_safe(event.org):<16}[/] " if self._many else "  "


def _safe(text: str) -> str:
    """Text from outside is not markup."""
    from rich.markup import escape  # noqa: PLC0415 - as above

    return escape(text)
