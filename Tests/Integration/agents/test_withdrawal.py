"""What --watch removes, and what it must not: a typo or a lost right never takes a working host off the net."""

from itertools import count

import pytest
from agent_kms import APP, GROUP, ZONE, Agent, assert_serves, hosts_file, keyval
from processes import wait_until
from test_ephemeral import HOST, ephemeral, issuer  # noqa: F401
from tls_material import make_key

NUMBERS = count()


@pytest.fixture
def host(agent_kms, ca):
    name = f"kept{next(NUMBERS)}.example"
    agent_kms.bring(name, ca, make_key())
    return name


def looks(agent: Agent, api, number: int = 4):
    """Lets the agent look so often, and more often than it takes for a removal."""
    for _ in range(number):
        before = len(api.requests)
        agent.look_now()
        wait_until(lambda: len(api.requests) >= before + 2, "a look")


def test_an_entry_that_this_agent_never_loaded(agent_kms, agent, api, host):
    """Loaded by another run, then the key goes."""
    assert agent(*keyval(host))[0] == 0
    entry = api.zones[ZONE][host]
    agent_kms.delete(f"{host}-key")
    agent.watch(*keyval(host))
    assert agent.wait_for("failed")["code"] == "not_found"
    looks(agent, api)
    assert agent.stop() == 0
    assert api.zones[ZONE][host] == entry and not agent.events("removed")


def test_a_mistyped_name(agent_kms, agent, api, host, tmp_path):
    file = hosts_file(tmp_path / "hosts.toml", [host])
    agent.watch("keyval", ZONE, "--hosts-file", file)
    agent.wait_for("loaded")
    entry = api.zones[ZONE][host]
    hosts_file(file, [host], **{host.split(".")[0]: "www-kye"})
    agent.look_now()
    failed = agent.wait_for("failed", host=host)
    assert "www-kye" in failed["message"] and "Check the name" in failed["remedy"]
    looks(agent, api)
    assert api.zones[ZONE][host] == entry and not agent.events("removed")
    hosts_file(file, [host])
    agent.look_now()
    agent.wait_for("unchanged")
    assert agent.stop() == 0


def test_an_app_that_lost_its_group(agent_kms, agent, api, host):
    """Everything vanishes at once: that is no withdrawal."""
    agent_kms.kms.run_kmsctl("group", "create", "elsewhere", check=False)
    agent.watch(*keyval(host))
    agent.wait_for("loaded")
    entry = api.zones[ZONE][host]
    agent_kms.kms.run_kmsctl("app", "update", APP, "--group", "elsewhere", "--default-group", "elsewhere")
    agent_kms.kms.run_kmsctl("app", "update", APP, "--remove-group", GROUP)
    try:
        agent.look_now()
        agent.wait_for("failed", host=host)
        looks(agent, api)
    finally:
        agent_kms.kms.run_kmsctl("app", "update", APP, "--group", GROUP, "--default-group", GROUP)
    agent.wait_for("unchanged", host=host)
    assert api.zones[ZONE][host] == entry and not agent.events("removed")
    assert agent.stop() == 0


def test_a_deleted_key_is_withdrawn_at_the_third_look(agent_kms, agent, api, host):
    agent.watch(*keyval(host))
    agent.wait_for("loaded")
    agent_kms.delete(f"{host}-key")
    before = len(api.requests)
    agent.look_now()
    assert f"{host}-key" in agent.wait_for("removed", host=host)["message"]
    assert host not in api.zones[ZONE] and agent.stop() == 0
    versions = [path for method, path, _ in api.requests[before:] if path.rstrip("/").endswith("/api")]
    assert len(versions) == 3, api.requests[before:]
    assert "3 looks in a row" in agent.events("failed")[0]["remedy"]


def test_an_ephemeral_certificate_outlives_its_issuer(agent_kms, agent, api, issuer, ca):  # noqa: F811
    """The CA's key is deleted; what is loaded is good for a day."""
    agent_kms.bring_key("short-ca-key", issuer[0].key, exportable=False)
    agent.watch(*ephemeral("--type", "ec", "--issuer-key", "short-ca-key"))
    agent.wait_for("loaded")
    entry = api.zones[ZONE][HOST]
    agent_kms.delete("short-ca-key")
    agent.look_now()
    assert "short-ca-key" in agent.wait_for("failed", host=HOST)["message"]
    looks(agent, api)
    assert api.zones[ZONE][HOST] == entry and not agent.events("removed")
    assert agent.stop() == 0


def test_rotation_under_new_names(agent_kms, agent, api, host, ca, tmp_path):
    """As the man page has it: import the new ones, change the names, delete the old ones."""
    file = hosts_file(tmp_path / "hosts.toml", [host])
    agent.watch("keyval", ZONE, "--hosts-file", file)
    agent.wait_for("loaded")
    key = make_key()
    certificate = ca.issue(host, key)
    agent_kms.bring_key(f"{host}-key-2", key)
    agent_kms.bring_certificate(f"{host}-cert-2", certificate)
    file.write_text(f'[[host]]\nname = "{host}"\nkey = "{host}-key-2"\ncertificate = "{host}-cert-2"\n')
    agent.look_now()
    agent.wait_for("loaded", count=2)
    agent_kms.delete(f"{host}-key")
    agent_kms.delete(f"{host}-cert")
    looks(agent, api)
    assert_serves(api.zones[ZONE][host], certificate)
    assert not agent.events("failed") and not agent.events("removed") and agent.stop() == 0
