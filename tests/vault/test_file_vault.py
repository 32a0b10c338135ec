"""The vault in files: what goes in comes out, and nothing else does."""

# ruff: noqa: S311, S603 - our own interpreter, killed after a while drawn from a fixed seed

from __future__ import annotations

import os
import pickle
import random
import stat
import string
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import VaultError
from orchestrator.redaction import Secret
from orchestrator.vault.cipher import VaultKey
from orchestrator.vault.file import FileVault

ROOT = Path(__file__).parents[2]
KEY = VaultKey(bytes(range(32)), "file")
NEW_KEY = VaultKey(bytes(range(1, 33)), "file")
THIRD_KEY = VaultKey(bytes(range(2, 34)), "file")
CANARY = "canary-7f3a91c2-never-in-clear"


def vault_of(home, key=KEY):
    return FileVault(home / "vault", lambda: key)


def files_of(home):
    return [path for path in sorted((home / "vault").iterdir()) if path.name != "lock"]


def code_of(caught):
    assert caught.value.remedy != ""
    return caught.value.code


def test_a_value_comes_back_from_another_process_view_of_the_vault(home):
    vault_of(home).put("org:acme", "private_key", Secret("-----BEGIN\nä\n"))
    again = vault_of(home)
    assert again.get("org:acme", "private_key") == Secret("-----BEGIN\nä\n")
    assert again.get("org:acme", "other") is None
    assert again.get("org:none", "private_key") is None


def test_a_newer_value_replaces_the_older(home):
    vault = vault_of(home)
    vault.put("org:acme", "token", Secret("first"))
    vault.put("org:acme", "token", Secret("second"))
    assert vault.get("org:acme", "token") == Secret("second")


def test_names_and_scopes_are_listed(home):
    vault = vault_of(home)
    assert (vault.scopes(), vault.names("org:b")) == ([], [])
    vault.put("org:b", "y", Secret("1"))
    vault.put("org:b", "x", Secret("2"))
    vault.put("org:a", "x", Secret("3"))
    assert (vault.scopes(), vault.names("org:b")) == (["org:a", "org:b"], ["x", "y"])


def test_a_forgotten_value_or_scope_leaves_nothing(home):
    vault = vault_of(home)
    vault.forget("org:none")
    vault.put("org:a", "x", Secret("1"))
    vault.put("org:a", "y", Secret("2"))
    vault.put("org:b", "x", Secret("3"))
    vault.forget("org:a", "x")
    vault.forget("org:a", "x")
    assert vault.names("org:a") == ["y"]
    vault.forget("org:a", "y")
    assert vault.scopes() == ["org:b"]
    vault.forget("org:b")
    assert [path.name for path in files_of(home)] == ["keys"]


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=9)), unique=True, min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_no_two_names_collide_and_none_escapes_the_folder(tmp_path_factory, places):
    home = tmp_path_factory.mktemp("home")
    vault = vault_of(home)
    for number, (scope, name) in enumerate(places):
        vault.put(scope, name, Secret(str(number)))
    assert [vault.get(scope, name) for scope, name in places] == [Secret(str(n)) for n in range(len(places))]
    assert vault.scopes() == sorted({scope for scope, _ in places})
    assert [path.name for path in home.iterdir()] == ["vault"]


@pytest.mark.parametrize(
    "scope", ["../up", "/etc/passwd", "a/b", "A", "a", "", ".", "x" * 5000, "nul\x00", "ä"]
)
def test_any_text_can_be_a_scope(home, scope):
    vault = vault_of(home)
    vault.put(scope, scope, Secret("value"))
    assert vault.scopes() == [scope]
    assert vault.names(scope) == [scope]
    assert {path.parent for path in home.rglob("*") if path.is_file()} == {home / "vault"}


