"""kill -9 at random moments during a mixed load: what was acknowledged is there, what was not is whole or absent."""

import base64
import os
import random
import threading
import time

import pytest
from kill_check import Tables, check_material, listing
from kill_clients import KeyClient, RightsClient, SigningClient
from kill_model import Seen

SHORT = 6
ROUNDS = int(os.environ.get("KILL_ROUNDS", "200"))


def test_kill_rounds(new_kms, rest_client):
    run_rounds(SHORT, new_kms(), rest_client)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_many_kill_rounds(new_kms, rest_client):
    run_rounds(ROUNDS, new_kms(), rest_client)


def run_rounds(rounds: int, kms, rest_client):
    seed = os.environ.get("KILL_SEED") or os.urandom(6).hex()
    # Shown when the test fails. It repeats the requests; the moments are the machine's.
    print(f"KILL_SEED={seed}")
    chance = random.Random(seed)
    kms.start()
    load = Load(kms, rest_client, seed)
    for number in range(rounds):
        print(f"round {number + 1}")
        load.run(chance.uniform(0.0, 0.4))
        # Often the next kill comes while the database is being recovered.
        while chance.random() < 0.3:
            kms.launch()
            time.sleep(chance.uniform(0.0, 0.04))
            kms.kill9()
        kms.start(any_port=True)
        load.check()
        # Takes the longer, the longer the audit log is.
        if number % 10 == 0 or number == rounds - 1:
            assert kms.verify().endswith("all is well")
    signatures = sum(len(client.things[0].trail) for client in load.clients if isinstance(client, SigningClient))
    acknowledged = sum(client.acknowledged for client in load.clients)
    print(f"{rounds} rounds, {acknowledged} acknowledged requests, {signatures} by the two that only sign")
    assert signatures > rounds and acknowledged > 5 * rounds, "the load hardly ran"


class Load:
    """Six clients and the kmsd that they work with."""

    def __init__(self, kms, rest_client, seed: str):
        self.kms = kms
        self.rest_client = rest_client
        self.admin = kms.admin_session()
        self.groups = [
            self.admin.expect(201, "POST", "/sys/v1/groups", {"name": name}).json()["group_id"]
            for name in ("one", "two")
        ]
        body = {"name": "load", "add_groups": self.groups, "default_group": self.groups[0]}
        self.app = self.admin.expect(201, "POST", "/sys/v1/apps", body).json()["app_id"]
        secret = self.admin.expect(200, "GET", f"/sys/v1/apps/{self.app}/credential").json()["credential"]["secret"]
        self.authorization = basic(self.app, secret)
        kinds = [SigningClient, SigningClient, KeyClient, KeyClient, RightsClient, RightsClient]
        self.clients = [kind(number, seed, self.groups) for number, kind in enumerate(kinds)]
        self.tables = Tables(kms.data)

    def run(self, seconds: float):
        """Until kmsd is killed, that long after all clients have begun."""
        threads = []
        for client in self.clients:
            by_admin = isinstance(client, RightsClient)
            rest = self.rest_client(self.kms, self.admin.authorization if by_admin else self.authorization)
            threads.append(threading.Thread(target=client.work, args=(rest,)))
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        self.kms.kill9()
        for thread in threads:
            thread.join()
        for client in self.clients:
            if client.failure:
                raise client.failure

    def check(self):
        self.admin = self.kms.admin_session()
        app = self.rest_client(self.kms, self.authorization)
        shown = listing(app, self.admin)
        self.tables.check()
        seen = Seen(shown, self.tables.trails, self.clients)
        for client in self.clients:
            client.settle(seen)
        self.check_strangers(shown)
        check_material(self.clients, app, self.log_in)
        app.close()
        for client in self.clients:
            client.things = [thing for thing in client.things if thing.state is not None]

    def check_strangers(self, shown: dict[str, list[dict]]):
        """Nothing is there that nobody asked for."""
        for kind, own in {"object": [], "group": self.groups, "app": [self.app]}.items():
            known = {thing.id for client in self.clients for thing in client.alive(kind)}
            assert {found["id"] for found in shown[kind]} == known.union(own), kind

    def log_in(self, app: str, secret: str):
        rest = self.rest_client(self.kms, basic(app, secret))
        rest.expect(200, "POST", "/sys/v1/session/auth")
        rest.close()


def basic(app: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{app}:{secret}".encode()).decode()
