"""Faults below the protocol: names, TLS, timeouts, and bodies that are not what they should be."""

from __future__ import annotations

from orchestrator.errors import Blame, Disposition, FaultKind

NETWORK_FAULTS: tuple[FaultKind, ...] = (
    FaultKind("host_unknown", Blame.NETWORK, Disposition.BACK_OFF),
    FaultKind("host_moved", Blame.OPERATOR, Disposition.STOP),
    FaultKind("tls_untrusted", Blame.NETWORK, Disposition.STOP),
    FaultKind("network_timeout", Blame.NETWORK, Disposition.BACK_OFF),
    FaultKind("network_unreachable", Blame.NETWORK, Disposition.BACK_OFF),
    FaultKind("proxy_refused", Blame.NETWORK, Disposition.STOP),
    FaultKind("egress_blocked", Blame.NETWORK, Disposition.STOP),
    FaultKind("server_trouble", Blame.PLATFORM, Disposition.BACK_OFF),
    FaultKind("not_xml", Blame.PLATFORM, Disposition.BACK_OFF),
    FaultKind("not_json", Blame.PLATFORM, Disposition.BACK_OFF),
    FaultKind("answer_too_large", Blame.NETWORK, Disposition.STOP),
    FaultKind("answer_unknown", Blame.ORCHESTRATOR, Disposition.STOP),
    FaultKind("request_malformed", Blame.ORCHESTRATOR, Disposition.STOP),
)
