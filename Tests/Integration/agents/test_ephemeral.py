"""Keys that the KMS makes and certificates that its CA plugin issues, for a short time."""

import datetime
import json
import sys
import time
import uuid

import pytest
from agent_kms import GROUP, ZONE, assert_serves, certificate_of_this_machine, split
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from older_kms import OlderKMS
from processes import PATIENCE, run, wait_until
from tls_material import make_ca, written

HOST = "nginx-demo.aserracorp.com"


@pytest.fixture(scope="module")
def issuer(agent_kms):
    """A CA in the KMS, and the plugin's id."""
    ca = make_ca("Ephemeral CA")
    agent_kms.bring_key("ca-key", ca.key, exportable=False)
    agent_kms.bring_certificate("ca-cert", ca.certificate)
    plugin = agent_kms.kms.json("plugin", "install", "x509-ca", "--name", "issuer", "--group", GROUP)
    return ca, plugin["plugin_id"]


def ephemeral(*more) -> list:
    return ["ephemeral", ZONE, "--plugin", "issuer", "--host", HOST, "--issuer-key", "ca-key",
            "--issuer-certificate", "ca-cert", *more]  # fmt: skip


def verify(pem: str, ca, directory):
    """As a client would, with openssl."""
    leaf = split(pem)[1][0].public_bytes(Encoding.PEM)
    run(
        "openssl", "verify", "-x509_strict", "-CAfile", written(directory / "ca.pem", ca.pem), "-purpose", "sslserver",
        "-verify_hostname", HOST, written(directory / "leaf.pem", leaf),
    )  # fmt: skip


def left_in_kms(agent_kms) -> set[str]:
    return {name for name in agent_kms.names() if name.startswith(HOST)}


def in_seconds(seconds: int) -> str:
    time_then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return time_then.strftime("%Y%m%dT%H%M%SZ")


@pytest.mark.parametrize("spelling", ["installed", "python"])
def test_published_walk_through(root, agent_kms, agent, api, issuer, tmp_path, binaries, spelling):
    """The vendor's script with the vendor's arguments: as a link to kmsctl, and run by Python as in the publication."""
    ca, plugin = issuer
    script = tmp_path / "sdkms_get_ephemeral_tls_cert.py"
    if spelling == "python":
        script.write_text((root / "pkcs11-conf/agent/sdkms_get_ephemeral_tls_cert.py").read_text())
        (tmp_path / "kmsctl").symlink_to(binaries.kmsctl)
        command = [sys.executable, script]
    else:
        script.symlink_to(binaries.kmsctl)
        command = [script]
    run(*command, ZONE, agent_kms.kms.url, agent_kms.api_key, plugin, HOST, "ca-key", "ca-cert",
        env=agent.environment | {"FORTANIX_API_KEY": ""})  # fmt: skip
    answer = json.loads(run("curl", "--silent", f"http://127.0.0.1:{api.port}/api/6/http/keyvals/{ZONE}").stdout)
    assert answer[HOST].startswith("-----BEGIN RSA PRIVATE KEY-----\n")
    verify(answer[HOST], ca, tmp_path)
    key, (leaf,) = split(answer[HOST])
    assert key.key_size == 2048
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [HOST]
    assert left_in_kms(agent_kms) == set()


def test_stored_key_is_deleted(agent_kms, agent, api, issuer, tmp_path):
    """As with a KMS or plugin that knows no transient keys."""
    code, events = agent(*ephemeral("--stored-key", "--type", "ec"))
    assert (code, events[0]["event"]) == (0, "loaded")
    assert api.zones[ZONE][HOST].startswith("-----BEGIN EC PRIVATE KEY-----\n")
    verify(api.zones[ZONE][HOST], issuer[0], tmp_path)
    history = agent_kms.kms.run_kmsctl("audit", "--limit", "20", "--json").stdout.decode()
    assert f'deleted \\"{HOST}-' in history, history
    assert left_in_kms(agent_kms) == set()


