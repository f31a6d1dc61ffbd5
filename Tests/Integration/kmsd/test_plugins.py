"""Plugins: stored, listed, changed and run over the API and with Fortanix's own client; x509-ca's certificates are read
by OpenSSL and by `cryptography`, which have nothing of ours."""

import base64
import ipaddress
import json
import re
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from processes import run

MARKER = "-- kmsd: native x509-ca\n"
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OPENSSL_KEYS = {
    "RSA": ["-newkey", "rsa:2048"],
    "P-256": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "P-384": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "P-521": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"],
    "Ed25519": ["-newkey", "ed25519"],
}
SIGNATURES = {
    "RSA": "sha256WithRSAEncryption",
    "P-256": "ecdsa-with-SHA256",
    "P-384": "ecdsa-with-SHA384",
    "P-521": "ecdsa-with-SHA512",
    "Ed25519": "ED25519",
}
SUBJECTS = {
    "subject-rsa": {"obj_type": "RSA", "key_size": 2048},
    "subject-p256": {"obj_type": "EC", "elliptic_curve": "NistP256"},
    "subject-p521": {"obj_type": "EC", "elliptic_curve": "NistP521"},
    "subject-ed25519": {"obj_type": "EC", "elliptic_curve": "Ed25519"},
}


class Site:
    """A group with an app, a plugin and what a CA needs."""

    def __init__(self, server, connect, name: str):
        self.name = name
        self.app = connect(f"Basic {server.make_app(name)}")
        self.admin = server.admin_session()
        groups = self.admin.expect(200, "GET", "/sys/v1/groups").json()
        self.group = next(group["group_id"] for group in groups if group["name"] == name)
        self.plugin = self.admin.expect(
            201, "POST", "/sys/v1/plugins",
            {"name": f"{name} CA", "add_groups": [self.group], "source": {"language": "lua", "code": MARKER}},
        ).json()["plugin_id"]  # fmt: skip

    def import_object(self, name: str, kind: str, der: bytes, **more) -> str:
        value = base64.b64encode(der).decode()
        body = {"name": f"{self.name} {name}", "obj_type": kind, "value": value, **more}
        return self.app.expect(201, "PUT", "/crypto/v1/keys", body).json()["kid"]

    def add_authority(self, directory, name: str, key: list[str], *options: str):
        """A self-signed CA made by OpenSSL; its key and certificate go into the KMS."""
        files = directory / f"{self.name} {name}.key", directory / f"{self.name} {name}.pem"
        run(
            "openssl", "req", "-x509", *key, "-noenc", "-keyout", files[0], "-out", files[1], "-days", "30",
            "-subj", f"/C=DE/O=Example/CN={name} CA", *(options or ("-addext", "keyUsage=critical,keyCertSign")),
        )  # fmt: skip
        der = run("openssl", "pkey", "-in", files[0], "-outform", "DER").stdout
        self.import_object(name, "RSA" if name == "RSA" else "EC", der)
        self.import_object(f"{name} cert", "CERTIFICATE", run("openssl", "x509", "-in", files[1], "-outform", "DER").stdout)
        return files[1]

    def input(self, subject: str = "subject-p256", authority: str = "P-256", **more) -> dict:
        return {
            "subject_dn": {"CN": "www.example.com"},
            "subject_key": f"{self.name} {subject}",
            "issuer_key": f"{self.name} {authority}",
            "issuer_cert": f"{self.name} {authority} cert",
            "cert_lifetime": 3600,
            **more,
        }

    def issue(self, *arguments, **more) -> str:
        answer = self.app.expect(200, "POST", f"/sys/v1/plugins/{self.plugin}", self.input(*arguments, **more))
        assert answer.headers["Content-Type"] == "application/json"
        return answer.json()

    def refuse(self, status: int, *arguments, **more) -> str:
        return self.app.expect(status, "POST", f"/sys/v1/plugins/{self.plugin}", self.input(*arguments, **more)).text


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("x509-ca")


@pytest.fixture(scope="module")
def site(server, app, directory):
    opened = []

    def connect(authorization):
        opened.append(type(app)(server, authorization))
        return opened[-1]

    site = Site(server, connect, "web")
    site.authorities = {name: site.add_authority(directory, name, key) for name, key in OPENSSL_KEYS.items()}
    for name, kind in SUBJECTS.items():
        site.app.expect(201, "POST", "/crypto/v1/keys", {"name": f"web {name}", **kind})
    yield site
    for rest in [*opened, site.admin]:
        rest.close()