@pytest.mark.usefixtures("posix")
def test_files_and_folder_are_for_their_owner_alone(home):
    old = os.umask(0)
    try:
        vault_of(home).put("org:acme", "x", Secret("1"))
    finally:
        os.umask(old)
    assert stat.S_IMODE((home / "vault").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (home / "vault").iterdir()} == {0o600}


@pytest.mark.usefixtures("posix")
@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o601])
def test_a_file_open_to_others_is_refused_as_ssh_does(home, mode):
    vault = vault_of(home)
    vault.put("org:acme", "x", Secret("1"))
    for path in files_of(home):
        path.chmod(mode)
        with pytest.raises(VaultError) as caught:
            vault.get("org:acme", "x")
        assert code_of(caught) == "vault_permissions"
        assert str(path) in caught.value.detail
        path.chmod(0o600)


@pytest.mark.usefixtures("posix")
def test_a_folder_open_to_others_is_refused(home):
    vault_of(home).put("org:acme", "x", Secret("1"))
    (home / "vault").chmod(0o750)
    with pytest.raises(VaultError) as caught:
        vault_of(home).put("org:acme", "x", Secret("2"))
    assert code_of(caught) == "vault_permissions"


def test_a_wrong_key_is_told_from_a_changed_file_and_changes_nothing(home):
    vault_of(home).put("org:acme", "x", Secret("1"))
    before = [path.read_bytes() for path in files_of(home)]
    wrong = vault_of(home, NEW_KEY)
    for use in (
        lambda: wrong.get("org:acme", "x"),
        lambda: wrong.names("org:acme"),
        lambda: wrong.put("org:acme", "x", Secret("2")),
        lambda: wrong.put("org:other", "x", Secret("2")),
        lambda: wrong.forget("org:acme", "x"),
        wrong.scopes,
        lambda: wrong.rotate(THIRD_KEY),
    ):
        with pytest.raises(VaultError) as caught:
            use()
        assert code_of(caught) == "vault_key_wrong"
    assert [path.read_bytes() for path in files_of(home)] == before


def test_no_byte_of_any_file_can_be_changed_unseen(home):
    vault = vault_of(home)
    vault.put("org:acme", "x", Secret("value"))
    for path in files_of(home):
        original = path.read_bytes()
        for place in range(len(original)):
            for flip in (0x01, 0x80):
                changed = bytearray(original)
                changed[place] ^= flip
                _assert_tampered(vault, path, bytes(changed))
        path.write_bytes(original)
    assert vault.get("org:acme", "x") == Secret("value")


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_edit_of_any_file_passes_unseen(tmp_path_factory, data):
    home = tmp_path_factory.mktemp("vault")
    vault = vault_of(home)
    vault.put("org:acme", "x", Secret("value"))
    path = data.draw(st.sampled_from(files_of(home)))
    original = path.read_bytes()
    start = data.draw(st.integers(0, len(original)))
    end = data.draw(st.integers(start, len(original)))
    changed = original[:start] + data.draw(st.binary(max_size=40)) + original[end:]
    if changed != original:
        _assert_tampered(vault, path, changed)


def _assert_tampered(vault, path, content):
    path.write_bytes(content)
    with pytest.raises(VaultError) as caught:
        vault.get("org:acme", "x")
    assert code_of(caught) == "vault_tampered"


def test_files_of_two_scopes_cannot_change_places(home):
    vault = vault_of(home)
    vault.put("org:a", "x", Secret("1"))
    [a] = [path for path in files_of(home) if path.suffix == ".sealed"]
    vault.put("org:b", "x", Secret("2"))
    [b] = [path for path in files_of(home) if path.suffix == ".sealed" and path != a]
    _assert_swapped_is_tampered(vault, a, b)


def _assert_swapped_is_tampered(vault, a, b):
    b.write_bytes(a.read_bytes())
    with pytest.raises(VaultError) as caught:
        vault.get("org:b", "x")
    assert code_of(caught) == "vault_tampered"


