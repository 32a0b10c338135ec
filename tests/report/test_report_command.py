from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from report_building import page, words

DOCS = Path(__file__).parents[2] / "docs" / "evidence.md"


def pages(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.html"))


def test_without_a_run_the_newest_of_every_org_is_told(room, command):
    room.story("acme", run="acme-old").failed()
    room.story("acme", run="acme-new", at_s=1_800_001_000).succeeded()
    room.story("globex", run="globex-1").succeeded()
    code, out, _ = command()
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["acme-new", "globex-1"]
    assert "opens nothing any more" in out
    assert "[record intact]" in out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--all"], ["acme-2", "globex-1", "acme-1"]),
        (["acme-1"], ["acme-1"]),
        (["acme-1", "glo", "acme-1"], ["acme-1", "globex-1"]),
        (["--org", "acme"], ["acme-2"]),
        (["--org", "acme", "--all"], ["acme-2", "acme-1"]),
        (["--playbook", "hybrid"], ["acme-1", "globex-1"]),
        (["--batch", "one"], ["globex-1", "acme-1"]),
        (["--batch", "last"], ["acme-2"]),
    ],
)
def test_runs_are_chosen_as_asked(room, command, arguments, expected):
    room.story("acme", run="acme-1", at_s=1_800_000_000, batch="one").succeeded()
    room.story("globex", run="globex-1", at_s=1_800_000_100, batch="one").succeeded()
    room.story("acme", run="acme-2", at_s=1_800_000_200, batch="two", playbook="verify")
    code, out, _ = command(*arguments, "--json")
    assert code == 0
    assert [run["run"] for run in json.loads(out)["runs"]] == expected


def test_one_run_is_one_page(room, command, tmp_path):
    room.story("acme", run="acme-1").succeeded()
    target = tmp_path / "deep" / "acme.html"
    code, out, err = command("acme", "--html", str(target))
    assert (code, out, err) == (0, f"{target}: 1 run\n", "")
    assert words(page(target.read_text("utf-8")).find(".//h1")) == "Acme Inc. (acme)"
    assert list(target.parent.iterdir()) == [target]


def test_several_runs_are_one_file_with_an_overview(room, command, tmp_path):
    room.story("acme").succeeded()
    room.story("globex").failed()
    command("--html", str(tmp_path / "all.html"))
    tree = page((tmp_path / "all.html").read_text("utf-8"))
    assert len(list(tree.iter("article"))) == 2
    assert [words(node) for node in tree.iter("h1")] == ["2 runs in 2 orgs"]


@pytest.mark.parametrize("as_json", [False, True])
def test_a_folder_gets_an_overview_and_a_page_per_run(room, command, tmp_path, as_json):
    room.story("acme", run="acme-1").succeeded()
    room.story("globex", run="globex-1").failed()
    code, out, _ = command("--html", f"{tmp_path / 'out'}/", *(["--json"] if as_json else []))
    assert code == 0
    assert pages(tmp_path / "out") == ["index.html", "runs/acme-1.html", "runs/globex-1.html"]
    tree = page((tmp_path / "out" / "index.html").read_text("utf-8"))
    links = {node.get("href") for node in tree.iter("a") if not node.get("href").startswith("#")}
    assert links == {"runs/acme-1.html", "runs/globex-1.html"}
    assert len(json.loads(out)["runs"]) == 2 if as_json else out.endswith("index.html: 2 runs\n")


def test_a_page_can_go_to_standard_output(room, command):
    room.story("acme").succeeded()
    code, out, _ = command("--html", "-")
    assert code == 0
    assert out.startswith("<!DOCTYPE html>\n")