# Certificates


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("authority", OPENSSL_KEYS)
def test_openssl_accepts_what_each_kind_of_ca_issues_for_each_kind_of_key(site, tmp_path, authority, subject):
    pem = site.issue(subject, authority, dns_names=["www.example.com"])
    path = tmp_path / "leaf.pem"
    path.write_text(pem)
    run("openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "www.example.com",
        "-CAfile", site.authorities[authority], path)  # fmt: skip
    text = run("openssl", "x509", "-in", path, "-noout", "-text").stdout.decode()
    assert f"Signature Algorithm: {SIGNATURES[authority]}" in text
    assert "Version: 3 (0x2)" in text and "CA:FALSE" in text


def test_the_certificate_has_the_form_that_was_asked_for(site, tmp_path):
    pem = site.issue(
        "subject-rsa", "RSA", cert_lifetime=86_400,
        subject_dn={"CN": "grüße.example", "O": "Example", "OU": ["one", "two"], "2.5.4.6": "DE", "1.2.3.4": "x"},
        dns_names=["*.example.com", "example.com"], ip_addresses=["192.0.2.1", "2001:db8::1"],
        extended_key_usage=["serverAuth", "1.3.6.1.4.1.1.1"],
    )  # fmt: skip
    lines = pem.split("\n")
    assert lines[0] == "-----BEGIN CERTIFICATE-----" and lines[-2:] == ["-----END CERTIFICATE-----", ""]
    assert {len(line) for line in lines[1:-3]} == {64}
    certificate = x509.load_pem_x509_certificate(pem.encode())
    issuer = x509.load_pem_x509_certificate(site.authorities["RSA"].read_bytes())
    certificate.verify_directly_issued_by(issuer)
    assert certificate.issuer.public_bytes() == issuer.subject.public_bytes()
    assert 2**120 < certificate.serial_number < 2**128
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(days=1)
    names = [(name.rfc4514_attribute_name, name.value) for name in certificate.subject]
    assert names == [
        ("C", "DE"), ("O", "Example"), ("OU", "one"), ("OU", "two"), ("CN", "grüße.example"), ("1.2.3.4", "x"),
    ]  # fmt: skip
    assert all(name._type.name == "UTF8String" for name in certificate.subject)
    extensions = {type(extension.value): extension for extension in certificate.extensions}
    alternatives = extensions[x509.SubjectAlternativeName].value
    assert alternatives.get_values_for_type(x509.DNSName) == ["*.example.com", "example.com"]
    assert alternatives.get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address("192.0.2.1"), ipaddress.ip_address("2001:db8::1"),
    ]  # fmt: skip
    usage = extensions[x509.KeyUsage]
    assert usage.critical and usage.value.digital_signature and usage.value.key_encipherment
    assert not usage.value.key_cert_sign and not usage.value.key_agreement
    constraints = extensions[x509.BasicConstraints]
    assert constraints.critical and not constraints.value.ca
    purposes = [purpose.dotted_string for purpose in extensions[x509.ExtendedKeyUsage].value]
    assert purposes == ["1.3.6.1.5.5.7.3.1", "1.3.6.1.4.1.1.1"]
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert extensions[x509.AuthorityKeyIdentifier].value.key_identifier == identifier
    own = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())
    assert extensions[x509.SubjectKeyIdentifier].value == own
    stored = site.app.expect(200, "POST", "/crypto/v1/keys/info", {"name": "web subject-rsa"}).json()["pub_key"]
    der = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert base64.b64decode(stored) == der


def test_serial_numbers_do_not_repeat(site):
    pems = [site.issue() for _ in range(20)]
    assert len({x509.load_pem_x509_certificate(pem.encode()).serial_number for pem in pems}) == 20


def test_a_name_may_be_an_alternative_one_only(site):
    certificate = x509.load_pem_x509_certificate(site.issue(subject_dn={}, dns_names=["a.example"]).encode())
    assert not list(certificate.subject)
    assert certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical


@pytest.mark.parametrize("digest, wanted", [("SHA384", "sha384"), ("sha512", "sha512")])
def test_the_digest_can_be_chosen(site, digest, wanted):
    for authority in ("RSA", "P-256"):
        certificate = x509.load_pem_x509_certificate(site.issue("subject-p256", authority, digest=digest).encode())
        assert certificate.signature_hash_algorithm.name == wanted


