"""What an operator mistypes, forgets or does twice: nothing is lost, and the sentence says cause and remedy."""

import os
import re
import secrets
import signal
import socket

import pytest
from certificates import make_rsa_key, public_half
from processes import clean_environment, output_of, run, wait_until

USAGE, DATA, NO_INPUT, UNAVAILABLE, CANNOT_CREATE, PERMISSION, CONFIGURATION = 64, 65, 66, 69, 73, 77, 78
PASSWORD = "a good password"


@pytest.fixture
def refused(binaries):
    """Runs a command that must end with this code and one line, which it answers."""

    def call(code: int, *arguments, **environment) -> str:
        result = run(binaries.kmsd, *arguments, env=clean_environment(**environment), check=False)
        assert result.returncode == code, output_of(result)
        assert result.stdout == b"" and result.stderr.count(b"\n") == 1, output_of(result)
        return result.stderr.decode().strip()

    return call


def contents(directory) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


# Places where a command writes


def test_backup_writes_over_nothing_but_files_elsewhere(new_kms, refused, tmp_path):
    kms = new_kms()
    before = contents(kms.data)
    pipe, bound, link, nowhere, loop = (tmp_path / name for name in ("pipe", "socket", "link", "nowhere", "loop"))
    os.mkfifo(pipe)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(bound))
    to_pipe, to_data, around = tmp_path / "to-pipe", tmp_path / "to-data", tmp_path / "around"
    to_pipe.symlink_to(pipe)
    to_data.symlink_to(kms.data / "kmsd.sqlite")
    around.symlink_to(kms.data)
    nowhere.symlink_to(tmp_path / "missing")
    loop.symlink_to(loop)
    for place, part in [
        (pipe, "not an ordinary file"),
        (to_pipe, "not an ordinary file"),
        (bound, "not an ordinary file"),
        (tmp_path, "not an ordinary file"),
        (kms.data / "master.key", "in the data directory"),
        (kms.data / "kmsd.sqlite", "in the data directory"),
        (kms.data / "new", "in the data directory"),
        (kms.data / ".." / "data" / "new", "in the data directory"),
        (to_data, "in the data directory"),
        (around / "new", "in the data directory"),
        (nowhere, "No such file"),
        (loop, "symbolic links"),
        (tmp_path / "missing" / "backup", "make the directory"),
        (kms.data / "ca.pem" / "backup", "a file stands"),
    ]:
        for force in ([], ["--force"]):
            text = refused(CANNOT_CREATE, "backup", "--data", kms.data, *force, place)
            assert part in text, text
    refused(USAGE, "backup", "--data", kms.data, "--force", "")
    assert pipe.is_fifo() and bound.is_socket() and not (tmp_path / "missing").exists()
    after = contents(kms.data)
    assert after.keys() - before.keys() <= {"kmsd.sqlite-wal", "kmsd.sqlite-shm"}
    assert {name: after[name] for name in before} == before
    assert [path for path in tmp_path.rglob("*unfinished*")] == []

    # A link to an older backup stays one.
    old = tmp_path / "old"
    old.write_text("an older backup")
    link.symlink_to(old)
    run(kms.program, "backup", "--data", kms.data, "--force", link)
    assert link.is_symlink() and old.read_bytes().startswith(b"SQLite format 3")


def test_restore_takes_no_link_and_no_pipe(new_kms, refused, tmp_path):
    kms = new_kms()
    backup = tmp_path / "backup"
    run(kms.program, "backup", "--data", kms.data, backup)
    key = ("--master-key-file", kms.data / "master.key")
    pipe, link, empty = tmp_path / "pipe", tmp_path / "link", tmp_path / "empty"
    os.mkfifo(pipe)
    empty.mkdir()
    link.symlink_to(empty)
    new = tmp_path / "new"
    assert "not an ordinary file" in refused(DATA, "restore", "--data", new, *key, pipe)
    assert "not an ordinary file" in refused(DATA, "restore", "--data", new, *key, tmp_path)
    assert "symbolic link" in refused(CANNOT_CREATE, "restore", "--data", link, *key, backup)
    assert "make the directory" in refused(CANNOT_CREATE, "restore", "--data", tmp_path / "no" / "new", *key, backup)
    other = tmp_path / "other.key"
    other.write_text(secrets.token_hex(32) + "\n")
    other.chmod(0o600)
    text = refused(CONFIGURATION, "restore", "--data", new, "--master-key-file", other, backup)
    assert str(other) in text and "unfinished" not in text
    assert "--master-key-file" in refused(NO_INPUT, "restore", "--data", new, backup)
    assert not new.exists() and not list(tmp_path.glob("*unfinished*")) and not list(empty.iterdir())


