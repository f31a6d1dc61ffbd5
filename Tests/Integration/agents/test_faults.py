"""What can go wrong: nothing working is replaced by something broken, the reason is said, and --watch recovers."""

import socket
import ssl
import subprocess
import threading
import time

import pytest
from agent_kms import ZONE, Agent, assert_serves, certificate_of_this_machine, hosts_file, keyval
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from kms import wrong_secret
from processes import wait_until
from small_disk import SmallDisk
from tls_material import DAY, NOW, make_key

OLD = "what was there before"


@pytest.fixture
def host(request, agent_kms, ca):
    """A host whose key and certificate are in the KMS."""
    name = f"{request.node.name.split('[')[0].replace('_', '-')}.example"
    agent_kms.bring(name, ca, make_key())
    return name


def refused(agent, api, host, *more, code: int, words: str):
    """The agent fails so, and the old entry is still there."""
    api.zones[ZONE][host] = OLD
    got, events = agent(*keyval(host, *more))
    assert got == code, events
    (event,) = [event for event in events if event["event"] == "failed"]
    assert event["exit_code"] == code and words in event["message"], event
    assert api.zones[ZONE][host] == OLD


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ({"begin": NOW - 9 * DAY, "end": NOW - DAY}, "the certificate has expired, on "),
        ({"begin": NOW + DAY, "end": NOW + 9 * DAY}, "the certificate is not valid before "),
        ({"san": False}, "no such subject alternative name"),
    ],
    ids=["expired", "not yet valid", "common name only"],
)
def test_certificate_that_clients_refuse(agent_kms, agent, api, ca, kind, words, request):
    name = f"bad-{len(request.node.callspec.id)}.example"
    agent_kms.bring(name, ca, make_key(), **kind)
    refused(agent, api, name, code=65, words=words)


def test_common_name_on_demand(agent_kms, agent, api, ca):
    agent_kms.bring("common.example", ca, make_key(), san=False)
    assert agent(*keyval("common.example", "--accept-common-name"))[0] == 0


def test_certificate_of_another_host(agent_kms, agent, api, ca):
    key = make_key()
    agent_kms.bring_key("wrong-host.example-key", key)
    agent_kms.bring_certificate("wrong-host.example-cert", ca.issue("right.example", key))
    refused(agent, api, "wrong-host.example", code=65, words="not for this host")


def test_certificate_of_another_key(agent_kms, agent, api, ca):
    agent_kms.bring_key("mismatch.example-key", make_key())
    agent_kms.bring_certificate("mismatch.example-cert", ca.issue("mismatch.example", make_key()))
    refused(agent, api, "mismatch.example", code=65, words="do not belong together")


@pytest.mark.parametrize("curve", [ec.SECP224R1(), ec.SECP256K1()], ids=["P-224", "secp256k1"])
def test_curve_that_tls_servers_cannot_use(agent_kms, agent, api, ca, curve):
    name = f"{curve.name}.example"
    agent_kms.bring(name, ca, ec.generate_private_key(curve))
    refused(agent, api, name, code=65, words="TLS servers cannot use")


@pytest.mark.parametrize("damage", ["no end", "no begin", "garbage"])
def test_chain_that_is_not_whole(agent_kms, agent, api, ca, damage):
    key, name = make_key(), f"{damage.replace(' ', '-')}.example"
    upper = ca.intermediate("Upper CA")
    leaf = upper.issue(name, key).public_bytes(Encoding.PEM)
    rest = upper.certificate.public_bytes(Encoding.PEM)
    damaged = {"no end": rest[:200], "no begin": rest[100:], "garbage": rest[:100] + b"!!! garbage !!!" + rest[100:]}
    chain = leaf + damaged[damage]
    agent_kms.bring_key(f"{name}-key", key)
    agent_kms._bring(f"{name}-cert", "OPAQUE", chain, ["EXPORT"])
    refused(agent, api, name, code=65, words="is no whole chain")


def test_key_that_is_not_exportable(agent_kms, agent, api, ca):
    key = make_key()
    agent_kms.bring_key("inside.example-key", key, exportable=False)
    agent_kms.bring_certificate("inside.example-cert", ca.issue("inside.example", key))
    refused(agent, api, "inside.example", code=77, words="not exportable")


