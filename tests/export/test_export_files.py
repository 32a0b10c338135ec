"""Files with a secret in them: private, whole, usable by a shell, and not where they would be found."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.redaction import Secret
from orchestrator.salesforce.certificate import KeyAndCertificate, load_private_key

Export = Callable[..., Any]
pytestmark = pytest.mark.reveals("files", "output")  # a private file, or `--to json --reveal`


def test_a_shell_reads_the_environment_file(export: Export, stored: KeyAndCertificate, private: Path):
    path = private / "acme.env"
    done = export("--to", "env", "--file", str(path))
    assert done.code == 0, done.err
    assert path.stat().st_mode & 0o777 == 0o600
    assert stored.private_key_pem.reveal().strip() not in done.out
    script = f'set -a; . "{path}"; printf "%s\\n%s\\n" "$SF_USERNAME" "$SF_PRIVATE_KEY"'
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)  # noqa: S603, S607
    username, _, key = said.stdout.partition("\n")
    assert username == "integration@acme.example"
    assert load_private_key(Secret(key)).key_size == 2048
    assert key.strip() == stored.private_key_pem.reveal().strip()


def test_the_names_of_the_variables_begin_as_the_operator_says(export: Export):
    done = export("--to", "env", "--reveal", "--prefix", "ACME_")
    assert done.code == 0
    names = [line.partition("=")[0] for line in done.out.splitlines() if line.startswith("ACME_")]
    assert {"ACME_CLIENT_ID", "ACME_USERNAME", "ACME_LOGIN_URL", "ACME_PRIVATE_KEY"} <= set(names)


def test_json_goes_to_standard_output_only_when_asked_for_by_name(export: Export, stored: KeyAndCertificate):
    tree = export("--to", "json", "--reveal").json
    assert tree["private_key"] == stored.private_key_pem.reveal()
    assert tree["org_id"] == "00D000000000001AAA"


def test_a_file_is_replaced_whole(export: Export, private: Path):
    path = private / "acme.json"
    assert export("--to", "json", "--file", str(path)).code == 0
    path.write_text("old")
    assert export("--to", "json", "--file", str(path)).code == 0
    assert json.loads(path.read_text())["username"] == "integration@acme.example"
    assert [each.name for each in private.iterdir()] == ["acme.json"]


def make_git(folder: Path) -> Path:
    (folder / "repo" / ".git").mkdir(parents=True)
    (folder / "repo" / "deep").mkdir()
    return folder / "repo" / "deep" / "acme.env"


def make_file_for_others(folder: Path) -> Path:
    path = folder / "acme.env"
    path.write_text("x")
    path.chmod(0o644)
    return path


@pytest.mark.parametrize("make", [make_git, make_file_for_others], ids=["a git work tree", "a readable file"])
def test_a_place_where_the_key_would_be_found_is_refused_unless_forced(
    export: Export, private: Path, make: Callable[[Path], Path]
):
    path = make(private)
    before = path.read_text() if path.exists() else None
    refused = export("--to", "env", "--file", str(path), "--json")
    assert (refused.code, refused.error["code"]) == (2, "export_unsafe")
    assert (path.read_text() if path.exists() else None) == before
    forced = export("--to", "env", "--file", str(path), "--force")
    assert forced.code == 0
    assert "warning:" in forced.err
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_folder_open_to_everybody_is_no_place_for_a_key(export: Export):
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        refused = export("--to", "json", "--file", f"{folder}/acme.json", "--json")
        assert refused.error["code"] == "export_unsafe"
        assert "open to everybody" in refused.error["detail"]
        assert list(Path(folder).iterdir()) == []
        Path(folder).chmod(0o700)
        assert export("--to", "json", "--file", f"{folder}/acme.json").code == 0


def test_a_folder_that_is_not_there_is_said_so(export: Export, private: Path):
    done = export("--to", "json", "--file", str(private / "none" / "acme.json"), "--json")
    assert (done.code, done.error["code"]) == (2, "file_unwritable")
