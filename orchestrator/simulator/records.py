"""Rows an org accumulates: sessions, grants, login history, setup audit trail, request history."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.simulator.packages import Package, PackageVersion


@dataclass(slots=True)
class Session:
    """A live session. `expires_s` is org time and moves with use.

    `origin` is `password` (SOAP login), `oauth` (any grant) or `ui`. A session with `password_expired` may
    only set the password. `scopes` are runtime words (`api`, `refresh_token`, `web`, `full`); empty means a
    full session.
    """

    id: str
    token: str = field(repr=False)
    user_id: str
    origin: str
    login_type: str
    created_wall_s: float
    timeout_s: float
    expires_s: float
    app_name: str = ""
    consumer_key: str = ""
    grant_type: str = ""
    scopes: frozenset[str] = frozenset()
    password_expired: bool = False
    is_jwt_format: bool = False
    source_ip: str = "127.0.0.1"
    login_history_id: str = ""


@dataclass(slots=True)
class OauthGrant:
    """A refresh token and the family it belongs to."""

    id: str
    refresh_token: str = field(repr=False)
    user_id: str
    consumer_key: str
    app_name: str
    scopes: frozenset[str]
    created_wall_s: float
    last_used_wall_s: float
    use_count: int = 0
    revoked: bool = False
    spent_tokens: set[str] = field(default_factory=set, repr=False)


@dataclass(slots=True)
class AuthorizationCode:
    """A code waiting to be exchanged (15 minutes of org time, once)."""

    code: str = field(repr=False)
    user_id: str
    consumer_key: str
    redirect_uri: str
    scopes: frozenset[str]
    code_challenge: str
    code_challenge_method: str
    expires_s: float


@dataclass(slots=True)
class LoginRow:
    """One LoginHistory row; visible from org time `visible_from_s` (read-only mode delays it)."""

    id: str
    user_id: str
    login_wall_s: float
    login_type: str
    login_sub_type: str
    status: str
    application: str
    source_ip: str
    login_url: str
    api_type: str
    api_version: str
    visible_from_s: float = 0.0


@dataclass(slots=True)
class AuditRow:
    """One SetupAuditTrail row."""

    id: str
    action: str
    section: str
    display: str
    created_wall_s: float
    created_by_id: str


@dataclass(slots=True)
class InstalledPackage:
    """A package version an org has."""

    id: str
    license_id: str
    package: Package
    version: PackageVersion
    installed_by_id: str
    installed_wall_s: float


@dataclass(slots=True)
class InstallRequest:
    """A PackageInstallRequest; the installation key is compared when it comes and never kept."""

    id: str
    version_id: str
    user_id: str
    key_matches: bool
    options: dict[str, object]
    created_wall_s: float
    started_s: float
    done_s: float
    status: str = "UNKNOWN"
    errors: list[str] = field(default_factory=list)


@dataclass(slots=True)
class UninstallRequest:
    """A SubscriberPackageVersionUninstallRequest."""

    id: str
    version_id: str
    user_id: str
    created_wall_s: float
    done_s: float
    status: str = "InProgress"


@dataclass(slots=True)
class SourceMember:
    """What source tracking of a scratch org notes of one component."""

    id: str
    type_name: str
    full_name: str
    revision: int
    changed_by: str
    changed_wall_s: float
    is_new: bool = True
    is_deleted: bool = False


@dataclass(slots=True)
class RequestRow:
    """What an org saw of one request; no header and no body is kept, so no secret can be."""

    at_wall_s: float
    at_s: float
    method: str
    host: str
    path: str
    operation: str
    status: int
    username: str
    node: int
    code: str = ""
