"""The systemd units of the agents, run by a real systemd as they are, but for the addresses."""

import re
from pathlib import Path

import pytest
from agent_kms import GROUP, ZONE, assert_serves
from plus_api import PlusAPI
from processes import clean_environment, wait_until
from systemd_machine import SystemdMachine
from tls_material import make_ca, make_key

# What the samples name.
HOST = "app.aserracorp.com"
LOG = "/run/agent.log"


@pytest.fixture(scope="module")
def unit_api():
    with PlusAPI(ZONE) as server:
        yield server


@pytest.fixture(scope="module")
def certificate(agent_kms, ca):
    """Of the sample's host; and the sample's CA and plugin."""
    authority = make_ca("Units' CA")
    agent_kms.bring_key("ca", authority.key, exportable=False)
    agent_kms.bring_certificate("ca-cert", authority.certificate)
    agent_kms.kms.run_kmsctl("plugin", "install", "x509-ca", "--name", "web-ca", "--group", GROUP)
    return agent_kms.bring(HOST, ca, make_key())


@pytest.fixture(scope="module")
def machine(root, binaries, agent_kms, unit_api, certificate, tmp_path_factory):
    """With the samples installed and edited as their comments say."""
    with SystemdMachine(tmp_path_factory.mktemp("systemd") / "machine", binaries.kmsctl) as machine:
        machine.write("/etc/kms-pkcs11/api-key", agent_kms.api_key, "600")
        machine.write("/etc/kms-pkcs11/ca.pem", agent_kms.kms.ca_file.read_bytes(), "600")
        machine.write("/etc/kms-pkcs11/agent-hosts.toml", (root / "pkcs11-conf/agent/agent-hosts.toml").read_text())
        for unit in (root / "pkcs11-conf/systemd").glob("kms-agent-*"):
            machine.write(f"/etc/systemd/system/{unit.name}", edited(unit, agent_kms.kms.url))
            if unit.suffix == ".service":
                machine.write(f"/etc/systemd/system/{unit.name}.d/test.conf", drop_in(unit_api))
        comment = (root / "pkcs11-conf/systemd/kms-agent-files.service").read_text()
        machine(*re.search(r"once: (useradd .*)", comment)[1].split())
        machine.systemctl("daemon-reload")
        yield machine


def edited(unit: Path, url: str) -> str:
    text = unit.read_text().replace("https://fortanix.aserracorp.com", url)
    # The timer must not take a minute.
    text = text.replace("OnBootSec=10s", "OnBootSec=1s").replace("RandomizedDelaySec=1min", "AccuracySec=1ms")
    return text.replace("#LoadCredential=", "LoadCredential=").replace("#Environment=", "Environment=")


