"""Laws that hold for every playbook that compiles, and for every text that does not."""

from __future__ import annotations

import random
from functools import partial

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from playbook_actions import ACTIONS, compiled, fixture

from orchestrator import machine as m
from orchestrator.errors import PlaybookError
from orchestrator.playbook import flow

COMPLETE = fixture("complete")
NAMES = [f"s{number}" for number in range(7)]
ENDS = ["good", "bad"]


def refusal(text):
    """The diagnostics of *text*; None when it compiles."""
    try:
        compiled(text)
    except PlaybookError as refused:
        return refused.diagnostics
    return None


@st.composite
def documents(draw):
    """Random playbooks whose every edge exists; some compile, some have a flaw in their graph."""
    count = draw(st.integers(1, len(NAMES)))
    names = NAMES[:count]
    lines = ["playbook: p", "version: 1", "initial: s0", "states:"]
    # Mostly forward, so that a good share of them is sound.
    forward = draw(st.booleans())
    for number, name in enumerate(names):
        later = names[number + 1 :] + ENDS
        visits = draw(st.one_of(st.none(), st.integers(1, 3)))
        anywhere = names + ENDS
        target = st.sampled_from(later if forward and visits is None else anywhere)
        if draw(st.integers(0, 4)) == 0:
            outcomes = ["approved", "rejected", "timed_out"]
            head = "operator: {approve: Go on}"
        else:
            spec = ACTIONS[draw(st.sampled_from(["log_in", "remove", "prove"]))]
            outcomes = [*sorted(spec.outcomes), "failed", *(["timed_out"] if spec.waits else [])]
            head = f"action: {spec.name}"
            if draw(st.booleans()):
                head += (
                    f", wait: {{consecutive: {draw(st.integers(1, 3))}, spread: {draw(st.integers(0, 90))}s}}"
                )
        if visits is not None:
            outcomes.append("exhausted")
            head += f", visits: {visits}"
        edges = ", ".join(
            f"{outcome}: {draw(st.sampled_from(later) if outcome == 'exhausted' and forward else target)}"
            for outcome in outcomes
        )
        lines.append(f"  {name}: {{{head}, on: {{{edges}}}}}")
    lines += ["  good: {final: succeeded}", "  bad: {final: failed}"]
    return "\n".join(lines) + "\n"


def walk(playbook, dice, bound):
    """Outcomes at random until the run halts; how many decisions that took."""
    machine = playbook.machine
    now_s = 1000.0
    decision = m.start(machine, now_s)
    for step in range(bound):
        if isinstance(decision, m.Halt):
            return step
        at = decision.position
        state = machine.states[at.state]
        if isinstance(decision, m.AwaitOperator):
            choice = dice.randrange(3)
            now_s = decision.until_s if choice == 2 else now_s + 1.0
            act = m.expire if choice == 2 else partial(m.answer, approved=choice == 0)
            decision = act(machine, at, now_s=now_s)
            continue
        assert decision.not_before_s >= now_s
        now_s = max(now_s, decision.not_before_s)
        spec = ACTIONS[state.action]
        options = [m.Done(name) for name in sorted(spec.outcomes)] + [m.Failed("network_down")]
        if spec.waits:
            options += [m.Again("login_invalid")] * 3
        decision = m.decide(machine, at, dice.choice(options), now_s, noise=dice.random())
    raise AssertionError(f"still running after {bound} decisions")


def longest(playbook):
    """No run makes more decisions than this: entries, each with its bounded tries."""
    states = playbook.machine.states.values()
    entries = (1 + sum(state.visits or 0 for state in states)) * len(states)
    tries = max(state.wait.timeout_s / state.wait.interval_s + 55 for state in states)
    return int(entries * tries * 2)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(documents(), st.randoms(use_true_random=False))
def test_every_run_of_a_playbook_that_compiles_ends(text, dice):
    assume(refusal(text) is None)
    playbook = compiled(text)
    for _ in range(5):
        walk(playbook, dice, longest(playbook))


@settings(max_examples=200)
@given(documents())
def test_a_refused_graph_has_the_flaw_it_is_refused_for(text):
    found = refusal(text)
    if found is not None:
        assert {d.code for d in found} <= {"PB022", "PB023", "PB026"}
        return
    playbook = compiled(text)
    states = playbook.machine.states
    graph = {name: list(state.on.values()) for name, state in states.items()}
    assert flow.reachable(graph, ["s0"]) == set(states)
    for name in states:
        assert any(states[end].final for end in flow.reachable(graph, [name]))


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=3)))
def test_cycles_are_found_exactly_when_there_are_some(graph):
    graph = {name: [t for t in targets if t in graph] for name, targets in graph.items()}
    cycles = flow.cycles(graph)
    for cycle in cycles:
        for here, there in zip(cycle, cycle[1:] + cycle[:1], strict=True):
            assert there in graph[here]
    cut = {cycle[0] for cycle in cycles}
    rest = {name: [t for t in targets if t not in cut] for name, targets in graph.items() if name not in cut}
    # Without the first node of every cycle found, what is left can be sorted.
    while rest:
        free = [name for name, targets in rest.items() if not set(targets) & set(rest)]
        assert free, rest
        for name in free:
            del rest[name]
    assert bool(cycles) == any(name in flow.reachable(graph, graph[name]) for name in graph)


@settings(max_examples=300)
@given(st.text(max_size=200))
@example("\x00")
@example("a: !!python/object/apply:os.system ['true']")
@example("? [a, b]\n: c")
@example("%YAML 9.9\n---\na: 1")
@example("a: |\n  x\n y")
@example("&a a: *a")
@example("---\n...\n---\n")
@example("a: 'b")
@example("'a\tb': \"\\q\"")
@example(": a")
@example("a: >9\n x")
def test_no_text_does_anything_but_compile_or_be_refused(text):
    found = refusal(text)
    assert found is None or found
    assert all(d.line >= 1 and d.column >= 1 for d in found or ())


@settings(max_examples=400)
@given(
    st.integers(0, len(COMPLETE)),
    st.integers(0, 12),
    st.text(alphabet="{}[]:,&*!|>'\"#%@` \n\t-yesno0:1.e~", max_size=6),
)
def test_no_edit_of_a_playbook_breaks_the_compiler(at, removed, inserted):
    found = refusal(COMPLETE[:at] + inserted + COMPLETE[at + removed :])
    lines = (COMPLETE + inserted).count("\n") + 2
    assert all(1 <= d.line <= lines and d.column >= 1 for d in found or ())


def test_a_long_walk_through_the_complete_playbook_ends():
    playbook = compiled(COMPLETE)
    dice = random.Random(7)  # noqa: S311 - a fixed walk
    machine = playbook.machine
    for _ in range(300):
        decision, now_s, steps = m.start(machine, 0.0), 0.0, 0
        while not isinstance(decision, m.Halt):
            steps += 1
            assert steps < 20_000
            at = decision.position
            state = machine.states[at.state]
            if isinstance(decision, m.AwaitOperator):
                now_s += 5
                decision = m.answer(machine, at, dice.random() < 0.8, now_s)
                continue
            now_s = max(now_s, decision.not_before_s)
            outcomes = [m.Done(name) for name in sorted(ACTIONS[state.action].outcomes)]
            stale = m.gate(machine, at, now_s)
            outcome = stale or dice.choice([*outcomes, m.Failed("network_down"), *[m.Done()] * 6])
            decision = m.decide(machine, at, outcome, now_s, noise=dice.random())
