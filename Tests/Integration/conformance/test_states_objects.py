"""Objects: PKCS#11 3.2, section 5.7. What a template must have is the matter of test_templates.py."""

import ctypes

import cryptoki as ck
import pytest
from cryptoki import Template, rvs
from scenarios import DATA, make_data

NO_OBJECT = 0x7FFF_FFF7
NO_HANDLES = [ck.CK_INVALID_HANDLE, NO_OBJECT, ck.UNAVAILABLE]


@pytest.fixture(params=[False, True], ids=["session-object", "token-object"])
def on_token(request):
    return request.param


def test_null_pointers(session):
    """5.7.1, 5.7.2, 5.7.4 to 5.7.8: CKR_ARGUMENTS_BAD; nothing is made."""
    handle, count, some = make_data(session, False), ctypes.c_ulong(), ctypes.c_ulong()
    before = len(session.find())
    template = Template(DATA).arguments
    ck.check(session.C_FindObjectsInit(None, 0), "C_FindObjectsInit")
    searching = {
        "C_FindObjects, no list": session.C_FindObjects(None, 4, count),
    }
    session.C_FindObjectsFinal()
    ck.check(session.C_FindObjectsInit(None, 0), "C_FindObjectsInit")
    searching["C_FindObjects, no count"] = session.C_FindObjects(some, 1, None)
    session.C_FindObjectsFinal()
    answers = searching | {
        "C_CreateObject, no template": session.C_CreateObject(None, 3, some),
        "C_CreateObject, no place": session.C_CreateObject(*template, None),
        "C_CopyObject, no template": session.C_CopyObject(handle, None, 1, some),
        "C_CopyObject, no place": session.C_CopyObject(handle, None, 0, None),
        "C_GetObjectSize": session.C_GetObjectSize(handle, None),
        "C_GetAttributeValue": session.C_GetAttributeValue(handle, None, 2),
        "C_SetAttributeValue": session.C_SetAttributeValue(handle, None, 2),
        "C_FindObjectsInit": session.C_FindObjectsInit(None, 2),
    }
    assert answers == dict.fromkeys(answers, ck.CKR_ARGUMENTS_BAD)
    assert len(session.find()) == before


def test_a_value_without_memory(session):
    """5.7.1, 5.7.6, 5.7.7: an attribute that has a length and no pointer."""
    handle, place = make_data(session, False), ctypes.c_ulong()
    hollow = Template({ck.CKA_LABEL: "four"})
    hollow.array[0].pValue = None
    codes = rvs("ARGUMENTS_BAD ATTRIBUTE_VALUE_INVALID")
    assert session.C_SetAttributeValue(handle, *hollow.arguments) in codes
    assert session.C_FindObjectsInit(*hollow.arguments) in codes
    whole = Template(DATA)
    whole.array[1].pValue = None
    assert session.C_CreateObject(*whole.arguments, place) in codes


@pytest.mark.parametrize("wrong", NO_HANDLES, ids=hex)
def test_no_such_object(session, wrong):
    """5.7.2 to 5.7.6: CKR_OBJECT_HANDLE_INVALID."""
    place = ctypes.c_ulong()
    answers = {
        "C_CopyObject": session.C_CopyObject(wrong, None, 0, place),
        "C_DestroyObject": session.C_DestroyObject(wrong),
        "C_GetObjectSize": session.C_GetObjectSize(wrong, place),
        "C_GetAttributeValue": session.query(wrong, ck.CKA_LABEL)[0],
        "C_SetAttributeValue": session.C_SetAttributeValue(wrong, *Template({ck.CKA_LABEL: "x"}).arguments),
    }
    assert answers == dict.fromkeys(answers, ck.CKR_OBJECT_HANDLE_INVALID)


# C_GetAttributeValue


def test_get_attribute_value(session, on_token):
    """5.7.5, cases 3 and 4: a null pointer asks for the length, enough room gets the value and its length."""
    handle = make_data(session, on_token)
    value, lengths, _ = session.query(handle, ck.CKA_LABEL, ck.CKA_VALUE, ck.CKA_CLASS)
    assert (value, lengths) == (ck.CKR_OK, [len("conformance data"), 5, ctypes.sizeof(ctypes.c_ulong)])
    value, lengths, values = session.query(handle, ck.CKA_LABEL, ck.CKA_VALUE, ck.CKA_CLASS, room=64)
    assert value == ck.CKR_OK
    assert values == [b"conformance data", b"value", ck.encoded(ck.CKO_DATA)]


