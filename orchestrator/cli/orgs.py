"""Read the orgs file a command names, and judge the URLs in it before anything is recorded."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orchestrator.errors import UsageError
from orchestrator.shipped import read_text

if TYPE_CHECKING:
    from orchestrator.fleet.orgs import OrgEntry
    from orchestrator.salesforce.connect_to import ConnectTo


def load_orgs(file: str) -> Sequence[OrgEntry]:
    """Entries of *file* (`-` is standard input; `.csv` is CSV, everything else YAML).

    Raises:
        UsageError: the file cannot be read, or a URL in it is no org's.
        OrgsFileError: everything else that is wrong with it, at once.
    """
    from orchestrator.fleet.orgs import read_orgs  # noqa: PLC0415 - heavy

    fmt = "csv" if file.lower().endswith(".csv") else "yaml"
    return read_orgs(_standard_input() if file == "-" else read_text(Path(file)), file, fmt)


def _standard_input() -> str:
    try:
        return sys.stdin.read()
    except UnicodeDecodeError:
        raise UsageError(
            "standard input is not UTF-8 text", code="file_unreadable", remedy="send it as UTF-8"
        ) from None


def check_urls(entries: Sequence[OrgEntry]) -> None:
    """Raises UsageError naming every org whose URL is no org's, with the reason."""
    from orchestrator.salesforce.hosts import parse_org_url  # noqa: PLC0415 - heavy

    wrong = []
    for entry in entries:
        try:
            parse_org_url(entry.url)
        except UsageError as error:
            wrong.append((entry.name, error))
    if wrong:
        lines = [f"org '{name}': {error.detail}" for name, error in wrong]
        raise UsageError("\n".join(lines), code=wrong[0][1].code, remedy=wrong[0][1].remedy)


def check_speed(entries: Sequence[OrgEntry], rules: Sequence[ConnectTo]) -> None:
    """Raises UsageError when an org is not on this machine: there nobody's clock can be divided."""
    from orchestrator.salesforce.connect_to import route  # noqa: PLC0415 - heavy
    from orchestrator.salesforce.hosts import parse_org_url  # noqa: PLC0415 - heavy
    from orchestrator.salesforce.transport import speed_needs_loopback  # noqa: PLC0415 - heavy

    for entry in entries:
        url = urlsplit(parse_org_url(entry.url).url)
        port = url.port or (80 if url.scheme == "http" else 443)
        if not route(rules, url.hostname or "", port).loopback:
            raise speed_needs_loopback(url.hostname or entry.url)
