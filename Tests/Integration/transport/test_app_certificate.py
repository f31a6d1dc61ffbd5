"""`app_id`: an app that logs in with its certificate and has no API key."""

import base64
import ssl

import pytest
from kms import write_configuration
from module_host import PRIVATE, ModuleHost
from processes import clean_environment, output_of, run


@pytest.fixture
def certificate(identity):
    return identity("app")


@pytest.fixture
def app(kms, certificate):
    """Its id."""
    der = base64.b64encode(ssl.PEM_cert_to_DER_cert(certificate.certificate.read_text())).decode()
    groups = {one["name"]: one["group_id"] for one in kms.ask("GET", "/sys/v1/groups")}
    group = groups[kms.group]
    made = kms.ask("POST", "/sys/v1/apps", {
        "name": "certified", "credential": {"certificate": der}, "add_groups": [group], "default_group": group,
    })  # fmt: skip
    yield made["app_id"]
    kms.ask("DELETE", f"/sys/v1/apps/{made['app_id']}")


@pytest.fixture
def settings(kms, certificate, tmp_path):
    def write(**values):
        return write_configuration(
            tmp_path / "kms-pkcs11.conf", kms.ca_file, api_endpoint=kms.url,
            cert_file=str(certificate.certificate), key_file=str(certificate.key), **values,
        )  # fmt: skip

    return write


def test_it_logs_in_without_a_pin(kms, binaries, app, settings, tmp_path):
    environment = clean_environment(KMS_PKCS11_CONF=str(settings(app_id=app)))
    with ModuleHost(binaries.module, environment, tmp_path / "log") as host:
        # What is public is there before.
        assert host.find() and not host.find(kind=PRIVATE)
        host.login()
        (key,) = host.find(label="p256-key", kind=PRIVATE)
        host.sign(key=key)
        assert host.log() == ""


def test_an_api_key_comes_first(kms, binaries, settings, tmp_path):
    nobody = "00000000-0000-4000-8000-000000000000"
    environment = clean_environment(KMS_PKCS11_CONF=str(settings(app_id=nobody, api_key=kms.api_key)))
    with ModuleHost(binaries.module, environment, tmp_path / "log") as host:
        host.login()
        assert host.find(kind=PRIVATE)


def test_the_doctor_logs_in_as_well(binaries, app, settings):
    environment = clean_environment(KMS_PKCS11_CONF=str(settings(app_id=app)))
    result = run(binaries.kmsctl, "doctor", env=environment, check=False)
    assert result.returncode == 0 and "the KMS accepts the app's certificate" in output_of(result)
    wrong = settings(app_id="00000000-0000-4000-8000-000000000000")
    result = run(binaries.kmsctl, "doctor", env=clean_environment(KMS_PKCS11_CONF=str(wrong)), check=False)
    assert result.returncode != 0 and "401" in output_of(result)