def test_too_little_room_for_a_value(session, on_token):
    """5.7.5, case 5: CKR_BUFFER_TOO_SMALL; the length is not told, the others' values come all the same."""
    handle = make_data(session, on_token)
    value, lengths, values = session.query(handle, ck.CKA_LABEL, ck.CKA_VALUE, room=5)
    assert value == ck.CKR_BUFFER_TOO_SMALL
    assert (lengths, values) == ([ck.UNAVAILABLE, 5], [None, b"value"])


def test_a_type_that_the_object_does_not_have(session, on_token):
    """5.7.5, case 2: CKR_ATTRIBUTE_TYPE_INVALID; the others' values come all the same."""
    handle = make_data(session, on_token)
    for wrong in (ck.CKA_MODULUS, ck.CKA_VENDOR_DEFINED + 0x7777, ck.UNAVAILABLE):
        value, lengths, values = session.query(handle, wrong, ck.CKA_VALUE, room=64)
        assert value == ck.CKR_ATTRIBUTE_TYPE_INVALID
        assert (lengths, values) == ([ck.UNAVAILABLE, 5], [None, b"value"])


@pytest.mark.parametrize(
    "name, kinds",
    [
        ("aes", "VALUE"),
        ("generic-32", "VALUE"),
        ("des3", "VALUE"),
        ("rsa-private", "PRIVATE_EXPONENT PRIME_1 PRIME_2 EXPONENT_1 EXPONENT_2 COEFFICIENT"),
        ("p256-private", "VALUE"),
        ("ed25519-private", "VALUE"),
    ],
)
@pytest.mark.parametrize("origin", ["imported", "generated"])
@pytest.mark.parametrize("how", ["sensitive", "unextractable"])
def test_secrets_stay_inside(session, name, kinds, origin, how):
    """5.7.5, case 1, and note 7 of table 13: CKR_ATTRIBUTE_SENSITIVE; the length is not told, the rest is."""
    changes = {"SENSITIVE": True} if how == "sensitive" else {"EXTRACTABLE": False}
    key = session.keys(name, origin, **changes)
    wanted = [ck.CONSTANTS["CKA_" + word] for word in kinds.split()]
    for room in (None, 4096):
        value, lengths, values = session.query(key, *wanted, ck.CKA_KEY_TYPE, room=room)
        assert value == ck.CKR_ATTRIBUTE_SENSITIVE
        assert lengths[:-1] == [ck.UNAVAILABLE] * len(wanted)
        assert lengths[-1] == ctypes.sizeof(ctypes.c_ulong)
        assert set(values[:-1]) == {None}


@pytest.mark.parametrize("name", ["aes", "generic-32", "rsa-private", "p256-private"])
def test_an_imported_key_that_is_not_secret(session, name):
    """4.10, 4.9: neither sensitive nor unextractable: the value is told."""
    kinds = [ck.CKA_PRIVATE_EXPONENT, ck.CKA_PRIME_1] if name == "rsa-private" else [ck.CKA_VALUE]
    value, lengths, values = session.query(session.keys(name), *kinds, room=4096)
    assert value == ck.CKR_OK
    assert all(values)


def test_an_empty_template(session):
    """5.7.5: asking for nothing is no error."""
    assert session.C_GetAttributeValue(make_data(session, False), None, 0) in rvs("OK ARGUMENTS_BAD")


# C_SetAttributeValue


def test_set_attribute_value(session, on_token):
    """5.7.6, 4.4: what may change changes, for every session. Of a data object that is the label, perhaps more."""
    handle = make_data(session, on_token)
    session.set(handle, {ck.CKA_LABEL: "another label"})
    answer = session.C_SetAttributeValue(handle, *Template({ck.CKA_VALUE: b"another value"}).arguments)
    assert answer in rvs("OK ATTRIBUTE_READ_ONLY")
    other = session.stage.open()
    assert other.get(handle, ck.CKA_LABEL) == b"another label"
    assert other.get(handle, ck.CKA_VALUE) == (b"another value" if answer == ck.CKR_OK else b"value")
    assert handle in other.find({ck.CKA_LABEL: "another label"})
    assert handle not in other.find({ck.CKA_LABEL: DATA[ck.CKA_LABEL]})


@pytest.mark.parametrize("origin", ["imported", "generated"])
def test_labels_and_ids_of_keys(session, origin):
    """5.7.6, 4.7: CKA_LABEL, CKA_ID, CKA_START_DATE and CKA_END_DATE of a key may change."""
    for name in ("aes", "p256-private"):
        key = session.keys(name, origin)
        session.set(key, {ck.CKA_LABEL: "named", ck.CKA_ID: b"\1\0\377"})
        assert session.get(key, ck.CKA_LABEL) == b"named"
        assert session.get(key, ck.CKA_ID) == b"\1\0\377"
        assert key in session.find({ck.CKA_ID: b"\1\0\377", ck.CKA_LABEL: "named"})


