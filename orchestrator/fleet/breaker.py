"""When a platform is down, do not ask it a thousand times: hold its runs, send one to look.

Counted are troubles that say something about more than one run: maintenance, 503, DNS, TLS, a network that
does not answer. So many in a row at one host, or in a row across several hosts behind one login host, open
the circuit: runs of that host that become due are postponed, not failed, until a probe run gets through.
Processes of one shared database share the circuits; a process that is alone keeps them to itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from orchestrator.errors import OrchestratorError
from orchestrator.fleet.facts import MemoryFacts
from orchestrator.ports import SharedFacts
from orchestrator.salesforce.hosts import parse_org_url

TROUBLES = frozenset(
    {
        "api_down",
        "org_in_maintenance",
        "server_trouble",
        "host_unknown",
        "tls_untrusted",
        "proxy_refused",
        "network_timeout",
        "network_unreachable",
    }
)
TROUBLES_AT_ONE_HOST = 5
TROUBLES_ACROSS_HOSTS = 8
HOSTS_IN_TROUBLE = 4
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 30.0, 300.0
_LOOK_AGAIN_S = 2.0
_PREFIX = "circuit "

# in_a_row, hosts; while open also pause_s, probe_at_s and, when a run is under way as the probe, is_probing.
_Fact = dict[str, Any]


class Breaker:
    """Whether the runs of an org may be woken now.

    Args:
        clock_s: seconds that grow; the same clock for all who share the facts.
        speed: pauses are divided by it.
        facts: where the circuits are kept; by default in this process alone.
    """

    def __init__(
        self, clock_s: Callable[[], float], *, speed: float = 1.0, facts: SharedFacts | None = None
    ) -> None:
        self._clock_s = clock_s
        self._speed = speed
        self._facts = facts or MemoryFacts()
        self._lock = threading.Lock()
        self._known: dict[str, _Fact] = {}
        self._looked_s: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether any run is held at all."""
        return bool(self.open_circuits())

    def open_circuits(self) -> dict[str, float]:
        """Open circuits: name -> seconds until the next probe."""
        now_s = self._clock_s()
        return {
            name: max(circuit["probe_at_s"] - now_s, 0.0)
            for name, circuit in self._circuits(now_s).items()
            if "probe_at_s" in circuit
        }

    def hold_s(self, org_entry: Mapping[str, Any]) -> float:
        """Seconds for which the runs of this org are held; 0.0 when one may go, maybe as the probe."""
        now_s = self._clock_s()
        circuits = self._circuits(now_s)
        names = [name for name in _names(org_entry) if "probe_at_s" in circuits.get(name, {})]
        if not names:
            return 0.0
        wait_s = max(circuits[name]["probe_at_s"] - now_s for name in names)
        return wait_s if wait_s > 0 else self._change(names, now_s, partial(_claim, now_s=now_s))

    def settled(self, org_entry: Mapping[str, Any], code: str) -> None:
        """Learn what came of waking a run: *code* of its newest outcome, "" for a success."""
        now_s = self._clock_s()
        host, shared = _names(org_entry)
        if code in TROUBLES:
            trouble = partial(self._trouble, host=host, shared=shared, now_s=now_s)
            self._change([host, shared], now_s, trouble)
            return
        troubled = [name for name in (host, shared) if self._circuits(now_s).get(name)]
        if troubled:
            self._change(troubled, now_s, _close)

    def _circuits(self, now_s: float) -> dict[str, _Fact]:
        """The circuits as they were a moment ago at most: asked for at every wake-up, changed seldom."""
        with self._lock:
            if self._looked_s is None or not 0 <= now_s - self._looked_s < _LOOK_AGAIN_S:
                self._looked_s = now_s
                found = self._facts.read(_PREFIX)
                self._known = {name.removeprefix(_PREFIX): fact for name, fact in found.items()}
            return self._known

    def _change(
        self, names: Sequence[str], now_s: float, changed: Callable[[dict[str, _Fact]], float]
    ) -> float:
        """Change the circuits of these names, alone among all processes; what *changed* returns."""

        def by_name(facts: Mapping[str, _Fact]) -> float:
            return changed({name: facts[_PREFIX + name] for name in names})

        result = self._facts.change([_PREFIX + name for name in names], now_s, by_name)
        with self._lock:
            self._looked_s = None  # look again: it is different now
        return result

    def _trouble(self, circuits: dict[str, _Fact], *, host: str, shared: str, now_s: float) -> float:
        for name, circuit in circuits.items():
            circuit["in_a_row"] = circuit.get("in_a_row", 0) + 1
            circuit["hosts"] = sorted({*circuit.get("hosts", [])[:HOSTS_IN_TROUBLE], host})
            if "probe_at_s" in circuit:
                if circuit.pop("is_probing", False):
                    circuit["pause_s"] = min(circuit["pause_s"] * 2, _LONGEST_PAUSE_S / self._speed)
                    circuit["probe_at_s"] = now_s + circuit["pause_s"]
                continue
            is_shared = name == shared
            enough_hosts = not is_shared or len(circuit["hosts"]) >= HOSTS_IN_TROUBLE
            if (
                circuit["in_a_row"] >= (TROUBLES_ACROSS_HOSTS if is_shared else TROUBLES_AT_ONE_HOST)
                and enough_hosts
            ):
                circuit["pause_s"] = _FIRST_PAUSE_S / self._speed
                circuit["probe_at_s"] = now_s + circuit["pause_s"]
        return 0.0


def _claim(circuits: dict[str, _Fact], now_s: float) -> float:
    """Be the probe, unless another process was faster; seconds to wait then."""
    still_open = [circuit for circuit in circuits.values() if "probe_at_s" in circuit]
    wait_s = max((circuit["probe_at_s"] - now_s for circuit in still_open), default=0.0)
    if wait_s > 0:
        return float(wait_s)
    for circuit in still_open:  # this run is the probe; the others wait for what comes of it
        circuit["probe_at_s"] = now_s + circuit["pause_s"]
        circuit["is_probing"] = True
    return 0.0


def _close(circuits: dict[str, _Fact]) -> float:
    for circuit in circuits.values():
        circuit.clear()
    return 0.0


def _names(org_entry: Mapping[str, Any]) -> tuple[str, str]:
    """The two circuits an org belongs to: its own host, and all behind the same login host."""
    url = str(org_entry.get("url") or "")
    try:
        host = parse_org_url(url)
    except OrchestratorError:
        return url, "orgs of unknown kind"
    return host.my_domain, f"orgs behind {host.login_host or host.kind}"
