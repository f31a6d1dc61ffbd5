"""Keys of every type: made in the KMS and imported from files. An export shows that the KMS has the very key."""

import base64
import json
import ssl
import urllib.request

import pytest
from processes import PATIENCE, run

SIGN = {"SIGN", "VERIFY"}
ENCRYPT = {"ENCRYPT", "DECRYPT"}
MAC = {"MACGENERATE", "MACVERIFY"}
AGREE = {"AGREEKEY"}
DERIVE = {"DERIVEKEY"}


def openssl(*arguments, input=None) -> bytes:
    return run("openssl", *arguments, input=input).stdout


def exported(kms, name) -> bytes:
    """The value of a key that may be exported, over REST as the app."""
    request = urllib.request.Request(
        kms.url + "/crypto/v1/keys/export", json.dumps({"name": name}).encode(),
        {"Authorization": f"Basic {kms.api_key}", "Content-Type": "application/json"},
    )  # fmt: skip
    context = ssl.create_default_context(cafile=kms.ca_file)
    with urllib.request.urlopen(request, timeout=PATIENCE, context=context) as answer:
        return base64.b64decode(json.load(answer)["value"])


@pytest.mark.parametrize(
    ("arguments", "kind", "size", "curve", "operations"),
    [
        (("--type", "ed25519"), "EC", 256, "Ed25519", SIGN),
        (("--type", "ed448"), "EC", 448, "Ed448", SIGN),
        (("--type", "x25519"), "EC", 256, "X25519", AGREE),
        (("--type", "x448"), "EC", 448, "X448", AGREE),
        (("--type", "ec", "--curve", "P-224"), "EC", 224, "NistP224", SIGN),
        (("--type", "ec", "--curve", "secp256k1"), "EC", 256, "SecP256K1", SIGN),
        (("--type", "aes"), "AES", 256, None, ENCRYPT),
        (("--type", "aes", "--size", "128"), "AES", 128, None, ENCRYPT),
        (("--type", "aes", "--size", "192"), "AES", 192, None, ENCRYPT),
        (("--type", "des3"), "DES3", 168, None, ENCRYPT),
        (("--type", "des3", "--size", "112"), "DES3", 112, None, ENCRYPT),
        (("--type", "hmac"), "HMAC", 256, None, MAC),
        (("--type", "hmac", "--size", "512"), "HMAC", 512, None, MAC),
    ],
)
def test_generate(admin, kms, name, arguments, kind, size, curve, operations):
    key = admin.done("key", "generate", name, *arguments, "--group", kms.group, "--json").json
    assert (key["obj_type"], key["key_size"], key.get("elliptic_curve")) == (kind, size, curve)
    assert set(key["key_ops"]) == operations and key["never_exportable"] and not key["public_only"]
    assert ("pub_key" in key) == (kind == "EC") == ("nginx" in key)
    assert key["pkcs11_uri"].endswith(";type=private" if kind == "EC" else ";type=secret-key")
    assert admin.done("key", "show", name, "--json").json == key
    text = admin.done("key", "show", name).out
    assert f"{kind} {curve or size}" in text
    row = next(line for line in admin.done("key", "list").out.splitlines() if line.startswith(name))
    assert kind in row.split() and (curve or str(size)) in row.split()
    if kind == "EC":
        # OpenSSL reads the public key.
        openssl("pkey", "-pubin", "-inform", "DER", "-noout", input=base64.b64decode(key["pub_key"]))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--type", "ed25519", "--size", "256"),
        ("--type", "x448", "--curve", "P-256"),
        ("--type", "aes", "--curve", "P-256"),
        ("--type", "secret"),
        ("--type", "aes", "--size", "many"),
    ],
)
def test_generate_usage(admin, arguments):
    outcome = admin("key", "generate", "x", *arguments)
    assert outcome.code == 64 and "Usage:" in outcome.err


@pytest.mark.parametrize(("kind", "size"), [("aes", 100), ("des3", 64), ("hmac", 12), ("hmac", 16384)])
def test_sizes_that_there_are_not(admin, kms, kind, size):
    outcome = admin("key", "generate", "x", "--type", kind, "--size", size, "--group", kms.group)
    assert outcome.code == 1 and "HTTP 400" in outcome.err and "key_size" in outcome.err


