"""A fresh NSS database, as Firefox, Chromium and curl with NSS keep one, that knows the module."""

import secrets
import subprocess
from pathlib import Path

from client_token import ClientToken
from processes import output_of, run


class NSSDatabase:
    NAME = "kms-pkcs11"

    def __init__(self, token: ClientToken, directory: Path):
        self.token = token
        self.directory = directory / "nss"
        self.directory.mkdir()
        # The password file names tokens, so that the database's own empty password is not mistaken for the PIN.
        self.password_file = directory / "nss-passwords"
        self.password_file.write_text(f"{token.label}:{token.pin}\n")
        self.noise = directory / "noise"
        self.noise.write_bytes(secrets.token_bytes(64))
        self.certutil("-N", "--empty-password")
        self.added = output_of(self.modutil("-add", self.NAME, "-libfile", token.module, "-force"))

    def run(self, program: str, *arguments, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        return run(program, "-d", f"sql:{self.directory}", *arguments, env=self.token.env, check=check)

    def modutil(self, *arguments, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        command = ["modutil", "-dbdir", f"sql:{self.directory}", *arguments]
        return run(*command, env=self.token.env, check=check)

    def certutil(self, *arguments, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        return self.run("certutil", *arguments, check=check)

    def on_token(self, *arguments, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        """certutil with the token and its PIN."""
        return self.certutil(*arguments, "-h", self.token.label, "-f", self.password_file, check=check)

    def text(self, *arguments) -> str:
        return output_of(self.on_token(*arguments))

    def certificate(self, nickname: str) -> Path:
        """A certificate of the token in PEM."""
        path = self.directory / "exported.pem"
        path.write_bytes(self.on_token("-L", "-n", f"{self.token.label}:{nickname}", "-a").stdout)
        return path
