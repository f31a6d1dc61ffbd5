"""kmsd serve's configuration: file, variables, flags, the sample, the manual page."""

import re
import subprocess
import tomllib

import pytest
from processes import clean_environment, output_of, run


@pytest.fixture
def check(binaries):
    """Runs `kmsd serve --check`."""

    def call(*arguments, **environment) -> subprocess.CompletedProcess:
        return run(binaries.kmsd, "serve", "--check", *arguments, env=clean_environment(**environment), check=False)

    return call


def flat(table: dict, prefix: str = "") -> dict:
    found = {}
    for key, value in table.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return found


def complaint(result) -> str:
    text = output_of(result).strip()
    assert result.returncode == 78, text
    assert text.startswith("kmsd: ") and text.count("\n") == 0
    return text


def test_layers(check, tmp_path):
    file = tmp_path / "kmsd.conf"
    file.write_text('listen = ["127.0.0.1:1", "[::1]:2"]\n[limits]\nrequests = 5\nconnections = 6\nlogin_failures = 7\n')
    result = check("--config", file, "--set", "limits.requests=8", KMSD_LIMITS_CONNECTIONS="9", KMSD_DATA="/data")
    assert result.returncode == 0, output_of(result)
    values = flat(tomllib.loads(result.stdout.decode()))
    assert values["listen"] == ["127.0.0.1:1", "[::1]:2"]
    assert (values["limits.requests"], values["limits.connections"], values["limits.login_failures"]) == (8, 9, 7)
    assert values["data"] == "/data" and values["limits.idle_seconds"] == 300
    for line in (f"# {file}:5", "# KMSD_LIMITS_CONNECTIONS", "# --set limits.requests", "# default"):
        assert line in result.stdout.decode()


def test_what_check_prints_is_a_configuration_file(check, tmp_path):
    first = check(KMSD_DATA='/data "x"\\').stdout.decode()
    file = tmp_path / "kmsd.conf"
    file.write_text(first)
    second = check("--config", file).stdout.decode()
    assert flat(tomllib.loads(first)) == flat(tomllib.loads(second))


@pytest.mark.parametrize(
    "text,part",
    [
        ("[limits]\nrequest = 5\n", ':2: unknown key "request" in [limits]; known keys: body_bytes'),
        ("\n\nlisten = 5\n", ":3: listen must be HOST:PORT"),
        ("data = \n", ":1: "),
        ('[limits]\nrequests = "many"\n', ":2: limits.requests must be an integer from 1"),
    ],
)
def test_mistakes_in_the_file(check, tmp_path, text, part):
    file = tmp_path / "kmsd.conf"
    file.write_text(text)
    assert str(file) + part in complaint(check("--config", file))
    assert str(file) + part in complaint(check(KMSD_CONFIG=str(file)))


def test_other_mistakes(check, tmp_path):
    assert "No such file" in complaint(check("--config", tmp_path / "missing"))
    assert "is a directory" in complaint(check("--config", tmp_path))
    assert "KMSD_LIMITS_REQUESTS" in complaint(check(KMSD_LIMITS_REQUESTS="-1"))
    assert "there is no such setting" in complaint(check(KMSD_LIMITS_REQUEST="1"))
    for arguments in (["--set", "nothing=1"], ["--set", "limits.requests"], ["--log-format", "xml"]):
        result = check(*arguments)
        assert result.returncode == 64 and arguments[0].encode() in result.stderr
    result = run(check.__closure__[0].cell_contents.kmsd, "serve", check=False)
    assert result.returncode == 64 and b"--data" in result.stderr


def test_sample_shows_every_default(check, root, tmp_path):
    """The sample is valid, and so is all of it that is commented out: with the defaults, but for examples."""
    sample = (root / "pkcs11-conf/kmsd.conf").read_text()
    assert tomllib.loads(sample) == {}
    shown = flat(tomllib.loads(re.sub(r"^#(?=[\[a-z_])", "", sample, flags=re.MULTILINE)))
    plain = check()
    defaults = flat(tomllib.loads(plain.stdout.decode()))
    unset = set(re.findall(r"^# (\S+) is not set$", plain.stdout.decode(), re.MULTILINE))
    assert {key: value for key, value in shown.items() if key not in unset} == defaults
    assert shown.keys() == defaults.keys() | unset
    file = tmp_path / "kmsd.conf"
    file.write_text(re.sub(r"^#(?=[\[a-z_])", "", sample, flags=re.MULTILINE))
    assert check("--config", file).returncode == 0


def test_manual_page_is_complete(binaries, root, check):
    page = (root / "pkcs11-conf/man/kmsd.8").read_text().replace("\\-", "-")
    summary = run(binaries.kmsd, "help", "serve").stdout.decode() + run(binaries.kmsd, "help", "init").stdout.decode()
    options = set(re.findall(r"--[a-z][a-z-]+", summary))
    assert len(options) > 10
    assert {option for option in options if option not in page} == set()
    output = check().stdout.decode()
    names = re.findall(r"^(\S+) = ", output, re.MULTILINE) + re.findall(r"^# (\S+) is not set$", output, re.MULTILINE)
    assert len(names) > 20
    assert [name for name in names if name not in page] == []


def test_manual_pages_are_clean(root):
    for page in (root / "pkcs11-conf/man").iterdir():
        result = run("groff", "-man", "-Tutf8", "-ww", "-z", page, check=False)
        assert (result.returncode, output_of(result)) == (0, ""), page