@pytest.mark.parametrize("form", ["private.pem", "private.der", "public.pem", "public.der"])
@pytest.mark.parametrize(
    ("algorithm", "curve", "operations"),
    [("ED25519", "Ed25519", SIGN), ("ED448", "Ed448", SIGN), ("X25519", "X25519", AGREE), ("X448", "X448", AGREE)],
)
def test_import_edwards_and_montgomery(admin, kms, name, tmp_path, algorithm, curve, operations, form):
    private = openssl("genpkey", "-algorithm", algorithm)
    public = openssl("pkey", "-pubout", "-outform", "DER", input=private)
    half, encoding = form.split(".")
    options = ("-pubout",) if half == "public" else ()
    path = tmp_path / form
    path.write_bytes(openssl("pkey", *options, "-outform", encoding.upper(), input=private))
    key = admin.done("key", "import", name, "--file", path, "--exportable", "--group", kms.group, "--json").json
    assert (key["obj_type"], key["elliptic_curve"]) == ("EC", curve)
    assert base64.b64decode(key["pub_key"]) == public and key["public_only"] == (half == "public")
    if half == "private":
        assert set(key["key_ops"]) == operations | {"EXPORT"}
        assert exported(kms, name) == openssl("pkey", "-outform", "DER", input=private)
    else:
        assert set(key["key_ops"]) <= {"VERIFY", "AGREEKEY"}


@pytest.mark.parametrize("encoding", ["bytes", "hex", "colons"])
@pytest.mark.parametrize(
    ("kind", "length", "size", "operations"),
    [
        ("aes", 16, 128, ENCRYPT), ("aes", 24, 192, ENCRYPT), ("aes", 32, 256, ENCRYPT), ("des3", 16, 112, ENCRYPT),
        ("des3", 24, 168, ENCRYPT), ("hmac", 1, 8, MAC), ("hmac", 64, 512, MAC), ("secret", 33, 264, DERIVE),
    ],
)  # fmt: skip
def test_import_secrets(admin, kms, name, tmp_path, kind, length, size, operations, encoding):
    # Of odd parity, as DES wants it, with a line end inside that must stay.
    value = bytes([0x0B, *([0x0D, 0x0E, 0x10, 0x13] * 16)][:length])
    value = value if kind != "des3" else bytes(odd(byte + index * 2) for index, byte in enumerate(value))
    path = tmp_path / "key"
    path.write_bytes(
        {"bytes": value, "hex": value.hex().upper().encode() + b"\n", "colons": value.hex(":").encode()}[encoding]
    )
    path.chmod(0o600)
    arguments = () if encoding == "bytes" else ("--hex",)
    outcome = admin.done(
        "key", "import", name, "--type", kind, "--file", path, *arguments, "--exportable", "--group", kms.group,
        "--json",
    )  # fmt: skip
    key = outcome.json
    assert (key["obj_type"], key["key_size"], key["origin"]) == (kind.upper(), size, "External")
    assert set(key["key_ops"]) == operations | {"EXPORT"} and not outcome.err
    assert exported(kms, name) == value
    # One or two bytes are in every identifier by chance.
    if len(value) >= 8:
        assert value.hex() not in outcome.all.lower() and base64.b64encode(value).decode() not in outcome.all


def odd(byte: int) -> int:
    """The byte with its lowest bit set or cleared so that it has an odd number of ones."""
    high = byte & 0xFE
    return high | (high.bit_count() + 1) % 2


def test_a_secret_that_others_can_read_is_warned_about(admin, kms, name, tmp_path):
    path = tmp_path / "key"
    path.write_bytes(bytes(range(16)))
    path.chmod(0o644)
    outcome = admin.done("key", "import", name, "--type", "aes", "--file", path, "--group", kms.group)
    assert str(path) in outcome.err


@pytest.mark.parametrize(
    ("arguments", "content", "words"),
    [
        (("--type", "aes"), b"x" * 17, ("17 bytes", "16, 24, 32")),
        (("--type", "aes"), b"", ("empty",)),
        (("--type", "des3"), b"x" * 8, ("8 bytes", "16, 24")),
        (("--type", "aes", "--hex"), b"0011g", ("hexadecimal",)),
        (("--type", "hmac", "--hex"), b"001", ("odd number",)),
        (("--type", "hmac"), b"x" * 70_000, ("larger than",)),
    ],
)
def test_what_is_no_secret_key(admin, tmp_path, arguments, content, words):
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    outcome = admin("key", "import", "x", *arguments, "--file", path, "--json")
    assert outcome.code == 2 and outcome.error["code"] == "input"
    assert all(word in json.dumps(outcome.error) for word in words), outcome.err
    assert "xxxx" not in outcome.all


@pytest.mark.parametrize(
    "arguments", [("--hex",), ("--type", "aes", "--passphrase-file", "p"), ("--type", "ed25519"), ("--type", "rsa")]
)
def test_import_usage(admin, arguments):
    outcome = admin("key", "import", "x", "--file", "f", *arguments)
    assert outcome.code == 64 and "Usage:" in outcome.err
