"""What holds for every operation kind alike, as scenarios that the chapters' tests run with their own rows.

Each takes a session of the normal user, an operation and the origin of its key.
"""

import cryptoki as ck
from cryptoki import Mechanism, rvs
from operations import Operation, output_of, size_of

NO_KEY = 0x7FFF_FFF1
NO_HANDLES = [ck.CK_INVALID_HANDLE, NO_KEY, ck.UNAVAILABLE]
# Two mechanisms that nobody has, and one that makes no keys.
UNKNOWN_MECHANISMS = [ck.CKM_SKIPJACK_CBC64, ck.CKM_VENDOR_DEFINED + 0x7777, ck.CKM_SHA256]
SECRET = {ck.CKA_CLASS: ck.CKO_SECRET_KEY}

DATA = {ck.CKA_CLASS: ck.CKO_DATA, ck.CKA_LABEL: "conformance data", ck.CKA_VALUE: b"value"}


class Nothing:
    """Checks that a refused call left nothing behind, neither in the session nor on the token nor in the KMS."""

    def __init__(self, session):
        self.session = session

    def count(self):
        return len(self.session.find()), self.session.stage.subject.objects_at_kms()

    def __enter__(self):
        self.before = self.count()

    def __exit__(self, *_):
        assert self.count() == self.before, "an object was left behind"


def make_data(session, on_token: bool, **changes) -> int:
    """A data object that goes away with the test."""
    changed = {ck.CONSTANTS["CKA_" + name]: value for name, value in changes.items()}
    handle = session.create(DATA | {ck.CKA_TOKEN: on_token} | changed)
    return session.keys.remember(handle)


def plausible(name: str) -> list:
    """Arguments that are in order as far as one can see without a session."""
    values = []
    for kind, parameter in ck.header.parameters[name]:
        is_pointer = kind.endswith("_PTR") or kind == "CK_NOTIFY"
        if parameter in ("pReserved", "Notify", "pApplication"):
            values.append(None)
        else:
            values.append(ck.ctypes.create_string_buffer(4096) if is_pointer else 1)
    return values


def ecdh(public: int, session) -> Mechanism:
    """CKM_ECDH1_DERIVE with the other party's public key."""
    point = session.get(public, ck.CKA_EC_POINT)[2:]
    own = {"kdf": ck.CKD_NULL, "pPublicData": point, "ulPublicDataLen": len(point)}
    return Mechanism(ck.CKM_ECDH1_DERIVE, ck.pointed(ck.CK_ECDH1_DERIVE_PARAMS, **own))


def runs(session, operation: Operation, origin: str):
    """The plain use, so that a refusal elsewhere means something."""
    finish = operation.prepared(session, origin)
    assert operation.start(session, origin) == ck.CKR_OK
    value, output = finish()
    assert value == ck.CKR_OK
    if operation.verb in ("Decrypt", "VerifyRecover"):
        assert output == operation.data


def second_init_is_refused(session, operation: Operation, origin: str):
    """CKR_OPERATION_ACTIVE, and the first operation goes on."""
    finish = operation.prepared(session, origin)
    assert operation.start(session, origin) == ck.CKR_OK
    assert operation.start(session, origin) == ck.CKR_OPERATION_ACTIVE
    assert finish()[0] == ck.CKR_OK


def needs_init(session, operation: Operation):
    """CKR_OPERATION_NOT_INITIALIZED from every function that continues an operation."""
    data = bytes(64)
    output = ck.ctypes.create_string_buffer(512), ck.ctypes.c_ulong(512)
    tail = output if operation.has_output else (data, len(data))
    answers = {operation.one: getattr(session, operation.one)(data, len(data), *tail)}
    if "Recover" not in operation.verb:
        part = output if operation.updates_have_output else ()
        answers[operation.update] = getattr(session, operation.update)(data, len(data), *part)
        answers[operation.final] = getattr(session, operation.final)(*tail)
    assert answers == dict.fromkeys(answers, ck.CKR_OPERATION_NOT_INITIALIZED)


def ends(session, operation: Operation, origin: str):
    """One call does the work and ends the operation; a new one can begin."""
    runs(session, operation, origin)
    needs_init(session, operation)
    runs(session, operation, origin)


