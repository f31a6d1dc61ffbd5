"""The official Python SDK pages through 2,500 objects and filters them; the same is computed here, and must agree.

Names sort by the bytes of their UTF-8, which is the order of code points: upper case before lower case, ASCII first.
"""

import base64
import json
import random

import pytest
import sdkms.v1 as sdk

COUNT = 2500
# Of names: empty ends, case, equal beginnings, composed and decomposed letters, and a code point beyond 16 bits.
ODD = [
    "key", "Key", "KEY", "key ", " key", "key 1", "key  1", "key-1", "key%1", "key+1", "key&sort=kid", 'key"1', "key\\1",
    "kéy", "ke\u0301y", "kÉy", "kEy", "ключ", "Ключ", "鍵", "鍵 1", "\U0001f511", "\uffee", "ÿ", "zz", "ZZ", "_", "~", "'; --",
]  # fmt: skip
COLOURS = ["red", "Red", "grün", "blue green", ""]


class Objects:
    """The SDK as an app with an API key, and what it was told of the objects that it made."""

    def __init__(self, server, api_key: str):
        configuration = sdk.configuration.Configuration()
        configuration.host, configuration.ssl_ca_cert = server.url, str(server.ca_file)
        configuration.verify_ssl = True
        configuration.app_api_key = api_key
        self.client = sdk.ApiClient(configuration=configuration)
        token = sdk.AuthenticationApi(api_client=self.client).authorize().access_token
        configuration.api_key["Authorization"] = token
        configuration.api_key_prefix["Authorization"] = "Bearer"
        self.api = sdk.SecurityObjectsApi(api_client=self.client)
        self.made: list[dict] = []

    def call(self, method: str, path: str, query=(), body=None):
        """For what the SDK's own methods have no parameters for."""
        return self.client.call_api(
            path, method, query_params=list(query), body=body, response_type="object", auth_settings=["bearerToken"],
            _return_http_data_only=True, header_params={"Accept": "application/json", "Content-Type": "application/json"},
        )  # fmt: skip

    def make(self, wanted: list[dict]):
        """In batches of requests that are independent of each other."""
        for start in range(0, len(wanted), 800):
            items = [
                {"SingleItem": {"method": "PUT" if "value" in one else "POST", "operation": "/crypto/v1/keys", "body": one}}
                for one in wanted[start : start + 800]
            ]
            batch = {"Batch": {"batch_execution_type": "Unordered", "items": items}}
            for answer in self.call("POST", "/batch/v1", body=batch)["Batch"]["items"]:
                result = answer["SingleItem"]["Result"]
                assert result["status"] == 201, result
                self.made.append(result["body"])

    def page(self, **query):
        return self.call("GET", "/crypto/v1/keys", query.items())

    def by_start(self, sort: str, limit: int, **query) -> list[dict]:
        """Page by page from the last one's end, until there is nothing more."""
        found = []
        while page := self.page(sort=sort, limit=limit, **query):
            assert len(page) <= limit
            found += page
            query["start"] = page[-1][sort.partition(":")[0]]
        return found

    def by_offset(self, sort: str, limit: int, **query) -> list[dict]:
        found = []
        while page := self.page(sort=sort, limit=limit, offset=len(found), **query):
            assert len(page) <= limit
            found += page
        return found


def names(objects) -> list[str]:
    return [one["name"] if isinstance(one, dict) else one.name for one in objects]


def in_order(objects, sort: str) -> list[dict]:
    field, _, direction = sort.partition(":")
    return sorted(objects, key=lambda one: one[field].encode(), reverse=direction == "desc")


@pytest.fixture(scope="module")
def groups(server) -> list[str]:
    admin = server.admin_session()
    made = [admin.expect(201, "POST", "/sys/v1/groups", {"name": f"g{n}"}).json()["group_id"] for n in range(3)]
    admin.close()
    return made


def app(server, name: str, groups: list[str]) -> Objects:
    admin = server.admin_session()
    body = {"name": name, "add_groups": groups, "default_group": groups[0]}
    app = admin.expect(201, "POST", "/sys/v1/apps", body).json()["app_id"]
    secret = admin.expect(200, "GET", f"/sys/v1/apps/{app}/credential").json()["credential"]["secret"]
    admin.close()
    return Objects(server, base64.b64encode(f"{app}:{secret}".encode()).decode())


