"""The orgs file as YAML: `orgs:`, one key per org, one mapping under it."""

from __future__ import annotations

from collections.abc import Collection

from orchestrator.fleet.rows import Cell, Row
from orchestrator.playbook.diagnostics import (
    MISSING_KEY,
    UNKNOWN_KEY,
    WRONG_TYPE,
    Findings,
    did_you_mean,
    nearest,
)
from orchestrator.playbook.loader import load
from orchestrator.playbook.nodes import Entry, Mapping, Node, Scalar

# Ten thousand orgs take about 3 MiB.
MAX_SIZE_BYTES = 64 << 20
_MAX_DEPTH = 6


def read_mapping(text: str, findings: Findings, fields: Collection[str]) -> list[Row]:
    """The rows of a YAML orgs file; what is wrong with its form is added to *findings*."""
    root = load(text, findings, max_size_bytes=MAX_SIZE_BYTES, max_depth=_MAX_DEPTH)
    if root is None:
        return []
    for key, entry in root.entries.items():
        if key != "orgs":
            findings.add(entry.place, UNKNOWN_KEY, f"unknown key '{key}'", did_you_mean(key, ["orgs"]))
    orgs = root.entries.get("orgs")
    if orgs is None:
        findings.add(
            root.place, MISSING_KEY, "'orgs' is missing", "start with `orgs:` and one indented key per org"
        )
        return []
    if not isinstance(orgs.node, Mapping) or not orgs.node.entries:
        findings.add(
            orgs.node.place,
            WRONG_TYPE,
            "'orgs' holds no orgs by name",
            "write `orgs: {acme: {url: https://…}}`",
        )
        return []
    rows = []
    for name, entry in orgs.node.entries.items():
        if isinstance(entry.node, Mapping):
            rows.append(_row(name, entry, entry.node, findings, fields))
        else:
            findings.add(
                entry.node.place,
                WRONG_TYPE,
                f"org '{name}' is not a mapping",
                "write `url: https://…` under it",
            )
    return rows


def _row(name: str, org: Entry, node: Mapping, findings: Findings, fields: Collection[str]) -> Row:
    cells: dict[str, Cell] = {}
    labels: dict[str, Cell] = {}
    meant: set[str] = set()
    for key, entry in node.entries.items():
        item = entry.node
        if key == "labels":
            labels = _labels(item, findings)
        elif key not in fields:
            findings.add(
                entry.place, UNKNOWN_KEY, f"unknown key '{key}' in org '{name}'", did_you_mean(key, fields)
            )
            meant.add(nearest(key, fields) or "")
        elif isinstance(item, Scalar):
            cells[key] = Cell(item.value, item.text, item.place)
        else:
            findings.add(item.place, WRONG_TYPE, f"'{key}' is not a single value", "write one text")
            meant.add(key)
    return Row(name, org.place, org.place, cells, labels, meant)


def _labels(node: Node, findings: Findings) -> dict[str, Cell]:
    if not isinstance(node, Mapping):
        findings.add(node.place, WRONG_TYPE, "'labels' is not a mapping", "write `labels: {wave: canary}`")
        return {}
    labels: dict[str, Cell] = {}
    for key, entry in node.entries.items():
        if isinstance(entry.node, Scalar) and entry.node.value is not None:
            # Numbers and booleans are labels as they are written.
            labels[key] = Cell(entry.node.text, entry.node.text, entry.place)
        else:
            findings.add(entry.node.place, WRONG_TYPE, f"label '{key}' is not a text", "write one text")
    return labels
