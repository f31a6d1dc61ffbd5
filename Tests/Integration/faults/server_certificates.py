"""Certificates for a server at 127.0.0.1: a good one, and those that a client must refuse."""

import datetime
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

DAY = datetime.timedelta(days=1)


class Issuer:
    def __init__(self, name: str, make_key=lambda: ec.generate_private_key(ec.SECP256R1())):
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self._make_key = make_key
        self.key = make_key()
        self.certificate = self._builder(self.name, self.key, 0).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        ).sign(self.key, hashes.SHA256())  # fmt: skip

    def _builder(self, subject: x509.Name, key, days_ago: int) -> x509.CertificateBuilder:
        """Valid for two days, from so many days ago."""
        begin = datetime.datetime.now(datetime.timezone.utc) - DAY * days_ago - datetime.timedelta(hours=1)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + DAY * 2)
        )

    def context(self, directory: Path, name: str, address: str = "127.0.0.1", days_ago: int = 0) -> ssl.SSLContext:
        """What a server presents."""
        key = self._make_key()
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        builder = self._builder(subject, key, days_ago).add_extension(alternative, critical=False)
        return server_context(directory, name, builder.sign(self.key, hashes.SHA256()), key)

    def own_context(self, directory: Path) -> ssl.SSLContext:
        """Presents the issuer's own certificate: self-signed."""
        return server_context(directory, "own", self.certificate, self.key)

    def write(self, path: Path) -> Path:
        path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        return path


def rsa_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def server_context(directory: Path, name: str, certificate: x509.Certificate, key) -> ssl.SSLContext:
    path = directory / f"{name}.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def refused_contexts(authority: Issuer, directory: Path) -> dict[str, ssl.SSLContext]:
    foreign = Issuer("Foreign CA")
    return {
        "expired": authority.context(directory, "expired", days_ago=7),
        "other host": authority.context(directory, "other-host", address="192.0.2.1"),
        "foreign": foreign.context(directory, "foreign"),
        "self-signed": Issuer("127.0.0.1").own_context(directory),
    }
