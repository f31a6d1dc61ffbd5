"""Keys and certificates of the KMS in NGINX Plus's key-value store."""

import json
import os
import pty
import subprocess

import pytest
from agent_kms import ZONE, assert_serves, hosts_file, keyval, split
from certificates import make_rsa_key, public_half
from plus_api import PlusAPI
from processes import output_of, run, wait_until
from tls_material import make_key


def vendor_agent(agent_kms, agent, directory, host: str, *more):
    script = directory / "sdkms_agent.sh"
    script.symlink_to(agent.binary)
    return run(
        script, ZONE, agent_kms.kms.url, agent_kms.api_key, host, f"{host}-key", f"{host}-cert", *more,
        env=agent.environment | {"FORTANIX_API_KEY": ""},
    )  # fmt: skip


def test_published_walk_through(agent_kms, agent, api, ca, tmp_path):
    """The vendor's script with the vendor's arguments, and the publication's check with curl."""
    host = "nginx-demo.aserracorp.com"
    certificate = agent_kms.bring(host, ca, make_key("rsa"))
    result = vendor_agent(agent_kms, agent, tmp_path, host)
    assert output_of(result).startswith(f"{host}: loaded into {ZONE}; the certificate is valid until ")
    answer = run("curl", "--silent", "--show-error", f"http://127.0.0.1:{api.port}/api/6/http/keyvals/{ZONE}").stdout
    values = json.loads(answer)
    assert list(values) == [host]
    assert values[host].startswith("-----BEGIN RSA PRIVATE KEY-----\n")
    assert "-----END RSA PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\n" in values[host]
    assert values[host].endswith("-----END CERTIFICATE-----\n")
    assert_serves(values[host], certificate)


def test_a_second_run_changes_nothing_and_a_new_version_is_loaded(agent_kms, agent, api, ca):
    host, key = "second.example", make_key()
    first = agent_kms.bring(host, ca, key)
    code, events = agent(*keyval(host))
    assert (code, [event["event"] for event in events]) == (0, ["loaded"])
    assert_serves(api.zones[ZONE][host], first)
    before = list(api.requests)
    code, events = agent(*keyval(host))
    assert (code, [event["event"] for event in events]) == (0, ["unchanged"])
    assert {method for method, _, _ in api.requests[len(before) :]} == {"GET"}
    second = ca.issue(host, key)
    agent_kms.replace_certificate(host, second)
    assert agent(*keyval(host))[0] == 0
    assert_serves(api.zones[ZONE][host], second)
    assert [(method, status) for method, _, status in api.requests[-2:]] == [("POST", 409), ("PATCH", 204)]


def test_an_entry_that_does_not_work_is_replaced(agent_kms, agent, api, ca):
    """The right certificate, but somebody else's key beside it."""
    host = "broken-entry.example"
    certificate = agent_kms.bring(host, ca, make_key())
    agent(*keyval(host))
    good = api.zones[ZONE][host]
    other = agent_kms.bring("other-entry.example", ca, make_key())
    agent(*keyval("other-entry.example"))
    wrong_key = api.zones[ZONE]["other-entry.example"].partition("-----BEGIN CERTIFICATE-----")[0]
    api.zones[ZONE][host] = wrong_key + good[good.index("-----BEGIN CERTIFICATE-----") :]
    assert agent(*keyval(host))[1][0]["event"] == "loaded"
    assert_serves(api.zones[ZONE][host], certificate)
    assert other != certificate


def test_chain_in_order(agent_kms, agent, api, ca, tmp_path):
    host, key = "chain.example", make_key()
    upper = ca.intermediate("Upper CA")
    lower = upper.intermediate("Lower CA")
    leaf = lower.issue(host, key)
    agent_kms.bring_key(f"{host}-key", key)
    agent_kms.bring_certificate(f"{host}-cert", leaf)
    agent_kms.bring_certificate("upper", upper.certificate)
    agent_kms.bring_certificate("lower", lower.certificate)
    code, events = agent(*keyval(host, "--chain", "upper", "--chain", "lower"))
    assert (code, events[0]["code"]) == (65, "data")
    assert "the chain is not in order" in events[0]["message"] and not api.zones[ZONE]
    code, events = agent(*keyval(host))
    assert code == 0 and "without a chain" in events[0]["message"] and "--chain" in events[0]["message"]
    code, events = agent(*keyval(host, "--chain", "lower", "--chain", "upper"))
    assert code == 0 and "message" not in events[0]
    assert split(api.zones[ZONE][host])[1] == [leaf, lower.certificate, upper.certificate]
    del api.zones[ZONE][host]
    vendor_agent(agent_kms, agent, tmp_path, host, "--chain", "lower", "--chain", "upper")
    assert split(api.zones[ZONE][host])[1] == [leaf, lower.certificate, upper.certificate]


