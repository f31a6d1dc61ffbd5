"""At its most talkative kmsd prints no credential and no key material."""

import base64

from processes import run

KEYS = "/crypto/v1/keys"


def test_no_secret_in_the_log(server, app, connect, canary, openssl_der):
    secrets = {"password": server.password, "API key": app.authorization.split()[1]}
    secrets["API key's secret"] = base64.b64decode(secrets["API key"]).decode().partition(":")[2]
    token = app.expect(200, "POST", "/sys/v1/session/auth").json()["access_token"]
    secrets["token"] = token
    bearer = connect(f"Bearer {token}")
    bearer.expect(200, "GET", KEYS)

    pem = openssl_der("genrsa", "2048")
    value = base64.b64encode(openssl_der("pkey", "-traditional", "-outform", "DER", input=pem)).decode()
    bearer.expect(201, "PUT", KEYS, {"name": "logged", "obj_type": "RSA", "value": value})
    secrets["key material"] = value[800:900]
    exported = bearer.expect(200, "POST", f"{KEYS}/export", {"name": "logged"}).json()["value"]
    assert exported == value

    # Where users put secrets by mistake, and what is wrong in other ways.
    for number, (authorization, method, path, body) in enumerate([
        ("Basic " + base64.b64encode(f"admin@localhost:{canary}0".encode()).decode(), "POST", "/sys/v1/session/auth", None),
        ("Basic " + base64.b64encode(f"{canary}1:x".encode()).decode(), "POST", "/sys/v1/session/auth", None),
        (f"Basic {canary}2", "GET", KEYS, None),
        (f"Bearer {canary}3", "GET", KEYS, None),
        (f"{canary}4", "GET", KEYS, None),
        (f"Bearer {token}", "PUT", KEYS, {"name": "x", "obj_type": "RSA", "value": f"{canary}5"}),
        (f"Bearer {token}", "PUT", KEYS, {"name": "x", "obj_type": "SECRET", "value": [f"{canary}6"]}),
        (f"Bearer {token}", "PUT", KEYS, f'{{"value":"{canary}7'.encode()),
        (f"Bearer {token}", "POST", "/crypto/v1/digest", {"alg": "SHA256", "data": f"{canary}8"}),
        (f"Bearer {token}", "GET", f"{KEYS}?name={canary}9", None),
    ]):  # fmt: skip
        answer = connect(authorization).ask(method, path, body)
        assert f"{canary}{number}" not in answer.text
    secrets["canary"] = canary
    secrets["canary in base64"] = base64.b64encode(f"localhost:{canary}".encode())[16:40].decode()
    bearer.expect(204, "POST", "/sys/v1/session/terminate")

    log = server.log.read_text()
    assert "request" in log and KEYS in log
    assert [name for name, secret in secrets.items() if secret in log] == []


def test_help_needs_no_data(binaries):
    assert b"init" in run(binaries.kmsd, "--help").stdout
    assert run(binaries.kmsd, "--version").stdout.strip()
