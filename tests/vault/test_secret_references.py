"""References to secrets: every kind, every way to fail, and never a value in a message."""

from __future__ import annotations

import os
import shlex
import sys
import traceback

import keyring
import keyring.backends.null
import pytest

from orchestrator.errors import SecretUnavailable
from orchestrator.redaction import Secret
from orchestrator.vault.references import SecretReference, resolve

CANARY = "canary-51c0ffee-value"
VAULT_WORDS = ["kv", "get", "-field=password", "--", "secret/acme"]


def resolved(text, tmp_path, *, environ=None, prompt=None, **kwargs):
    reference = SecretReference.parse(text)
    return resolve(reference, environ=environ or {}, prompt=prompt, base_dir=tmp_path, **kwargs)


def refused(text, tmp_path, **kwargs):
    """The message, having checked that it names the reference and that no value leaked into it."""
    with pytest.raises(SecretUnavailable) as caught:
        resolved(text, tmp_path, **kwargs)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert CANARY not in shown
    assert text in caught.value.detail
    assert caught.value.remedy != ""
    return caught.value.detail


def python(code):
    return f"exec:{shlex.quote(sys.executable)} -c {shlex.quote(code)}"


@pytest.mark.parametrize(
    "text",
    [
        "env:A",
        "file:a/b c",
        "file:/a:b",
        "keyring:a/b",
        "keyring:a/b/c",
        "vault:secret/x#k",
        "prompt:",
        "exec:a b",
    ],
)
def test_a_reference_reads_back_as_written(text):
    assert str(SecretReference.parse(text)) == text


@pytest.mark.parametrize(
    "text", [CANARY, f"{CANARY}:x", "", ":", f"ENV:{CANARY}", f" env:{CANARY}", f"https://{CANARY}"]
)
def test_a_text_that_is_no_reference_may_be_a_password_and_is_not_repeated(text):
    with pytest.raises(SecretUnavailable) as caught:
        SecretReference.parse(text)
    assert caught.value.code == "secret_reference_invalid"
    assert CANARY not in str(caught.value) + caught.value.remedy
    assert "env:NAME" in caught.value.remedy


@pytest.mark.parametrize(
    "text",
    ["env:", "file:", "file: ", "keyring:a", "keyring:/b", "keyring:a/", "vault:a", "vault:#k", "exec: "],
)
def test_half_a_reference_is_refused(text):
    with pytest.raises(SecretUnavailable) as caught:
        SecretReference.parse(text)
    assert caught.value.code == "secret_reference_invalid"
    assert text.partition(":")[0] in caught.value.detail


def test_a_variable_is_read_as_it_is(tmp_path):
    assert resolved("env:A", tmp_path, environ={"A": f" {CANARY}\n"}) == Secret(f" {CANARY}\n")
    assert "not set" in refused("env:A", tmp_path, environ={"B": CANARY})
    assert "empty" in refused("env:A", tmp_path, environ={"A": "", "B": CANARY})


@pytest.fixture
def secret_file(tmp_path):
    path = tmp_path / "secret"
    path.write_text(f" {CANARY}\r\n\n")
    path.chmod(0o600)
    return path


def test_a_file_is_read_relative_to_the_orgs_file_without_its_last_line_ends(secret_file, tmp_path):
    assert resolved("file:secret", tmp_path) == Secret(f" {CANARY}")
    assert resolved(f"file:{secret_file}", tmp_path / "elsewhere") == Secret(f" {CANARY}")


def test_a_file_in_the_users_folder_can_be_named_with_a_tilde(secret_file, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(secret_file.parent))
    assert resolved("file:~/secret", tmp_path / "elsewhere") == Secret(f" {CANARY}")


@pytest.mark.usefixtures("posix")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_file_others_may_read_is_refused(secret_file, tmp_path, mode):
    secret_file.chmod(mode)
    assert f"{mode:04o}" in refused("file:secret", tmp_path)


@pytest.mark.usefixtures("posix")
def test_a_pipe_is_read_whatever_its_mode(tmp_path):
    reading, writing = os.pipe()
    os.write(writing, CANARY.encode())
    os.close(writing)
    assert resolved(f"file:/dev/fd/{reading}", tmp_path) == Secret(CANARY)
    os.close(reading)


