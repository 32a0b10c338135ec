"""People and rights of an org: users, profiles, permission sets, their assignments and licences."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field


def hash_password(password: str, salt: str) -> bytes:
    """Return what the org keeps of a password."""
    return hashlib.blake2b(password.encode(), salt=salt.encode()[:16], digest_size=32).digest()


@dataclass(slots=True)
class License:
    """A user licence or permission set licence; `key` is its API name."""

    id: str
    name: str
    key: str
    total: int


@dataclass(slots=True)
class Profile:
    """A profile: one per user; its rights are also visible as a permission set owned by the profile."""

    id: str
    name: str
    license_name: str
    user_permissions: set[str]
    owned_permission_set_id: str
    login_ip_ranges: list[tuple[str, str]] = field(default_factory=list)
    login_hours_open: bool = True
    is_custom: bool = False


@dataclass(slots=True)
class PermissionSet:
    """A permission set. `license` is a user licence or permission set licence name, or None for any."""

    id: str
    name: str
    label: str
    license: str | None = None
    is_owned_by_profile: bool = False
    profile_id: str | None = None
    user_permissions: set[str] = field(default_factory=set)
    has_activation_required: bool = False
    description: str = ""
    created_wall_s: float = 0.0


@dataclass(slots=True)
class PermissionSetAssignment:
    """One permission set given to one user."""

    id: str
    assignee_id: str
    permission_set_id: str
    created_wall_s: float = 0.0


@dataclass(slots=True)
class PermissionSetLicenseAssign:
    """One permission set licence given to one user."""

    id: str
    assignee_id: str
    permission_set_license_id: str


@dataclass(slots=True)
class User:
    """A user with the facts that decide whether a login succeeds.

    `password_hash` is None when no password was ever set. `locked_until_s` is org time; infinity means "until
    an administrator unlocks". `login_times_s` (org time) feeds the 3,600-per-hour login limit.
    """

    id: str
    user_login_id: str
    username: str
    email: str
    first_name: str
    last_name: str
    profile_id: str
    alias: str = ""
    password_hash: bytes | None = field(default=None, repr=False)
    original_password_hash: bytes | None = field(default=None, repr=False)
    security_token: str = field(default="", repr=False)
    password_expired: bool = False
    is_active: bool = True
    is_frozen: bool = False
    failed_attempts: int = 0
    locked_until_s: float | None = None
    user_type: str = "Standard"
    login_times_s: list[float] = field(default_factory=list)
    created_wall_s: float = 0.0
    last_password_change_wall_s: float = 0.0
    password_changes: int = 0
    has_passkey: bool = False
    extra_fields: dict[str, object] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """First and last name as shown."""
        return f"{self.first_name} {self.last_name}".strip()

    def set_password(self, password: str, wall_s: float, *, new_token: str) -> None:
        """Set a new password; the old security token dies with the old password (help "Security Token")."""
        self.password_hash = hash_password(password, self.id)
        self.security_token = new_token
        self.password_expired = False
        self.failed_attempts = 0
        self.locked_until_s = None
        self.last_password_change_wall_s = wall_s
        self.password_changes += 1

    def password_matches(self, candidate: str) -> bool:
        """Whether `candidate` is the current password (without security token)."""
        if self.password_hash is None:
            return False
        return hmac.compare_digest(self.password_hash, hash_password(candidate, self.id))
