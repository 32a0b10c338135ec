"""What is handed over, and where to: the credential under names that other programs expect."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.redaction import Secret

DEFAULT_PREFIX = "SF_"


@dataclass(frozen=True, slots=True)
class Handover:
    """One org's credential, ready to be given away.

    Attributes:
        org: name in the orgs file.
        record: the credential record; no secrets.
        private_key: PEM.
        certificate_pem: PEM.
    """

    org: str
    record: Mapping[str, Any]
    private_key: Secret
    certificate_pem: str

    @property
    def login_url(self) -> str:
        """The org's My Domain: the token endpoint's host, and an audience it accepts."""
        return f"https://{self.record['my_domain']}"

    def public(self) -> dict[str, str]:
        """Everything but the private key, by the lower-case end of its variable's name."""
        return {
            "client_id": str(self.record["app"]["consumer_key"]),
            "username": str(self.record["username"]),
            "login_url": self.login_url,
            "instance_url": str(self.record["instance_url"]),
            "audience": str(self.record["audience"]),
            "org_id": str(self.record["org_id"]),
            "certificate_sha256": str(self.record["certificate"]["sha256"]),
            "certificate_not_after": str(self.record["certificate"]["not_after"]),
        }

    def variables(self, prefix: str) -> dict[str, str | Secret]:
        """Everything by the names of environment variables, the private key last."""
        named = {f"{prefix}{name.upper()}": value for name, value in self.public().items()}
        return {**named, f"{prefix}PRIVATE_KEY": self.private_key}

    def as_json(self) -> str:
        """One JSON object with the private key in it."""
        return json.dumps({**self.public(), "private_key": self.private_key.reveal()}, indent=2) + "\n"

    def as_environment(self, prefix: str) -> str:
        """An environment file for shells (`set -a; . FILE`) and dotenv readers.

        Values stand in single quotes, in which neither a shell nor a dotenv reader replaces anything; the PEM
        keeps its lines.
        """
        lines = [f"# Salesforce org {self.org}; certificate until {self.public()['certificate_not_after']}"]
        lines += [f"{name}={_quoted(revealed(value))}" for name, value in self.variables(prefix).items()]
        return "\n".join(lines) + "\n"


def revealed(value: str | Secret) -> str:
    """The text of a value that may be a secret, at the moment it is handed over."""
    return value.reveal() if isinstance(value, Secret) else value


def _quoted(value: str) -> str:
    return "'" + value.strip().replace("'", "'\\''") + "'"
