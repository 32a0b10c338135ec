"""A scripted server on loopback, for what an org should never do: break off, drip, redirect, lie, overflow.

It shares nothing with the product or the simulator. A script is a function from the request to the bytes of
the answer, or to a deed that does something to the socket.
"""

from __future__ import annotations

import atexit
import contextlib
import datetime as dt
import functools
import ipaddress
import shutil
import socket
import socketserver
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from orchestrator.salesforce.connect_to import ConnectTo
from orchestrator.salesforce.session import Network, NetworkPolicy

ORG = "acme.my.salesforce.com"


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    server_name: str | None


Deed = Callable[[socket.socket], None]
Script = Callable[[Seen], bytes | Deed]


def http(status: int, body: bytes = b"", content_type: str = "application/json", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class ManualClock:
    """Seconds that pass only by sleeping."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now_s(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class WireServer:
    def __init__(self, script: Script, names: tuple[str, ...], address: str = "127.0.0.1") -> None:
        self.script = script
        self.seen: list[Seen] = []
        self.connections = 0
        self.address = address
        self._context = _server_context(names) if names else None
        self._open: set[socket.socket] = set()
        outer = self

        class Conversation(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                outer.converse(self.request)

        class Server(socketserver.ThreadingTCPServer):
            address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
            daemon_threads = True
            block_on_close = False

        self._server = Server((address, 0), Conversation)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def converse(self, plain: socket.socket) -> None:
        self.connections += 1
        sock = plain
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            if self._context is not None:
                sock = stack.enter_context(self._context.wrap_socket(plain, server_side=True))
            self._open.add(sock)
            stack.callback(self._open.discard, sock)
            reader = stack.enter_context(sock.makefile("rb"))
            while (request := _read(reader, getattr(sock, "asked_for", None))) is not None:
                self.seen.append(request)
                answer = self.script(request)
                if not isinstance(answer, bytes):
                    answer(sock)
                    return
                sock.sendall(answer)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def serving(
    script: Script, *, names: tuple[str, ...] = (ORG, "127.0.0.1"), address: str = "127.0.0.1"
) -> Iterator[WireServer]:
    server = WireServer(script, names, address)
    try:
        yield server
    finally:
        server.close()


@contextlib.contextmanager
def network_to(
    server: WireServer | None, clock: ManualClock | None = None, **policy: object
) -> Iterator[Network]:
    """A network that finds the org at *server*."""
    rules = () if server is None else (ConnectTo("", None, server.address, server.port),)
    clock = clock or ManualClock()
    options = {"connect_to": rules, "ca_bundle": str(authority().file), **policy}
    network = Network(NetworkPolicy(**options), clock_s=clock.now_s, sleep=clock.sleep)
    try:
        yield network
    finally:
        network.close()


@dataclass(frozen=True)
class Authority:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    file: Path


@functools.cache
def _folder() -> Path:
    folder = tempfile.mkdtemp(prefix="wire-server-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@functools.cache
def authority() -> Authority:
    """A CA nobody else trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "DO NOT TRUST test CA")])
    certificate = (
        _builder(name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = _folder() / "ca.pem"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return Authority(key, certificate, file)


@functools.cache
def _leaf(names: tuple[str, ...]) -> Path:
    ca, key = authority(), ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "DO NOT TRUST")])
    certificate = (
        _builder(subject, ca.certificate.subject, key.public_key())
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key()), critical=False
        )
        .sign(ca.key, hashes.SHA256())
    )
    file = _folder() / f"{'_'.join(names).replace(':', '-')}.pem"
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    return file


def _server_context(names: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_leaf(names))

    def remember(sock: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        sock.asked_for = name  # type: ignore[union-attr]

    context.sni_callback = remember
    return context


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _read(reader: object, server_name: str | None) -> Seen | None:
    """One request; None at the end of the connection."""
    line = reader.readline()  # type: ignore[attr-defined]
    if not line:
        return None
    method, path, _ = line.decode().split(" ", 2)
    headers: dict[str, str] = {}
    while (line := reader.readline().strip()) != b"":  # type: ignore[attr-defined]
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    body = reader.read(int(headers.get("content-length", "0")))  # type: ignore[attr-defined]
    return Seen(method, path, headers, body, server_name)
