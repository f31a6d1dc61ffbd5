"""jarsigner signs jars with keys of the token; Java itself and openssl verify them."""

import zipfile

import pytest
from processes import output_of, run

KINDS = ["rsa:2048", "rsa:3072", "EC:prime256v1", "EC:secp384r1"]


@pytest.fixture
def trust_store(java, authority):
    """A key store in a file that trusts the tests' authority, and knows nothing of PKCS #11."""
    path = java.directory / "trust.p12"
    run(
        "keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", authority.certificate, "-keystore", path,
        "-storepass", "changeit", env=java.env,
    )  # fmt: skip
    return path


def signed(java, tool, authority, kind: str, *options):
    tool.certify(tool.generate_pair(kind, "signer", "01"), authority)
    jar = java.directory / "signed.jar"
    java.jarsigner(*options, "-signedjar", jar, java.jar(b"Hello.\n"), "signer")
    return jar


def verdict(java, trust_store, jar):
    return run("jarsigner", "-verify", "-verbose", "-keystore", trust_store, jar, env=java.env, check=False)


@pytest.mark.parametrize("kind", KINDS)
def test_signs(java, tool, authority, trust_store, kind):
    jar = signed(java, tool, authority, kind)
    result = verdict(java, trust_store, jar)
    assert result.returncode == 0 and b"jar verified." in result.stdout, output_of(result)
    verify_with_openssl(jar, authority, java.directory)


def test_signs_with_pss(java, tool, authority, trust_store):
    jar = signed(java, tool, authority, "rsa:2048", "-sigalg", "RSASSA-PSS")
    assert b"jar verified." in verdict(java, trust_store, jar).stdout


@pytest.mark.parametrize("digest", ["SHA256", "SHA384", "SHA512"])
def test_signs_with_a_chosen_hash(java, tool, authority, trust_store, digest):
    jar = signed(java, tool, authority, "EC:prime256v1", "-sigalg", f"{digest}withECDSA")
    assert b"jar verified." in verdict(java, trust_store, jar).stdout


def test_an_altered_jar(java, tool, authority, trust_store):
    """That a verdict says "verified" means something."""
    jar = signed(java, tool, authority, "EC:prime256v1")
    altered = java.directory / "altered.jar"
    with zipfile.ZipFile(jar) as source, zipfile.ZipFile(altered, "w") as target:
        for name in source.namelist():
            target.writestr(name, b"Bye.\n" if name == "hello.txt" else source.read(name))
    result = verdict(java, trust_store, altered)
    assert b"jar verified." not in result.stdout, output_of(result)


def verify_with_openssl(jar, authority, directory):
    """The signature block is CMS over the signature file."""
    with zipfile.ZipFile(jar) as archive:
        block = next(name for name in archive.namelist() if name.endswith((".RSA", ".EC")))
        (directory / "block").write_bytes(archive.read(block))
        (directory / "signature-file").write_bytes(archive.read(block.rsplit(".", 1)[0] + ".SF"))
    run(
        "openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", directory / "block",
        "-content", directory / "signature-file", "-CAfile", authority.certificate, "-purpose", "any",
        "-out", directory / "content",
    )  # fmt: skip
