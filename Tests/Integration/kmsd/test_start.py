"""kmsd init and kmsd serve: what they make, what they refuse, and the sentence they say then."""

import hashlib
import os
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import time
from contextlib import closing

import pytest
from certificates import make_rsa_key, public_half
from processes import clean_environment, output_of, run


# Exit codes of sysexits.h.
USAGE, DATA, NO_INPUT, UNAVAILABLE, CANNOT_CREATE, PERMISSION, CONFIGURATION = 64, 65, 66, 69, 73, 77, 78


def serve(kms, *more, code):
    """Starts a server that is expected to refuse; its complaint."""
    listen = [] if "--listen" in more else ["--listen", "127.0.0.1:0"]
    result = run(kms.program, "serve", "--data", kms.data, *listen, *more, check=False)
    assert result.returncode == code, output_of(result)
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
        assert result.returncode == CANNOT_CREATE
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
    for arguments, part, code in [
        (["--admin-password-file", tmp_path / "missing"], "missing", NO_INPUT),
        (["--admin-email", "not an address"], "not an e-mail", USAGE),
        (["--host", ""], "host", USAGE),
    ]:
        result = run(binaries.kmsd, "init", "--data", tmp_path / "data", *arguments, check=False)
        assert result.returncode == code
        sentence(output_of(result).strip(), part)
        assert not (tmp_path / "data").exists()
    short = clean_environment(KMSD_ADMIN_PASSWORD="short")
    result = run(binaries.kmsd, "init", "--data", tmp_path / "data", env=short, check=False)
    sentence(output_of(result).strip(), "shorter than 8")
    result = run(binaries.kmsd, "init", "--data", "/proc/nowhere/data", check=False)
    assert result.returncode == CANNOT_CREATE
    sentence(output_of(result).strip(), "/proc/nowhere/data")


def test_wrong_master_key(new_kms):
    kms, other = new_kms(), new_kms("other")
    (kms.data / "master.key").write_bytes((other.data / "master.key").read_bytes())
    sentence(serve(kms, code=CONFIGURATION), "master key", "does not belong", "put the right one back")


def test_missing_master_key(new_kms):
    kms = new_kms()
    (kms.data / "master.key").unlink()
    sentence(serve(kms, code=NO_INPUT), "master.key does not exist", "put the master key")


@pytest.mark.parametrize("content", [b"", b"abc\n", b"g" * 64 + b"\n", b"0" * 63 + b"\n", b"0" * 66 + b"\n"])
def test_damaged_master_key(new_kms, content):
    kms = new_kms()
    (kms.data / "master.key").write_bytes(content)
    sentence(serve(kms, code=DATA), "damaged", "64 hexadecimal digits")


def test_open_modes(new_kms):
    kms = new_kms()
    for path, mode, remedy in [("", 0o750, "chmod 700"), ("master.key", 0o640, "chmod 600"), ("kmsd.sqlite", 0o604, "chmod 600")]:  # fmt: skip
        target = kms.data / path
        before = target.stat().st_mode
        target.chmod(mode)
        sentence(serve(kms, code=PERMISSION), "accessible to other users", remedy)
        target.chmod(before)
    kms.start()


def test_no_data_directory(new_kms):
    kms = new_kms()
    kms.data = kms.directory / "nowhere"
    sentence(serve(kms, code=NO_INPUT), "does not exist", "kmsd init --data")


def test_not_a_database(new_kms):
    kms = new_kms()
    (kms.data / "kmsd.sqlite").write_bytes(b"nonsense" * 4096)
    sentence(serve(kms, code=DATA), "cannot open the database", "restore it from a backup")


def test_what_is_no_data_directory(new_kms, tmp_path):
    kms = new_kms()
    whole = kms.data
    kms.data = tmp_path / "file"
    kms.data.write_text("text")
    sentence(serve(kms, code=DATA), "is not a directory")
    kms.data = tmp_path / "empty"
    kms.data.mkdir(mode=0o700)
    sentence(serve(kms, code=DATA), "no data", "kmsd init")
    kms.data = whole
    key = (whole / "master.key").read_bytes()
    (whole / "master.key").unlink()
    (whole / "master.key").mkdir(mode=0o700)
    sentence(serve(kms, code=DATA), "master.key is not an ordinary file", "put the master key")
    (whole / "master.key").rmdir()
    (whole / "master.key").write_bytes(key)
    (whole / "master.key").chmod(0o600)
    kms.start()


