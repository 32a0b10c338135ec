"""Bad weather from a seed: faults that pass, posted to the simulator's control plane at drawn moments."""

from __future__ import annotations

import json
import random
import urllib.request
from collections import Counter
from collections.abc import Callable
from typing import Any

_WITHIN_S = 30
# What an edge, a network or a busy org does to any request, and passes.
_OPERATIONS = ("*", "token", "rest", "query", "deploy", "check_deploy_status", "soap_login", "userinfo")
_STAGES = ("run_deploy", "finalize_deploy")


class Control:
    """The simulator's control plane."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, path: str, document: Any = None, method: str | None = None) -> Any:
        """GET *path*, or POST *document* there."""
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"{self.url}{path}", body, method=method)  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=_WITHIN_S) as answer:  # noqa: S310 - loopback
            text = answer.read()
        return json.loads(text) if text else None


class Weather:
    """Draws one fault after the other; what was posted is counted by kind."""

    def __init__(self, control: Control, seed: str, orgs: list[str]) -> None:
        self._control = control
        self._random = random.Random(seed)  # noqa: S311 - drawn from the printed seed
        self._orgs = orgs
        self._down: list[str] = []
        self.posted: Counter[str] = Counter()
        self._kinds: tuple[Callable[[], dict[str, Any]], ...] = (
            self._status,
            self._reset,
            self._slow,
            self._row_lock,
            self._expired,
            self._maintenance,
        )

    def blow(self) -> None:
        """Post one drawn fault; orgs that were down for a while come back."""
        if self._down:
            org = self._down.pop(0)
            self._control.ask("/faults", {"kind": "maintenance", "org": org, "value": False})
        fault = self._random.choice(self._kinds)()
        self.posted[fault["kind"]] += 1
        self._control.ask("/faults", fault)

    def clear(self) -> None:
        """Let the sun out: no fault waits any more, every org is up."""
        self._control.ask("/faults", method="DELETE")
        while self._down:
            org = self._down.pop(0)
            self._control.ask("/faults", {"kind": "maintenance", "org": org, "value": False})

    def _spoiled(self, kind: str, **more: Any) -> dict[str, Any]:
        operation = self._random.choice(_OPERATIONS)
        return {"kind": kind, "operation": operation, "times": self._random.randint(1, 4), **more}

    def _status(self) -> dict[str, Any]:
        return self._spoiled("status", status=self._random.choice((429, 502, 503)))

    def _reset(self) -> dict[str, Any]:
        return self._spoiled("reset", when=self._random.choice(("before", "after")))

    def _slow(self) -> dict[str, Any]:
        return self._spoiled("slow", delay_s=self._random.choice((0.2, 1, 3)))

    def _row_lock(self) -> dict[str, Any]:
        return {"kind": "row_lock", "operation": self._random.choice(_STAGES), "times": 1}

    def _expired(self) -> dict[str, Any]:
        return {"kind": "expire_session", "operation": "rest", "times": 1}

    def _maintenance(self) -> dict[str, Any]:
        org = self._random.choice(self._orgs)
        self._down.append(org)
        return {"kind": "maintenance", "org": org, "value": True}
