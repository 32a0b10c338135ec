"""The keys of the playbook language, as tables. The compiler and the JSON Schema both read them from here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.machine import APPROVED, EXHAUSTED, FAILED, REJECTED, TIMED_OUT, Result
from orchestrator.pacing import PACES

DAY_S = 86_400.0
MAX_TIMEOUT_S = 30 * DAY_S
# A person needs longer than a machine: the window of an operator state that names none.
OPERATOR_TIMEOUT_S = 7 * DAY_S
MAX_VISITS = 1000
# More than a person can read, and little enough that every check takes well under a second.
MAX_STATES = 300

PLAYBOOK_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(ms|s|m|h|d)")
UNITS_S: Mapping[str, float] = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": DAY_S}

# Keys whose values are secrets whatever the document says about them.
SECRET_NAME = re.compile(
    r"(?i)(?:password|passwd|passphrase|pwd|secret|token|private_?key|api_?key|sfdx_?auth_?url)s?$"
)


@dataclass(frozen=True, slots=True)
class Field:
    """One key of the language.

    Attributes:
        type: `string`, `name`, `integer`, `number`, `boolean`, `duration`, `list`, `mapping`, `secret`,
            `state` (a name of a state) or `literal` (any plain value).
        minimum: smallest allowed number; seconds for durations.
        maximum: largest allowed number; seconds for durations.
        choices: allowed texts, empty for any.
        description: one sentence, shown by editors.
    """

    type: str
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    description: str = ""


VALUE_TYPES = ("string", "integer", "number", "boolean", "duration", "list", "mapping", "secret")

DOCUMENT: Mapping[str, Field] = {
    "playbook": Field("name", required=True, description="Name of the playbook."),
    "version": Field("integer", required=True, minimum=1, description="Grows when the playbook changes."),
    "description": Field("string", description="What a run achieves."),
    "inputs": Field("mapping", description="What a run may be given with --set."),
    "defaults": Field("mapping", description="What states inherit."),
    "initial": Field("state", required=True, description="The state a run starts in."),
    "states": Field("mapping", required=True, description="All states by name."),
}

INPUT: Mapping[str, Field] = {
    "type": Field("string", choices=VALUE_TYPES, description="Type of the value; string when left out."),
    "required": Field("boolean", description="Whether a run must be given it."),
    "default": Field("literal", description="Used when a run is not given it."),
    "choices": Field("list", description="Allowed texts."),
    "description": Field("string", description="One sentence."),
}

DEFAULTS: Mapping[str, Field] = {
    "wait": Field("mapping", description="The wait of action states that say nothing else."),
}

WAIT: Mapping[str, Field] = {
    "interval": Field("duration", minimum=0.1, maximum=DAY_S, description="Delay after the first try."),
    "backoff_rate": Field(
        "number", minimum=1, maximum=10, description="Each delay is this many times the last."
    ),
    "max_interval": Field("duration", minimum=0.1, maximum=DAY_S, description="No delay is longer."),
    "jitter": Field("number", minimum=0, maximum=1, description="Share by which delays are spread."),
    "pace": Field("string", choices=PACES, description="fixed, or learned from what earlier runs took."),
    "timeout": Field("duration", minimum=1, maximum=MAX_TIMEOUT_S, description="From entering the state."),
    "consecutive": Field("integer", minimum=1, maximum=50, description="Successes in a row that are needed."),
    "spread": Field("duration", minimum=0, maximum=DAY_S, description="From the first to the last of them."),
}

REQUIRES: Mapping[str, Field] = {
    "proved": Field("state", required=True, description="The state whose successes are the proof."),
    "consecutive": Field("integer", minimum=1, maximum=50, description="At least that many in a row."),
    "spread": Field("duration", minimum=0, maximum=DAY_S, description="At least so long from first to last."),
    "not_older_than": Field("duration", minimum=1, maximum=MAX_TIMEOUT_S, description="Age of the last one."),
}

OPERATOR: Mapping[str, Field] = {
    "approve": Field("string", description="The question; the answer is yes or no."),
    "ask": Field("string", description="The question; the answer brings inputs."),
    "inputs": Field("mapping", description="Name and type of what is asked for."),
}

KINDS = ("action", "operator", "final")

STATE: Mapping[str, Field] = {
    "description": Field("string", description="What the state is for."),
    "action": Field("name", description="The action to perform."),
    "operator": Field("mapping", description="A person decides: {approve: text} or {ask: text, inputs: …}."),
    "final": Field("string", choices=tuple(str(r) for r in Result), description="The run ends here."),
    "with": Field("mapping", description="Parameters of the action."),
    "on": Field("mapping", description="Outcome or fault code -> next state."),
    "wait": Field("mapping", description="Pacing, window and proof."),
    "visits": Field("integer", minimum=1, maximum=MAX_VISITS, description="How often it may be entered."),
    "one_way": Field("boolean", description="The effect cannot be taken back."),
    "requires": Field("mapping", description="The proof a one-way effect depends on."),
    "undo": Field("name", description="The action that takes the effect back on request."),
}

# Which keys mean something on which kind of state.
KIND_KEYS: Mapping[str, frozenset[str]] = {
    "action": frozenset(STATE) - {"operator", "final"},
    "operator": frozenset({"description", "operator", "on", "wait", "visits"}),
    "final": frozenset({"description", "final"}),
}

OPERATOR_WAIT: Mapping[str, Field] = {"timeout": WAIT["timeout"]}
OPERATOR_OUTCOMES = frozenset({APPROVED, REJECTED, TIMED_OUT})
ALWAYS_OUTCOMES = frozenset({FAILED})
BUDGET_OUTCOME = EXHAUSTED

# Fields of `org.` that references may read; secrets are not among them.
ORG_FIELDS = frozenset(
    {
        "name",
        "url",
        "org_id",
        "username",
        "integration_user",
        "break_glass_user",
        "bootstrap_principal",
        "accept_no_other_admin",
        "labels",
        "web",
    }
)


def is_secret_name(key: str) -> bool:
    """Whether a value under *key* is a secret by its name (`password`, `client_secret`, …)."""
    return SECRET_NAME.search(key) is not None
