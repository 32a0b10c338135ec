"""The orgs file as a table: the same column names as the YAML keys, labels as `label.wave` or `k=v;k=v`.

Diagnostics name the line of the file and the column of the table (1 for the first). Commas and, as
spreadsheets of some countries write them, semicolons and tabs separate columns.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator

from orchestrator.fleet.rows import Cell, Row
from orchestrator.playbook.diagnostics import (
    DUPLICATE_KEY,
    MISSING_KEY,
    SHAPE,
    SYNTAX,
    UNKNOWN_KEY,
    WRONG_TYPE,
    Findings,
    Place,
    did_you_mean,
    nearest,
)

_LABEL_PREFIX = "label."
_BOOLEANS = {"true": True, "false": False}


def read_rows(text: str, findings: Findings, fields: Collection[str]) -> list[Row]:
    """The rows of the table in *text*; what is wrong with its form is added to *findings*."""
    text = text.removeprefix("\ufeff")
    first_line = text.split("\n", 1)[0]
    separator = max(",;\t", key=first_line.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        numbered = _numbered(lines)
        heading = next(numbered, None)
        if heading is None:
            findings.add((1, 1), SHAPE, "the table is empty", "start with a line of column names: name,url,…")
            return []
        columns = _columns(*heading, findings, fields)
        if columns is None:
            return []
        rows = [row for line, cells in numbered if (row := _row(line, cells, columns, findings)) is not None]
    except csv.Error:
        # The reader's sentence is left out: it may quote the line.
        findings.add(
            (lines.line_num or 1, 1),
            SYNTAX,
            "not CSV: quotes do not match here",
            'write " inside quotes as ""',
        )
        return []
    if not rows and not findings:
        findings.add((1, 1), SHAPE, "the table has no rows", "add one line per org")
    return rows


def _numbered(lines: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Every row that is not blank with the number of its first line."""
    line = 1
    for cells in lines:
        if any(cell.strip() for cell in cells):
            yield line, cells
        line = lines.line_num + 1  # type: ignore[attr-defined]  # the typing of csv.reader hides its own attribute


def _columns(line: int, heading: list[str], findings: Findings, fields: Collection[str]) -> list[str] | None:
    """The names of the columns; None when name or url is missing."""
    columns = [cell.strip() for cell in heading]
    known = {"name", *fields}
    for number, column in enumerate(columns, 1):
        if column in columns[: number - 1]:
            findings.add((line, number), DUPLICATE_KEY, f"the column '{column}' is here twice", "keep one")
        elif column not in known and not column.startswith(_LABEL_PREFIX):
            # Quoted only when it was meant to be one of ours: of a table without a heading this is the
            # first row, passwords included.
            meant = f"unknown column '{column[:80]}'" if nearest(column, known) else "an unknown column"
            findings.add(
                (line, number),
                UNKNOWN_KEY,
                meant,
                did_you_mean(column, known, otherwise=f"known are {', '.join(sorted(known))}, label.<name>"),
            )
    missing = [column for column in ("name", "url") if column not in columns]
    for column in missing:
        findings.add((line, 1), MISSING_KEY, f"the column '{column}' is missing", "add it to the first line")
    return None if missing else columns


def _row(line: int, cells: list[str], columns: list[str], findings: Findings) -> Row | None:
    if len(cells) > len(columns):
        findings.add(
            (line, len(columns) + 1),
            SHAPE,
            f"the row has {len(cells)} cells, the table {len(columns)} columns",
            "put a value that contains the separator in quotes",
        )
        return None
    row = Row("", Place(line, 1), Place(line, columns.index("name") + 1))
    for number, (column, raw) in enumerate(zip(columns, cells, strict=False), 1):
        text = raw.strip()
        place = Place(line, number)
        if column == "name":
            row.name = text
        elif not text:
            continue
        elif column == "labels":
            _split_labels(text, place, row, findings)
        elif column.startswith(_LABEL_PREFIX):
            row.labels[column.removeprefix(_LABEL_PREFIX)] = Cell(text, text, place)
        elif column == "web":
            row.cells[column] = Cell(_BOOLEANS.get(text.lower(), text), text, place)
        else:
            row.cells[column] = Cell(text, text, place)
    return row


def _split_labels(text: str, place: Place, row: Row, findings: Findings) -> None:
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        key, equals, value = part.partition("=")
        if not equals or not value.strip():
            findings.add(
                place, WRONG_TYPE, "'labels' is not `key=value;key=value`", "write `wave=canary;region=eu`"
            )
            return
        row.labels[key.strip()] = Cell(value.strip(), value.strip(), place)
