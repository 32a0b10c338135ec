"""What every rung of the bootstrap ladder is: a way into the org that yields an administrator's session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import connect, login_version
from orchestrator.errors import OrgFault
from orchestrator.redaction import Secret
from orchestrator.salesforce.soap import get_user_info

SessionOwner = Literal["run", "person"]


@dataclass(frozen=True, slots=True)
class Entrance:
    """The session a rung obtained.

    Attributes:
        method: name of the rung.
        token: session id or access token.
        instance_url: origin of the org's API.
        org_id, user_id, username: whose session it is, as the org says.
        owner: `run`, made by a login of this run, which ends it; `person`, handed over by somebody who goes
            on using it.
        refresh_token: one that this run was given beside, and so has to revoke.
        remarks: what a person should know, one sentence each.
    """

    method: str
    token: Secret
    instance_url: str
    org_id: str
    user_id: str
    username: str
    owner: SessionOwner = "run"
    refresh_token: Secret | None = None
    remarks: tuple[str, ...] = ()


class Rung(Protocol):
    """One way in."""

    @property
    def name(self) -> str:
        """What playbooks write under `ladder`."""
        ...

    def is_offered(self, ctx: RunContext) -> bool:
        """Whether the org's entry (or the vault) has what this rung needs; nothing is asked or sent."""
        ...

    def climb(self, ctx: RunContext) -> Entrance:
        """Get the session. Raises OrgFault as the org refuses."""
        ...


def identified(
    ctx: RunContext,
    method: str,
    token: Secret,
    instance_url: str,
    *,
    owner: SessionOwner = "run",
    refresh_token: Secret | None = None,
    remarks: tuple[str, ...] = (),
) -> Entrance:
    """The entrance that *token* opens: the first thing sent with it asks whose it is.

    Raises:
        OrgFault: `org_id_mismatch`, `session_expired` (a person's), `token_not_honoured` (the run's own),
            `session_not_valid_for_api`, `answer_unknown` for an instance that is not Salesforce's.
    """
    place = connect(ctx, instance_url, token).instance_url  # refuses foreign hosts
    try:
        user = get_user_info(ctx.network, place, token, login_version(ctx))
    except OrgFault as refused:
        raise newly_refused(refused, owner) from None
    refuse_other_org(ctx, user.org_id, f"the session of {method}")
    return Entrance(
        method=method,
        token=token,
        instance_url=place,
        org_id=user.org_id,
        user_id=user.user_id,
        username=user.username,
        owner=owner,
        refresh_token=refresh_token,
        remarks=remarks,
    )


def newly_refused(refused: OrgFault, owner: SessionOwner) -> OrgFault:
    """What it means that the org does not know a session: one of our own is seconds old, or ended early."""
    if refused.code != "session_expired" or owner == "person":
        return refused
    return org_fault("token_not_honoured", refused.detail, retry_after_s=refused.retry_after_s)


def refuse_other_org(ctx: RunContext, org_id: str, what: str) -> None:
    """Raises OrgFault `org_id_mismatch` unless *org_id* is the org that `detect` found and compared."""
    expected = str(ctx.found("org_id"))
    if org_id[:15] != expected[:15]:
        raise org_fault("org_id_mismatch", f"{what} is of org {org_id or '(none)'}, expected {expected}")
