"""Make the key pair, or take the one that was brought; in the vault before anything is sent."""

from __future__ import annotations

import datetime as dt

from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import CERTIFICATE, PRIVATE_KEY
from orchestrator.errors import UsageError
from orchestrator.machine import Done, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.redaction import Secret
from orchestrator.salesforce.certificate import KeyAndCertificate, adopt, issue

# A certificate valid from this second on is not yet valid on a server whose clock is behind.
_BACKDATED = dt.timedelta(minutes=10)


class IssueCertificate:
    """RSA key and self-signed X.509 certificate, or bring your own (both `private_key` and `certificate`).

    Salesforce uses the certificate as a container of the public key only (apps of the JWT bearer flow),
    so no authority has to sign it. The private key never leaves the vault.
    """

    spec = ActionSpec(
        name="issue_certificate",
        summary="Make an RSA key and a self-signed certificate, or check the ones brought.",
        faults=frozenset(
            {"key_unusable", "certificate_mismatch", "certificate_expired", "certificate_too_large"}
        ),
        parameters={
            "key_bits": Parameter("integer", default=2048, choices=("2048", "4096")),
            "valid_for": Parameter("duration", default=365 * 86400.0, description="lifetime"),
            "subject": Parameter("string", default="orchestrator", description="common name"),
            "private_key": Parameter("secret", description="PEM of a key brought along"),
            "certificate": Parameter("secret", description="PEM of the certificate brought along"),
        },
        evidence=frozenset({"certificate"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """A pair stored by an earlier try of this run is used, not replaced."""
        key = ctx.vault.get(ctx.run_scope, PRIVATE_KEY)
        certificate = ctx.vault.get(ctx.run_scope, CERTIFICATE)
        if key is None or certificate is None:
            return None
        return _done(adopt(key, certificate.reveal(), now=_moment(ctx)), "kept from the earlier try")

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `certificate` (sha256, subject, not_before, not_after, key_bits, origin).

        A run that comes here again, after another login, keeps its pair: it may be deployed already.
        """
        kept = self.observe(ctx)
        if kept is not None:
            ctx.tokens.clear()
            return kept
        brought = ctx.resolve_secret(ctx.parameters, "private_key")
        certificate = ctx.resolve_secret(ctx.parameters, "certificate")
        if (brought is None) != (certificate is None):
            raise UsageError(
                "a key and a certificate are brought together or not at all",
                code="key_without_certificate",
                remedy="give both `private_key` and `certificate`, or neither",
            )
        now = _moment(ctx)
        if brought is not None and certificate is not None:
            pair, origin = adopt(brought, certificate.reveal(), now=now), "brought along"
        else:
            pair, origin = self._issue(ctx, now), "made for this org"
        ctx.vault.put(ctx.run_scope, CERTIFICATE, Secret(pair.certificate_pem))
        ctx.vault.put(ctx.run_scope, PRIVATE_KEY, pair.private_key_pem)
        ctx.tokens.clear()  # the key and the sessions of an earlier credential are not this one's
        return _done(pair, origin)

    def _issue(self, ctx: RunContext, now: dt.datetime) -> KeyAndCertificate:
        lifetime = dt.timedelta(seconds=float(ctx.parameters["valid_for"]))
        return issue(
            subject_common_name=str(ctx.parameters["subject"]),
            key_bits=int(ctx.parameters["key_bits"]),
            not_before=now - _BACKDATED,
            not_after=now + lifetime,
            serial=int(ctx.random_hex(16), 16) >> 1,
        )


def _moment(ctx: RunContext) -> dt.datetime:
    return dt.datetime.fromtimestamp(ctx.now_s(), dt.UTC).replace(microsecond=0)


def _done(pair: KeyAndCertificate, origin: str) -> Done:
    not_after = pair.not_after.strftime("%Y-%m-%dT%H:%M:%SZ")
    return Done(
        evidence={
            "certificate": {"sha256": pair.sha256, "not_after": not_after, "origin": origin},
        },
        detail=f"certificate {pair.sha256[:16]}… valid until {not_after}, {origin}",
    )
