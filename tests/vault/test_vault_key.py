"""Where the vault's key comes from, and that the next start takes it from the same place."""

# ruff: noqa: S603 - our own interpreter

from __future__ import annotations

import base64
import json
import stat
import subprocess
import sys
import threading
from pathlib import Path

import keyring
import keyring.backends.chainer
import keyring.backends.null
import pytest

from orchestrator.errors import VaultError
from orchestrator.redaction import Secret
from orchestrator.vault import os_keyring
from orchestrator.vault.file import FileVault
from orchestrator.vault.key import adopt_key, load_key, new_key

ROOT = Path(__file__).parents[2]
RAW = base64.b64encode(bytes(range(32))).decode()
PASSPHRASE = "correct horse battery staple"


def code_of(caught):
    assert caught.value.remedy != ""
    return caught.value.code


def test_without_keyring_and_variable_a_private_key_file_is_made_once(home):
    key = load_key(home, {})
    assert key.source == "file"
    assert stat.S_IMODE((home / "vault.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert load_key(home, {}).id == key.id


@pytest.mark.parametrize("form", [RAW, RAW.replace("+", "-").replace("/", "_"), f" {RAW}\n"])
def test_the_variable_holds_32_bytes_in_base64(home, form):
    key = load_key(home, {"ORCHESTRATOR_KEY": form})
    assert (key.source, key.as_text()) == ("environment", RAW)
    assert not (home / "vault.key").exists()


def test_a_passphrase_gives_the_same_key_in_one_home_and_another_in_another(home, tmp_path):
    environ = {"ORCHESTRATOR_KEY": PASSPHRASE}
    key = load_key(home, environ)
    assert key.source == "passphrase"
    assert load_key(home, environ).id == key.id
    assert load_key(tmp_path / "other", environ).id != key.id


def test_a_short_passphrase_is_refused_and_not_remembered(home):
    with pytest.raises(VaultError) as caught:
        load_key(home, {"ORCHESTRATOR_KEY": "fifteen letters"})
    assert code_of(caught) == "vault_key_weak"
    assert "fifteen" not in str(caught.value)
    assert load_key(home, {}).source == "file"


def test_a_real_keyring_is_used_before_a_file(home, memory_keyring):
    key = load_key(home, {})
    assert key.source == "keyring"
    assert not (home / "vault.key").exists()
    assert load_key(home, {}).id == key.id
    assert list(memory_keyring.entries.values()) == [key.as_text()]


def test_the_variable_is_used_before_a_keyring(home, memory_keyring):
    assert load_key(home, {"ORCHESTRATOR_KEY": RAW}).source == "environment"
    assert memory_keyring.entries == {}


def test_keyrings_that_keep_nothing_are_passed_over(home):
    keyring.set_keyring(keyring.backends.null.Keyring())
    assert load_key(home, {}).source == "file"


def test_the_first_real_keyring_of_a_chain_is_used(memory_keyring, monkeypatch):
    chain = keyring.backends.chainer.ChainerBackend()
    null = keyring.backends.null.Keyring()
    monkeypatch.setattr(type(chain), "backends", property(lambda _: [null, memory_keyring]))
    keyring.set_keyring(chain)
    assert os_keyring.is_usable({})
    os_keyring.write("service", "entry", "text")
    assert memory_keyring.entries == {("service", "entry"): "text"}
    monkeypatch.setattr(type(chain), "backends", property(lambda _: [null]))
    assert not os_keyring.is_usable({})


def test_a_desktop_keyring_is_not_asked_where_nobody_could_see_its_dialog(monkeypatch, memory_keyring):
    monkeypatch.setattr(type(memory_keyring), "__module__", "keyring.backends.SecretService")
    monkeypatch.setattr(sys, "platform", "linux")
    bus = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/1/bus"}
    assert not os_keyring.is_usable({})
    assert not os_keyring.is_usable(bus)
    assert not os_keyring.is_usable({"DISPLAY": ":0"})
    assert os_keyring.is_usable({**bus, "WAYLAND_DISPLAY": "wayland-0"})


def test_a_keyring_that_refuses_at_first_is_no_keyring(home, memory_keyring):
    memory_keyring.is_locked = True
    assert load_key(home, {}).source == "file"
    memory_keyring.is_locked = False
    assert load_key(home, {}).source == "file"


def test_a_keyring_that_never_answers_does_not_hold_us_up(monkeypatch, memory_keyring):
    waiting = threading.Event()
    monkeypatch.setattr(type(memory_keyring), "get_password", lambda *_: waiting.wait(60))
    monkeypatch.setattr(os_keyring, "TIMEOUT_S", 0.05)
    with pytest.raises(VaultError, match="no answer"):
        os_keyring.read("service", "entry")
    waiting.set()


def test_the_error_of_a_locked_keyring_does_not_quote_what_was_to_be_stored(memory_keyring):
    memory_keyring.is_locked = True
    with pytest.raises(VaultError) as caught:
        os_keyring.write("service", "entry", "hunter2hunter2")
    assert "hunter2" not in str(caught.value)
    assert code_of(caught) == "vault_key_missing"


def test_when_the_recorded_source_is_gone_no_other_is_taken(home, tmp_path, memory_keyring):
    def missing(where, environ):
        with pytest.raises(VaultError) as caught:
            load_key(where, environ)
        assert code_of(caught) == "vault_key_missing"
        return caught.value.detail

    load_key(home, {})
    memory_keyring.entries.clear()
    assert "keyring" in missing(home, {"ORCHESTRATOR_KEY": RAW})
    keyring.set_keyring(keyring.backends.null.Keyring())
    assert "keyring" in missing(home, {})
    load_key(tmp_path / "b", {"ORCHESTRATOR_KEY": RAW})
    assert "ORCHESTRATOR_KEY" in missing(tmp_path / "b", {})
    load_key(tmp_path / "c", {})
    (tmp_path / "c" / "vault.key").unlink()
    assert "vault.key" in missing(tmp_path / "c", {"ORCHESTRATOR_KEY": RAW})


def test_a_copied_home_without_its_record_still_uses_its_key_file(home, memory_keyring):
    keyring.set_keyring(keyring.backends.null.Keyring())
    key = load_key(home, {})
    (home / "key-source").unlink()
    keyring.set_keyring(memory_keyring)
    assert load_key(home, {"ORCHESTRATOR_KEY": RAW}).id == key.id


@pytest.mark.usefixtures("posix")
@pytest.mark.parametrize("name", ["vault.key", "key-source"])
def test_a_key_file_open_to_others_is_refused(home, name):
    load_key(home, {})
    (home / name).chmod(0o644)
    with pytest.raises(VaultError) as caught:
        load_key(home, {})
    assert code_of(caught) == "vault_permissions"


@pytest.mark.usefixtures("posix")
def test_a_home_others_may_write_to_is_refused_and_one_they_may_see_is_not(home):
    home.mkdir()
    home.chmod(0o777)
    with pytest.raises(VaultError) as caught:
        load_key(home, {})
    assert code_of(caught) == "vault_permissions"
    home.chmod(0o755)
    assert load_key(home, {}).source == "file"


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 44, RAW.encode()[:-1]])
def test_a_damaged_key_file_is_named(home, content):
    load_key(home, {})
    (home / "vault.key").write_bytes(content)
    with pytest.raises(VaultError) as caught:
        load_key(home, {})
    assert code_of(caught) == "vault_tampered"


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[1]", b"{", b'{"kind": "file", "entry": "", "salt": "zz"}', b"\xff", b'"x"', b"null"],
)
def test_a_damaged_record_is_named(home, content):
    load_key(home, {})
    (home / "key-source").write_bytes(content)
    with pytest.raises(VaultError) as caught:
        load_key(home, {})
    assert code_of(caught) == "vault_tampered"


