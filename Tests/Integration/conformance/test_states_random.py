"""Random numbers and the parallel functions of old: PKCS#11 3.2, sections 5.19 and 5.20."""

import ctypes

import cryptoki as ck
import pytest
from cryptoki import Mechanism, rvs


def test_seed_random(session):
    """5.19.1: CKR_RANDOM_SEED_NOT_SUPPORTED from a generator that takes no seed."""
    assert session.C_SeedRandom(b"seed", 4) == ck.CKR_RANDOM_SEED_NOT_SUPPORTED
    assert session.C_SeedRandom(None, 4) in rvs("RANDOM_SEED_NOT_SUPPORTED ARGUMENTS_BAD")


@pytest.mark.parametrize("length", [1, 2, 31, 4096, 1 << 20])
def test_generate_random(session, length):
    """5.19.2: as many bytes as asked for, no more; never the same."""
    buffer = ctypes.create_string_buffer(b"\xaa" * (length + 64), length + 64)
    assert session.C_GenerateRandom(buffer, length) == ck.CKR_OK
    assert buffer.raw[length:] == b"\xaa" * 64
    if length >= 31:
        assert session.random(length) != buffer.raw[:length]
        assert len(set(buffer.raw[:length])) > 10


def test_random_arguments(session):
    """5.19.2: CKR_ARGUMENTS_BAD; nothing is asked for with length 0."""
    assert session.C_GenerateRandom(None, 16) == ck.CKR_ARGUMENTS_BAD
    assert session.C_GenerateRandom(ctypes.create_string_buffer(1), 0) in rvs("OK ARGUMENTS_BAD")
    assert session.C_GenerateRandom(None, 0) in rvs("OK ARGUMENTS_BAD")


def test_random_during_an_operation(session):
    """5.19.2: CKR_OPERATION_ACTIVE is for tokens that cannot do both."""
    ck.check(session.C_DigestInit(Mechanism(ck.CKM_SHA256)), "C_DigestInit")
    assert session.C_GenerateRandom(ctypes.create_string_buffer(16), 16) in rvs("OK OPERATION_ACTIVE")


def test_nothing_runs_in_parallel(session):
    """5.20.1, 5.20.2: CKR_FUNCTION_NOT_PARALLEL, always."""
    assert session.C_GetFunctionStatus() == ck.CKR_FUNCTION_NOT_PARALLEL
    assert session.C_CancelFunction() == ck.CKR_FUNCTION_NOT_PARALLEL
