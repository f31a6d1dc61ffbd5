"""Every command of the official command line client that works with keys, its results checked by other programs."""

import hashlib
import hmac
import os
import re

import pytest
from processes import run

KID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# The client sends more than this in parts.
PART = 358_400

CURVES = ["NistP224", "NistP256", "NistP384", "NistP521", "SecP256K1", "Ed25519", "Ed448", "X25519", "X448"]


@pytest.fixture(scope="module")
def api_key(server) -> str:
    return server.make_app("cli-keys")


@pytest.fixture(scope="module")
def call(cli, api_key):
    """The client, logged in as an app."""
    cli("app-login", "--api-key", api_key)
    return cli


@pytest.fixture(scope="module")
def create(call):
    def make(name: str, obj_type: str, *more) -> str:
        return KID.search(call("create-key", "--name", name, "--obj-type", obj_type, "-f", *more))[0]

    return make


def openssl(*arguments, input: bytes = b"") -> bytes:
    return run("openssl", *arguments, input=input).stdout


def exported(call, kid: str) -> bytes:
    """The value of a symmetric key, which the client prints in hexadecimal digits."""
    return bytes.fromhex(call("export-object", "--kid", kid).split()[-1])


def test_keys_of_every_type(call, create, tmp_path):
    for obj_type, sizes in {"AES": [128, 192, 256], "DES3": [112, 168], "HMAC": [160, 512], "RSA": [2048]}.items():
        for size in sizes:
            create(f"new-{obj_type}-{size}", obj_type, "--key-size", str(size))
    create("new-RSA-e3", "RSA", "--key-size", "2048", "--pub-exponent", "3")
    for curve in CURVES:
        operations = "AGREEKEY,APPMANAGEABLE" if curve.startswith("X") else "SIGN,VERIFY,APPMANAGEABLE"
        create(f"new-{curve}", "EC", "--ec-name", curve, "--key-ops", operations)
    listed = call("list-keys", "--limit", "100")
    assert all(f'"new-{name}"' in listed for name in [*CURVES, "AES-192", "DES3-112", "HMAC-512", "RSA-e3"])

    value = os.urandom(32)
    (tmp_path / "value").write_text(value.hex())
    kid = KID.search(
        call("import-key", "--name", "imported-aes", "--obj-type", "AES", "--in", tmp_path / "value", "--exportable", "-f")
    )[0]
    assert exported(call, kid) == value
    (tmp_path / "raw").write_bytes(value)
    call("import-key", "--name", "imported-hmac", "--obj-type", "HMAC", "--der", "--in", tmp_path / "raw")
    (tmp_path / "ed.pem").write_bytes(openssl("genpkey", "-algorithm", "ED25519"))
    call("import-key", "--name", "imported-ed", "--obj-type", "EC", "--in", tmp_path / "ed.pem")
    (tmp_path / "secret").write_text("a secret")
    call("import-secret", "--name", "imported-secret", "--in", tmp_path / "secret")


@pytest.mark.parametrize("size", [0, 1000, 1_000_001], ids=["nothing", "one request", "parts"])
@pytest.mark.parametrize("mode", ["CBC", "CTR"])
def test_encryption_agrees_with_openssl(call, create, tmp_path, mode, size):
    kid = create(f"{mode}-{size}", "AES", "--key-size", "256", "--exportable")
    plain, cipher, back, iv = tmp_path / "plain", tmp_path / "cipher", tmp_path / "back", os.urandom(16).hex()
    plain.write_bytes(os.urandom(size))
    common = ("--kid", kid, "--alg", "AES", "--mode", mode, "--iv", iv)
    call("encrypt", *common, "--in", plain, "--out", cipher)
    key = exported(call, kid).hex()
    assert cipher.read_bytes() == openssl("enc", f"-aes-256-{mode.lower()}", "-K", key, "-iv", iv, "-in", plain)
    call("decrypt", *common, "--in", cipher, "--out", back)
    assert back.read_bytes() == plain.read_bytes()


def test_the_server_chooses_ivs_and_makes_tags(call, create, tmp_path):
    plain, cipher, back = tmp_path / "plain", tmp_path / "cipher", tmp_path / "back"
    plain.write_bytes(b"some data")
    create("gcm", "AES", "--key-size", "128")
    common = ("--name", "gcm", "--alg", "AES", "--mode", "GCM", "--ad", "00ff")
    call("encrypt", *common, "--tag-len", "128", "--in", plain, "--out", cipher)
    iv = (tmp_path / "cipher.iv").read_text()
    assert len(iv) == 24 and len((tmp_path / "cipher.tag").read_text()) == 32
    call("decrypt", *common, "--iv", iv, "--tag", tmp_path / "cipher.tag", "--in", cipher, "--out", back)
    assert back.read_bytes() == plain.read_bytes()
    create("rsa-oaep", "RSA", "--key-size", "2048")
    common = ("--name", "rsa-oaep", "--alg", "RSA", "--mode", "OAEP_MGF1_SHA256")
    call("encrypt", *common, "--in", plain, "--out", cipher)
    call("decrypt", *common, "--in", cipher, "--out", back)
    assert back.read_bytes() == plain.read_bytes()


