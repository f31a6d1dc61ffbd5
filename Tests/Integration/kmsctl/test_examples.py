"""What README and kmsctl(1) give to be pasted does what they say, pasted as it is."""

import re

import pytest
from kms import running_kms
from processes import output_of, run


def of_readme(root) -> list[str]:
    """The indented blocks, without the indentation."""
    blocks = re.findall(r"(?m)(?:^    .*\n)+", (root / "README.md").read_text())
    return [re.sub(r"(?m)^    ", "", block) for block in blocks]


def of_page(root) -> list[str]:
    """The examples of the manual page, as a reader sees them."""
    page = (root / "pkcs11-conf/man/kmsctl.1").read_text().partition(".SH EXAMPLES")[2]
    return [text.replace("\\-", "-").replace("\\e", "\\") for text in re.findall(r"(?s)^\.nf\n(.*?)^\.fi", page, re.MULTILINE)]


@pytest.fixture(scope="module")
def kms(binaries, tmp_path_factory):
    """Of its own: the examples' names are taken on the shared one once another test has used them."""
    with running_kms(binaries, tmp_path_factory.mktemp("examples") / "kms") as server:
        server.run_kmsctl("group", "create", "web")
        yield server


@pytest.mark.parametrize("source", [of_readme, of_page])
def test_a_certificate_from_nothing(root, source, admin, kms, binaries, tmp_path):
    (script,) = [block for block in source(root) if "plugin install x509-ca" in block]
    folder = tmp_path / "pasted"
    folder.mkdir()
    environment = admin.environment | {"PATH": f"{binaries.kmsctl.parent}:/usr/bin:/bin"}
    try:
        result = run("bash", "-e", "-o", "pipefail", "-c", script, env=environment, cwd=folder)
        assert "www.pem: OK" in output_of(result)
        names = ("-CAfile", folder / "ca.crt", "-purpose", "sslserver", "-verify_hostname", "www.example.com")
        run("openssl", "verify", *names, folder / "www.pem")
        assert not (folder / "ca.key").exists()
        message = admin.done("audit", "--object", "ca", "--limit", "1", "--json").json["message"]
        assert message.endswith('with "ca" (ECDSA SHA256)') and "signed certificate" in message
    finally:
        for command in (["plugin", "delete", "web-ca"], ["key", "delete", "www"], ["key", "delete", "ca"], ["key", "delete", "ca-cert"]):
            admin(*command, "--yes")
