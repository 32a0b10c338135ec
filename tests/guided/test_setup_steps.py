"""The steps are data: complete, right for each kind of org, and to be corrected by anybody."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from orchestrator import texts
from orchestrator.salesforce.hosts import OrgKind, parse_org_url
from orchestrator.salesforce.setup_links import pages
from orchestrator.texts.setup_steps import APP_KINDS, VALUES, app_kinds, remarks, steps

ORGS = [
    "https://acme.my.salesforce.com",
    "https://acme--uat.sandbox.my.salesforce.com",
    "https://acme-dev-ed.develop.my.salesforce.com",
    "https://acme.scratch.my.salesforce.com",
    "https://acme.trailblaze.my.salesforce.com",
    "https://acme.my.salesforce.mil",
    "https://acme.my.sfcrmproducts.cn",
    "https://acme.demo.my.salesforce.com",
]


@pytest.fixture
def corrected(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "texts.yaml"
    texts.lay_over(None)


@pytest.mark.parametrize("url", ORGS)
@pytest.mark.parametrize("app", APP_KINDS)
def test_every_kind_of_org_has_all_steps_from_the_app_to_its_key(url: str, app: str) -> None:
    kind = parse_org_url(url).kind
    found = steps(app, kind, 67.0)
    pasted = [value for step in found for value in step.values]
    assert sorted(pasted) == sorted(VALUES)
    assert "consumer key" in found[-1].title.lower()
    assert all(step.title and step.lines for step in found)
    assert all(step.page in pages() for step in found if step.page)


def test_each_entry_is_for_kinds_of_orgs_and_apps_that_exist() -> None:
    for key in texts.document("setup_steps").entries:
        entry = texts.document("setup_steps").entries[key].fields
        kinds = texts.lines("setup_steps", key, "kinds") if "kinds" in entry else ()
        assert set(kinds) <= set(get_args(OrgKind)), key
        app = texts.text("setup_steps", key, "app") if "app" in entry else ""
        assert app in {"", *APP_KINDS}, key


def test_an_org_is_told_what_is_special_about_its_kind_and_nothing_about_others() -> None:
    assert "note_sandbox" in [one.key for one in remarks("sandbox", 67.0)]
    assert "note_sandbox" not in [one.key for one in remarks("production", 67.0)]


def test_an_external_client_app_is_offered_first_and_a_connected_app_where_there_is_nothing_else() -> None:
    assert app_kinds("production", 67.0) == ("external_client_app", "connected_app")
    assert app_kinds("production", 58.0) == ("connected_app",)


def test_a_correction_of_a_user_is_shown_and_may_hold_for_a_release_only(corrected: Path) -> None:
    corrected.write_text(
        textwrap.dedent("""\
        setup_steps:
          eca_new:
            versions:
              - since: 68.0
                do: ["Open App Launcher, then External Client Apps."]
          eca_key:
            title: Fetch the key
        """)
    )
    texts.lay_over(corrected)
    assert steps("external_client_app", "production", 67.0)[0].lines[0].startswith("Open External Client App")
    assert steps("external_client_app", "production", 68.0)[0].lines == (
        "Open App Launcher, then External Client Apps.",
    )
    assert steps("external_client_app", "production", 67.0)[-1].title == "Fetch the key"


def test_a_step_may_end_with_a_release(corrected: Path) -> None:
    corrected.write_text("setup_steps:\n  eca_security:\n    until: '66.0'\n")
    texts.lay_over(corrected)
    assert "eca_security" in [step.key for step in steps("external_client_app", "production", 66.0)]
    assert "eca_security" not in [step.key for step in steps("external_client_app", "production", 67.0)]
