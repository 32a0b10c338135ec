"""Facts that the threads of one process share; those of several processes are in `store.pace`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

_R = TypeVar("_R")
_SWEEP_AT = 50_000
_KEPT_S = 86_400.0


class MemoryFacts:
    """Small objects by name, changed by one thread at a time (see `ports.SharedFacts`)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._facts: dict[str, tuple[float, dict[str, Any]]] = {}

    def change(
        self, names: Sequence[str], now_s: float, changed: Callable[[Mapping[str, dict[str, Any]]], _R]
    ) -> _R:
        """Let *changed* edit the facts of these names in place, alone; what it returns."""
        with self._lock:
            if len(self._facts) > _SWEEP_AT:
                kept = {name: fact for name, fact in self._facts.items() if now_s - fact[0] < _KEPT_S}
                self._facts = kept
            facts = {name: self._facts.get(name, (now_s, {}))[1] for name in names}
            result = changed(facts)
            self._facts.update({name: (now_s, fact) for name, fact in facts.items()})
            return result

    def read(self, prefix: str) -> dict[str, dict[str, Any]]:
        """The facts whose names begin so."""
        with self._lock:
            return {name: dict(fact) for name, (_, fact) in self._facts.items() if name.startswith(prefix)}
