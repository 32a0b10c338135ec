from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from report_building import page, words
from report_evidence import HYBRID, lock

from orchestrator.engine.report import html as pages
from orchestrator.engine.report.markup import Markup, element, visible
from orchestrator.engine.report.tree import assemble, run_tree
from orchestrator.redaction import Secret

HOSTILE = "</title></style><script>alert(1)</script><img src=x onerror=alert(1)>\" onmouseover='x' &lt;&#0;"
SESSION = "00D000000000001!AQEAQJ1mZ7Vx9d8e7f6g5h4j3k2l1m0n"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhYmMifQ.c2lnbmF0dXJl"
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def hostile_story(room, text=HOSTILE):
    """The same text in every place that something outside can fill."""
    org = {"Id": text, "Name": text, "OrganizationType": text, "InstanceName": text}
    story = room.story(
        text, run=f"{text}-1", entry={"username": text, "url": text}, labels={text: text}, batch=text
    )
    story.succeeded(
        preflight={"organization": org, "snapshot": {text: {text: text}}, text: text},
        verify_lockdown={
            "password_probe": {"when": text, "answer": text, "text": text, "login_history": {text: text}},
            "verdicts": {text: {"state": text, "mechanisms": [text], "why": text}},
        },
        lock_password={"lockdown": [lock(text, scope=text, closes=[text], how_proven=text)]},
    )
    return story


def test_nothing_from_outside_becomes_markup(room, html_of):
    hostile, harmless = hostile_story(room), room.story("z" * 20).succeeded()
    text = html_of(hostile, harmless)
    tree = page(text)
    assert HOSTILE.split("&", maxsplit=1)[0] in words(tree)
    assert not list(tree.iter("script", "img"))
    assert not [node for node in tree.iter() if any(name.startswith("on") for name in node.attrib)]
    assert {node.tag for node in tree.iter()} == {
        node.tag for node in page(html_of(harmless, room.story().succeeded())).iter()
    }


def test_the_overview_escapes_too(room, report_of):
    hostile_story(room)
    tree = page(pages.index_page(report_of()))
    assert not list(tree.iter("script", "img"))
    assert [words(node) for node in tree.iter("a")][1:] == [visible(HOSTILE)]


def test_a_name_cannot_hide_or_turn_its_letters(room, html_of):
    tree = page(html_of(room.story("acme\u202eemca\u200b").succeeded()))
    assert "acme[U+202E]emca[U+200B]" in words(tree)
    assert not set("\u202e\u200b") & set(words(tree))


def test_text_is_text_unless_it_was_built_here():
    assert element("p", "<b>", Markup("<i>"), a='"') == '<p a="&quot;">&lt;b&gt;<i></p>'
    assert element("p", Markup("<i>") + "<b>") == "<p>&lt;i&gt;&lt;b&gt;</p>"


def test_lone_surrogates_do_not_stop_a_report(room, html_of, report_of):
    story = room.story().succeeded(detect={"org_id": "\ud800", "odd\udfff": 1})
    assert "\ufffd" in html_of(story)
    assert json.dumps(report_of(story), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "secret",
    [
        SESSION,
        TOKEN,
        "force://PlatformCLI::5Aep861abcdefghijklmnop@acme.my.salesforce.com",
        "password=Hunter2Hunter2",
    ],
)
def test_what_looks_like_a_secret_is_in_no_form_of_the_report(room, report_of, html_of, secret):
    story = room.story(labels={"note": secret}).hybrid(
        preflight={"organization": {"Name": secret}, "x": [{"y": secret}]}
    )
    story.begin("bootstrap", said=secret).settle("failed", code="login_invalid", detail=f"it said {secret}")
    story.stand("abandoned", result="failed", code="login_invalid", detail=f"it said {secret}")
    planted = secret.removeprefix("password=")
    for text in (html_of(story), json.dumps(report_of(story)), pages.index_page(report_of(story))):
        assert planted not in text
        assert "secret" in text


def test_a_living_secret_is_masked_even_over_line_ends(room, html_of):
    secret = Secret('quoted"\nsecret\\text')
    story = room.story().succeeded(detect={"org_id": secret.reveal()})
    assert "secret\\text" not in html_of(story)


def test_our_own_remedies_are_not_mistaken_for_secrets(room, html_of):
    text = words(page(html_of(room.story().failed("bootstrap", "soap_login_disabled"))))
    assert "Bootstrap with `access_token:`" in text


@given(data=st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_evidence_however_odd_stops_a_report(room, data):
    """A tampered or foreign journal is shown, not answered with a defect."""
    facts = _facts(room)
    keys = sorted(facts.evidence)
    evidence = dict(facts.evidence)
    for _ in range(data.draw(st.integers(1, 4))):
        key = data.draw(st.sampled_from(keys))
        value = evidence[key]
        if isinstance(value, dict) and value and data.draw(st.booleans()):
            inner = data.draw(st.sampled_from(sorted(value)))
            evidence[key] = {**value, inner: data.draw(JSON)}
        elif isinstance(value, list) and value and data.draw(st.booleans()):
            evidence[key] = [*value, data.draw(JSON)]
        else:
            evidence[key] = data.draw(JSON)
    tree = run_tree(replace(facts, evidence=evidence), room.reader, 1_801_396_800.0)
    report = assemble([tree], 1_801_396_800.0)
    page(pages.single_page(report))
    page(pages.index_page(report))


_FACTS = []


def _facts(room):
    if not _FACTS:
        story = room.story().succeeded()
        _FACTS.append(room.reader.read(room.app.journal.run(story.run)))
    return _FACTS[0]


def test_the_fuzzed_keys_are_those_of_a_real_run(room):
    assert {"lockdown", "lock_plan", "verdicts", "propagation"} <= set(_facts(room).evidence)
    assert len(HYBRID) > 10
