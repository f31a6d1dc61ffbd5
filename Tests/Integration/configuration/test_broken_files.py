"""A module whose configuration cannot be used: C_Initialize says so, once, with file, line and remedy."""

import sys
from pathlib import Path

import pytest
from processes import clean_environment, output_of, run

HOST = Path(__file__).parent / "initialise.py"


@pytest.fixture
def initialise(binaries, configuration):
    """The answers of two C_Initialize calls, and what was written to standard error."""

    def initialise(**environment) -> tuple[list[str], list[str]]:
        env = clean_environment(KMS_PKCS11_CONF=str(configuration), PYTHONDONTWRITEBYTECODE="1") | environment
        result = run(sys.executable, HOST, binaries.module, env=env)
        return result.stdout.decode().split(), result.stderr.decode().splitlines()

    return initialise


@pytest.mark.parametrize(
    "text, words",
    [
        ("\ncolour = 1", ":2: unknown key \"colour\" in the configuration file; known keys: label"),
        ("cache_ttl = \"60\"", ":1: cache_ttl must be an integer from 0 to 86400, not a string"),
        ("api_key = canary", ":1: "),
        ("ca_certs_file = \"gone.pem\"", ":1: ca_certs_file: cannot read "),
        ("[log]\nlevel = \"loud\"", ":2: level: unknown level; use off, error, warn, info or debug"),
        ("[[slot]]\n[[slot]]", ":2: two slots have the label \"Fortanix Token\"; give each [[slot]] its own label"),
    ],
)
def test_one_line_with_file_line_and_remedy(initialise, configuration, text, words):
    configuration.write_text(text + "\n")
    answers, lines = initialise()
    # A second try, with the file corrected, is a new beginning.
    assert answers == ["CKR_GENERAL_ERROR", "CKR_OK"]
    assert len(lines) == 1 and lines[0].startswith("kms-pkcs11[") and f"] error: {configuration}{words}" in lines[0]
    assert "canary" not in lines[0]


def test_a_file_for_everybody(initialise, configuration, canary):
    configuration.write_text(f'\napi_key = "{canary}"\n')
    configuration.chmod(0o644)
    answers, lines = initialise()
    assert answers[0] == "CKR_GENERAL_ERROR" and len(lines) == 1 and canary not in lines[0]
    assert f"{configuration}:2: api_key: every user of this machine can read the API key; chmod o-rwx" in lines[0]


def test_a_missing_file_and_wrong_variables(initialise, configuration):
    configuration.unlink()
    answers, lines = initialise()
    assert answers[0] == "CKR_GENERAL_ERROR" and f"{configuration}: cannot read the configuration file" in lines[0]
    for variable, value, words in (
        ("KMS_PKCS11_LOG", "loud", "KMS_PKCS11_LOG: unknown level; use"),
        ("FORTANIX_API_ENDPOINT", "http://kms", "FORTANIX_API_ENDPOINT: http:// would show credentials"),
    ):
        configuration.touch()
        answers, lines = initialise(**{variable: value})
        assert answers[0] == "CKR_GENERAL_ERROR" and words in lines[0] and len(lines) == 2


def test_pkcs11_tool_shows_the_line(tool, configuration):
    configuration.write_text("cach_ttl = 1\n")
    result = tool("-L", check=False)
    assert result.returncode != 0 and f"{configuration}:1: unknown key" in output_of(result)
    assert "CKR_GENERAL_ERROR" in output_of(result)