def test_a_transient_or_public_key_can_be_the_subject(site):
    created = site.app.expect(
        201, "POST", "/crypto/v1/keys", {"obj_type": "EC", "elliptic_curve": "NistP384", "transient": True}
    ).json()
    pem = site.issue(subject_key={"transient_key": created["transient_key"]})
    certificate = x509.load_pem_x509_certificate(pem.encode())
    assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    site.import_object("public", "EC", key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    certificate = x509.load_pem_x509_certificate(site.issue("public").encode())
    assert certificate.public_key() == key


# Refusals


def test_missing_fields_are_named_as_by_the_vendors_plugin(site):
    path = f"/sys/v1/plugins/{site.plugin}"
    assert site.app.expect(400, "POST", path, b"[1]").text == "invalid input"
    assert site.app.expect(400, "POST", path).text == "invalid input"
    assert site.app.expect(400, "GET", f"/sys/v1/plugins/invoke/{site.plugin}").text == "invalid input"
    messages = {
        "subject_dn": "must provide subject DN",
        "subject_key": "must specify subject key",
        "issuer_key": "must specify issuing key",
        "issuer_cert": "must specify issuing cert",
        "cert_lifetime": "must specify certificate lifetime",
    }
    for field, message in messages.items():
        assert site.refuse(400, **{field: None}) == message


@pytest.mark.parametrize(
    "field, value",
    [
        ("subject_dn", "CN=x"), ("subject_dn", {"CN": 1}), ("subject_dn", {"NOPE": "x"}), ("subject_dn", {"CN": ""}),
        ("subject_dn", {}), ("subject_dn", {"CN": "x" * 65}), ("subject_dn", {"CN": "a\nb"}), ("subject_dn", {"C": "GER"}),
        ("subject_dn", {"CN": "x", "2.5.4.3": "y"}), ("cert_lifetime", 0), ("cert_lifetime", -1),
        ("cert_lifetime", "3600"), ("cert_lifetime", 1.5), ("cert_lifetime", 10**10), ("cert_lifetime", 2**63 - 1),
        ("digest", "SHA1"), ("digest", "MD5"), ("digest", 1), ("dns_names", ["-x.example"]), ("dns_names", [""]),
        ("dns_names", ["a..b"]), ("dns_names", ["*.*.example"]), ("dns_names", ["münchen.example"]), ("dns_names", [1]),
        ("dns_names", ["192.0.2.1"]), ("dns_names", ["x" * 64 + ".example"]), ("dns_names", ["a.example"] * 101),
        ("ip_addresses", ["192.0.2"]), ("ip_addresses", ["2001:db8::1/64"]), ("ip_addresses", ["www.example.com"]),
        ("key_usage", ["keyCertSign"]), ("key_usage", ["keyEncipherment"]), ("key_usage", ["encipherOnly"]),
        ("key_usage", []), ("key_usage", "nope"), ("extended_key_usage", ["nope"]), ("subject_key", 5),
        ("subject_key", {"name": "a", "kid": "b"}), ("subject_key", {"transient_key": "!"}),
        # Numbers that a careless reader would multiply, and first ones that there are not.
        ("subject_dn", {"2.18446744073709551615": "x"}), ("subject_dn", {"18446744073709551615.1": "x"}),
        ("subject_dn", {"CN": "x", "1.2.18446744073709551615": "x"}), ("subject_dn", {"3.1": "x"}),
        ("subject_dn", {"1.40": "x"}), ("subject_dn", {"1": "x"}), ("subject_dn", {"1..2": "x"}),
        ("extended_key_usage", ["2.18446744073709551615"]), ("extended_key_usage", ["1.2.+3"]),
    ],
)  # fmt: skip
def test_other_inputs_are_refused_by_the_name_of_the_field(site, field, value):
    assert f'Field "{field}' in site.refuse(400, **{field: value})


def test_the_ca_must_be_one(site, directory):
    assert 'Field "issuer_cert": the certificate is for another key' in site.refuse(400, issuer_cert="web P-384 cert")
    assert "the object is no certificate" in site.refuse(400, issuer_cert="web P-256")
    assert "operation is not allowed" in site.refuse(403, issuer_key="web P-256 cert")
    site.add_authority(directory, "leaf", OPENSSL_KEYS["P-256"], "-addext", "basicConstraints=critical,CA:FALSE")
    assert "not a CA's" in site.refuse(400, authority="leaf")
    site.add_authority(directory, "crl", OPENSSL_KEYS["P-256"], "-addext", "keyUsage=critical,cRLSign")
    assert "lacks keyCertSign" in site.refuse(400, authority="crl")
    assert "outlive its CA's" in site.refuse(400, cert_lifetime=31 * 86_400)
    assert "sobject does not exist" in site.refuse(404, issuer_key="no such key")
    assert 'Field "subject_key"' in site.refuse(404, subject_key="no such key")


def test_what_certificates_cannot_be_made_with_is_named(site):
    for name, kind in (("p224", "NistP224"), ("k1", "SecP256K1"), ("ed448", "Ed448"), ("x25519", "X25519")):
        body = {"name": f"web {name}", "obj_type": "EC", "elliptic_curve": kind}
        site.app.expect(201, "POST", "/crypto/v1/keys", body)
        assert "this key is none of them" in site.refuse(400, name)
    site.app.expect(201, "POST", "/crypto/v1/keys", {"name": "web aes", "obj_type": "AES", "key_size": 256})
    assert "no RSA or EC key" in site.refuse(400, "aes")
    site.app.expect(400, "POST", f"/sys/v1/plugins/{site.plugin}", b'{"subject_dn":')


@pytest.mark.parametrize("field", ["subject_key", "issuer_cert", "issuer_key"])
def test_nothing_revoked_takes_part(site, directory, field):
    site.add_authority(directory, f"revoked {field}", OPENSSL_KEYS["P-256"])
    site.app.expect(201, "POST", "/crypto/v1/keys", {"name": f"web leaf {field}", **SUBJECTS["subject-p256"]})
    body = site.input(f"leaf {field}", f"revoked {field}")
    path = f"/sys/v1/plugins/{site.plugin}"
    site.app.expect(200, "POST", path, body)
    kid = site.app.expect(200, "POST", "/crypto/v1/keys/info", {"name": body[field]}).json()["kid"]
    site.admin.expect(204, "POST", f"/crypto/v1/keys/{kid}/revoke", {"code": "KeyCompromise"})
    assert "Compromised" in site.app.expect(403, "POST", path, body).text


CONSTRAINTS = (
    "nameConstraints=critical,permitted;DNS:example.com,excluded;DNS:secret.example.com,"
    "permitted;IP:192.0.2.0/255.255.255.0,permitted;email:example.com"
)


def accepted_by_openssl(directory, pem: str, authority, *options) -> bool:
    path = directory / "issued.pem"
    path.write_text(pem)
    return run("openssl", "verify", *options, "-CAfile", authority, path, check=False).returncode == 0


def test_the_names_are_those_that_the_ca_may_certify(site, directory, tmp_path):
    authority = site.add_authority(
        directory, "constrained", OPENSSL_KEYS["P-256"], "-addext", "keyUsage=critical,keyCertSign", "-addext", CONSTRAINTS
    )
    for more in (
        {"dns_names": ["www.example.com", "example.com"], "ip_addresses": ["192.0.2.7"]},
        {"dns_names": ["*.example.com"]},
        {"subject_dn": {}, "dns_names": ["a.b.example.com"]},
        {"subject_dn": {"CN": "somebody"}},
    ):
        pem = site.issue(authority="constrained", **more)
        assert accepted_by_openssl(tmp_path, pem, authority, "-x509_strict")
    twin = tmp_path / "twin.pem"
    run("openssl", "req", "-x509", "-key", site.authorities["P-256"].with_suffix(".key"), "-out", twin, "-days", "30",
        "-subj", "/C=DE/O=Example/CN=P-256 CA", "-addext", CONSTRAINTS)  # fmt: skip
    for more in (
        {"dns_names": ["www.example.com", "www.example.org"]},
        {"dns_names": ["www.secret.example.com"]},
        {"dns_names": ["notexample.com"]},
        {"dns_names": ["www.example.com"], "ip_addresses": ["198.51.100.7"]},
        # Without other names the common name counts as one, if it looks like it.
        {"subject_dn": {"CN": "www.example.org"}},
        {"subject_dn": {"CN": "somebody", "emailAddress": "somebody@example.org"}},
    ):
        assert "the CA's name constraints do not allow" in site.refuse(400, authority="constrained", **more), more
        # Verifiers would refuse it, too: another CA, which has no constraints, issues it, and they see some in its place.
        assert not accepted_by_openssl(tmp_path, site.issue(**more), twin), more


def test_constraints_on_directories_hold_for_the_subject(site, directory, tmp_path):
    configuration = directory / "constraints.cnf"
    configuration.write_text(
        "[req]\ndistinguished_name=name\n[name]\n[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"
        "subjectKeyIdentifier=hash\nnameConstraints=critical,permitted;dirName:here\n[here]\nO=Example\n"
    )
    authority = site.add_authority(
        directory, "directory", OPENSSL_KEYS["P-256"], "-config", configuration, "-extensions", "ca"
    )
    pem = site.issue(authority="directory", subject_dn={"O": "Example"})
    assert accepted_by_openssl(tmp_path, pem, authority)
    refusal = site.refuse(400, authority="directory", subject_dn={"O": "Other", "CN": "www.example.com"})
    assert "name constraints" in refusal


def test_the_purposes_are_those_of_the_ca(site, directory, tmp_path):
    authority = site.add_authority(
        directory, "clients", OPENSSL_KEYS["P-256"], "-addext", "keyUsage=critical,keyCertSign", "-addext",
        "extendedKeyUsage=clientAuth",
    )  # fmt: skip
    pem = site.issue(authority="clients", extended_key_usage=["clientAuth"])
    assert accepted_by_openssl(tmp_path, pem, authority, "-purpose", "sslclient")
    assert not accepted_by_openssl(tmp_path, pem, authority, "-purpose", "sslserver")
    for purposes in (["serverAuth"], ["clientAuth", "serverAuth"]):
        assert 'Field "extended_key_usage"' in site.refuse(400, authority="clients", extended_key_usage=purposes)


def test_no_certificate_outlives_its_ca_and_path_lengths_do_not_matter_to_it(site, directory, tmp_path):
    """A path length of 0 still allows certificates that are no CA's, and the plugin makes no others."""
    authority = site.add_authority(
        directory, "last", OPENSSL_KEYS["P-256"], "-addext", "keyUsage=critical,keyCertSign", "-addext",
        "basicConstraints=critical,CA:TRUE,pathlen:0",
    )  # fmt: skip
    pem = site.issue(authority="last", cert_lifetime=29 * 86_400)
    assert accepted_by_openssl(tmp_path, pem, authority, "-x509_strict")
    end = x509.load_pem_x509_certificate(authority.read_bytes()).not_valid_after_utc
    assert x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc <= end
    assert "outlive its CA's" in site.refuse(400, authority="last", cert_lifetime=30 * 86_400 + 60)


def test_an_expired_ca_issues_nothing(site, directory):
    from cryptography.hazmat.primitives import hashes
    from datetime import datetime, timezone

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "old")])
    now = datetime.now(timezone.utc)
    for label, start, end in (("expired", -10, -1), ("future", 1, 10)):
        certificate = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(1).not_valid_before(now + timedelta(days=start)).not_valid_after(now + timedelta(days=end))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())
        )  # fmt: skip
        site.import_object(f"{label} cert", "CERTIFICATE", certificate.public_bytes(Encoding.DER))
    from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat

    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    site.import_object("old", "EC", der)
    assert "has expired" in site.refuse(400, issuer_key="web old", issuer_cert="web expired cert")
    assert "not valid yet" in site.refuse(400, issuer_key="web old", issuer_cert="web future cert")


