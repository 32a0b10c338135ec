"""`run --plan FILE`: look again before anything is begun, and refuse when something differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.app import App
from orchestrator.cli.plan_file import read_plan
from orchestrator.cli.planning import Planned, look, refuse_other_playbooks
from orchestrator.errors import OrgFault, UsageError

if TYPE_CHECKING:
    from orchestrator.fleet.org_entry import OrgEntry
    from orchestrator.playbook.model import Playbook

_NAMED = 12


def check_plan(
    app: App,
    compiled: Playbook,
    inputs: Mapping[str, Any],
    entries: Sequence[OrgEntry],
    options: Mapping[str, Any],
) -> None:
    """Compare the plan with what is asked for now, then with the orgs as they are now.

    The look is the plan's own without the check-only deploy; without a stored credential it is one more
    password login per org.

    Args:
        app: the composition root.
        compiled: the playbook to be run.
        inputs: for it.
        entries: the selected orgs.
        options: `plan_file`, `plan_max_age`, `concurrency`.

    Raises:
        UsageError: the file cannot be read, or `plan_tampered`.
        OrgFault: `plan_too_old`, `plan_drifted`.
    """
    from orchestrator.salesforce.plan import differences  # noqa: PLC0415 - heavy

    most_s = _age(str(options["plan_max_age"]))
    plan = read_plan(app, str(options["plan_file"]))
    age_s = app.clock.now_s() - float(plan["created_s"])
    if not 0 <= age_s <= most_s:
        raise _refused("plan_too_old", f"the plan was made at {plan['created']}, {age_s / 3600:.1f} h ago")
    wrong = []
    if (plan["playbook"], plan["playbook_digest"]) != (compiled.name, compiled.digest):
        was = f"{plan['playbook']} {plan['playbook_digest'][:12]}"
        wrong.append(f"playbook: was {was}, is {compiled.name} {compiled.digest[:12]}")
    wrong += differences(plan["inputs"], dict(inputs), "inputs.")
    for entry in entries:
        row = plan["orgs"].get(entry.name)
        if row is None:
            wrong.append(f"{entry.name}: not in the plan")
        elif row["result"] != "planned":
            wrong.append(f"{entry.name}: the plan was refused ({row['code']})")
    _stop(wrong)
    refuse_other_playbooks(app, compiled)
    seen = look(app, entries, inputs, check_deploy=False, concurrency=int(options["concurrency"]))
    _stop([line for one in seen for line in _drift(one, plan["orgs"][one.entry.name])])


def _drift(now: Planned, was: Mapping[str, Any]) -> list[str]:
    from orchestrator.salesforce.plan import differences, digest  # noqa: PLC0415 - heavy

    name = now.entry.name
    said: list[str] = []
    if now.observed is not None and digest(now.observed) != was["observed_digest"]:
        said = [f"{name}: {line}" for line in differences(was["observed"], now.observed)]
    if not now.is_made:
        said.append(f"{name}: a look now ends with {now.code}: {now.detail}")
    return said


def _stop(wrong: Sequence[str]) -> None:
    if not wrong:
        return
    more = f"\n  and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
    raise _refused("plan_drifted", "\n  ".join(["", *wrong[:_NAMED]]).strip() + more)


def _refused(code: str, detail: str) -> OrgFault:
    from orchestrator.catalogue import fault  # noqa: PLC0415 - only when something is wrong

    return OrgFault(fault(code), detail)


def _age(text: str) -> float:
    """Seconds of `24h`. Raises UsageError."""
    from orchestrator.playbook.values import parse_duration  # noqa: PLC0415 - heavy

    seconds = parse_duration(text)
    if seconds is None:
        raise UsageError(
            f"--plan-max-age {text!r} is not a duration", code="setting_invalid", remedy="write 24h or 90m"
        )
    return float(seconds)
