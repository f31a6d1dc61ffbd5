"""kmsd init and kmsd serve: what they make, what they refuse, and the sentence they say then."""

import hashlib
import os
import re
import signal
import socket
import ssl
import time

import pytest
from certificates import make_rsa_key, public_half
from processes import clean_environment, output_of, run


def serve(kms, *more):
    """Starts a server that is expected to refuse; its complaint."""
    result = run(kms.program, "serve", "--data", kms.data, "--listen", "127.0.0.1:0", *more, check=False)
    assert result.returncode != 0
    assert result.stdout == b""
    return output_of(result).strip()


def sentence(text: str, *parts: str):
    """One line that says what and how to mend it."""
    assert text.count("\n") == 0, text
    assert text.startswith("kmsd: ")
    for part in parts:
        assert part in text


def fingerprint(directory) -> dict[str, tuple]:
    return {
        path.name: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns, path.stat().st_mode)
        for path in directory.iterdir()
    }


def test_init_does_not_touch_what_is_there(new_kms):
    kms = new_kms()
    before = fingerprint(kms.data)
    for directory in (kms.data, str(kms.data) + "/"):
        result = run(kms.program, "init", "--data", directory, check=False)
        assert result.returncode != 0
        sentence(output_of(result).strip(), "not empty", "nothing was changed")
    assert fingerprint(kms.data) == before


def test_init_prints_a_password_once(binaries, tmp_path, new_kms):
    result = run(binaries.kmsd, "init", "--data", tmp_path / "data")
    (password,) = re.findall(r"^password:\s+(\S+)$", result.stdout.decode(), re.MULTILINE)
    assert len(password) >= 20
    assert password.encode() not in b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir())
    environment = clean_environment(KMSD_ADMIN_PASSWORD="from the environment")
    result = run(binaries.kmsd, "init", "--data", tmp_path / "other", env=environment)
    assert b"\npassword:" not in result.stdout and b"from the environment" not in result.stdout


def test_init_that_fails_leaves_nothing(binaries, tmp_path):
    for arguments, part in [
        (["--admin-password-file", tmp_path / "missing"], "missing"),
        (["--admin-email", "not an address"], "not an e-mail"),
        (["--host", ""], "host"),
    ]:
        result = run(binaries.kmsd, "init", "--data", tmp_path / "data", *arguments, check=False)
        assert result.returncode != 0
        sentence(output_of(result).strip(), part)
        assert not (tmp_path / "data").exists()
    short = clean_environment(KMSD_ADMIN_PASSWORD="short")
    result = run(binaries.kmsd, "init", "--data", tmp_path / "data", env=short, check=False)
    sentence(output_of(result).strip(), "shorter than 8")
    result = run(binaries.kmsd, "init", "--data", "/proc/nowhere/data", check=False)
    sentence(output_of(result).strip(), "/proc/nowhere/data")


def test_wrong_master_key(new_kms):
    kms, other = new_kms(), new_kms("other")
    (kms.data / "master.key").write_bytes((other.data / "master.key").read_bytes())
    sentence(serve(kms), "master key", "does not belong", "put the right one back")


def test_missing_master_key(new_kms):
    kms = new_kms()
    (kms.data / "master.key").unlink()
    sentence(serve(kms), "master.key does not exist", "put the master key")


@pytest.mark.parametrize("content", [b"", b"abc\n", b"g" * 64 + b"\n", b"0" * 63 + b"\n", b"0" * 66 + b"\n"])
def test_damaged_master_key(new_kms, content):
    kms = new_kms()
    (kms.data / "master.key").write_bytes(content)
    sentence(serve(kms), "damaged", "64 hexadecimal digits")


def test_open_modes(new_kms):
    kms = new_kms()
    for path, mode, remedy in [("", 0o750, "chmod 700"), ("master.key", 0o640, "chmod 600"), ("kmsd.sqlite", 0o604, "chmod 600")]:  # fmt: skip
        target = kms.data / path
        before = target.stat().st_mode
        target.chmod(mode)
        sentence(serve(kms), "accessible to other users", remedy)
        target.chmod(before)
    kms.start()


