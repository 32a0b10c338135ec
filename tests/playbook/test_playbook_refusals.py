"""Every way a playbook can be wrong, with the exact place and code. `¶` marks the expected place."""

from __future__ import annotations

import re
import time

import pytest
from playbook_actions import compiled, fixture

from orchestrator.errors import PlaybookError
from orchestrator.playbook.diagnostics import PLAYBOOK_MEANINGS
from orchestrator.playbook.grammar import MAX_STATES

COMPLETE = fixture("complete")
GUARD = """    one_way: true
    requires: {proved: prove, consecutive: 3, spread: 30s, not_older_than: 10m}
"""

# name -> (text in the complete playbook, what replaces it, expected code)
ONE_FAULT = {
    # the YAML itself
    "a flow mapping is not closed": ("{final: failed}", "{final: failed", "PB001"),
    "a value starts with an at sign": ("initial: log_in", "initial: ¶@log_in", "PB001"),
    "a tab indents": ("  log_in:\n    desc", "  log_in:\n¶\tdesc", "PB002"),
    "a no-break space stands in a key": ("action: make_key", "¶\xa0action: make_key", "PB002"),
    "a zero-width space ends a name": ("initial: log_in", "initial: log_in¶\u200b", "PB002"),
    "a typographic quote opens a text": ("description: Every", "description: ¶\u201cEvery", "PB002"),
    "a control character stands in the text": ("The bootstrap", "The ¶\x07bootstrap", "PB002"),
    "a state is there twice": ("  make_key:\n", "  ¶log_in: {final: failed}\n  make_key:\n", "PB003"),
    "a key is there twice": ("    visits: 3\n", "    visits: 3\n    ¶visits: 3\n", "PB003"),
    "an anchor is set": ("version: 3", "version: ¶&v 3", "PB004"),
    "a tag is used": ("version: 3", "version: ¶!!int 3", "PB004"),
    "a merge key is used": ("    visits: 3\n", "    visits: 3\n    ¶<<: {}\n", "PB004"),
    "a second document follows": (
        "  done: {final: succeeded}",
        "  done: {final: succeeded}\n¶---\na: 1",
        "PB004",
    ),
    "yes stands for true": ("one_way: true", "one_way: ¶yes", "PB005"),
    "a text is no": ("The bootstrap.", "¶no", "PB005"),
    "True is written with a capital": ("one_way: true", "one_way: ¶True", "PB005"),
    "a number has a leading zero": ("version: 3", "version: ¶03", "PB006"),
    "a number is hexadecimal": ("version: 3", "version: ¶0x3", "PB006"),
    "a number has underscores": ("version: 3", "version: ¶3_000", "PB006"),
    "a duration looks like a time": ("timeout: 2h", "timeout: ¶2:00", "PB006"),
    "a number is infinite": ("retries: 3", "retries: ¶.inf", "PB006"),
    "a number has hundreds of digits": ("retries: 3", "retries: ¶" + "9" * 400, "PB006"),
    "a number has an exponent": ("retries: 3", "retries: ¶1e3", "PB006"),
    "nesting is too deep": ("retries: 3", "retries: " + "[" * 11 + "¶[", "PB007"),
    "a key is a list": ("    visits: 3\n", "    visits: 3\n    ? ¶[a]\n    : b\n", "PB008"),
    # keys and values
    "a document key is misspelt": ("initial: log_in", "initial: log_in\n¶defualts: {}", "PB010"),
    "a state key is misspelt": ("    visits: 3\n", "    visits: 3\n    ¶vists: 3\n", "PB010"),
    "a wait key is misspelt": (
        "consecutive: 3, spread: 45s",
        "consecutive: 3, spread: 45s, ¶jiter: 0.1",
        "PB010",
    ),
    "a pace is neither fixed nor learned": (
        "consecutive: 3, spread: 45s",
        "consecutive: 3, spread: 45s, pace: ¶quick",
        "PB013",
    ),
    "a requires key is misspelt": ("not_older_than: 10m", "¶not_older: 10m", "PB010"),
    "an input key is misspelt": ("{type: secret}", "{type: secret, ¶chioces: []}", "PB010"),
    "an operator key is misspelt": ("wait: {timeout: 12h}", "wait: {timeout: 12h, ¶interval: 5s}", "PB010"),
    "a parameter is unknown": ("kind: external", "kind: external\n      ¶kin: external", "PB010"),
    "the version is missing": ("playbook: complete\nversion: 3", "¶playbook: complete", "PB011"),
    "a parameter is missing": ("    with:\n      kind: external", "    ¶with:", "PB011"),
    "what is asked for is missing": (
        'operator: {approve: "Lock the password of {{ org.name }}?"}',
        "¶operator: {ask: Well}",
        "PB011",
    ),
    "proved is missing": (
        "{proved: prove, consecutive: 3, spread: 30s",
        "¶{consecutive: 3, spread: 30s",
        "PB011",
    ),
    "the version is a text": ("version: 3", 'version: ¶"3"', "PB012"),
    "states is a list": ("  done: {final: succeeded}", "  done: ¶[final]", "PB012"),
    "with is a text": (
        "wait: {interval: 5s, timeout: 30m, consecutive: 3, spread: 45s}",
        "wait: ¶5s",
        "PB012",
    ),
    "a boolean parameter is a text": ('bits: "{{ inputs.bits }}"', 'strict: ¶"true"', "PB012"),
    "a whole number has a fraction": ("visits: 3", "visits: ¶2.5", "PB012"),
    "a list parameter is a text": ('scopes: [api, "{{ inputs.scopes[0] }}"]', "scopes: ¶api", "PB012"),
    "a default is of another type": ("default: Demo", "default: ¶7", "PB012"),
    "an edge leads to a list": ("approved: lock", "approved: ¶[lock]", "PB012"),
    "visits is zero": ("visits: 3", "visits: ¶0", "PB013"),
    "visits is huge": ("visits: 3", "visits: ¶100000", "PB013"),
    "jitter is more than one": ("jitter: 0.2", "jitter: ¶1.5", "PB013"),
    "backoff shrinks delays": ("backoff_rate: 1.5", "backoff_rate: ¶0.5", "PB013"),
    "an interval is too short": ("{interval: 5s,", "{interval: ¶10ms,", "PB013"),
    "a timeout is too long": ("timeout: 12h", "timeout: ¶31d", "PB013"),
    "too many successes are wanted": (
        "consecutive: 3, spread: 45s",
        "consecutive: ¶51, spread: 45s",
        "PB013",
    ),
    "an interval is longer than the longest": (
        "wait: {interval: 5s, timeout",
        "¶wait: {interval: 40s, timeout",
        "PB013",
    ),
    "a spread does not fit its window": (
        "wait: {interval: 5s, timeout: 30m",
        "¶wait: {interval: 5s, timeout: 40s",
        "PB013",
    ),
    "a final result is unknown": ("{final: failed}", "{final: ¶fail}", "PB013"),
    "a choice is unknown": ("kind: external", "kind: ¶outside", "PB013"),
    "a default is no choice": ("default: 2048", "default: ¶1024", "PB013"),
    "an input type is unknown": ("{type: secret}", "{type: ¶secrt}", "PB013"),
    "an asked type is unknown": ("{code: string}", "{code: ¶strin}", "PB013"),
    "a required input has a default": ("default: Demo", "required: true, ¶default: Demo", "PB013"),
    "a duration has no unit": ("timeout: 30m", "timeout: ¶30", "PB014"),
    "a duration has an unknown unit": ("timeout: 30m", "timeout: ¶30min", "PB014"),
    "a duration parameter has no unit": ('valid_for: "{{ inputs.lifetime }}"', "valid_for: ¶90", "PB014"),
    "a state has a capital": (
        "proof_stale: prove, failed: attention}\n",
        "proof_stale: prove, failed: Other}\n  ¶Other: {final: failed}\n",
        "PB015",
    ),
    "the playbook's name has a space": ("playbook: complete", "¶playbook: complete one", "PB015"),
    # states and edges
    "a state is nothing": ("  abandoned: {final: failed}", "  ¶abandoned: {description: Nothing.}", "PB020"),
    "a state is two things": ("    action: lock\n", "    action: lock\n    final: failed\n", "PB020"),
    "an operator approves and asks": (
        "operator: {approve:",
        "¶operator: {ask: Well, inputs: {a: string}, approve:",
        "PB020",
    ),
    "an edge leads nowhere": ("succeeded: make_key", "succeeded: ¶make_kye", "PB021"),
    "an edge leads far from anywhere": ("rejected: attention", "rejected: ¶xyzzy", "PB021"),
    "the first state does not exist": ("initial: log_in", "initial: ¶login_first", "PB021"),
    "the proving state does not exist": ("proved: prove", "proved: ¶proof", "PB021"),
    "a final state is never reached": (
        "  done: {final: succeeded}",
        "  done: {final: succeeded}\n  ¶over: {final: failed}",
        "PB022",
    ),
    "an outcome has no edge": (
        "refused: abandoned, timed_out: abandoned, exhausted",
        "timed_out: abandoned, exhausted",
        "PB024",
    ),
    "failed has no edge": ("proof_stale: prove, failed: attention", "proof_stale: prove", "PB024"),
    "timed_out has no edge": (
        "{succeeded: make_key, timed_out: abandoned,",
        "{succeeded: make_key,",
        "PB024",
    ),
    "exhausted has no edge": ("exhausted: attention, ", "", "PB024"),
    "an operator's no has no edge": ("approved: lock, rejected: attention,", "approved: lock,", "PB024"),
    "an outcome does not exist": ("refused: abandoned,", "refused: abandoned, ¶refusd: abandoned,", "PB025"),
    "an action that never waits times out": (
        "{succeeded: deploy, failed",
        "{succeeded: deploy, ¶timed_out: abandoned, failed",
        "PB025",
    ),
    "a state without budget is exhausted": (
        "login_invalid: ask_code,",
        "login_invalid: ask_code, ¶exhausted: abandoned,",
        "PB025",
    ),
    "another action's fault has an edge": (
        "login_invalid: ask_code,",
        "login_invalid: ask_code, ¶app_refused: abandoned,",
        "PB025",
    ),
    "a proof goes stale where none is needed": (
        "network_down: abandoned",
        "¶proof_stale: abandoned",
        "PB025",
    ),
    "an operator fails": ("approved: lock,", "approved: lock, ¶failed: attention,", "PB025"),
    "a state leads to itself for ever": (
        "succeeded: deploy, failed: abandoned",
        "succeeded: deploy, failed: make_key",
        "PB026",
    ),
    "exhausted leads back into the cycle": (
        "rejected: abandoned, timed_out: abandoned, exhausted: abandoned}",
        "rejected: abandoned, timed_out: abandoned, ¶exhausted: log_in}",
        "PB026",
    ),
    "an action is misspelt": ("action: make_key", "action: ¶make_kee", "PB027"),
    "an undo is misspelt": ("undo: remove", "undo: ¶remov", "PB027"),
    "a final state has edges": ("{final: failed}", "{final: failed, ¶on: {}}", "PB028"),
    "an operator state has parameters": (
        "    wait: {timeout: 12h}",
        "    wait: {timeout: 12h}\n    ¶with: {}",
        "PB028",
    ),
    "approve asks for inputs": ('{approve: "Lock', '{¶inputs: {a: string}, approve: "Lock', "PB028"),
    "a pace is learned where no account is kept": (
        "consecutive: 3, spread: 45s",
        "consecutive: 3, spread: 45s, ¶pace: learned",
        "PB028",
    ),
    "requires guards nothing": (
        "    action: prove\n",
        "    action: prove\n    ¶requires: {proved: deploy}\n",
        "PB028",
    ),
    # one-way states
    "a one-way state requires no proof": (
        "    requires: {proved: prove, consecutive: 3, spread: 30s, not_older_than: 10m}\n",
        "",
        "PB030",
    ),
    "a one-way action is not marked": (
        f"{GUARD}    on: {{succeeded: done, timed_out: attention, proof_stale: prove,",
        "    on: {succeeded: done, timed_out: attention,",
        "PB030",
    ),
    "the proof can be gone round": (
        "failed: abandoned, network_down: abandoned",
        "failed: abandoned, network_down: approve",
        "PB031",
    ),
    "a failed proof leads to the lock": (
        "exhausted: attention, failed: attention}",
        "exhausted: attention, failed: approve}",
        "PB031",
    ),
    "a final state proves nothing": ("proved: prove", "proved: ¶done", "PB031"),
    "fewer successes are proved": ("consecutive: 3, spread: 45s", "consecutive: 2, spread: 45s", "PB032"),
    "a shorter spread is proved": ("consecutive: 3, spread: 45s", "consecutive: 3, spread: 20s", "PB032"),
    # secrets and references
    "a secret parameter is literal": (
        'private_key: "{{ inputs.signing_key }}"',
        "private_key: ¶hunter2secret",
        "PB050",
    ),
    "a secret is literal inside a mapping": ("retries: 3", "client_secret: ¶hunter2secret", "PB050"),
    "a secret is a number": ("retries: 3", "admin_password: ¶12345678", "PB050"),
    "a secret default is literal": ("{type: secret}", "{type: secret, default: ¶hunter2secret}", "PB050"),
    "a secret is mixed with text": (
        'private_key: "{{ inputs.signing_key }}"',
        'private_key: ¶"x{{ inputs.signing_key }}"',
        "PB050",
    ),
    "a secret reference is malformed": (
        'private_key: "{{ inputs.signing_key }}"',
        'private_key: ¶"env:1 2"',
        "PB051",
    ),
    "a secret reference has a misspelt scheme": (
        'private_key: "{{ inputs.signing_key }}"',
        "private_key: ¶evn:KEY",
        "PB051",
    ),
    "an input is a secret by its name only": (
        "signing_key: {type: secret}",
        "signing_key: {type: secret}\n  ¶admin_password: {type: string}",
        "PB052",
    ),
    "a secret is asked for as a text": (
        "inputs: {code: string}",
        "inputs: {code: string, client_secret: string}",
        "PB052",
    ),
    "a secret parameter refers to a field of the org": (
        "{{ inputs.signing_key }}",
        "¶{{ org.name }}",
        "PB064",
    ),
    "a reference is not closed": ('name: "{{ inputs.app }} for', 'name: "¶{{ inputs.app', "PB060"),
    "a reference calls": ('"{{ inputs.bits }}"', '"{{ inputs.bits¶() }}"', "PB060"),
    "a reference computes": ('"{{ inputs.bits }}"', '"{{ inputs.bits ¶+ 1 }}"', "PB060"),
    "a reference filters": ("{{ inputs.app }}", "{{ inputs.app | ¶upper }}", "PB060"),
    "a reference goes for an attribute": ("{{ inputs.app }}", "{{ inputs.app.¶__class__ }}", "PB060"),
    "a reference has another root": ("{{ inputs.app }}", "{{ ¶env.app }}", "PB060"),
    "a root stands alone": ("{{ inputs.app }}", "{{ inputs¶ }}", "PB060"),
    "an index is computed": ("inputs.scopes[0]", "inputs.scopes¶[-1]", "PB060"),
    "a default is no literal": ("default('the admin')", "default(¶org.name)", "PB060"),
    "the second of two is malformed": (
        "{{ inputs.app }} for {{ org.labels.wave",
        "{{ inputs.app }} for {{ ¶Org.labels.wave",
        "PB060",
    ),
    "an input's default refers": ("default: Demo", 'default: "¶{{ org.name }}"', "PB060"),
    "an input does not exist": ("{{ inputs.app }}", "¶{{ inputs.ap }}", "PB061"),
    "an org field does not exist": (
        "{{ org.username | default('the admin') }}",
        "¶{{ org.usrname }}",
        "PB061",
    ),
    "an org field has no fields": ("{{ org.name }}?", "¶{{ org.name.first }}?", "PB061"),
    "evidence comes too late": (
        "{{ org.username | default('the admin') }}",
        "¶{{ evidence.certificate.sha256 }}",
        "PB062",
    ),
    "evidence comes from nowhere": ("evidence.certificate.sha256", "evidence.certificat.sha256", "PB062"),
    "an org's secret is referred to": ("{{ org.name }}?", "¶{{ org.password }}?", "PB063"),
    "an org's references are referred to": ("{{ org.name }}?", "¶{{ org.secrets }}?", "PB063"),
    "a secret in evidence is referred to": (
        "evidence.certificate.sha256",
        "evidence.certificate.client_secret",
        "PB063",
    ),
    "a secret input goes into a text": ("{{ inputs.app }}", "¶{{ inputs.signing_key }}", "PB063"),
    "an input is of another type": ("{{ inputs.bits }}", "¶{{ inputs.app }}", "PB064"),
    "a number is mixed with text": ('"{{ inputs.bits }}"', '¶"1{{ inputs.bits }}"', "PB064"),
}


