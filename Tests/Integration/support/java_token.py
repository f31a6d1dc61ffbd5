"""Java's SunPKCS11 provider with the module."""

import re
import subprocess
import zipfile
from pathlib import Path

from client_token import ClientToken
from processes import run

# By itself Java does not say whether keys of curves may agree on secrets, nor whether it may have the secret's value.
CONFIGURATION = """
name = KMS
library = {module}
slotListIndex = 0
attributes(generate, CKO_PRIVATE_KEY, CKK_EC) = {{
  CKA_SIGN = true
  CKA_DERIVE = true
}}
attributes(generate, CKO_SECRET_KEY, CKK_GENERIC_SECRET) = {{
  CKA_SENSITIVE = false
  CKA_EXTRACTABLE = true
}}
"""


class JavaToken:
    def __init__(self, token: ClientToken, directory: Path):
        self.token = token
        self.directory = directory
        self.configuration = directory / "sunpkcs11.cfg"
        self.configuration.write_text(CONFIGURATION.format(module=token.module))
        # The PIN is not in the command line, which everybody on the machine can read.
        self.pin_file = directory / "java-pin"
        self.pin_file.write_text(token.pin)
        self.env = token.env | {"HOME": str(directory)}

    def keytool(self, *arguments, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        return self._with_keystore("keytool", arguments, check)

    def jarsigner(self, *arguments, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        return self._with_keystore("jarsigner", arguments, check)

    def _with_keystore(self, program: str, arguments, check: bool) -> subprocess.CompletedProcess[bytes]:
        keystore = ["-keystore", "NONE", "-storetype", "PKCS11", "-storepass:file", self.pin_file]
        provider = ["-providerClass", "sun.security.pkcs11.SunPKCS11", "-providerArg", self.configuration]
        # Not the user's language, and no files of a shared directory.
        options = ["-J-Duser.language=en", "-J-XX:-UsePerfData"]
        return run(program, *options, *provider, *keystore, *arguments, env=self.env, check=check)

    def entries(self) -> dict[str, str]:
        """The kind of each entry by its alias."""
        text = self.keytool("-list").stdout.decode()
        return dict(re.findall(r"^(.+), (\w+Entry|trustedCertEntry), ?$", text, re.MULTILINE))

    def certificate(self, alias: str) -> Path:
        path = self.directory / f"{alias}.exported.pem"
        path.write_bytes(self.keytool("-exportcert", "-rfc", "-alias", alias).stdout)
        return path

    def jar(self, contents: bytes) -> Path:
        path = self.directory / "unsigned.jar"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("hello.txt", contents)
        return path

    def run_program(self, source: Path, *arguments) -> str:
        """Compiles and runs one Java file, with the provider's configuration and the PIN's file as arguments."""
        options = ["-XX:-UsePerfData", "-XX:TieredStopAtLevel=1"]
        return run(
            "java", *options, source, self.configuration, self.pin_file, *arguments, env=self.env
        ).stdout.decode()
