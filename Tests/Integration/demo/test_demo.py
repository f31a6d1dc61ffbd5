"""`make demo CHECK=1`, but for the build: the script that it runs."""

import os
import signal
import socket
import subprocess

import pytest
from processes import PATIENCE, clean_environment, free_port, is_listening, output_of, run, wait_until

DEMO = "pkcs11-conf/demo/demo"
DIRECTORY = ".build/demo-of-the-tests"


@pytest.fixture
def environment(binaries) -> dict[str, str]:
    """As `make demo CHECK=1` sets it, in a directory of its own and on a free port."""
    assert binaries.kmsd.parent == binaries.kmsctl.parent, "the demo takes kmsd and kmsctl from one directory"
    return clean_environment(
        CHECK="1",
        HOME=os.environ.get("HOME", "/nonexistent"),
        KMS_PKCS11_BUILD=str(binaries.kmsd.parent),
        KMS_PKCS11_DEMO=DIRECTORY,
        KMS_PKCS11_MODULE=str(binaries.module),
        PORT=str(free_port()),
    )


def test_twice_in_a_row(root, environment):
    for _ in range(2):
        text = output_of(run(root / DEMO, env=environment, cwd=root, timeout=300))
        assert "All of it works." in text
        for version in ("TLSv1.2", "TLSv1.3"):
            assert f"Hello from app.aserracorp.com over {version}." in text
        assert not is_listening(int(environment["PORT"])), "NGINX was left running"
        assert run("pgrep", "-f", f"{DIRECTORY}/kms", check=False).returncode == 1, "kmsd was left running"


def test_leaves_no_private_key_and_no_readable_secret(root, environment):
    run(root / DEMO, env=environment, cwd=root, timeout=300)
    directory = root / DIRECTORY
    assert directory.stat().st_mode & 0o077 == 0
    assert not (directory / "rsa.key").exists()


def test_stays_until_interrupted(root, environment, tmp_path):
    """Ctrl-C goes to every process of the terminal, as here to every process of the session."""
    del environment["CHECK"]
    log = tmp_path / "output"
    with open(log, "wb") as output:
        demo = subprocess.Popen(
            # Tests that run in the background of a shell have SIGINT ignored, and so would the demo.
            ["env", "--default-signal=INT", root / DEMO], env=environment, cwd=root, stdin=subprocess.DEVNULL,
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        wait_until(
            lambda: demo.poll() is not None or "Ctrl-C ends the demo." in log.read_text(), "the demo's last line", 300
        )
        port = environment["PORT"]
        assert f"https://app.aserracorp.com:{port}/" in log.read_text()
        page = run(
            "curl", "--silent", "--cacert", root / DIRECTORY / "ca/ca.pem",
            "--resolve", f"app.aserracorp.com:{port}:127.0.0.1", f"https://app.aserracorp.com:{port}/",
        )  # fmt: skip
        assert page.stdout.startswith(b"Hello from app.aserracorp.com")
        assert demo.poll() is None
        os.killpg(demo.pid, signal.SIGINT)
        assert demo.wait(timeout=PATIENCE) == 0, log.read_text()
        assert not is_listening(int(port))
    finally:
        if demo.poll() is None:
            os.killpg(demo.pid, signal.SIGTERM)
            demo.wait(timeout=PATIENCE)


def test_a_busy_port_is_named(root, environment):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        result = run(root / DEMO, env=environment | {"PORT": str(port)}, cwd=root, check=False)
    assert result.returncode != 0
    assert f"Port {port} is in use" in result.stderr.decode()
    assert "make demo PORT=" in result.stderr.decode()


def test_a_missing_build_is_named(root, environment, tmp_path):
    result = run(root / DEMO, env=environment | {"KMS_PKCS11_BUILD": str(tmp_path)}, cwd=root, check=False)
    assert result.returncode != 0
    assert f"{tmp_path}/kmsd is missing: build it with `make products`." in result.stderr.decode()


def test_a_missing_tool_is_named(root, environment, tmp_path):
    """A PATH that holds what the script itself needs, but no curl."""
    for name in ("bash", "dirname", "realpath", "env", "id", "sed", "openssl", "rm"):
        (tmp_path / name).symlink_to(run("sh", "-c", f"command -v {name}").stdout.decode().strip())
    result = run(tmp_path / "bash", root / DEMO, env=environment | {"PATH": str(tmp_path)}, cwd=root, check=False)
    assert result.returncode != 0
    assert "curl is missing: install it with `make packages`." in result.stderr.decode()
