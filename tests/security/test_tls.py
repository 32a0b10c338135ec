"""Chapter "A man in the middle": nothing is sent over TLS that is not what it says it is."""

from __future__ import annotations

import datetime as dt
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from wire_server import ORG, authority, http, network_to, serving

from orchestrator.errors import OrgFault
from orchestrator.redaction import Secret

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)
TOKEN = Secret("canary-of-the-session-5F7H")


def context_with(tmp_path, *, name: str = ORG, begins=NOW - DAY, ends=NOW + DAY, signed=True, named=True):
    """A server's TLS with a certificate that is good but for one thing."""
    key, ca = ec.generate_private_key(ec.SECP256R1()), authority()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(ca.certificate.subject if signed else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key()), critical=False
        )
    )
    if named:
        built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    certificate = built.sign(ca.key if signed else key, hashes.SHA256())
    file = tmp_path / "server.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def ask(server, **policy):
    with network_to(server, **policy) as network:
        return network.request("GET", f"https://{ORG}/x", credentials=True, idempotent=False, auth=TOKEN)


WRONG = {
    "expired": {"begins": NOW - 9 * DAY, "ends": NOW - DAY},
    "not valid yet": {"begins": NOW + DAY, "ends": NOW + 9 * DAY},
    "self-signed": {"signed": False},
    "of another name": {"name": "evil.my.salesforce.com"},
    "of a name that only begins like ours": {"name": f"{ORG}.evil.example"},
    "of a wildcard above us": {"name": "*.salesforce.com"},
    "named only in its common name": {"named": False},
}


@pytest.mark.parametrize("flaw", WRONG)
@pytest.mark.parametrize("variable", ["", "PYTHONHTTPSVERIFY", "CURL_INSECURE", "REQUESTS_VERIFY"])
def test_a_certificate_with_one_flaw_ends_the_connection_before_anything_is_sent(
    tmp_path, monkeypatch, flaw, variable
):
    if variable:
        monkeypatch.setenv(variable, "0")
    with serving(lambda _: http(200)) as server:
        server._context = context_with(tmp_path, **WRONG[flaw])
        with pytest.raises(OrgFault) as refused:
            ask(server)
    assert refused.value.code == "tls_untrusted"
    assert server.seen == []


def test_the_same_certificate_without_a_flaw_is_taken(tmp_path):
    with serving(lambda _: http(200)) as server:
        server._context = context_with(tmp_path)
        assert ask(server).status == 200
    assert server.seen[0].headers["authorization"] == f"Bearer {TOKEN.reveal()}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_of_any_kind_takes_no_credentials_to_another_host(status):
    with (
        serving(lambda _: http(200), names=("evil.my.salesforce.com",)) as evil,
        serving(lambda _: http(status, Location=f"https://evil.my.salesforce.com:{evil.port}/x")) as server,
    ):
        with pytest.raises(OrgFault) as refused:
            ask(server)
        assert evil.connections == 0
    assert refused.value.code == "host_moved"
    assert TOKEN.reveal() not in str(refused.value)