def test_a_vault_whose_list_of_keys_is_gone_is_refused(home):
    vault_of(home).put("org:a", "x", Secret("1"))
    (home / "vault" / "keys").unlink()
    for use in (lambda v: v.get("org:a", "x"), lambda v: v.put("org:b", "x", Secret("2"))):
        with pytest.raises(VaultError) as caught:
            use(vault_of(home, NEW_KEY))
        assert code_of(caught) == "vault_tampered"


@pytest.mark.usefixtures("posix")
def test_a_link_in_place_of_a_file_is_not_followed(home, tmp_path):
    vault = vault_of(home)
    vault.put("org:a", "x", Secret("1"))
    [path] = [path for path in files_of(home) if path.suffix == ".sealed"]
    elsewhere = path.rename(tmp_path / "elsewhere")
    path.symlink_to(elsewhere)
    with pytest.raises(VaultError):
        vault.get("org:a", "x")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "vault").write_text("a file")
    with pytest.raises(VaultError) as caught:
        vault_of(tmp_path).put("org:a", "x", Secret("1"))
    assert code_of(caught) == "vault_read_only"


def test_no_secret_scope_or_name_is_in_any_file_or_message(home):
    vault = vault_of(home)
    vault.put(f"scope-{CANARY}", f"name-{CANARY}", Secret(f"value-{CANARY}"))
    vault.rotate(NEW_KEY)
    for path in home.rglob("*"):
        assert CANARY not in path.name
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes()
    with pytest.raises(VaultError) as caught:
        vault_of(home, KEY).get(f"scope-{CANARY}", f"name-{CANARY}")
    assert CANARY not in str(caught.value)
    assert CANARY not in repr(vault.__dict__)


def test_a_key_shows_itself_nowhere():
    assert repr(KEY) == str(KEY) == "<vault key from file>"
    with pytest.raises(TypeError):
        pickle.dumps(KEY)
    with pytest.raises(ValueError, match="32 bytes"):
        VaultKey(b"short", "file")


def test_the_key_is_not_asked_for_before_it_is_needed(tmp_path):
    def no_key():
        raise AssertionError("asked for the key of an empty vault")

    vault = FileVault(tmp_path / "vault", no_key)
    assert vault.get("org:a", "x") is None
    assert vault.scopes() == []
    vault.forget("org:a")


def test_a_file_is_replaced_whole_and_never_written_over(home):
    vault = vault_of(home)
    vault.put("org:a", "x", Secret("1"))
    [path] = [path for path in files_of(home) if path.suffix == ".sealed"]
    before = path.read_bytes()
    with path.open("rb") as opened:
        vault.put("org:a", "x", Secret("2"))
        assert opened.read() == before
    assert path.read_bytes() != before