def size_query_keeps_it(session, operation: Operation, origin: str):
    """A null buffer tells a size that is enough, and any number of times; then the work is done."""
    data = operation.input(session, origin)
    function = getattr(session, operation.one)
    assert operation.start(session, origin) == ck.CKR_OK
    value, size = size_of(function, data, len(data))
    assert value == ck.CKR_OK
    assert size_of(function, data, len(data))[0] == ck.CKR_OK
    value, output = output_of(function, data, len(data), room=size)
    assert value == ck.CKR_OK
    assert len(output) <= size
    needs_init(session, operation)


def small_buffer_keeps_it(session, operation: Operation, origin: str):
    """CKR_BUFFER_TOO_SMALL tells the size; then the work is done, and done once."""
    data = operation.input(session, origin)
    function = getattr(session, operation.one)
    assert operation.start(session, origin) == ck.CKR_OK
    buffer, length = ck.ctypes.create_string_buffer(512), ck.ctypes.c_ulong(1)
    assert function(data, len(data), buffer, length) == ck.CKR_BUFFER_TOO_SMALL
    assert length.value > 1
    assert buffer.raw == bytes(512), "something was written beyond the room told"
    value, output = output_of(function, data, len(data), room=length.value)
    assert value == ck.CKR_OK
    if operation.verb in ("Decrypt", "VerifyRecover"):
        assert output == operation.data
    needs_init(session, operation)


def small_buffer_keeps_the_parts(session, operation: Operation, origin: str):
    """The same for C_...Update and C_...Final: nothing is taken twice, nothing is lost."""
    data = operation.input(session, origin)
    update, final = getattr(session, operation.update), getattr(session, operation.final)
    assert operation.start(session, origin) == ck.CKR_OK
    whole = b""
    for part in (data[:17], data[17:]):
        if not operation.updates_have_output:
            assert update(part, len(part)) == ck.CKR_OK
            continue
        value, size = size_of(update, part, len(part))
        assert value == ck.CKR_OK
        value, output = output_of(update, part, len(part), room=0)
        if value == ck.CKR_BUFFER_TOO_SMALL:
            value, output = output_of(update, part, len(part), room=size)
        assert value == ck.CKR_OK
        whole += output
    value, size = size_of(final)
    assert value == ck.CKR_OK
    value, output = output_of(final, room=0)
    if value == ck.CKR_BUFFER_TOO_SMALL:
        value, output = output_of(final, room=size)
    assert value == ck.CKR_OK
    whole += output
    needs_init(session, operation)
    if operation.verb == "Decrypt":
        assert whole == operation.data
        return
    assert operation.start(session, origin) == ck.CKR_OK
    value, at_once = output_of(getattr(session, operation.one), data, len(data))
    assert value == ck.CKR_OK
    if "PSS" not in operation.id and "ECDSA" not in operation.id:
        assert whole == at_once


def one_part_does_not_end_many(session, operation: Operation, origin: str):
    """C_X must be called without intervening C_XUpdate."""
    data = operation.input(session, origin)
    assert operation.start(session, origin) == ck.CKR_OK
    part = (ck.ctypes.create_string_buffer(512), ck.ctypes.c_ulong(512)) if operation.updates_have_output else ()
    assert getattr(session, operation.update)(data[:16], 16, *part) == ck.CKR_OK
    tail = (ck.ctypes.create_string_buffer(512), ck.ctypes.c_ulong(512)) if operation.has_output else (bytes(256), 256)
    assert getattr(session, operation.one)(data, len(data), *tail) in rvs("OPERATION_ACTIVE OPERATION_NOT_INITIALIZED")


def null_length_is_refused(session, operation: Operation, origin: str):
    """CKR_ARGUMENTS_BAD for a null length pointer; every failure but CKR_BUFFER_TOO_SMALL ends the operation."""
    data = operation.input(session, origin)
    assert operation.start(session, origin) == ck.CKR_OK
    buffer = ck.ctypes.create_string_buffer(512)
    assert getattr(session, operation.one)(data, len(data), buffer, None) == ck.CKR_ARGUMENTS_BAD
    needs_init(session, operation)


def null_data_is_refused(session, operation: Operation, origin: str):
    """CKR_ARGUMENTS_BAD for a null pointer to data that have a length."""
    assert operation.start(session, origin) == ck.CKR_OK
    tail = (ck.ctypes.create_string_buffer(512), ck.ctypes.c_ulong(512)) if operation.has_output else (bytes(64), 64)
    assert getattr(session, operation.one)(None, 16, *tail) == ck.CKR_ARGUMENTS_BAD
    needs_init(session, operation)


