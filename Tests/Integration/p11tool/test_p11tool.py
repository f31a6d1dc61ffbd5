"""p11tool from GnuTLS: lists, generates, imports, exports, renames and deletes."""

import re

import openssl_program as openssl
import pytest
from processes import output_of, run


def export_public(kit, label: str):
    path = kit.directory / f"{label}.exported.pub"
    path.write_bytes(pem(kit.p11tool("--export-pubkey", f"{kit.url};object={label};type=private").stdout))
    return path


def pem(output: bytes) -> bytes:
    return re.search(rb"-----BEGIN .*-----END [A-Z ]+-----\n", output, re.DOTALL)[0]


def labels(kit, *words) -> list[str]:
    """What a list shows, in the order of the alphabet. An empty list is exit code 2."""
    result = kit.p11tool(*words, kit.url, check=False)
    assert result.returncode == 0 or "No matching objects found" in output_of(result), output_of(result)
    return sorted(re.findall(r"^\tLabel: (.+)$", result.stdout.decode(), re.MULTILINE))


def test_lists_tokens(kit):
    text = output_of(kit("p11tool", "--list-tokens"))
    assert f"Label: {kit.token.label}" in text and "Requires login" in text, text
    assert f"Module: {kit.token.module}" in text, text
    urls = output_of(kit("p11tool", "--list-token-urls")).splitlines()
    assert [url for url in urls if "token=Fortanix%20Token" in url], urls


def test_lists_mechanisms(kit):
    text = output_of(kit("p11tool", "--list-mechanisms", kit.url))
    for mechanism in ("CKM_RSA_PKCS ", "CKM_ECDSA ", "CKM_AES_CBC ", "CKM_SHA256_RSA_PKCS "):
        assert mechanism in text, text


def test_random(kit):
    assert len(kit.p11tool("--generate-random", 32, kit.url).stdout) >= 32


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["rsa", "--bits", "2048"], ["(2048 bit)", "65537 (0x10001)"]),
        (["rsa", "--bits", "3072"], ["(3072 bit)"]),
        (["ecdsa", "--curve", "secp256r1"], ["NIST CURVE: P-256"]),
        (["ecdsa", "--curve", "secp384r1"], ["NIST CURVE: P-384"]),
        (["ecdsa", "--curve", "secp521r1"], ["NIST CURVE: P-521"]),
    ],
)
def test_generates(kit, options, words):
    """The key that is printed, the one that is exported and the one that signs are the same."""
    printed = kit.directory / "printed.pub"
    kit.p11tool("--generate-privkey", *options, "--label", "made", "--id", "0a0b", "--outfile", printed, kit.url)
    exported = export_public(kit, "made")
    assert exported.read_bytes() == pem(printed.read_bytes())
    text = openssl.describe(exported)
    for word in words:
        assert word in text, text
    kit.p11tool("--test-sign", f"{kit.url};object=made;type=private")
    assert labels(kit, "--list-all-privkeys") == ["made"]
    text = kit.p11tool("--list-all", kit.url).stdout.decode()
    assert text.count("ID: 0a:0b") == 2 and "CKA_NEVER_EXTRACTABLE; CKA_SENSITIVE" in text, text


