"""Wrong playbooks for the wording of findings; `refusals.yaml` holds what is said about each.

Run as a program, this file writes `refusals.yaml` anew. Read the difference: it is what users will read.
"""

from __future__ import annotations

from pathlib import Path

import yaml
from playbook_actions import ACTIONS, FAULT_CODES, fixture
from test_playbook_refusals import ONE_FAULT, marked

from orchestrator.errors import PlaybookError
from orchestrator.playbook.compiler import compile_playbook
from orchestrator.playbook.grammar import MAX_STATES
from orchestrator.playbook.loader import MAX_SIZE_BYTES
from orchestrator.playbook.model import ActionSpec, Parameter

WORDINGS = Path(__file__).with_name("refusals.yaml")
BIND = ActionSpec(
    "bind",
    "An action with a described and a secret parameter.",
    parameters={
        "target": Parameter("string", required=True, description="where to"),
        "token": Parameter("string"),
        "limit": Parameter("number"),
    },
)
NAME = 'name: "{{ inputs.app }} for {{ org.labels.wave | default(\\"all\\")'
BITS = 'bits: "{{ inputs.bits }}"'

# name -> (text in the complete playbook, what replaces it); beside those of test_playbook_refusals.
EDITS = {
    # the YAML itself
    "a narrow no-break space stands in a key": ("action: make_key", "\u202faction: make_key"),
    "an ideographic space stands in a text": ("The bootstrap.", "The\u3000bootstrap."),
    "a zero-width space stands in a second line": ("The bootstrap.", "The\n      boot\u200bstrap."),
    "a name stands in typographic quotes": ("initial: log_in", "initial: \u201clog_in\u201d"),
    "a no-break space follows a colon": ("on: {succeeded: make_key,", "on:\xa0{succeeded: make_key,"),
    "a no-break space stands in a list that is not closed": ("initial: log_in", "initial: [log_in\xa0"),
    "two tabs indent": ("  log_in:\n    desc", "  log_in:\n\t\tdesc"),
    "a colon stands in a bare text": ("The bootstrap.", "The: bootstrap."),
    "a key is empty": ("    visits: 3\n", '    visits: 3\n    "": 1\n'),
    "an alias stands for a value": ("retries: 3", "retries: *three"),
    # sections
    "an input is a text": ("{type: secret}", "secret"),
    "an input without type has a number": ("{type: duration, default: 90d}", "{default: 90}"),
    "an input has a name with a capital": ("  signing_key: {", "  Signing: {type: string}\n  signing_key: {"),
    "choices are a text": ('choices: ["2048", "4096"]', 'choices: "2048"'),
    "the defaults have a misspelt key": ("  wait: {interval: 2s,", "  wiat: {interval: 2s,"),
    "the default wait is a number": (
        "wait: {interval: 2s, backoff_rate: 1.5, max_interval: 30s, jitter: 0.2, timeout: 10m}",
        "wait: 2",
    ),
    "the default interval is longer than the longest": ("{interval: 2s,", "{interval: 2m,"),
    "the default wait has a misspelt key": ("{interval: 2s,", "{intervall: 2s,"),
    # values
    "a duration is true": ("timeout: 30m", "timeout: true"),
    "a duration is a word": ("timeout: 30m", "timeout: soon"),
    "a duration is empty": ("timeout: 30m", "timeout: null"),
    "a duration is a list": ("timeout: 30m", "timeout: [30m]"),
    "a secret is empty": ('private_key: "{{ inputs.signing_key }}"', "private_key:"),
    "a secret parameter is a number": ('private_key: "{{ inputs.signing_key }}"', "private_key: 12345678"),
    "a text parameter is a list": (BITS, f"{BITS}\n      subject: [a]"),
    "a text parameter is a number": (BITS, f"{BITS}\n      subject: 7"),
    "a boolean is a number": ("one_way: true", "one_way: 1"),
    "a number is a text": ("jitter: 0.2", 'jitter: "0.2"'),
    "a number is true": ("jitter: 0.2", "jitter: true"),
    "a description is a mapping": ("description: The bootstrap.", "description: {a: b}"),
    "a name is empty": ("action: make_key", "action:"),
    "a spread is negative": ("spread: 45s", "spread: -1s"),
    "parameters are a list": (
        "    with:\n      kind: external",
        "    with: [a]\n    wiht:\n      kind: external",
    ),
    "a wait is a list": ("wait: {timeout: 12h}", "wait: [12h]"),
    "the edges are a text": (
        "on: {succeeded: deploy, failed: abandoned}",
        "on: deploy",
    ),
    "a state has no edges": ("    on: {succeeded: deploy, failed: abandoned}\n", ""),
    "an edge that cannot be leads to a number": ("approved: lock,", "approved: lock, nonsense: 7,"),
    "an edge leads to a number": ("approved: lock", "approved: 7"),
    "a mapping parameter is a list": (
        "settings: {fingerprint:",
        "settings: [1]\n      nothing: {fingerprint:",
    ),
    # states
    "a state is a text": ("  done: {final: succeeded}", "  done: succeeded"),
    "an operator is a text": (
        'operator: {approve: "Lock the password of {{ org.name }}?"}',
        "operator: Lock",
    ),
    "what is asked for is a list": ("inputs: {code: string}", "inputs: [code]"),
    "what is asked for has a bad name": ("inputs: {code: string}", "inputs: {Code: string, code: string}"),
    "a type that is asked for is a mapping": ("inputs: {code: string}", "inputs: {code: {type: string}}"),
    "the requirement is a text": (
        "requires: {proved: prove, consecutive: 3, spread: 30s, not_older_than: 10m}",
        "requires: prove",
    ),
    "an action has a name with a space": ("action: make_key", "action: make key"),
    "the first state has a name with a capital": ("initial: log_in", "initial: Log_in"),
    "the first state is a number": ("initial: log_in", "initial: 7"),
    "an action is a number": ("action: make_key", "action: 7"),
    "a state has an endless name": (
        "  abandoned: {final: failed}",
        f"  abandoned: {{final: failed}}\n  {'a' * 90}: {{final: failed}}",
    ),
    "an unknown action says nothing of failing": (
        "    on: {succeeded: done, timed_out: attention, proof_stale: prove, failed: attention}",
        "    on: {succeeded: done}\n  odd: {action: nonsense, on: {succeeded: done}}",
    ),
    "a spread alone is longer than the window of the defaults": (
        "wait: {interval: 5s, timeout: 30m, consecutive: 3, spread: 45s}",
        "wait: {consecutive: 3, spread: 11m}",
    ),
    "a text stands for a state that nothing leads to": (
        "  done: {final: succeeded}",
        "  done: {final: succeeded}\n  over: failed",
    ),
    "the playbook's name is a number": ("playbook: complete", "playbook: 7"),
    "an unknown type has a number for default": ("{type: secret}", "{type: secrt, default: 7}"),
    # parameters
    "a parameter is unlike any other": ("kind: external", "kind: external\n      zzz: 1\n      yyy: 2"),
    "an action without parameters gets one": (
        "    action: prove\n",
        "    action: prove\n    with: {zzz: 1}\n",
    ),
    "a described parameter is missing": ("action: make_key\n    with:\n", "action: bind\n    with:\n"),
    "nothing is given to an action that needs something": (
        "  abandoned: {final: failed}",
        "  bound: {action: bind, on: {succeeded: done, failed: done}}\n  abandoned: {final: failed}",
    ),
    # references
    "the third reference of a text is unknown": (
        NAME,
        'name: "{{ inputs.app }} {{ org.name }} {{ inputs.zzz }} {{ org.labels.wave | default(\\"all\\")',
    ),
    "an escaped reference is unknown": (f'{NAME} }}}}"', 'name: "\\x7b{ inputs.zzz }}"'),
    "a secret goes into a question": ("{{ org.name }}?", "{{ inputs.signing_key }}?"),
    "a question is a list": ('"Lock the password of {{ org.name }}?"', '"{{ inputs.scopes }}"'),
    "a list goes into a text inside a mapping": ("retries: 3", 'retries: "all {{ inputs.scopes }}"'),
    "a secret input goes into a mapping": ("retries: 3", 'client_secret: "{{ inputs.signing_key }}"'),
    "two references are misspelt": (
        BITS,
        'bits: "{{ inputs.bist }}"\n      subject: "{{ inputs.zzz }}"',
    ),
}

