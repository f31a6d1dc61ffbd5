"""A certificate authority for the tests, made with openssl(1)."""

from pathlib import Path

from processes import run

HOST = "app.aserracorp.com"


class Authority:
    def __init__(self, directory: Path):
        directory.mkdir()
        self.directory = directory
        self.certificate = directory / "ca.pem"
        self._key = directory / "ca.key"
        run(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-subj", "/CN=Test CA", "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", self._key, "-out", self.certificate,
        )  # fmt: skip

    def issue(self, public_key: Path, name: str, host: str = HOST, usage: str = "serverAuth,emailProtection",
              days: int = 30) -> Path:  # fmt: skip
        """A certificate for `host` over a public key in PEM. The private key is not needed."""
        certificate = self.directory / f"{name}.pem"
        extensions = self.directory / f"{name}.ext"
        extensions.write_text(
            f"subjectAltName=DNS:{host}\nbasicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\n"
            f"extendedKeyUsage={usage}\n"
        )
        run(
            "openssl", "x509", "-new", "-force_pubkey", public_key, "-subj", f"/CN={host}", "-days", days,
            "-CA", self.certificate, "-CAkey", self._key, "-extfile", extensions, "-out", certificate,
        )  # fmt: skip
        return certificate


def make_rsa_key(path: Path, bits: int = 2048) -> Path:
    run("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}", "-out", path)
    path.chmod(0o600)
    return path


def public_half(private_key: Path) -> Path:
    public_key = private_key.with_suffix(".pub")
    run("openssl", "pkey", "-in", private_key, "-pubout", "-out", public_key)
    return public_key
