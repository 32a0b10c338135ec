"""What many runs add up to: counts, order of attention, how long propagation took."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from orchestrator.engine.report.words import GRAVEST_FIRST

EXPIRES_SOON_DAYS = 30
"""Certificates with fewer days left are named on the fleet's page."""

# Upper edges in seconds: seconds matter at first, minutes later (propagation takes up to half an hour).
_EDGES_S = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1200, 1800)


def fleet(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """`counts` by result, `attention` (runs to look at, the gravest first), `propagation`, `expiring`.

    Args:
        runs: trees of `summary_tree` or `run_tree`.
    """
    counts = Counter(str(run["result"]) for run in runs)
    expiring = [run for run in runs if run["certificate"] and _expires_soon(run["certificate"])]
    return {
        "runs": len(runs),
        "orgs": len({run["org"] for run in runs}),
        "counts": {result: counts[result] for result in GRAVEST_FIRST if counts[result]},
        "attention": [run["run"] for run in by_gravity(runs) if needs_a_look(run)],
        "propagation": distribution([settled for run in runs if (settled := settled_s(run)) is not None]),
        "expiring": [run["run"] for run in sorted(expiring, key=lambda one: one["certificate"]["days_left"])],
        "simulated": sum(bool(run["notices"]) for run in runs),
    }


def by_gravity(runs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Changed records first, then failures, then everything else by result and name of the org."""

    def rank(run: Mapping[str, Any]) -> tuple[bool, int, str, str]:
        result = str(run["result"])
        grave = GRAVEST_FIRST.index(result) if result in GRAVEST_FIRST else -1
        return bool(run["chain"]["intact"]), grave, str(run["org"]), str(run["run"])

    return sorted(runs, key=rank)


def needs_a_look(run: Mapping[str, Any]) -> bool:
    """Whether a person should open the page of this run."""
    return run["result"] != "succeeded" or not run["chain"]["intact"]


def settled_s(run: Mapping[str, Any]) -> float | None:
    """Seconds from the deploy to the first login that was not refused afterwards; None if it never was."""
    found = run["propagation"]
    value = found.get("settled_s") if isinstance(found, Mapping) else None
    return float(value) if isinstance(value, int | float) and value >= 0 else None


def distribution(seconds: Sequence[float]) -> dict[str, Any] | None:
    """`median_s`, `p90_s`, `max_s` and `buckets` of `{"from_s", "to_s", "count"}`; None without times."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    edges = [0.0, *map(float, _EDGES_S), math.inf]
    counted = [
        {"from_s": low, "to_s": None if high == math.inf else high, "count": _between(ordered, low, high)}
        for low, high in pairwise(edges)
    ]
    filled = [number for number, bucket in enumerate(counted) if bucket["count"]]
    return {
        "count": len(ordered),
        "median_s": _quantile(ordered, 0.5),
        "p90_s": _quantile(ordered, 0.9),
        "max_s": ordered[-1],
        "buckets": counted[filled[0] : filled[-1] + 1],
    }


def _between(ordered: Sequence[float], low: float, high: float) -> int:
    return sum(low <= one < high for one in ordered)


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least *share* of the values do not exceed."""
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def _expires_soon(certificate: Mapping[str, Any]) -> bool:
    left = certificate.get("days_left")
    return isinstance(left, int) and left < EXPIRES_SOON_DAYS
