"""Fixtures of the tests with OpenSSH."""

import pytest
from client_token import ClientToken, token  # noqa: F401, a fixture
from token_tool import Pair, TokenTool

KINDS = {
    "rsa2048": "rsa:2048",
    "rsa3072": "rsa:3072",
    "p256": "EC:prime256v1",
    "p384": "EC:secp384r1",
    "p521": "EC:secp521r1",
}


@pytest.fixture
def tool(token: ClientToken, tmp_path) -> TokenTool:  # noqa: F811
    return TokenTool(token, tmp_path)


@pytest.fixture
def pairs(tool) -> dict[str, Pair]:
    """Every kind of key that OpenSSH uses over PKCS #11."""
    return {name: tool.generate_pair(kind, name, f"0{number}") for number, (name, kind) in enumerate(KINDS.items())}


@pytest.fixture
def ssh_env(token: ClientToken, tmp_path) -> dict[str, str]:  # noqa: F811
    """A program that wants a PIN asks another one, which knows it and writes down that it was asked."""
    asked = tmp_path / "askpass"
    asked.write_text(f'#!/bin/sh\nprintf "%s\\n" "$1" >> {tmp_path}/asked\nprintf "%s\\n" "$TOKEN_PIN"\n')
    asked.chmod(0o700)
    return token.env | {
        "HOME": str(tmp_path),
        "SSH_ASKPASS": str(asked),
        "SSH_ASKPASS_REQUIRE": "force",
        "TOKEN_PIN": token.pin,
    }
