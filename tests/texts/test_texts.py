"""Sentences are data: strict, versioned by release, corrected without touching code."""

from __future__ import annotations

import textwrap

import pytest

from orchestrator import texts
from orchestrator.app import App
from orchestrator.catalogue import FAULTS, errors_page
from orchestrator.configuration import Configuration
from orchestrator.errors import Defect, TextsFileError, UsageError
from orchestrator.salesforce.hosts import parse_org_url
from orchestrator.salesforce.setup_links import setup_link, setup_page
from orchestrator.texts.reading import read_document
from orchestrator.texts.shapes import SHAPES

SHIPPED = """
Section:
  some_code:
    meaning: What it means.
    remedy: |
      Do this,
      then that.
    source: A page.
    versions:
      - since: 66.0
        remedy: Do it in the new place.
      - {since: 68, remedy: Do nothing., meaning: It means less.}
"""


@pytest.fixture(autouse=True)
def _as_shipped():
    yield
    texts.lay_over(None)


@pytest.fixture
def own_texts(tmp_path):
    def write(text: str):
        file = tmp_path / "texts.yaml"
        file.write_text(textwrap.dedent(text), "utf-8")
        return file

    return write


def read(text: str):
    return read_document(textwrap.dedent(text), "faults.yaml", SHAPES["faults"])


def configured(home, **environ: str) -> Configuration:
    return Configuration.from_options(
        home=str(home), database=None, connect_to=(), speed=1.0, environ=environ
    )


@pytest.mark.parametrize(
    ("release", "remedy", "meaning"),
    [
        (None, "Do nothing.", "It means less."),
        (69.0, "Do nothing.", "It means less."),
        (68.0, "Do nothing.", "It means less."),
        (67.0, "Do it in the new place.", "What it means."),
        (65.0, "Do this, then that.", "What it means."),
    ],
)
def test_the_org_s_release_chooses_the_text_and_without_one_the_newest_is_told(release, remedy, meaning):
    entry = read(SHIPPED).entries["some_code"]
    assert entry.pick("remedy", release) == (remedy,)
    assert entry.pick("meaning", release) == (meaning,)


def test_every_fault_has_its_texts_and_no_text_is_without_a_fault():
    document = texts.document("faults")
    assert set(document.entries) == set(FAULTS)
    assert [code for codes in document.sections.values() for code in codes] == list(document.entries)


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_every_shipped_document_is_of_its_shape(name):
    assert texts.document(name).entries


@pytest.mark.parametrize(
    ("wrong", "line", "problem"),
    [
        ("S:\n  a: {meaning: M., remedy: R.}", 2, "lacks source"),
        ("S:\n  a: {meaning: M., remedy: R., source: S, cause: C}", 2, "'cause' is no field"),
        ("S:\n  a: {meaning: 3, remedy: R., source: S}", 2, "is no text"),
        ("S:\n  a: {meaning: '', remedy: R., source: S}", 2, "is no text"),
        ("S:\n  a: {meaning: [M.], remedy: R., source: S}", 2, "is not one text"),
        ("S:\n  a: {meaning: M., remedy: R., source: S, meaning: N.}", 2, "stands here twice"),
        (f"{SHIPPED}\nOther:\n  some_code: {{meaning: M., remedy: R., source: S}}", 15, "twice"),
        (
            "S:\n  a:\n    meaning: M.\n    remedy: R.\n    source: S\n    versions: [{remedy: N.}]",
            6,
            "since which release",
        ),
        (
            "S:\n  a: {meaning: M., remedy: R., source: S, versions: [{since: new, remedy: N.}]}",
            2,
            "since which release",
        ),
        ("S:\n  a: {meaning: M., remedy: R., source: S, versions: {since: 66.0}}", 2, "is no list"),
        ("S:\n  a: text", 2, "is no mapping"),
        ("S: {}}", 1, "not YAML"),
    ],
)
def test_a_document_that_is_not_of_its_shape_is_refused_with_the_line(wrong, line, problem):
    with pytest.raises(texts.TextsInvalid) as refused:
        read(wrong)
    found = refused.value.findings[0]
    assert problem in found.problem
    assert found.line == line
    assert found.remedy