def test_an_unknown_source_is_named(home):
    load_key(home, {})
    record = json.loads((home / "key-source").read_bytes())
    (home / "key-source").write_text(json.dumps({**record, "kind": "moon"}))
    with pytest.raises(VaultError, match="moon"):
        load_key(home, {})


@pytest.mark.parametrize("source", ["file", "keyring"])
def test_a_rotation_leaves_the_new_key_where_the_old_one_was(home, memory_keyring, source):
    keyring.set_keyring(memory_keyring if source == "keyring" else keyring.backends.null.Keyring())
    old = load_key(home, {})
    assert old.source == source
    vault = FileVault(home / "vault", lambda: load_key(home, {}))
    vault.put("org:a", "x", Secret("1"))
    new = new_key(home, {})
    vault.rotate(new, lambda: adopt_key(home, new))
    assert load_key(home, {}).id == new.id != old.id
    assert FileVault(home / "vault", lambda: load_key(home, {})).get("org:a", "x") == Secret("1")


def test_a_rotation_to_another_passphrase_is_opened_by_it(home):
    environ = {"ORCHESTRATOR_KEY": PASSPHRASE}
    vault = FileVault(home / "vault", lambda: load_key(home, environ))
    vault.put("org:a", "x", Secret("1"))
    with pytest.raises(VaultError) as caught:
        new_key(home, environ)
    assert code_of(caught) == "vault_key_weak"
    new = new_key(home, environ, "another fine passphrase")
    vault.rotate(new, lambda: adopt_key(home, new))
    environ["ORCHESTRATOR_KEY"] = "another fine passphrase"
    assert FileVault(home / "vault", lambda: load_key(home, environ)).get("org:a", "x") == Secret("1")


@pytest.mark.slow
@pytest.mark.parametrize("given", [{}, {"ORCHESTRATOR_KEY": PASSPHRASE}])
def test_processes_that_begin_a_home_at_once_agree_on_one_key(home, given):
    code = (
        "import os; from pathlib import Path; from orchestrator.vault.key import load_key; "
        f"print(load_key(Path({str(home)!r}), os.environ).id)"
    )
    environ = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring", "HOME": str(home.parent), **given}
    many = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environ, stdout=subprocess.PIPE)
        for _ in range(5)
    ]
    keys = [process.communicate()[0] for process in many]
    assert keys == [keys[0]] * 5
    assert keys[0] != b""


def test_the_keyring_package_is_not_imported_when_it_is_not_needed(home):
    code = (
        "import sys; from pathlib import Path; from orchestrator.vault.key import load_key; "
        f"load_key(Path({str(home)!r}), {{'ORCHESTRATOR_KEY': {RAW!r}}}); print('keyring' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