def test_a_file_that_is_missing_a_folder_too_large_or_not_text_is_refused(secret_file, tmp_path):
    refused("file:none", tmp_path)
    refused("file:.", tmp_path)
    secret_file.write_bytes(b"\xff" + CANARY.encode())
    assert "UTF-8" in refused("file:secret", tmp_path)
    secret_file.write_bytes(CANARY.encode() * 100_000)
    assert "too large" in refused("file:secret", tmp_path)
    secret_file.write_bytes(b"\n")
    assert "empty" in refused("file:secret", tmp_path)


def test_the_keyring_is_asked_for_service_and_user(tmp_path, memory_keyring):
    memory_keyring.set_password("a/b", "user", CANARY)
    assert resolved("keyring:a/b/user", tmp_path) == Secret(CANARY)
    assert "no such entry" in refused("keyring:a/b/other", tmp_path)
    memory_keyring.is_locked = True
    refused("keyring:a/b/user", tmp_path)
    keyring.set_keyring(keyring.backends.null.Keyring())
    assert "no keyring" in refused("keyring:a/b/user", tmp_path)


def test_a_person_is_asked_only_where_there_is_one(tmp_path):
    asked = []
    assert resolved(
        "prompt:Password of acme", tmp_path, prompt=lambda text: asked.append(text) or CANARY
    ) == Secret(CANARY)
    assert asked == ["Password of acme"]
    assert "no terminal" in refused("prompt:", tmp_path)
    assert "empty" in refused("prompt:", tmp_path, prompt=lambda _: "")


def vault_program(tmp_path, code):
    """HashiCorp's client, replaced by a program of ours; the environment that finds it."""
    program = tmp_path / "vault"
    program.write_text(f"#!{sys.executable}\nimport sys\n{code}\n")
    program.chmod(0o755)
    return {"PATH": str(tmp_path)}


def test_hashicorps_vault_is_asked_by_its_own_program(tmp_path):
    environ = vault_program(tmp_path, f"print('{CANARY}' if sys.argv[1:] == {VAULT_WORDS} else sys.argv)")
    assert resolved("vault:secret/acme#password", tmp_path, environ=environ) == Secret(CANARY)


def test_a_refusal_of_hashicorps_vault_does_not_quote_it(tmp_path):
    environ = vault_program(tmp_path, f"print('{CANARY}'); sys.exit('{CANARY} permission denied')")
    assert "status 1" in refused("vault:secret/acme#password", tmp_path, environ=environ)


def test_without_hashicorps_program_the_remedy_says_what_to_install(tmp_path):
    assert "no program 'vault'" in refused("vault:secret/acme#password", tmp_path, environ={"PATH": ""})


def test_a_commands_output_is_the_secret_without_surrounding_space(tmp_path):
    assert resolved(python(f"print('  {CANARY}  ')"), tmp_path) == Secret(CANARY)


def test_a_command_starts_in_the_orgs_files_folder_and_no_shell_reads_it(tmp_path):
    assert resolved(python("import os; print(os.getcwd())"), tmp_path) == Secret(str(tmp_path.resolve()))
    code = "import sys; print(sys.argv[1:])"
    assert resolved(f"{python(code)} $HOME '*' ';' x|y", tmp_path) == Secret("['$HOME', '*', ';', 'x|y']")


def test_a_command_sees_the_environment_without_our_key(tmp_path):
    environ = {"KEPT": "yes", "ORCHESTRATOR_KEY": CANARY}
    code = "import os; print(os.environ.get('KEPT'), os.environ.get('ORCHESTRATOR_KEY'))"
    assert resolved(python(code), tmp_path, environ=environ) == Secret("yes None")


def test_what_a_command_says_when_it_fails_is_not_repeated(tmp_path, capfd):
    code = "import sys; value = 'canary-51c0ffee' + '-value'; print(value); sys.exit(f'failed with {value}')"
    assert "status 1" in refused(python(code), tmp_path)
    assert capfd.readouterr() == ("", "")


def test_a_command_that_cannot_start_or_be_read_or_says_nothing_is_refused(tmp_path):
    refused("exec:/does/not/exist --now", tmp_path)
    refused("exec:'unclosed", tmp_path)
    refused("exec:nul\x00byte", tmp_path)
    refused(f"exec:{tmp_path}", tmp_path)
    assert "empty" in refused(python("pass"), tmp_path)
    assert "UTF-8" in refused(python("import os; os.write(1, bytes([255]))"), tmp_path)


def test_a_command_that_does_not_end_is_stopped(tmp_path):
    code = "import threading; print('canary-51c0ffee' + '-value', flush=True); threading.Event().wait()"
    assert "no answer within" in refused(python(code), tmp_path, exec_timeout_s=0.5)
