"""Keys made by openssl come in, in every form that clients send, and work afterwards."""

import base64

import pytest
from processes import run

KEYS = "/crypto/v1/keys"
DATA = b"to be signed"


def put(app, name, obj_type, value, **more):
    body = {"name": name, "obj_type": obj_type, "value": base64.b64encode(value).decode()} | more
    return app.ask("PUT", KEYS, body)


def forms(openssl_der, pem: bytes) -> dict[str, bytes]:
    """One private key as PKCS#1 or SEC 1, and as PKCS#8."""
    return {
        "traditional": openssl_der("pkey", "-traditional", "-outform", "DER", input=pem),
        "pkcs8": openssl_der("pkcs8", "-topk8", "-nocrypt", "-outform", "DER", input=pem),
    }


def check_signature(app, kid, public_pem, tmp_path, **mode):
    body = {"key": {"kid": kid}, "hash_alg": "SHA256", "data": base64.b64encode(DATA).decode()} | mode
    signature = base64.b64decode(app.expect(200, "POST", "/crypto/v1/sign", body).json()["signature"])
    (tmp_path / "public.pem").write_bytes(public_pem)
    (tmp_path / "data").write_bytes(DATA)
    (tmp_path / "signature").write_bytes(signature)
    pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"] if mode else []
    run("openssl", "dgst", "-sha256", "-verify", tmp_path / "public.pem", *pss, "-signature", tmp_path / "signature",
        tmp_path / "data")  # fmt: skip


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_rsa(app, openssl_der, tmp_path, bits):
    pem = openssl_der("genrsa", str(bits))
    public_pem = openssl_der("pkey", "-pubout", input=pem)
    for form, value in forms(openssl_der, pem).items():
        answer = put(app, f"rsa-{bits}-{form}", "RSA", value)
        assert answer.status == 201, answer
        key = answer.json()
        assert (key["key_size"], key["public_only"], key["origin"]) == (bits, False, "External")
        assert base64.b64decode(key["pub_key"]) == openssl_der("pkey", "-pubout", "-outform", "DER", input=pem)
        check_signature(app, key["kid"], public_pem, tmp_path)
        check_signature(app, key["kid"], public_pem, tmp_path, mode={"PSS": {}})
        # Whatever came in, PKCS#1 goes out.
        exported = app.expect(200, "GET", f"{KEYS}/{key['kid']}/export").json()
        assert base64.b64decode(exported["value"]) == forms(openssl_der, pem)["traditional"]


CURVES = {
    "secp224r1": ("NistP224", 224),
    "prime256v1": ("NistP256", 256),
    "secp384r1": ("NistP384", 384),
    "secp521r1": ("NistP521", 521),
    "secp256k1": ("SecP256K1", 256),
}


@pytest.mark.parametrize("curve", CURVES)
def test_ec(app, openssl_der, tmp_path, curve):
    pem = openssl_der("ecparam", "-genkey", "-noout", "-name", curve)
    public_pem = openssl_der("pkey", "-pubout", input=pem)
    for form, value in forms(openssl_der, pem).items():
        key = put(app, f"{curve}-{form}", "EC", value).json()
        assert (key["elliptic_curve"], key["key_size"]) == CURVES[curve]
        check_signature(app, key["kid"], public_pem, tmp_path)
        exported = app.expect(200, "POST", f"{KEYS}/export", {"kid": key["kid"]}).json()
        assert base64.b64decode(exported["value"]) == forms(openssl_der, pem)["traditional"]


def test_compressed_points_are_expanded(app, openssl_der):
    pem = openssl_der("ecparam", "-genkey", "-noout", "-name", "prime256v1")
    expected = openssl_der("pkey", "-pubout", "-outform", "DER", input=pem)
    compressed = openssl_der("ec", "-conv_form", "compressed", "-outform", "DER", input=pem)
    public = openssl_der("ec", "-pubout", "-conv_form", "compressed", "-outform", "DER", input=pem)
    assert len(public) < len(expected)
    for name, value in {"compressed-private": compressed, "compressed-public": public}.items():
        assert base64.b64decode(put(app, name, "EC", value).json()["pub_key"]) == expected


@pytest.mark.parametrize("obj_type,arguments", [("RSA", ["genrsa", "2048"]),
                                                ("EC", ["ecparam", "-genkey", "-noout", "-name", "secp384r1"])])  # fmt: skip
