"""How the demo begins: what it takes over from the user's shell, and what it says about a port."""

import socket

import pytest
from processes import clean_environment, run


def functions(root, line: str, **environment: str):
    script = f"set -euo pipefail; build=/nowhere; demo=/nowhere; . pkcs11-conf/demo/functions; {line}"
    return run("bash", "-c", script, cwd=root, env=clean_environment(**environment), check=False)


def suggested(result) -> int:
    text = result.stderr.decode()
    assert result.returncode == 1 and "is in use" in text
    return int(text.split("PORT=")[1].split("`")[0])


@pytest.mark.parametrize("lowest", [20000, 64600])
def test_suggested_port_is_valid(root, lowest):
    for port in range(lowest, lowest + 900):
        try:
            with socket.create_server(("127.0.0.1", port)):
                candidate = suggested(functions(root, f"need_free_port {port}"))
                assert 1024 <= candidate <= 65535 and candidate != port
                return
        except OSError:
            continue
    pytest.fail("no port is free")


def test_suggested_port_is_free(root):
    for port in range(21000, 29000):
        try:
            with socket.create_server(("127.0.0.1", port)), socket.create_server(("127.0.0.1", port + 1000)):
                assert suggested(functions(root, f"need_free_port {port}")) not in (port, port + 1000)
                return
        except OSError:
            continue
    pytest.fail("no port is free")


@pytest.mark.parametrize("port", ["0", "65536", "08443", "x", "", "-1", "443 444"])
def test_what_is_no_port(root, port):
    result = functions(root, f"need_free_port '{port}'")
    assert result.returncode == 1 and "is not a port number" in result.stderr.decode()


def test_nothing_of_the_users_environment_leaks_in(root):
    names = (
        "KMS_PKCS11_CONF KMS_PKCS11_LOG FORTANIX_API_ENDPOINT FORTANIX_API_KEY KMSCTL_ENDPOINT KMSCTL_CA_FILE"
        " KMSCTL_SESSION KMSCTL_PASSWORD KMSD_ADMIN_PASSWORD OPENSSL_CONF https_proxy HTTPS_PROXY ALL_PROXY no_proxy"
    ).split()
    left = functions(root, "env", **dict.fromkeys(names, "leaked"))
    assert left.returncode == 0 and "leaked" not in left.stdout.decode()
