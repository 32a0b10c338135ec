"""Install or upgrade the package by request, once, and watch how it goes."""

from __future__ import annotations

import datetime as dt

from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import Connection, bootstrap_connection
from orchestrator.errors import Disposition, OrgFault
from orchestrator.machine import Again, Done, Failed, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.ports import iso
from orchestrator.salesforce.package_install import (
    SECURITY_TYPES,
    UNDER_WAY,
    InstallStatus,
    install_requests,
    install_status,
    installed_packages,
    request_install,
)

_CLOCKS_DIFFER = dt.timedelta(minutes=2)
# An install takes minutes; one that somebody else began is looked for this far back.
_UNDER_WAY_SINCE = dt.timedelta(days=1)


class InstallPackage:
    """PackageInstallRequest of the Tooling API.

    The request is announced in the journal before it is sent. When its answer got lost, the org's own list of
    requests says whether it arrived; an install of the same version that runs already, whoever began it, is
    watched instead of sending another. What passes by itself is tried again for hours: a version that was
    just released reaches the instances of Salesforce one after the other.
    """

    spec = ActionSpec(
        name="install_package",
        summary="Ask the org to install or upgrade the package, once, and wait until it is there.",
        outcomes=frozenset({"succeeded", "newer_installed", "not_allowed"}),
        faults=frozenset(
            {
                "package_install_failed",
                "package_version_missing",
                "package_password_wrong",
                "package_password_unneeded",
                "package_beta_refused",
                "package_requirement_missing",
                "package_in_the_way",
            }
        ),
        parameters={
            "password": Parameter("secret", description="installation password of the version"),
            "security_type": Parameter("string", default="admins_only", choices=tuple(SECURITY_TYPES)),
            "remote_sites": Parameter("boolean", default=False, description="activate remote sites"),
            "available_within": Parameter(
                "duration", default=7200.0, description="how long it may take to reach the instance"
            ),
        },
        waits=True,
        evidence=frozenset({"package_install", "install_refused"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """The request an earlier try sent: by its id or, when that was lost, among the org's requests."""
        org = bootstrap_connection(ctx)
        request_id = ctx.notes.get("request_id")
        if request_id is not None:
            return self._judge(ctx, org, install_status(org.rest, str(request_id)))
        if not ctx.notes.get("announced_at"):
            return None
        since = dt.datetime.fromisoformat(str(ctx.notes["announced_at"])) - _CLOCKS_DIFFER
        settled = set(ctx.notes.get("settled", []))
        for request in install_requests(org.rest, _version_id(ctx), since=_moment(since)):
            if request.request_id not in settled and request.created_by[:15] == _me(ctx)[:15]:
                ctx.note(request_id=request.request_id)
                return self._judge(ctx, org, request)
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Send the request, unless the org is at it already."""
        org = bootstrap_connection(ctx)
        now = dt.datetime.fromtimestamp(ctx.now_s(), dt.UTC)
        requests = install_requests(org.rest, _version_id(ctx), since=_moment(now - _UNDER_WAY_SINCE))
        running = next((one for one in requests if one.state in UNDER_WAY), None)
        if running is not None:
            ctx.note(request_id=running.request_id)
            return self._judge(ctx, org, running)
        password = ctx.resolve_secret(ctx.parameters, "password")
        ctx.effect()
        ctx.note(announced_at=_moment(now), request_id=None)
        try:
            request_id = request_install(
                org.rest,
                _version_id(ctx),
                password=password,
                security_type=str(ctx.parameters["security_type"]),
                remote_sites=bool(ctx.parameters["remote_sites"]),
            )
        except OrgFault as refused:
            return self._refused(ctx, refused)
        ctx.note(request_id=request_id)
        return self._judge(ctx, org, install_status(org.rest, request_id))

    def _judge(self, ctx: RunContext, org: Connection, request: InstallStatus) -> Outcome:
        """Four words; what failed and may pass is asked for again, as another request."""
        if request.state in UNDER_WAY:
            return Again("package_installing", f"install {request.request_id} is {request.state}")
        if request.state == "SUCCESS":
            return self._done(ctx, org, request)
        if request.state != "ERROR":
            return Failed("answer_unknown", f"install {request.request_id} is {request.state!r}")
        ctx.note(
            request_id=None, announced_at=None, settled=[*ctx.notes.get("settled", []), request.request_id]
        )
        return self._refused(ctx, request.fault(), request)

    def _done(self, ctx: RunContext, org: Connection, request: InstallStatus) -> Outcome:
        """Believed only when the org shows it."""
        wanted = _version_id(ctx)[:15]
        there = next((one for one in installed_packages(org.rest) if one.version_id[:15] == wanted), None)
        if there is None:
            return Again("package_installing", f"install {request.request_id} succeeded; not visible yet")
        found = {"request_id": request.request_id, "at": iso(ctx.now_s()), "answer": "", "name": there.name}
        return Done(evidence={"package_install": found}, detail=f"{there.name} is installed")

    def _refused(self, ctx: RunContext, refused: OrgFault, request: InstallStatus | None = None) -> Outcome:
        found = {
            "request_id": request.request_id if request else "",
            "at": iso(ctx.now_s()),
            "answer": refused.code,
        }
        evidence = {"package_install": {**found, "detail": refused.detail}}
        if refused.code == "package_newer_installed":
            return Done("newer_installed", evidence, refused.detail)
        if refused.code == "permission_missing":
            who = {"who": str(ctx.found("bootstrap")["username"]), "detail": refused.detail}
            return Done("not_allowed", {**evidence, "install_refused": who}, refused.detail)
        if refused.code == "package_not_available" and self._patience_is_over(ctx):
            return Failed("package_version_missing", refused.detail, evidence)
        if refused.kind.disposition in {Disposition.BACK_OFF, Disposition.WAIT}:
            return Again(refused.code, refused.detail, refused.retry_after_s or 0.0, evidence)
        return Failed(refused.code, refused.detail, evidence)

    def _patience_is_over(self, ctx: RunContext) -> bool:
        waited_s = (ctx.now_s() - ctx.entered_at_s) * ctx.speed
        return waited_s > float(ctx.parameters["available_within"])


def _version_id(ctx: RunContext) -> str:
    return str(ctx.found("package")["version_id"])


def _me(ctx: RunContext) -> str:
    return str(ctx.found("bootstrap")["user_id"])


def _moment(at: dt.datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
