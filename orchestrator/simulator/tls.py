"""A throwaway certificate authority, made at start and never written except its public certificate."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import ssl
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_SUFFIXES = (
    "*.my.salesforce.com",
    "*.sandbox.my.salesforce.com",
    "*.develop.my.salesforce.com",
    "*.scratch.my.salesforce.com",
    "*.trailblaze.my.salesforce.com",
    "*.patch.my.salesforce.com",
    "*.demo.my.salesforce.com",
    "*.my.salesforce-setup.com",
    "*.lightning.force.com",
    "login.salesforce.com",
    "test.salesforce.com",
    "localhost",
)
_MINTED_KEPT = 1000
_VALID_DAYS = 7


class ThrowawayAuthority:
    """Issues leaf certificates for this process and builds the server's TLS contexts."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "DO NOT TRUST"),
                x509.NameAttribute(NameOID.COMMON_NAME, "Salesforce org simulator throwaway CA"),
            ]
        )
        self._certificate = (
            self._builder(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())
        self._contexts: dict[str, ssl.SSLContext] = {}

    @property
    def certificate_pem(self) -> str:
        """The CA certificate in PEM, for REQUESTS_CA_BUNDLE and friends."""
        return self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    def server_context(self) -> ssl.SSLContext:
        """Return a context for the known host suffixes; it mints a leaf for any other name in SNI."""
        context = self._context([*_SUFFIXES], with_loopback=True)
        context.sni_callback = self._choose
        return context

    def _choose(
        self, socket: ssl.SSLObject | ssl.SSLSocket, name: str | None, _default: ssl.SSLContext
    ) -> None:
        if not name or _is_covered(name):
            return
        if name not in self._contexts:
            if len(self._contexts) >= _MINTED_KEPT:
                self._contexts.clear()
            try:
                self._contexts[name] = self._context([name], with_loopback=False)
            except ValueError:  # not a name a certificate can carry
                return
        socket.context = self._contexts[name]

    def _context(self, names: list[str], *, with_loopback: bool) -> ssl.SSLContext:
        alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        if with_loopback:
            alternatives += [
                x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
                x509.IPAddress(ipaddress.ip_address("::1")),
            ]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
        leaf = (
            self._builder(subject, self._leaf_key.public_key())
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        self._load(context, leaf)
        return context

    def _load(self, context: ssl.SSLContext, leaf: x509.Certificate) -> None:
        pem = self._leaf_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ) + leaf.public_bytes(serialization.Encoding.PEM)
        handle, path = tempfile.mkstemp(prefix="simulated-org-", suffix=".pem")  # 0600; ssl loads files only
        try:
            with os.fdopen(handle, "wb") as chain:
                chain.write(pem)
            context.load_cert_chain(path)
        finally:
            Path(path).unlink()

    def _builder(self, subject: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=_VALID_DAYS))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        )


def _is_covered(name: str) -> bool:
    lowered = name.lower()
    return lowered in _SUFFIXES or f"*.{lowered.partition('.')[2]}" in _SUFFIXES


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