def test_object_that_does_not_exist(agent, api):
    refused(agent, api, "nowhere.example", code=66, words='no object "nowhere.example-key"')


def test_one_bad_host_does_not_stop_the_others(agent_kms, agent, api, host, tmp_path):
    file = tmp_path / "hosts.toml"
    file.write_text(
        '[[host]]\nname = "absent.example"\nkey = "absent"\ncertificate = "absent"\n'
        f'[[host]]\nname = "{host}"\nkey = "{host}-key"\ncertificate = "{host}-cert"\n'
    )
    code, events = agent("keyval", ZONE, "--hosts-file", file)
    assert (code, [event["event"] for event in events]) == (66, ["failed", "loaded"])


def test_wrong_api_key(agent, agent_kms, api, host):
    agent.environment["FORTANIX_API_KEY"] = wrong_secret(agent_kms.api_key)
    refused(agent, api, host, code=77, words="HTTP 401")


def test_nginx_api_faults(agent, api, host):
    refused(agent, api, host, "--nginx", api.url + "/elsewhere", code=78, words="HTTP 404")
    api.fault = "redirect"
    refused(agent, api, host, code=78, words="redirects to http://127.0.0.1:1/elsewhere (HTTP 307)")
    api.fault = None
    api.writable = False
    refused(agent, api, host, code=77, words="method disabled")
    api.writable = True
    api.fault = "garbage"
    refused(agent, api, host, code=76, words="does not answer with the versions")
    api.fault = "half"
    refused(agent, api, host, "--timeout", "2", code=69, words="cannot reach NGINX's API")
    api.fault = "full"
    api.zones[ZONE].clear()
    code, events = agent(*keyval(host))
    assert (code, events[0]["code"]) == (69, "unavailable") and "zone is full" in events[0]["message"]
    del api.zones[ZONE]
    code, events = agent(*keyval(host))
    assert (code, events[0]["code"]) == (78, "configuration")
    assert f'keyval "{ZONE}" not found' in events[0]["message"]


def test_watch_waits_for_an_object(agent, agent_kms, api, ca):
    """One that is not there yet is said to be missing, once, and loaded when it comes."""
    host = "coming.example"
    agent.watch(*keyval(host))
    assert agent.wait_for("failed")["code"] == "not_found"
    agent_kms.bring(host, ca, make_key())
    agent.look_now()
    agent.wait_for("loaded")
    assert len(agent.events("failed")) == 1
    assert agent.stop() == 0


def test_removal_is_tried_again(agent, agent_kms, api, host, tmp_path):
    """A host left the list while NGINX's API only read."""
    file = hosts_file(tmp_path / "hosts.toml", [host, "common.example"])
    agent.watch("keyval", ZONE, "--hosts-file", file, "--accept-common-name", "--timeout", "2")
    agent.wait_for("loaded", host=host)
    agent.wait_for("loaded", host="common.example")
    api.writable = False
    hosts_file(file, ["common.example"])
    agent.look_now()
    agent.wait_for("failed", host=host)
    # Nor does it forget while NGINX is away.
    api.stop()
    agent.look_now()
    agent.wait_for("failed", code="unavailable")
    api.start()
    api.writable = True
    agent.wait_for("removed", host=host)
    assert list(api.zones[ZONE]) == ["common.example"]
    assert agent.stop() == 0


def test_watch_survives_nginx(agent, api, host):
    agent.watch(*keyval(host, "--timeout", "2"))
    agent.wait_for("loaded")
    api.stop()
    agent.look_now()
    failed = agent.wait_for("failed")
    assert "the KMS" not in failed["message"]
    assert failed["exit_code"] == 69 and failed["retry_in"] >= 1
    api.zones[ZONE].clear()
    api.start()
    agent.wait_for("loaded", count=2)
    assert agent.stop() == 0


