"""Keys and certificates: making, adopting, and telling apart what people paste in their place."""

from __future__ import annotations

import base64
import datetime as dt
import traceback

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from orchestrator.errors import UsageError
from orchestrator.redaction import Secret
from orchestrator.salesforce.certificate import (
    adopt,
    certificate_sha256,
    days_left,
    issue,
    load_private_key,
)

NOW = dt.datetime(2026, 11, 22, 12, 0, tzinfo=dt.UTC)
YEAR = dt.timedelta(days=365)
PEM = serialization.Encoding.PEM
CLEAR = serialization.NoEncryption()


@pytest.fixture(scope="module")
def pair():
    return issue(
        subject_common_name="Acme", key_bits=2048, not_before=NOW - YEAR, not_after=NOW + YEAR, serial=7
    )


@pytest.fixture(scope="module")
def ec_key():
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def other_rsa():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(key, encryption=CLEAR, layout=serialization.PrivateFormat.PKCS8):
    return key.private_bytes(PEM, layout, encryption).decode()


def certificate_for(key, *, start=NOW - YEAR, end=NOW + YEAR, name="Acme", padding=0):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(9)
        .not_valid_before(start)
        .not_valid_after(end)
    )
    if padding:
        names = [x509.DNSName(f"{'a' * 50}{n}.example") for n in range(padding)]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(PEM).decode()


@pytest.mark.parametrize("key_bits", [2048, 4096])
def test_an_issued_certificate_is_what_was_asked_for_and_under_four_kilobytes(key_bits):
    made = issue(
        subject_common_name="Acme JWT",
        key_bits=key_bits,
        not_before=NOW,
        not_after=NOW + YEAR,
        serial=0xABCDEF,
    )
    certificate = x509.load_pem_x509_certificate(made.certificate_pem.encode())
    assert certificate.public_key().key_size == key_bits
    assert certificate.serial_number == 0xABCDEF
    assert certificate.subject.rfc4514_string() == "CN=Acme JWT"
    assert certificate.issuer == certificate.subject
    assert (certificate.not_valid_before_utc, certificate.not_valid_after_utc) == (NOW, NOW + YEAR)
    assert (made.not_before, made.not_after) == (NOW, NOW + YEAR)
    assert len(made.certificate_pem) < 4096
    certificate.verify_directly_issued_by(certificate)
    assert load_private_key(made.private_key_pem).public_key() == certificate.public_key()


def test_the_private_key_does_not_show(pair):
    assert "PRIVATE" not in repr(pair)
    assert "<secret>" in repr(pair)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"key_bits": 1024}, "key_unusable"),
        ({"not_after": NOW}, "certificate_unreadable"),
        ({"subject_common_name": ""}, "certificate_unreadable"),
        ({"subject_common_name": "x" * 65}, "certificate_unreadable"),
    ],
)
def test_issuing_refuses_what_salesforce_or_the_standard_would(changed, code):
    wanted = {
        "subject_common_name": "Acme",
        "key_bits": 2048,
        "not_before": NOW,
        "not_after": NOW + YEAR,
        "serial": 1,
    }
    with pytest.raises(UsageError) as refused:
        issue(**(wanted | changed))
    assert refused.value.code == code


def test_a_pair_that_belongs_together_is_adopted(pair):
    adopted = adopt(pair.private_key_pem, pair.certificate_pem, now=NOW)
    assert adopted == pair


@pytest.mark.parametrize(
    "mangle",
    [
        lambda pem: pem.replace("\n", "\\n"),
        lambda pem: pem.replace("\n", "\r\n"),
        lambda pem: f'"{pem}"',
        lambda pem: f"\ufeff  {pem}\n\n",
    ],
    ids=["literal backslash n", "windows line ends", "quotes", "byte order mark and white space"],
)
def test_pem_that_suffered_on_its_way_is_put_right(pair, mangle):
    adopted = adopt(Secret(mangle(pair.private_key_pem.reveal())), mangle(pair.certificate_pem), now=NOW)
    assert adopted == pair


def test_a_certificate_as_bare_base64_has_the_same_fingerprint(pair):
    bare = base64.b64encode(
        x509.load_pem_x509_certificate(pair.certificate_pem.encode()).public_bytes(serialization.Encoding.DER)
    ).decode()
    assert certificate_sha256(bare) == certificate_sha256(pair.certificate_pem) == pair.sha256
    assert len(pair.sha256) == 64


