"""pkcs11-tool(1) from OpenSC, pointed at the module."""

import re
import subprocess
from pathlib import Path

from processes import output_of, run


class PKCS11Tool:
    def __init__(self, module: Path, env: dict[str, str]):
        self.module = module
        self.env = env

    def __call__(self, *arguments, check: bool = True, **options) -> subprocess.CompletedProcess[bytes]:
        options.setdefault("env", self.env)
        return run("pkcs11-tool", "--module", self.module, *arguments, check=check, **options)

    def objects(self, pin: str) -> dict[tuple[str, str], str]:
        """CKA_ID in hexadecimal by first word of the class ("Private", "Public", "Certificate") and label."""
        text = output_of(self("-O", "--login", "--pin", pin))
        found = {}
        for block in re.split(r"^(?=\S)", text, flags=re.MULTILINE):
            first, _, rest = block.partition("\n")
            if "Object;" in first:
                fields = dict(re.findall(r"^ +(\w+): +(.+)$", rest, re.MULTILINE))
                found[(first.split()[0], fields["label"])] = fields["ID"].replace(" ", "")
        return found

    def sign(self, mechanism: str, label: str, pin: str, data: bytes, directory: Path, *arguments) -> Path:
        """Writes the signature to a file and returns it. OpenSC 0.23 chooses the signing key by id only."""
        message, signature = directory / "data", directory / "signature"
        message.write_bytes(data)
        signature.unlink(missing_ok=True)
        self(
            "--login", "--pin", pin, "--sign", "--mechanism", mechanism, "--id", self.objects(pin)[("Private", label)],
            "--input-file", message, "--output-file", signature, *arguments,
        )  # fmt: skip
        return signature

    def token_label(self) -> str:
        return re.search(r"token label +: (.*\S)", output_of(self("-L")))[1]
