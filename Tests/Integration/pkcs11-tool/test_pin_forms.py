"""The PIN is the API key, or says where it is."""

import pytest
from kms import wrong_secret
from pkcs11_tool import PKCS11Tool
from processes import output_of


@pytest.fixture
def tool(binaries, module_env) -> PKCS11Tool:
    return PKCS11Tool(binaries.module, module_env)


def lists_keys(tool, pin) -> bool:
    return "Private Key Object" in output_of(tool("-O", "--login", "--pin", pin))


@pytest.mark.parametrize("prefix", ["file:", "file://"])
@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_file_that_holds_the_key(tool, kms, tmp_path, prefix, ending):
    path = tmp_path / "pin"
    path.write_bytes(kms.api_key.encode() + ending.encode())
    path.chmod(0o600)
    assert lists_keys(tool, f"{prefix}{path}")


def test_a_configuration_file_with_api_key(tool, kms, tmp_path):
    path = tmp_path / "pkcs11.conf"
    path.write_text(f'api_key = "{kms.api_key}"\n')
    path.chmod(0o600)
    assert lists_keys(tool, f"file://{path}")


def test_an_environment_variable(tool, kms):
    """pkcs11-tool replaces an `env:` itself, so the module's comes as the value of one."""
    tool.env |= {"APP_API_KEY": kms.api_key, "PIN": "env:APP_API_KEY"}
    assert lists_keys(tool, "env:PIN")


@pytest.mark.parametrize("form", ["secret", "nonsense", "missing file", "missing variable"])
def test_a_wrong_pin_is_named(tool, kms, tmp_path, form):
    pin = {
        "secret": wrong_secret(kms.api_key),
        "nonsense": "1234",
        "missing file": f"file:{tmp_path}/nothing",
        "missing variable": "env:PIN",
    }[form]
    tool.env["PIN"] = "env:NOT_SET_ANYWHERE"
    result = tool("-O", "--login", "--pin", pin, check=False)
    assert result.returncode != 0
    assert "CKR_PIN_INCORRECT" in output_of(result)
    if form == "secret":
        assert pin not in output_of(result)