def test_watch_survives_the_kms(agent, agent_kms, api, host, ca):
    """The entry stays while the KMS is away, and what changed meanwhile comes when it is back."""
    agent.watch(*keyval(host, "--timeout", "2"))
    agent.wait_for("loaded")
    entry = api.zones[ZONE][host]
    agent_kms.kms.stop()
    agent.look_now()
    failed = agent.wait_for("failed")
    assert failed["exit_code"] == 69 and "cannot reach the KMS" in failed["message"]
    assert api.zones[ZONE][host] == entry
    agent_kms.kms.start()
    agent.wait_for("unchanged")
    assert agent.stop() == 0


def test_half_written_answer_of_the_kms(agent, api, host):
    """Something that begins like the KMS's answer and ends in its middle is at the KMS's address."""
    certificate, key = certificate_of_this_machine(agent.directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                peer, _ = listener.accept()
                with context.wrap_socket(peer, server_side=True) as connection:
                    connection.recv(65536)
                    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n"
                    connection.sendall((head + '{"access_token": "a').encode())
            except OSError:
                if listener.fileno() < 0:
                    return

    threading.Thread(target=serve, daemon=True).start()
    agent.environment |= {
        "KMSCTL_ENDPOINT": f"https://127.0.0.1:{listener.getsockname()[1]}", "KMSCTL_CA_FILE": str(certificate),
    }  # fmt: skip
    refused(agent, api, host, "--timeout", "2", code=69, words="cannot reach the KMS")
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_two_agents_on_one_zone(agent, agent_kms, api, ca, tmp_path):
    """Ten at the same time: all succeed, and the entry is whole."""
    host = "two-agents.example"
    certificate = agent_kms.bring(host, ca, make_key())
    command = [str(agent.binary), "agent", *keyval(host)]
    crew = [subprocess.Popen(command, env=agent.environment, stdout=subprocess.DEVNULL) for _ in range(10)]
    assert [member.wait(timeout=60) for member in crew] == [0] * 10
    other = Agent(agent_kms, tmp_path / "other", api)
    other.directory.mkdir()
    agent.watch(*keyval(host))
    other.watch(*keyval(host))
    try:
        for one in (agent, other):
            one.wait_for("unchanged")
        api.zones[ZONE].clear()
        for one in (agent, other):
            one.look_now()
        wait_until(lambda: host in api.zones[ZONE], "loading again")
        assert_serves(api.zones[ZONE][host], certificate)
        assert (agent.stop(), other.stop()) == (0, 0)
    finally:
        other.stop(9)


def test_end_while_the_network_hangs(agent, agent_kms, api, host):
    """SIGTERM in the middle: a KMS that says nothing does not keep the agent, once or watching."""
    api.zones[ZONE][host] = OLD
    agent_kms.kms.suspend()
    try:
        for more, code in (((), 75), (("--watch",), 0)):
            process = subprocess.Popen(
                [str(agent.binary), "agent", *keyval(host, *more)], env=agent.environment, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )  # fmt: skip
            time.sleep(0.5)
            began = time.monotonic()
            process.terminate()
            assert process.wait(timeout=60) == code
            assert time.monotonic() - began < 20
    finally:
        agent_kms.kms.resume()
    assert api.zones[ZONE][host] == OLD


def test_full_disk_and_recovery(agent, agent_kms, host, ca, tmp_path):
    """The files that are there stay whole; when there is room again the new ones come by themselves."""
    with SmallDisk(tmp_path / "memory", 1) as disk:
        folder = disk.directory / "tls"
        arguments = keyval(host, "--output", folder, "--interval", "1")
        arguments.remove(ZONE)
        agent.watch(*arguments)
        agent.wait_for("loaded")
        before = {file.name: file.read_bytes() for file in (folder / "current").glob(f"{host}.*")}
        assert set(before) == {f"{host}.crt", f"{host}.key"}
        disk.fill()
        key = make_key()
        agent_kms.delete(f"{host}-key")
        agent_kms.delete(f"{host}-cert")
        agent_kms.bring(host, ca, key)
        failed = agent.wait_for("failed", code="cannot_create")
        assert failed["exit_code"] == 73 and "No space left on device" in failed["message"]
        assert {file.name: file.read_bytes() for file in (folder / "current").glob(f"{host}.*")} == before
        disk.free()
        agent.wait_for("loaded", count=2)
        assert (folder / "current" / f"{host}.key").read_bytes() != before[f"{host}.key"]
        assert agent.stop() == 0
