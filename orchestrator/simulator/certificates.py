"""Certificates as app components carry them: PEM text, or the bare base64 between its lines."""

from __future__ import annotations

import re

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

MAX_CERTIFICATE_BYTES = 4 * 1024
MIN_RSA_BITS = 2048
PEM_BEGIN, PEM_END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def normalised_pem(text: str) -> str:
    """Return a certificate as PEM with 64-character lines, whatever whitespace XML left in it.

    Raises:
        ValueError: it is no X.509 certificate.
    """
    return _load(text).public_bytes(serialization.Encoding.PEM).decode()


def _load(text: str) -> x509.Certificate:
    body = re.sub(r"\s+", "", text.replace(PEM_BEGIN, "").replace(PEM_END, ""))
    lines = "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
    return x509.load_pem_x509_certificate(f"{PEM_BEGIN}\n{lines}\n{PEM_END}\n".encode())


def refusal_of(text: str) -> str | None:
    """Return why a certificate cannot be uploaded, or None when it can.

    RSA of at least 2,048 bits, less than 4 KB (docs of the asset token certificate, vendors' guides for
    JWT). An expired certificate is taken, and JWT goes on working with it: expiry is the issuer's to
    enforce.
    """
    if len(text.encode()) >= MAX_CERTIFICATE_BYTES:
        return "The certificate must be smaller than 4 KB."
    try:
        key = _load(text).public_key()
    except (ValueError, TypeError):
        return "Invalid certificate: it must be an X.509 certificate in PEM format."
    if not isinstance(key, rsa.RSAPublicKey):
        return "Invalid certificate: only RSA keys are supported."
    if key.key_size < MIN_RSA_BITS:
        return f"Invalid certificate: the RSA key must have at least {MIN_RSA_BITS} bits."
    return None
