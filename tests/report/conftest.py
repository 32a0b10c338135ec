from __future__ import annotations

import pytest
from report_building import WRITTEN, Room

from orchestrator.cli.main import run_cli
from orchestrator.engine.report import html as pages
from orchestrator.engine.report import tree as evidence


@pytest.fixture
def room(tmp_path):
    """A home with an empty journal."""
    opened = Room.open(tmp_path / "home")
    yield opened
    opened.app.close()


@pytest.fixture
def report_of(room):
    """The report of stories, or of every run, as data."""

    def report_of(*stories, written_s=1_801_396_800.0):
        records = [room.app.journal.run(story.run) for story in stories] or room.app.journal.runs()
        return evidence.report(room.reader, records, written_s)

    return report_of


@pytest.fixture
def html_of(report_of):
    """The same as one page."""
    return lambda *stories: pages.single_page(report_of(*stories))


@pytest.fixture
def command(room, capsys):
    """Run `orchestrator report …` on the home; exit code, standard output, standard error."""

    def command(*arguments, written=WRITTEN):
        code = run_cli(["report", *arguments, "--home", str(room.home), "--written", written])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command
