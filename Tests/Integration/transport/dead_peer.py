"""A KMS whose packets stop coming, in a network namespace of this program's own. Prints what two signatures came to.

    unshare --net python dead_peer.py MODULE KMSD KMSCTL DIRECTORY
"""

import json
import sys
import time
from pathlib import Path

import cryptoki as ck
from kms import KMS, Binaries, write_configuration
from module_host import PRIVATE, ModuleHost
from processes import clean_environment, run


def rule(action: str, place: int, *selector):
    """`del` takes the first rule of its place that fits, so each has one of its own."""
    run("ip", "rule", action, "pref", place, "ipproto", "tcp", *selector, "blackhole")


def ports_of_clients(port: int) -> list[str]:
    listing = run("ss", "--no-header", "-tn", "state", "established", f"dport = :{port}").stdout.decode()
    return [line.split()[2].rpartition(":")[2] for line in listing.splitlines()]


def attempt(host, key) -> dict:
    began = time.monotonic()
    try:
        host.sign(key=key)
        value = "CKR_OK"
    except ck.Refused as refusal:
        value = str(refusal.value)
    return {"value": value, "seconds": time.monotonic() - began}


def main():
    module, kmsd, kmsctl, directory = map(Path, sys.argv[1:])
    # Packets to this host itself are looked for in the first rule, which must come after ours.
    run("ip", "link", "set", "lo", "up")
    run("ip", "rule", "add", "pref", "100", "lookup", "local")
    run("ip", "rule", "del", "pref", "0")
    kms = KMS(Binaries(module, kmsd, kmsctl), directory / "kms")
    kms.initialize()
    kms.start()
    try:
        kms.run_kmsctl("group", "create", kms.group)
        kms.run_kmsctl("app", "create", kms.app, "--group", kms.group)
        kms.run_kmsctl("app", "show-key", kms.app, "--output", kms.api_key_file)
        kms.run_kmsctl("key", "generate", "key", "--type", "ec", "--curve", "P-256", "--group", kms.group)
        settings = write_configuration(
            directory / "kms-pkcs11.conf", kms.ca_file, api_endpoint=kms.url, retry_timeout_millis=8000
        )
        environment = clean_environment(KMS_PKCS11_CONF=str(settings))
        with ModuleHost(module, environment, directory / "log") as host:
            host.login(pin=kms.api_key)
            (key,) = host.find(kind=PRIVATE)
            host.sign(key=key)
            server = ("sport", str(kms.port))
            (client,) = ports_of_clients(kms.port)
            rule("add", 10, *server, "dport", client)
            results = {"forgotten": attempt(host, key)}
            rule("add", 11, *server)
            results["dead"] = attempt(host, key)
            rule("del", 11, *server)
            results["alive"] = attempt(host, key)
    finally:
        kms.stop()
    print(json.dumps(results))


if __name__ == "__main__":
    main()
