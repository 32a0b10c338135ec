"""YAML as everybody understands it."""

from __future__ import annotations

import contextlib
import math

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.playbook import loader
from orchestrator.playbook.diagnostics import Findings
from orchestrator.playbook.nodes import plain_tree
from orchestrator.playbook.scalars import NumberRefused, plain_value


def load(text, **limits):
    findings = Findings("f", "PB")
    return loader.load(text, findings, **limits), findings.listed()


def value(text):
    root, found = load(f"k: {text}\n")
    assert found == []
    return plain_tree(root)["k"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", True),
        ("false", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("0", 0),
        ("-12", -12),
        ("+3", 3),
        ("1.5", 1.5),
        (".5", 0.5),
        ("-1.25", -1.25),
        ("2026-11-22", "2026-11-22"),
        ("1.2.3", "1.2.3"),
        ("90s", "90s"),
        ('"yes"', "yes"),
        ("'010'", "010"),
        ("a#b", "a#b"),
        ("1 2", "1 2"),
        ("., ..", "., .."),
        ("0.0", 0.0),
        ("e5", "e5"),
    ],
)
def test_a_scalar_means_what_it_says(text, expected):
    got = value(text)
    assert got == expected
    assert type(got) is type(expected)


@settings(max_examples=500)
@given(st.text(alphabet="0123456789+-._eExXobinfaINF:", min_size=1, max_size=12))
def test_a_number_is_the_same_for_other_readers_or_refused(text):
    try:
        got = plain_value(text)
    except NumberRefused:
        return
    with contextlib.suppress(ValueError):  # PyYAML stumbles over some numbers and dates itself
        theirs = yaml.SafeLoader("").construct_object(yaml.ScalarNode(resolved_tag(text), text))
        ours, other = (isinstance(v, int | float) and not isinstance(v, bool) for v in (got, theirs))
        assert ours == other, (got, theirs)
        assert not ours or (got == theirs and math.isfinite(got))


def resolved_tag(text):
    return yaml.SafeLoader("").resolve(yaml.ScalarNode, text, (True, False))


@settings(max_examples=200)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**9), 10**9)
        | st.text(alphabet="abcyesno01 :#-'\"\n{}[]", max_size=12),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(alphabet="abcyn ", min_size=1), inner, max_size=3)
        ),
        max_leaves=12,
    )
)
def test_what_another_writer_wrote_is_read_back(tree):
    for style in (True, False):
        text = yaml.safe_dump({"k": tree}, default_flow_style=style, allow_unicode=True)
        root, found = load(text)
        if not found:
            assert plain_tree(root) == {"k": tree}


def test_every_key_and_value_knows_its_place():
    root, _ = load("a:\n  b: [1, x]\n  'c': >-\n    text\n")
    inner = root.entries["a"]
    assert inner.place == (1, 1)
    assert inner.node.entries["b"].place == (2, 3)
    assert inner.node.entries["b"].node.items[1].place == (2, 10)
    assert inner.node.entries["c"].node.place == (3, 8)


def test_columns_count_characters_not_bytes():
    root, _ = load("a: {ü: é, b: x}\n")
    assert root.entries["a"].node.entries["b"].place == (1, 11)


def test_both_parsers_of_pyyaml_give_the_same_tree(monkeypatch):
    text = "a:\n  b: [1, \"x\\ty\", 'z']\n  c: |\n    text\n\n    more\nd: {ü: true, e: ~}\n"
    fast, _ = load(text)
    monkeypatch.setattr(loader, "_LOADER", yaml.SafeLoader)
    slow, _ = load(text)
    assert slow == fast


@pytest.mark.parametrize(
    "text", ["a: [1", "a: 'x", "a: *b", "a:\n\tb: 1", "a: b: c", "a: %x", "{a: 1}}", 'a: "\\q"']
)
def test_both_parsers_refuse_the_same_texts(text, monkeypatch):
    _, fast = load(text)
    monkeypatch.setattr(loader, "_LOADER", yaml.SafeLoader)
    _, slow = load(text)
    assert fast
    assert {d.code for d in fast} == {d.code for d in slow}


def test_limits_hold_for_the_smallest_excess():
    assert load("a: bb", max_size_bytes=5)[1] == []
    assert [d.code for d in load("a: bbb", max_size_bytes=5)[1]] == ["PB007"]
    assert [d.code for d in load("a: é", max_size_bytes=4)[1]] == ["PB007"]
    assert load("a: {b: {}}", max_depth=3)[1] == []
    assert [d.code for d in load("a: {b: {}}", max_depth=2)[1]] == ["PB007"]


def test_no_finding_quotes_a_value():
    for text in (
        "password: *Canary",
        "password: &Canary x",
        "password: !Canary x",
        "password: !Canary!x y",
        "password: @Canary",
        "password: 'Canary",
        "password: [Canary",
        "password: 00Canary: x",
        "password: Canary: x",
        "password: |Canary",
        'password: "\\Canary"',
    ):
        for parser in (yaml.SafeLoader, yaml.CSafeLoader):
            findings = Findings("f", "PB")
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(loader, "_LOADER", parser)
                loader.load(text, findings)
            assert findings, text
            assert "Canary" not in str(findings.listed()), (text, parser)
