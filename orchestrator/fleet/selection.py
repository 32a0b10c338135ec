"""Choose orgs: `--org`, `--limit` and `--batch`.

`--limit` reads like Ansible's: parts between commas add up, a part that begins with `!` takes away, a
part that begins with `&` keeps only what it matches; inside a part `&` joins conditions that must all
hold. A condition is a name, a glob of names, `label=value` (the value may be a glob) or `label!=value`,
and `!` before it turns it round.

    wave=canary,acme            the canaries, and acme
    region=eu&!wave=canary      European orgs that are no canaries
    *-prod,!acme-prod           all production orgs but one
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from fnmatch import fnmatchcase

from orchestrator.errors import UsageError
from orchestrator.fleet.org_entry import OrgEntry
from orchestrator.playbook.diagnostics import did_you_mean, listing

_GLOB = frozenset("*?[")
_BATCH = re.compile(r"([0-9]{1,9})(%?)")
_WHOLE = 100

Condition = Callable[[OrgEntry], bool]


def select(
    entries: Sequence[OrgEntry], limit: str | None, names: Sequence[str], *, among: str = "the orgs file"
) -> list[OrgEntry]:
    """The entries chosen by both `--org` *names* and the `--limit` expression, in the order of the file.

    Args:
        entries: of the orgs file.
        limit: an expression, or None for all.
        names: exact names, empty for all.
        among: what the entries are, for messages.

    Raises:
        UsageError: an unknown name or label, a malformed expression, or nothing left.
    """
    known = {entry.name for entry in entries}
    for name in names:
        _check_name(name, known, among)
    wanted = set(names) or known
    chosen = [entry for entry in entries if entry.name in wanted]
    if limit is not None and limit.strip():
        keep = _limited(limit, entries, among)
        chosen = [entry for entry in chosen if entry.name in keep]
    if entries and not chosen:
        raise UsageError(
            f"no org is left by --limit {limit!r}" + (f" and --org {', '.join(names)}" if names else ""),
            code="nothing_selected",
            remedy=f"look at {among}: names, labels and their values",
        )
    return chosen


def waves(entries: Sequence[OrgEntry], batch: str) -> list[list[OrgEntry]]:
    """*entries* cut into waves as Ansible's `serial` does it: `1,10%,100%`.

    Every part is the size of one wave, a count or a share of all entries (rounded down, at least
    one); the last part repeats until nobody is left.

    Raises:
        UsageError: a part is neither a count of at least 1 nor a share from 1% to 100%.
    """
    sizes = []
    for part in batch.split(","):
        match = _BATCH.fullmatch(part.strip())
        number = int(match.group(1)) if match else 0
        share = match is not None and match.group(2) == "%"
        if number < 1 or (share and number > _WHOLE):
            raise UsageError(
                f"'{part.strip()}' is not the size of a wave",
                code="batch_invalid",
                remedy="write counts and shares, such as `1,10%,100%`",
            )
        sizes.append(max(len(entries) * number // _WHOLE, 1) if share else number)
    cut: list[list[OrgEntry]] = []
    start = 0
    while start < len(entries):
        size = sizes[min(len(cut), len(sizes) - 1)]
        cut.append(list(entries[start : start + size]))
        start += size
    return cut


def _limited(limit: str, entries: Sequence[OrgEntry], among: str) -> set[str]:
    """Names that the expression *limit* leaves."""
    reader = _Conditions(entries, among)
    added: set[str] | None = None
    kept: list[set[str]] = []
    removed: set[str] = set()
    for part in (piece.strip() for piece in limit.split(",")):
        if part.startswith("&"):
            kept.append(reader.matching(part[1:]))
        elif part.startswith("!") and "&" not in part:
            removed |= reader.matching(part[1:])
        else:
            added = (added or set()) | reader.matching(part)
    names = {entry.name for entry in entries} if added is None else added
    for some in kept:
        names &= some
    return names - removed


class _Conditions:
    """Reads conditions against what the orgs file knows."""

    def __init__(self, entries: Sequence[OrgEntry], among: str) -> None:
        self._entries = entries
        self._among = among
        self._names = {entry.name for entry in entries}
        self._labels = {key for entry in entries for key in entry.labels}

    def matching(self, part: str) -> set[str]:
        """Names of the entries for which all conditions of *part* hold."""
        conditions = [self._condition(text.strip()) for text in part.split("&")]
        return {entry.name for entry in self._entries if all(holds(entry) for holds in conditions)}

    def _condition(self, text: str) -> Condition:
        bare = text.lstrip("! ")
        if text.startswith("!"):
            inner = self._condition(bare)
            if text[: len(text) - len(bare)].count("!") % 2 == 0:
                return inner
            return lambda entry: not inner(entry)
        if not text:
            raise UsageError(
                "a condition of --limit is empty",
                code="limit_invalid",
                remedy="write names, globs or label=value",
            )
        key, equals, value = text.partition("=")
        if equals:
            return self._label(key.strip(), value.strip().removeprefix("="))
        if _GLOB & set(text):
            return lambda entry: fnmatchcase(entry.name, text)
        _check_name(text, self._names, self._among)
        return lambda entry: entry.name == text

    def _label(self, key: str, value: str) -> Condition:
        bare = key.rstrip("! ")
        if key.endswith("!"):
            inner = self._label(bare, value)
            if key[len(bare) :].count("!") % 2 == 0:
                return inner
            return lambda entry: not inner(entry)
        if key not in self._labels:
            raise UsageError(
                f"no org has a label '{key}'",
                code="label_unknown",
                remedy=did_you_mean(
                    key, self._labels, otherwise=f"labels are {listing(self._labels) or 'not used'}"
                ),
            )
        return lambda entry: key in entry.labels and fnmatchcase(entry.labels[key], value)


def _check_name(name: str, known: Collection[str], among: str) -> None:
    if name not in known:
        raise UsageError(
            f"there is no org '{name}' in {among}",
            code="org_unknown",
            remedy=did_you_mean(name, known, otherwise=f"there are {listing(known, 8)}"),
        )
