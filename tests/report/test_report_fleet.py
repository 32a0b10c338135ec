from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_building import page, words

from orchestrator.engine.report import html as pages
from orchestrator.engine.report.fleet import distribution
from orchestrator.engine.report.reading import newest_of_every_org
from orchestrator.engine.report.tree import assemble, summary_tree
from orchestrator.ports import RunStatus

WRITTEN_S = 1_801_396_800.0
ALLOWED_S = 2.0


@pytest.fixture
def index(room, report_of):
    """A fleet with a run of every result, as its overview."""
    room.story("good").succeeded()
    room.story("bad").failed()
    room.story("open").left_open()
    room.story("asked").hybrid(until="preflight").stand("detect", RunStatus.AWAITING_OPERATOR, until_s=9e9)
    room.story("under-way").hybrid(until="preflight")
    stopped = room.story("stopped").hybrid(until="preflight")
    stopped.stand("preflight", RunStatus.CANCELLED, code="cancelled", result="failed")
    forged = room.story("forged").succeeded()
    room.change("UPDATE attempt SET detail = 'x' WHERE run = ? AND seq = 2", forged.run)
    return page(pages.index_page(report_of()))


def rows_of(tree, section):
    table = tree.find(f".//section[@aria-labelledby='{section}']//table")
    return [[words(cell) for cell in row] for row in table.find("tbody")]


def test_what_needs_a_person_comes_first_and_the_gravest_of_it(index):
    sections = [node.get("aria-labelledby") for node in index.iter("section")]
    assert sections == ["attention", "propagation", "all"]
    orgs = [row[0].split()[0] for row in rows_of(index, "attention")]
    assert orgs == ["forged", "bad", "open", "asked", "under-way", "stopped"]
    assert rows_of(index, "attention")[0][1] == "\u2717 Record not intact"


def test_the_counts_add_up(index):
    tally = [words(item) for item in index.find_class("tally")[0]]
    assert tally == [
        "1 Failed",
        "1 Needs attention",
        "1 Waiting for a person",
        "1 Not finished",
        "1 Cancelled",
        "2 Succeeded",
    ]
    box = words(index.find_class("verdict")[0])
    assert box == "2 of 7 runs succeeded; 5 need somebody to look. 1 of 7 records are NOT intact."


def test_every_run_is_listed_with_a_link_to_its_page(index):
    rows = rows_of(index, "all")
    assert [row[0].split()[0] for row in rows] == sorted(row[0].split()[0] for row in rows)
    assert len(rows) == 7
    good = next(row for row in rows if row[0].startswith("good"))
    assert good[2:4] == ["\u2713 Succeeded", "done"]
    assert good[6:] == ["7.5 s", "2028-01-15", "intact"]
    links = [node.get("href") for node in index.iter("a")][1:]
    assert all(link.startswith("runs/") and link.endswith(".html") for link in links)


def test_certificates_that_run_out_are_counted(room, report_of):
    soon = {"certificate": {"sha256": "ab", "not_after": "2027-02-10T00:00:00Z"}}
    gone = {"certificate": {"sha256": "ab", "not_after": "2027-01-20T00:00:00Z"}}
    room.story("soon").succeeded(issue_certificate=soon)
    room.story("gone").succeeded(issue_certificate=gone)
    room.story("far").succeeded()
    report = report_of()
    expiring = [
        run["org"] for name in report["fleet"]["expiring"] for run in report["runs"] if run["run"] == name
    ]
    assert expiring == ["gone", "soon"]
    text = words(page(pages.index_page(report)))
    assert "2 certificates expire within 30 days" in text
    assert "2027-02-10 ! 9 days" in text
    assert "2027-01-20 \u2717 expired" in text


def test_an_empty_journal_has_a_page(report_of):
    assert "There are no runs" in words(page(pages.index_page(report_of())))


def test_the_name_of_a_page_never_leaves_its_folder():
    names = [
        pages.file_name({"run": run}) for run in ("acme-1", "../../etc/passwd", "a/b", ".x", "x" * 400, "")
    ]
    assert names[0] == "acme-1.html"
    assert all("/" not in name and not name.startswith(".") and len(name) < 160 for name in names)
    assert len(set(names)) == len(names)


def test_propagation_is_drawn_as_bars_over_times(index):
    ((span, count, _),) = rows_of(index, "propagation")
    assert (span, count) == ("5 s to 10 s", "3")
    assert index.find(".//section[@aria-labelledby='propagation']//rect").get("width") == "100.0%"


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_the_distribution_counts_every_time_once(seconds):
    found = distribution(seconds)
    assert sum(bucket["count"] for bucket in found["buckets"]) == found["count"] == len(seconds)
    assert min(seconds) <= found["median_s"] <= found["p90_s"] <= found["max_s"] == max(seconds)
    assert found["buckets"][0]["count"]
    assert found["buckets"][-1]["count"]


@pytest.mark.slow
def test_the_overview_of_a_thousand_runs_takes_two_seconds(room):
    room.copy_run(room.story().succeeded().run, 1000)
    reader = room.reader
    room.app.playbook_of(room.app.journal.runs(limit=1)[0].playbook_digest)
    before_s = time.process_time()
    records = newest_of_every_org(room.app.journal.runs())
    report = assemble([summary_tree(reader.read(record), WRITTEN_S) for record in records], WRITTEN_S)
    text = pages.index_page(report)
    took_s = time.process_time() - before_s
    assert report["chain"] == {"intact": True, "runs": 1001, "broken": []}
    assert text.count("<tr>") > 1000
    assert took_s < ALLOWED_S
