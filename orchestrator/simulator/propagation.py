"""What one front-end node knows of an app at one moment.

Every change of an app reaches the nodes at its own time (see `client_app.py`). A node that is not there yet
acts on the newest version it honours; for an app it never honoured, it climbs the ladder seen with real orgs:
`invalid_client_id`, then `app_not_found`, then "user hasn't approved this consumer", then success.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orchestrator.simulator.client_app import ClientApp, NodeReadiness
from orchestrator.simulator.org import Org

Stage = Literal["unknown", "not_installed", "not_approved", "in_force"]


@dataclass(frozen=True)
class AppView:
    """An app as one node sees it."""

    stage: Stage
    facts: ClientApp


def find_app(org: Org, consumer_key: str, node: int, now_s: float) -> AppView | None:
    """Return the app that a node knows under a consumer key, or None when it knows no such key."""
    if not consumer_key:
        return None
    seen = next(
        (view for app in org.apps.values() if (view := _view(app, consumer_key, node, now_s)) is not None),
        None,
    )
    if seen is not None and seen.stage == "in_force":
        return seen
    for departed in org.departed_apps:
        if now_s < departed.gone_s[node % len(departed.gone_s)]:
            old = _view(departed.app, consumer_key, node, now_s)
            if old is not None:
                return old
    return seen


def _view(app: ClientApp, consumer_key: str, node: int, now_s: float) -> AppView | None:
    if not app.versions:
        return AppView("in_force", app) if app.consumer_key == consumer_key else None
    for version in reversed(app.versions):
        if version.nodes[node % len(version.nodes)].honours(now_s):
            if version.facts.consumer_key == consumer_key:
                return AppView("in_force", version.facts)
            break
    for version in reversed(app.versions):
        if version.facts.consumer_key == consumer_key:
            stage = _stage(version.nodes[node % len(version.nodes)], now_s)
            return AppView(stage, version.facts) if app.consumer_key == consumer_key else None
    return None


def _stage(node: NodeReadiness, now_s: float) -> Stage:
    if now_s < node.key_known_s:
        return "unknown"
    if now_s < node.installed_s:
        return "not_installed"
    return "not_approved"


def converged_s(app: ClientApp) -> float:
    """Return the org time from which every node honours the app's present facts (0 when it always was)."""
    return app.versions[-1].converged_s() if app.versions else 0.0


def nodes_ready(app: ClientApp, now_s: float) -> int:
    """Return how many nodes honour the app's present facts now."""
    if not app.versions:
        return 0
    return sum(node.honours(now_s) for node in app.versions[-1].nodes)