def test_init_keeps_the_master_key_out_of_places(refused, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (tmp_path / "kept").write_text("kept")
    os.mkfifo(tmp_path / "pipe")
    init = ("init", "--data", data, "--master-key-file")
    assert "in the data directory" in refused(CANNOT_CREATE, *init, data / "kmsd.sqlite-wal")
    assert "not an ordinary file" in refused(CANNOT_CREATE, *init, tmp_path / "pipe")
    assert "name another one" in refused(CANNOT_CREATE, *init, tmp_path / "kept")
    assert "make the directory" in refused(CANNOT_CREATE, *init, tmp_path / "no" / "key")
    assert (tmp_path / "kept").read_text() == "kept" and not list(data.iterdir())


# The master key


def test_the_variable_comes_first(new_kms, refused, tmp_path):
    """Also where master.key would fit; what does not fit is never overlooked."""
    kms = new_kms()
    key = (kms.data / "master.key").read_text().strip()
    other = secrets.token_hex(32)
    for command in (["verify"], ["rotate-master-key"], ["serve", "--listen", "127.0.0.1:0"]):
        name, *arguments = command
        text = refused(CONFIGURATION, name, "--data", kms.data, *arguments, KMSD_MASTER_KEY=other)
        assert "KMSD_MASTER_KEY does not belong" in text and "unset KMSD_MASTER_KEY" in text and other not in text
        text = refused(CONFIGURATION, name, "--data", kms.data, *arguments, KMSD_MASTER_KEY="short")
        assert "openssl rand -hex 32" in text
    run(kms.program, "verify", "--data", kms.data, env=clean_environment(KMSD_MASTER_KEY=key))
    # --master-key-file comes before it.
    named = ("--master-key-file", kms.data / "master.key")
    run(kms.program, "verify", "--data", kms.data, *named, env=clean_environment(KMSD_MASTER_KEY=other))
    (kms.data / "master.key").rename(tmp_path / "away")
    assert "unset" not in refused(CONFIGURATION, "verify", "--data", kms.data, KMSD_MASTER_KEY=other)
    run(kms.program, "verify", "--data", kms.data, env=clean_environment(KMSD_MASTER_KEY=key))


def test_rotation_does_not_touch_a_key_that_is_not_in_use(new_kms, refused):
    kms = new_kms()
    file = kms.data / "master.key"
    key = file.read_text().strip()
    file.write_text("f" * 64 + "\n")
    rotate = ("rotate-master-key", "--data", kms.data, "--new-master-key")
    assert "move that file away" in refused(CANNOT_CREATE, *rotate, "file", KMSD_MASTER_KEY=key)
    new = secrets.token_hex(32)
    run(kms.program, *rotate, "environment", env=clean_environment(KMSD_MASTER_KEY=key, KMSD_NEW_MASTER_KEY=new))
    assert file.read_text() == "f" * 64 + "\n"
    run(kms.program, "verify", "--data", kms.data, env=clean_environment(KMSD_MASTER_KEY=new))


def test_options_that_would_have_no_effect(new_kms, refused, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("a rather long passphrase\n")
    secret.chmod(0o600)
    init = ("init", "--data", tmp_path / "new")
    for kind in ([], ["--master-key", "file"], ["--master-key", "environment"]):
        assert "--master-key passphrase" in refused(USAGE, *init, *kind, "--passphrase-file", secret)
    environment = ("--master-key", "environment", "--master-key-file", tmp_path / "key")
    assert "--master-key-file" in refused(USAGE, *init, *environment, KMSD_MASTER_KEY=secrets.token_hex(32))
    assert not (tmp_path / "new").exists()
    kms = new_kms()
    before = (kms.data / "master.key").read_bytes()
    rotate = ("rotate-master-key", "--data", kms.data, "--new-passphrase-file", secret)
    assert "--new-master-key passphrase" in refused(USAGE, *rotate)
    assert (kms.data / "master.key").read_bytes() == before


@pytest.mark.parametrize("option,more", [
    ("--admin-password-file", []), ("--passphrase-file", ["--master-key", "passphrase"]),
])  # fmt: skip
def test_files_with_secrets(binaries, refused, tmp_path, option, more):
    init = ("init", "--data", tmp_path / "new", *more, option)
    secret = tmp_path / "secret"
    secret.write_text("a rather long passphrase\n")
    secret.chmod(0o644)
    text = refused(PERMISSION, *init, secret)
    assert f"chmod 600 {secret}" in text and "rather" not in text
    secret.chmod(0o600)
    assert "check the name" in refused(NO_INPUT, *init, tmp_path / "missing")
    assert "is a directory" in refused(DATA, *init, tmp_path)
    empty, large = tmp_path / "empty", tmp_path / "large"
    empty.touch(mode=0o600)
    assert "is empty" in refused(DATA, *init, empty)
    with open(large, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.truncate(50 << 20)
    assert "more than 65536 bytes" in refused(DATA, *init, large)
    assert not (tmp_path / "new").exists()
    # What a shell makes of <(…) is a pipe.
    command = f'"$1" init --data "$2" {" ".join(more)} {option} <(cat "$3")'
    run("bash", "-c", command, "bash", binaries.kmsd, tmp_path / "new", secret)


# Directories that are none


def test_advice_fits_the_command(refused, tmp_path):
    missing, empty, foreign = tmp_path / "missing", tmp_path / "empty", tmp_path / "foreign"
    empty.mkdir(mode=0o700)
    foreign.mkdir(mode=0o700)
    (foreign / "file").write_text("text")
    for command in (["verify"], ["backup", tmp_path / "backup"], ["rotate-master-key"], ["change-passphrase"]):
        for directory, code in ((missing, NO_INPUT), (empty, DATA), (foreign, DATA)):
            text = refused(code, command[0], "--data", directory, *command[1:])
            assert "--data names a directory that kmsd init made" in text, text
        assert "--data is empty" in refused(USAGE, command[0], "--data", "", *command[1:])
    for directory, code in ((missing, NO_INPUT), (empty, DATA)):
        assert f"kmsd init --data {directory}" in refused(code, "serve", "--data", directory)
    assert "init --data" not in refused(DATA, "serve", "--data", foreign)
    assert "not empty" in refused(USAGE, "serve", "--data", "")
    assert "make the directory" in refused(CANNOT_CREATE, "init", "--data", tmp_path / "no" / "data")
    for option, part in (("--data", "--data is empty"), ("--account", "--account"), ("--admin-email", "name@host")):
        assert part in refused(USAGE, "init", "--data", tmp_path / "new", option, "")
    assert not (tmp_path / "new").exists() and not (tmp_path / "no").exists()


# Serving


def test_a_used_metrics_port_is_noticed_before_anything_is_announced(new_kms, refused):
    kms = new_kms()
    with socket.create_server(("127.0.0.1", 0)) as busy:
        address = f"127.0.0.1:{busy.getsockname()[1]}"
        serve = ("serve", "--data", kms.data, "--listen", "127.0.0.1:0", "--log-level", "critical")
        text = refused(UNAVAILABLE, *serve, "--metrics-listen", address)
        assert address in text and "in use" in text and "--metrics-listen" in text
    kms.arguments = ["--metrics-listen", "127.0.0.1:0"]
    kms.start()
    log = kms.log.read_text()
    assert log.index("kmsd: metrics listen=http://127.0.0.1:") < log.index("kmsd: listening on")


def test_a_bad_certificate_is_blamed_on_the_place_that_names_it(new_kms, authority, refused, tmp_path):
    kms = new_kms()
    key = make_rsa_key(tmp_path / "server.key")
    certificate = tmp_path / "server.pem"
    certificate.write_bytes(authority.issue(public_half(key), "server", host="localhost").read_bytes())
    configuration = tmp_path / "kmsd.conf"
    configuration.write_text(f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n')
    kms.arguments = ["--config", configuration]
    kms.start()
    certificate.write_text("nonsense")
    kms._service.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "the TLS certificate stays as it is" in kms.log.read_text(), "the reload")
    (line,) = re.findall(r".*stays as it is.*", kms.log.read_text())
    assert f"tls.certificate ({configuration}:2) {certificate} holds no certificate" in line and "--tls" not in line
    kms.stop()
    serve = ("serve", "--data", kms.data, "--listen", "127.0.0.1:0")
    variables = {"KMSD_TLS_CERTIFICATE": str(certificate), "KMSD_TLS_KEY": str(key)}
    assert "tls.certificate (KMSD_TLS_CERTIFICATE)" in refused(CONFIGURATION, *serve, **variables)
    flags = ("--tls-certificate", certificate, "--tls-key", key)
    assert f"--tls-certificate {certificate} holds" in refused(CONFIGURATION, *serve, *flags)
