from __future__ import annotations

import textwrap

import pytest

ORGS = """
orgs:
  acme:
    url: https://acme.my.salesforce.com
    username: admin@acme.example
    password: env:ACME_PASSWORD
    labels: {wave: canary}
"""
QUESTION = """
playbook: question
version: 1
description: A question, and nothing that touches an org.
initial: ask
states:
  ask:
    description: A person decides.
    operator: {ask: "Shall we go on with {{ org.name }}?", inputs: {reason: string}}
    wait: {timeout: 1h}
    on: {approved: done, rejected: refused, timed_out: refused}
  refused: {final: failed}
  done: {final: succeeded}
"""


@pytest.fixture
def orgs_file(tmp_path):
    """An orgs file of one org that does not exist; or of the text that is given."""

    def write(text: str = ORGS, name: str = "orgs.yaml") -> str:
        path = tmp_path / name
        path.write_text(textwrap.dedent(text), "utf-8")
        path.chmod(0o600)
        return str(path)

    return write


@pytest.fixture
def question(tmp_path):
    """A playbook that only asks a person."""
    path = tmp_path / "question.yaml"
    path.write_text(QUESTION, "utf-8")
    return str(path)