def test_dry_run_changes_nothing(agent_kms, agent, api, ca):
    host = "dry.example"
    agent_kms.bring(host, ca, make_key())
    code, events = agent(*keyval(host, "--dry-run"))
    assert (code, events[0]["event"], events[0]["host"]) == (0, "would_load", host)
    assert {method for method, _, _ in api.requests} == {"GET"} and api.zones[ZONE] == {}
    exports = agent_kms.kms.run_kmsctl("audit", "--object", f"{host}-key", "--json").stdout
    assert b"exported" not in exports


def test_watch_follows_the_kms_and_the_list(agent_kms, agent, api, ca, tmp_path):
    """New versions are loaded; deleted, disabled and no longer listed ones are removed; NGINX's restart is noticed."""
    hosts = [f"watched-{number}.example" for number in range(4)]
    keys = {host: make_key() for host in hosts}
    for host in hosts:
        agent_kms.bring(host, ca, keys[host])
    file = hosts_file(tmp_path / "hosts.toml", hosts)
    agent.watch("keyval", ZONE, "--hosts-file", file, "--interval", "3600")
    for host in hosts:
        agent.wait_for("loaded", host=host)

    renewed = ca.issue(hosts[0], keys[hosts[0]])
    agent_kms.replace_certificate(hosts[0], renewed)
    agent_kms.delete(f"{hosts[1]}-key")
    hosts_file(file, [hosts[0], hosts[1], hosts[3]])
    agent.look_now()
    agent.wait_for("removed", host=hosts[1])
    agent.wait_for("removed", host=hosts[2])
    agent.wait_for("loaded", count=2, host=hosts[0])
    assert_serves(api.zones[ZONE][hosts[0]], renewed)
    assert set(api.zones[ZONE]) == {hosts[0], hosts[3]}

    api.zones[ZONE].clear()
    agent.look_now()
    agent.wait_for("loaded", count=2, host=hosts[3])
    wait_until(lambda: set(api.zones[ZONE]) == {hosts[0], hosts[3]}, "loading again")
    assert agent.stop() == 0
    assert agent.events()[-1]["event"] == "stopped"
    assert set(api.zones[ZONE]) == {hosts[0], hosts[3]}, "the end of the agent took something away"