def test_empty_database_is_left_alone(new_kms):
    kms = new_kms()
    database = kms.data / "kmsd.sqlite"
    os.truncate(database, 0)
    sentence(serve(kms, code=DATA), "is empty", "restore it from a backup")
    assert database.stat().st_size == 0


def test_database_of_a_newer_kmsd(new_kms):
    kms = new_kms()
    with closing(sqlite3.connect(kms.data / "kmsd.sqlite")) as database, database:
        database.execute("INSERT INTO grdb_migrations VALUES ('999: what is to come')")
    sentence(serve(kms, code=CONFIGURATION), "made by a newer kmsd", "start that version")


def test_concurrent_inits(binaries, tmp_path):
    """One wins, and its directory is whole."""
    environment = clean_environment(KMSD_ADMIN_PASSWORD="a good password")
    for number in range(5):
        data = tmp_path / f"data{number}"
        inits = [
            subprocess.Popen([binaries.kmsd, "init", "--data", data], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(4)
        ]  # fmt: skip
        errors = [init.communicate(timeout=30)[1].decode().strip() for init in inits]
        # The others found it at work, or done.
        first, *others = sorted(init.returncode for init in inits)
        assert first == 0 and set(others) <= {UNAVAILABLE, CANNOT_CREATE, DATA}
        for error in filter(None, errors):
            sentence(error, "nothing was changed")
        assert {"master.key", "kmsd.sqlite", "ca.pem"} <= {path.name for path in data.iterdir()}
        assert not (data / "init.unfinished").exists()


def test_interrupted_init(binaries, new_kms, tmp_path):
    kms = new_kms()
    kms.data = tmp_path / "data"
    environment = clean_environment(KMSD_ADMIN_PASSWORD="a good password")
    for delay in range(200):
        init = subprocess.Popen([binaries.kmsd, "init", "--data", kms.data], env=environment, stdout=subprocess.DEVNULL)
        while init.poll() is None and not (kms.data / "init.unfinished").exists():
            time.sleep(0.001)
        init.kill()
        init.wait()
        if (kms.data / "init.unfinished").exists():
            break
        shutil.rmtree(kms.data)
    sentence(serve(kms, code=DATA), "init did not finish", "remove that directory", "kmsd init again")
    result = run(binaries.kmsd, "init", "--data", kms.data, check=False)
    sentence(output_of(result).strip(), "init did not finish")


def test_one_server_per_directory(new_kms):
    kms = new_kms()
    kms.start()
    sentence(serve(kms, code=UNAVAILABLE), "another kmsd is already running")
    # A lock of a killed server does not stay.
    kms.kill9()
    kms.start()


def test_busy_port(new_kms):
    kms = new_kms()
    with socket.create_server(("127.0.0.1", 0)) as busy:
        sentence(serve(kms, "--listen", f"127.0.0.1:{busy.getsockname()[1]}", code=UNAVAILABLE), "cannot listen", "in use")


@pytest.mark.parametrize(
    "address,part",
    [
        ("192.0.2.1:8443", "address of this machine"),
        ("no-such-host.invalid:8443", "no such host"),
        ("999.1.1.1:8443", "no such host"),
    ],
)
def test_addresses_that_are_not_ours(new_kms, address, part):
    sentence(serve(new_kms(), "--listen", address, code=UNAVAILABLE).splitlines()[-1], f"cannot listen on {address}", part)


@pytest.mark.parametrize("listen", ["nonsense", ":8443", "host:", "host:port", "::1:8443", "a b:1", "127.0.0.1:-1"])
def test_listen_says_what_is_wrong(new_kms, listen):
    result = run(new_kms().program, "serve", "--data", "x", f"--listen={listen}", check=False)
    assert result.returncode == 64
    sentence(result.stderr.decode().strip(), listen, "kmsd serve --help")


@pytest.mark.parametrize(
    "arguments",
    [["--listen", "nonsense"], ["--listen", "127.0.0.1:99999"], ["--log-level", "loud"], ["--tls-key", "x"], ["--unknown"]],
)
def test_bad_arguments(new_kms, arguments):
    result = run(new_kms().program, "serve", "--data", "x", *arguments, check=False)
    assert result.returncode == USAGE
    sentence(result.stderr.decode().strip(), "kmsd serve --help")


@pytest.mark.parametrize(
    "arguments,parts",
    [
        ([], ["no command", "kmsd init", "kmsd serve", "kmsd --help"]),
        (["nonsense"], ["nonsense", "kmsd --help"]),
        (["--nonsense"], ["--nonsense", "kmsd --help"]),
        (["serve"], ["--data", "kmsd serve --help"]),
        (["verify", "--data", "x", "more"], ["more", "kmsd verify --help"]),
        (["backup", "--data", "x"], ["file", "kmsd backup --help"]),
    ],
)
def test_one_sentence_about_usage(binaries, arguments, parts):
    result = run(binaries.kmsd, *arguments, check=False)
    assert result.returncode == USAGE and result.stdout == b""
    sentence(result.stderr.decode().strip(), *parts)


def test_help_is_no_error(binaries):
    for arguments in (["--help"], ["--version"], ["help", "verify"], ["backup", "--help"]):
        result = run(binaries.kmsd, *arguments)
        assert result.stdout and not result.stderr


def test_foreign_directory(new_kms, tmp_path):
    """It is told apart from ours before anything is said about its mode."""
    kms = new_kms()
    kms.data = tmp_path / "foreign"
    kms.data.mkdir(mode=0o755)
    (kms.data / "file").write_text("text")
    sentence(serve(kms, code=DATA), "no data of kmsd", "kmsd init")


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


def test_stops_at_once_with_idle_connections(new_kms):
    kms = new_kms()
    kms.start()
    context = ssl.create_default_context(cafile=kms.ca_file)
    plain = [socket.create_connection(("127.0.0.1", kms.port)) for _ in range(10)]
    secure = [context.wrap_socket(connection, server_hostname="127.0.0.1") for connection in plain[5:]]
    secure[0].sendall(b"GET /sys/v1/version HTTP/1.1\r\nHost: a\r\nX")
    begin = time.monotonic()
    assert kms.stop() == 0
    assert time.monotonic() - begin < 3
    for connection in plain[:5] + secure:
        connection.close()


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
    other = make_rsa_key(tmp_path / "other.pem")
    encrypted = tmp_path / "encrypted.pem"
    run("openssl", "pkey", "-aes128", "-passout", "pass:secret", "-in", key, "-out", encrypted)
    text = tmp_path / "text"
    text.write_text("nothing\n")
    missing = tmp_path / "missing"
    for first, second, parts in [
        (certificate, missing, ("--tls-key", "/missing", "No such file")),
        (missing, key, ("--tls-certificate", "/missing", "No such file")),
        (certificate, other, ("does not belong", "other.pem")),
        (key, certificate, ("--tls-certificate", "holds a private key", "BEGIN CERTIFICATE")),
        (certificate, certificate, ("--tls-key", "holds a certificate", "BEGIN PRIVATE KEY")),
        (certificate, encrypted, ("is encrypted", "openssl pkey")),
        (text, key, ("no certificate in PEM",)),
        (certificate, text, ("no private key in PEM",)),
        (tmp_path, key, ("--tls-certificate", "cannot read")),
    ]:
        code = NO_INPUT if missing in (first, second) else CONFIGURATION
        sentence(serve(kms, "--tls-certificate", first, "--tls-key", second, code=code), *parts)


def test_reads_as_another_user(new_kms):
    """Whoever cannot read the directory gets a sentence, too."""
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    kms = new_kms()
    result = run("setpriv", "--reuid=65534", "--clear-groups", kms.program, "serve", "--data", kms.data, check=False)
    text = output_of(result).strip()
    # Where the program itself cannot be reached by that user, there is nothing to see.
    if "setpriv" not in text:
        assert result.returncode == PERMISSION
        sentence(text, str(kms.data))