def test_the_same_journal_gives_the_same_bytes(room, command, tmp_path):
    room.story("acme").succeeded()
    room.story("globex").failed()
    for name in ("one", "two"):
        assert command("--all", "--html", f"{tmp_path / name}/")[0] == 0
    assert pages(tmp_path / "one") == pages(tmp_path / "two")
    for name in pages(tmp_path / "one"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert command("--json") == command("--json")


def test_only_the_line_of_writing_depends_on_when_it_is_written(room, command):
    room.story("acme").succeeded()
    days = re.compile(r"\d+ days left")
    _, one, _ = command("--html", "-", written="2027-02-01T00:00:00Z")
    _, two, _ = command("--html", "-", written="2027-03-01T00:00:00Z")
    assert one != two
    two = two.replace("2027-03-01", "2027-02-01")
    assert days.sub("days", one) == days.sub("days", two)


def test_an_empty_journal_is_no_error(room, command, tmp_path):
    assert command() == (0, "no runs\n", "")
    code, out, _ = command("--json")
    assert (code, json.loads(out)["runs"]) == (0, [])
    assert command("--html", str(tmp_path / "x.html"))[0] == 0
    assert "There are no runs" in (tmp_path / "x.html").read_text("utf-8")
    assert room.app.journal.runs() == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nobody"], "run_unknown"),
        (["--org", "nobody"], "nothing_selected"),
        (["--batch", "nobody"], "nothing_selected"),
        (["acme-1", "--all"], "options_conflict"),
        (["--written", "soon"], "time_invalid"),
        (["--html", "/dev/null/x.html"], "file_unwritable"),
    ],
)
def test_what_cannot_be_done_is_wrong_usage(room, command, arguments, code):
    room.story("acme", run="acme-1").succeeded()
    status, _, err = command(
        *arguments, "--json", **({"written": "soon"} if "--written" in arguments else {})
    )
    assert status == 2
    assert json.loads(err)["error"]["code"] == code


@pytest.mark.parametrize("form", [[], ["--json"], ["--html", "OUT/"], ["--html", "OUT.html"]])
def test_a_changed_record_is_written_and_ends_with_3(room, command, tmp_path, form):
    story = room.story("acme", run="acme-1").succeeded()
    room.change("UPDATE attempt SET detail = 'x' WHERE run = ? AND seq = 3", story.run)
    status, _, err = command(*(part.replace("OUT", str(tmp_path / "out")) for part in form))
    assert status == 3
    assert "record_changed" in err
    assert "attempt 3 was changed, moved or removed" in err
    assert len(list(tmp_path.rglob("*.html"))) == (len(pages(tmp_path)) if form else 0)


def test_a_failed_run_is_no_failure_of_the_report(room, command):
    room.story("acme").failed()
    assert command()[0] == 0


def documented():
    """Key → heading under which `docs/evidence.md` describes it."""
    text = DOCS.read_text("utf-8")
    found = {}
    for heading, body in re.findall(r"^### (.+?)$(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL):
        for names in re.findall(r"^\| (`[^|]+`) \|", body, re.MULTILINE):
            found.update(dict.fromkeys(re.findall(r"`(\w+)`", names), heading))
    return found


def test_every_key_is_documented_and_every_documented_key_exists(room, command):
    room.story("acme").succeeded()
    _, out, _ = command("--json")
    report = json.loads(out)
    assert set(documented()) == set(report) | set(report["runs"][0]) | set(report["fleet"])


def test_the_script_of_the_documentation_computes_the_same_head(room, command, tmp_path):
    story = room.story("acme").succeeded()
    _, out, _ = command("--json")
    (script,) = re.findall(r"```python\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    (tmp_path / "check.py").write_text(script, "utf-8")
    arguments = [str(tmp_path / "check.py"), str(room.home / "journal.db"), story.run]
    done = _python(arguments)
    assert done.stdout.strip() == json.loads(out)["runs"][0]["chain"]["head"]
    room.change("UPDATE attempt SET detail = 'x' WHERE run = ? AND seq = 3", story.run)
    done = _python(arguments)
    assert done.returncode != 0
    assert "attempt 3 was changed" in done.stderr


def _python(arguments):
    """A Python that has nothing of ours."""
    command = [sys.executable, "-I", "-S", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own Python