def test_what_a_killed_agent_left_is_deleted(agent_kms, agent, api, issuer):
    """A stored key of the agents' name and description, past its end; another one is not touched."""
    key = {"obj_type": "EC", "elliptic_curve": "NistP256", "key_ops": ["SIGN", "EXPORT", "APPMANAGEABLE"],
           "deactivation_date": in_seconds(2)}  # fmt: skip
    left, other = f"left.example-{uuid.uuid4()}", f"other.example-{uuid.uuid4()}"
    agent_kms.rest("POST", "", key | {"name": left, "description": "TLS key of an agent, to be deleted at once"})
    agent_kms.rest("POST", "", key | {"name": other, "description": "somebody's"})
    wait_until(lambda: agent_kms.kms.json("key", "show", left)["state"] == "Deactivated", "the key's end")
    assert agent(*ephemeral("--type", "ec"))[0] == 0
    assert left not in agent_kms.names() and other in agent_kms.names()


@pytest.mark.parametrize("step", ["/sys/v1/plugins", "/crypto/v1/keys/export"])
def test_kill_while_there_is_a_stored_key(agent_kms, agent, api, issuer, tmp_path, step):
    """The key ends in ten minutes by itself; from then on the next agent deletes it."""
    certificate, key = certificate_of_this_machine(tmp_path)
    before = dict(agent.environment)
    with OlderKMS(agent_kms.kms, certificate, key) as older:
        older.hang_at = step
        agent.environment |= {"KMSCTL_ENDPOINT": older.url, "KMSCTL_CA_FILE": str(certificate)}
        # By its id, so that the list of plugins is not asked for.
        agent.watch(*ephemeral("--type", "ec", "--plugin", issuer[1]))
        assert older.hanging.wait(PATIENCE)
        assert agent.stop(9) == -9
    (left,) = left_in_kms(agent_kms)
    kept = agent_kms.kms.json("key", "show", left)
    end = datetime.datetime.fromisoformat(kept["deactivation_date"])
    rest = (end - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
    assert 600 - 2 * PATIENCE < rest <= 600
    # While an agent may still need it, it stays.
    agent.environment = before
    assert agent(*ephemeral("--type", "ec"))[0] == 0
    assert left_in_kms(agent_kms) == {left}
    agent_kms.rest("PATCH", f"/{kept['kid']}", {"deactivation_date": in_seconds(2)})
    wait_until(lambda: agent_kms.kms.json("key", "show", left)["state"] == "Deactivated", "the key's end")
    assert agent(*ephemeral("--type", "ec"))[0] == 0
    assert left_in_kms(agent_kms) == set()


def test_a_kms_without_transient_keys(agent_kms, agent, api, issuer, tmp_path):
    """A stored key is made, exported and deleted without being told."""
    certificate, key = certificate_of_this_machine(tmp_path)
    with OlderKMS(agent_kms.kms, certificate, key) as older:
        agent.environment |= {"KMSCTL_ENDPOINT": older.url, "KMSCTL_CA_FILE": str(certificate)}
        code, events = agent(*ephemeral("--type", "ec"))
    assert (code, events[0]["event"], older.refused) == (0, "loaded", 1)
    verify(api.zones[ZONE][HOST], issuer[0], tmp_path)
    assert left_in_kms(agent_kms) == set()


def test_stored_key_is_deleted_after_a_failure(agent_kms, agent, api, issuer):
    """A lifetime that is longer than the CA's: the plugin refuses."""
    code, events = agent(*ephemeral("--stored-key", "--lifetime", "31536000"))
    assert (code, events[0]["code"]) == (77, "refused")
    assert "would outlive its CA" in events[0]["message"]
    assert left_in_kms(agent_kms) == set() and api.zones[ZONE] == {}


def test_a_stored_key_that_cannot_be_deleted(agent_kms, agent, api, issuer, tmp_path):
    """It is named, and what was made is not used."""
    certificate, key = certificate_of_this_machine(tmp_path)
    with OlderKMS(agent_kms.kms, certificate, key) as older:
        older.broken = "DELETE"
        agent.environment |= {"KMSCTL_ENDPOINT": older.url, "KMSCTL_CA_FILE": str(certificate)}
        # By its id, so that the list of plugins is not asked for.
        code, events = agent(*ephemeral("--type", "ec", "--plugin", issuer[1]))
    assert (code, events[0]["code"]) == (69, "unavailable")
    (left,) = left_in_kms(agent_kms)
    assert f'The key "{left}" is still in the KMS' in events[0]["remedy"] and "out of order" in events[0]["message"]
    assert api.zones[ZONE] == {}
    agent_kms.delete(left)


def test_watch_renews_before_the_end(agent_kms, agent, api, issuer, tmp_path):
    """A lifetime of eight seconds: at no moment is there an entry that has ended."""
    agent.watch(*ephemeral("--lifetime", "8", "--type", "ec"))
    agent.wait_for("loaded")
    seen = []
    while len(seen) < 2:
        leaf = split(api.zones[ZONE][HOST])[1][0]
        assert leaf.not_valid_after_utc > datetime.datetime.now(datetime.timezone.utc)
        if leaf not in seen:
            seen.append(leaf)
            verify(api.zones[ZONE][HOST], issuer[0], tmp_path)
            assert_serves(api.zones[ZONE][HOST], leaf)
        time.sleep(0.1)
    used = (seen[1].not_valid_before_utc - seen[0].not_valid_before_utc).total_seconds()
    assert 4 <= used < 8, "not at about two thirds of the lifetime"
    assert agent.stop() == 0
    assert left_in_kms(agent_kms) == set()


def test_watch_keeps_what_is_good_for_a_while(agent_kms, agent, api, issuer):
    assert agent(*ephemeral("--type", "ec"))[0] == 0
    before = api.zones[ZONE][HOST]
    agent.watch(*ephemeral("--type", "ec"))
    agent.wait_for("unchanged")
    assert api.zones[ZONE][HOST] == before
    # A host that lost its entry gets a new one.
    api.zones[ZONE].clear()
    agent.look_now()
    agent.wait_for("loaded")
    wait_until(lambda: api.zones[ZONE].get(HOST, before) != before, "a new certificate")


def test_dry_run_makes_no_key(agent_kms, agent, api, issuer):
    before = agent_kms.kms.run_kmsctl("audit", "--json").stdout.decode().count("issued certificate")
    code, events = agent(*ephemeral("--dry-run"))
    assert (code, events[0]["event"]) == (0, "would_load")
    assert api.zones[ZONE] == {}
    assert agent_kms.kms.run_kmsctl("audit", "--json").stdout.decode().count("issued certificate") == before


def test_unknown_plugin_and_issuer(agent, issuer):
    code, events = agent(*ephemeral("--plugin", "no-such-plugin"))
    assert (code, events[0]["code"]) == (66, "not_found") and "no-such-plugin" in events[0]["message"]
    code, events = agent(*ephemeral("--issuer-key", "no-such-key"))
    assert (code, events[0]["code"]) == (66, "not_found") and "no-such-key" in events[0]["message"]


def test_issuer_key_of_another_certificate(agent_kms, agent, issuer):
    agent_kms.bring_key("other-ca-key", make_ca("Other CA").key)
    code, events = agent(*ephemeral("--issuer-key", "other-ca-key"))
    assert code == 65 and "is not the key of the certificate" in events[0]["message"]
    # That shows without making anything.
    assert agent(*ephemeral("--issuer-key", "other-ca-key", "--dry-run"))[0] == 65


def test_chain_that_is_not_needed(agent_kms, agent, api, issuer):
    """Clients have the root; naming it is no mistake, but is said."""
    root = make_ca("Root above")
    upper = root.intermediate("Issuing CA")
    agent_kms.bring_key("upper-key", upper.key, exportable=False)
    agent_kms.bring_certificate("upper-cert", upper.certificate)
    agent_kms.bring_certificate("root-cert", root.certificate)
    of_upper = ["--issuer-key", "upper-key", "--issuer-certificate", "upper-cert"]
    for arguments, sent in (
        (["--chain", "ca-cert"], 1), ([*of_upper, "--chain", "root-cert"], 2), (of_upper, 2), ([], 1),
    ):  # fmt: skip
        code, (event,) = agent(*ephemeral("--type", "ec", *arguments))
        assert (code, event["event"], len(split(api.zones[ZONE][HOST])[1])) == (0, "loaded", sent)
        assert ("without 1 of the certificates that --chain names" in event.get("message", "")) == ("--chain" in arguments)
