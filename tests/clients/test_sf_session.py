"""Our reading of the Salesforce CLI's stored orgs, with the real CLI."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import ALIAS, LoggedIn

from orchestrator.errors import OrgFault
from orchestrator.salesforce.sf_cli import known_orgs, stored_session

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def environ(cli: LoggedIn, tmp_path: Path) -> dict[str, str]:
    """The CLI's home, and a program `sf` on the PATH, as an installation has it."""
    program = tmp_path / "sf"
    clients = cli.sf.clients
    program.write_text(f'#!/bin/sh\nexec "{clients.node}" "{clients.salesforce_cli}" "$@"\n', "utf-8")
    program.chmod(0o700)
    return {**cli.sf.environment, "PATH": f"{tmp_path}{os.pathsep}{cli.sf.environment['PATH']}"}


def test_the_session_of_an_alias_is_read_and_works(cli: LoggedIn, environ: dict[str, str]) -> None:
    session = stored_session(ALIAS, environ)
    assert (session.org_id, session.username) == (cli.orgs.org_id, cli.orgs.username)
    assert session.instance_url == cli.orgs.url
    answer = cli.orgs.rest("GET", "/limits", session.token.reveal())
    assert answer["DailyApiRequests"]["Remaining"] > 0


def test_every_org_the_cli_knows_is_listed(cli: LoggedIn, environ: dict[str, str]) -> None:
    found = {org.username: org for org in known_orgs(environ)}
    org = found[cli.orgs.username]
    assert (org.alias, org.org_id, org.instance_url) == (ALIAS, cli.orgs.org_id, cli.orgs.url)


def test_an_alias_the_cli_does_not_know_is_told_apart(environ: dict[str, str]) -> None:
    with pytest.raises(OrgFault) as refused:
        stored_session("nobody-logged-in-here", environ)
    assert refused.value.code == "sf_org_unknown"
