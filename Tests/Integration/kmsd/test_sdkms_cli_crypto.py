"""The commands of the official client that work with keys; openssl and `cryptography` recompute their results."""

import base64
import hashlib
import hmac
import os
import re

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_unwrap_with_padding
from processes import run

command = pytest.mark.command

# The client sends more than this in parts.
PART = 358_400


@pytest.fixture(scope="module", autouse=True)
def rest(cli, server):
    """The client is logged in as an app, and this is the same app over REST."""
    api_key = server.make_app("cli-crypto")
    cli("app-login", "--api-key", api_key)
    return server.connect(f"Basic {api_key}")


@pytest.fixture
def create(cli):
    """Makes an exportable key through the client."""

    def make(name: str, obj_type: str, *more) -> str:
        return cli.kid("create-key", "--name", name, "--obj-type", obj_type, "-f", "--exportable", *more)

    return make


@pytest.fixture
def private_key(cli, tmp_path):
    """The file of an exported private key, and the file of its public half, both in PEM."""

    def export(kid: str):
        (tmp_path / "key.der").write_bytes(cli.raw("export-object", "--kid", kid, "--der"))
        openssl("pkey", "-inform", "DER", "-in", tmp_path / "key.der", "-out", tmp_path / "key.pem")
        openssl("pkey", "-in", tmp_path / "key.pem", "-pubout", "-out", tmp_path / "public.pem")
        return tmp_path / "key.pem", tmp_path / "public.pem"

    return export


def openssl(*arguments, input: bytes = b"") -> bytes:
    return run("openssl", *arguments, input=input).stdout


def value(cli, kid: str) -> bytes:
    """Of a symmetric key, which the client prints in hexadecimal digits."""
    return bytes.fromhex(cli("export-object", "--kid", kid))


@command("sign", "openssl verifies the signature with the key's public half")
@command("verify", "accepts what openssl signed, refuses it over other data")
def test_signatures(cli, create, private_key, tmp_path):
    data, other, signature = tmp_path / "data", tmp_path / "other", tmp_path / "signature"
    data.write_bytes(os.urandom(1000))
    other.write_bytes(b"other data")
    for name, more in {"RSA": ("--key-size", "2048"), "EC": ("--ec-name", "NistP256")}.items():
        kid = create(f"sign-{name}", name, *more)
        key, public = private_key(kid)
        for digest in ("SHA256", "SHA512"):
            common = ("--kid", kid, "--hash-alg", digest)
            cli("sign", *common, "--in", data, "--out", signature)
            assert b"Verified OK" in openssl("dgst", f"-{digest}", "-verify", public, "-signature", signature, data)
            openssl("dgst", f"-{digest}", "-sign", key, "-out", signature, data)
            cli("verify", *common, "--in", data, "--sig-in", signature)
        text = cli.refused("verify", *common, "--in", other, "--sig-in", signature)
        assert "Signature verification fail" in text


@command("message-digest", "the digest of Python's hashlib")
@command("hmac-digest", "the HMAC of Python's hmac")
@command("hmac-verify", "accepts the HMAC of Python's hmac and refuses another")
def test_digests_and_hmacs(cli, create, tmp_path):
    data = tmp_path / "data"
    data.write_bytes(os.urandom(PART + 1))
    for name in ("SHA1", "SHA256", "SHA384", "SHA512"):
        printed = cli("message-digest", "--alg", name, "--in", data)
        assert printed.strip() == hashlib.new(name.lower(), data.read_bytes()).hexdigest()
    (tmp_path / "value").write_bytes(os.urandom(40))
    kid = cli.kid("import-key", "--name", "mac", "--obj-type", "HMAC", "--der", "--in", tmp_path / "value")
    common = ("--kid", kid, "--alg", "SHA256", "--in", data)
    expected = hmac.new((tmp_path / "value").read_bytes(), data.read_bytes(), "sha256").hexdigest()
    assert cli("hmac-digest", *common).strip() == expected
    cli("hmac-verify", *common, "--digest", expected)
    assert "Digest verification fail" in cli.refused("hmac-verify", *common, "--digest", "00" * 32)


@pytest.mark.parametrize("size", [0, 1000, PART * 2 + 77], ids=["nothing", "one request", "parts"])
@pytest.mark.parametrize("mode", ["CBC", "CTR"])
@command("encrypt", "openssl enc writes the same file, also over 350 KiB; cryptography decrypts GCM, openssl OAEP")
@command("decrypt", "the file that openssl enc read; of GCM and OAEP, what cryptography encrypted")
def test_encryption_agrees_with_openssl(cli, create, tmp_path, mode, size):
    kid = create(f"{mode}-{size}", "AES", "--key-size", "256")
    plain, cipher, back, iv = tmp_path / "plain", tmp_path / "cipher", tmp_path / "back", os.urandom(16).hex()
    plain.write_bytes(os.urandom(size))
    common = ("--kid", kid, "--alg", "AES", "--mode", mode, "--iv", iv)
    cli("encrypt", *common, "--in", plain, "--out", cipher)
    key = value(cli, kid).hex()
    assert cipher.read_bytes() == openssl("enc", f"-aes-256-{mode.lower()}", "-K", key, "-iv", iv, "-in", plain)
    cli("decrypt", *common, "--in", cipher, "--out", back)
    assert back.read_bytes() == plain.read_bytes()