def marked(old: str, new: str) -> tuple[str, tuple[int, int] | None]:
    """The complete playbook with *old* replaced once, and the place of the mark."""
    assert old in COMPLETE
    text = COMPLETE.replace(old, new, 1)
    if "¶" not in text:
        return text, None
    offset = text.index("¶")
    line_start = text.rfind("\n", 0, offset) + 1
    return text.replace("¶", ""), (text.count("\n", 0, offset) + 1, offset - line_start + 1)


@pytest.mark.parametrize("name", ONE_FAULT)
def test_one_fault_is_one_finding_at_its_place(name):
    old, new, code = ONE_FAULT[name]
    text, place = marked(old, new)

    with pytest.raises(PlaybookError) as refused:
        compiled(text, "dir/p.yaml")

    found = refused.value.diagnostics
    assert [d.code for d in found] == [code], "\n".join(map(str, found))
    assert found[0].file == "dir/p.yaml"
    if place is not None:
        assert (found[0].line, found[0].column) == place, str(found[0])
    assert found[0].problem
    assert found[0].remedy
    assert not found[0].problem.endswith(".")


def test_every_code_of_the_language_has_a_case():
    covered = {code for _, _, code in ONE_FAULT.values()} | {
        "PB023"
    }  # dead ends come with a cycle, see below
    assert covered == {f"PB{number:03d}" for number in PLAYBOOK_MEANINGS}


