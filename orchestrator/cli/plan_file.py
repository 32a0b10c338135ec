"""A plan as a file: signed for this home, so that what is run is what was looked at."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.app import App
from orchestrator.cli.planning import Planned
from orchestrator.errors import UsageError
from orchestrator.ports import iso

if TYPE_CHECKING:
    from orchestrator.playbook.model import Playbook

FORMAT = 1
_LABEL = "plan file 1"
_MOST_BYTES = 256 << 20


def write_plan(
    app: App, file: str, compiled: Playbook, inputs: Mapping[str, Any], made: Sequence[Planned]
) -> None:
    """Write *made* to *file*, mode 0600, signed.

    Raises:
        UsageError: `file_unwritable`.
        VaultError: the home's key cannot be had.
    """
    from orchestrator.redaction import redact_tree  # noqa: PLC0415 - with the rest of the writing
    from orchestrator.salesforce.plan import canonical, digest  # noqa: PLC0415 - heavy
    from orchestrator.vault.disk import write_private  # noqa: PLC0415 - heavy

    now_s = app.clock.now_s()
    tree: dict[str, Any] = {
        "format": FORMAT,
        "playbook": compiled.name,
        "playbook_digest": compiled.digest,
        "inputs": dict(inputs),  # references only, as they will be given again
        "created": iso(now_s),
        "created_s": now_s,
        "orgs": redact_tree(
            {
                one.entry.name: {
                    "result": "planned" if one.is_made else "refused",
                    "code": one.code,
                    "detail": one.detail,
                    "org_id": None if one.observed is None else one.observed["org_id"],
                    "host": None if one.observed is None else one.observed["host"],
                    "observed": one.observed,
                    "observed_digest": None if one.observed is None else digest(one.observed),
                    "plan": one.plan,
                    "check_deploy": one.check,
                    "run": one.record.run,
                }
                for one in made
            }
        ),
    }
    text = json.dumps({**tree, "mac": _mac(app, canonical(tree))}, indent=2, sort_keys=True)
    try:
        write_private(Path(file).absolute(), text.encode() + b"\n")
    except OSError as error:
        raise UsageError(
            f"cannot write {file}: {error.strerror}", code="file_unwritable", remedy="check the folder"
        ) from error


def read_plan(app: App, file: str) -> dict[str, Any]:
    """The plan in *file*.

    Raises:
        UsageError: `file_unreadable`; `plan_tampered` when one byte differs from what this home wrote.
    """
    from orchestrator.salesforce.plan import canonical  # noqa: PLC0415 - heavy

    try:
        content = Path(file).read_bytes()[:_MOST_BYTES]
    except OSError as error:
        raise UsageError(
            f"cannot read {file}: {error.strerror}", code="file_unreadable", remedy="check the path"
        ) from error
    try:
        tree = json.loads(content)
        mac = str(tree.pop("mac"))
        is_ours = tree.get("format") == FORMAT and hmac.compare_digest(
            mac.encode(), _mac(app, canonical(tree)).encode()
        )
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        is_ours = False
    if not is_ours:
        raise _tampered(file)
    return dict(tree)


def _mac(app: App, content: bytes) -> str:
    from orchestrator.vault.key import home_mac  # noqa: PLC0415 - heavy

    return home_mac(app.configuration.home, app.environ, content, _LABEL)


def _tampered(file: str) -> UsageError:
    from orchestrator.catalogue import fault  # noqa: PLC0415 - only when something is wrong

    kind = fault("plan_tampered")
    return UsageError(f"{file} is not a plan of this home", code=kind.code, remedy=kind.remedy)
