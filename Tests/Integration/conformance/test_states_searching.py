"""Searching, and how long objects last: PKCS#11 3.2, sections 5.7.7 to 5.7.9 and 4.4."""

import ctypes

import cryptoki as ck
import pytest
from cryptoki import Template, number, rvs
from scenarios import DATA, make_data


@pytest.fixture(params=[False, True], ids=["session-object", "token-object"])
def on_token(request):
    return request.param


def test_search_states(session):
    """5.7.7 to 5.7.9: CKR_OPERATION_ACTIVE, CKR_OPERATION_NOT_INITIALIZED."""
    place, count = ctypes.c_ulong(), ctypes.c_ulong()
    assert session.C_FindObjects(place, 1, count) == ck.CKR_OPERATION_NOT_INITIALIZED
    assert session.C_FindObjectsFinal() == ck.CKR_OPERATION_NOT_INITIALIZED
    assert session.C_FindObjectsInit(None, 0) == ck.CKR_OK
    assert session.C_FindObjectsInit(None, 0) == ck.CKR_OPERATION_ACTIVE
    assert session.C_FindObjectsFinal() == ck.CKR_OK
    assert session.C_FindObjectsFinal() == ck.CKR_OPERATION_NOT_INITIALIZED


def test_search_in_steps(session):
    """5.7.8: every match once, then none; asking for none is no error."""
    made = {make_data(session, False) for _ in range(7)}
    template = Template({ck.CKA_LABEL: DATA[ck.CKA_LABEL]})
    assert session.C_FindObjectsInit(*template.arguments) == ck.CKR_OK
    found, place, count = [], (ctypes.c_ulong * 3)(), ctypes.c_ulong()
    assert session.C_FindObjects(place, 0, count) in rvs("OK ARGUMENTS_BAD")
    while True:
        assert session.C_FindObjects(place, 3, count) == ck.CKR_OK
        if not count.value:
            break
        found += place[: count.value]
    assert session.C_FindObjects(place, 3, count) == ck.CKR_OK
    assert count.value == 0
    assert session.C_FindObjectsFinal() == ck.CKR_OK
    assert sorted(found) == sorted(made)


def test_search_matches_every_attribute_exactly(session):
    """5.7.7: byte for byte, and all of them."""
    handle = make_data(session, False)
    label = DATA[ck.CKA_LABEL]
    assert session.find(DATA) == [handle]
    for attribute, value in [
        (ck.CKA_LABEL, label[:-1]),
        (ck.CKA_LABEL, label + "\0"),
        (ck.CKA_LABEL, label.upper()),
        (ck.CKA_VALUE, b"valuE"),
        (ck.CKA_CLASS, ck.CKO_PUBLIC_KEY),
        (ck.CKA_TOKEN, True),
        (ck.CKA_VENDOR_DEFINED + 0x7777, b"1"),
    ]:
        wanted = {ck.CKA_LABEL: label, attribute: value}
        answer = session.C_FindObjectsInit(*Template(wanted).arguments)
        if answer == ck.CKR_ATTRIBUTE_TYPE_INVALID and attribute & ck.CKA_VENDOR_DEFINED:
            continue
        assert answer == ck.CKR_OK
        assert session.C_FindObjectsFinal() == ck.CKR_OK
        assert session.find(wanted) == [], ck.ATTRIBUTE_NAMES.get(attribute)


def test_search_does_not_find_by_secrets(session):
    """5.7.7: a search must not be an oracle for a sensitive value."""
    value = bytes(range(32))
    template = {
        ck.CKA_CLASS: ck.CKO_SECRET_KEY, ck.CKA_KEY_TYPE: ck.CKK_AES, ck.CKA_VALUE: value, ck.CKA_ENCRYPT: True,
        ck.CKA_SENSITIVE: True, ck.CKA_EXTRACTABLE: False, ck.CKA_LABEL: "oracle",
    }  # fmt: skip
    session.create(template)
    assert session.find({ck.CKA_LABEL: "oracle", ck.CKA_VALUE: value}) == []


def test_search_lasts(session):
    """5.7.8: objects that come or go while a search is active do not break it."""
    first, second = make_data(session, False), make_data(session, False)
    other = session.stage.open()
    template = Template({ck.CKA_LABEL: DATA[ck.CKA_LABEL]})
    assert session.C_FindObjectsInit(*template.arguments) == ck.CKR_OK
    other.destroy(first)
    place, count = (ctypes.c_ulong * 8)(), ctypes.c_ulong()
    assert session.C_FindObjects(place, 8, count) == ck.CKR_OK
    assert second in place[: count.value]
    assert session.C_FindObjectsFinal() == ck.CKR_OK


# What objects are


def test_common_attributes(session, on_token):
    """4.2, 4.4: defaults and CKA_UNIQUE_ID."""
    handle = make_data(session, on_token)
    assert number(session.get(handle, ck.CKA_CLASS)) == ck.CKO_DATA
    assert session.flag(handle, ck.CKA_TOKEN) is on_token
    for attribute in (ck.CKA_MODIFIABLE, ck.CKA_COPYABLE, ck.CKA_DESTROYABLE):
        assert session.flag(handle, attribute) is True
    if session.library.is_3_0:
        other = make_data(session, on_token)
        assert session.get(handle, ck.CKA_UNIQUE_ID) != session.get(other, ck.CKA_UNIQUE_ID)
        assert session.find({ck.CKA_UNIQUE_ID: session.get(handle, ck.CKA_UNIQUE_ID)}) == [handle]


def test_token_objects_outlive_the_session(session, on_token):
    """4.4, 5.6.2: session objects do not."""
    handle = make_data(session, on_token, LABEL="lasting")
    stage = session.stage
    keeper = stage.open()
    session.close()
    assert len(keeper.find({ck.CKA_LABEL: "lasting"})) == (1 if on_token else 0)
    session.handle = keeper.handle
    if on_token:
        ck.check(stage.library.C_Finalize(None), "C_Finalize")
        stage.initialise()
        again = stage.open()
        again.login(stage.pin)
        found = again.find({ck.CKA_LABEL: "lasting"})
        assert len(found) == 1
        assert again.get(found[0], ck.CKA_VALUE) == DATA[ck.CKA_VALUE]
        again.destroy(found[0])
    assert handle
