"""The commands of the official client that make, show, change and end keys and other objects."""

import base64
import json
import os

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_private_key, pkcs12
from processes import run

command = pytest.mark.command

CURVES = ["NistP224", "NistP256", "NistP384", "NistP521", "SecP256K1", "Ed25519", "Ed448", "X25519", "X448"]


@pytest.fixture(scope="module")
def api_key(server) -> str:
    return server.make_app("cli-keys")


@pytest.fixture(scope="module")
def rest(server, api_key):
    return server.connect(f"Basic {api_key}")


@pytest.fixture(scope="module", autouse=True)
def login(cli, api_key):
    cli("app-login", "--api-key", api_key)


@pytest.fixture
def create(cli):
    """Makes a key through the client."""

    def make(name: str, obj_type: str, *more) -> str:
        return cli.kid("create-key", "--name", name, "--obj-type", obj_type, "-f", *more)

    return make


def openssl(*arguments, input: bytes = b"") -> bytes:
    return run("openssl", *arguments, input=input).stdout


def public_key(server, kid: str):
    return load_der_public_key(base64.b64decode(server.attribute(kid, "pub_key")))


@command("create-key", "type, size and curve of each in the database; a taken name is refused")
def test_keys_of_every_type(cli, create, server):
    sizes = {"AES": [128, 192, 256], "DES3": [112, 168], "HMAC": [160, 512], "RSA": [2048]}
    made = {create(f"new-{t}-{s}", t, "--key-size", str(s)): (t, s) for t in sizes for s in sizes[t]}
    for kid, (obj_type, size) in made.items():
        assert (server.attribute(kid, "obj_type"), server.attribute(kid, "key_size")) == (obj_type, size)
        assert server.attribute(kid, "origin") == "FortanixHSM" and server.attribute(kid, "state") == "Active"
    e3 = create("new-RSA-e3", "RSA", "--key-size", "2048", "--pub-exponent", "3")
    assert public_key(server, e3).public_numbers().e == 3
    for curve in CURVES:
        operations = "AGREEKEY,APPMANAGEABLE" if curve.startswith("X") else "SIGN,VERIFY,APPMANAGEABLE"
        kid = create(f"new-{curve}", "EC", "--ec-name", curve, "--key-ops", operations)
        assert server.attribute(kid, "elliptic_curve") == curve
        assert sorted(json.loads(server.attribute(kid, "key_ops"))) == sorted(operations.split(","))
    text = cli.refused("create-key", "--name", "new-AES-128", "--obj-type", "AES", "--key-size", "128")
    assert "status:   409" in text and "sobject already exists" in text


@command("import-key", "the exported value, or the public key in the database, is that of the file")
@command("import-secret", "the exported value is that of the file")
@command("import-cert", "the value in the database is the certificate's DER")
@command("export-object", "the value that was imported, as hex, PEM and DER; refused without EXPORT")
def test_imports(cli, server, tmp_path):
    value = os.urandom(32)
    (tmp_path / "hex").write_text(value.hex())
    (tmp_path / "raw").write_bytes(value)
    (tmp_path / "rsa.pem").write_bytes(openssl("genrsa", "-traditional", "2048"))
    (tmp_path / "ec.pem").write_bytes(openssl("ecparam", "-genkey", "-noout", "-name", "secp384r1"))
    (tmp_path / "ed.pem").write_bytes(openssl("genpkey", "-algorithm", "ED25519"))
    aes = cli.kid(
        *("import-key", "--name", "imported-aes", "--obj-type", "AES", "--in", tmp_path / "hex", "--exportable", "-f"),
        *("--description", "from a file", "--custom-metadata", '{"colour": "grün"}'),
    )
    assert cli("export-object", "--kid", aes) == value.hex()
    assert cli.raw("export-object", "--name", "imported-aes", "--binary") == value
    assert server.attribute(aes, "description") == "from a file"
    assert json.loads(server.attribute(aes, "custom_metadata")) == {"colour": "grün"}
    hmac = cli.kid("import-key", "--name", "imported-hmac", "--obj-type", "HMAC", "--der", "--in", tmp_path / "raw")
    assert server.attribute(hmac, "origin") == "External" and server.attribute(hmac, "key_size") == 256
    assert "status:   403" in cli.refused("export-object", "--kid", hmac)
    for name, obj_type in {"rsa": "RSA", "ec": "EC", "ed": "EC"}.items():
        kid = cli.kid(
            "import-key", "--name", f"imported-{name}", "--obj-type", obj_type, "--in", tmp_path / f"{name}.pem",
            "--exportable", "-f",
        )  # fmt: skip
        key = load_pem_private_key((tmp_path / f"{name}.pem").read_bytes(), None)
        assert public_key(server, kid) == key.public_key()
        (tmp_path / "back.der").write_bytes(cli.raw("export-object", "--kid", kid, "--der"))
        again = openssl("pkey", "-inform", "DER", "-in", tmp_path / "back.der", "-pubout")
        assert again == openssl("pkey", "-in", tmp_path / f"{name}.pem", "-pubout")
        if name != "ed":
            assert f"-----BEGIN {obj_type} PRIVATE KEY-----" in cli("export-object", "--kid", kid)
    (tmp_path / "cert.pem").write_bytes(openssl("req", "-x509", "-new", "-key", tmp_path / "rsa.pem", "-subj", "/CN=x"))
    der = openssl("x509", "-in", tmp_path / "cert.pem", "-outform", "DER")
    (tmp_path / "cert.der").write_bytes(der)
    for name, more in {"pem": [], "der": ["--der"]}.items():
        kid = cli.kid("import-cert", "--name", f"imported-{name}", "--in", tmp_path / f"cert.{name}", *more)
        assert base64.b64decode(server.attribute(kid, "value")) == der
    (tmp_path / "secret").write_text("a secret\n")
    secret = cli.kid("import-secret", "--name", "imported-secret", "--in", tmp_path / "secret")
    assert server.attribute(secret, "obj_type") == "SECRET" and cli("export-object", "--kid", secret) == "a secret"
    opaque = cli.kid(
        "import-secret", "--name", "imported-opaque", "--obj-type", "OPAQUE", "--in", tmp_path / "secret"
    )
    assert server.attribute(opaque, "obj_type") == "OPAQUE" and cli("export-object", "--kid", opaque) == "a secret"


