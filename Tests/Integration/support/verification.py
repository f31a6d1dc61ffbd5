"""Verifying signatures with openssl(1), which has never heard of the module."""

from pathlib import Path

from processes import clean_environment, run


def verify_message(public_key: Path, digest: str, message: Path, signature: Path, *options: str):
    """A signature over a message that the signer hashed; fails with openssl's words when it does not hold."""
    arguments = [word for option in options for word in ("-sigopt", option)]
    run(
        "openssl", "dgst", f"-{digest}", *arguments, "-verify", public_key, "-signature", signature, message,
        env=clean_environment(),
    )  # fmt: skip


def verify_digest(public_key: Path, digest_value: Path, signature: Path, *options: str):
    """A signature over a hash value."""
    arguments = [word for option in options for word in ("-pkeyopt", option)]
    run(
        "openssl", "pkeyutl", "-verify", "-pubin", "-inkey", public_key, "-in", digest_value, "-sigfile", signature,
        *arguments, env=clean_environment(),
    )  # fmt: skip