@pytest.mark.parametrize("hash", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("scheme", ["rsa", "rsa-pss", "ecdsa"])
def test_signs(kit, tool, scheme, hash):
    """p11tool verifies against the key on the token and, by itself, against the public key."""
    tool.generate_pair("EC:prime256v1" if scheme == "ecdsa" else "rsa:2048", "signer", "01")
    options = ["--sign-params", "rsa-pss"] if scheme == "rsa-pss" else []
    text = output_of(kit.p11tool("--test-sign", "--hash", hash, *options, f"{kit.url};object=signer;type=private"))
    assert text.count("... ok") == 3, text


@pytest.mark.parametrize("algorithm", ["RSA", "EC"])
def test_imports_private_keys(kit, algorithm):
    options = ["-pkeyopt", "ec_paramgen_curve:P-256"] if algorithm == "EC" else []
    private = openssl.make_key(kit.directory / "private.pem", "-algorithm", algorithm, *options)
    kit.p11tool("--write", "--load-privkey", private, "--label", "brought", "--id", "0c", kit.url)
    assert "brought" in labels(kit, "--list-all-privkeys")
    assert export_public(kit, "brought").read_bytes() == openssl.public_key(private).read_bytes()
    text = output_of(kit.p11tool("--test-sign", f"{kit.url};object=brought;type=private"))
    assert "... ok" in text and "failed" not in text, text


def test_imports_public_keys(kit):
    public = openssl.public_key(openssl.make_key(kit.directory / "private.pem", "-algorithm", "RSA"))
    kit.p11tool("--write", "--load-pubkey", public, "--label", "peer", "--id", "0d", kit.url)
    assert pem(kit.p11tool("--export", f"{kit.url};object=peer;type=public").stdout) == public.read_bytes()


def test_imports_secret_keys(kit, tool):
    kit.p11tool("--write", "--secret-key", "00112233445566778899aabbccddeeff", "--label", "shared", kit.url)
    assert "label:      shared" in tool.listed("secrkey")


def test_certificates(kit, authority):
    """Written, listed, and exported as they were."""
    kit.p11tool("--generate-privkey", "rsa", "--bits", "2048", "--label", "server", "--id", "0e", kit.url)
    certificate = authority.issue(export_public(kit, "server"), f"p11tool-{kit.directory.name}")
    kit.p11tool("--write", "--load-certificate", certificate, "--label", "server", "--id", "0e", kit.url)
    kit.p11tool("--write", "--load-certificate", authority.certificate, "--label", "ca", "--id", "0f", kit.url)
    assert labels(kit, "--list-all-certs") == ["ca", "server"]
    assert "server" in labels(kit, "--list-certs")
    exported = kit.directory / "exported.pem"
    exported.write_bytes(pem(kit.p11tool("--export", f"{kit.url};object=server;type=cert").stdout))
    assert fingerprint(exported) == fingerprint(certificate)


def fingerprint(certificate) -> bytes:
    return run("openssl", "x509", "-in", certificate, "-noout", "-fingerprint", "-sha256").stdout


def test_renames(kit):
    kit.p11tool("--generate-privkey", "ecdsa", "--curve", "secp256r1", "--label", "old", "--id", "01", kit.url)
    kit.p11tool("--set-label", "new", f"{kit.url};object=old;type=private")
    kit.p11tool("--set-id", "0203", f"{kit.url};object=new;type=private")
    text = output_of(kit.p11tool("--info", f"{kit.url};object=new;type=private"))
    assert "Label: new" in text and "ID: 02:03" in text, text


def test_deletes(kit, authority):
    kit.p11tool("--generate-privkey", "rsa", "--bits", "2048", "--label", "doomed", "--id", "01", kit.url)
    kit.p11tool("--write", "--load-certificate", authority.certificate, "--label", "doomed", "--id", "01", kit.url)
    kit.p11tool("--generate-privkey", "ecdsa", "--curve", "secp256r1", "--label", "other", "--id", "02", kit.url)
    assert "1 objects deleted" in output_of(kit.p11tool("--delete", f"{kit.url};object=doomed;type=cert"))
    assert labels(kit, "--list-all-certs") == []
    assert "1 objects deleted" in output_of(kit.p11tool("--delete", f"{kit.url};object=doomed;type=private"))
    assert labels(kit, "--list-all-privkeys") == ["other"]
    again = kit.p11tool("--delete", f"{kit.url};object=doomed;type=private", check=False)
    assert again.returncode != 0 or "0 objects deleted" in output_of(again)


def test_deletes_both_halves_at_once(kit):
    """One URL matches the private and the public key; the second must not be missed when the first is gone."""
    kit.p11tool("--generate-privkey", "rsa", "--bits", "2048", "--label", "doomed", "--id", "01", kit.url)
    kit.p11tool("--delete", f"{kit.url};object=doomed")
    assert labels(kit, "--list-all") == []


def test_lists_keys_that_it_does_not_know(kit, tool):
    """GnuTLS 3.7 cannot use keys of the Edwards curves over PKCS #11, and lists what is beside them."""
    tool.generate_pair("EC:edwards25519", "edwards", "01")
    tool.generate_pair("EC:prime256v1", "known", "02")
    text = kit.p11tool("--list-all", kit.url).stdout.decode()
    assert "Label: known" in text and "Private key (EC/ECDSA-SECP256R1)" in text, text


def test_private_keys_do_not_leave(kit):
    kit.p11tool("--generate-privkey", "rsa", "--bits", "2048", "--label", "kept", "--id", "01", kit.url)
    result = kit.p11tool("--export", f"{kit.url};object=kept;type=private", check=False)
    assert b"PRIVATE" not in result.stdout, result.stdout


def test_a_wrong_pin(kit):
    kit.env["GNUTLS_PIN"] = "wrong-" + kit.token.pin[:8]
    result = kit.p11tool("--list-all-privkeys", kit.url, check=False)
    assert result.returncode != 0 and "PIN" in output_of(result), output_of(result)


def test_a_token_that_is_not_there(kit):
    result = kit.p11tool("--list-all", "pkcs11:token=Nobody", check=False)
    assert "Object 0" not in output_of(result)
