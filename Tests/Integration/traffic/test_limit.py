"""`max_concurrent_requests_per_slot`: who comes later waits, and not longer than its call may take."""

import threading
import time

import pytest
from module_host import PRIVATE

SIGN = "POST /crypto/v1/sign"
THREADS = 8


class Crowd:
    """A fault that lets requests take a moment, and counts how many are there at once."""

    def __init__(self):
        self.now = self.most = 0
        self._lock = threading.Lock()

    def __call__(self, exchange):
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.2)
        answer = exchange.kms_answer()
        with self._lock:
            self.now -= 1
        exchange.send(answer.status, answer.headers, answer.body)


@pytest.mark.parametrize("limit", [1, 3])
def test_requests_at_once(host, server, site, limit):
    one = host(max_concurrent_requests_per_slot=limit)
    (key,) = one.find(label=site.key, kind=PRIVATE)
    crowd = Crowd()
    server.spoil(crowd, SIGN)
    signatures = one.sign_in_threads(key=key, count=THREADS)
    assert all(len(one) == 128 for one in signatures), signatures
    assert crowd.most <= limit
    assert "under way already" not in one.log()


def test_no_limit(host, server, site):
    one = host()
    (key,) = one.find(label=site.key, kind=PRIVATE)
    crowd = Crowd()
    server.spoil(crowd, SIGN)
    one.sign_in_threads(key=key, count=THREADS)
    assert crowd.most > 3


def test_a_kms_that_hangs_costs_everybody_the_deadline(host, server, site):
    deadline, margin = 1.0, 8.0
    one = host(max_concurrent_requests_per_slot=1, retry_timeout_millis=int(deadline * 1000))
    (key,) = one.find(label=site.key, kind=PRIVATE)
    server.spoil(lambda exchange: exchange.wait(60), SIGN)
    began = time.monotonic()
    assert set(one.sign_in_threads(key=key, count=THREADS)) == {"CKR_DEVICE_ERROR"}
    assert time.monotonic() - began < deadline + margin
    assert "1 requests are under way already, as many as max_concurrent_requests_per_slot allows" in one.log()
    server.heal()
    one.sign(key=key)
