"""kmsctl config check: what holds, where it comes from, and sysexits.h's code for what does not."""

import json
import os

import pytest


def rows(out: str) -> dict[str, tuple[str, str]]:
    """Value and origin by key, of a file with one slot."""
    lines = [line.split("  ") for line in out.splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    return {row[0]: (row[1], row[2]) for row in cells if len(row) == 3}


def test_every_value_and_its_origin(check, configuration, canary, tmp_path):
    key = tmp_path / "key"
    key.write_text(canary)
    key.chmod(0o600)
    configuration.write_text(
        f'cache_ttl = 7\napi_endpoint = "kms.example.com"\napi_key = "file:{key}"\n[log]\nsystem = true\n'
        'file = { path = "/tmp/x", max_files = 2 }\n'
    )
    code, out, err = check(configuration, FORTANIX_API_ENDPOINT="https://b.example.com", KMS_PKCS11_LOG="info",
                           https_proxy=f"http://u:{canary}@proxy:3128")  # fmt: skip
    assert code == 0 and canary not in out + err
    assert out.startswith(f"Read from {configuration}.\n\nslot 1\n")
    found = rows(out)
    assert found["cache_ttl"] == ("7", f"{configuration}:1")
    assert found["api_endpoint"] == ('"https://b.example.com"', "FORTANIX_API_ENDPOINT")
    assert found["api_key"] == (f'"file:{key}"', f"{configuration}:3")
    assert found["label"] == ('"Fortanix Token"', "default")
    assert found["proxy"] == ('"http://proxy:3128"', "https_proxy")
    assert found["level"] == ('"info"', "KMS_PKCS11_LOG")
    assert found["system"] == ("true", f"{configuration}:5")
    assert found["file"] == ('{ max_files = 2, path = "/tmp/x" }', f"{configuration}:6")
    # A literal key is not shown.
    configuration.write_text(f'api_key = "{canary}"\n')
    code, out, err = check(KMS_PKCS11_CONF=configuration)
    assert code == 0 and canary not in out + err and rows(out)["api_key"] == ("(hidden)", f"{configuration}:1")
    assert "slot \"Fortanix Token\" has no endpoint" in err


def test_json(check, configuration, canary):
    configuration.write_text(f'api_key = "{canary}"\nh2_num_connections = 3\n[[slot]]\nlabel = "a"\n[[slot]]\nlabel = "b"\n')
    code, out, err = check("--json", configuration, FORTANIX_API_ENDPOINT="a.example.com")
    report = json.loads(out)
    assert code == 0 and report["ok"] and report["source"] == str(configuration) and canary not in out and err == ""
    assert {value.get("slot") for value in report["values"]} == {"a", "b", None}
    ttl = [value for value in report["values"] if value["key"] == "cache_ttl"]
    assert [value["value"] for value in ttl] == ["60", "60"] and {value["from"] for value in ttl} == {"default"}
    assert report["warnings"][0] == f"{configuration}:2: h2_num_connections has no effect: connections are opened as needed"
    assert any('"b" has no endpoint' in warning for warning in report["warnings"])


def test_without_a_file(check):
    code, out, _ = check(FORTANIX_API_ENDPOINT="kms.example.com")
    assert code == 0 and "Read from" in out
    assert rows(out)["api_endpoint"] == ('"kms.example.com"', "FORTANIX_API_ENDPOINT")


@pytest.mark.parametrize(
    "code, text, words",
    [
        (78, "cache_tll = 1", ":1: unknown key \"cache_tll\""),
        (78, "\ncache_ttl = true", ":2: cache_ttl must be an integer from 0 to 86400, not a boolean"),
        (78, "api_endpoint = \"http://x\"", ":1: api_endpoint: http:// would show"),
        (78, "a = = b", ":1: "),
        (66, "ca_certs_file = \"/no/such.pem\"", ":1: ca_certs_file: cannot read /no/such.pem: No such file"),
        (77, "api_key = \"canary\"", ":1: api_key: every user of this machine can read the API key; chmod o-rwx"),
    ],
)
def test_exit_codes(check, configuration, code, text, words):
    configuration.write_text(text + "\n")
    configuration.chmod(0o644)
    found, out, err = check(configuration)
    assert found == code and out == "" and f"kmsctl: {configuration}{words}" in err and "canary" not in err
    found, out, err = check("--json", configuration)
    error = json.loads(err)["error"]
    assert found == code == error["exit_code"] and words in error["message"] and out == ""


def test_files_that_cannot_be_read(check, configuration, tmp_path):
    code, _, err = check(tmp_path / "nothing.conf")
    assert code == 66 and f"{tmp_path}/nothing.conf: cannot read the configuration file: No such file" in err
    code, _, err = check(tmp_path)
    assert code == 66 and "is a directory" in err
    configuration.chmod(0o602)
    code, _, err = check(configuration)
    assert code == 77 and "chmod o-w" in err
    assert check("--nonsense")[0] == 64


@pytest.mark.skipif(os.geteuid() != 0, reason="root reads everything; only root can become somebody else")
def test_a_file_of_somebody_else(binaries, configuration, tmp_path):
    import subprocess

    configuration.chmod(0o600)
    for folder in (tmp_path, *tmp_path.parents):
        if str(folder).startswith("/tmp/"):
            folder.chmod(folder.stat().st_mode | 0o111)
    command = [binaries.kmsctl, "config", "check", configuration]
    result = subprocess.run(command, user=65534, group=65534, extra_groups=[], capture_output=True, text=True,
                            env={"PATH": os.environ["PATH"]})  # fmt: skip
    assert result.returncode == 77 and "Permission denied" in result.stderr


def test_relative_path_of_the_file(check, configuration, monkeypatch):
    configuration.write_text("cache_ttl = 1\n")
    monkeypatch.chdir(configuration.parent)
    code, out, _ = check("kms-pkcs11.conf", FORTANIX_API_ENDPOINT="kms.example.com")
    assert code == 0 and rows(out)["cache_ttl"] == ("1", f"{configuration}:1")


def test_places_that_cannot_be_written(check, configuration, tmp_path):
    configuration.write_text(f'[log]\nfile = "{tmp_path}/none/log"\ncounters_dir = "{tmp_path}/counters"\n')
    code, _, err = check(configuration, FORTANIX_API_ENDPOINT="kms.example.com")
    assert code == 0 and f"the log file cannot be written: {tmp_path}/none" in err
    assert f"the counters cannot be written: {tmp_path}/counters" in err