@command("encrypt", "openssl enc writes the same file, also over 350 KiB; cryptography decrypts GCM, openssl OAEP")
@command("decrypt", "the file that openssl enc read; of GCM and OAEP, what cryptography encrypted")
def test_encryption_agrees_with_cryptography(cli, create, private_key, tmp_path):
    plain, cipher, back = tmp_path / "plain", tmp_path / "cipher", tmp_path / "back"
    plain.write_bytes(b"some data")
    kid = create("gcm", "AES", "--key-size", "128")
    common = ("--name", "gcm", "--alg", "AES", "--mode", "GCM", "--ad", "00ff")
    cli("encrypt", *common, "--tag-len", "128", "--in", plain, "--out", cipher)
    iv, tag = (bytes.fromhex((tmp_path / f"cipher.{name}").read_text()) for name in ("iv", "tag"))
    gcm = AESGCM(value(cli, kid))
    assert len(iv) == 12 and gcm.decrypt(iv, cipher.read_bytes() + tag, b"\x00\xff") == b"some data"
    box = gcm.encrypt(b"\x01" * 12, b"from outside", b"\x00\xff")
    cipher.write_bytes(box[:-16])
    (tmp_path / "cipher.tag").write_text(box[-16:].hex())
    decrypt = ("decrypt", *common, "--iv", "01" * 12, "--in", cipher, "--out", back, "--tag", tmp_path / "cipher.tag")
    cli(*decrypt)
    assert back.read_bytes() == b"from outside"
    (tmp_path / "cipher.tag").write_text("00" * 16)
    assert "status:   400" in cli.refused(*decrypt)
    large = tmp_path / "large"
    large.write_bytes(bytes(PART))
    text = cli.refused("encrypt", *common, "--tag-len", "128", "--in", large, "--out", cipher)
    assert "Multipart encryption is not supported for mode(GCM)" in text

    kid = create("oaep", "RSA", "--key-size", "2048")
    common = ("--kid", kid, "--alg", "RSA", "--mode", "OAEP_MGF1_SHA256")
    cli("encrypt", *common, "--in", plain, "--out", cipher)
    key = serialization.load_pem_private_key(private_key(kid)[0].read_bytes(), None)
    oaep = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)
    assert key.decrypt(cipher.read_bytes(), oaep) == b"some data"
    cipher.write_bytes(key.public_key().encrypt(b"from outside", oaep))
    cli("decrypt", *common, "--in", cipher, "--out", back)
    assert back.read_bytes() == b"from outside"


@command("encrypt-init", "openssl enc writes the same bytes as init, updates and final together")
@command("encrypt-update", "openssl enc writes the same bytes as init, updates and final together")
@command("encrypt-final", "openssl enc writes the same bytes as init, updates and final together")
@command("decrypt-init", "the text that openssl encrypted comes out of init, updates and final")
@command("decrypt-update", "the text that openssl encrypted comes out of init, updates and final")
@command("decrypt-final", "the text that openssl encrypted comes out of init, updates and final")
def test_parts_by_hand(cli, create, tmp_path):
    key = ("--kid", create("parts", "AES", "--key-size", "256"))
    secret = value(cli, key[1]).hex()
    state, cipher, back, iv = tmp_path / "state", tmp_path / "cipher", tmp_path / "back", os.urandom(16).hex()
    start = (*key, "--alg", "AES", "--mode", "CBC", "--iv", iv, "--state", state)
    text = "one part, another from standard input"
    cli("encrypt-init", *start)
    cli("encrypt-update", *key, "--plain", text[:10], "--state", state, "--out", cipher)
    cli("encrypt-update", *key, "--state", state, "--out", cipher, input=text[10:].encode())
    cli("encrypt-final", *key, "--state", state, "--out", cipher)
    assert cipher.read_bytes() == openssl("enc", "-aes-256-cbc", "-K", secret, "-iv", iv, input=text.encode())
    cli("decrypt-init", *start)
    for part in (cipher.read_bytes()[:20], cipher.read_bytes()[20:]):
        cli("decrypt-update", *key, "--state", state, "--out", back, input=part)
    cli("decrypt-final", *key, "--state", state, "--out", back)
    assert back.read_text() == text


