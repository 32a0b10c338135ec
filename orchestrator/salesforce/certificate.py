"""Key and certificate of the JWT bearer flow: making a pair, adopting one, reading fingerprints and ages.

`issue` is the only place where entropy for keys enters. Nothing here knows the time: it is passed in.
Salesforce takes RSA keys of at least 2048 bits and certificates under 4 KB, self-signed ones included; it
does not look at the end of a certificate, so its age is ours to watch. Sources: RFC 7518 (RS256), RFC 5280,
sfdx_dev_auth_jwt_flow.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import math
from dataclasses import dataclass
from typing import NoReturn

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from orchestrator.catalogue import fault
from orchestrator.errors import UsageError
from orchestrator.redaction import Secret

KEY_BITS = (2048, 4096)
MINIMUM_KEY_BITS = 2048
MAX_CERTIFICATE_BYTES = 4096
_EXPONENT = 65537
_BEGIN = "-----BEGIN CERTIFICATE-----"
_END = "-----END CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class KeyAndCertificate:
    """A pair that belongs together.

    Attributes:
        private_key_pem: PKCS#8, unencrypted; for the vault only.
        certificate_pem: one certificate, LF line ends, no newline at the end.
        sha256: fingerprint of the certificate's DER form, lower-case hex.
        not_before: start of validity, UTC.
        not_after: end of validity, UTC.
    """

    private_key_pem: Secret
    certificate_pem: str
    sha256: str
    not_before: dt.datetime
    not_after: dt.datetime


def issue(
    *, subject_common_name: str, key_bits: int, not_before: dt.datetime, not_after: dt.datetime, serial: int
) -> KeyAndCertificate:
    """Make a new RSA key and a self-signed certificate for it.

    Args:
        subject_common_name: what people see as the certificate's name, 1-64 characters.
        key_bits: 2048 or 4096.
        not_before: start of validity, with time zone.
        not_after: end of validity, with time zone.
        serial: positive, at most 159 bits; drawn by the caller.

    Raises:
        UsageError: `key_unusable` or `certificate_unreadable`, an argument is out of range.
    """
    if key_bits not in KEY_BITS:
        _refuse("key_unusable", f"a key of {key_bits} bits is not offered", "choose 2048 or 4096 bits")
    if not_after <= not_before:
        _refuse(
            "certificate_unreadable", "the certificate would end before it starts", "give a positive validity"
        )
    if not 1 <= len(subject_common_name) <= 64:  # noqa: PLR2004 - upper bound of RFC 5280
        _refuse("certificate_unreadable", "the subject has not 1 to 64 characters", "give a shorter name")
    key = rsa.generate_private_key(public_exponent=_EXPONENT, key_size=key_bits)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject_common_name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return _pair(key, certificate)


def adopt(private_key_pem: Secret, certificate_pem: str, *, now: dt.datetime) -> KeyAndCertificate:
    r"""Take a pair the operator brings, after every check that would otherwise fail at Salesforce.

    Args:
        private_key_pem: unencrypted RSA key; literal `\n` and Windows line ends are put right.
        certificate_pem: one certificate, PEM or bare base64.
        now: the time now, with time zone.

    Raises:
        UsageError: `key_unusable`, `certificate_unreadable`, `certificate_too_large`,
            `certificate_unpaired`, `certificate_expired` or `certificate_not_yet_valid`.
    """
    key = load_private_key(private_key_pem)
    certificate = load_certificate(certificate_pem)
    if certificate.public_key() != key.public_key():
        _refuse("certificate_unpaired", "the certificate was made for another key")
    if certificate.not_valid_after_utc <= now:
        ended = certificate.not_valid_after_utc.date().isoformat()
        _refuse(
            "certificate_expired",
            f"the certificate ended on {ended}",
            "give a certificate that is valid today",
        )
    if certificate.not_valid_before_utc > now:
        starts = certificate.not_valid_before_utc.date().isoformat()
        _refuse("certificate_not_yet_valid", f"the certificate starts on {starts}")
    pair = _pair(key, certificate)
    if len(pair.certificate_pem.encode()) >= MAX_CERTIFICATE_BYTES:
        _refuse("certificate_too_large", f"the certificate has {len(pair.certificate_pem)} bytes")
    return pair


def load_private_key(private_key_pem: Secret, *, is_checked: bool = False) -> rsa.RSAPrivateKey:
    """The key behind a PEM text.

    Args:
        private_key_pem: the text.
        is_checked: the key passed `issue` or `adopt` before and was sealed since, so the arithmetic check
            of its numbers, tens of milliseconds of CPU, is left out.

    Raises:
        UsageError: `key_unusable`, with the exact reason and never the key.
    """
    text = _straightened(private_key_pem.reveal())
    if not text:
        _refuse("key_unusable", "the private key is empty", "give the text of the key, or file:PATH")
    for needle, reason, remedy in _UNUSABLE_KEYS if "PRIVATE KEY" in text else _INSTEAD_OF_A_KEY:
        if needle in text:
            _refuse("key_unusable", reason, remedy)
    try:
        key = serialization.load_pem_private_key(
            text.encode(), password=None, unsafe_skip_rsa_key_validation=is_checked
        )
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The library's own message may quote the input.
        _refuse("key_unusable", "the private key cannot be read; the text is damaged or cut off")
    if not isinstance(key, rsa.RSAPrivateKey):
        _refuse("key_unusable", "the private key is not an RSA key", _RSA_ONLY)
    if key.key_size < MINIMUM_KEY_BITS:
        _refuse(
            "key_unusable", f"the RSA key has only {key.key_size} bits", "give a key of at least 2048 bits"
        )
    return key


_RSA_ONLY = "Salesforce takes RSA keys only; make one"
# What people paste where a private key belongs, told apart by what stands in it; first match wins.
_INSTEAD_OF_A_KEY = (
    ("BEGIN CERTIFICATE REQUEST", "this is a signing request, not a private key", None),
    ("BEGIN CERTIFICATE", "this is a certificate, not a private key", None),
    ("PUBLIC KEY-----", "this is a public key, not a private key", None),
    ("-----BEGIN ", "this is PEM, but of no private key", None),
    ("", "the private key has no BEGIN line", "give the whole PEM text, or file:PATH"),
)
_UNUSABLE_KEYS = (
    ("BEGIN ENCRYPTED PRIVATE KEY", "the private key is encrypted with a passphrase", None),
    ("Proc-Type: 4,ENCRYPTED", "the private key is encrypted with a passphrase", None),
    (
        "BEGIN OPENSSH PRIVATE KEY",
        "the private key is in OpenSSH's format",
        "run ssh-keygen -p -m PEM -f KEY",
    ),
    ("BEGIN PGP PRIVATE KEY", "this is a PGP key", None),
    ("BEGIN EC PRIVATE KEY", "the private key is an elliptic-curve key", _RSA_ONLY),
)


def load_certificate(text: str) -> x509.Certificate:
    """The certificate in *text*: PEM or bare base64, as Salesforce gives it back in either form.

    Raises:
        UsageError: `certificate_unreadable` or `certificate_too_large`, with the exact reason.
    """
    text = _straightened(text)
    if "PRIVATE KEY" in text:
        _refuse(
            "certificate_unreadable",
            "a private key stands where the certificate belongs",
            "give the certificate",
        )
    if "BEGIN CERTIFICATE REQUEST" in text or "BEGIN NEW CERTIFICATE REQUEST" in text:
        _refuse(
            "certificate_unreadable",
            "this is a signing request",
            "give the certificate that came back for it",
        )
    if "PUBLIC KEY-----" in text:
        _refuse("certificate_unreadable", "this is a bare public key", "give a certificate that holds it")
    if text.count(_BEGIN) > 1:
        _refuse(
            "certificate_unreadable", "this is a chain of certificates", "give the first certificate alone"
        )
    if len(text) > 4 * MAX_CERTIFICATE_BYTES:
        _refuse("certificate_too_large", f"the certificate has {len(text)} bytes")
    try:
        certificate = x509.load_der_x509_certificate(_der(text))
        public_key = certificate.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        _refuse("certificate_unreadable", "the certificate cannot be read; the text is damaged or cut off")
    if not isinstance(public_key, rsa.RSAPublicKey):
        _refuse(
            "certificate_unreadable",
            "the certificate is not for an RSA key",
            "Salesforce takes RSA keys only",
        )
    return certificate


def certificate_sha256(text: str) -> str:
    """Fingerprint (lower-case hex) of a certificate in PEM or bare base64.

    Raises:
        UsageError: the text is no certificate.
    """
    return load_certificate(text).fingerprint(hashes.SHA256()).hex()


def days_left(not_after: dt.datetime, now: dt.datetime) -> int:
    """Whole days until the end; negative after it."""
    return math.floor((not_after - now) / dt.timedelta(days=1))


def _pair(key: rsa.RSAPrivateKey, certificate: x509.Certificate) -> KeyAndCertificate:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return KeyAndCertificate(
        private_key_pem=Secret(private.decode()),
        certificate_pem=certificate.public_bytes(serialization.Encoding.PEM).decode().strip(),
        sha256=certificate.fingerprint(hashes.SHA256()).hex(),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def _straightened(text: str) -> str:
    """PEM as it was before environment variables, JSON and Windows had their way with it."""
    text = text.replace("\\r", "").replace("\\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    return text.strip().strip("\"'").strip("\ufeff \n\t")


def _der(text: str) -> bytes:
    body = text.split(_BEGIN, 1)[-1].split(_END, 1)[0]
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except binascii.Error:
        raise ValueError from None


def _refuse(code: str, detail: str, remedy: str | None = None) -> NoReturn:
    kind = fault(code)
    raise UsageError(detail, code=code, remedy=remedy or kind.remedy, blame=kind.blame) from None
