"""The commands of the official client about logins, accounts, groups, apps and the audit log."""

import base64
import csv
import json

import pytest
from processes import run

command = pytest.mark.command


@pytest.fixture
def call(cli, server):
    """The client, with the administrator logged in."""
    cli("user-login", "--username", server.admin, "--password", server.password)
    return cli


def tokens(cli) -> dict[str, str]:
    """What the client has noted in its token file, which the first login makes."""
    path = cli.directory / "token"
    lines = path.read_text().splitlines() if path.exists() else ["user-token=", "app-token="]
    return dict(line.split("=", 1) for line in lines)


def is_alive(connect, token: str) -> bool:
    return connect(f"Bearer {token}").ask("GET", "/crypto/v1/keys?limit=1").status == 200


@command("server-version", "the version that kmsd --version prints")
@command("server-health", "204 over REST, and the client says healthy")
def test_the_server_itself(cli, server, connect):
    version = run(server.program, "--version").stdout.decode().strip().split()[-1]
    printed = cli("server-version")
    assert f"Version     : {version} " in printed and "Software" in printed
    assert cli("server-health").strip() == "Server is Healthy"
    assert connect().ask("GET", "/sys/v1/health").status == 204


@command("app-login", "the token works over REST; a wrong key leaves none")
@command("app-logout", "the token works no more")
@command("user-login", "the token works over REST; a wrong password leaves none; prompting is a client bug: TypeError")
@command("user-logout", "the token works no more")
@command("logout", "neither of both tokens works any more")
def test_logins(cli, server, connect):
    api_key = server.make_app("logins")
    cli("app-login", "--api-key", api_key)
    cli("user-login", "--username", server.admin, "--password", server.password)
    app, user = tokens(cli)["app-token"], tokens(cli)["user-token"]
    assert is_alive(connect, app) and is_alive(connect, user)
    cli("app-logout")
    assert not is_alive(connect, app) and is_alive(connect, user)
    cli("user-logout")
    assert not is_alive(connect, user)
    cli("app-login", "--api-key", api_key, "--timeout", "30")
    cli("user-login", "--username", server.admin, "--password", server.password, "--account-name", "whatever")
    app, user = tokens(cli)["app-token"], tokens(cli)["user-token"]
    cli("logout")
    assert not is_alive(connect, app) and not is_alive(connect, user)
    wrong = base64.b64encode(base64.b64decode(api_key)[:-1] + b"#").decode()
    assert "status:   401" in cli.refused("app-login", "--api-key", wrong)
    assert "status:   401" in cli.refused("user-login", "--username", server.admin, "--password", "wrong")
    assert not tokens(cli)["app-token"] and not tokens(cli)["user-token"]
    # It imports the module `getpass` over the function of that name.
    assert "TypeError: 'module' object is not callable" in cli.fails("user-login", "--username", server.admin)


@command("ldap-auth", "refused with 401, without a token: there is no LDAP, and discovery offers passwords only")
def test_ldap(cli, server, connect):
    answer = connect().expect(200, "POST", "/sys/v1/session/auth/discover", {"user_email": "somebody@example.com"})
    assert answer.json() == [{"method": "password"}]
    for more in ([], ["--method", "ldap-basic-auth"]):
        text = cli.refused("ldap-auth", "--user-email", server.admin, "--password", server.password, *more)
        assert "[E] Error: 401 Authentication required" in text
        assert not tokens(cli)["user-token"]
    # It imports the module `getpass` over the function of that name, so it cannot ask for the password.
    assert "TypeError: 'module' object is not callable" in cli.fails("ldap-auth", "--user-email", server.admin)


