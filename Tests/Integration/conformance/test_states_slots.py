"""Slots and tokens: PKCS#11 3.2, section 5.5."""

import ctypes
import threading
import time

import cryptoki as ck
import pytest
from cryptoki import rvs

NO_SLOT = 0x7FFF_FFF3


@pytest.mark.parametrize("present", [False, True])
def test_slot_list(token, present):
    """5.5.1: CKR_ARGUMENTS_BAD; a null list tells the number; CKR_BUFFER_TOO_SMALL tells it too and writes nothing."""
    library, count = token.library, ctypes.c_ulong(77)
    assert library.C_GetSlotList(present, None, None) == ck.CKR_ARGUMENTS_BAD
    assert library.C_GetSlotList(present, None, count) == ck.CKR_OK
    assert count.value >= 1
    slots, short = (ctypes.c_ulong * (count.value + 4))(*[99] * (count.value + 4)), ctypes.c_ulong(count.value - 1)
    assert library.C_GetSlotList(present, slots, short) == ck.CKR_BUFFER_TOO_SMALL
    assert short.value == count.value
    assert list(slots) == [99] * (count.value + 4)
    roomy = ctypes.c_ulong(count.value + 4)
    assert library.C_GetSlotList(present, slots, roomy) == ck.CKR_OK
    assert roomy.value == count.value
    assert list(slots)[count.value :] == [99] * 4
    assert len(set(slots[: count.value])) == count.value


@pytest.mark.parametrize("slot", [NO_SLOT, ck.UNAVAILABLE])
def test_no_such_slot(token, slot):
    """5.5.2, 5.5.3, 5.5.5 to 5.5.7, 5.6.1, 5.6.3: CKR_SLOT_ID_INVALID."""
    library, count, handle = token.library, ctypes.c_ulong(), ctypes.c_ulong()
    answers = {
        "C_GetSlotInfo": library.C_GetSlotInfo(slot, ck.CK_SLOT_INFO()),
        "C_GetTokenInfo": library.C_GetTokenInfo(slot, ck.CK_TOKEN_INFO()),
        "C_GetMechanismList": library.C_GetMechanismList(slot, None, count),
        "C_GetMechanismInfo": library.C_GetMechanismInfo(slot, ck.CKM_SHA256, ck.CK_MECHANISM_INFO()),
        "C_OpenSession": library.C_OpenSession(slot, ck.CKF_SERIAL_SESSION, None, None, handle),
        "C_CloseAllSessions": library.C_CloseAllSessions(slot),
    }
    assert answers == dict.fromkeys(answers, ck.CKR_SLOT_ID_INVALID)
    label = b"label".ljust(32)
    assert library.C_InitToken(slot, b"12345678", 8, label) in rvs("SLOT_ID_INVALID FUNCTION_NOT_SUPPORTED")


def test_null_pointers(token):
    """5.5.2, 5.5.3, 5.5.5, 5.5.6: CKR_ARGUMENTS_BAD."""
    library, slot = token.library, token.slot
    answers = {
        "C_GetSlotInfo": library.C_GetSlotInfo(slot, None),
        "C_GetTokenInfo": library.C_GetTokenInfo(slot, None),
        "C_GetMechanismList": library.C_GetMechanismList(slot, None, None),
        "C_GetMechanismInfo": library.C_GetMechanismInfo(slot, ck.CKM_SHA256, None),
    }
    assert answers == dict.fromkeys(answers, ck.CKR_ARGUMENTS_BAD)


def test_slot_info(token):
    """5.5.2, 3.2: padded texts; a token is present; the flags are known ones."""
    info = ck.CK_SLOT_INFO()
    ctypes.memset(ctypes.addressof(info), 0xAA, ctypes.sizeof(info))
    assert token.library.C_GetSlotInfo(token.slot, info) == ck.CKR_OK
    for text in (info.slotDescription, info.manufacturerID):
        assert 0 not in bytes(text) and bytes(text).decode().strip()
    assert info.flags & ck.CKF_TOKEN_PRESENT
    assert not info.flags & ~(ck.CKF_TOKEN_PRESENT | ck.CKF_REMOVABLE_DEVICE | ck.CKF_HW_SLOT)