def test_a_literal_secret_is_never_quoted():
    for old, new, code in ONE_FAULT.values():
        if code in {"PB050", "PB051"}:
            with pytest.raises(PlaybookError) as refused:
                compiled(marked(old, new)[0])
            assert not re.search("hunter2|12345678", str(refused.value) + repr(refused.value.diagnostics))


def test_all_findings_come_at_once_in_the_order_of_the_file():
    text = COMPLETE
    for old, new in (
        ("version: 3", 'version: "3"'),
        ("succeeded: make_key", "succeeded: make_kye"),
        ("kind: external", "kind: outside"),
        ("timeout: 12h", "timeout: 12"),
        (
            "one_way: true\n    requires: {proved: prove, consecutive: 3, spread: 30s, not_older_than: 10m}",
            "one_way: true",
        ),
        ("{final: failed}", "{final: fail}"),
    ):
        text = text.replace(old, new, 1)
    with pytest.raises(PlaybookError) as refused:
        compiled(text)
    found = refused.value.diagnostics
    assert [d.code for d in found] == ["PB012", "PB021", "PB013", "PB014", "PB030", "PB013"]
    assert found == sorted(found)
    for diagnostic in found:
        assert str(diagnostic) in str(refused.value)


def test_a_dead_end_is_found_beside_its_cycle():
    text = COMPLETE.replace("succeeded: deploy, failed: abandoned", "succeeded: make_key, failed: make_key")
    with pytest.raises(PlaybookError) as refused:
        compiled(text)
    by_code = {d.code: d for d in refused.value.diagnostics}
    assert by_code["PB023"].problem == "no final state can be reached from state 'make_key'"
    assert "make_key -> make_key" in by_code["PB026"].problem