@command("app-certificate-login", "mutual TLS; the token works over REST; another certificate is refused")
def test_certificate_login(cli, server, connect, tmp_path):
    admin = server.admin_session()
    group = admin.expect(201, "POST", "/sys/v1/groups", {"name": "certificates"}).json()["group_id"]
    for name in ("own", "other"):
        run(
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", tmp_path / f"{name}.key", "-out", tmp_path / f"{name}.pem", "-subj", f"/CN={name}"),
        )
    der = run("openssl", "x509", "-in", tmp_path / "own.pem", "-outform", "DER").stdout
    app = admin.expect(
        201, "POST", "/sys/v1/apps",
        {
            "name": "with certificate", "add_groups": [group], "default_group": group,
            "credential": {"certificate": base64.b64encode(der).decode()},
        },
    ).json()["app_id"]  # fmt: skip

    def login(name: str):
        return "app-certificate-login", "--app-id", app, "--certificate-path", tmp_path / f"{name}.pem", \
            "--key-path", tmp_path / f"{name}.key"  # fmt: skip

    cli(*login("own"))
    token = tokens(cli)["app-token"]
    assert is_alive(connect, token)
    cli("list-keys")
    cli("app-logout")
    assert not is_alive(connect, token)
    assert "status:   401" in cli.refused(*login("other"))


@command("list-accounts", "id, name and state as in the database")
@command("select-account", "a session without an account has one afterwards; a foreign account is refused")
@command("list-users", "the ids and addresses of the database")
@command("show-account", "the attributes of the database; of a foreign id, it does not exist")
def test_accounts_and_users(call, server, connect):
    account, name = server.sql("SELECT acct_id, name FROM account")
    assert call("list-accounts").split() == [account, *name.split(), "AuthType.Fortanix", "Activated"]
    assert json.loads(call("list-accounts", "--detail"))["acct_id"] == account
    # A new session that has selected nothing yet, in the client's token file.
    rest = connect("Basic " + base64.b64encode(f"{server.admin}:{server.password}".encode()).decode())
    token = rest.expect(200, "POST", "/sys/v1/session/auth").json()["access_token"]
    path = call.directory / "token"
    path.write_text(path.read_text().replace(tokens(call)["user-token"], token))
    assert not is_alive(connect, token)
    assert "status:   404" in call.refused("select-account", "--account-id", "00000000-0000-4000-8000-000000000000")
    call("select-account", "--account-id", account)
    assert is_alive(connect, token)
    user, email = server.sql("SELECT user_id, email FROM user")
    assert call("list-users").split() == [user, email]
    shown = json.loads(call("show-account", "--account-id", account))
    assert (shown["acct_id"], shown["name"]) == (account, name)
    assert "status:   404" in call.refused("show-account", "--account-id", user)


@command("show-user", "the attributes of the database; of a foreign id, it does not exist")
def test_one_user(call, server):
    user, email = server.sql("SELECT user_id, email FROM user")
    shown = json.loads(call("show-user", "--user-id", user))
    assert (shown["user_id"], shown["user_email"]) == (user, email)
    assert "status:   404" in call.refused("show-user", "--user-id", "00000000-0000-4000-8000-000000000000")


@command("create-group", "in the database")
@command("list-groups", "the groups of the database")
@command("show-group", "the attributes of the database")
@command("update-group", "the new description is in the database, by name and by id")
@command("delete-group", "gone from the database, by name and by id")
def test_groups(call, server):
    ids = {name: call.kid("create-group", "--name", name, "--description", "first") for name in ("one group", "two")}
    row = "SELECT name, description FROM \"group\" WHERE group_id = ?"
    for name, group in ids.items():
        assert server.sql(row, group) == (name, "first")
    listed = call("list-groups")
    assert all(f'{group} "{name}" ' in listed for name, group in ids.items())
    assert listed.count("\n") == server.sql('SELECT count(*) FROM "group"')[0]
    shown = json.loads(call("show-group", "--group-id", ids["two"]))
    assert (shown["group_id"], shown["name"], shown["description"]) == (ids["two"], "two", "first")
    call("update-group", "--name", "one group", "--description", "by name")
    call("update-group", "--group-id", ids["two"], "--description", "by id")
    assert server.sql(row, ids["one group"]) == ("one group", "by name")
    assert server.sql(row, ids["two"]) == ("two", "by id")
    call("delete-group", "--name", "one group")
    call("delete-group", "--group-id", ids["two"])
    assert all(server.sql(row, group) is None for group in ids.values())