def test_encryption_in_parts_by_hand(call, create, tmp_path):
    create("parts", "AES", "--key-size", "256")
    state, cipher, back, iv = tmp_path / "state", tmp_path / "cipher", tmp_path / "back", os.urandom(16).hex()
    key = ("--name", "parts")
    start = (*key, "--alg", "AES", "--mode", "CBC", "--iv", iv, "--state", state)
    call("encrypt-init", *start)
    for part in ("one part, ", "another part"):
        call("encrypt-update", *key, "--plain", part, "--state", state, "--out", cipher)
    call("encrypt-final", *key, "--state", state, "--out", cipher)
    call("decrypt", *key, "--alg", "AES", "--mode", "CBC", "--iv", iv, "--in", cipher, "--out", back)
    assert back.read_bytes() == b"one part, another part"


def test_transient_keys(call, tmp_path):
    made = call("create-key", "--name", "t", "--obj-type", "AES", "--key-size", "256", "--transient", "-f", "--exportable")
    transient = made.split()[-1]
    assert not KID.search(made) and len(transient) > 100
    plain, cipher, back = tmp_path / "plain", tmp_path / "cipher", tmp_path / "back"
    plain.write_bytes(b"some data")
    common = ("--alg", "AES", "--mode", "CBC", "--iv", "00" * 16)
    call("encrypt", "--transient-key", transient, *common, "--in", plain, "--out", cipher)
    kid = KID.search(call("persist-key", "--name", "persisted", "--transient-key", transient))[0]
    call("decrypt", "--kid", kid, *common, "--in", cipher, "--out", back)
    assert back.read_bytes() == b"some data"
    assert '"t"' not in call("list-keys")


@pytest.mark.parametrize("mode", [["KW"], ["KWP"], ["CBC"], ["GCM", "--tag-len", "128"]], ids=lambda mode: mode[0])
def test_wrapping_with_aes(call, create, tmp_path, mode):
    wrapping = create(f"wrap-{mode[0]}", "AES", "--key-size", "256", "--exportable")
    out = tmp_path / "wrapped"
    subjects = {f"in-{mode[0]}-aes": ("AES", "--key-size", "128")}
    if mode[0] != "KW":
        subjects[f"in-{mode[0]}-rsa"] = ("RSA", "--key-size", "2048")
        subjects[f"in-{mode[0]}-ec"] = ("EC", "--ec-name", "NistP256")
    for name, (obj_type, *size) in subjects.items():
        subject = create(name, obj_type, *size, "--exportable")
        common = ("--wrapping-kid", wrapping, "--alg", "AES", "--mode", mode[0])
        for form in ([], ["--key-format", "Pkcs8"]) if obj_type != "AES" else ([],):
            printed = call("wrap-key", *common, *mode[1:], *form, "--kid", subject, "--out", out)
            answered = dict(re.findall(r"(iv|tag): ([0-9a-f]+)", printed))
            more = [word for field, value in answered.items() for word in (f"--{field}", value)]
            name = f"out-{name}-{len(form)}"
            again = KID.search(
                call("unwrap-key", *common, *more, "--in", out, "--obj-type", obj_type, "--name", name, "--exportable")
            )[0]
            assert call("export-object", "--kid", again) == call("export-object", "--kid", subject)
        if mode[0] == "CBC" and obj_type == "AES":
            key = exported(call, wrapping).hex()
            plain = openssl("enc", "-d", "-aes-256-cbc", "-K", key, "-iv", answered["iv"], "-in", out)
            assert plain == exported(call, subject)


def test_wrapping_with_rsa_is_what_openssl_unwraps(call, create, tmp_path):
    (tmp_path / "rsa.pem").write_bytes(openssl("genrsa", "-traditional", "2048"))
    call("import-key", "--name", "wrap-rsa", "--obj-type", "RSA", "--in", tmp_path / "rsa.pem")
    subject = create("in-rsa", "AES", "--key-size", "256", "--exportable")
    common = ("--alg", "RSA", "--mode", "OAEP_MGF1_SHA256")
    call("wrap-key", *common, "--wrapping-key-name", "wrap-rsa", "--wrapped-key-name", "in-rsa", "--out", tmp_path / "w")
    options = ("-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256", "-pkeyopt", "rsa_mgf1_md:sha256")
    plain = openssl("pkeyutl", "-decrypt", "-inkey", tmp_path / "rsa.pem", "-in", tmp_path / "w", *options)
    assert plain == exported(call, subject)


