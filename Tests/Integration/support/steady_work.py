"""A load whose outcome only grows: what was acknowledged at one moment must be there at every later one."""

import base64
import os
import sqlite3
import threading
from contextlib import closing

KEYS = "/crypto/v1/keys"


class Work:
    """One client of each kind, that counts what is acknowledged and what is refused."""

    def __init__(self, kms, rest_client):
        self.kms = kms
        self.rest_client = rest_client
        self.authorization = f"Basic {kms.make_app('app')}"
        self.app = rest_client(kms, self.authorization)
        self.admin = kms.admin_session()
        body = {"name": "signer", "obj_type": "EC", "elliptic_curve": "NistP256"}
        self.kid = self.app.expect(201, "POST", KEYS, body).json()["kid"]
        # Values by name: all that were asked for, and those that were acknowledged.
        self.sent: dict[str, str] = {}
        self.imported: dict[str, str] = {}
        self.groups: list[str] = []
        self.signed = 0
        self.metadata: dict[str, str] = {}
        self.refusals: dict[str, list] = {name: [] for name in ("import", "sign", "change", "group")}
        self._stop = threading.Event()
        self._failures: list[BaseException] = []

    def import_secret(self, rest, number: int):
        name, value = f"secret {number}", base64.b64encode(os.urandom(20_000)).decode()
        self.sent[name] = value
        answer = rest.ask("PUT", KEYS, {"name": name, "obj_type": "SECRET", "value": value})
        if answer.status == 201:
            self.imported[name] = value
        return answer

    def sign(self, rest, number: int):
        answer = rest.ask("POST", f"{KEYS}/{self.kid}/sign", {"hash_alg": "SHA256", "data": "AAAA"})
        self.signed += answer.status == 200
        return answer

    def change(self, rest, number: int):
        metadata = {"turn": str(number)}
        answer = rest.ask("PATCH", f"{KEYS}/{self.kid}", {"custom_metadata": metadata})
        if answer.status == 200:
            self.metadata = metadata
        return answer

    def make_group(self, rest, number: int):
        answer = rest.ask("POST", "/sys/v1/groups", {"name": f"group {number}"})
        if answer.status == 201:
            self.groups.append(f"group {number}")
        return answer

    def start(self):
        users = {"import": self.import_secret, "sign": self.sign, "change": self.change}
        self.threads = [threading.Thread(target=self._go_on, args=(*use, self.authorization)) for use in users.items()]
        administrator = ("group", self.make_group, self.admin.authorization)
        self.threads.append(threading.Thread(target=self._go_on, args=administrator))
        for thread in self.threads:
            thread.start()

    def _go_on(self, name: str, request, authorization: str):
        rest = self.rest_client(self.kms, authorization)
        number = 0
        try:
            while not self._stop.is_set():
                number += 1
                answer = request(rest, number)
                if answer.status >= 400:
                    self.refusals[name].append((answer.status, answer.text))
        except BaseException as error:
            self._failures.append(error)
        finally:
            rest.close()

    def stop(self):
        self._stop.set()
        for thread in self.threads:
            thread.join()
        assert self._failures == []

    def check(self, refused_records: int = 0):
        """What was acknowledged is there, and nothing else; as many records as signatures.

        With --flush-audit a signature that was refused for want of a flushed record may have one: `refused_records` at most.
        """
        found = {key["name"]: key for key in self.app.expect(200, "GET", KEYS).json()}
        assert set(found) == {"signer", *self.imported}
        assert found["signer"].get("custom_metadata", {}) == self.metadata
        for name, value in self.imported.items():
            assert self.app.expect(200, "GET", f"{KEYS}/{found[name]['kid']}/export").json()["value"] == value
        groups = {group["name"] for group in self.admin.expect(200, "GET", "/sys/v1/groups").json()}
        assert groups == {"app", *self.groups}
        recorded = recorded_signatures(self.kms, self.kid)
        assert self.signed <= recorded <= self.signed + refused_records, (recorded, self.signed)
        assert self.kms.verify().endswith("all is well")

    def restart(self):
        self.kms.kill9()
        self.kms.start(any_port=True)
        self.app.close()
        self.admin = self.kms.admin_session()


def recorded_signatures(kms, kid: str) -> int:
    """How many signatures with the key the audit log tells of."""
    kms.settle()
    with closing(sqlite3.connect(f"file:{kms.data / 'kmsd.sqlite'}?mode=ro", uri=True)) as db:
        (count,) = db.execute(
            "SELECT count(*) FROM audit WHERE object_id = ? AND record LIKE '% signed with %'", (kid,)
        ).fetchone()
    return count
