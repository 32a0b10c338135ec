"""When a platform is down, do not ask it a thousand times: hold its runs, send one to look.

Counted are troubles that say something about more than one run: maintenance, 503, DNS, TLS, a network that
does not answer. So many in a row at one host, or in a row across several hosts behind one login host, open
the circuit: runs of that host that become due are postponed, not failed, until a probe run gets through.
Nothing of this is in the journal: the next process finds out by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.errors import OrchestratorError
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


@dataclass(slots=True)
class _Circuit:
    """One host, or everything behind one login host."""

    in_a_row: int = 0
    hosts: set[str] = field(default_factory=set)
    pause_s: float = 0.0
    probe_at_s: float | None = None  # None: closed
    is_probing: bool = False


class Breaker:
    """Whether the runs of an org may be woken now.

    Args:
        clock_s: seconds that grow.
        speed: pauses are divided by it.
    """

    def __init__(self, clock_s: Callable[[], float], *, speed: float = 1.0) -> None:
        self._clock_s = clock_s
        self._speed = speed
        self._lock = threading.Lock()
        self._circuits: dict[str, _Circuit] = {}

    @property
    def is_open(self) -> bool:
        """Whether any run is held at all."""
        return bool(self.open_circuits())

    def open_circuits(self) -> dict[str, float]:
        """Open circuits: name -> seconds until the next probe."""
        with self._lock:
            now_s = self._clock_s()
            return {
                name: max(circuit.probe_at_s - now_s, 0.0)
                for name, circuit in self._circuits.items()
                if circuit.probe_at_s is not None
            }

    def hold_s(self, org_entry: Mapping[str, Any]) -> float:
        """Seconds for which the runs of this org are held; 0.0 when one may go, maybe as the probe."""
        with self._lock:
            now_s = self._clock_s()
            held = [self._circuits[name] for name in _names(org_entry) if name in self._circuits]
            probes = [(circuit, circuit.probe_at_s) for circuit in held if circuit.probe_at_s is not None]
            wait_s = max((at_s - now_s for _, at_s in probes), default=0.0)
            if wait_s > 0:
                return wait_s
            for circuit, _ in probes:  # this run is the probe; the others wait for what comes of it
                circuit.probe_at_s = now_s + circuit.pause_s
                circuit.is_probing = True
            return 0.0

    def settled(self, org_entry: Mapping[str, Any], code: str) -> None:
        """Learn what came of waking a run: *code* of its newest outcome, "" for a success."""
        names = _names(org_entry)
        with self._lock:
            for name in names:
                if code in TROUBLES:
                    circuit = self._circuits.setdefault(name, _Circuit())
                    self._trouble(circuit, names[0], is_shared=name == names[1])
                else:
                    self._circuits.pop(name, None)

    def _trouble(self, circuit: _Circuit, host: str, *, is_shared: bool) -> None:
        circuit.in_a_row += 1
        circuit.hosts.add(host)
        now_s = self._clock_s()
        if circuit.probe_at_s is not None:
            if circuit.is_probing:
                circuit.is_probing = False
                circuit.pause_s = min(circuit.pause_s * 2, _LONGEST_PAUSE_S / self._speed)
                circuit.probe_at_s = now_s + circuit.pause_s
            return
        needed = TROUBLES_ACROSS_HOSTS if is_shared else TROUBLES_AT_ONE_HOST
        enough_hosts = not is_shared or len(circuit.hosts) >= HOSTS_IN_TROUBLE
        if circuit.in_a_row >= needed and enough_hosts:
            circuit.pause_s = _FIRST_PAUSE_S / self._speed
            circuit.probe_at_s = now_s + circuit.pause_s


def _names(org_entry: Mapping[str, Any]) -> tuple[str, str]:
    """The two circuits an org belongs to: its own host, and all behind the same login host."""
    url = str(org_entry.get("url") or "")
    try:
        host = parse_org_url(url)
    except OrchestratorError:
        return url, "orgs of unknown kind"
    return host.my_domain, f"orgs behind {host.login_host or host.kind}"