@command("create-app", "in the database, with its groups")
@command("list-apps", "the apps of the database, in pages")
@command("show-app", "the attributes of the database")
@command("get-app-api-key", "it logs in over REST")
@command("regenerate-app-api-key", "the new key logs in over REST, the old one no more")
@command("delete-app", "gone from the database, and its key logs in no more")
def test_apps(call, server, connect):
    groups = [call.kid("create-group", "--name", name) for name in ("first group", "second group")]
    app = call.kid(
        *("create-app", "--name", "an app", "--groups", f"first group,{groups[1]}", "--default-group", "first group"),
        *("--description", "of the test", "--type", "Nginx"),
    )
    assert server.sql("SELECT name, description, app_type, default_group FROM app WHERE app_id = ?", app) == (
        *("an app", "of the test", "Nginx"), groups[0],
    )  # fmt: skip
    assert server.sql("SELECT count(*) FROM app_group WHERE app_id = ?", app) == (2,)
    shown = json.loads(call("show-app", "--app-id", app))
    assert shown["name"] == "an app" and sorted(shown["groups"]) == sorted(groups)
    other = call.kid("create-app", "--name", "another", "--groups", "second group", "--default-group", "second group")
    (count,) = server.sql("SELECT count(*) FROM app")
    pages = [call("list-apps", "--limit", "1", "--offset", str(offset)) for offset in range(count + 1)]
    listed = [line for page in pages for line in page.splitlines()]
    assert f'{app} "an app"' in listed and f'{other} "another"' in listed
    assert len(set(listed)) == len(listed) == count
    details = [json.loads(line) for line in call("list-apps", "--detail").splitlines()]
    assert shown in details

    def status(api_key: str) -> int:
        return connect(f"Basic {api_key}").ask("POST", "/sys/v1/session/auth").status

    first = call("get-app-api-key", "--name", "an app").strip()
    assert len(first) == 164 and status(first) == 200
    second = call("regenerate-app-api-key", "--app-id", app).strip()
    assert len(second) == 164 and status(second) == 200 and status(first) == 401
    short = call("regenerate-app-api-key", "--name", "an app", "--secret-size", "32").strip()
    assert status(short) == 200 and status(second) == 401
    call("delete-app", "--app-id", app)
    call("delete-app", "--name", "another")
    assert server.sql("SELECT count(*) FROM app WHERE app_id IN (?, ?)", app, other) == (0,)
    assert status(short) == 401


@command("audit-log", "every record of the database is in the CSV file, over more than one page; limits and times hold")
def test_audit_log(call, server, connect):
    # More than one page of the client's.
    rest = connect("Basic " + server.make_app("busy"))
    kid = rest.expect(201, "POST", "/crypto/v1/keys", {"name": "busy", "obj_type": "AES", "key_size": 128}).json()["kid"]
    encrypt = {"kid": kid, "request": {"alg": "AES", "mode": "CBC", "plain": ""}}
    rest.expect(200, "POST", "/crypto/v1/keys/batch/encrypt", [encrypt] * 1000)
    rest.expect(200, "POST", "/crypto/v1/keys/batch/encrypt", [encrypt] * 50)
    count = server.sql("SELECT count(*) FROM audit WHERE json_extract(record, '$.acct_id') IS NOT NULL")[0]
    call("audit-log", "--out", "all.csv")
    with open(call.directory / "all.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    ids = [int(row["Id"]) for row in rows]
    assert len(rows) == count and sorted(ids, reverse=True) == ids and len(set(ids)) == len(ids)
    used = [row for row in rows if "encrypted with" in row["Message"]]
    assert len(used) == 1050
    assert used[0]["Actor"] == "App: busy" and used[0]["Groups"] == "busy" and used[0]["IP-Address"] == "127.0.0.1"
    assert used[0]["Type"] == "CRYPTOOPERATION" and used[0]["Severity"] == "INFO" and used[0]["Response"].endswith("ms")
    call("audit-log", "--out", "few.csv", "--limit", "7")
    with open(call.directory / "few.csv", newline="") as file:
        assert [int(row["Id"]) for row in csv.DictReader(file)] == ids[:7]
    call("audit-log", "--out", "none.csv", "--end-time", "2020-01-01")
    assert (call.directory / "none.csv").read_text().count("\n") == 1
