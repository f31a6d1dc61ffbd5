"""The official command line client works against kmsd unchanged. Installed with `pip install sdkms-cli`."""

import re

KID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def test_a_day_with_the_official_client(server, cli, openssl_der, tmp_path):
    assert "Healthy" in cli("server-health")
    assert "Software" in cli("server-version")
    cli("user-login", "--username", server.admin, "--password", server.password)
    cli("create-group", "--name", "cli")
    assert '"cli"' in cli("list-groups")
    assert "Activated" in cli("list-accounts")
    cli("create-app", "--name", "cli-app", "--groups", "cli", "--default-group", "cli")
    first = cli("get-app-api-key", "--name", "cli-app").split()[-1]
    second = cli("regenerate-app-api-key", "--name", "cli-app").split()[-1]
    assert len(first) == len(second) == 164 and first != second
    cli("app-login", "--api-key", second)

    rsa = KID.search(cli("create-key", "--name", "cli-rsa", "--obj-type", "RSA", "--key-size", "2048"))[0]
    files = {"rsa.pem": ["genrsa", "-traditional", "2048"], "ec.pem": ["ecparam", "-genkey", "-noout", "-name", "secp384r1"]}
    for name, arguments in files.items():
        (tmp_path / name).write_bytes(openssl_der(*arguments))
    imported = KID.search(cli("import-key", "--name", "cli-imported", "--obj-type", "RSA", "--in", tmp_path / "rsa.pem"))[0]
    ec = KID.search(cli("import-key", "--name", "cli-ec", "--obj-type", "EC", "--in", tmp_path / "ec.pem"))[0]
    certificate = openssl_der("req", "-x509", "-new", "-key", tmp_path / "rsa.pem", "-subj", "/CN=x")
    (tmp_path / "cert.pem").write_bytes(certificate)
    cli("import-cert", "--name", "cli-cert", "--in", tmp_path / "cert.pem")
    (tmp_path / "data").write_bytes(b"data")
    cli("import-secret", "--name", "cli-secret", "--in", tmp_path / "data")

    listed = cli("list-keys")
    for name in ("cli-rsa", "cli-imported", "cli-ec", "cli-cert", "cli-secret"):
        assert f'"{name}"' in listed
    assert imported in cli("show-sobject", "--name", "cli-imported")
    for kid in (rsa, imported, ec):
        cli("sign", "--kid", kid, "--hash-alg", "SHA256", "--in", tmp_path / "data", "--out", tmp_path / "signature")
        cli("verify", "--kid", kid, "--hash-alg", "SHA256", "--in", tmp_path / "data", "--sig-in", tmp_path / "signature")
    cli("update-object", "--name", "cli-rsa", "--description", "changed")
    cli("revoke-object", "--name", "cli-rsa", "--code", "Superseded")
    cli("delete-key", "--kid", ec)
    (name,) = set(re.findall(r"log_dump_\d+\.csv", cli("audit-log")))
    assert "cli-imported" in (cli.directory / name).read_text()
    cli("app-logout")
