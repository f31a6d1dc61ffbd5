"""No private key byte, API key or password is in any file of the data directory but the master key's."""

import base64
import re

from processes import run

KEYS = "/crypto/v1/keys"


def private_numbers(pem: bytes) -> dict[str, bytes]:
    """The secret numbers of a private key, as openssl prints them."""
    text = run("openssl", "pkey", "-text", "-noout", input=pem).stdout.decode()
    numbers = {}
    for name, digits in re.findall(r"^(\w+):\n((?: {4}[0-9a-f:]+\n)+)", text, re.MULTILINE):
        if name in ("privateExponent", "prime1", "prime2", "exponent1", "exponent2", "coefficient", "priv"):
            numbers[name] = bytes.fromhex(re.sub(r"[^0-9a-f]", "", digits)).lstrip(b"\0")
    return numbers


def encodings(secret: bytes) -> set[bytes]:
    """A secret as it might be written: raw, hexadecimal, base64 in both alphabets at each of the three alignments."""
    found = {secret, secret.hex().encode(), secret.hex().upper().encode()}
    for skip in range(3):
        usable = secret[skip:]
        whole = usable[: len(usable) // 3 * 3]
        found |= {base64.b64encode(whole), base64.urlsafe_b64encode(whole)}
    return {form for form in found if len(form) >= 12}


def fragments(secret: bytes, size: int = 24) -> set[bytes]:
    """Pieces of a long secret, so that part of it is found too."""
    pieces = {secret[start : start + size] for start in range(0, max(1, len(secret) - size + 1), size)}
    return set().union(*(encodings(piece) for piece in pieces))


def files(kms) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in kms.data.iterdir() if path.is_file()}


def look_for(wanted: dict[str, set[bytes]], kms) -> list[str]:
    return [
        f"{name} in {file}"
        for file, content in files(kms).items()
        if file != "master.key"
        for name, forms in wanted.items()
        if any(form in content for form in forms)
    ]


def test_no_secret_in_any_file(new_kms, rest_client, openssl_der):
    kms = new_kms()
    kms.start()
    api_key = kms.make_app("web")
    app = rest_client(kms, f"Basic {api_key}")
    token = app.expect(200, "POST", "/sys/v1/session/auth").json()["access_token"]

    rsa = openssl_der("genrsa", "2048")
    ec = openssl_der("ecparam", "-genkey", "-noout", "-name", "prime256v1")
    secret = bytes(range(200, 256)) * 2
    values = {
        "rsa": ("RSA", openssl_der("pkey", "-traditional", "-outform", "DER", input=rsa)),
        "ec": ("EC", openssl_der("pkey", "-traditional", "-outform", "DER", input=ec)),
        "secret": ("SECRET", secret),
        "deleted": ("SECRET", secret[::-1]),
    }
    kids = {}
    for name, (obj_type, value) in values.items():
        body = {"name": f"{name}-object", "obj_type": obj_type, "value": base64.b64encode(value).decode()}
        kids[name] = app.expect(201, "PUT", KEYS, body).json()["kid"]
        app.expect(200, "GET", f"{KEYS}/{kids[name]}/export")
    app.expect(204, "DELETE", f"{KEYS}/{kids['deleted']}")
    app.expect(200, "POST", "/crypto/v1/sign", {"key": {"name": "rsa-object"}, "hash_alg": "SHA256", "data": "AAAA"})

    decoded = base64.b64decode(api_key)
    app_secret = decoded.partition(b":")[2]
    wanted = {
        "API key": encodings(api_key.encode()) | encodings(decoded),
        "API key's secret": encodings(app_secret)
        | fragments(base64.urlsafe_b64decode(app_secret + b"=" * (-len(app_secret) % 4))),
        "bearer token": encodings(token.encode()),
        "password": encodings(kms.password.encode()),
        "secret": fragments(secret),
        "deleted secret": fragments(secret[::-1]),
    }
    for key, pem in {"rsa": rsa, "ec": ec}.items():
        for name, number in private_numbers(pem).items():
            wanted[f"{key} {name}"] = fragments(number)
    assert len(wanted) == 13

    # That the search finds what is there: the names, and the public keys, which need not be secret.
    public = base64.b64encode(openssl_der("pkey", "-pubout", "-outform", "DER", input=ec)).replace(b"/", b"\\/")
    assert look_for({"name": {b"rsa-object"}}, kms)
    assert look_for({"public key": {public, public.replace(b"\\/", b"/")}}, kms)

    assert set(files(kms)) >= {"master.key", "kmsd.sqlite", "kmsd.sqlite-wal", "ca.pem"}
    assert look_for(wanted, kms) == []
    kms.kill9()
    app.close()
    assert look_for(wanted, kms) == []
    kms.start()
    assert app.expect(200, "GET", f"{KEYS}/{kids['secret']}/export").json()["value"] == base64.b64encode(secret).decode()
    kms.stop()
    assert look_for(wanted, kms) == []
    master_key = (kms.data / "master.key").read_bytes().strip()
    assert look_for({"master key": {master_key, bytes.fromhex(master_key.decode())}}, kms) == []


def test_tls_keys_are_sealed(new_kms):
    """The private keys of the CA and of the server are in no file either."""
    kms = new_kms()
    for file, content in files(kms).items():
        assert b"PRIVATE KEY" not in content, file
        # The beginning of a P-256 private key in SEC 1 and in PKCS#8.
        for prefix in ("30770201010420", "308187020100301306072a8648ce3d0201", "0201010420"):
            assert bytes.fromhex(prefix) not in content, file


def test_modes(new_kms):
    kms = new_kms()
    kms.start()
    assert kms.data.stat().st_mode & 0o777 == 0o700
    for path in kms.data.iterdir():
        assert path.stat().st_mode & 0o777 == (0o644 if path.name == "ca.pem" else 0o600), path
