"""ssh-keygen -D prints the public keys of a token, for authorized_keys."""

import pytest
from client_token import make_token
from processes import output_of, run
from token_tool import TokenTool


def printed_keys(directory, text: str) -> set[bytes]:
    """What `ssh-keygen -D` printed, in PEM as openssl writes it."""
    keys = set()
    for number, line in enumerate(line for line in text.splitlines() if line.startswith(("ssh-", "ecdsa-"))):
        path = directory / f"printed-{number}.pub"
        path.write_text(line + "\n")
        keys.add(run("ssh-keygen", "-e", "-m", "PKCS8", "-f", path).stdout)
    return keys


def test_prints_every_key(token, tool, pairs, ssh_env):
    text = run("ssh-keygen", "-D", token.module, env=ssh_env).stdout.decode()
    assert printed_keys(tool.directory, text) == {pair.public_key.read_bytes() for pair in pairs.values()}


def test_prints_labels_as_comments(token, pairs, ssh_env):
    text = run("ssh-keygen", "-D", token.module, env=ssh_env).stdout.decode()
    comments = {line.split()[2] for line in text.splitlines() if len(line.split()) > 2}
    assert comments == set(pairs), text


def test_prints_the_keys_of_certificates(token, tool, pairs, ssh_env, authority):
    """A certificate is one more way to the same key, not one more key."""
    for pair in pairs.values():
        tool.certify(pair, authority)
    text = run("ssh-keygen", "-D", token.module, env=ssh_env).stdout.decode()
    assert printed_keys(tool.directory, text) == {pair.public_key.read_bytes() for pair in pairs.values()}


def test_needs_no_pin_when_the_configuration_has_the_key(request, tmp_path):
    """With `api_key` the module reads the public keys before any login, so nobody is asked."""
    token = make_token(request, tmp_path, api_key=True)
    pair = TokenTool(token, tmp_path).generate_pair("EC:prime256v1", "public", "01")
    env = token.env | {"HOME": str(tmp_path), "SSH_ASKPASS": "/bin/false", "SSH_ASKPASS_REQUIRE": "force"}
    text = run("ssh-keygen", "-D", token.module, env=env).stdout.decode()
    assert printed_keys(tmp_path, text) == {pair.public_key.read_bytes()}


def test_a_wrong_pin(request, token, tmp_path, pairs, ssh_env):
    if "SOFTHSM2_CONF" in token.env:
        pytest.skip("the stand-in shows public keys to everybody")
    ssh_env["TOKEN_PIN"] = "wrong-" + token.pin[:8]
    result = run("ssh-keygen", "-D", token.module, env=ssh_env, check=False)
    assert not printed_keys(tmp_path, result.stdout.decode())
    assert result.returncode != 0, output_of(result)


def test_an_empty_token(token, ssh_env):
    result = run("ssh-keygen", "-D", token.module, env=ssh_env, check=False)
    assert result.stdout == b"" and result.returncode in (0, 255), output_of(result)
