"""Apps that log in with a certificate in the TLS handshake, as curl and Python's ssl show it."""

import base64
import http.client
import json
import ssl

import pytest
from processes import PATIENCE, run

AUTH = "/sys/v1/session/auth"


class Client:
    """Keys and certificates made with openssl(1), and requests with them."""

    def __init__(self, server, directory):
        self.server = server
        self.directory = directory
        self.authority = self.issue("authority", "/CN=Clients", "basicConstraints=critical,CA:TRUE")

    def issue(self, name, subject, *extensions, issuer=None, days=2):
        """Answers paths of certificate and key; self-signed without an issuer."""
        certificate, key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        request = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        request += ["-days", str(days), "-subj", subject, "-keyout", key, "-out", certificate]
        if issuer:
            request += ["-CA", issuer[0], "-CAkey", issuer[1]]
        for extension in extensions:
            request += ["-addext", extension]
        run(*request)
        return certificate, key

    def leaf(self, name, subject, *extensions, issuer=None, **more):
        return self.issue(
            name, subject, "basicConstraints=critical,CA:FALSE", *extensions, issuer=issuer or self.authority, **more
        )

    def login(self, identity=None, app=None, path=AUTH, method="POST"):
        context = ssl.create_default_context(cafile=self.server.ca_file)
        if identity:
            context.load_cert_chain(*identity)
        connection = http.client.HTTPSConnection("127.0.0.1", self.server.port, context=context, timeout=PATIENCE)
        headers = {}
        if app:
            headers["Authorization"] = "Basic " + base64.b64encode(f"{app}:".encode()).decode()
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


def der(certificate):
    return base64.b64encode(ssl.PEM_cert_to_DER_cert(certificate.read_text())).decode()


@pytest.fixture
def client(server, tmp_path):
    return Client(server, tmp_path)


@pytest.fixture
def admin(server):
    rest = server.admin_session()
    yield rest
    rest.close()


@pytest.fixture
def make_app(admin):
    made = []

    def make(credential, status=201):
        answer = admin.ask("POST", "/sys/v1/apps", {"name": f"cert-{len(made)}", "credential": credential})
        assert answer.status == status, answer.text
        if status == 201:
            made.append(answer.json()["app_id"])
            return made[-1]
        return answer.text

    yield make
    for app in made:
        admin.expect(204, "DELETE", f"/sys/v1/apps/{app}")


def by_authority(authority, subject):
    return {"trustedca": {"subject": subject, "ca_certificate": der(authority[0])}}


def test_pinned_certificate(client, make_app, admin):
    own, other = client.leaf("own", "/CN=own"), client.leaf("other", "/CN=other")
    app = make_app({"certificate": der(own[0])})
    assert admin.expect(200, "GET", f"/sys/v1/apps/{app}").json()["auth_type"] == "Certificate"
    credential = admin.expect(200, "GET", f"/sys/v1/apps/{app}/credential").json()["credential"]
    assert credential == {"certificate": der(own[0])}
    admin.expect(400, "POST", f"/sys/v1/apps/{app}/reset_secret")

    status, body = client.login(own, app)
    assert status == 200 and json.loads(body)["entity_id"] == app
    # The certificate alone is enough when it is one app's only; and Basic works on every request.
    assert json.loads(client.login(own)[1])["entity_id"] == app
    assert client.login(own, app, "/crypto/v1/keys", "GET")[0] == 200
    refused = {client.login(other, app), client.login(None, app), client.login(other), client.login(other, "0" * 8)}
    assert {status for status, _ in refused} == {401}

    second = make_app({"certificate": der(own[0])})
    assert client.login(own)[0] == 401
    assert json.loads(client.login(own, second)[1])["entity_id"] == second
    admin.expect(200, "PATCH", f"/sys/v1/apps/{second}", {"enabled": False})
    assert client.login(own, second)[0] == 401
    assert json.loads(client.login(own)[1])["entity_id"] == app


