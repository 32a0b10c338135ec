"""The generations of an org's credential in the vault: the one in use, the one to come, the one before.

What is in use lies in three values (`record`, `private_key`, `certificate`). Another generation is one sealed
value of its own: `next` from before its certificate is deployed, `previous` from the moment it is superseded
until it is retired. Putting a generation to use is one write, so a crash leaves the old one or the new one,
whole; there is no moment without a credential.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import CERTIFICATE, PRIVATE_KEY, RECORD, read_record
from orchestrator.redaction import Secret
from orchestrator.salesforce.certificate import load_private_key

NEWEST = "newest"
"""The key pair this run made, or the one in use when it made none."""
IN_USE = "in_use"
NEXT = "next"
PREVIOUS = "previous"


@dataclass(frozen=True, slots=True)
class Generation:
    """A whole credential.

    Attributes:
        record: what is known of it (app, certificate, user, org, proofs); no secrets.
        private_key: PEM.
        certificate_pem: PEM.
    """

    record: Mapping[str, Any]
    private_key: Secret
    certificate_pem: str

    @property
    def app(self) -> dict[str, Any]:
        """Kind, name and consumer key of its app."""
        return dict(self.record["app"])

    @property
    def sha256(self) -> str:
        """Fingerprint of its certificate."""
        return str(self.record["certificate"]["sha256"])

    def sealed(self) -> Secret:
        """One value for the vault; `unsealed` reads it back."""
        tree = {
            "record": dict(self.record),
            "private_key": self.private_key.reveal(),
            "certificate": self.certificate_pem,
        }
        return Secret(json.dumps(tree, sort_keys=True))

    @classmethod
    def unsealed(cls, stored: Secret) -> Generation:
        """The generation that `sealed` wrote."""
        tree = json.loads(stored.reveal())
        return cls(tree["record"], Secret(tree["private_key"]), str(tree["certificate"]))


def in_use(ctx: RunContext) -> Generation | None:
    """The org's credential; None when the vault holds none."""
    record = read_record(ctx)
    key = ctx.vault.get(ctx.org_scope, PRIVATE_KEY)
    certificate = ctx.vault.get(ctx.org_scope, CERTIFICATE)
    if record is None or key is None or certificate is None:
        return None
    return Generation(record, key, certificate.reveal())


def kept(ctx: RunContext, name: str) -> Generation | None:
    """The generation kept as NEXT or PREVIOUS; None when there is none."""
    stored = ctx.vault.get(ctx.org_scope, name)
    return None if stored is None else Generation.unsealed(stored)


def keep(ctx: RunContext, name: str, generation: Generation) -> None:
    """Keep *generation* as NEXT or PREVIOUS."""
    ctx.vault.put(ctx.org_scope, name, generation.sealed())


def take_into_use(ctx: RunContext, generation: Generation, former: Generation) -> None:
    """Make *generation* the org's credential and keep *former* as the previous one, in one write."""
    ctx.vault.put_all(
        ctx.org_scope,
        {
            RECORD: Secret(json.dumps(dict(generation.record), sort_keys=True)),
            PRIVATE_KEY: generation.private_key,
            CERTIFICATE: Secret(generation.certificate_pem),
            PREVIOUS: former.sealed(),
        },
    )


def required(ctx: RunContext, name: str) -> Generation:
    """The generation of that name. Raises OrgFault `credential_absent`."""
    found = in_use(ctx) if name == IN_USE else kept(ctx, name)
    if found is None:
        raise org_fault("credential_absent", f"the vault holds no {name} credential of '{ctx.org['name']}'")
    return found


def speaking_as(ctx: RunContext, generation: Generation) -> RunContext:
    """The same attempt, logging in with *generation* whatever key and app the run works on."""
    evidence = {
        **ctx.evidence,
        "app": generation.app,
        "certificate": generation.record["certificate"],
        "audience": generation.record["audience"],
        "credential": {"found": True, "username": generation.record["username"]},
        "provisioned": generation.record.get("provisioned", {}),
    }
    tokens = {"key": load_private_key(generation.private_key, is_checked=True)}
    if "clock_offset_s" in ctx.tokens:
        tokens["clock_offset_s"] = ctx.tokens["clock_offset_s"]
    return replace(ctx, evidence=evidence, tokens=tokens)


def speaking_for(ctx: RunContext, name: str) -> RunContext:
    """The same attempt with the credential of that name. Raises OrgFault `credential_absent`."""
    return ctx if name == NEWEST else speaking_as(ctx, required(ctx, name))