def test_token_info(token):
    """5.5.3, 3.2: padded texts; the flags that a token with a user and a generator must have; counts that count."""
    library = token.library
    before = library.token_info(token.slot)
    for text in (before.label, before.manufacturerID, before.model, before.serialNumber):
        assert 0 not in bytes(text) and bytes(text).decode()
    wanted = ck.CKF_RNG | ck.CKF_LOGIN_REQUIRED | ck.CKF_USER_PIN_INITIALIZED | ck.CKF_TOKEN_INITIALIZED
    assert before.flags & wanted == wanted
    assert before.ulMinPinLen <= len(token.pin) <= before.ulMaxPinLen
    token.open(read_write=False)
    token.open()
    token.open()
    after = library.token_info(token.slot)
    if ck.UNAVAILABLE not in (before.ulSessionCount, after.ulSessionCount):
        assert after.ulSessionCount == before.ulSessionCount + 3
        assert after.ulRwSessionCount == before.ulRwSessionCount + 2
    if before.flags & ck.CKF_CLOCK_ON_TOKEN:
        assert bytes(before.utcTime).isdigit()


def test_mechanism_list(token):
    """5.5.5: as C_GetSlotList; no mechanism comes twice."""
    library, count = token.library, ctypes.c_ulong()
    assert library.C_GetMechanismList(token.slot, None, count) == ck.CKR_OK
    size = count.value
    kinds, short = (ctypes.c_ulong * size)(*[99] * size), ctypes.c_ulong(size - 1)
    assert library.C_GetMechanismList(token.slot, kinds, short) == ck.CKR_BUFFER_TOO_SMALL
    assert short.value == size
    assert list(kinds) == [99] * size
    assert library.C_GetMechanismList(token.slot, kinds, count) == ck.CKR_OK
    assert len(set(kinds)) == size


@pytest.mark.parametrize("kind", [ck.CKM_SKIPJACK_CBC64, ck.CKM_VENDOR_DEFINED + 0x7777, ck.UNAVAILABLE])
def test_no_such_mechanism(token, kind):
    """5.5.6: CKR_MECHANISM_INVALID."""
    assert token.library.C_GetMechanismInfo(token.slot, kind, ck.CK_MECHANISM_INFO()) == ck.CKR_MECHANISM_INVALID


def test_the_token_is_not_initialised_from_here(token):
    """5.5.7 to 5.5.9: a KMS gives and takes credentials itself: CKR_FUNCTION_NOT_SUPPORTED. Nothing changes."""
    library, pin = token.library, token.pin
    label = b"label".ljust(32)
    assert library.C_InitToken(token.slot, b"12345678", 8, label) == ck.CKR_FUNCTION_NOT_SUPPORTED
    session = token.open()
    assert library.C_InitToken(token.slot, b"12345678", 8, label) in rvs("FUNCTION_NOT_SUPPORTED SESSION_EXISTS")
    assert session.C_SetPIN(pin, len(pin), b"87654321", 8) == ck.CKR_FUNCTION_NOT_SUPPORTED
    session.login(pin)
    assert session.C_InitPIN(b"87654321", 8) == ck.CKR_FUNCTION_NOT_SUPPORTED
    assert session.C_SetPIN(pin, len(pin), b"87654321", 8) == ck.CKR_FUNCTION_NOT_SUPPORTED
    ck.check(session.C_Logout(), "C_Logout")
    session.login(pin)


def test_wait_without_blocking(token):
    """5.5.4: CKR_NO_EVENT when nothing happened; CKR_ARGUMENTS_BAD."""
    library, slot = token.library, ctypes.c_ulong()
    assert library.C_WaitForSlotEvent(ck.CKF_DONT_BLOCK, slot, None) in rvs("NO_EVENT FUNCTION_NOT_SUPPORTED")
    assert library.C_WaitForSlotEvent(ck.CKF_DONT_BLOCK, None, None) in rvs("ARGUMENTS_BAD FUNCTION_NOT_SUPPORTED")
    assert library.C_WaitForSlotEvent(ck.CKF_DONT_BLOCK, slot, 0x10) in rvs("ARGUMENTS_BAD FUNCTION_NOT_SUPPORTED")


def test_finalize_ends_the_waiting(token):
    """5.5.4: a thread that waits returns CKR_CRYPTOKI_NOT_INITIALIZED when another one calls C_Finalize."""
    library, slot, answers = token.library, ctypes.c_ulong(), []
    waiting = threading.Thread(target=lambda: answers.append(library.C_WaitForSlotEvent(0, slot, None)), daemon=True)
    waiting.start()
    time.sleep(0.5)
    if answers:
        assert answers == [ck.CKR_FUNCTION_NOT_SUPPORTED]
        return
    assert library.C_Finalize(None) == ck.CKR_OK
    waiting.join(30)
    assert answers == [ck.CKR_CRYPTOKI_NOT_INITIALIZED]