def test_the_caller_needs_the_right_to_sign(server, site, connect):
    created = site.app.expect(201, "POST", "/crypto/v1/keys", {
        "name": "web mute", "obj_type": "EC", "elliptic_curve": "NistP256", "key_ops": ["VERIFY"],
    })  # fmt: skip
    assert created.json()["kid"]
    assert "not allowed" in site.refuse(403, issuer_key="web mute")
    app = site.admin.expect(201, "POST", "/sys/v1/apps", {"name": "reader", "add_groups": {site.group: ["VERIFY"]}})
    secret = site.admin.expect(200, "GET", f"/sys/v1/apps/{app.json()['app_id']}/credential").json()["credential"]["secret"]
    reader = connect("Basic " + base64.b64encode(f"{app.json()['app_id']}:{secret}".encode()).decode())
    answer = reader.expect(403, "POST", f"/sys/v1/plugins/{site.plugin}", site.input())
    assert "lacks the permission SIGN" in answer.text


def test_no_other_group_is_reached_through_a_plugin(server, site, connect):
    other = Site(server, connect, "other")
    try:
        other.app.expect(201, "POST", "/crypto/v1/keys", {"name": "other subject-p256", **SUBJECTS["subject-p256"]})
        # The other app sees neither the plugin nor the objects.
        other.app.expect(404, "POST", f"/sys/v1/plugins/{site.plugin}", site.input())
        other.app.expect(404, "GET", f"/sys/v1/plugins/{site.plugin}")
        listed = other.app.expect(200, "GET", "/sys/v1/plugins").json()
        assert [plugin["plugin_id"] for plugin in listed] == [other.plugin]
        for field, value in (("issuer_key", "web P-256"), ("issuer_cert", "web P-256 cert"), ("subject_key", "web subject-p256")):
            foreign = {**other.input(), field: value}
            unknown = {**other.input(), field: "nothing at all"}
            answers = [
                other.app.ask("POST", f"/sys/v1/plugins/{other.plugin}", body) for body in (foreign, unknown)
            ]
            assert [answer.status for answer in answers] == [404, 404]
            assert answers[0].text == answers[1].text
        # An administrator reaches both groups, but not through a plugin that is in one of them.
        answer = other.admin.expect(403, "POST", f"/sys/v1/plugins/{other.plugin}", site.input())
        assert "the plugin is not in the group" in answer.text
        assert other.app.expect(403, "DELETE", f"/sys/v1/plugins/{other.plugin}").status == 403
    finally:
        other.admin.close()


