"""Package installs and uninstalls by request (Tooling API): accepted at once, done when org time has passed.

Status words: `UNKNOWN` before the work begins, `IN_PROGRESS`, then `SUCCESS` or `ERROR` with messages.
Source: Tooling API, PackageInstallRequest and SubscriberPackageVersionUninstallRequest.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from orchestrator.simulator import effects, package_effects
from orchestrator.simulator.effects import When
from orchestrator.simulator.ids import is_valid
from orchestrator.simulator.org import Org
from orchestrator.simulator.records import InstallRequest, UninstallRequest
from orchestrator.simulator.refusals import (
    RecordRefused,
    bad_reference,
    insufficient_access,
    refuse_in_read_only,
)
from orchestrator.simulator.schema import Row
from orchestrator.simulator.users import User

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator

NO_KEY_NEEDED = (
    "Can\u2019t install package. This package doesn\u2019t require an installation key. Install the package "
    "without specifying an installation key.: Password"
)
KEY_REQUIRED = (
    "Please provide installationkey when querying against SubscriberPackageVersion that is protected by "
    "installationkey"
)
ROW_LOCK = "unable to obtain exclusive access to this record"
REQUESTS_KEPT_PER_ORG = 200
_PICKLISTS = {
    "SecurityType": {"Custom", "Full", "None"},
    "NameConflictResolution": {"Block", "RenameMetadata"},
    "UpgradeType": {"delete-only", "deprecate-only", "mixed-mode"},
    "ApexCompileType": {"all", "package"},
}
_OTHER_FIELDS = {
    "SubscriberPackageVersionKey",
    "Password",
    "EnableRss",
    "PackageInstallSource",
    "ProfileMappings",
    "SkipHandlers",
}


def request_install(sim: Simulator, org: Org, actor: User, fields: dict[str, Any]) -> str:
    """Accept a PackageInstallRequest and return its id.

    Raises:
        RecordRefused: no right, read-only, an unknown field or value, no version id, a key that is not
            needed (forcedotcom/cli issue 1167).
    """
    _refuse_early(org, actor)
    for name, value in fields.items():
        if name not in _OTHER_FIELDS and name not in _PICKLISTS:
            text = f"No such column '{name}' on sobject of type PackageInstallRequest"
            raise RecordRefused("INVALID_FIELD", text)
        if value and name in _PICKLISTS and str(value) not in _PICKLISTS[name]:
            text = f"{name}: bad value for restricted picklist field: {value}"
            raise RecordRefused("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", text, fields=[name])
    version_id = str(fields.get("SubscriberPackageVersionKey") or "")
    _check_version_id(version_id, "SubscriberPackageVersionKey")
    found = sim.packages.find_version(version_id)
    given = str(fields.get("Password") or "")
    needed = found[1].installation_key if found else ""
    if given and found and not needed:
        raise RecordRefused("FIELD_INTEGRITY_EXCEPTION", NO_KEY_NEEDED, fields=["Password"])
    started_s = sim.now_s() + org.rng.uniform(0.3, 1.5)
    takes_s = org.rng.uniform(2.0, 12.0)
    if found and found[1].install_takes_s is not None:
        takes_s = found[1].install_takes_s
    made = InstallRequest(
        id=org.next_id("0Hf"),
        version_id=version_id,
        user_id=actor.id,
        key_matches=not needed or hmac.compare_digest(given.encode(), needed.encode()),
        options={name: value for name, value in fields.items() if name != "Password"},
        created_wall_s=sim.wall_s(org),
        started_s=started_s,
        done_s=started_s + takes_s,
    )
    org.install_requests[made.id] = made
    while len(org.install_requests) > REQUESTS_KEPT_PER_ORG:
        del org.install_requests[next(iter(org.install_requests))]
    return made.id


def request_uninstall(sim: Simulator, org: Org, actor: User, fields: dict[str, Any]) -> str:
    """Accept a SubscriberPackageVersionUninstallRequest and return its id.

    Raises:
        RecordRefused: no right, read-only, or the version is not installed.
    """
    _refuse_early(org, actor)
    version_id = str(fields.get("SubscriberPackageVersionId") or "")
    _check_version_id(version_id, "SubscriberPackageVersionId")
    if not any(each.version.id[:15] == version_id[:15] for each in org.installed_packages.values()):
        raise bad_reference("SubscriberPackageVersionId")
    made = UninstallRequest(
        id=org.next_id("06y"),
        version_id=version_id,
        user_id=actor.id,
        created_wall_s=sim.wall_s(org),
        done_s=sim.now_s() + org.rng.uniform(2.0, 8.0),
    )
    org.uninstall_requests[made.id] = made
    return made.id


def refuse_without_key(sim: Simulator, query: str, rows: list[Row]) -> None:
    """A version behind an installation key is shown only to who names the key in the query.

    Raises:
        RecordRefused: `INSTALL_KEY_REQUIRED` (NPSP issue 7179).
    """
    if "installationkey" in query.lower().partition("where")[2]:
        return
    for row in rows:
        found = sim.packages.find_version(str(row.get("Id") or ""))
        if found is not None and found[1].installation_key:
            raise RecordRefused("INSTALL_KEY_REQUIRED", KEY_REQUIRED)


def _refuse_early(org: Org, actor: User) -> None:
    if "InstallPackaging" not in org.permissions_of(actor):
        raise insufficient_access()
    refuse_in_read_only(org)


def _check_version_id(version_id: str, field: str) -> None:
    if not version_id:
        raise RecordRefused(
            "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{field}]", fields=[field]
        )
    if not version_id.startswith("04t") or not is_valid(version_id):
        raise bad_reference(field)


def advance(sim: Simulator, org: Org) -> None:
    """Bring the org's installs and uninstalls up to the present, polled or not."""
    if not org.install_requests and not org.uninstall_requests:
        return
    now_s = sim.now_s()
    for request in org.install_requests.values():
        if request.status in {"UNKNOWN", "IN_PROGRESS"} and now_s >= request.started_s:
            request.status = "IN_PROGRESS"
            if now_s >= request.done_s:
                _finish(sim, org, request)
    for asked in org.uninstall_requests.values():
        if asked.status == "InProgress" and now_s >= asked.done_s:
            _finish_uninstall(sim, org, asked)


