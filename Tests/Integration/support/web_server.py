"""NGINX with the module, the way the published recipe says."""

from pathlib import Path

from kms import KMS, P256_KEY, RSA_KEY, Binaries
from nginx import Nginx
from processes import clean_environment
from samples import render_configuration, render_openssl_cnf, unit_environment


def recipe(
    binaries: Binaries, kms: KMS, directory: Path, pin: str | None = None, ca_file: Path | None = None, **configuration
) -> Nginx:
    """An NGINX that is ready to be configured.

    The PIN in openssl.cnf is the API key itself unless another form is given. The endpoint is in the environment of the
    master only, and the KMS's authority in `ca_certs_file` of the configuration file.
    """
    openssl_cnf = render_openssl_cnf(directory / "openssl.cnf", binaries.module, pin or kms.api_key)
    settings = render_configuration(directory / "kms-pkcs11.conf", ca_file or kms.ca_file, **configuration)
    environment = clean_environment(KMS_PKCS11_CONF=str(settings)) | unit_environment(kms.url, openssl_cnf)
    return Nginx(directory / "nginx", environment)


def recipe_with_system_files(binaries: Binaries, kms: KMS, directory: Path) -> Nginx:
    """The publication to the letter: openssl.cnf replaced, the KMS's authority in the system's store, and nothing in the
    environment but the endpoint. A mount namespace keeps the replacements to this NGINX, and hides a
    configuration that is installed on this machine.
    """
    openssl_cnf = render_openssl_cnf(directory / "openssl.cnf", binaries.module, kms.api_key)
    store = Path("/etc/ssl/certs/ca-certificates.crt")
    bundle = directory / "ca-certificates.crt"
    bundle.write_bytes(store.read_bytes() + kms.ca_file.read_bytes())
    script = f"""
        set -e
        mount --bind "$1" /etc/ssl/openssl.cnf
        mount --bind "$2" {store}
        for installed in /etc/kms-pkcs11 /etc/fortanix; do [ ! -d $installed ] || mount -t tmpfs none $installed; done
        shift 2
        exec "$@"
    """
    wrapper = ["unshare", "--mount", "sh", "-c", script, "sh", str(openssl_cnf), str(bundle)]
    environment = clean_environment(FORTANIX_API_ENDPOINT=kms.url)
    return Nginx(directory / "nginx", environment, wrapper)


def rsa_by_label(kms: KMS) -> tuple[str, Path]:
    return f"engine:pkcs11:label_{RSA_KEY}", kms.certificates[RSA_KEY]


def ec_by_label(kms: KMS) -> tuple[str, Path]:
    return f"engine:pkcs11:label_{P256_KEY}", kms.certificates[P256_KEY]


def by_uri(kms: KMS, key: str, token: str) -> tuple[str, Path]:
    return f'"engine:pkcs11:pkcs11:token={token};object={key};type=private"', kms.certificates[key]