@pytest.fixture(scope="module")
def objects(server, groups) -> Objects:
    """2,500 objects of several types, in three groups, the same every time but for their ids."""
    chance = random.Random(4)
    plain = [f"{chance.choice(['key', 'Key', 'ключ'])} {number:04}" for number in range(COUNT - len(ODD))]
    wanted = []
    for number, name in enumerate(chance.sample(plain + ODD, COUNT)):
        body = [
            {"obj_type": "AES", "key_size": 128}, {"obj_type": "AES", "key_size": 256},
            {"obj_type": "HMAC", "key_size": 256}, {"obj_type": "SECRET", "value": "AAEC"},
        ][chance.randrange(4)]  # fmt: skip
        if number == 1000:
            body = {"obj_type": "EC", "elliptic_curve": "NistP256"}
        metadata = {"number": str(number % 7)}
        if chance.random() < 0.5:
            metadata["colour of it"] = chance.choice(COLOURS)
        wanted.append({**body, "name": name, "group_id": chance.choice(groups), "custom_metadata": metadata})
    own = app(server, "lists", groups)
    own.make(wanted)
    assert sorted(names(own.made)) == sorted(names(wanted))
    return own


@pytest.fixture(scope="module")
def stranger(server, groups) -> Objects:
    """An app with objects in the last group and in one that the first app is not in."""
    admin = server.admin_session()
    other = admin.expect(201, "POST", "/sys/v1/groups", {"name": "foreign"}).json()["group_id"]
    admin.close()
    return app(server, "stranger", [other, groups[2]])


@pytest.mark.parametrize("sort", ["kid", "kid:asc", "kid:desc", "name", "name:asc", "name:desc"])
def test_pages_of_every_order_are_the_whole(objects, sort):
    expected = [one["kid"] for one in in_order(objects.made, sort)]
    for limit in (1000, 617):
        assert [one["kid"] for one in objects.by_start(sort, limit)] == expected
    assert [one["kid"] for one in objects.by_offset(sort, 900)] == expected


def test_the_sdks_own_objects(objects, groups):
    """With its typed method: pages, and every field of an object that it knows."""
    expected = in_order([one for one in objects.made if one["group_id"] == groups[0]], "name")
    found, start = [], None
    while page := objects.api.get_security_objects(group_id=groups[0], sort="name:asc", start=start, limit=250):
        found += page
        start = page[-1].name
    assert [one.kid for one in found] == [one["kid"] for one in expected]
    for one, told in zip(found, expected, strict=True):
        assert one.name == told["name"] and one.obj_type.value == told["obj_type"] and one.group_id == told["group_id"]
        assert one.key_size == told.get("key_size") and one.custom_metadata == told["custom_metadata"]
        assert {operation.value for operation in one.key_ops} == set(told["key_ops"])
        assert one.state.value == "Active" and one.enabled and one.creator.app == told["creator"]["app"]


def test_limits_and_offsets(objects):
    expected = [one["kid"] for one in in_order(objects.made, "name")]
    for limit, offset in ((1, 0), (1, COUNT - 1), (7, 999), (1000, 1700), (5, COUNT), (5, COUNT + 1), (1, 10**12)):
        page = [one["kid"] for one in objects.page(sort="name", limit=limit, offset=offset)]
        assert page == expected[offset : offset + limit], (limit, offset)
    assert len(objects.page()) == len(objects.page(limit=5000)) == 1000
    assert objects.page(limit=0) == []
    # An offset counts from the start; a start that is no object's name is a place between names.
    page = objects.page(sort="name", start="key 1", limit=10, offset=3)
    after = [one for one in in_order(objects.made, "name") if one["name"].encode() > b"key 1"]
    assert names(page) == names(after)[3:13]
    assert names(objects.page(sort="name:desc", start="l", limit=3)) == names(
        [one for one in in_order(objects.made, "name:desc") if one["name"].encode() < b"l"][:3]
    )


def test_small_pages_of_odd_names(objects):
    """One by one, so that every odd name is once the start of the next page."""
    odd = {"filter": json.dumps({"name": {"$in": ODD}})}
    for sort in ("name:asc", "name:desc"):
        expected = names(in_order([one for one in objects.made if one["name"] in ODD], sort))
        assert names(objects.by_start(sort, 1, **odd)) == names(objects.by_offset(sort, 2, **odd)) == expected