FIXED = {
    ck.CKA_CLASS: ck.CKO_PUBLIC_KEY,
    ck.CKA_KEY_TYPE: ck.CKK_GENERIC_SECRET,
    ck.CKA_VALUE: bytes(32),
    ck.CKA_VALUE_LEN: 16,
    ck.CKA_LOCAL: True,
    ck.CKA_KEY_GEN_MECHANISM: ck.CKM_DES3_KEY_GEN,
    ck.CKA_ALWAYS_SENSITIVE: True,
    ck.CKA_NEVER_EXTRACTABLE: True,
    ck.CKA_TOKEN: True,
    ck.CKA_PRIVATE: True,
    ck.CKA_MODIFIABLE: False,
    ck.CKA_UNIQUE_ID: "unique",
    ck.CKA_TRUSTED: True,
}


@pytest.mark.parametrize("attribute", FIXED, ids=ck.ATTRIBUTE_NAMES.get)
@pytest.mark.parametrize("origin", ["imported", "generated"])
def test_what_never_changes(session, origin, attribute):
    """5.7.6, 4.1.2: CKR_ATTRIBUTE_READ_ONLY, and the object is as before."""
    key, value = session.keys("aes", origin), FIXED[attribute]
    if attribute in (ck.CKA_TOKEN, ck.CKA_PRIVATE, ck.CKA_LOCAL):
        value = not session.flag(key, attribute)
    before = session.query(key, attribute, ck.CKA_LABEL, room=256)
    template = Template({ck.CKA_LABEL: "changed", attribute: value})
    assert session.C_SetAttributeValue(key, *template.arguments) in rvs("ATTRIBUTE_READ_ONLY ACTION_PROHIBITED")
    assert session.query(key, attribute, ck.CKA_LABEL, room=256) == before


@pytest.mark.parametrize("origin", ["imported", "generated"])
@pytest.mark.parametrize("name", ["aes", "p256-private"])
def test_one_way_attributes(session, origin, name):
    """5.7.6, notes 11 and 12 of table 13: CKA_SENSITIVE only to CK_TRUE, CKA_EXTRACTABLE only to CK_FALSE,
    CKA_WRAP_WITH_TRUSTED only to CK_TRUE: CKR_ATTRIBUTE_READ_ONLY on the way back.
    """
    key = session.keys(name, origin)
    rows = [(ck.CKA_SENSITIVE, True), (ck.CKA_EXTRACTABLE, False), (ck.CKA_WRAP_WITH_TRUSTED, True)]
    for attribute, end in rows:
        assert session.flag(key, attribute) is not end
        session.set(key, {attribute: end})
        assert session.flag(key, attribute) is end
        back = Template({attribute: not end})
        assert session.C_SetAttributeValue(key, *back.arguments) == ck.CKR_ATTRIBUTE_READ_ONLY
        assert session.flag(key, attribute) is end
    assert session.flag(key, ck.CKA_ALWAYS_SENSITIVE) is False
    assert session.flag(key, ck.CKA_NEVER_EXTRACTABLE) is False


def test_unknown_and_wrong_values(session, on_token):
    """5.7.6, 4.1.2: CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_VALUE_INVALID; all of a template works, or none of it."""
    key = session.keys("aes")
    label = session.get(key, ck.CKA_LABEL)
    rows = [
        (ck.CKA_VENDOR_DEFINED + 0x7777, b"1", rvs("ATTRIBUTE_TYPE_INVALID")),
        (ck.CKA_SIGN, b"\1\1", rvs("ATTRIBUTE_VALUE_INVALID")),
        (ck.CKA_SIGN, b"", rvs("ATTRIBUTE_VALUE_INVALID")),
        (ck.CKA_SIGN, b"\2", rvs("ATTRIBUTE_VALUE_INVALID OK")),
        (ck.CKA_START_DATE, b"2020", rvs("ATTRIBUTE_VALUE_INVALID")),
        (ck.CKA_MODULUS, b"1", rvs("ATTRIBUTE_TYPE_INVALID TEMPLATE_INCONSISTENT ATTRIBUTE_READ_ONLY")),
    ]
    for attribute, value, codes in rows:
        template = Template({ck.CKA_LABEL: "changed", attribute: value})
        answer = session.C_SetAttributeValue(key, *template.arguments)
        assert answer in codes, ck.ATTRIBUTE_NAMES.get(attribute)
        if answer != ck.CKR_OK:
            assert session.get(key, ck.CKA_LABEL) == label


def test_an_object_that_is_not_modifiable(session, on_token):
    """5.7.6, 4.4: CKR_ACTION_PROHIBITED when CKA_MODIFIABLE is CK_FALSE."""
    handle = make_data(session, on_token, MODIFIABLE=False)
    template = Template({ck.CKA_LABEL: "other"})
    assert session.C_SetAttributeValue(handle, *template.arguments) in rvs("ACTION_PROHIBITED ATTRIBUTE_READ_ONLY")
    assert session.get(handle, ck.CKA_LABEL) == DATA[ck.CKA_LABEL].encode()