def drop_in(api: PlusAPI) -> str:
    lines = ["[Service]", f"Environment=KMSCTL_NGINX_API={api.url}", f"StandardOutput=append:{LOG}", f"StandardError=append:{LOG}"]
    if path := clean_environment().get("LD_LIBRARY_PATH"):
        lines.append(f"Environment=LD_LIBRARY_PATH={path}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def started(machine, unit_api):
    """Starts a unit; it is stopped afterwards, and that is a success."""
    unit_api.zones[ZONE].clear()
    machine.write(LOG, "")
    units = []

    def start(unit: str):
        units.append(unit)
        machine.systemctl("start", unit)

    yield start
    for unit in units:
        machine.systemctl("stop", unit)
        if unit.endswith(".service"):
            assert machine.property(unit, "Result") == "success"


def wait_for_entry(machine, api, old: str = "") -> str:
    wait_until(lambda: api.zones[ZONE].get(HOST, old) != old, "the entry")
    return api.zones[ZONE][HOST]


def user_of(machine, unit: str) -> str:
    process = machine.property(unit, "MainPID")
    return machine("stat", "--format", "%U", f"/proc/{process}").stdout.decode().strip()


def test_keyval(machine, unit_api, started, certificate):
    unit = "kms-agent-keyval.service"
    started(unit)
    assert_serves(wait_for_entry(machine, unit_api), certificate)
    assert user_of(machine, unit) not in ("root", "nobody")
    # It looks at once, and not in five minutes.
    unit_api.zones[ZONE].clear()
    machine.systemctl("reload", unit)
    assert_serves(wait_for_entry(machine, unit_api), certificate)
    assert machine.property(unit, "NRestarts") == "0"


def test_ephemeral(machine, unit_api, started):
    unit = "kms-agent-ephemeral.service"
    started(unit)
    first = wait_for_entry(machine, unit_api)
    assert first.startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert user_of(machine, unit) not in ("root", "nobody")
    unit_api.zones[ZONE].clear()
    machine.systemctl("reload", unit)
    assert wait_for_entry(machine, unit_api) != first


def test_files(machine, started, certificate):
    """NGINX's workers can read them, others cannot, and they stay when the agent is restarted or stopped."""
    unit = "kms-agent-files.service"
    started(unit)
    key, chain = f"/run/kms-tls/current/{HOST}.key", f"/run/kms-tls/current/{HOST}.crt"
    wait_until(lambda: machine("test", "-e", chain, check=False).returncode == 0, "the files")
    assert_serves(machine.read(key) + machine.read(chain), certificate)
    assert user_of(machine, unit) == "kms-agent"
    for user, code in (("www-data", 0), ("nobody", 1)):
        assert machine("runuser", "-u", user, "--", "cat", key, check=False).returncode == code
    machine.systemctl("restart", unit)
    assert machine("test", "-e", key).returncode == 0
    machine.systemctl("stop", unit)
    assert machine("test", "-e", key).returncode == 0


def test_timer(machine, unit_api, started, certificate):
    started("kms-agent-once.timer")
    assert_serves(wait_for_entry(machine, unit_api), certificate)
    wait_until(lambda: machine.property("kms-agent-once.service", "ActiveState") == "inactive", "the end of the run")
    assert machine.property("kms-agent-once.service", "Result") == "success"
    assert machine.property("kms-agent-once.timer", "NextElapseUSecMonotonic")


@pytest.mark.parametrize("name", ["keyval", "files", "ephemeral"])
def test_a_mistake_is_not_tried_again(machine, name):
    """An unknown option: exit code 64, and no restart."""
    unit = f"kms-agent-{name}.service"
    mistake = f"/etc/systemd/system/{unit}.d/mistake.conf"
    start = re.search(r"^ExecStart=.*", machine.read(f"/etc/systemd/system/{unit}"), re.MULTILINE)[0]
    machine.write(mistake, f"[Service]\nExecStart=\n{start} --no-such-option\n")
    machine.systemctl("daemon-reload")
    try:
        machine("systemctl", "start", unit, check=False)
        wait_until(lambda: machine.property(unit, "ActiveState") == "failed", "the end of the agent")
        assert (machine.property(unit, "ExecMainStatus"), machine.property(unit, "NRestarts")) == ("64", "0")
    finally:
        machine("rm", mistake)
        machine.systemctl("daemon-reload")
        machine("systemctl", "reset-failed", unit, check=False)


def test_what_protects_the_machine(machine, started):
    """The settings are in force: systemd would go on without those that it does not know."""
    unit = "kms-agent-keyval.service"
    started(unit)
    process = machine.property(unit, "MainPID")
    status = machine.read(f"/proc/{process}/status")
    values = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert (values["NoNewPrivs"], values["Seccomp"], int(values["CapBnd"], 16), int(values["CapEff"], 16)) == ("1", "2", 0, 0)
    mounts = machine.read(f"/proc/{process}/mounts").splitlines()
    options = {line.split()[1]: line.split()[3].split(",") for line in mounts}
    assert "ro" in options["/"]