def test_authority(client, make_app):
    app = make_app(by_authority(client.authority, {"subject": [["CN", "web"], ["2.5.4.10", "Example"]]}))
    right = client.leaf("right", "/O=Example/CN=web", "extendedKeyUsage=clientAuth")
    assert json.loads(client.login(right)[1])["entity_id"] == app
    assert client.login(right, app)[0] == 200
    stranger = client.issue("stranger", "/CN=Clients", "basicConstraints=critical,CA:TRUE")
    wrong = [
        client.leaf("more", "/O=Example/CN=web/OU=x"),
        client.leaf("less", "/CN=web"),
        client.leaf("server", "/O=Example/CN=web", "extendedKeyUsage=serverAuth"),
        client.leaf("forged", "/O=Example/CN=web", issuer=stranger),
        client.issue("self", "/O=Example/CN=web"),
    ]
    for identity in wrong:
        assert client.login(identity, app)[0] == 401, identity
        assert client.login(identity)[0] == 401, identity


def test_expired_certificates(client, make_app):
    """openssl req cannot date back, so openssl x509 signs what is over before it begins to be asked for."""
    key = client.directory / "old.key"
    certificate = client.directory / "old.pem"
    run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
    public = client.directory / "old.pub"
    run("openssl", "pkey", "-in", key, "-pubout", "-out", public)
    run(
        "openssl", "x509", "-new", "-force_pubkey", public, "-subj", "/CN=old", "-days", "-1",
        "-CA", client.authority[0], "-CAkey", client.authority[1], "-out", certificate,
    )  # fmt: skip
    for credential in ({"certificate": der(certificate)}, by_authority(client.authority, {"subject": [["CN", "old"]]})):
        app = make_app(credential)
        assert client.login((certificate, key), app)[0] == 401


def test_alternative_names(client, make_app):
    dns = make_app(by_authority(client.authority, {"subject_general": {"dns_name": "Web.example"}}))
    address = make_app(by_authority(client.authority, {"subject_general": {"ip_address": "192.0.2.7"}}))
    both = client.leaf("both", "/CN=x", "subjectAltName=DNS:web.example,IP:192.0.2.7")
    assert client.login(both, dns)[0] == client.login(both, address)[0] == 200
    assert client.login(both)[0] == 401  # it is two apps'
    assert json.loads(client.login(client.leaf("dns", "/CN=x", "subjectAltName=DNS:web.example"))[1])["entity_id"] == dns


def test_unknown_certificates_do_no_harm(client, server):
    """Neither to their clients, who log in otherwise, nor to others."""
    key = server.make_app("with-secret")
    context = ssl.create_default_context(cafile=server.ca_file)
    context.load_cert_chain(*client.leaf("unknown", "/CN=unknown"))
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=PATIENCE)
    connection.request("POST", AUTH, headers={"Authorization": f"Basic {key}"})
    assert connection.getresponse().status == 200
    connection.close()
    assert client.login(client.leaf("unknown2", "/CN=unknown"))[0] == 401
    assert client.login()[0] == 401
    assert client.login(path="/sys/v1/version", method="GET")[0] == 200


@pytest.mark.parametrize(
    ("credential", "part"),
    [
        ({"certificate": "AAAA"}, "certificate"),
        ({"certificate": "AAAA", "secret": None}, "exactly one"),
        ({"ldap": "x"}, "secret, certificate and trustedca"),
        ({"trustedca": {"subject": {"subject": [["CN", "x"]]}, "ca_certificate": "AAAA"}}, "authority"),
        ({"trustedca": {"subject": {}, "ca_certificate": "AAAA"}}, "subject_general"),
    ],
)
def test_credentials_that_are_none(make_app, credential, part):
    assert part in make_app(credential, 400)


def test_address_policy(server, admin):
    key = server.make_app("placed")
    rest = type(admin)(server, f"Basic {key}")
    (app,) = [app["app_id"] for app in admin.expect(200, "GET", "/sys/v1/apps").json() if app["name"] == "placed"]
    path = f"/sys/v1/apps/{app}"
    rest.expect(200, "GET", "/crypto/v1/keys")
    token = rest.expect(200, "POST", AUTH).json()["access_token"]
    bearer = type(admin)(server, f"Bearer {token}")
    for policy, status in [
        ({"whitelist": ["10.0.0.0/8"]}, 403), ({"whitelist": ["::ffff:127.0.0.0/104"]}, 200), ({"whitelist": []}, 403),
        ({"whitelist": ["2001:db8::/32", "127.0.0.1"]}, 200), ({"whitelist": ["::/0"]}, 403), ("allow_all", 200),
    ]:  # fmt: skip
        admin.expect(200, "PATCH", path, {"ip_address_policy": policy})
        assert admin.expect(200, "GET", path).json()["ip_address_policy"] == policy
        for client in (rest, bearer):
            answer = client.ask("GET", "/crypto/v1/keys")
            assert answer.status == status, (policy, answer.text)
        assert rest.ask("POST", AUTH).status == status
    assert "10.0.0.1/8" in admin.expect(400, "PATCH", path, {"ip_address_policy": {"whitelist": ["10.0.0.1/8"]}}).text
    rest.close()
    bearer.close()


