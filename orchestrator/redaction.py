"""A type for secrets that cannot print itself, and a filter that removes secrets from text.

The type is the first defence: a Secret shows as `<secret>` in repr, str, format, JSON and tracebacks,
refuses to be pickled or copied into a plain string by accident, and compares in constant time.
The filter is the second: text that comes from outside (server answers, exceptions of libraries)
passes `redact()` before it may reach a log, the journal or the screen.
"""

from __future__ import annotations

import hmac
import re
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

MASK = "<secret>"

# Token shapes that must never leave, whoever produced them. Sources: session ids look like
# `00D<12 or 15 chars>!<base64ish>`; SFDX auth URLs `force://…`; JWTs three base64url parts.
_SHAPES = (
    re.compile(r"00D[A-Za-z0-9]{12,15}![A-Za-z0-9._\-]{16,}"),
    re.compile(r"force://[^\s\"'<>]+"),
    re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"5Aep[A-Za-z0-9._]{20,}"),
)
# Values after these keys are secrets whatever they look like (form bodies, JSON, XML).
_KEYED = re.compile(
    r"(?i)(\b(?:password|passwd|access_token|refresh_token|client_secret|consumerSecret|assertion|sessionId|sid"
    r"|security_token|code_verifier|newpassword)\b[\"']?\s*(?:[=:]|>)\s*[\"']?)"
    # A reference to a secret is none, nor is a field named in backticks; remedies quote both.
    r"(?!`|(?:env|file|keyring|vault|prompt|exec):)([^\s\"'&<>,}]+)"
)
_MINIMUM_LENGTH = 4  # shorter values would mask half the language

# Variables of ours that hold a secret: the vault's key, and a database's URL with its password.
_OURS = frozenset({"ORCHESTRATOR_KEY", "ORCHESTRATOR_DATABASE"})

# Texts of live Secrets, counted, so that the list stays as short as the secrets' lives.
_known: Counter[str] = Counter()
_lock = threading.RLock()  # re-entrant: a Secret may be collected while the lock is held


class Secret:
    """A value that may be used but not shown. `reveal()` is the only way to the text.

    A Secret is known to `redact()` as long as it lives, so that a library that quotes it in an
    exception does not leak it.
    """

    __slots__ = ("__weakref__", "_value")

    def __init__(self, value: str) -> None:
        self._value = value
        with _lock:
            _known.update(_parts(value))

    def __del__(self) -> None:
        with _lock:
            for part in _parts(self._value):
                _known[part] -= 1
                if _known[part] <= 0:
                    del _known[part]

    def reveal(self) -> str:
        """The text itself. Every call site is a place to review."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._bytes(), other._bytes())

    def _bytes(self) -> bytes:
        # A variable that is no UTF-8 holds surrogates; the error of a refused encoding would hold the text.
        return self._value.encode("utf-8", "surrogatepass")

    def __hash__(self) -> NoReturn:
        raise TypeError("a Secret is not hashable; it must not become a key or a member of a set")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a Secret has no state to show")

    def __dir__(self) -> list[str]:
        return ["reveal"]  # what lists members (inspect, debuggers) shows their values

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self


def _parts(value: str) -> list[str]:
    """The texts to look for: the value, and the lines of a multi-line one (PEM bodies)."""
    lines = value.splitlines() if "\n" in value else []
    return [part for part in (value, *lines) if len(part) >= _MINIMUM_LENGTH and not part.startswith("-----")]


def environment_for_children(environ: Mapping[str, str], references: Iterable[str] = ()) -> dict[str, str]:
    """*environ* for a program of somebody else: without our own secrets and those of orgs.

    A variable is left out whose value is a living Secret, or which a reference names.

    Args:
        environ: environment variables of this process.
        references: of the org in question, such as `env:ACME_PASSWORD`.
    """
    kept_back = _OURS | {text.removeprefix("env:") for text in references if text.startswith("env:")}
    with _lock:
        return {
            name: value for name, value in environ.items() if name not in kept_back and value not in _known
        }


def redact(text: str) -> str:
    """*text* without remembered secrets, token shapes and values of secret-named keys."""
    with _lock:
        known = sorted(_known, key=len, reverse=True)
    for value in known:
        if value in text:
            text = text.replace(value, MASK)
    for shape in _SHAPES:
        text = shape.sub(MASK, text)
    return _KEYED.sub(rf"\1{MASK}", text)


def redact_tree(value: Any) -> Any:
    """The same for a JSON-like tree: strings are filtered, Secrets masked, the rest kept."""
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: redact_tree(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact_tree(item) for item in value]
    return value
