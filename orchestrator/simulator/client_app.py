"""OAuth client apps of an org (External Client App or Connected App) and how they spread to front-end nodes.

`ClientApp` is the deployed truth. Every change is frozen as an `AppVersion` with the times at which each
front-end node comes to honour it; `propagation.py` reads these. Between creation and readiness a node answers
as if it did not know the key, then as if the app were not installed, then as if nobody had been approved.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Literal

AppKind = Literal["external_client_app", "connected_app"]


@dataclass(frozen=True, slots=True)
class NodeReadiness:
    """When one node honours a version, in org seconds: key known <= installed <= in force.

    Inside `relapse_s` (start, end) the node falls back to the state before; it ends before the slowest node
    is ready.
    """

    key_known_s: float
    installed_s: float
    in_force_s: float
    relapse_s: tuple[float, float] = (0.0, 0.0)

    def honours(self, now_s: float) -> bool:
        """Whether the node acts on this version now."""
        start_s, end_s = self.relapse_s
        return now_s >= self.in_force_s and not start_s <= now_s < end_s


@dataclass(slots=True)
class ClientApp:
    """The facts of one app, in the metadata vocabulary (`Api`, `RefreshToken`, `Zero`, `Enforce`).

    For an External Client App, `app_id` is the 0xI id, for a Connected App the 0H4 id; `consumer_id` is the
    888 id. `permission_set_names` and `profile_names` are the pre-authorisations; SetupEntityAccess rows
    derive from them.
    """

    kind: AppKind
    name: str
    label: str
    app_id: str
    consumer_id: str
    consumer_key: str = ""
    consumer_secret: str = field(default="", repr=False)
    certificate_pem: str | None = None
    contact_email: str = ""
    description: str = ""
    distribution_state: str = "Local"
    namespace: str = ""
    callback_urls: tuple[str, ...] = ()
    scopes: frozenset[str] = frozenset()
    admin_approved: bool = False
    permission_set_names: frozenset[str] = frozenset()
    profile_names: frozenset[str] = frozenset()
    enabled: bool = True
    oauth_plugin_enabled: bool = True
    has_global_settings: bool = False
    has_oauth_settings: bool = False
    has_oauth_policy: bool = False
    has_app_policy: bool = False
    issues_jwt_tokens: bool = False
    pkce_required: bool = True
    secret_optional: bool = False
    requires_secret: bool = False  # "Require secret for Web Server Flow" is ticked, PKCE or not
    secret_required_for_refresh: bool = True
    refresh_token_rotation: bool = False
    client_credentials_enabled: bool = False
    client_credentials_username: str = ""
    ip_relaxation: str = "Enforce"
    refresh_token_policy: str = "Infinite"  # noqa: S105 - a policy word
    session_timeout_minutes: int = 0
    required_session_level: str = ""
    policy_action: str = ""
    start_url: str = ""
    trusted_ip_ranges: tuple[tuple[str, str], ...] = ()
    created_wall_s: float = 0.0
    modified_wall_s: float = 0.0
    access_ids: dict[str, str] = field(default_factory=dict)
    versions: list[AppVersion] = field(default_factory=list, repr=False)

    def snapshot(self) -> ClientApp:
        """Return a copy of the facts without history and dates, to be kept and compared per version."""
        facts = copy.copy(self)
        facts.versions = []
        facts.access_ids = {}
        facts.modified_wall_s = facts.created_wall_s
        return facts


@dataclass(slots=True)
class DepartedApp:
    """A deleted app, which a node honours until its own time (`gone_s`, org seconds) has come."""

    app: ClientApp
    gone_s: tuple[float, ...]


@dataclass(slots=True)
class AppVersion:
    """The facts of an app from one change on, and when each node honours them."""

    at_s: float
    facts: ClientApp
    nodes: tuple[NodeReadiness, ...]

    def converged_s(self) -> float:
        """Org time from which every node honours this version for good."""
        return max(node.in_force_s for node in self.nodes)