def hostile(client):
    """Certificates that no authority should have issued, by name."""
    common = "/O=Example/CN=web"
    intermediate = client.leaf("no-ca", "/CN=Clients")
    ca = client.issue("sub", "/CN=Sub", "basicConstraints=critical,CA:TRUE", issuer=client.authority)
    names = ",".join(f"DNS:name-{number}.example" for number in range(500))
    return {
        "not for clients": client.leaf("hostile-eku", common, "extendedKeyUsage=serverAuth,codeSigning"),
        "issued by no authority": client.leaf("hostile-no-ca", common, issuer=intermediate),
        "issued indirectly": client.leaf("hostile-sub", common, issuer=ca),
        "an authority of the same name": client.leaf(
            "hostile-twin", common, issuer=client.issue("twin", "/CN=Clients", "basicConstraints=critical,CA:TRUE")
        ),
        "large": client.leaf("hostile-large", "/CN=large", f"subjectAltName={names}"),
        "unknown critical extension": client.leaf("hostile-critical", common, "1.2.3.4=critical,ASN1:UTF8String:x"),
        "another case of the name": client.leaf("hostile-case", "/O=Example/CN=WEB"),
    }


def test_hostile_certificates(client, make_app, server):
    """401 for each, and nothing else happens."""
    app = make_app(by_authority(client.authority, {"subject": [["CN", "web"], ["O", "Example"]]}))
    right = client.leaf("right-again", "/O=Example/CN=web")
    for what, identity in hostile(client).items():
        for claimed in (app, None):
            assert client.login(identity, claimed)[0] == 401, what
        assert client.login(right, app)[0] == 200
    assert " error kmsd" not in server.log.read_text()


def test_name_with_a_nul(client, make_app):
    """For a C program `web.example` ends where such a name goes on."""
    app = make_app(by_authority(client.authority, {"subject_general": {"dns_name": "web.example"}}))
    # "web.example\0.evil" as an IA5String in a GeneralName of type 2, which openssl's own syntax cannot say.
    name = b"web.example\0.evil"
    value = bytes([0x30, len(name) + 2, 0x82, len(name)]) + name
    evil = client.leaf("nul", "/CN=x", "2.5.29.17=DER:" + ":".join(f"{byte:02x}" for byte in value))
    assert client.login(evil, app)[0] == 401
    good = client.leaf("no-nul", "/CN=x", "subjectAltName=DNS:WEB.example")
    assert client.login(good, app)[0] == 200


def test_more_than_tls_takes(client, make_app, server):
    """TLS ends the connection of a client that shows more than 16 KiB; of a chain, kmsd looks at the first only."""
    app = make_app(by_authority(client.authority, {"subject": [["CN", "first"]]}))
    leaf = client.leaf("first", "/CN=first")
    other = client.leaf("other-one", "/CN=other")[0].read_text()
    chain = client.directory / "chain.pem"
    for length in (10, 100, 1_000):
        chain.write_text(leaf[0].read_text() + other * (length - 1))
        if length == 10:
            assert client.login((chain, leaf[1]), app)[0] == 200
            continue
        with pytest.raises((OSError, http.client.HTTPException)):
            client.login((chain, leaf[1]), app)
    names = ",".join(f"DNS:name-{number}.example" for number in range(2_500))
    with pytest.raises((OSError, http.client.HTTPException)):
        client.login(client.leaf("huge", "/CN=first", f"subjectAltName={names}"), app)
    assert client.login(leaf, app)[0] == 200
    assert " error kmsd" not in server.log.read_text()
