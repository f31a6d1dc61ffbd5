"""ssh-agent loads the module in a helper process of its own and signs for ssh and ssh-keygen."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from processes import Service, output_of, run, wait_until


@pytest.fixture
def agent_env(token, tmp_path, ssh_env):
    """The environment of an agent that knows the token's keys."""
    # The path of a socket has little room.
    short = Path(tempfile.mkdtemp(prefix="kms-agent-"))
    ssh_env["SSH_AUTH_SOCK"] = str(short / "socket")
    command = ["ssh-agent", "-D", "-a", ssh_env["SSH_AUTH_SOCK"], "-P", os.path.realpath(token.module)]
    agent = Service(command, ssh_env, tmp_path / "agent.log")
    agent.start()
    try:
        wait_until(lambda: os.path.exists(ssh_env["SSH_AUTH_SOCK"]), "ssh-agent's socket")
        yield ssh_env
    finally:
        agent.stop(signal.SIGTERM)
        shutil.rmtree(short)


@pytest.mark.parametrize("kind", ["rsa2048", "rsa3072", "p256", "p384", "p521"])
def test_signs(token, tool, pairs, agent_env, kind):
    run("ssh-add", "-s", token.module, env=agent_env)
    line = ssh_form(pairs[kind])
    assert line in {
        " ".join(key.split()[:2]) for key in run("ssh-add", "-L", env=agent_env).stdout.decode().splitlines()
    }
    public = tool.file("signer.pub", f"{line}\n".encode())
    message = tool.file("message", b"Signed through ssh-agent.\n")
    run("ssh-keygen", "-Y", "sign", "-f", public, "-n", "file", message, env=agent_env)
    allowed = tool.file("allowed", f"somebody {line}\n".encode())
    verify = ["ssh-keygen", "-Y", "verify", "-f", allowed, "-I", "somebody", "-n", "file", "-s", f"{message}.sig"]
    assert b'Good "file" signature' in run(*verify, input=message.read_bytes()).stdout
    assert run(*verify, input=b"Something else.\n", check=False).returncode != 0


def test_signs_again_and_again(token, tool, pairs, agent_env):
    """One session of the helper serves them all."""
    run("ssh-add", "-s", token.module, env=agent_env)
    for pair in (pairs["rsa2048"], pairs["p256"]):
        public = tool.file("signer.pub", (ssh_form(pair) + "\n").encode())
        for _ in range(5):
            run("ssh-add", "-T", public, env=agent_env)


def test_forgets_the_keys(token, pairs, agent_env):
    run("ssh-add", "-s", token.module, env=agent_env)
    run("ssh-add", "-e", token.module, env=agent_env)
    assert b"The agent has no identities." in run("ssh-add", "-L", env=agent_env, check=False).stdout


def test_a_wrong_pin(token, pairs, agent_env):
    agent_env["TOKEN_PIN"] = "wrong-" + token.pin[:8]
    result = run("ssh-add", "-s", token.module, env=agent_env, check=False)
    assert result.returncode != 0, output_of(result)


def ssh_form(pair) -> str:
    """`TYPE BASE64` of a public key."""
    return run("ssh-keygen", "-i", "-m", "PKCS8", "-f", pair.public_key).stdout.decode().strip()