@command("import-pfx", "client bug: it asks for an attribute that `cryptography` dropped: AttributeError")
@command("export-pfx", "openssl pkcs12 and cryptography read key and certificate out of the file")
def test_pfx(cli, tmp_path):
    (tmp_path / "key.pem").write_bytes(openssl("genrsa", "-traditional", "2048"))
    certificate = openssl("req", "-x509", "-new", "-key", tmp_path / "key.pem", "-subj", "/CN=pfx")
    (tmp_path / "cert.pem").write_bytes(certificate)
    key = cli.kid(
        *("import-key", "--name", "pfx-key", "--obj-type", "RSA", "--in", tmp_path / "key.pem", "--exportable", "-f")
    )
    cert = cli.kid("import-cert", "--name", "pfx-cert", "--in", tmp_path / "cert.pem")
    out = tmp_path / "out.pfx"
    cli("export-pfx", "--out", out, "--password", "word", "--cert-uuid", cert, "--key-uuid", key)
    opened = pkcs12.load_pkcs12(out.read_bytes(), b"word")
    own = load_pem_private_key((tmp_path / "key.pem").read_bytes(), None)
    assert opened.key.private_numbers() == own.private_numbers()
    assert opened.cert.certificate == x509.load_pem_x509_certificate(certificate)
    assert b"PRIVATE KEY" in openssl("pkcs12", "-in", out, "-passin", "pass:word", "-nodes", "-legacy")
    text = cli.fails("import-pfx", "--in", out, "--key-type", "RSA", "--name", "pfx", "--password", "word")
    assert "AttributeError: " in text and "'_cert'" in text


@command("list-keys", "the ids of the database, in pages and by name")
@command("list-objects", "the ids of the database, in pages and by name")
@command("show-sobject", "its JSON is that of the database and of REST")
def test_lists(cli, create, server, rest):
    made = {create(f"listed {number}", "AES", "--key-size", "128") for number in range(3)}
    everything = {row["kid"] for row in rest.expect(200, "GET", "/crypto/v1/keys").json()}
    for name in ("list-keys", "list-objects"):
        pages = [cli(name, "--limit", "40", "--offset", str(offset)).splitlines() for offset in range(0, 120, 40)]
        listed = [line.split(" ", 1)[0] for page in pages for line in page]
        assert all(len(page) <= 40 for page in pages) and len(listed) == len(set(listed))
        assert set(listed) == everything and made <= set(listed)
        (line,) = cli(name, "--name", "listed 1").splitlines()
        assert line.endswith('"listed 1" "Created by sdkms-cli 5.6.2919" ObjectType.AES 128')
        assert not cli(name, "--name", "listed")
    (kid,) = server.sql("SELECT kid FROM sobject WHERE name = 'listed 2'")
    shown = json.loads(cli("show-sobject", "--name", "listed 2"))
    assert shown == json.loads(cli("show-sobject", "--kid", kid))
    told = rest.expect(200, "GET", f"/crypto/v1/keys/{kid}").json()
    same = ("kid", "name", "obj_type", "key_size", "key_ops", "enabled", "state", "group_id", "creator", "created_at")
    for field in same:
        stored = server.attribute(kid, field) if field != "kid" else kid
        assert told[field] == (json.loads(stored) if isinstance(told[field], list | dict) else stored), field
        expected = sorted(told[field]) if field == "key_ops" else told[field]
        given = sorted(shown[field]) if field == "key_ops" else shown[field]
        if field == "creator":
            given = {name: value for name, value in given.items() if value is not None}
        assert given == expected or field == "created_at", field