def test_exhausted_edges_alone_make_an_endless_cycle():
    text = """playbook: p
version: 1
initial: a
states:
  a: {action: remove, visits: 1, on: {succeeded: done, failed: done, exhausted: b}}
  b: {action: remove, visits: 1, on: {succeeded: a, failed: done, exhausted: a}}
  done: {final: succeeded}
"""
    with pytest.raises(PlaybookError) as refused:
        compiled(text)
    (finding,) = (d for d in refused.value.diagnostics if d.code == "PB026")
    assert "exhausted" in finding.problem
    assert finding.line == 5


def test_every_cycle_of_a_knot_is_named():
    text = """playbook: p
version: 1
initial: a
states:
  a: {action: remove, on: {succeeded: b, failed: done}}
  b: {action: remove, on: {succeeded: c, failed: a}}
  c: {action: remove, on: {succeeded: done, failed: b}}
  done: {final: succeeded}
"""
    with pytest.raises(PlaybookError) as refused:
        compiled(text)
    assert [d.problem.split(" has ")[0] for d in refused.value.diagnostics] == [
        "the cycle a -> b -> a",
        "the cycle b -> c -> b",
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "PB008"),
        ("# only a comment\n", "PB008"),
        ("- a\n- b\n", "PB008"),
        ("text", "PB008"),
        ("a: 1\n" * 300_000, "PB007"),
        ("[" * 100_000, "PB007"),
        ("a: \ud800", "PB002"),
        ("a: \u2028b", "PB002"),
        ("a: *b", "PB004"),
    ],
)
def test_a_document_that_is_none_is_refused(text, code):
    with pytest.raises(PlaybookError) as refused:
        compiled(text)
    assert code in {d.code for d in refused.value.diagnostics}


