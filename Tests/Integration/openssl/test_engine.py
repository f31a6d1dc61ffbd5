"""openssl(1) with the engine "pkcs11" and the sample openssl.cnf."""

import pytest
from kms import P256_KEY, RSA_KEY
from processes import clean_environment, output_of, run
from samples import render_openssl_cnf
from verification import verify_message

ENGINE = ("-engine", "pkcs11", "-keyform", "engine")
MESSAGE = b"Signed through the engine.\n"


@pytest.fixture(params=["key", "file"])
def engine_env(request, binaries, module_env, kms, tmp_path) -> dict[str, str]:
    """With the API key itself in openssl.cnf, as published, and with the file that holds it."""
    pin = kms.api_key if request.param == "key" else f"file:{kms.api_key_file}"
    return module_env | {"OPENSSL_CONF": str(render_openssl_cnf(tmp_path / "openssl.cnf", binaries.module, pin))}


@pytest.fixture
def message(tmp_path):
    path = tmp_path / "message"
    path.write_bytes(MESSAGE)
    return path


@pytest.mark.parametrize("key", [RSA_KEY, "rsa4096-key", P256_KEY, "p384-key", "p521-key"])
@pytest.mark.parametrize("digest", ["sha256", "sha512"])
def test_dgst(kms, engine_env, message, tmp_path, key, digest):
    signature = tmp_path / "signature"
    run("openssl", "dgst", f"-{digest}", *ENGINE, "-sign", f"label_{key}", "-out", signature, message, env=engine_env)
    verify_message(kms.public_key_file(key), digest, message, signature)


def test_dgst_with_pss(kms, engine_env, message, tmp_path):
    signature = tmp_path / "signature"
    pss = ("rsa_padding_mode:pss", "rsa_pss_saltlen:digest")
    run(
        "openssl", "dgst", "-sha256", *ENGINE, "-sigopt", pss[0], "-sigopt", pss[1], "-sign", f"label_{RSA_KEY}",
        "-out", signature, message, env=engine_env,
    )  # fmt: skip
    verify_message(kms.public_key_file(RSA_KEY), "sha256", message, signature, *pss)


@pytest.mark.parametrize("key", [RSA_KEY, P256_KEY])
def test_self_signed_certificate(kms, engine_env, tmp_path, key):
    certificate = tmp_path / "certificate.pem"
    run(
        "openssl", "req", "-new", "-x509", *ENGINE, "-key", f"label_{key}", "-subj", "/CN=app.aserracorp.com",
        "-days", "1", "-out", certificate, env=engine_env,
    )  # fmt: skip
    verified = run("openssl", "verify", "-check_ss_sig", "-CAfile", certificate, certificate, env=clean_environment())
    assert output_of(verified).endswith(": OK\n")
    shown = run("openssl", "x509", "-in", certificate, "-noout", "-pubkey", env=clean_environment())
    assert shown.stdout.decode() == kms.public_key_pem(key)


@pytest.mark.parametrize("key", [RSA_KEY, P256_KEY])
def test_certificate_request(engine_env, tmp_path, key):
    request = tmp_path / "request.pem"
    run(
        "openssl", "req", "-new", *ENGINE, "-key", f"label_{key}", "-subj", "/CN=app.aserracorp.com", "-out", request,
        env=engine_env,
    )  # fmt: skip
    assert "verify OK" in output_of(run("openssl", "req", "-verify", "-noout", "-in", request))


@pytest.mark.parametrize("key", [RSA_KEY, P256_KEY])
def test_cms(kms, authority, engine_env, message, tmp_path, key):
    signed = tmp_path / "signed.pem"
    run(
        "openssl", "cms", "-sign", *ENGINE, "-inkey", f"label_{key}", "-signer", kms.certificates[key],
        "-md", "sha256", "-in", message, "-binary", "-outform", "PEM", "-out", signed, "-nodetach", env=engine_env,
    )  # fmt: skip
    verified = run(
        "openssl", "cms", "-verify", "-in", signed, "-inform", "PEM", "-binary", "-CAfile", authority.certificate,
        env=clean_environment(),
    )  # fmt: skip
    assert verified.stdout == MESSAGE


def test_an_unknown_key_is_refused(engine_env, message, tmp_path):
    result = run(
        "openssl", "dgst", "-sha256", *ENGINE, "-sign", "label_no-such-key", "-out", tmp_path / "signature", message,
        env=engine_env, check=False,
    )  # fmt: skip
    assert result.returncode != 0
