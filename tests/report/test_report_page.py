from __future__ import annotations

import base64
import hashlib
import re
from itertools import pairwise

import pytest
from report_building import page, term, words
from report_evidence import CONSUMER_KEY, PROBE, lock, proof, verdicts

from orchestrator.engine.report.html import run_page, stylesheet
from orchestrator.ports import RunStatus


@pytest.fixture
def tree(room, html_of):
    return page(html_of(room.story().succeeded()))


def headings(tree):
    return [(int(node.tag[1]), words(node)) for node in tree.iter("h1", "h2", "h3", "h4")]


def table(tree, caption):
    for found in tree.iter("table"):
        if words(found.find("caption")) == caption:
            return [[words(cell) for cell in row] for row in found.find("tbody")]
    raise AssertionError(f"no table '{caption}'")


def test_the_first_thing_the_page_says_is_the_verdict(tree):
    box = tree.find(".//main")[2]
    assert box.get("class") == "verdict good"
    assert words(box).startswith(
        "\u2713 Succeeded The password of admin@acme.example opens nothing any more; "
        "robot@acme.example works by certificate. Org acme (Acme Inc.): playbook hybrid ended on 2027-01-15"
    )


def test_the_page_is_one_document_in_order(tree):
    levels = [level for level, _ in headings(tree)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert len(tree.findall(".//main")) == len(tree.findall(".//footer")) == 1
    assert tree.get("lang") == "en"
    skip = tree.find(".//body")[0]
    assert tree.get_element_by_id(skip.get("href").removeprefix("#")).tag == "main"


def test_every_table_has_a_caption_and_heads_with_a_scope(tree):
    tables = list(tree.iter("table"))
    assert len(tables) > 6
    for found in tables:
        assert words(found.find("caption"))
        assert {head.get("scope") for head in found.find("thead").iter("th")} == {"col"}
        assert all([cell.get("scope") for cell in row.iter("th")] == ["row"] for row in found.find("tbody"))


def test_the_page_loads_nothing_runs_nothing_and_says_so(room, html_of):
    text = html_of(room.story().succeeded())
    tree = page(text)
    assert not list(tree.iter("script", "img", "link", "iframe", "object", "form"))
    assert not re.search(r"\s(?:src|style|on[a-z]+)=|url\(|@import|https?://[^<]*\.(?:css|js|png)", text)
    rule = tree.find(".//meta[@http-equiv]").get("content")
    style = tree.find(".//style").text
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert rule == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert style == stylesheet()


def test_ids_are_unique_even_with_many_runs_on_one_page(room, html_of):
    tree = page(html_of(room.story("acme").succeeded(), room.story("globex").failed()))
    ids = [node.get("id") for node in tree.iter() if node.get("id")]
    assert len(ids) == len(set(ids))
    named = {name for node in tree.iter() for name in (node.get("aria-labelledby") or "").split()}
    linked = {node.get("href")[1:] for node in tree.iter("a") if node.get("href").startswith("#")}
    assert named | linked <= set(ids)


def test_colour_never_says_what_no_word_says(room, html_of):
    judged = verdicts("proven_closed", "closed_unproven", "open")
    tree = page(html_of(room.story().left_open(verify_lockdown={"verdicts": judged})))
    rows = table(tree, "Verdict for each way to use the password")
    assert [row[:2] for row in rows] == [
        ["SOAP login()", "\u2713 Proven closed"],
        ["OAuth username-password flow", "! Closed by configuration, unproven"],
        ["login page", "\u2717 Open"],
    ]
    assert all(re.search("[A-Za-z]{4}", words(chip)) for chip in tree.find_class("chip"))


def test_the_credential_is_told_to_the_letter(tree):
    assert term(tree, "Client app") == "External Client App Orchestrator_JWT"
    assert term(tree, "Consumer key") == CONSUMER_KEY
    assert term(tree, "Certificate SHA-256") == "ab" * 32
    assert term(tree, "Certificate valid until") == (
        "2028-01-15 08:00:00 UTC (348 days left when this was written)"
    )
    assert term(tree, "No refusal any more, after the deploy") == "7.5 s"
    assert term(tree, "Refusals meanwhile") == "1 x app_not_found"


def test_every_proof_is_told_with_its_time_and_instance(tree):
    rows = table(tree, "Proofs in a row, without a refusal between them")
    assert [row[1:3] for row in rows] == [
        [proof(n)["at"].replace("T", " ").removesuffix("Z"), "https://acme.my.salesforce.com"] for n in (1, 2)
    ]


def test_every_lock_is_told_with_proof_and_undo(tree):
    assert term(tree, "Applied") == "2027-01-15 08:00:30.000 UTC"
    assert term(tree, "Shown by") == "the org shows replace_password"
    assert term(tree, "To undo") == "undo replace_password"
    assert term(tree, "Before it stood") == '{"value": "before-replace_password"}'
    assert table(tree, "Steps chosen, in order") == [
        ["1", "replace_password", "worth nothing", "mailbox resets"]
    ]
    assert table(tree, "Left out") == [["freeze_user", "the account lives on"]]


def test_a_lock_of_an_earlier_run_is_not_told_as_one_of_this(room, html_of):
    old = lock("replace_password", applied_at="2026-12-01T00:00:00.000Z")
    tree = page(html_of(room.story().succeeded(lock_password={"lockdown": [old]})))
    assert term(tree, "Applied") == "2026-12-01 00:00:00.000 UTC (before this run: by an earlier one)"


def test_the_last_try_of_the_password_is_quoted(tree):
    assert term(tree, "How") == PROBE["path"]
    assert PROBE["text"] in [words(node) for node in tree.iter("pre")]
    quoted = table(tree, "The row of Login History, as the org returned it")
    assert quoted == [list(PROBE["login_history"].values())]


def test_rights_that_were_not_withdrawn_are_shouted(room, html_of):
    story = room.story().failed("read_consumer_key", "permission_missing", "no")
    tree = page(html_of(story))
    assert term(tree, "Afterwards") == "\u2717 still lent, as far as this record shows"
    said = " ".join(words(node) for node in tree.iter("li"))
    assert "Temporary rights are still lent: permission set Setup_Set, assignment 0Pa1." in said


def test_every_attempt_is_in_the_record(room, html_of):
    story = room.story().succeeded()
    rows = table(page(html_of(story)), "Every attempt: written before its effect, settled after it")
    assert [row[0] for row in rows] == [str(number) for number in range(1, story.seq + 1)]
    assert rows[8][1] == "prove_oauth (2)"
    assert rows[7][4:6] == ["again", "app_not_found"]


def test_evidence_without_a_place_of_its_own_is_not_kept_back(room, html_of):
    story = room.story().succeeded(detect={"weather": {"in": "Zermatt"}})
    assert ["weather", '{"in": "Zermatt"}'] in table(page(html_of(story)), "Found by attempts")


def test_the_timeline_marks_the_first_effect_that_cannot_be_taken_back(tree):
    picture = tree.find(".//figure/svg")
    assert picture.get("role") == "img"
    said = [words(node) for node in picture.iter("text")]
    assert "lock_password (one-way) 500 ms" in said
    assert "first one-way effect" in said
    assert len(picture.find_class("door")) == 1
    assert len(picture.find_class("oneway")) == 1


def test_a_run_without_attempts_has_a_page(room, html_of):
    tree = page(html_of(room.story()))
    assert "Nothing has been done yet" in words(tree)
    assert term(tree, "Head of the chain") == "none yet"
    assert tree.find(".//figure") is None


def test_a_simulated_org_is_never_taken_for_a_real_one(room, html_of):
    fast = page(html_of(room.story(speed=30.0).succeeded()))
    seen = page(html_of(room.story(entry={}).succeeded(preflight={"preflight": {"egress_ip": "127.0.0.1"}})))
    real = page(html_of(room.story().succeeded()))
    assert all("no evidence about a real org" in words(tree.find_class("notice")[0]) for tree in (fast, seen))
    assert not real.find_class("notice")


def test_a_page_in_a_folder_leads_back_to_the_overview(room, report_of):
    report = report_of(room.story().succeeded())
    tree = page(run_page(report["runs"][0], report["written"]))
    assert tree.find(".//nav/a").get("href") == "../index.html"


@pytest.mark.parametrize(
    ("pinned", "found", "told"),
    [
        ("00D000000000001AAA", {}, "(the same)"),
        ("00D000000000009AAA", {}, "(ANOTHER)"),
        ("00D000000000001AAA", {"org_id": None}, "(not compared in this run)"),
    ],
)
def test_a_pinned_org_id_is_compared_with_what_the_org_said(room, html_of, pinned, found, told):
    tree = page(html_of(room.story(entry={"org_id": pinned}).succeeded(detect=found)))
    assert term(tree, "Org id pinned in the orgs file") == f"{pinned} {told}"


def test_a_question_is_told_with_its_answer_command(room, html_of):
    story = room.story(playbook="restore-password-access", evidence={"undoes": {"run": "acme-1"}})
    story.begin("detect").settle("succeeded").begin("check_rights").settle(
        "rights_withdrawn", {"rights": {"how": "Assign Setup_Set to robot@acme.example."}}
    )
    story.stand("ask_for_rights", RunStatus.AWAITING_OPERATOR, until_s=story.now_s + 3600)
    tree = page(html_of(story))
    assert term(tree, "Cause") == "Assign Setup_Set to robot@acme.example. Approve when it is done."
    assert any(f"runs approve {story.run}" in words(node) for node in tree.iter("pre"))
    assert table(tree, "Given") == [["undoes", '{"run": "acme-1"}']]