def answered(printed: str) -> dict[str, str]:
    return dict(re.findall(r"(iv|tag): ([0-9a-f]+)", printed))


@pytest.mark.parametrize("mode", [["KW"], ["KWP"], ["CBC"], ["GCM", "--tag-len", "128"]], ids=lambda mode: mode[0])
@command("wrap-key", "cryptography and openssl unwrap the file to the exported value, in KW, KWP, CBC, GCM and OAEP")
@command("unwrap-key", "the new object exports the same value as the wrapped one")
def test_wrapping_with_aes(cli, create, tmp_path, mode):
    wrapping = create(f"wrap-{mode[0]}", "AES", "--key-size", "256")
    kek, out = value(cli, wrapping), tmp_path / "wrapped"
    subjects = {f"in-{mode[0]}-aes": ("AES", "--key-size", "128")}
    if mode[0] == "KWP":
        subjects[f"in-{mode[0]}-rsa"] = ("RSA", "--key-size", "2048")
    if mode[0] == "GCM":
        subjects[f"in-{mode[0]}-ec"] = ("EC", "--ec-name", "NistP256")
    for name, (obj_type, *size) in subjects.items():
        subject = create(name, obj_type, *size)
        common = ("--wrapping-kid", wrapping, "--alg", "AES", "--mode", mode[0])
        for form in ([], ["--key-format", "Pkcs8"]) if obj_type != "AES" else ([],):
            fields = answered(cli("wrap-key", *common, *mode[1:], *form, "--kid", subject, "--out", out))
            wrapped = out.read_bytes()
            plain = {
                "KW": lambda: aes_key_unwrap(kek, wrapped),
                "KWP": lambda: aes_key_unwrap_with_padding(kek, wrapped),
                "CBC": lambda: openssl("enc", "-d", "-aes-256-cbc", "-K", kek.hex(), "-iv", fields["iv"], "-in", out),
                "GCM": lambda: AESGCM(kek).decrypt(
                    bytes.fromhex(fields["iv"]), wrapped + bytes.fromhex(fields["tag"]), None
                ),
            }[mode[0]]()
            exported = cli.raw("export-object", "--kid", subject, "--der")
            if form:
                keys = (serialization.load_der_private_key(der, None) for der in (plain, exported))
                first, second = (key.private_numbers() for key in keys)
                assert first == second
            else:
                assert plain == exported
            more = [word for field, text in fields.items() for word in (f"--{field}", text)]
            again = cli.kid(
                *("unwrap-key", *common, *more, "--in", out, "--obj-type", obj_type, "--exportable"),
                *("--name", f"out-{name}-{len(form)}"),
            )
            assert cli.raw("export-object", "--kid", again, "--der") == exported


@command("wrap-key", "cryptography and openssl unwrap the file to the exported value, in KW, KWP, CBC, GCM and OAEP")
@command("unwrap-key", "the new object exports the same value as the wrapped one")
def test_wrapping_with_rsa(cli, create, tmp_path):
    key = rsa.generate_private_key(65537, 2048)
    (tmp_path / "rsa.pem").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ))  # fmt: skip
    wrapping = cli.kid("import-key", "--name", "wrap-rsa", "--obj-type", "RSA", "--in", tmp_path / "rsa.pem")
    subject = create("in-rsa", "AES", "--key-size", "256")
    common = ("--alg", "RSA", "--mode", "OAEP_MGF1_SHA256")
    cli("wrap-key", *common, "--wrapping-key-name", "wrap-rsa", "--wrapped-key-name", "in-rsa", "--out", tmp_path / "w")
    oaep = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)
    assert key.decrypt((tmp_path / "w").read_bytes(), oaep) == value(cli, subject)
    (tmp_path / "w").write_bytes(key.public_key().encrypt(b"\x07" * 32, oaep))
    again = cli.kid(
        *("unwrap-key", *common, "--wrapping-kid", wrapping, "--in", tmp_path / "w", "--obj-type", "AES"),
        *("--name", "out-rsa", "--exportable"),
    )
    assert value(cli, again) == b"\x07" * 32


