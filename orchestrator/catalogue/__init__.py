"""Every fault a run can meet: one row per stable code, with blame, disposition, meaning and remedy.

The rows are data. What an answer of Salesforce means is decided by the tables in
`orchestrator.salesforce.answers`, which name the codes of this catalogue; playbooks name them under `on:`.
`docs/errors.md` is generated from here by `errors_page()`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from orchestrator.catalogue.deploy import DEPLOY_FAULTS
from orchestrator.catalogue.login import LOGIN_FAULTS
from orchestrator.catalogue.network import NETWORK_FAULTS
from orchestrator.catalogue.org_state import ORG_FAULTS
from orchestrator.catalogue.run import RUN_FAULTS
from orchestrator.catalogue.token import TOKEN_FAULTS
from orchestrator.errors import Defect, FaultKind

SECTIONS: Mapping[str, tuple[FaultKind, ...]] = MappingProxyType(
    {
        "Logging in with a password": LOGIN_FAULTS,
        "Getting a token": TOKEN_FAULTS,
        "Deploying": DEPLOY_FAULTS,
        "The org and its records": ORG_FAULTS,
        "Network and transport": NETWORK_FAULTS,
        "The run itself": RUN_FAULTS,
    }
)


def _index() -> Mapping[str, FaultKind]:
    rows = [kind for section in SECTIONS.values() for kind in section]
    index = {kind.code: kind for kind in rows}
    if len(index) != len(rows):
        raise Defect("two rows of the fault catalogue share a code")
    return MappingProxyType(index)


FAULTS: Mapping[str, FaultKind] = _index()


def fault(code: str) -> FaultKind:
    """The row of *code*.

    Raises:
        Defect: no such code; codes are ours, so a miss is a bug.
    """
    try:
        return FAULTS[code]
    except KeyError:
        raise Defect(f"no fault of code {code!r} in the catalogue") from None


_DISPOSITIONS = {
    "wait": "try again within the window of the state: normal while an app propagates",
    "back_off": "a passing trouble: try again, slower",
    "fix": "another state of the playbook can repair it",
    "stop": "only a person can change the answer",
}


def errors_page() -> str:
    """The text of `docs/errors.md`."""
    lines = [
        "# Faults",
        "",
        "Generated from `orchestrator/catalogue` by `orchestrator.catalogue.errors_page()`. Do not edit.",
        "",
        "Each fault has a stable code: JSON output carries it as `code`, playbooks name it under `on:`.",
        "The answer column says what the machine does about it by itself:",
        "",
        *(f"- `{name}`: {text}" for name, text in _DISPOSITIONS.items()),
        "",
    ]
    for title, rows in SECTIONS.items():
        lines += [f"## {title}", "", "| code | blame | answer | meaning | what to do | source |"]
        lines += ["|---|---|---|---|---|---|"]
        lines += [
            f"| `{k.code}` | {k.blame} | {k.disposition} | {k.meaning} | {k.remedy} | {k.source} |"
            for k in sorted(rows, key=lambda kind: kind.code)
        ]
        lines.append("")
    return "\n".join(lines)