def test_a_billion_laughs_do_not_expand():
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    with pytest.raises(PlaybookError) as refused:
        compiled("\n".join(lines))
    assert {"PB004", "PB010"} <= {d.code for d in refused.value.diagnostics}


def test_the_most_knotted_playbook_of_the_largest_size_is_judged_quickly():
    count = MAX_STATES - 1
    states = "".join(
        f"  s{n}: {{action: remove, on: {{succeeded: s{n * 7 % count}, failed: s{(n + 1) % count}x}}}}\n"
        for n in range(count)
    )
    text = f"playbook: p\nversion: 1\ninitial: s0\nstates:\n{states}  done: {{final: failed}}\n"
    started_s = time.process_time()
    with pytest.raises(PlaybookError) as refused:
        compiled(text)
    assert time.process_time() - started_s < 10.0
    assert {"PB021", "PB022", "PB026"} <= {d.code for d in refused.value.diagnostics}
    with pytest.raises(PlaybookError) as refused:
        compiled(text + "  more: {final: failed}\n")
    assert [d.code for d in refused.value.diagnostics] == ["PB007"]


def test_suggestions_name_what_was_meant():
    with pytest.raises(PlaybookError) as refused:
        compiled(
            COMPLETE.replace("succeeded: make_key", "succeeded: make_kye").replace("kind: ext", "knid: ext")
        )
    remedies = [d.remedy for d in refused.value.diagnostics]
    assert "did you mean 'make_key'?" in remedies
    assert "did you mean 'kind'?" in remedies
