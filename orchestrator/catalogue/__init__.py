"""Every fault a run can meet: one row per stable code, with blame and disposition.

The rows decide how a run behaves; their sentences lie in `orchestrator/texts/faults.yaml`. What an answer
of Salesforce means is decided by the tables in `orchestrator.salesforce.answers`, which name the codes of
this catalogue; playbooks name them under `on:`. `docs/errors.md` is generated from here by `errors_page()`.
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
from orchestrator.texts import document

_ROWS = (*LOGIN_FAULTS, *TOKEN_FAULTS, *DEPLOY_FAULTS, *ORG_FAULTS, *NETWORK_FAULTS, *RUN_FAULTS)


def _index() -> Mapping[str, FaultKind]:
    index = {kind.code: kind for kind in _ROWS}
    if len(index) != len(_ROWS):
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


DISPOSITIONS = {
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
        "Generated from `orchestrator/catalogue` and `orchestrator/texts/faults.yaml` by",
        "`orchestrator.catalogue.errors_page()`. Do not edit; `orchestrator explain CODE` says the same.",
        "",
        "Each fault has a stable code: JSON output carries it as `code`, playbooks name it under `on:`.",
        "The answer column says what the machine does about it by itself:",
        "",
        *(f"- `{name}`: {text}" for name, text in DISPOSITIONS.items()),
        "",
    ]
    for title, codes in document("faults").sections.items():
        lines += [f"## {title}", "", "| code | blame | answer | meaning | what to do | source |"]
        lines += ["|---|---|---|---|---|---|"]
        lines += [
            f"| `{k.code}` | {k.blame} | {k.disposition} | {k.meaning} | {k.remedy} | {k.source} |"
            for k in map(fault, sorted(codes))
        ]
        lines.append("")
    return "\n".join(lines)