def test_public_half(app, openssl_der, obj_type, arguments):
    pem = openssl_der(*arguments)
    public = openssl_der("pkey", "-pubout", "-outform", "DER", input=pem)
    key = put(app, f"public-{obj_type}", obj_type, public, key_ops=["SIGN", "VERIFY", "APPMANAGEABLE"]).json()
    assert key["public_only"] and sorted(key["key_ops"]) == ["APPMANAGEABLE", "VERIFY"]
    body = {"key": {"kid": key["kid"]}, "hash_alg": "SHA256", "data": "AAAA"}
    app.expect(403, "POST", "/crypto/v1/sign", body)


def test_certificate(app, openssl_der):
    pem = openssl_der("genrsa", "2048")
    der = openssl_der("req", "-x509", "-new", "-key", "/dev/stdin", "-subj", "/CN=x", "-outform", "DER", input=pem)
    made = put(app, "certificate", "CERTIFICATE", der).json()
    assert base64.b64decode(made["pub_key"]) == openssl_der("pkey", "-pubout", "-outform", "DER", input=pem)
    (listed,) = app.expect(200, "GET", f"{KEYS}?obj_type=CERTIFICATE&name=certificate").json()
    for found in (listed, app.expect(200, "POST", f"{KEYS}/info", {"name": "certificate"}).json()):
        assert base64.b64decode(found["value"]) == der
        assert found["public_only"] and "rsa" not in found
    for name, value in {"two": der + der, "cut": der[:-1], "key": forms(openssl_der, pem)["pkcs8"]}.items():
        assert put(app, name, "CERTIFICATE", value).status == 400


def test_secrets(app):
    for obj_type in ("SECRET", "OPAQUE"):
        value = bytes(range(256))
        key = put(app, f"a {obj_type}", obj_type, value).json()
        assert "value" not in app.expect(200, "GET", f"{KEYS}/{key['kid']}").json()
        exported = app.expect(200, "GET", f"{KEYS}/{key['kid']}/export").json()
        assert base64.b64decode(exported["value"]) == value


def test_refused_keys(app, openssl_der):
    ec = openssl_der("ecparam", "-genkey", "-noout", "-name", "prime256v1")
    rsa = openssl_der("genrsa", "2048")
    explicit = openssl_der("ecparam", "-genkey", "-noout", "-name", "prime256v1", "-param_enc", "explicit")
    encrypted = openssl_der("pkcs8", "-topk8", "-passout", "pass:secret", "-outform", "DER", input=rsa)
    small = openssl_der("genrsa", "1024")
    table = [
        ("RSA", forms(openssl_der, small)["pkcs8"], {}, "2048 to 4096"),
        ("EC", openssl_der("pkey", "-outform", "DER", input=explicit), {}, "spells out"),
        ("RSA", encrypted, {}, "unencrypted"),
        ("RSA", openssl_der("genpkey", "-algorithm", "ed25519", "-outform", "DER"), {}, "says RSA"),
        ("EC", openssl_der("genpkey", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048", "-outform", "DER"), {}, "neither an RSA"),
        ("RSA", openssl_der("genpkey", "-algorithm", "rsa-pss", "-outform", "DER"), {}, "not an RSA"),
        ("EC", forms(openssl_der, rsa)["pkcs8"], {}, "says EC"),
        ("RSA", forms(openssl_der, ec)["traditional"], {}, "says RSA"),
        ("RSA", rsa, {}, "PEM"),
        ("RSA", forms(openssl_der, rsa)["pkcs8"] + b"\0", {}, "not an RSA"),
        ("RSA", forms(openssl_der, rsa)["pkcs8"], {"key_size": 4096}, "key_size"),
        ("EC", forms(openssl_der, ec)["pkcs8"], {"elliptic_curve": "NistP384"}, "elliptic_curve"),
        # What is left of a PEM with two blocks: the curve's object identifier alone.
        ("EC", bytes.fromhex("06082a8648ce3d030107"), {}, "not an EC"),
    ]
    for number, (obj_type, value, more, sentence) in enumerate(table):
        answer = put(app, f"refused-{number}", obj_type, value, **more)
        assert (answer.status, sentence in answer.text) == (400, True), (number, answer)


def test_inconsistent_key(app, openssl_der):
    """A private exponent that does not belong to the modulus is noticed before the key is taken."""
    first, second = (openssl_der("genrsa", "2048") for _ in range(2))
    value = forms(openssl_der, first)["traditional"]
    other = forms(openssl_der, second)["traditional"]
    # Version, then the modulus: 4 bytes of SEQUENCE, 3 of version, 4 of the INTEGER's head, 257 of its content.
    mixed = value[:11] + other[11:268] + value[268:]
    answer = put(app, "mixed", "RSA", mixed)
    assert (answer.status, "do not fit" in answer.text) == (400, True), answer