def key_handle_is_checked(session, operation: Operation):
    """CKR_KEY_HANDLE_INVALID for no handle, an unknown one and one of an object that is no key. No operation begins."""
    data_object = session.create({ck.CKA_CLASS: ck.CKO_DATA, ck.CKA_VALUE: b"no key"})
    for handle in (ck.CK_INVALID_HANDLE, NO_KEY, ck.UNAVAILABLE, data_object):
        assert operation.start(session, key=handle) == ck.CKR_KEY_HANDLE_INVALID, f"handle {handle:#x}"
    needs_init(session, operation)


def key_type_is_checked(session, operation: Operation):
    """CKR_KEY_TYPE_INCONSISTENT for a key of another type; it comes before CKR_KEY_FUNCTION_NOT_PERMITTED."""
    assert operation.start(session, key=session.keys(operation.foreign_key)) == ck.CKR_KEY_TYPE_INCONSISTENT
    needs_init(session, operation)


def key_class_is_checked(session, operation: Operation):
    """The other half of the key pair cannot do it."""
    family, _, half = operation.key.partition("-")
    other = session.keys(f"{family}-{'private' if half == 'public' else 'public'}")
    codes = rvs("KEY_TYPE_INCONSISTENT KEY_FUNCTION_NOT_PERMITTED KEY_HANDLE_INVALID")
    assert operation.start(session, key=other) in codes
    needs_init(session, operation)


def permission_is_checked(session, operation: Operation, origin: str, flag: str):
    """CKR_KEY_FUNCTION_NOT_PERMITTED for a key whose flag is off, also when it was turned off later."""
    key = session.keys(operation.key, origin, **{flag: False})
    assert operation.start(session, key=key) == ck.CKR_KEY_FUNCTION_NOT_PERMITTED
    needs_init(session, operation)


def mechanism_is_checked(session, operation: Operation, unfit: int):
    """CKR_MECHANISM_INVALID for an unknown mechanism, and for one that is of another kind of function."""
    for kind in (ck.CKM_SKIPJACK_CBC64, ck.CKM_VENDOR_DEFINED + 0x7777, ck.UNAVAILABLE, unfit):
        value = operation.start(session, mechanism=Mechanism(kind))
        assert value == ck.CKR_MECHANISM_INVALID, f"mechanism {kind:#x}"
    needs_init(session, operation)


def null_mechanism_cancels(session, operation: Operation, origin: str):
    """Since 3.0 a null mechanism ends the active operation; in 2.40 it is a bad argument."""
    assert operation.start(session, origin) == ck.CKR_OK
    init = getattr(session, operation.init)
    value = init(None) if operation.key is None else init(None, operation.handle(session, origin))
    if session.library.is_3_0:
        assert value == ck.CKR_OK
        needs_init(session, operation)
    else:
        assert value in rvs("ARGUMENTS_BAD OK")


def parameters_are_checked(session, operation: Operation, mechanisms: list[Mechanism]):
    """CKR_MECHANISM_PARAM_INVALID; no operation begins."""
    for number, mechanism in enumerate(mechanisms):
        value = operation.start(session, mechanism=mechanism)
        # A parameter that points nowhere though it has a length may also count as a bad argument.
        assert value in rvs("MECHANISM_PARAM_INVALID ARGUMENTS_BAD"), f"parameter {number}"
        needs_init(session, operation)


def logout_takes_the_key(session, operation: Operation, origin: str):
    """After C_Logout a private key object cannot be used: its handle is no longer valid."""
    key = session.keys(operation.key, origin, PRIVATE=True)
    ck.check(session.C_Logout(), "C_Logout")
    assert operation.start(session, key=key) in rvs("KEY_HANDLE_INVALID USER_NOT_LOGGED_IN")


def sessions_do_not_mix(session, operation: Operation, origin: str):
    """An operation belongs to its session."""
    other = session.stage.open()
    finish = operation.prepared(session, origin)
    assert operation.start(session, origin) == ck.CKR_OK
    needs_init(other, operation)
    assert finish()[0] == ck.CKR_OK