def _when(sim: Simulator, org: Org, user_id: str, at_s: float) -> When:
    user = org.users.get(user_id) or next(iter(org.users.values()))
    late_s = (sim.now_s() - at_s) / sim.clock.speed
    return When(user, at_s, sim.wall_s(org) - late_s)


def _finish(sim: Simulator, org: Org, request: InstallRequest) -> None:
    problem = _scripted(sim, org) or _problem(sim, org, request)
    if problem is not None:
        request.status, request.errors = "ERROR", [problem]
        return
    found = sim.packages.find_version(request.version_id)
    assert found is not None  # noqa: S101 - _problem has looked
    when = _when(sim, org, request.user_id, request.done_s)
    staged = effects.stage(org)
    package_effects.install(staged, *found, when)
    effects.add_default_policies(staged, when)
    effects.announce(staged, when)
    effects.commit(org, staged)
    request.status = "SUCCESS"


def _problem(sim: Simulator, org: Org, request: InstallRequest) -> str | None:
    found = sim.packages.find_version(request.version_id)
    if found is None:
        return package_effects.UNKNOWN_PACKAGE
    if _is_second(sim, org, request):
        return ROW_LOCK
    return package_effects.refusal(org, *found, key_matches=request.key_matches, now_s=request.done_s)


def _is_second(sim: Simulator, org: Org, request: InstallRequest) -> bool:
    """Whether an earlier install of the same package was at work when this one began: one at a time."""
    package = sim.packages.find_version(request.version_id)
    for other in org.install_requests.values():
        if other is request:
            return False
        same = sim.packages.find_version(other.version_id)
        if (
            same is not None
            and package is not None
            and same[0] is package[0]
            and other.done_s > request.started_s
        ):
            return True
    return False


def _scripted(sim: Simulator, org: Org) -> str | None:
    """Return the message of a fault scripted for the stage `install_package`, or None."""
    fault = sim.faults.take_stage("install_package", (org.id, org.id15, sim.seed_of(org).name))
    if fault is None:
        return None
    usual = {"row_lock": ROW_LOCK, "package_unavailable": package_effects.NOT_AVAILABLE}
    return str(fault.arguments.get("message", usual.get(fault.kind, "An unexpected error occurred.")))


def _finish_uninstall(sim: Simulator, org: Org, asked: UninstallRequest) -> None:
    installed = next(
        (each for each in org.installed_packages.values() if each.version.id[:15] == asked.version_id[:15]),
        None,
    )
    if installed is not None:
        package_effects.uninstall(org, installed, _when(sim, org, asked.user_id, asked.done_s))
    asked.status = "Success" if installed is not None else "Error"
