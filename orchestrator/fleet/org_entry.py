"""One org as the orgs file describes it: addresses and references, never a secret itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SECRET_FIELDS = ("password", "security_token", "access_token", "sfdx_auth_url", "consumer_secret")
BOOTSTRAP_PRINCIPALS = ("handed_over", "human_admin", "dedicated", "integration_user")


@dataclass(frozen=True, slots=True)
class OrgEntry:
    """One entry of the orgs file.

    Attributes:
        name: unique in the file.
        url: as written; what host it means is decided by `salesforce.hosts`.
        org_id: 18 characters, when given.
        username: of the bootstrap principal.
        integration_user: JWT run-as user.
        break_glass_user: who can still get in.
        bootstrap_principal: whose account `username` is, one of BOOTSTRAP_PRINCIPALS.
        accept_no_other_admin: why the lock may go on although nobody else could let people back in.
        consumer_key: of a connected app of the customer's, for the OAuth password grant.
        sf_org: alias or username under which the Salesforce CLI is logged in to the org.
        web: bootstrap by the web flow.
        web_client_id: consumer key of the app a person logs in with; the Salesforce CLI's when not given.
        web_callback: loopback callback registered with that app; the Salesforce CLI's when not given.
        labels: for selection.
        secrets: field -> reference, such as `{"password": "env:ACME_PASSWORD"}`.
    """

    name: str
    url: str
    org_id: str | None = None
    username: str | None = None
    integration_user: str | None = None
    break_glass_user: str | None = None
    bootstrap_principal: str | None = None
    accept_no_other_admin: str | None = None
    consumer_key: str | None = None
    sf_org: str | None = None
    web: bool = False
    web_client_id: str | None = None
    web_callback: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)

    def public(self) -> dict[str, Any]:
        """A JSON tree for the journal; secrets as references. `from_public` reads it back."""
        return {
            "name": self.name,
            "url": self.url,
            "org_id": self.org_id,
            "username": self.username,
            "integration_user": self.integration_user,
            "break_glass_user": self.break_glass_user,
            "bootstrap_principal": self.bootstrap_principal,
            "accept_no_other_admin": self.accept_no_other_admin,
            "consumer_key": self.consumer_key,
            "sf_org": self.sf_org,
            "web": self.web,
            "web_client_id": self.web_client_id,
            "web_callback": self.web_callback,
            "labels": dict(self.labels),
            "secrets": dict(self.secrets),
        }

    @classmethod
    def from_public(cls, tree: Mapping[str, Any]) -> OrgEntry:
        """The entry that `public` wrote; unknown keys of a newer version are left aside."""
        known = {key: tree[key] for key in cls.__dataclass_fields__ if key in tree}
        return cls(
            **{**known, "labels": dict(tree.get("labels") or {}), "secrets": dict(tree.get("secrets") or {})}
        )