def test_two_threads_and_their_vaults_lose_nothing(home):
    vaults = [vault_of(home), vault_of(home)]
    threads = [
        threading.Thread(target=vaults[n % 2].put, args=("org:a", f"n{n}", Secret(f"v{n}")))
        for n in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert vaults[0].names("org:a") == sorted(f"n{n}" for n in range(16))


def test_after_a_rotation_only_the_new_key_opens_the_vault(home):
    vault = vault_of(home)
    vault.put("org:a", "x", Secret("1"))
    vault.put("org:b", "y", Secret("2"))
    adopted = []
    vault.rotate(NEW_KEY, lambda: adopted.append(vault_of(home, KEY).get("org:a", "x")))
    assert adopted == [Secret("1")]  # both keys are still good when the source changes
    assert vault.get("org:a", "x") == Secret("1")
    assert vault_of(home, NEW_KEY).get("org:b", "y") == Secret("2")
    with pytest.raises(VaultError) as caught:
        vault_of(home, KEY).get("org:a", "x")
    assert code_of(caught) == "vault_key_wrong"


class PowerCutError(Exception):
    pass


@pytest.mark.parametrize("next_key", [KEY, NEW_KEY, THIRD_KEY])
@pytest.mark.parametrize("own_key", [KEY, NEW_KEY])
def test_an_interrupted_rotation_keeps_both_keys_good_and_can_be_finished_with_any(home, own_key, next_key):
    vault = vault_of(home)
    vault.put("org:a", "x", Secret("1"))

    def cut():
        raise PowerCutError

    with pytest.raises(PowerCutError):
        vault.rotate(NEW_KEY, cut)
    for key in (KEY, NEW_KEY):
        assert vault_of(home, key).get("org:a", "x") == Secret("1")
        vault_of(home, key).put(f"org:{key.id}", "y", Secret("2"))
    vault_of(home, own_key).rotate(next_key)
    survivor = vault_of(home, next_key)
    assert [survivor.get(scope, survivor.names(scope)[0]) for scope in survivor.scopes()].count(
        Secret("2")
    ) == 2
    with pytest.raises(VaultError):
        vault_of(home, {KEY: NEW_KEY}.get(next_key, KEY)).get("org:a", "x")


WRITER = """
import sys
from pathlib import Path
from orchestrator.redaction import Secret
from orchestrator.vault.cipher import VaultKey
from orchestrator.vault.file import FileVault
key = VaultKey(bytes(range(32)), "file")
vault = FileVault(Path(sys.argv[1]), lambda: key)
number = int(sys.argv[2])
while True:
    number += 1
    vault.put("org:a", "counter", Secret(str(number)))
    print(number, flush=True)
"""


@pytest.mark.slow
def test_killed_at_any_instant_the_vault_holds_the_last_acknowledged_value_or_the_next(home):
    home.mkdir()
    drawn = random.Random(4_711)
    number = 0
    for _ in range(8):
        arguments = [sys.executable, "-c", WRITER, str(home / "vault"), str(number)]
        writer = subprocess.Popen(arguments, stdout=subprocess.PIPE, cwd=ROOT)
        lines = [writer.stdout.readline() for _ in range(drawn.randint(1, 40))]
        assert all(lines)
        for _ in range(drawn.randint(0, 30_000)):  # into the next write
            pass
        writer.kill()
        rest = writer.communicate()[0].split(b"\n")[:-1]
        acknowledged = int([*lines, *rest][-1])
        number = int(vault_of(home).get("org:a", "counter").reveal())
        assert number in {acknowledged, acknowledged + 1}
    vault_of(home).put("org:a", "counter", Secret("0"))
    assert not [path for path in (home / "vault").iterdir() if path.name.endswith(".tmp")]


ROTATOR = """
import sys
from pathlib import Path
from orchestrator.vault.cipher import VaultKey
from orchestrator.vault.file import FileVault
old, new = (VaultKey(bytes(range(n, n + 32)), "file") for n in (0, 1))
vault = FileVault(Path(sys.argv[1]), lambda: old)
print("ready", flush=True)
vault.rotate(new, lambda: print("adopting", flush=True) or sys.stdin.read())
"""


@pytest.mark.slow
def test_killed_in_a_rotation_no_secret_is_lost_to_either_key(home):
    drawn = random.Random(815)
    scopes = [f"org:{letter}" for letter in string.ascii_lowercase]
    for scope in scopes:
        vault_of(home).put(scope, "x", Secret(scope))
    for _ in range(5):
        rotator = subprocess.Popen(
            [sys.executable, "-c", ROTATOR, str(home / "vault")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        assert rotator.stdout.readline() == b"ready\n"
        for _ in range(drawn.randint(0, 1_500_000)):  # somewhere in the rotation
            pass
        rotator.kill()
        rotator.communicate()
        vault = vault_of(home)
        assert [vault.get(scope, "x") for scope in scopes] == [Secret(scope) for scope in scopes]
    vault_of(home).rotate(NEW_KEY)
    assert vault_of(home, NEW_KEY).scopes() == scopes