def test_derivation_and_agreement(call, create):
    parent = create("parent", "AES", "--key-size", "256", "--exportable")
    iv, plain = os.urandom(16).hex(), "sixteen bytes ok"
    derived = KID.search(
        call(
            *("derive-key", "--kid", parent, "--name", "derived", "--key-size", "128", "--key-type", "AES"),
            *("--plain", plain, "--alg", "AES", "--mode", "CBCNOPAD", "--iv", iv, "--exportable"),
        )
    )[0]
    expected = openssl(
        "enc", "-aes-256-cbc", "-nopad", "-K", exported(call, parent).hex(), "-iv", iv, input=plain.encode()
    )
    assert exported(call, derived) == expected
    kids = [
        create(f"agree-{side}", "EC", "--ec-name", "NistP256", "--key-ops", "AGREEKEY,APPMANAGEABLE") for side in "ab"
    ]
    for name, (own, peer) in {"ab": kids, "ba": reversed(kids)}.items():
        agree = ("agree-key", "--private-key", own, "--public-key", peer, "--name", name, "--key-size", "256")
        assert KID.search(call(*agree))


def test_digests_and_hmacs(call, tmp_path):
    (tmp_path / "data").write_bytes(b"some data")
    for name in ("SHA1", "SHA256", "SHA384", "SHA512"):
        printed = call("message-digest", "--alg", name, "--in", tmp_path / "data")
        assert printed.split()[-1] == hashlib.new(name.lower(), b"some data").hexdigest()
    value = os.urandom(40)
    (tmp_path / "value").write_bytes(value)
    kid = KID.search(
        call("import-key", "--name", "mac", "--obj-type", "HMAC", "--der", "--in", tmp_path / "value")
    )[0]
    common = ("--kid", kid, "--alg", "SHA256", "--in", tmp_path / "data")
    printed = call("hmac-digest", *common).split()[-1]
    assert printed == hmac.new(value, b"some data", "sha256").hexdigest()
    call("hmac-verify", *common, "--digest", printed)
    with pytest.raises(AssertionError, match="Digest verification fail"):
        call("hmac-verify", *common, "--digest", "00" * 32)


def test_batches(call, create, tmp_path):
    rsa = create("batch-rsa", "RSA", "--key-size", "2048")
    aes = create("batch-aes", "AES", "--key-size", "256")
    data = tmp_path / "data"
    data.write_bytes(b"some data of a batch")

    def batch(command: str, *lines: str) -> str:
        (tmp_path / "batch").write_text("".join(line + "\n" for line in lines))
        return call(command, "--in", tmp_path / "batch")

    line = f"--kid {rsa} --hash-alg SHA256 --in {data}"
    assert batch("batch-sign", f"{line} --out {tmp_path}/s1", f"{line} --out {tmp_path}/s2").count(" 0\n") == 2
    assert batch("batch-verify", f"{line} --sig-in {tmp_path}/s1", f"{line} --sig-in {tmp_path}/s2").count(" 0\n") == 2
    iv = "--iv " + "01" * 16
    line = f"--kid {aes} --alg AES --mode CBC {iv}"
    encrypted = batch("batch-encrypt", *(f"{line} --in {data} --out {tmp_path}/c{number}" for number in "12"))
    assert encrypted.count(" 0\n") == 2
    decrypted = batch("batch-decrypt", *(f"{line} --in {tmp_path}/c{n} --out {tmp_path}/p{n}" for n in "12"))
    assert decrypted.count(" 0\n") == 2
    assert (tmp_path / "p2").read_bytes() == data.read_bytes()


def test_the_life_of_a_key(call, create, connect, api_key, tmp_path):
    first = create("rotated", "AES", "--key-size", "256", "--exportable")
    second = KID.search(call("rotate-key", "--name", "rotated"))[0]
    assert first != second and exported(call, first) != exported(call, second)
    assert "(rotated at " in call("show-sobject", "--kid", first)
    for value in ("one", "two"):
        (tmp_path / value).write_text(value)
    call("import-secret", "--name", "word", "--in", tmp_path / "one")
    call("rotate-secret", "--name", "word", "--in", tmp_path / "two")
    assert "two" in call("export-object", "--name", "word")
    call("update-object", "--name", "rotated", "--description", "changed", "--disable-export")
    assert "changed" in call("show-sobject", "--name", "rotated")
    with pytest.raises(AssertionError, match="not allowed"):
        call("export-object", "--name", "rotated")
    early = {"name": "early", "obj_type": "AES", "key_size": 128, "state": "PreActive"}
    connect(f"Basic {api_key}").expect(201, "POST", "/crypto/v1/keys", early)
    call("activate-object", "--name", "early")
    call("revoke-object", "--name", "rotated", "--code", "KeyCompromise")
    assert "Compromised" in call("show-sobject", "--name", "rotated")
    call("delete-key", "--kid", first)