def test_filters_find_the_same_sets(objects, groups):
    def metadata(key, value):
        return lambda one: one["custom_metadata"].get(key) == value

    cases = [
        ({"obj_type": obj_type}, lambda one, obj_type=obj_type: one["obj_type"] == obj_type)
        for obj_type in ("AES", "HMAC", "SECRET", "EC", "RSA")
    ]
    cases += [({"group_id": group}, lambda one, group=group: one["group_id"] == group) for group in groups]
    cases += [({"name": name}, lambda one, name=name: one["name"] == name) for name in ODD]
    cases += [({"custom_metadata.number": str(n)}, metadata("number", str(n))) for n in (0, 6, 7)]
    cases += [({"custom_metadata.colour of it": colour}, metadata("colour of it", colour)) for colour in COLOURS]
    cases += [
        ({"creator": objects.made[0]["creator"]["app"]}, lambda one: True),
        ({"creator": "00000000-0000-4000-8000-000000000000"}, lambda one: False),
        (
            {"group_id": groups[1], "obj_type": "aes", "custom_metadata.number": "3", "custom_metadata.colour of it": "Red"},
            lambda one: one["group_id"] == groups[1] and one["obj_type"] == "AES"
            and one["custom_metadata"] == {"number": "3", "colour of it": "Red"},
        ),
    ]  # fmt: skip
    check(objects, cases)


def test_filter_expressions_find_the_same_sets(objects, groups):
    number = "custom_attributes.number"
    colour = "custom_attributes.colour of it"
    expressions = [
        ({"obj_type": {"$eq": "AES"}}, lambda one: one["obj_type"] == "AES"),
        ({"obj_type": "AES"}, lambda one: one["obj_type"] == "AES"),
        ({"obj_type": {"$nin": ["AES", "HMAC"]}}, lambda one: one["obj_type"] not in ("AES", "HMAC")),
        (
            {"$and": [{"obj_type": {"$eq": "AES"}}, {"key_size": {"$gte": 256}}]},
            lambda one: one["obj_type"] == "AES" and one["key_size"] >= 256,
        ),
        (
            {"$or": [{"obj_type": "EC"}, {"$not": {number: {"$in": ["0", "1", "2", "3"]}}}]},
            lambda one: one["obj_type"] == "EC" or one["custom_metadata"]["number"] not in "0123",
        ),
        ({colour: {"$exists": False}}, lambda one: "colour of it" not in one["custom_metadata"]),
        ({colour: {"$ne": "red"}}, lambda one: one["custom_metadata"].get("colour of it") != "red"),
        ({colour: {"$lt": "b"}}, lambda one: one["custom_metadata"].get("colour of it", "z").encode() < b"b"),
        ({"name": {"$gt": "key 2", "$lte": "ключ"}}, lambda one: b"key 2" < one["name"].encode() <= "ключ".encode()),
        ({"group_id": {"$in": groups[:2]}}, lambda one: one["group_id"] in groups[:2]),
        ({"key_ops": {"$all": ["MACGENERATE", "DERIVEKEY"]}}, lambda one: {"MACGENERATE", "DERIVEKEY"} <= set(one["key_ops"])),
        ({"key_ops": {"$any": ["SIGN", "ENCRYPT"]}}, lambda one: {"SIGN", "ENCRYPT"} & set(one["key_ops"])),
        ({"enabled": True, "state": "Active", "created_at": {"$gt": 0}}, lambda one: True),
        ({"kid": {"$gte": "8"}}, lambda one: one["kid"] >= "8"),
    ]  # fmt: skip
    check(objects, [({"filter": json.dumps(expression)}, wanted) for expression, wanted in expressions])


def check(objects, cases):
    """The set, its order, and what `with_metadata` counts."""
    for query, is_wanted in cases:
        expected = [one["kid"] for one in in_order(filter(is_wanted, objects.made), "name:desc")]
        answer = objects.page(**query, sort="name:desc", limit=50, with_metadata="true")
        assert [one["kid"] for one in answer["items"]] == expected[:50], query
        assert answer["metadata"] == {"total_count": COUNT, "filtered_count": len(expected)}, query
        if len(expected) > 50:
            rest = objects.by_start("name:desc", 1000, start=answer["items"][-1]["name"], **query)
            assert [one["kid"] for one in rest] == expected[50:], query


def test_another_app_counts_its_own_only(objects, stranger, groups):
    stranger.make([{"name": f"foreign {number}", "obj_type": "AES", "key_size": 128} for number in range(5)])
    shared = [one for one in objects.made if one["group_id"] == groups[2]]
    visible = stranger.made + shared
    assert [one["kid"] for one in stranger.by_start("kid", 500)] == [one["kid"] for one in in_order(visible, "kid")]
    answer = stranger.page(with_metadata="true", obj_type="AES", limit=1)
    assert answer["metadata"] == {
        "total_count": len(visible), "filtered_count": sum(one["obj_type"] == "AES" for one in visible),
    }  # fmt: skip
    assert objects.page(with_metadata="true", limit=1)["metadata"]["total_count"] == COUNT
    assert stranger.page(group_id=groups[0], with_metadata="true") == {
        "metadata": {"total_count": len(visible), "filtered_count": 0}, "items": [],
    }  # fmt: skip