# C_CopyObject, C_DestroyObject, C_GetObjectSize


@pytest.mark.parametrize("name", ["aes", "rsa-public", "p256-private", "generic-32"])
def test_copy(session, name):
    """5.7.2: the copy has what the original has, and what the template says otherwise; it is another object."""
    key = session.keys(name)
    copy = session.copy(key, {ck.CKA_LABEL: "a copy"})
    assert copy != key
    assert session.get(copy, ck.CKA_LABEL) == b"a copy"
    for attribute in (ck.CKA_CLASS, ck.CKA_KEY_TYPE, ck.CKA_LOCAL, ck.CKA_ID, ck.CKA_TOKEN, ck.CKA_PRIVATE):
        assert session.get(copy, attribute) == session.get(key, attribute), ck.ATTRIBUTE_NAMES[attribute]
    session.destroy(copy)
    assert session.get(key, ck.CKA_CLASS)


def test_a_copy_is_never_more_open(session):
    """5.7.2, 4.1.3: the one-way attributes go one way in a copy too."""
    key = session.keys("aes", SENSITIVE=True, EXTRACTABLE=False)
    place = ctypes.c_ulong()
    for attribute, value in ((ck.CKA_SENSITIVE, False), (ck.CKA_EXTRACTABLE, True)):
        answer = session.C_CopyObject(key, *Template({attribute: value}).arguments, place)
        assert answer in rvs("ATTRIBUTE_READ_ONLY TEMPLATE_INCONSISTENT")
    open_ = session.keys("aes")
    closed = session.copy(open_, {ck.CKA_SENSITIVE: True, ck.CKA_EXTRACTABLE: False})
    assert session.query(closed, ck.CKA_VALUE)[0] == ck.CKR_ATTRIBUTE_SENSITIVE


@pytest.mark.parametrize(
    "attribute, value", [(ck.CKA_CLASS, ck.CKO_PUBLIC_KEY), (ck.CKA_KEY_TYPE, ck.CKK_DES3), (ck.CKA_VALUE, bytes(16))]
)
def test_a_copy_is_of_the_same_kind(session, attribute, value):
    """5.7.2: what cannot be modified cannot be modified in a copy."""
    place = ctypes.c_ulong()
    answer = session.C_CopyObject(session.keys("aes"), *Template({attribute: value}).arguments, place)
    assert answer in rvs("ATTRIBUTE_READ_ONLY TEMPLATE_INCONSISTENT")


def test_an_object_that_is_not_copyable(session, on_token):
    """5.7.2, 4.4: CKR_ACTION_PROHIBITED when CKA_COPYABLE is CK_FALSE."""
    handle, place = make_data(session, on_token, COPYABLE=False), ctypes.c_ulong()
    before = len(session.find())
    assert session.C_CopyObject(handle, None, 0, place) == ck.CKR_ACTION_PROHIBITED
    assert len(session.find()) == before


def test_destroy(session, on_token):
    """5.7.3: the object is gone everywhere, once."""
    handle = make_data(session, on_token)
    kms = session.stage.subject.objects_at_kms
    before = kms()
    assert session.C_DestroyObject(handle) == ck.CKR_OK
    assert session.C_DestroyObject(handle) == ck.CKR_OBJECT_HANDLE_INVALID
    assert session.query(handle, ck.CKA_LABEL)[0] == ck.CKR_OBJECT_HANDLE_INVALID
    assert session.find({ck.CKA_LABEL: DATA[ck.CKA_LABEL]}) == []
    assert kms() == before - (1 if on_token else 0)


def test_an_object_that_is_not_destroyable(session, on_token):
    """5.7.3, 4.4: CKR_ACTION_PROHIBITED when CKA_DESTROYABLE is CK_FALSE."""
    if on_token:
        pytest.skip("it would stay on the token for ever")
    handle = make_data(session, on_token, DESTROYABLE=False)
    assert session.C_DestroyObject(handle) == ck.CKR_ACTION_PROHIBITED
    assert session.get(handle, ck.CKA_LABEL) == DATA[ck.CKA_LABEL].encode()


def test_object_size(session, on_token):
    """5.7.4: a size in bytes, or CK_UNAVAILABLE_INFORMATION."""
    handle, size = make_data(session, on_token), ctypes.c_ulong()
    assert session.C_GetObjectSize(handle, size) in rvs("OK INFORMATION_SENSITIVE")
    assert size.value == ck.UNAVAILABLE or size.value >= 5