@command("update-object", "description, operations and metadata are in the database; nothing else has changed")
def test_update(cli, create, server):
    kid = create("updated", "AES", "--key-size", "256", "--exportable", "--custom-metadata", '{"a": "1"}')
    cli("update-object", "--name", "updated", "--description", "changed")
    assert server.attribute(kid, "description") == "changed" and server.attribute(kid, "name") == "updated"
    assert json.loads(server.attribute(kid, "custom_metadata")) == {"a": "1"}
    cli("update-object", "--kid", kid, "--custom-metadata", '{"b": "2"}')
    assert json.loads(server.attribute(kid, "custom_metadata")) == {"b": "2"}
    assert cli("export-object", "--kid", kid)
    cli("update-object", "--name", "updated", "--disable-export")
    assert "EXPORT" not in server.attribute(kid, "key_ops") and "ENCRYPT" in server.attribute(kid, "key_ops")
    assert "not allowed" in cli.refused("export-object", "--name", "updated")
    cli("update-object", "--kid", kid, "--key-ops", "DECRYPT,APPMANAGEABLE")
    assert sorted(json.loads(server.attribute(kid, "key_ops"))) == ["APPMANAGEABLE", "DECRYPT"]
    assert server.attribute(kid, "description") == "changed" and server.attribute(kid, "state") == "Active"


@command("activate-object", "the database says Active; a second time is refused")
@command("revoke-object", "the database says Deactivated or Compromised; the key signs no more")
@command("delete-key", "gone from the database")
def test_states(cli, create, rest, server, tmp_path):
    def early(name: str) -> str:
        body = {"name": name, "obj_type": "AES", "key_size": 128, "state": "PreActive"}
        return rest.expect(201, "POST", "/crypto/v1/keys", body).json()["kid"]

    by_name, by_id = early("early 1"), early("early 2")
    cli("activate-object", "--name", "early 1")
    cli("activate-object", "--kid", by_id)
    assert server.attribute(by_name, "state") == server.attribute(by_id, "state") == "Active"
    assert "status:   400" in cli.refused("activate-object", "--kid", by_id)
    (tmp_path / "data").write_bytes(b"data")
    for code, state in {"Superseded": "Deactivated", "KeyCompromise": "Compromised"}.items():
        kid = create(f"revoked {code}", "EC", "--ec-name", "NistP256")
        sign = ("sign", "--kid", kid, "--hash-alg", "SHA256", "--in", tmp_path / "data", "--out", tmp_path / "s")
        cli(*sign)
        cli("revoke-object", "--name", f"revoked {code}", "--code", code, "--message", "because")
        assert server.attribute(kid, "state") == state
        assert f"in state {state}" in cli.refused(*sign)
        cli("delete-key", "--kid", kid)
        assert server.sql("SELECT count(*) FROM sobject WHERE kid = ?", kid) == (0,)
        assert "status:   404" in cli.refused("show-sobject", "--kid", kid)


@command("rotate-key", "new id, name and value; the old object is renamed and linked both ways in the database")
@command("rotate-secret", "the name exports the new value, the old object the old one")
def test_rotation(cli, create, server, tmp_path):
    first = create("rotated", "AES", "--key-size", "256", "--exportable")
    second = cli.kid("rotate-key", "--name", "rotated")
    assert first != second
    assert cli("export-object", "--kid", first) != cli("export-object", "--name", "rotated")
    assert server.attribute(second, "name") == "rotated" and server.attribute(second, "key_size") == 256
    assert server.attribute(first, "name").startswith("rotated (rotated at ")
    assert server.attribute(first, "links.replacement") == second
    assert server.attribute(second, "links.replaced") == first
    for value in ("one", "two"):
        (tmp_path / value).write_text(value)
    old = cli.kid("import-secret", "--name", "word", "--in", tmp_path / "one")
    new = cli.kid("rotate-secret", "--name", "word", "--in", tmp_path / "two")
    assert cli("export-object", "--name", "word") == "two" == cli("export-object", "--kid", new)
    assert cli("export-object", "--kid", old) == "one"