def test_a_setup_page_leads_nowhere_but_to_a_path_on_the_org_s_own_host():
    elsewhere = "S:\n  users: {label: U, path: //evil.example}"
    with pytest.raises(texts.TextsInvalid, match="no path on a host"):
        read_document(elsewhere, "setup_pages.yaml", SHAPES["setup_pages"])


def test_the_user_s_own_sentence_stands_before_ours_and_only_there(own_texts):
    ours = FAULTS["login_invalid"]
    meaning, other = ours.meaning, FAULTS["org_locked"].remedy
    texts.lay_over(own_texts("faults: {login_invalid: {remedy: Call Kim at desk 4.}}"))
    assert ours.remedy == "Call Kim at desk 4."
    assert (ours.meaning, FAULTS["org_locked"].remedy) == (meaning, other)
    assert "| Call Kim at desk 4. |" in errors_page()
    texts.lay_over(None)
    assert ours.remedy != "Call Kim at desk 4."


def test_the_user_s_sentence_may_be_for_one_release_on(own_texts):
    shipped = FAULTS["org_locked"].remedy
    texts.lay_over(own_texts("faults: {org_locked: {versions: [{since: 68.0, remedy: Ask Kim first.}]}}"))
    assert FAULTS["org_locked"].for_release("67.0").remedy == shipped
    assert FAULTS["org_locked"].for_release("68.0").remedy == "Ask Kim first."
    assert FAULTS["org_locked"].for_release(None).remedy == "Ask Kim first."


def test_a_page_that_moved_in_setup_is_corrected_without_code(own_texts):
    host = parse_org_url("acme.my.salesforce.com")
    texts.lay_over(
        own_texts(
            """
            setup_pages:
              users:
                versions:
                  - {since: 69.0, label: People, path: /lightning/setup/People/home}
            """
        )
    )
    assert setup_link(host, "users", 68.0).endswith("/lightning/setup/ManageUsers/home")
    assert setup_link(host, "users", 69.0).endswith("/lightning/setup/People/home")
    assert setup_page("users", 69.0).label == "People"


def test_everything_wrong_in_the_user_s_file_is_told_at_once_with_line_and_nearest_name(own_texts, tmp_path):
    file = own_texts(
        """
        faults:
          login_invald: {remedy: Call Kim.}
          org_locked: {remdy: Call Kim.}
        setup_page: {}
        """
    )
    with pytest.raises(TextsFileError) as refused:
        App(configured(tmp_path))
    told = refused.value.detail
    assert f"{file}:3:3:" in told
    assert "did you mean 'login_invalid'?" in told
    assert f"{file}:4:16:" in told
    assert "did you mean 'setup_pages'?" in told


def test_texts_in_home_are_used_and_another_file_can_be_named(own_texts, tmp_path):
    own_texts("faults: {org_locked: {remedy: From home.}}")
    App(configured(tmp_path)).close()
    assert FAULTS["org_locked"].remedy == "From home."
    other = tmp_path / "other.yaml"
    other.write_text("faults: {org_locked: {remedy: From the other file.}}", "utf-8")
    App(configured(tmp_path, ORCHESTRATOR_TEXTS=str(other))).close()
    assert FAULTS["org_locked"].remedy == "From the other file."


def test_a_file_that_is_named_and_is_not_there_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="cannot read the texts"):
        App(configured(tmp_path, ORCHESTRATOR_TEXTS=str(tmp_path / "none.yaml")))


def test_a_fault_without_a_text_is_our_defect():
    kind = FAULTS["org_locked"]
    with pytest.raises(Defect, match="no text for meaning"):
        _ = type(kind)("no_such_code", kind.blame, kind.disposition).meaning
