"""kill -9 during 500 imports loses none that was acknowledged."""

import base64
import hashlib
import http.client
import random
import threading
import time

KEYS = "/crypto/v1/keys"
COUNT = 500
KILLS = 6


def test_kill_during_imports(new_kms, rest_client):
    kms = new_kms()
    kms.start()
    authorization = f"Basic {kms.make_app('app')}"
    ready = threading.Event()
    ready.set()
    lock = threading.Lock()
    pending = list(range(COUNT))
    acknowledged: dict[int, str] = {}
    refused: list[str] = []

    def work():
        rest = rest_client(kms, authorization)
        while True:
            with lock:
                if not pending:
                    return
                number = pending.pop()
            body = {"name": f"key {number}", "obj_type": "SECRET", "value": base64.b64encode(value(number)).decode()}
            try:
                answer = rest.ask("PUT", KEYS, body)
            except (OSError, http.client.HTTPException):
                # Killed: whether it was stored is unknown, so ask again; 409 then means that it was.
                ready.wait(60)
                with lock:
                    pending.append(number)
                continue
            if answer.status == 201:
                acknowledged[number] = answer.json()["kid"]
            elif answer.status != 409:
                refused.append(f"{answer.status} {answer.text}")

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    kills = 0
    while any(worker.is_alive() for worker in workers):
        done = len(acknowledged)
        if kills < KILLS and done >= (kills + 1) * COUNT // (KILLS + 2):
            ready.clear()
            time.sleep(random.random() * 0.01)
            kms.kill9()
            kills += 1
            kms.start()
            ready.set()
        time.sleep(0.002)
    for worker in workers:
        worker.join()
    assert refused == []
    assert kills == KILLS

    kms.kill9()
    kms.start()
    rest = rest_client(kms, authorization)
    found = {key["name"]: key["kid"] for key in rest.expect(200, "GET", KEYS).json()}
    assert set(found) == {f"key {number}" for number in range(COUNT)}
    for number, kid in acknowledged.items():
        assert found[f"key {number}"] == kid
    for number in range(COUNT):
        exported = rest.expect(200, "GET", f"{KEYS}/{found[f'key {number}']}/export").json()
        assert base64.b64decode(exported["value"]) == value(number)
    # Every stored key has its record: both were one transaction.
    admin = kms.admin_session()
    hits = admin.expect(200, "GET", "/sys/v1/logs?size=1000&action_type=CRYPTOOPERATION").json()["hits"]
    imported = [hit["_source"]["object_id"] for hit in hits if " imported " in hit["_source"]["message"]]
    while hits:
        hits = admin.expect(
            200, "GET", f"/sys/v1/logs?size=1000&action_type=CRYPTOOPERATION&previous_id={hits[-1]['_id']}"
        ).json()["hits"]
        imported += [hit["_source"]["object_id"] for hit in hits if " imported " in hit["_source"]["message"]]
    assert sorted(imported) == sorted(found.values())


def value(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


def test_signatures_are_recorded_before_they_are_answered(new_kms, rest_client):
    """As many records as signatures, even when the server is killed right after the answer."""
    kms = new_kms()
    kms.start()
    authorization = f"Basic {kms.make_app('app')}"
    rest = rest_client(kms, authorization)
    kid = rest.expect(201, "POST", KEYS, {"name": "k", "obj_type": "EC", "elliptic_curve": "NistP256"}).json()["kid"]
    signed = 0
    for _ in range(3):
        for _ in range(5):
            rest.expect(200, "POST", f"{KEYS}/{kid}/sign", {"hash_alg": "SHA256", "data": "AAAA"})
            signed += 1
        kms.kill9()
        kms.start()
        rest.close()
    hits = kms.admin_session().expect(200, "GET", f"/sys/v1/logs?object_id={kid}").json()["hits"]
    assert len([hit for hit in hits if " signed " in hit["_source"]["message"]]) == signed
