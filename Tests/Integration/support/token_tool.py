"""pkcs11-tool(1), logged in to one token, with the key pairs and certificates that client programs look for."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from certificates import Authority
from client_token import ClientToken
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pkcs11_tool import PKCS11Tool
from processes import output_of, run

# CKA_EC_PARAMS as the tool prints it.
CURVES = {
    "06052b81040021": ec.SECP224R1(),
    "06082a8648ce3d030107": ec.SECP256R1(),
    "06052b81040022": ec.SECP384R1(),
    "06052b81040023": ec.SECP521R1(),
    "06052b8104000a": ec.SECP256K1(),
}


@dataclass(frozen=True)
class Pair:
    """A key pair on the token, under one label and one id."""

    label: str
    id: str
    public_key: Path


class TokenTool(PKCS11Tool):
    def __init__(self, token: ClientToken, directory: Path):
        super().__init__(token.module, token.env)
        self.token = token
        self.directory = directory

    def login(self, *arguments, **options):
        """Runs as the token's user; the result's output is bytes."""
        return self("--token-label", self.token.label, "--login", "--pin", self.token.pin, *arguments, **options)

    def text(self, *arguments) -> str:
        return output_of(self.login(*arguments))

    def capabilities(self, mechanism: str) -> set[str]:
        """What the slot lists a mechanism for; nothing when it is not listed."""
        text = output_of(self("--token-label", self.token.label, "--list-mechanisms"))
        row = re.search(rf"^  {re.escape(mechanism)}, (.+)$", text, re.MULTILINE)
        return set(row[1].split(", ")) if row else set()

    def needs(self, mechanism: str, capability: str):
        """Skips the test of what a KMS need not be able to do, if the slot does not list it either."""
        if capability not in self.capabilities(mechanism):
            pytest.skip(f"{mechanism} is not listed with {capability}")

    def text_of_failure(self, *arguments) -> str:
        """What it says whether it ends well or not."""
        return output_of(self.login(*arguments, check=False))

    def refused(self, *arguments, code: str = "CKR_") -> str:
        """Runs what must fail; `code` is the error that the output must name."""
        result = self.login(*arguments, check=False)
        text = output_of(result)
        assert result.returncode > 0, f"{' '.join(map(str, arguments))} did not fail:\n{text}"
        assert code in text, text
        return text

    def output(self, *arguments) -> bytes:
        """What the tool writes to --output-file."""
        path = self.directory / "output"
        path.unlink(missing_ok=True)
        self.login(*arguments, "--output-file", path)
        return path.read_bytes()

    def file(self, name: str, contents: bytes) -> Path:
        path = self.directory / name
        path.write_bytes(contents)
        return path

    def listed(self, kind: str = "") -> str:
        """The list of objects, of one `kind` as --type has it."""
        return self.text("--list-objects", *(["--type", kind] if kind else []))

    def generate_pair(self, kind: str, label: str, id: str, *options) -> Pair:
        self.login("--keypairgen", "--key-type", kind, "--label", label, "--id", id, *options)
        return Pair(label, id, self.public_key(id))

    def generate_key(self, kind: str, label: str, id: str, *options):
        self.login("--keygen", "--key-type", kind, "--label", label, "--id", id, *options)

    def import_key(self, kind: str, value: bytes, id: str, *options):
        """Brings in a secret key; without `kind` it is a generic secret."""
        types = ["--key-type", kind] if kind else []
        path = self.file("secret", value)
        self.login("--write-object", path, "--type", "secrkey", *types, "--id", id, "--label", f"key-{id}", *options)

    def public_key(self, id: str) -> Path:
        """The public key object in PEM. That of a curve comes from the list of objects: OpenSC 0.23 with OpenSSL 3 uses
        memory that it has freed when it reads one.
        """
        path = self.directory / f"{id}.pub"
        text = self.text("--list-objects", "--type", "pubkey", "--id", id)
        blocks = [
            block for block in text.split("Public Key Object; ") if re.search(rf"^ +ID: +{id}$", block, re.MULTILINE)
        ]
        assert len(blocks) == 1, text
        if blocks[0].startswith("EC "):
            path.write_bytes(_public_key_of_curve(blocks[0]))
        else:
            read = self.file(f"{id}.read", self.output("--read-object", "--type", "pubkey", "--id", id))
            run("openssl", "pkey", "-pubin", "-in", read, "-out", path)
        return path

    def certify(self, pair: Pair, authority: Authority) -> Path:
        """Puts a certificate for the pair beside it, with its label and id; returns it in PEM."""
        certificate = authority.issue(pair.public_key, f"{self.directory.name}-{pair.label}")
        self.login("--write-object", certificate, "--type", "cert", "--label", pair.label, "--id", pair.id)
        return certificate


def _public_key_of_curve(block: str) -> bytes:
    """PEM from the EC_PARAMS and EC_POINT of a listed object; the point is uncompressed, in a DER OCTET STRING."""
    fields = dict(re.findall(r"^ +(\w+): +(\S+)$", block, re.MULTILINE))
    curve, string = CURVES[fields["EC_PARAMS"]], bytes.fromhex(fields["EC_POINT"])
    point = string[-(1 + 2 * ((curve.key_size + 7) // 8)) :]
    header = bytes([4, len(point)]) if len(point) < 128 else bytes([4, 0x81, len(point)])
    assert string == header + point, string.hex()
    key = ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