@command("derive-key", "openssl enc computes the same bytes")
@command("agree-key", "cryptography computes the same secret, from either side")
def test_derivation_and_agreement(cli, create, rest):
    parent = create("parent", "AES", "--key-size", "256")
    iv, plain = os.urandom(16).hex(), "sixteen bytes ok"
    derived = cli.kid(
        *("derive-key", "--kid", parent, "--name", "derived", "--key-size", "128", "--key-type", "AES"),
        *("--plain", plain, "--alg", "AES", "--mode", "CBCNOPAD", "--iv", iv, "--exportable"),
    )
    expected = openssl("enc", "-aes-256-cbc", "-nopad", "-K", value(cli, parent).hex(), "-iv", iv, input=plain.encode())
    assert value(cli, derived) == expected

    sides = {
        side: create(f"agree-{side}", "EC", "--ec-name", "NistP256", "--key-ops", "AGREEKEY,APPMANAGEABLE,EXPORT")
        for side in "ab"
    }
    keys = {
        side: serialization.load_der_private_key(cli.raw("export-object", "--kid", kid, "--der"), None)
        for side, kid in sides.items()
    }
    secret = keys["a"].exchange(ec.ECDH(), keys["b"].public_key())
    kids = []
    for own, peer in ("ab", "ba"):
        kids.append(cli.kid(
            *("agree-key", "--private-key", sides[own], "--public-key", sides[peer], "--name", f"agreed {own}{peer}"),
            *("--key-size", "256", "--key-type", "SECRET"),
        ))  # fmt: skip
    # The client gives no way to export what was agreed on, but REST tells a digest of it.
    for kid in kids:
        answer = rest.expect(200, "POST", "/crypto/v1/keys/digest", {"key": {"kid": kid}, "alg": "SHA256"})
        assert base64.b64decode(answer.json()["digest"]) == hashlib.sha256(secret).digest()


@command("batch-sign", "openssl verifies each signature; a line that fails is named and the others are done")
@command("batch-verify", "accepts what openssl signed, refuses it over other data")
@command("batch-encrypt", "openssl enc writes the same files; cryptography decrypts GCM")
@command("batch-decrypt", "the files that openssl and cryptography encrypted")
def test_batches(cli, create, private_key, tmp_path):
    rsa_key = create("batch-rsa", "RSA", "--key-size", "2048")
    kid = create("batch-aes", "AES", "--key-size", "256")
    key, public = private_key(rsa_key)
    data = tmp_path / "data"
    data.write_bytes(b"some data of a batch")

    def batch(name: str, *lines: str):
        (tmp_path / "batch").write_text("".join(line + "\n" for line in lines))
        return name, "--in", tmp_path / "batch"

    line = f"--kid {rsa_key} --hash-alg SHA256 --in {data}"
    printed = cli(*batch("batch-sign", f"{line} --out {tmp_path}/s1", f"{line} --out {tmp_path}/s2"))
    assert printed.count(" 0\n") == 2
    for number in "12":
        assert b"Verified OK" in openssl("dgst", "-sha256", "-verify", public, "-signature", tmp_path / f"s{number}", data)
    openssl("dgst", "-sha256", "-sign", key, "-out", tmp_path / "s3", data)
    (tmp_path / "other").write_bytes(b"other data")
    wrong = f"--kid {rsa_key} --hash-alg SHA256 --in {tmp_path}/other --sig-in {tmp_path}/s3"
    assert cli(*batch("batch-verify", f"{line} --sig-in {tmp_path}/s3", wrong)).splitlines() == ["1 0", "2 1"]
    missing = line.replace(rsa_key, "00000000-0000-4000-8000-000000000000")
    text = cli.refused(*batch("batch-sign", f"{missing} --out {tmp_path}/s4", f"{line} --out {tmp_path}/s5"))
    assert "Line Number: 1, Reason: sobject does not exist" in text
    assert (tmp_path / "s5").read_bytes() == (tmp_path / "s1").read_bytes()

    iv = "01" * 16
    secret = value(cli, kid)
    cbc, gcm = (f"--kid {kid} --alg AES --mode {mode} --iv {size}" for mode, size in (("CBC", iv), ("GCM", iv[:24])))
    printed = cli(*batch(
        "batch-encrypt", f"{cbc} --in {data} --out {tmp_path}/c1",
        f"{gcm} --ad 00ff --tag-len 128 --in {data} --out {tmp_path}/c2",
    ))  # fmt: skip
    assert printed.count(" 0\n") == 2
    expected = openssl("enc", "-aes-256-cbc", "-K", secret.hex(), "-iv", iv, "-in", data)
    assert (tmp_path / "c1").read_bytes() == expected
    box = (tmp_path / "c2").read_bytes() + (tmp_path / "c2.tag").read_bytes()
    assert box == AESGCM(secret).encrypt(bytes.fromhex(iv[:24]), data.read_bytes(), b"\x00\xff")
    printed = cli(*batch(
        "batch-decrypt", f"{cbc} --in {tmp_path}/c1 --out {tmp_path}/p1",
        f"{gcm} --ad 00ff --tag {tmp_path}/c2.tag --in {tmp_path}/c2 --out {tmp_path}/p2",
    ))  # fmt: skip
    assert printed.count(" 0\n") == 2
    assert (tmp_path / "p1").read_bytes() == (tmp_path / "p2").read_bytes() == data.read_bytes()
