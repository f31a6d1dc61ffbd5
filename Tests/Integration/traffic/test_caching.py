"""What the module believes of the KMS and for how long, by the requests that it makes."""

import time

import cryptoki as ck
import pytest
from module_host import PRIVATE, PUBLIC, SECRET
from processes import wait_until

LIST = "GET /crypto/v1/keys"
# A lifetime that does not end during a test, one that does, and what a busy machine may take on top of that, in seconds.
LONG, SHORT, MARGIN = 3600, 2, 10


def seen_in_time(what, since: float):
    """Waits until `what()`, which must be so within the short lifetime after `since`."""
    wait_until(what, "the change at the KMS")
    assert time.monotonic() - since < SHORT + MARGIN


def test_nothing_is_asked_after_the_first_listing(host, server, site):
    one = host(cache_ttl=LONG)
    (key, *_) = one.find(kind=PRIVATE)
    identity = one.attributes(key=key)[1]
    asked = len(server.requests)
    by_label, by_id = {"label": site.key, "kind": PUBLIC}, {"id": identity, "kind": PRIVATE}
    for search in ({}, {"kind": PRIVATE}, {"label": site.key}, by_label, by_id):
        for _ in range(40):
            for found in one.find(**search):
                one.attributes(key=found)
    assert len(server.requests) == asked


def test_a_signature_is_one_request(host, server, site):
    one = host(cache_ttl=LONG)
    (key,) = one.find(kind=PRIVATE, label=site.key)
    asked = len(server.requests)
    for _ in range(50):
        one.sign(key=key)
    assert [request.route for request in server.requests[asked:]] == ["POST /crypto/v1/sign"] * 50


def test_a_known_label_is_one_request(host, server, site):
    one = host(cache_ttl=LONG)
    assert len(one.find(label=site.key)) == 2
    assert server.count(LIST) == 1


def test_a_known_id_is_one_request(host, server, site):
    first = host(cache_ttl=LONG)
    stored = first.generate(label="traffic-with-id", id="cafe")
    try:
        second = host(cache_ttl=LONG)
        asked = server.count(LIST)
        assert second.find(kind=SECRET, id="cafe") == [stored]
        assert server.count(LIST) - asked == 1
    finally:
        first.destroy(key=stored)


def test_an_id_that_follows_from_the_public_key(host, server, site):
    """The KMS does not know it, so everything is listed: once."""
    first = host(cache_ttl=LONG)
    (key,) = first.find(label=site.key, kind=PRIVATE)
    computed = first.attributes(key=key)[1]
    second = host(cache_ttl=LONG)
    asked = server.count(LIST)
    for kind in (PRIVATE, PUBLIC):
        assert len(second.find(kind=kind, id=computed)) == 1
    # By id, a page, and the empty one that ends it.
    assert server.count(LIST) - asked == 3


@pytest.mark.parametrize("by_label", [False, True])
def test_eight_threads_ask_once(host, server, site, by_label):
    one = host(cache_ttl=LONG)
    search = {"label": site.key} if by_label else {}
    found = one.find_in_threads(count=8, **search)
    assert all(found) and all(other == found[0] for other in found)
    # A listing of everything ends with an empty page.
    assert server.count(LIST) == (1 if search else 2)


def test_eight_threads_share_a_failure(host, server):
    one = host(cache_ttl=LONG)

    def refuse(exchange):
        time.sleep(0.5)
        exchange.send(403, {"Content-Type": "text/plain"}, b"no")

    server.spoil(refuse, LIST)
    assert set(one.find_in_threads(count=8)) == {"CKR_FUNCTION_FAILED"}
    # Whoever comes when the first refusal is there asks again.
    assert server.count(LIST) < 8
    server.heal()
    assert one.find()


def test_what_somebody_else_makes_and_deletes_is_seen_within_the_lifetime(host, site):
    one = host(cache_ttl=SHORT)
    assert one.find(label="traffic-later") == []
    site.make("traffic-later")
    try:
        made = time.monotonic()
        seen_in_time(lambda: len(one.find(label="traffic-later")) == 2, made)
        seen_in_time(lambda: len(one.find(kind=PRIVATE)) == 2, made)
    finally:
        site.delete("traffic-later")
    deleted = time.monotonic()
    seen_in_time(lambda: one.find(label="traffic-later") == [], deleted)
    seen_in_time(lambda: len(one.find(kind=PRIVATE)) == 1, deleted)


def test_a_rotated_key_is_seen_within_the_lifetime(host, site):
    one = host(cache_ttl=SHORT)
    site.make("traffic-rotated")
    try:
        before = one.find(label="traffic-rotated", kind=PRIVATE)
        one.sign(key=before[0])
        site.rotate("traffic-rotated")
        rotated = time.monotonic()
        seen_in_time(lambda: one.find(label="traffic-rotated", kind=PRIVATE) not in (before, []), rotated)
        (after,) = one.find(label="traffic-rotated", kind=PRIVATE)
        one.sign(key=after)
        # The old key has another name, and its handle goes on.
        one.sign(key=before[0])
    finally:
        for entry in site.kms.json("key", "list"):
            if entry["name"].startswith("traffic-rotated"):
                site.delete(entry["kid"])


def test_a_key_that_the_kms_no_longer_has_is_asked_for_at_once(host, site, server):
    one = host(cache_ttl=LONG)
    site.make("traffic-gone")
    (key,) = one.find(label="traffic-gone", kind=PRIVATE)
    site.delete("traffic-gone")
    assert one.find(label="traffic-gone", kind=PRIVATE) == [key]
    asked = server.count(LIST)
    with pytest.raises(ck.Refused, match="CKR_KEY_HANDLE_INVALID"):
        one.sign(key=key)
    assert one.find(label="traffic-gone", kind=PRIVATE) == []
    assert server.count(LIST) > asked


def test_own_writes_are_seen_at_once(host):
    one = host(cache_ttl=LONG)
    assert one.find(label="traffic-own") == []
    key = one.generate(label="traffic-own")
    try:
        assert one.find(label="traffic-own") == [key]
        one.relabel(key=key, label="traffic-renamed")
        assert one.find(label="traffic-own") == []
        assert one.find(label="traffic-renamed") == [key]
    finally:
        one.destroy(key=key)
    assert one.find(label="traffic-renamed") == []
    with pytest.raises(ck.Refused, match="CKR_OBJECT_HANDLE_INVALID"):
        one.attributes(key=key)


def test_what_is_not_there_is_asked_for_again_soon(host, site, server):
    """Sooner than what is there: after five seconds, however long the lifetime is."""
    one = host(cache_ttl=LONG)
    for _ in range(20):
        assert one.find(label="traffic-missing") == []
    # By label, and in another way before the answer is no.
    assert server.count(LIST) == 2
    site.make("traffic-missing")
    try:
        wait_until(lambda: one.find(label="traffic-missing"), "the new key")
    finally:
        site.delete("traffic-missing")


def test_a_kms_that_is_away_is_not_asked_by_every_search(host, server, site):
    one = host(cache_ttl=SHORT, retry_timeout_millis=500)
    found = one.find(label=site.key)
    server.keep_silent()
    began = time.monotonic()
    wait_until(lambda: one.find(label=site.key) == found and "older listing" in one.log(), "an answer from an older listing")
    opened = server.opened
    for _ in range(20):
        assert one.find(label=site.key) == found
    assert server.opened - opened <= 1 + (time.monotonic() - began) / 1
