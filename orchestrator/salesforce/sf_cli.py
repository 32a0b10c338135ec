"""What the Salesforce CLI (`sf`) knows of orgs, asked by its own commands; its files are never read.

Since May 2026 `sf org display` shows no token any more; `sf org auth show-access-token` does. Older versions
know only the first. Both renew the token if they can. Source: Salesforce CLI command reference;
salesforcecli/plugin-org pull requests 1667 and 1673.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.catalogue import fault
from orchestrator.errors import OrgFault
from orchestrator.redaction import Secret, redact

SF_TIMEOUT_S = 60.0
# Usernames and aliases; none may look like an option.
SF_ORG_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+-]{0,127}")
_TOKEN = re.compile(r"00D[A-Za-z0-9]{12,15}![A-Za-z0-9._-]{16,}|eyJ[\w-]+\.[\w-]+\.[\w-]*")
_QUIET = {
    "SF_AUTOUPDATE_DISABLE": "true",
    "SF_DISABLE_AUTOUPDATE": "true",
    "SF_DISABLE_TELEMETRY": "true",
    "SF_SKIP_NEW_VERSION_CHECK": "true",
    "FORCE_COLOR": "0",
}
# Ours, not the CLI's business.
_KEPT_FROM_IT = "ORCHESTRATOR_"
_GROUPS = ("nonScratchOrgs", "sandboxes", "devHubs", "other", "scratchOrgs")


@dataclass(frozen=True, slots=True)
class SfSession:
    """A session the CLI holds.

    Attributes:
        org_id, username, instance_url: as the CLI says; "" where it says nothing.
        token: access token.
    """

    org_id: str
    username: str
    instance_url: str
    token: Secret


@dataclass(frozen=True, slots=True)
class SfOrg:
    """One org of `sf org list`."""

    alias: str
    username: str
    org_id: str
    instance_url: str
    connected: str


def is_access_token(text: str) -> bool:
    """Whether *text* has the shape of a Salesforce access token."""
    return _TOKEN.fullmatch(text) is not None


def stored_session(name: str, environ: Mapping[str, str]) -> SfSession:
    """The session of the org that the CLI knows as *name* (alias or username).

    Raises:
        OrgFault: `sf_cli_unusable`, `sf_org_unknown`.
    """
    if not SF_ORG_NAME.fullmatch(name):
        raise OrgFault(fault("sf_org_unknown"), "the name of the CLI's org has characters no alias has")
    shown = _run(["org", "display", "--target-org", name, "--json"], environ)
    token = str(shown.get("accessToken") or "")
    if not is_access_token(token):
        revealed = _run(
            ["org", "auth", "show-access-token", "--target-org", name, "--no-prompt", "--json"], environ
        )
        token = str(revealed.get("accessToken") or "")
    if not is_access_token(token):
        raise OrgFault(fault("sf_org_unknown"), f"sf shows no access token of {name}")
    return SfSession(
        org_id=str(shown.get("id") or ""),
        username=str(shown.get("username") or ""),
        instance_url=str(shown.get("instanceUrl") or "").rstrip("/"),
        token=Secret(token),
    )


def known_orgs(environ: Mapping[str, str]) -> list[SfOrg]:
    """Every org the CLI is logged in to, each once, by username.

    Raises:
        OrgFault: `sf_cli_unusable`.
    """
    listed = _run(["org", "list", "--json"], environ)
    groups = [rows for group in _GROUPS if isinstance(rows := listed.get(group), list)]
    rows = [row for group in groups for row in group if isinstance(row, Mapping)]
    by_username: dict[str, SfOrg] = {}
    for row in rows:
        username = str(row.get("username") or "")
        if username:
            by_username.setdefault(
                username,
                SfOrg(
                    alias=str(row.get("alias") or ""),
                    username=username,
                    org_id=str(row.get("orgId") or ""),
                    instance_url=str(row.get("instanceUrl") or "").rstrip("/"),
                    connected=str(row.get("connectedStatus") or ""),
                ),
            )
    return sorted(by_username.values(), key=lambda org: org.username)


def _run(words: Sequence[str], environ: Mapping[str, str]) -> Mapping[str, Any]:
    """`result` of one command."""
    program = shutil.which("sf", path=environ.get("PATH", ""))
    said = f"`sf {' '.join(words[:3])}`"
    if program is None:
        raise OrgFault(fault("sf_cli_unusable"), "there is no program `sf` on the PATH")
    kept = {name: value for name, value in environ.items() if not name.startswith(_KEPT_FROM_IT)}
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own CLI; names are checked, there is no shell
            [program, *words],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # warnings that may quote what they warn of
            env={**kept, **_QUIET},
            timeout=SF_TIMEOUT_S,
        )
        document = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise OrgFault(
            fault("sf_cli_unusable"), f"{said} did not answer within {SF_TIMEOUT_S:.0f} s"
        ) from None
    except OSError as error:
        raise OrgFault(fault("sf_cli_unusable"), f"{said} cannot be started: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise OrgFault(fault("sf_cli_unusable"), f"{said} printed no JSON") from None
    if not isinstance(document, Mapping):
        raise OrgFault(fault("sf_cli_unusable"), f"{said} printed JSON of another shape")
    if done.returncode or document.get("status"):
        name, message = str(document.get("name") or "error"), redact(str(document.get("message") or ""))
        raise OrgFault(fault("sf_org_unknown"), f"{said} failed: {name[:80]}: {message[:300]}")
    result = document.get("result")
    if not isinstance(result, Mapping):
        raise OrgFault(fault("sf_cli_unusable"), f"{said} answered without a result")
    return result
