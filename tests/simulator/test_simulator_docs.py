"""docs/simulator.md is in step with the code, and the requests it shows work."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests

sys.path.append(str(Path(__file__).parent))

from core_wire import World
from served import serving

from orchestrator.simulator import reference
from orchestrator.simulator.control import ROUTES
from orchestrator.simulator.fault_script import KINDS
from orchestrator.simulator.profiles import ORG_PROFILES

PAGE = Path(__file__).parents[2] / "docs" / "simulator.md"
REQUEST = re.compile(r"curl -s \"?\$CONTROL(/\S*?)\"?(?: -d '(.*)')?$", re.MULTILINE)


def test_the_tables_of_the_page_are_those_of_the_code():
    text = PAGE.read_text(encoding="utf-8")
    assert reference.in_step(text) == text, "run python -m orchestrator.simulator.reference docs/simulator.md"


def test_every_profile_and_fault_has_its_row_and_says_what_it_is():
    text = PAGE.read_text(encoding="utf-8")
    for name in (*ORG_PROFILES, *KINDS):
        assert f"| `{name}` |" in text
    abouts = [profile.about for profile in ORG_PROFILES.values()]
    assert len(set(abouts)) == len(abouts)


def test_a_page_with_a_wrong_marker_is_refused(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- colours -->\n<!-- /colours -->\n")
    with pytest.raises(ValueError, match="colours"):
        reference.main([str(page)])


@pytest.mark.slow
def test_the_module_writes_the_page(tmp_path):
    page = tmp_path / "page.md"
    text = PAGE.read_text(encoding="utf-8")
    page.write_text(re.sub(r"\| `[a-z_]+` \|.*\n", "", text))
    command = [sys.executable, "-m", "orchestrator.simulator.reference", str(page)]
    assert subprocess.run(command, check=False).returncode == 0  # noqa: S603 - our own module
    assert page.read_text(encoding="utf-8") == text


def test_every_request_the_page_shows_is_answered():
    asked = REQUEST.findall(PAGE.read_text(encoding="utf-8"))
    assert len(asked) >= 7
    with serving(http=True, count=1) as (line, _), requests.Session() as web:
        web.trust_env = False
        for path, body in asked:
            method = "POST" if body else "GET"
            answer = web.request(method, line["control"] + path, data=body or None)
            assert answer.status_code in {200, 201}, (path, answer.text)


def test_every_route_of_the_table_exists():
    with serving(http=True, count=1) as (line, simulation), requests.Session() as web:
        web.trust_env = False
        name = next(iter(simulation.simulator.catalogue)).name
        for method, path in ROUTES:
            body = '{"namespace": "simconnect"}' if (method, path) == ("POST", "packages") else "{}"
            body = '{"kind": "slow"}' if (method, path) == ("POST", "faults") else body
            data = body if method == "POST" else None
            url = f"{line['control']}/{path.replace('ID', name)}"
            assert web.request(method, url, data=data).status_code in {200, 201, 204}, (method, path)


@pytest.mark.parametrize("profile", ORG_PROFILES)
def test_every_profile_makes_an_org_that_answers(profile):
    world = World(profile)
    listed = world.web.get(f"{world.base}/services/data").json()
    assert listed[-1]["version"] == f"{world.org.max_api_version}.0"
    assert world.org.profile_name == profile