def test_no_data_directory(new_kms):
    kms = new_kms()
    kms.data = kms.directory / "nowhere"
    sentence(serve(kms), "does not exist", "kmsd init --data")


def test_not_a_database(new_kms):
    kms = new_kms()
    (kms.data / "kmsd.sqlite").write_bytes(b"nonsense" * 4096)
    sentence(serve(kms), "cannot open the database")


def test_one_server_per_directory(new_kms):
    kms = new_kms()
    kms.start()
    sentence(serve(kms), "another kmsd is already running")
    # A lock of a killed server does not stay.
    kms.kill9()
    kms.start()


def test_busy_port(new_kms):
    kms = new_kms()
    with socket.create_server(("127.0.0.1", 0)) as busy:
        sentence(serve(kms, "--listen", f"127.0.0.1:{busy.getsockname()[1]}"), "cannot listen", "in use")


@pytest.mark.parametrize(
    "arguments",
    [["--listen", "nonsense"], ["--listen", "127.0.0.1:99999"], ["--log-level", "loud"], ["--tls-key", "x"], ["--unknown"]],
)
def test_bad_arguments(new_kms, arguments):
    result = run(new_kms().program, "serve", "--data", "x", *arguments, check=False)
    assert result.returncode == 64
    assert b"Usage" in result.stderr


def test_stops_in_order(new_kms, rest_client):
    """SIGTERM and SIGINT end it with exit code 0, also while clients keep their connections open."""
    kms = new_kms()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        kms.start()
        idle = rest_client(kms)
        idle.expect(200, "GET", "/sys/v1/version")
        begin = time.monotonic()
        assert kms.stop(signal_number) == 0
        assert time.monotonic() - begin < 4
        idle.close()


def test_certificate_fits_its_names(new_kms, tmp_path):
    kms = new_kms()
    kms.start()
    for host in ("127.0.0.1", "localhost"):
        context = ssl.create_default_context(cafile=kms.ca_file)
        with socket.create_connection(("127.0.0.1", kms.port)) as plain:
            with context.wrap_socket(plain, server_hostname=host) as connection:
                assert connection.version() == "TLSv1.3"
    with socket.create_connection(("127.0.0.1", kms.port)) as plain:
        with pytest.raises(ssl.SSLCertVerificationError):
            context.wrap_socket(plain, server_hostname="kms.example.com")


def test_other_names_and_certificate(binaries, authority, new_kms, tmp_path):
    environment = clean_environment(KMSD_ADMIN_PASSWORD="a good password")
    result = run(binaries.kmsd, "init", "--data", tmp_path / "data", "--host", "kms.example.com", "--host", "::1",
                 "--host", "10.1.2.3", env=environment)  # fmt: skip
    assert b"kms.example.com ::1 10.1.2.3" in result.stdout

    kms = new_kms()
    key = make_rsa_key(tmp_path / "server.pem")
    certificate = authority.issue(public_half(key), "server", host="localhost")
    sentence(serve(kms, "--tls-certificate", certificate, "--tls-key", tmp_path / "missing"), "cannot use the certificate")
    other = make_rsa_key(tmp_path / "other.pem")
    sentence(serve(kms, "--tls-certificate", certificate, "--tls-key", other), "cannot use the certificate")


def test_reads_as_another_user(new_kms):
    """Whoever cannot read the directory gets a sentence, too."""
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    kms = new_kms()
    result = run("setpriv", "--reuid=65534", "--clear-groups", kms.program, "serve", "--data", kms.data, check=False)
    text = output_of(result).strip()
    # Where the program itself cannot be reached by that user, there is nothing to see.
    if "setpriv" not in text:
        sentence(text, str(kms.data))
