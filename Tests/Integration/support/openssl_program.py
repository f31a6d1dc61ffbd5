"""What openssl(1) makes of the same input, to be compared with what the token made of it."""

from pathlib import Path

from processes import run


def make_key(path: Path, *options) -> Path:
    """A private key in PEM; options as `openssl genpkey` has them."""
    run("openssl", "genpkey", *options, "-out", path)
    return path


def public_key(private_key: Path, form: str = "PEM") -> Path:
    path = private_key.with_suffix(f".pub.{form.lower()}")
    run("openssl", "pkey", "-in", private_key, "-pubout", "-outform", form, "-out", path)
    return path


def to_der(key: Path, *options) -> bytes:
    """SubjectPublicKeyInfo of a public key with `-pubin`, PKCS #8 of a private one without."""
    return run("openssl", "pkey", "-in", key, *options, "-outform", "DER").stdout


def describe(public_key: Path) -> str:
    return run("openssl", "pkey", "-pubin", "-in", public_key, "-noout", "-text").stdout.decode()


def digest(name: str, data: bytes) -> bytes:
    return run("openssl", "dgst", f"-{name}", "-binary", input=data).stdout


def hmac(name: str, key: bytes, data: bytes) -> bytes:
    options = ["-digest", name, "-macopt", f"hexkey:{key.hex()}"]
    return run("openssl", "mac", *options, "-binary", "HMAC", input=data).stdout


def encrypt(cipher: str, key: bytes, data: bytes, iv: bytes | None = None, padded: bool = True) -> bytes:
    return _cipher("-e", cipher, key, data, iv, padded)


def decrypt(cipher: str, key: bytes, data: bytes, iv: bytes | None = None, padded: bool = True) -> bytes:
    return _cipher("-d", cipher, key, data, iv, padded)


def _cipher(direction: str, cipher: str, key: bytes, data: bytes, iv: bytes | None, padded: bool) -> bytes:
    options = [*(["-iv", iv.hex()] if iv is not None else []), *([] if padded else ["-nopad"])]
    return run("openssl", "enc", direction, f"-{cipher}", "-K", key.hex(), *options, input=data).stdout


def sign(private_key: Path, data: Path, *options) -> bytes:
    """A signature over a message, made with `openssl dgst` and its options."""
    return run("openssl", "dgst", *options, "-sign", private_key, data).stdout


def encrypt_to(public_key: Path, data: bytes, *options: str) -> bytes:
    return run(*_pkeyutl("-encrypt", options), "-pubin", "-inkey", public_key, input=data).stdout


def decrypt_with(private_key: Path, data: bytes, *options: str) -> bytes:
    return run(*_pkeyutl("-decrypt", options), "-inkey", private_key, input=data).stdout


def recover(public_key: Path, signature: Path, *options: str) -> bytes:
    """The bytes that were signed, without their padding."""
    return run(*_pkeyutl("-verifyrecover", options), "-pubin", "-inkey", public_key, "-in", signature).stdout


def agree(private_key: Path, peer: Path) -> bytes:
    """The shared secret of a key agreement."""
    return run("openssl", "pkeyutl", "-derive", "-inkey", private_key, "-peerkey", peer).stdout


def _pkeyutl(action: str, options: tuple[str, ...]) -> list[str]:
    return ["openssl", "pkeyutl", action, *(word for option in options for word in ("-pkeyopt", option))]


def verify_eddsa(public_key: Path, message: Path, signature: Path):
    """An Ed25519 or Ed448 signature; the message is not hashed before."""
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", public_key, "-rawin", "-in", message]
    run(*command, "-sigfile", signature)
