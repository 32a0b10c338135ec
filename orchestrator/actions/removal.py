"""What of an org is ours and may be removed, and the session that is left when the app is gone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from orchestrator.actions import facts
from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import (
    Connection,
    connect,
    jwt_username,
    mint,
    read_record,
    sets_named_after,
)
from orchestrator.actions.deploy_client_app import CONNECTED, existing_app, read_oauth
from orchestrator.actions.deploying import MARKER
from orchestrator.actions.restoration import holders
from orchestrator.errors import Defect, OrgFault
from orchestrator.redaction import Secret
from orchestrator.salesforce.certificate import certificate_sha256
from orchestrator.salesforce.client_app import default_members
from orchestrator.salesforce.permission_sets import api_only_set, preauthorisation_set, setup_set, sso_set
from orchestrator.salesforce.service_rights import DESCRIPTION

REMOVAL_SESSION = "removal_session"
GONE = frozenset({"client_id_unknown", "app_not_found", "app_not_installed"})
"""What the token endpoint says when it does not know the app."""
DEAD_SESSION = frozenset({"session_expired", "session_not_valid_for_api"})

_TO_DELETE_SETS = ("ManageProfilesPermissionsets", "ModifyMetadata")

# Purpose of a set -> suffix of its name; a lock's set goes only when nobody holds it.
LOCK_SETS = ("Sso", "ApiOnly")
ACCESS, SERVICE, SETUP = "Access", "Service", "Setup"


def whats_not_ours(ctx: RunContext, org: Connection) -> str:
    """Why the app may not be removed; "" when marker, consumer key and certificate are ours."""
    return not_our_app(org, ctx.found("app"), str(ctx.found("certificate")["sha256"]))


def not_our_app(org: Connection, app: Mapping[str, Any], sha256: str) -> str:
    """Why *app* (kind, name, consumer_key) with the certificate *sha256* is not ours; "" when it is."""
    found = existing_app(org, str(app["name"]))
    if found is None:
        return f"there is no client app {app['name']} in the org"
    if found["kind"] != app["kind"] or MARKER not in found["description"]:
        return f"the {found['kind']} {app['name']} was not made by this tool"
    oauth = read_oauth(org, str(app["kind"]), str(app["name"])) or {}
    if oauth.get("consumerKey") != app["consumer_key"]:
        return f"the client app {app['name']} has another consumer key than ours"
    certificate = oauth.get("certificate")
    if not certificate or certificate_sha256(str(certificate)) != sha256:
        return f"the client app {app['name']} trusts another certificate than ours"
    return ""


def app_members(ctx: RunContext, org: Connection) -> dict[str, list[str]]:
    """Type -> members of the app that are in the org, satellites and header."""
    return members_of(org, ctx.found("app"))


def members_of(org: Connection, app: Mapping[str, Any]) -> dict[str, list[str]]:
    """Type -> members of *app* (kind, name) that are in the org, satellites and header."""
    name = str(app["name"])
    if app["kind"] == CONNECTED:
        wanted = {"ConnectedApp": name}
    else:
        names = default_members(name)
        wanted = {
            "ExtlClntAppOauthConfigurablePolicies": names.oauth_policy,
            "ExtlClntAppConfigurablePolicies": names.policy,
            "ExtlClntAppOauthSettings": names.oauth,
            "ExtlClntAppGlobalOauthSettings": names.global_oauth,
            "ExternalClientApplication": name,
        }
    return {
        kind: [member] for kind, member in wanted.items() if org.metadata.read(kind, [member])[0] is not None
    }


def our_sets(ctx: RunContext, org: Connection) -> tuple[list[dict[str, Any]], list[str]]:
    """The tool's permission sets in the order to remove them, and what stays with its reason."""
    app = sets_named_after(ctx.found("app"))
    described = {
        "Sso": sso_set("x", "x").fields["description"],
        "ApiOnly": api_only_set("x", "x").fields["description"],
        ACCESS: preauthorisation_set("x", "x", app).fields["description"],
        SERVICE: DESCRIPTION,
        SETUP: setup_set("x", "x").fields["description"],
    }
    names = {suffix: f"{app}_{suffix}" for suffix in (*LOCK_SETS, ACCESS, SERVICE, SETUP)}
    records = org.metadata.read("PermissionSet", list(names.values()))
    going: list[dict[str, Any]] = []
    staying: list[str] = []
    for (suffix, name), record in zip(names.items(), records, strict=True):
        set_id = None if record is None else facts.permission_set_id(org, name)
        if record is None or set_id is None:
            continue
        held_by = holders(org, set_id)
        if record.get("description") != described[suffix]:
            staying.append(f"permission set {name}, which this tool did not make")
        elif suffix in LOCK_SETS and held_by:
            staying.append(f"permission set {name}, which still locks {len(held_by)} user(s)")
        else:
            going.append({"name": name, "id": set_id, "purpose": suffix, "assignments": len(held_by)})
    return going, staying


def carries_our_rights(ctx: RunContext, org: Connection, sets: list[dict[str, Any]]) -> str | None:
    """Name of the temporary set when the right to delete permission sets comes from it alone, else None."""
    setup = next((one for one in sets if one["purpose"] == SETUP and one["assignments"]), None)
    if setup is None:
        return None
    rows = facts.permission_sets_of(org, str(ctx.found("rights")["user_id"]), _TO_DELETE_SETS)
    others = [row for row in rows if row["Name"] != setup["name"]]
    enough = all(any(row.get(f"Permissions{name}") for row in others) for name in _TO_DELETE_SETS)
    return None if enough else str(setup["name"])


def other_ways_in(ctx: RunContext, org: Connection) -> list[str]:
    """Administrators who can log in by browser, without the integration user and the user that is locked."""
    me = facts.user_id(org, jwt_username(ctx))
    if me is None:
        raise org_fault("record_missing", f"the org has no user {jwt_username(ctx)}")
    provisioned = (read_record(ctx) or {}).get("provisioned") or {}
    locked = (provisioned.get("lock_plan") or {}).get("user_id") if provisioned.get("lockdown") else None
    return [admin["username"] for admin in facts.other_admins(org, {me, *([str(locked)] if locked else [])})]


def keep_session(ctx: RunContext) -> Connection:
    """A session of our own in the vault: what is left to work with when no new token is to be had."""
    token = mint(ctx)
    stored = json.dumps({"instance_url": token.instance_url, "token": token.token.reveal()})
    ctx.vault.put(ctx.run_scope, REMOVAL_SESSION, Secret(stored))
    return connect(ctx, token.instance_url, token.token)


def kept_token(ctx: RunContext) -> tuple[str, Secret] | None:
    """Instance URL and token of the kept session; None when there is none."""
    stored = ctx.vault.get(ctx.run_scope, REMOVAL_SESSION)
    if stored is None:
        return None
    tree = json.loads(stored.reveal())
    return str(tree["instance_url"]), Secret(str(tree["token"]))


def kept_session(ctx: RunContext) -> Connection:
    """The kept session. Raises Defect when there is none."""
    kept = kept_token(ctx)
    if kept is None:
        raise Defect("the session for the removal is not in the vault")
    return connect(ctx, *kept)


def is_dead(refused: OrgFault) -> bool:
    """Whether the org says that the session is none (any more)."""
    return refused.code in DEAD_SESSION
