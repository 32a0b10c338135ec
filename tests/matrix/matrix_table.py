"""The page `docs/fault-matrix.md`: written from outcomes, and read back for the check."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from matrix_cells import EVER, MINUTE, ONCE, SAID_IN_EVIDENCE, Outcome
from matrix_faults import COLUMNS
from matrix_routes import Route
from matrix_rows import ROUTES
from matrix_rungs import RUNG_ROUTES

from orchestrator.actions.registry import ACTIONS
from orchestrator.catalogue import FAULTS
from orchestrator.playbook.compiler import compile_playbook
from orchestrator.playbook.model import Playbook
from orchestrator.shipped import playbook_source

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "fault-matrix.md"
OK, NOT_TOUCHED = "ok", "-"
ALL_ROUTES = (*ROUTES, *RUNG_ROUTES)
Cells = Mapping[tuple[str, str, str], str]  # route, state, column


def cell(outcomes: Sequence[Outcome]) -> str:
    """All shots of one fault at one state, in a few words."""
    if not outcomes:
        return NOT_TOUCHED
    said = []
    for lasts, word in ((ONCE, "once: "), (MINUTE, "a minute: "), (EVER, "")):
        endings = {_ending(one) for one in outcomes if one.shot.lasts == lasts}
        if lasts != EVER:
            endings.discard(OK)
        said += [word + ending for ending in sorted(endings)]
    return "; ".join(said)


def _ending(outcome: Outcome) -> str:
    if outcome.is_as_clean:
        return OK
    words = {"needs_attention": "attention", "waiting": f"asks in {outcome.state}"}
    code = f" `{outcome.code}`" if outcome.code else ""
    if outcome.state in SAID_IN_EVIDENCE:
        code = f" `{outcome.detail.split(': ')[1]}`"
    again = " ↻" if outcome.goes_on else ""
    return f"{words.get(outcome.result, outcome.result)}{code} {outcome.exit}{again}"


@functools.cache
def compiled(playbook: str) -> Playbook:
    """A playbook that ships."""
    source, name = playbook_source(playbook)
    return compile_playbook(source, name, {name: one.spec for name, one in ACTIONS.items()}, FAULTS)


def action_states(playbook: str) -> dict[str, str]:
    """State → action."""
    states = compiled(playbook).machine.states
    return {name: state.action for name, state in states.items() if state.action is not None}


def states_of(route: Route) -> tuple[str, ...]:
    """The rows of a route, as far as it names them."""
    return route.states or tuple(action_states(route.playbook))


def page(cells: Cells) -> str:
    """The whole page."""
    return "\n".join([*_head(), *(line for route in ALL_ROUTES for line in _section(route, cells)), ""])


def _head() -> Iterable[str]:
    yield from _INTRODUCTION.splitlines()
    yield ""
    yield "| fault | simulator | what happens |"
    yield "| --- | --- | --- |"
    for column in COLUMNS:
        yield f"| {column.name} | `{column.kind}` | {column.about} |"


def _section(route: Route, cells: Cells) -> Iterable[str]:
    actions = action_states(route.playbook)
    yield ""
    if route is RUNG_ROUTES[0]:
        yield "# The ways to the first session"
        yield ""
    yield f"## {route.name}"
    yield ""
    yield route.about.rstrip(".")[0].upper() + route.about.rstrip(".")[1:] + "."
    yield ""
    yield "| state | " + " | ".join(column.name for column in COLUMNS) + " |"
    yield "| --- |" + " --- |" * len(COLUMNS)
    for state in states_of(route):
        if (route.name, state, COLUMNS[0].name) not in cells:
            continue
        named = state if state == actions[state] else f"{state} (`{actions[state]}`)"
        row = [cells[route.name, state, column.name] for column in COLUMNS]
        yield f"| {named} | " + " | ".join(row) + " |"


def read_page(text: str) -> dict[tuple[str, str, str], str]:
    """The cells of a written page."""
    cells: dict[tuple[str, str, str], str] = {}
    route, columns = "", [column.name for column in COLUMNS]
    for line in text.splitlines():
        if line.startswith("## "):
            route = line[3:]
        elif line.startswith("| state |"):
            columns = [part.strip() for part in line.strip("|").split("|")][1:]
        elif line.startswith("| ") and route and "---" not in line:
            parts = [part.strip() for part in line.strip().strip("|").split("|")]
            state = re.sub(r" \(.*\)", "", parts[0])
            cells.update({(route, state, name): text for name, text in zip(columns, parts[1:], strict=True)})
    return cells


_INTRODUCTION = """\
# Fault matrix

Every action meets every fault of the [simulator](simulator.md): once, for a minute, and for ever, from the
moment its state is entered. This page is written by `python -m tests.matrix --write` and checked by
`python -m tests.matrix --check`; a sample of it is checked by every test run. Nothing here
is written by hand.

| cell | means |
| --- | --- |
| `ok` | the run ends as it does without the fault, however long the fault lasts |
| failed, attention `code` N | if the fault stays, the run ends so: [code](errors.md), exit code N |
| asks in STATE N | if it stays, the run asks a person and waits |
| once: … , a minute: … | how it ends when the fault passes, where that is not `ok` |
| ↻ | `orchestrator resume` brings it to its end once the fault is over; without it a new run is due |
| - | the state sends nothing that this fault could meet |

Whatever the cell says, these held in every run of it: the code is in the catalogue; a fault that Salesforce
documents is never `answer_unknown`, and never our own defect; never is the password dead while the JWT does
not work; no app, user, password change, package install or deploy is made twice.

"Once" spoils one request of each of the two most important kinds the state sends. States without a row here
are the same action as a row of another table, or lie on no path of these runs."""
