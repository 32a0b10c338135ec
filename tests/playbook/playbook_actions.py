"""Actions for the tests of the language; the product's own are tested with the product's playbooks."""

from __future__ import annotations

from pathlib import Path

from orchestrator.playbook.compiler import compile_playbook
from orchestrator.playbook.model import ActionSpec, Parameter, Playbook

FIXTURES = Path(__file__).parents[2] / "fixtures" / "playbooks"
FAULT_CODES = frozenset({"login_invalid", "app_refused", "network_down", "session_expired"})

_SPECS = (
    ActionSpec(
        "log_in",
        "Open a session.",
        faults=frozenset({"login_invalid"}),
        waits=True,
        evidence=frozenset({"org_id", "session"}),
    ),
    ActionSpec(
        "make_key",
        "Make a key.",
        parameters={
            "bits": Parameter("integer", default=2048, choices=("2048", "4096")),
            "valid_for": Parameter("duration", default="365d"),
            "subject": Parameter("string", default="orchestrator"),
            "private_key": Parameter("secret"),
            "strict": Parameter("boolean", default=True),
        },
        evidence=frozenset({"certificate"}),
    ),
    ActionSpec(
        "deploy",
        "Deploy the app.",
        outcomes=frozenset({"succeeded", "refused"}),
        faults=frozenset({"app_refused"}),
        parameters={
            "kind": Parameter("string", required=True, choices=("external", "connected")),
            "name": Parameter("string"),
            "scopes": Parameter("list", default=("api",)),
            "settings": Parameter("mapping"),
            "share": Parameter("number"),
        },
        waits=True,
        evidence=frozenset({"app"}),
    ),
    ActionSpec("prove", "Prove it.", waits=True, evidence=frozenset({"proofs"})),
    ActionSpec("lock", "Lock it.", waits=True, one_way=True, evidence=frozenset({"lockdown"})),
    ActionSpec("remove", "Remove the app."),
)
ACTIONS = {spec.name: spec for spec in _SPECS}


def compiled(text: str, file: str = "p.yaml") -> Playbook:
    return compile_playbook(text, file, ACTIONS, FAULT_CODES)


def fixture(name: str) -> str:
    return (FIXTURES / f"{name}.yaml").read_text(encoding="utf-8")