# Stored plugins


def test_plugins_are_stored_changed_and_deleted(site):
    source = {"repo_url": "https://example.com/library", "plugin_name": "x509-ca", "version": "1.1"}
    made = site.admin.expect(
        201, "POST", "/sys/v1/plugins", {"name": "mine", "source": source, "add_groups": [site.group], "description": None}
    ).json()
    path = f"/sys/v1/plugins/{made['plugin_id']}"
    assert made["source"] == source and made["groups"] == [site.group] and made["enabled"] is True
    assert made["default_group"] == site.group and made["plugin_type"] == "STANDARD" and "lastrun_at" not in made
    assert UUID.fullmatch(made["creator"]["user"])
    assert site.app.expect(200, "POST", path, site.input()).json().startswith("-----BEGIN CERTIFICATE-----\n")
    assert site.app.expect(200, "GET", path).json()["lastrun_at"]
    changed = site.admin.expect(200, "PATCH", path, {"enabled": False, "name": None, "description": "off"}).json()
    assert changed["name"] == "mine" and changed["description"] == "off" and changed["source"] == source
    assert "disabled" in site.app.expect(403, "POST", path, site.input()).text
    site.admin.expect(409, "PATCH", path, {"name": "web CA"})
    site.admin.expect(409, "POST", "/sys/v1/plugins", {"name": "mine", "source": source, "add_groups": [site.group]})
    extra = site.admin.expect(201, "POST", "/sys/v1/groups", {"name": "extra"}).json()["group_id"]
    changed = site.admin.expect(
        200, "PATCH", path, {"add_groups": [extra], "del_groups": [site.group], "default_group": extra}
    ).json()
    assert changed["groups"] == [extra] and changed["default_group"] == extra
    site.app.expect(404, "GET", path)
    assert "1 plugin" in site.admin.expect(409, "DELETE", f"/sys/v1/groups/{extra}").text
    assert site.admin.expect(204, "DELETE", path).text == ""
    site.admin.expect(404, "GET", path)
    site.admin.expect(204, "DELETE", f"/sys/v1/groups/{extra}")