def test_api_key_is_asked_for(agent_kms, agent, api, ca):
    """On a terminal, without an echo."""
    host = "asked.example"
    agent_kms.bring(host, ca, make_key())
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [str(agent.binary), "agent", *keyval(host)], env=agent.environment | {"FORTANIX_API_KEY": ""},
        stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),
    )  # fmt: skip
    os.close(terminal)
    seen = b""
    while b"API key: " not in seen:
        seen += os.read(controller, 1000)
    os.write(controller, agent_kms.api_key.encode() + b"\n")
    try:
        while chunk := os.read(controller, 1000):
            seen += chunk
    except OSError:
        # The end of the terminal's last user.
        pass
    os.close(controller)
    assert process.wait(timeout=60) == 0, seen.decode()
    assert f"{host}: loaded into {ZONE}".encode() in seen and agent_kms.api_key.encode() not in seen


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('[[host]]\nname = "a.example"\nkey = "k"\n', 'hosts.toml:1: the host has no "certificate"'),
        ('[[host]]\nname = "a.example"\nkey = "k"\ncertificate = "c"\nport = 1\n', 'hosts.toml:5: "port" is none of'),
        ('[[host]]\nname = "../a"\nkey = "k"\ncertificate = "c"\n', 'hosts.toml:2: "../a" is no host name'),
        ('[[host]]\nname = ""\nkey = "k"\ncertificate = "c"\n', 'hosts.toml:2: "name" is empty'),
        ("[[host]\n", "hosts.toml:1: "),
        ("", "there is no [[host]] table"),
    ],
)
def test_wrong_list_of_hosts(agent, tmp_path, content, words):
    file = tmp_path / "hosts.toml"
    file.write_text(content)
    code, events = agent("keyval", ZONE, "--hosts-file", file)
    assert (code, events[0]["code"]) == (78, "configuration")
    assert words in events[0]["message"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("keyval", ZONE),
        ("keyval", "--host", "a.example", "--key", "k", "--certificate", "c"),
        ("keyval", ZONE, "--output", "/run/x", "--host", "a.example", "--key", "k", "--certificate", "c"),
        ("keyval", ZONE, "--host", "*.example", "--key", "k", "--certificate", "c"),
        ("keyval", ZONE, "--host", "192.0.2.1", "--key", "k", "--certificate", "c"),
        ("keyval", ZONE, "--host", "a.example", "--key", "k", "--certificate", "c", "--group", "root"),
        ("keyval", ZONE, "--host", "a.example", "--host", "b.example", "--key", "k", "--certificate", "c"),
        ("ephemeral", ZONE, "--host", "a.example", "--plugin", "p", "--issuer-key", "k"),
        ("ephemeral", ZONE, "--host", "a.example", "--host", "A.example", "--plugin", "p", "--issuer-key", "k",
         "--issuer-certificate", "c"),
    ],
)
def test_wrong_usage(agent, arguments):
    result = run(agent.binary, "agent", *arguments, env=agent.environment, check=False)
    assert result.returncode == 64, output_of(result)


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("PATCH", "", {"enabled": False}, "is disabled"),
        ("POST", "/revoke", {"code": "KeyCompromise", "message": "lost"}, "is in state Compromised"),
    ],
    ids=["disabled", "revoked"],
)
def test_withdrawn_key(agent_kms, agent, api, ca, method, path, body, words):
    """With --watch its entry goes; without it the entry stays, and the exit code says so."""
    host, key = f"withdrawn{path.replace('/', '-')}.example", make_key()
    agent_kms.bring_key(f"{host}-key", key, manageable=True)
    agent_kms.bring_certificate(f"{host}-cert", ca.issue(host, key))
    agent.watch(*keyval(host))
    agent.wait_for("loaded")
    entry = api.zones[ZONE][host]
    agent_kms.rest(method, f"/{agent_kms.kms.json('key', 'show', f'{host}-key')['kid']}{path}", body)
    agent.look_now()
    assert words in agent.wait_for("removed")["message"]
    assert api.zones[ZONE] == {} and agent.stop() == 0
    api.zones[ZONE][host] = entry
    code, events = agent(*keyval(host))
    assert (code, events[0]["event"]) == (65, "failed") and words in events[0]["message"]
    assert api.zones[ZONE][host] == entry


def test_api_over_tls(agent_kms, agent, authority, tmp_path, ca):
    """Elsewhere than on this machine the API needs TLS, and is verified."""
    key = make_rsa_key(tmp_path / "api.pem")
    certificate = authority.issue(public_half(key), "nginx-api", host="localhost")
    agent_kms.bring("tls-api.example", ca, make_key())
    with PlusAPI(ZONE, tls=(certificate, key)) as api:
        address = f"https://localhost:{api.port}"
        code, events = agent(*keyval("tls-api.example", "--nginx", address))
        assert (code, events[0]["code"]) == (69, "unavailable") and "certificate" in events[0]["message"]
        code, events = agent(*keyval("tls-api.example", "--nginx", address, "--nginx-ca-file", authority.certificate))
        assert (code, events[0]["event"]) == (0, "loaded"), events


def test_plain_http_to_this_machine_only(agent_kms, agent, ca):
    code, events = agent(*keyval("second.example", "--nginx", "http://192.0.2.1:8443"))
    assert (code, events[0]["code"]) == (78, "configuration")
    assert "http:// would show what is sent" in events[0]["message"]
