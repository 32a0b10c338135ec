"""What ships: playbooks that compile, inside the wheel and by name, and a README whose commands exist."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import click
import pytest
from hatchling.builders.wheel import WheelBuilder
from house_files import ROOT

from orchestrator.app import App
from orchestrator.cli.main import cli
from orchestrator.configuration import Configuration
from orchestrator.shipped import playbook_source, shipped_playbooks

PLAYBOOKS = sorted((ROOT / "playbooks").glob("*.yaml"))


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
def test_every_playbook_compiles_under_its_own_name(path: Path, tmp_path: Path) -> None:
    app = App(Configuration(home=tmp_path), environ={})
    compiled = app.compile(*playbook_source(str(path)))
    assert compiled.name == path.stem
    assert {"succeeded"} <= {str(state.final) for state in compiled.machine.states.values() if state.final}


def test_every_shipped_playbook_is_found_by_name_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert shipped_playbooks() == [path.stem for path in PLAYBOOKS]
    for path in PLAYBOOKS:
        assert playbook_source(path.stem)[0] == path.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    return Path(next(WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])))


@pytest.mark.slow
def test_the_wheel_holds_the_playbooks_and_everything_the_package_reads(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {f"orchestrator/playbooks/{path.name}" for path in PLAYBOOKS} <= names
    kept = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "orchestrator").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert kept - names == set()
    assert not [name for name in names if name.startswith(("tests/", "fixtures/"))]


@pytest.mark.slow
def test_a_playbook_runs_by_name_from_the_unpacked_wheel(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = (
        "import orchestrator, sys\n"
        "from orchestrator.shipped import playbook_source\n"
        "print(orchestrator.__file__)\n"
        "print(playbook_source('hybrid')[1])\n"
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(tmp_path / "site")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    package, playbook = done.stdout.splitlines()
    assert Path(package).is_relative_to(tmp_path / "site")
    assert Path(playbook) == tmp_path / "site" / "orchestrator" / "playbooks" / "hybrid.yaml"


# --- what the README promises


def _command_lines(document: str) -> list[str]:
    """Lines of code blocks that call the program, continuation lines joined, comments left out."""
    lines: list[str] = []
    for block in re.findall(r"```\w*\n(.*?)```", document, re.DOTALL):
        for line in block.splitlines():
            text = re.sub(r"\s#.*|\s\s+#.*", "", line)
            if found := re.match(r"(?:\w+=\S+ )*orchestrator (.+)", text):
                lines.append(found[1].strip())
            elif lines and re.match(r"\s{10,}\[", line):
                lines[-1] += " " + text.strip()
    return lines


LINES = _command_lines((ROOT / "README.md").read_text(encoding="utf-8"))


def test_the_readme_shows_commands() -> None:
    assert len(LINES) > 5


@pytest.mark.parametrize("line", LINES)
def test_every_command_of_the_readme_exists_with_its_options(line: str) -> None:
    context = click.Context(cli)
    first, _, rest = line.partition(" ")
    if "|" in line and cli.get_command(context, rest.split("|")[-1].split()[0]) is not None:
        for name in re.split(r"\s*\|\s*", line):  # `orchestrator simulate | demo`
            assert cli.get_command(context, name.split()[0]) is not None, name
        return
    command = cli.get_command(context, first)
    assert command is not None, line
    commands = [command]
    if isinstance(command, click.Group):
        alternatives = re.split(r"\s+\|\s+(?![^\[]*\])", rest)
        commands = [command.commands[alternative.split()[0]] for alternative in alternatives]
    options = {option for each in commands for param in each.params for option in param.opts}
    assert set(re.findall(r"(--[a-z][a-z-]+)", line)) <= options, line


def test_every_make_target_of_the_readme_exists() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"`?make ([a-z-]+)", readme)):
        if re.search(rf"(?:^|`)make {target}", readme, re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_link_of_the_readme_leads_somewhere() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", readme):
        assert (ROOT / target).exists(), target