def test_lists_have_filters_and_pages(site):
    names = [f"list {number}" for number in range(5)]
    for name in names:
        site.admin.expect(
            201, "POST", "/sys/v1/plugins",
            {"name": name, "add_groups": [site.group], "source": {"language": "LUA", "code": "function run() end"}},
        )  # fmt: skip

    def listed(query: str) -> list[str]:
        return [plugin["name"] for plugin in site.admin.expect(200, "GET", f"/sys/v1/plugins?{query}").json()]

    everything = listed("")
    assert everything == sorted(everything) and set(names) < set(everything)
    assert listed("sort=name:desc") == everything[::-1]
    assert listed("limit=2&offset=1") == everything[1:3]
    assert listed(f"group_id={site.group}&limit=3&offset=0") == [name for name in listed(f"group_id={site.group}")][:3]
    assert listed("group_id=00000000-0000-0000-0000-000000000000") == []
    site.admin.expect(400, "GET", "/sys/v1/plugins?sort=age")


@pytest.mark.parametrize(
    "change",
    [
        {"source": None}, {"source": {}}, {"source": {"language": "LUA"}}, {"source": {"code": "x"}},
        {"source": {"language": "COBOL", "code": "x"}}, {"source": {"plugin_name": "nope"}}, {"name": ""},
        {"source": {"language": "LUA", "code": "x", "plugin_name": "x509-ca"}}, {"add_groups": []}, {"name": None},
        {"add_groups": ["00000000-0000-0000-0000-000000000000"]}, {"default_group": "00000000-0000-0000-0000-000000000000"},
        {"plugin_type": "impersonating"}, {"plugin_type": "nope"}, {"signature": "x"},
    ],
)  # fmt: skip
def test_what_no_plugin_can_be_is_refused(site, change):
    body = {"name": "bad", "add_groups": [site.group], "source": {"language": "LUA", "code": "x"}, **change}
    assert "Field" in site.admin.expect(400, "POST", "/sys/v1/plugins", body).text


