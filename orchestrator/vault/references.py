"""References to secrets that live elsewhere: `env:NAME`, `file:PATH`, `keyring:SERVICE/USER` and others.

A reference is what the orgs file and the journal hold instead of a secret. Whatever goes wrong names the
reference and never a value; a text that is no reference is not repeated at all, it may be a password.
"""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import SecretUnavailable, VaultError
from orchestrator.redaction import Secret, environment_for_children
from orchestrator.vault import os_keyring
from orchestrator.vault.disk import OTHERS

SCHEMES = ("env", "file", "keyring", "vault", "prompt", "exec")
EXEC_TIMEOUT_S = 30.0
_FILE_LIMIT_BYTES = 1024 * 1024
_FORMS = "env:NAME, file:PATH, keyring:SERVICE/USER, vault:PATH#KEY, exec:COMMAND or prompt:"
_INVALID = "secret_reference_invalid"


@dataclass(frozen=True, slots=True)
class SecretReference:
    """Where a secret is.

    Attributes:
        scheme: one of `SCHEMES`.
        target: what follows the colon.
    """

    scheme: str
    target: str

    @classmethod
    def parse(cls, text: str) -> SecretReference:
        """The reference *text* is.

        Raises:
            SecretUnavailable: `secret_reference_invalid`; the text is not repeated.
        """
        scheme, colon, target = text.partition(":")
        if not colon or scheme not in SCHEMES:
            raise SecretUnavailable(
                "this is not a reference to a secret",
                code=_INVALID,
                remedy=f"write {_FORMS}, never the secret",
            )
        complete = {
            "keyring": all(part for part in target.rpartition("/")),
            "vault": all(part for part in target.rpartition("#")),
            "prompt": True,
        }
        if not complete.get(scheme, bool(target.strip())):
            raise SecretUnavailable(
                f"the reference of kind '{scheme}:' is incomplete", code=_INVALID, remedy=f"write {_FORMS}"
            )
        return cls(scheme, target)

    def __str__(self) -> str:
        return f"{self.scheme}:{self.target}"


def resolve(
    reference: SecretReference,
    *,
    environ: Mapping[str, str],
    prompt: Callable[[str], str] | None,
    base_dir: Path,
    siblings: Iterable[str] = (),
    exec_timeout_s: float = EXEC_TIMEOUT_S,
) -> Secret:
    """The secret the reference stands for.

    Args:
        reference: where it is.
        environ: environment variables.
        prompt: asks a person (shown the text after `prompt:`) without echo; None: nobody is there.
        base_dir: the orgs file's folder; relative paths and commands start here.
        siblings: the other references of the org; commands do not inherit the variables they name.
        exec_timeout_s: how long an `exec:` command may take, in seconds.

    Raises:
        SecretUnavailable: for whatever reason; never with a value.
    """
    inherited = environment_for_children(environ, siblings)
    match reference.scheme:
        case "env":
            value = environ.get(reference.target)
            if value is None:
                raise _unavailable(reference, "the variable is not set")
        case "file":
            value = _from_file(reference, base_dir)
        case "keyring":
            value = _from_keyring(reference, environ)
        case "exec":
            value = _from_command(reference, inherited, base_dir, exec_timeout_s)
        case "prompt":
            if prompt is None:
                raise _unavailable(reference, "there is no terminal to ask on")
            value = prompt(reference.target)
        case _:
            value = _from_hashicorp_vault(reference, inherited, base_dir, exec_timeout_s)
    if not value:
        raise _unavailable(reference, "it is empty")
    return Secret(value)


def _unavailable(reference: SecretReference, why: str, remedy: str | None = None) -> SecretUnavailable:
    return SecretUnavailable(f"{reference}: {why}", remedy=remedy)


def _from_file(reference: SecretReference, base_dir: Path) -> str:
    try:
        path = base_dir / Path(reference.target).expanduser()
        with path.open("rb") as opened:
            _refuse_readable_by_others(reference, os.fstat(opened.fileno()))
            content = opened.read(_FILE_LIMIT_BYTES + 1)
        if len(content) > _FILE_LIMIT_BYTES:
            raise _unavailable(reference, "the file is too large to hold a secret")
        return content.decode().rstrip("\r\n")
    except OSError as error:
        raise _unavailable(reference, error.strerror or type(error).__name__) from None
    except UnicodeDecodeError:
        raise _unavailable(reference, "the file is not UTF-8 text") from None
    except (ValueError, RuntimeError):  # a NUL in it; `~` of somebody who has no home
        raise _unavailable(reference, "there can be no such path") from None


def _refuse_readable_by_others(reference: SecretReference, status: os.stat_result) -> None:
    """As ssh does; pipes and devices (`/dev/fd/63` of a shell's `<(…)`) have nobody else to read them."""
    if sys.platform != "win32" and stat.S_ISREG(status.st_mode) and status.st_mode & OTHERS:
        raise _unavailable(
            reference,
            f"others may read the file (mode {stat.S_IMODE(status.st_mode):04o})",
            remedy="take their access away: chmod 600",
        )


def _from_keyring(reference: SecretReference, environ: Mapping[str, str]) -> str:
    service, _, user = reference.target.rpartition("/")
    if not os_keyring.is_usable(environ):
        raise _unavailable(reference, "this session has no keyring")
    try:
        value = os_keyring.read(service, user)
    except VaultError as error:
        raise _unavailable(reference, error.detail) from None
    if value is None:
        raise _unavailable(reference, "the keyring has no such entry")
    return value


def _from_command(
    reference: SecretReference, environ: Mapping[str, str], base_dir: Path, timeout_s: float
) -> str:
    try:
        words = shlex.split(reference.target)
    except ValueError as error:
        raise _unavailable(reference, f"the command cannot be read: {error}") from None
    return _output(reference, words, environ, base_dir, timeout_s)


def _from_hashicorp_vault(
    reference: SecretReference, environ: Mapping[str, str], base_dir: Path, timeout_s: float
) -> str:
    """`PATH#KEY` by HashiCorp's own client, which knows address and token (VAULT_ADDR, VAULT_TOKEN).

    Source: developer.hashicorp.com/vault/docs/commands/kv/get (versions 1 and 2 of the KV engine).
    """
    path, _, key = reference.target.rpartition("#")
    program = shutil.which("vault", path=environ.get("PATH", ""))
    if program is None:
        raise _unavailable(
            reference,
            "there is no program 'vault' on this machine",
            remedy="install HashiCorp's vault and set VAULT_ADDR and a token",
        )
    # "--": a path that begins with a dash is no option.
    words = [program, "kv", "get", f"-field={key}", "--", path]
    return _output(reference, words, environ, base_dir, timeout_s)


def _output(
    reference: SecretReference,
    words: list[str],
    environ: Mapping[str, str],
    base_dir: Path,
    timeout_s: float,
) -> str:
    """What a program of the operator's prints."""
    try:
        done = subprocess.run(  # noqa: S603 - running the operator's own command is what the reference asks for
            words,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # may quote the secret
            cwd=base_dir,
            env=dict(environ),
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        raise _unavailable(reference, f"no answer within {timeout_s:.0f} s") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        raise _unavailable(reference, why or "the command cannot be started") from None
    if done.returncode:
        raise _unavailable(reference, f"the command ended with status {done.returncode}")
    try:
        return done.stdout.decode().strip()
    except UnicodeDecodeError:
        raise _unavailable(reference, "the command's output is not UTF-8 text") from None
