"""Secrets in documents are references (`env:NAME`), never the secret itself. Syntax only, nothing is read.

No finding quotes what stands in the document: when it is not a reference, it may be the secret.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from orchestrator.playbook.diagnostics import SECRET_LITERAL, SECRET_REFERENCE

# scheme -> (pattern of the rest, an example)
SCHEMES: Mapping[str, tuple[str, str]] = {
    "env": (r"[A-Za-z_][A-Za-z0-9_]*", "env:ACME_PASSWORD"),
    "file": (r"[^\s].*", "file:/run/secrets/acme_password"),
    "keyring": (r".+/[^/]+", "keyring:orchestrator/admin@acme.example"),
    "vault": (r".+#[^#]+", "vault:secret/acme#password"),
    "prompt": (r".*", "prompt:"),
    "exec": (r"\s*\S.*", "exec:pass show acme"),
}
# One regular expression for all of them, for the JSON Schema.
PATTERN = "^(?:" + "|".join(f"{scheme}:{rest}" for scheme, (rest, _) in SCHEMES.items()) + ")$"

# Schemes of other tools, taken for references rather than for secrets with a colon.
_FOREIGN = frozenset(
    {"environment", "op", "ssm", "aws", "awssm", "azure", "akv", "gcp", "gsm", "sops", "pass", "bw", "secret"}
)
_COMPILED = {scheme: re.compile(rest, re.DOTALL) for scheme, (rest, _) in SCHEMES.items()}
_LINE_ENDS = re.compile(r"[\n\r\0]")


def judge(text: str, field: str, variable: str) -> tuple[int, str, str] | None:
    """Why *text* is no secret reference: (number of the finding, problem, remedy); None when it is one.

    Args:
        text: what the document says.
        field: the key it stands under.
        variable: a name for an environment variable, for the remedy.
    """
    scheme, colon, rest = text.partition(":")
    compiled = _COMPILED.get(scheme) if colon else None
    if compiled is not None:
        if compiled.fullmatch(rest) and not _LINE_ENDS.search(rest):
            return None
        example = SCHEMES[scheme][1]
        return (
            SECRET_REFERENCE,
            f"the `{scheme}:` reference in '{field}' is malformed",
            f"write it like `{example}`",
        )
    fix = f"put the secret into an environment variable and write `{field}: env:{variable}`"
    if colon:
        close = difflib.get_close_matches(scheme.lower(), SCHEMES, n=1, cutoff=0.6)
        if close or scheme.lower() in _FOREIGN:
            hint = f"did you mean `{close[0]}:`? " if close else ""
            known = ", ".join(f"{name}:" for name in SCHEMES)
            problem = f"the reference in '{field}' has an unknown scheme"
            return SECRET_REFERENCE, problem, f"{hint}known are {known}"
    return SECRET_LITERAL, f"'{field}' holds a secret itself", fix


def variable_name(*words: str) -> str:
    """A name for an environment variable, such as `ACME_PASSWORD`."""
    joined = re.sub(r"[^A-Za-z0-9]+", "_", "_".join(words)).strip("_").upper()
    return f"_{joined}" if joined[:1].isdigit() else joined or "SECRET"
