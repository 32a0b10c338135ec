"""Delete the client app: the whole of it in one deploy, with a session that outlives it."""

from __future__ import annotations

from orchestrator.actions import removal
from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import Connection
from orchestrator.actions.deploying import DEPLOY_FAULTS, TRANSPORT, Deploying, deploy_evidence
from orchestrator.errors import OrgFault
from orchestrator.machine import Again, Done, Failed, Outcome
from orchestrator.playbook.model import ActionSpec
from orchestrator.ports import iso
from orchestrator.salesforce.deploys import DeployStatus
from orchestrator.salesforce.package import Package, destructive_package


class RemoveApp(Deploying):
    """A destructive deploy of satellites and header, which the org does wholly or not at all.

    The app is what mints tokens, so one session is put into the vault first: with it the deploy is watched
    and the rest removed. A second try looks whether the app is still there before it sends anything.
    Source: Metadata API guide, "Deleting Components from an Organization".
    """

    spec = ActionSpec(
        name="remove_app",
        summary="Delete the client app in one destructive deploy, keeping a session for what comes after.",
        faults=DEPLOY_FAULTS | {"undo_not_read_back"},
        parameters={"transport": TRANSPORT},
        waits=True,
        one_way=True,
        evidence=frozenset({"app_removed", "deploy"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """The app is gone, or a deploy of ours is under way."""
        if removal.kept_token(ctx) is None:
            return None
        try:
            org = removal.kept_session(ctx)
            if not removal.app_members(ctx, org):
                return self._gone(ctx)
            deploy_id = ctx.notes.get("deploy_id")
            return (
                None if deploy_id is None else self._judge(ctx, org, self._status(ctx, org, str(deploy_id)))
            )
        except OrgFault as refused:
            if not removal.is_dead(refused):
                raise
        return self._without_session(ctx)

    def apply(self, ctx: RunContext) -> Outcome:
        """Send the deploy; the session may die with the app before the deploy can be watched."""
        try:
            return super().apply(ctx)
        except OrgFault as refused:
            if not removal.is_dead(refused):
                raise
        return self._without_session(ctx) or Again(
            "deploy_in_progress", "the session ended; a new one is kept"
        )

    def package(self, ctx: RunContext, org: Connection) -> Package | Outcome:
        """What of the app is in the org, to be deleted."""
        members = removal.app_members(ctx, org)
        return destructive_package(members, org.api_version) if members else self._gone(ctx)

    def connection(self, ctx: RunContext) -> Connection:
        """The kept session; made and kept now when there is none."""
        return removal.keep_session(ctx) if removal.kept_token(ctx) is None else removal.kept_session(ctx)

    def done(self, ctx: RunContext, org: Connection, status: DeployStatus) -> Outcome:
        """Read back: nothing of the app is left."""
        try:
            left = removal.app_members(ctx, org)
        except OrgFault as refused:
            if not removal.is_dead(refused):
                raise
            left = {}
        if left:
            return Failed("undo_not_read_back", f"the deploy succeeded, but the org still has {sorted(left)}")
        return self._gone(ctx, status)

    def failed(self, ctx: RunContext, outcome: Failed) -> Outcome:
        """An earlier deploy of ours may have been first."""
        return outcome if removal.app_members(ctx, removal.kept_session(ctx)) else self._gone(ctx)

    def _gone(self, ctx: RunContext, status: DeployStatus | None = None) -> Done:
        name = ctx.found("app")["name"]
        return Done(
            evidence={
                "app_removed": {"name": name, "at": iso(ctx.now_s())},
                **({"deploy": deploy_evidence(status)} if status is not None else {}),
            },
            detail=f"{name} is not in the org any more",
        )

    def _without_session(self, ctx: RunContext) -> Outcome | None:
        """The session died: with the app, or of age. Only the token endpoint can tell which."""
        try:
            org = removal.keep_session(ctx)
        except OrgFault as refused:
            if refused.code not in removal.GONE:
                raise
            return self._gone(ctx)
        try:
            left = removal.app_members(ctx, org)
        except OrgFault as refused:
            if not removal.is_dead(refused):
                raise
            return Again("token_not_honoured", refused.detail)  # of a session that is seconds old
        return None if left else self._gone(ctx)