def test_lua_is_stored_but_not_run(site):
    body = {"name": "lua", "add_groups": [site.group], "source": {"language": "LUA", "code": "function run(input) end"}}
    made = site.admin.expect(201, "POST", "/sys/v1/plugins", body).json()
    assert made["source"]["code"] == body["source"]["code"]
    text = site.app.expect(501, "POST", f"/sys/v1/plugins/{made['plugin_id']}", {}).text
    assert "x509-ca" in text and "kmsctl plugin install" in text


def test_each_run_is_recorded(site):
    serial = x509.load_pem_x509_certificate(site.issue().encode()).serial_number
    hits = site.admin.expect(200, "GET", f"/sys/v1/logs?action_type=RUNPLUGIN&object_id={site.plugin}&size=1").json()["hits"]
    record = hits[0]["_source"]
    assert record["actor_type"] == "App" and record["group_ids"] == [site.group]
    for name in ("web subject-p256", "web P-256", "web P-256 cert", f"{serial:x}"):
        assert name in record["message"]
    key = site.app.expect(200, "POST", "/crypto/v1/keys/info", {"name": "web P-256"}).json()["kid"]
    hits = site.admin.expect(200, "GET", f"/sys/v1/logs?object_id={key}&size=1").json()["hits"]
    assert f"{serial:x}" in hits[0]["_source"]["message"]
    assert hits[0]["_source"]["action_type"] == "CRYPTOOPERATION"


def test_the_official_client_makes_runs_and_deletes_plugins(server, cli, site, tmp_path):
    (tmp_path / "ca.lua").write_text(MARKER + "function run(input) end\n")
    (tmp_path / "input.json").write_text(json.dumps(site.input(dns_names="www.example.com")))
    cli("user-login", "--username", server.admin, "--password", server.password)
    plugin = cli("create-plugin", "--name", "cli CA", "--in", tmp_path / "ca.lua").strip()
    assert UUID.fullmatch(plugin)
    assert cli("update-plugin", "--id", plugin, "--in", tmp_path / "ca.lua", "--group-id", site.group).strip() == plugin
    for choice in (("--name", "cli CA"), ("--id", plugin)):
        cli("invoke-plugin", *choice, "--in", tmp_path / "input.json", "--out", tmp_path / "output.json")
        pem = json.loads((tmp_path / "output.json").read_text())
        (tmp_path / "leaf.pem").write_text(pem)
        run("openssl", "verify", "-CAfile", site.authorities["P-256"], tmp_path / "leaf.pem")
    cli("audit-log")
    (dump,) = cli.directory.glob("log_dump_*.csv")
    assert "ran plugin" in dump.read_text()
    cli("delete-plugin", "--id", plugin)
    site.admin.expect(404, "GET", f"/sys/v1/plugins/{plugin}")
    cli("user-logout")