def test_an_rsa_key_in_the_traditional_format_is_adopted(other_rsa):
    text = private_pem(other_rsa, layout=serialization.PrivateFormat.TraditionalOpenSSL)
    assert load_private_key(Secret(text)).public_key() == other_rsa.public_key()


def refusal(key_text, certificate_text):
    with pytest.raises(UsageError) as refused:
        adopt(Secret(key_text), certificate_text, now=NOW)
    shown = "".join(traceback.format_exception(refused.value))
    body = "".join(line for line in key_text.splitlines() if "-----" not in line)
    assert not body or body[:40] not in shown
    return refused.value.code, refused.value.detail


def test_each_unusable_private_key_is_told_apart(pair, ec_key, other_rsa):
    certificate = pair.certificate_pem
    key_text = pair.private_key_pem.reveal()
    locked = serialization.BestAvailableEncryption(b"swordfish")
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - too small on purpose
    public = (
        other_rsa.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    )
    request = (
        x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(other_rsa, hashes.SHA256())
    )
    traditional = serialization.PrivateFormat.TraditionalOpenSSL
    seen = {
        refusal(text, certificate)
        for text in (
            "",
            private_pem(other_rsa, locked),
            private_pem(ec_key),
            private_pem(ec_key, layout=traditional),
            private_pem(small),
            private_pem(other_rsa, layout=serialization.PrivateFormat.OpenSSH),
            certificate,
            public,
            request.public_bytes(PEM).decode(),
            "/etc/keys/acme.key",
            key_text[: len(key_text) // 2],
            "-----BEGIN PGP MESSAGE-----",
        )
    }
    assert {code for code, _ in seen} == {"key_unusable"}
    assert len({detail for _, detail in seen}) == 12


def test_a_traditional_encrypted_key_is_called_encrypted(pair, other_rsa):
    locked = serialization.BestAvailableEncryption(b"swordfish")
    text = private_pem(other_rsa, locked, serialization.PrivateFormat.TraditionalOpenSSL)
    assert refusal(text, pair.certificate_pem) == (
        "key_unusable",
        "the private key is encrypted with a passphrase",
    )


def test_each_unusable_certificate_is_told_apart(pair, ec_key, other_rsa):
    key_text = pair.private_key_pem.reveal()
    key = load_private_key(pair.private_key_pem)
    public = key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    cases = [
        (key_text, "certificate_unreadable"),
        (public, "certificate_unreadable"),
        (request.public_bytes(PEM).decode(), "certificate_unreadable"),
        (pair.certificate_pem + "\n" + certificate_for(key), "certificate_unreadable"),
        ("rubbish", "certificate_unreadable"),
        (certificate_for(ec_key), "certificate_unreadable"),
        (certificate_for(other_rsa), "certificate_unpaired"),
        (certificate_for(key, start=NOW - 2 * YEAR, end=NOW - YEAR), "certificate_expired"),
        (certificate_for(key, start=NOW + YEAR, end=NOW + 2 * YEAR), "certificate_not_yet_valid"),
        (certificate_for(key, padding=60), "certificate_too_large"),
    ]
    seen = [refusal(key_text, text) for text, _ in cases]
    assert [code for code, _ in seen] == [code for _, code in cases]
    assert len({detail for _, detail in seen}) == len(cases)


def test_a_certificate_may_be_used_until_the_very_second_of_its_end(pair):
    key = load_private_key(pair.private_key_pem)
    text = certificate_for(key, end=NOW + dt.timedelta(seconds=1))
    assert adopt(pair.private_key_pem, text, now=NOW).not_after == NOW + dt.timedelta(seconds=1)
    with pytest.raises(UsageError, match="ended on 2026-11-22"):
        adopt(pair.private_key_pem, text, now=NOW + dt.timedelta(seconds=1))


@pytest.mark.parametrize(
    ("delta", "expected"),
    [(dt.timedelta(days=30), 30), (dt.timedelta(hours=23), 0), (dt.timedelta(seconds=-1), -1)],
)
def test_days_left_are_whole_days_rounded_down(delta, expected):
    assert days_left(NOW + delta, NOW) == expected