SHORT = """playbook: short
version: 1
initial: first
states:
  first: {action: FIRST, on: {succeeded: done, failed: done}}
  done: {final: succeeded}
"""
ASKED_LATER = """playbook: later
version: 1
initial: first
states:
  first: {action: bind, with: {target: "{{ inputs.code }}"}, on: {succeeded: ask, failed: done}}
  ask:
    operator: {ask: Which?, inputs: {code: string}}
    on: {approved: done, rejected: done, timed_out: done}
  done: {final: succeeded}
"""
# name -> a whole playbook
WHOLE = {
    "nothing": "",
    "a comment": "# only a comment\n",
    "a list": "- a\n- b\n",
    "a text": "text",
    "an alias": "a: *b",
    "a tab in the first line": "\ta: 1",
    "a tab in the last line": "a: 1\n\t@b",
    "an at sign in the first line and a tab in the last": "@a: 1\nb: [\n\tc]",
    "a no-break space two lines before the fault": 'a: "x\xa0y"\nb: 1\nc: @d',
    "a no-break space in the line after the fault": 'c: @d\ne: "x\xa0y"',
    "a line separator": "a: \u2028b",
    "a megabyte": "#" * MAX_SIZE_BYTES + "\n",
    "a tab inside the line of the fault": "a: 1\nb:\t@d",
    "a control character after an empty line": "\n\x07: 1",
    "an unknown type that is asked for and referred to": ASKED_LATER.replace("initial: first", "initial: ask")
    .replace("{code: string}", "{code: strin}")
    .replace("approved: done", "approved: first")
    .replace("succeeded: ask", "succeeded: done"),
    "a list after empty lines": "\n\n  - a\n",
    "a name asked for as two types": ASKED_LATER.replace("{{ inputs.code }}", "a").replace(
        "approved: done,", "approved: again,"
    )
    + """  again:
    operator: {ask: How many?, inputs: {code: integer}}
    on: {approved: done, rejected: done, timed_out: done}
""",
    "two knots, the later one written first": """playbook: p
version: 1
initial: c
states:
  c: {action: remove, on: {succeeded: a, failed: d}}
  d: {action: remove, on: {succeeded: c, failed: d}}
  a: {action: remove, on: {succeeded: b, failed: done}}
  b: {action: remove, on: {succeeded: a, failed: b}}
  done: {final: succeeded}
""",
    "a misspelt edge beside a state that nothing leads to": """playbook: p
version: 1
initial: a
states:
  a: {action: remove, on: {succeeded: doen, failed: done}}
  over: {final: failed}
  done: {final: succeeded}
""",
    "a round of three": """playbook: p
version: 1
initial: a
states:
  a: {action: remove, on: {succeeded: b, failed: done}}
  b: {action: remove, on: {succeeded: c, failed: done}}
  c: {action: remove, on: {succeeded: a, failed: done}}
  done: {final: succeeded}
""",
    "a loop behind a way to the end": """playbook: p
version: 1
initial: a
states:
  a: {action: remove, on: {succeeded: done, failed: b}}
  b: {action: remove, on: {succeeded: done, failed: b}}
  done: {final: succeeded}
""",
    "a knot that nothing leads to": """playbook: p
version: 1
initial: a
states:
  a: {action: remove, on: {succeeded: b, failed: b}}
  b: {action: remove, on: {succeeded: done, failed: done}}
  done: {final: succeeded}
  c: {action: remove, on: {succeeded: d, failed: done}}
  d: {action: remove, on: {succeeded: c, failed: done}}
""",
    "no states": "playbook: p\nversion: 1\ninitial: a\nstates: {}\n",
    "sections that are lists": "playbook: p\nversion: 1\ninitial: a\ninputs: []\ndefaults: []\nstates: []\n",
    "one state too many": "playbook: p\nversion: 1\ninitial: s0\nstates:\n"
    + "".join(f"  s{number}: {{final: failed}}\n" for number in range(MAX_STATES + 1)),
    "a secret in a parameter that is called one": SHORT.replace(
        "FIRST", "bind, with: {target: a, token: hunter2}"
    ),
    "a secret mixed with text": SHORT.replace(
        "FIRST", 'bind, with: {target: "{{ inputs.zzz }}", token: "x{{ org.name }}"}'
    ),
    "a number mixed with text after a misspelt reference": SHORT.replace(
        "FIRST", 'bind, with: {target: "{{ inputs.zzz }}", limit: "1{{ org.name }}"}'
    ),
    "two parameters that do not exist": SHORT.replace("FIRST", "bind, with: {zzz: 1, yyy: 2, target: a}"),
    "an input that is asked for later": ASKED_LATER,
    "an input that may be asked for before": ASKED_LATER.replace("succeeded: ask, ", "succeeded: xyzzy, "),
    "a first step without its way on": ASKED_LATER.replace("{{ inputs.code }}", "a").replace(
        "succeeded: ask, ", ""
    ),
    "a first step without its way out": """playbook: p
version: 1
initial: first
states:
  first: {action: remove, on: {succeeded: done}}
  sorry: {final: failed}
  done: {final: succeeded}
""",
    "a state that leads only to itself": """playbook: p
version: 1
initial: first
states:
  first: {action: remove, visits: 2, on: {succeeded: first, failed: first, exhausted: first}}
  done: {final: succeeded}
""",
}


