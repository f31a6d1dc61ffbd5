"""An openssl.cnf that makes the engine the default for every algorithm, as some guides advise: OpenSSL then asks the
engine, and with it the module, for keys that are none of the token's, the module's own TLS included.
"""

import pytest
from kms import P256_KEY, RSA_KEY
from processes import clean_environment, output_of, run
from samples import make_engine_the_default, render_openssl_cnf
from tls_client import both_versions, handshakes
from verification import verify_message
from web_server import ec_by_label, recipe, rsa_by_label

ENGINE = ("-engine", "pkcs11", "-keyform", "engine")


@pytest.fixture
def env(binaries, module_env, kms, tmp_path) -> dict[str, str]:
    openssl_cnf = render_openssl_cnf(tmp_path / "openssl.cnf", binaries.module, kms.api_key)
    make_engine_the_default(openssl_cnf)
    return module_env | {"OPENSSL_CONF": str(openssl_cnf)}


@pytest.fixture
def message(tmp_path):
    path = tmp_path / "message"
    path.write_bytes(b"Signed through the engine.\n")
    return path


@pytest.mark.parametrize("key", [RSA_KEY, P256_KEY])
def test_dgst_signs_with_a_key_of_the_token(kms, env, message, tmp_path, key):
    signature = tmp_path / "signature"
    run("openssl", "dgst", "-sha256", *ENGINE, "-sign", f"label_{key}", "-out", signature, message, env=env)
    verify_message(kms.public_key_file(key), "sha256", message, signature)


def test_dgst_works_with_keys_in_files(env, message, tmp_path):
    for options in (("RSA", "rsa_keygen_bits:2048"), ("EC", "ec_paramgen_curve:P-256")):
        key, signature = tmp_path / f"{options[0]}.pem", tmp_path / "signature"
        run("openssl", "genpkey", "-algorithm", options[0], "-pkeyopt", options[1], "-out", key, env=env)
        run("openssl", "dgst", "-sha256", "-sign", key, "-out", signature, message, env=env)
        verified = run("openssl", "dgst", "-sha256", "-prverify", key, "-signature", signature, message, env=env)
        assert b"Verified OK" in verified.stdout


@pytest.fixture
def nginx(binaries, kms, tmp_path):
    server = recipe(binaries, kms, tmp_path / "web")
    make_engine_the_default(tmp_path / "web/openssl.cnf")
    server.configure(rsa=rsa_by_label(kms), ec=ec_by_label(kms))
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def web_directory(tmp_path):
    (tmp_path / "web").mkdir()


def test_nginx_serves_and_s_client_visits(nginx, env, authority):
    """Server and client both have the engine as their default."""
    nginx.test()
    nginx.start()
    visits = handshakes(100, nginx.port, both_versions(authority.certificate))
    assert [one.error for one in visits if one.error] == []
    nginx.reload()
    for options in (("-tls1_2", "-sigalgs", "rsa_pss_rsae_sha256"), ("-tls1_3",)):
        shown = run(
            "openssl", "s_client", "-connect", f"127.0.0.1:{nginx.port}", "-CAfile", authority.certificate,
            "-verify_return_error", *options, env=env,
        )  # fmt: skip
        assert "Verification: OK" in output_of(shown) or "Verify return code: 0" in output_of(shown)
    loud = [line for line in nginx.error_log().splitlines() if "[notice]" not in line]
    assert loud == []