@command("persist-key", "the stored key decrypts what the transient one encrypted; --key-ops is a client bug: TypeError")
def test_transient_keys(cli, server, tmp_path):
    count = server.sql("SELECT count(*) FROM sobject")
    made = cli("create-key", "--name", "t", "--obj-type", "AES", "--key-size", "256", "--transient", "-f", "--exportable")
    transient = made.split()[-1]
    assert len(transient) > 100 and server.sql("SELECT count(*) FROM sobject") == count
    plain, cipher, back = tmp_path / "plain", tmp_path / "cipher", tmp_path / "back"
    plain.write_bytes(b"some data")
    common = ("--alg", "AES", "--mode", "CBC", "--iv", "00" * 16)
    cli("encrypt", "--transient-key", transient, *common, "--in", plain, "--out", cipher)
    kid = cli.kid("persist-key", "--name", "persisted", "--transient-key", transient)
    assert server.attribute(kid, "name") == "persisted" and server.attribute(kid, "origin") == "Transient"
    cli("decrypt", "--kid", kid, *common, "--in", cipher, "--out", back)
    assert back.read_bytes() == b"some data"
    (tmp_path / "expected").write_bytes(openssl(
        *("enc", "-aes-256-cbc", "-K", cli("export-object", "--kid", kid), "-iv", "00" * 16, "-in", plain)
    ))
    assert (tmp_path / "expected").read_bytes() == cipher.read_bytes()
    text = cli.fails("persist-key", "--name", "again", "--transient-key", transient, "--key-ops", "ENCRYPT")
    assert 'TypeError: can only concatenate str (not "list") to str' in text


@command("key-attestation", "openssl verifies the statement's chain to ca.pem; key and attributes are the database's")
def test_attestation(cli, create, server, tmp_path):
    kid = create("attested", "EC", "--ec-name", "NistP384")
    answer = json.loads(cli("key-attestation", "--name", "attested"))
    assert answer["attestation_statement"]["format"] == "x509_certificate"
    statement = base64.b64decode(answer["attestation_statement"]["statement"])
    certificate = x509.load_der_x509_certificate(statement)
    (authority,) = (x509.load_der_x509_certificate(base64.b64decode(one)) for one in answer["authority_chain"])
    assert authority == x509.load_pem_x509_certificate(server.ca_file.read_bytes())
    (tmp_path / "statement.der").write_bytes(statement)
    verified = openssl("verify", "-x509_strict", "-CAfile", server.ca_file, tmp_path / "statement.der")
    assert verified.endswith(b": OK\n")
    assert certificate.public_key() == public_key(server, kid)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    assert uris[0] == f"urn:uuid:{kid}"
    attributes = json.loads(base64.b64decode(uris[1].removeprefix("data:application/json;base64,")))
    assert attributes["kid"] == kid and attributes["origin"] == "FortanixHSM" and attributes["never_exportable"]
    assert attributes["key_ops"] == json.loads(server.attribute(kid, "key_ops"))
    # It serves for nothing else: neither a server nor a client can use it in TLS.
    purposes = openssl("x509", "-in", tmp_path / "statement.der", "-noout", "-purpose").decode()
    assert "SSL client : No\n" in purposes and "SSL server : No\n" in purposes
    assert answer != json.loads(cli("key-attestation", "--kid", kid))
    create("not attested", "AES", "--key-size", "128")
    assert "status:   400" in cli.refused("key-attestation", "--name", "not attested")


def test_what_can_be_attested(rest, tmp_path):
    """Every kind of private key that X.509 has a place for, and nothing else."""

    def attest(**kind):
        name = f"to attest {kind}"
        made = rest.expect(201, "POST", "/crypto/v1/keys", {"name": name, "custom_metadata": {"a": "b"}, **kind}).json()
        return made, rest.ask("POST", "/crypto/v1/keys/key_attestation", {"key": {"name": name}})

    kinds = [{"obj_type": "EC", "elliptic_curve": curve} for curve in ("NistP256", "NistP384", "NistP521", "Ed25519")]
    for kind in [{"obj_type": "RSA", "key_size": 2048}, *kinds]:
        made, answer = attest(**kind)
        assert answer.status == 200, answer.text
        certificate = x509.load_der_x509_certificate(base64.b64decode(answer.json()["attestation_statement"]["statement"]))
        authority = x509.load_der_x509_certificate(base64.b64decode(answer.json()["authority_chain"][0]))
        certificate.verify_directly_issued_by(authority)
        assert certificate.public_key() == load_der_public_key(base64.b64decode(made["pub_key"]))
    for kind in (
        {"obj_type": "EC", "elliptic_curve": "X25519"}, {"obj_type": "HMAC", "key_size": 256},
        {"obj_type": "EC", "elliptic_curve": "SecP256K1"},
    ):  # fmt: skip
        _, answer = attest(**kind)
        assert answer.status == 400 and "attested" in answer.text
    rest.expect(204, "POST", f"/crypto/v1/keys/{made['kid']}/destroy")
    assert rest.ask("POST", "/crypto/v1/keys/key_attestation", {"key": {"kid": made["kid"]}}).status == 400