def said(text: str) -> str:
    """All that the compiler says about *text*; "" when it compiles."""
    try:
        compile_playbook(text, "p.yaml", {**ACTIONS, "bind": BIND}, FAULT_CODES)
    except PlaybookError as refused:
        return refused.detail
    return ""


def all_said() -> dict[str, str]:
    """What is said about every wrong playbook, by its name."""
    complete = fixture("complete")
    texts = {name: marked(old, new)[0] for name, (old, new, _) in ONE_FAULT.items()}
    for name, (old, new) in EDITS.items():
        if old not in complete or name in texts:
            raise ValueError(name)
        texts[name] = complete.replace(old, new, 1)
    return {name: said(text) for name, text in (texts | WHOLE).items()}


class _Block(str):
    """A text that is written as it reads, over several lines."""

    __slots__ = ()


def _as_block(dumper: yaml.SafeDumper, text: _Block) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")


if __name__ == "__main__":
    yaml.SafeDumper.add_representer(_Block, _as_block)
    wordings = {name: _Block(text) for name, text in all_said().items()}
    header = "# What the compiler says about each wrong playbook; written by refusal_cases.py.\n"
    WORDINGS.write_text(
        header + yaml.safe_dump(wordings, allow_unicode=True, width=1000, sort_keys=False), encoding="utf-8"
    )
