"""Where private keys and API keys must not be: logs, output, the list of processes, files, dumps of the memory."""

import base64
import json
import re
from pathlib import Path

import pytest
from agent_kms import ZONE, AgentKMS, keyval
from kms import running_kms
from processes import output_of, run, wait_until
from tls_material import key_der, make_key

HOST = "canary.example"


@pytest.fixture(scope="module")
def agent_kms(binaries, tmp_path_factory):
    """A KMS that logs all that it can."""
    directory = tmp_path_factory.mktemp("secrecy")
    with running_kms(binaries, directory / "kms", log_level="trace") as server:
        yield AgentKMS(server, directory)


@pytest.fixture(scope="module")
def canary(agent_kms, ca):
    """The private key of HOST."""
    key = make_key()
    agent_kms.bring(HOST, ca, key)
    return key


def forms(key) -> list[bytes]:
    """The private number as it might appear: raw, in hexadecimal digits, in base64 at any offset, in decimal digits."""
    number = key.private_numbers().private_value
    raw = number.to_bytes(32)
    encoded = base64.b64encode(key_der(key))
    return [raw, raw.hex().encode(), str(number).encode(), *[encoded[at : at + 40] for at in range(4, 100, 20)]]


def assert_nowhere(key, texts: dict[str, bytes], *more: bytes):
    for source, text in texts.items():
        assert not any(form in text for form in [*forms(key), *more]), f"{source} shows a secret"


def test_output_and_logs(agent_kms, agent, api, canary, tmp_path):
    agent.environment["KMS_PKCS11_LOG"] = "debug"
    texts = {}
    for name, more in (("load", ()), ("again", ()), ("json", ("--json",)), ("refused", ("--nginx", api.url + "/x"))):
        if name == "json":
            api.zones[ZONE].clear()
        texts[name] = output_of(
            run(agent.binary, "agent", *keyval(HOST, *more), env=agent.environment, check=False)
        ).encode()
        assert texts[name]
    # A value that NGINX has, and that cannot be parsed.
    api.zones[ZONE][HOST] = api.zones[ZONE][HOST].replace("CERTIFICATE", "CERT")
    texts["broken entry"] = output_of(run(agent.binary, "agent", *keyval(HOST), env=agent.environment)).encode()
    texts["kmsd"] = agent_kms.kms.log.read_bytes()
    assert_nowhere(canary, texts, agent_kms.api_key.encode())


def test_list_of_processes(agent_kms, agent, api, canary, tmp_path, binaries):
    """The vendor's spelling has the API key on its command line; as soon as the program runs, it is not there."""
    script = tmp_path / "sdkms_agent.sh"
    script.symlink_to(binaries.kmsctl)
    agent.environment.pop("FORTANIX_API_KEY")
    agent.binary = script
    agent.watch_as([ZONE, agent_kms.kms.url, agent_kms.api_key, HOST, f"{HOST}-key", f"{HOST}-cert"])
    agent.wait_for("loaded")
    process = Path(f"/proc/{agent.process.pid}")
    assert_nowhere(
        canary, {name: (process / name).read_bytes() for name in ("cmdline", "environ")}, agent_kms.api_key.encode()
    )
    assert b"xxxxxxxx" in (process / "cmdline").read_bytes()
    assert re.search(r"^Max core file size +0 +0 ", (process / "limits").read_text(), re.MULTILINE)


def test_nothing_is_written(agent_kms, agent, api, canary):
    """It works where every file system is read-only."""
    script = """
        set -e
        while read -r _ place kind _; do
            case $kind in proc|sysfs|cgroup*|devpts|mqueue|devtmpfs) continue;; esac
            mount -o remount,bind,ro "$place" 2>/dev/null || mount --bind "$place" "$place" 2>/dev/null || :
        done < /proc/self/mounts
        if touch "$HOME/probe" 2>/dev/null; then echo 'still writable' >&2; exit 99; fi
        exec "$@"
    """
    result = run(
        "unshare", "--mount", "sh", "-c", script, "sh", agent.binary, "agent", *keyval(HOST), env=agent.environment
    )  # fmt: skip
    assert "loaded into" in output_of(result)


def test_memory_of_a_watching_agent(agent_kms, agent, api, canary):
    """Once it is loaded, the agent has no use for the key: its own copies are zeroed. (Those that the JSON decoder and
    libcurl made are freed, and some of them may still be there.)
    """
    agent.watch(*keyval(HOST))
    agent.wait_for("loaded")
    raw = forms(canary)[0]
    wait_until(lambda: count_in_memory(agent.process.pid, raw) == 0, "zeroing the key itself", timeout=10)


def count_in_memory(pid: int, needle: bytes) -> int:
    found = 0
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            begin, end = (int(part, 16) for part in line.split()[0].split("-"))
            if line.split()[1].startswith("rw"):
                try:
                    memory.seek(begin)
                    found += memory.read(end - begin).count(needle)
                except (OSError, OverflowError):
                    pass
    return found


def test_api_key_in_the_wrong_place_is_not_shown(agent_kms, agent, api, tmp_path, binaries):
    script = tmp_path / "sdkms_agent.sh"
    script.symlink_to(binaries.kmsctl)
    key = agent_kms.api_key
    for arguments in (
        (ZONE, agent_kms.kms.url, HOST, key, "k", "c"),
        (ZONE, key, agent_kms.kms.url, HOST, "k", "c"),
        (ZONE, agent_kms.kms.url, key, HOST, "k"),
    ):
        result = run(script, *arguments, "--json", env=agent.environment, check=False)
        assert result.returncode in (64, 78), output_of(result)
        assert key not in output_of(result)
        json.loads(result.stderr or result.stdout)
