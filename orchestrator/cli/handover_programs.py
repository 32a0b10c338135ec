"""Other people's programs that take a credential: `sf`, `gh`, `glab`, `vault`.

No secret is ever an argument, where every user of the machine could read it, nor an environment variable: it
goes to the program's standard input, or into a private file of which the program is told the path.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from orchestrator.cli.handover import Handover, revealed
from orchestrator.errors import UsageError
from orchestrator.redaction import Secret, environment_for_children, redact
from orchestrator.vault.disk import write_private

PROGRAM_TIMEOUT_S = 120.0
_SHOWN_LENGTH = 400
_WHERE = {
    "sf": "install the Salesforce CLI (npm install --global @salesforce/cli)",
    "gh": "install the GitHub CLI and log in: gh auth login",
    "glab": "install the GitLab CLI and log in: glab auth login",
    "vault": "install HashiCorp's vault and set VAULT_ADDR and a token",
}


def to_salesforce_cli(
    handover: Handover, *, alias: str | None, set_default: bool, key_file: Path | None
) -> dict[str, str]:
    """Log the real `sf` in by JWT; the key lies in a private file while it does.

    `sf` remembers the path of the key and reads it again when its access token ends. With *key_file* the key
    stays there; without, the login lasts as long as the first token.

    Source: Salesforce CLI command reference, `org login jwt`; sfdx-core, AuthInfo.
    """
    words = ["org", "login", "jwt", "--json", "--username", str(handover.record["username"])]
    words += ["--client-id", str(handover.record["app"]["consumer_key"])]
    words += ["--instance-url", handover.login_url]
    words += ["--alias", alias] if alias else []
    words += ["--set-default"] if set_default else []
    if key_file is not None:
        run_program("sf", [*words, "--jwt-key-file", str(key_file)])
    else:
        with tempfile.TemporaryDirectory(prefix="orchestrator-") as folder:  # mode 0700
            kept = Path(folder) / "jwt.key"
            write_private(kept, handover.private_key.reveal().encode())
            run_program("sf", [*words, "--jwt-key-file", str(kept)])
    return {"target": alias or str(handover.record["username"])}


def to_github(handover: Handover, *, repo: str, environment: str | None, prefix: str) -> dict[str, str]:
    """Set Actions secrets with `gh secret set NAME`, each value on standard input.

    Source: cli.github.com/manual/gh_secret_set ("reads from standard input if not specified").
    """
    where = ["--repo", repo, *(["--env", environment] if environment else [])]
    for name, value in handover.variables(prefix).items():
        run_program("gh", ["secret", "set", name, *where], stdin=value)
    return {"target": f"{repo}{f' ({environment})' if environment else ''}"}


def to_gitlab(handover: Handover, *, repo: str, environment: str | None, prefix: str) -> dict[str, str]:
    """Set CI/CD variables with `glab variable set NAME`, each value on standard input; existing are updated.

    The private key has lines, and GitLab masks only values without; it is made a variable of type file.

    Source: docs.gitlab.com/cli/variable/set, docs.gitlab.com/ci/variables ("Mask a CI/CD variable").
    """
    where = ["--repo", repo, *(["--scope", environment] if environment else [])]
    for name, value in handover.variables(prefix).items():
        kind = ["--type", "file"] if name.endswith("PRIVATE_KEY") else []
        words = [name, "--raw", *kind, *where]
        if attempt_program("glab", ["variable", "set", *words], stdin=value).returncode:
            run_program("glab", ["variable", "update", *words], stdin=value)
    return {"target": f"{repo}{f' ({environment})' if environment else ''}"}


def to_hashicorp_vault(handover: Handover, *, path: str) -> dict[str, str]:
    """Write one secret with `vault kv put PATH -`, all values as one JSON object on standard input.

    Source: developer.hashicorp.com/vault/docs/commands/kv/put and .../commands/write ("-" reads JSON).
    """
    fields = {**handover.public(), "private_key": handover.private_key.reveal()}
    run_program("vault", ["kv", "put", path, "-"], stdin=Secret(json.dumps(fields)))
    return {"target": path}


def attempt_program(
    program: str, words: Sequence[str], *, stdin: str | Secret = ""
) -> subprocess.CompletedProcess[bytes]:
    """Run *program*; what it says is kept, not shown.

    Raises:
        UsageError: `program_missing`, or `program_failed` when it does not end.
    """
    found = shutil.which(program)
    if found is None:
        raise UsageError(
            f"there is no program '{program}' on this machine", code="program_missing", remedy=_WHERE[program]
        )
    try:
        return subprocess.run(  # noqa: S603 - the program the operator asked for; no secret among its words
            [found, *words],
            check=False,
            input=revealed(stdin).encode(),
            capture_output=True,
            env=environment_for_children(os.environ),
            timeout=PROGRAM_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise UsageError(
            f"{program} did not end within {PROGRAM_TIMEOUT_S:.0f} s",
            code="program_failed",
            remedy=f"try `{program}` by hand; is it logged in?",
        ) from None


def run_program(program: str, words: Sequence[str], *, stdin: str | Secret = "") -> None:
    """Run *program*, which must succeed.

    Raises:
        UsageError: `program_missing`, `program_failed` with the beginning of what it said.
    """
    done = attempt_program(program, words, stdin=stdin)
    if done.returncode:
        shown = _said(done) or "it said nothing"
        raise UsageError(
            f"`{program} {words[0]} {words[1]}` ended with status {done.returncode}: {shown}",
            code="program_failed",
            remedy=f"look at what `{program}` says; nothing more was handed over",
        )


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    """What the program said, or the message of the JSON document it said it in; redacted and short."""
    text = (done.stderr.strip() or done.stdout).decode(errors="replace")
    with suppress(ValueError):
        document = json.loads(text)
        text = str(document.get("message") or text) if isinstance(document, dict) else text
    # Redacted before it is cut: half a line of a key would not be known as one.
    return " ".join(redact(text).split())[:_SHOWN_LENGTH]
