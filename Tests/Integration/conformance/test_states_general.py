"""General-purpose functions: PKCS#11 3.2, section 5.4."""

import ctypes

import cryptoki as ck
import pytest
from cryptoki import header, rvs
from return_values import BEFORE_INITIALISATION
from scenarios import plausible

ALWAYS_PARALLEL = {"C_GetFunctionStatus", "C_CancelFunction"}
INITIALISED_ONLY = [name for name in ck.FUNCTIONS_3_0 if name not in BEFORE_INITIALISATION]


def require(library, name: str):
    if name not in ck.FUNCTIONS_2_40 and not library.is_3_0:
        pytest.skip("no function list of 3.0")


@pytest.mark.parametrize("name", INITIALISED_ONLY)
@pytest.mark.parametrize("is_finalised", [False, True], ids=["never-initialised", "finalised"])
def test_without_initialisation(module, name, is_finalised):
    """5.4, 5.1.6: CKR_CRYPTOKI_NOT_INITIALIZED before C_Initialize and after C_Finalize."""
    library = module.library
    require(library, name)
    if is_finalised:
        ck.check(library.C_Initialize(None), "C_Initialize")
        ck.check(library.C_Finalize(None), "C_Finalize")
    allowed = rvs("CRYPTOKI_NOT_INITIALIZED FUNCTION_NOT_SUPPORTED")
    allowed |= rvs("FUNCTION_NOT_PARALLEL") if name in ALWAYS_PARALLEL else set()
    assert getattr(library, name)(*plausible(name)) in allowed


def callbacks():
    """Four mutex functions of the application, and the list of what they were asked."""
    asked = []
    create = ctypes.CFUNCTYPE(ctypes.c_ulong, ctypes.c_void_p)
    one = ctypes.CFUNCTYPE(ctypes.c_ulong, ctypes.c_void_p)

    def make(place):
        ctypes.c_void_p.from_address(place).value = 0x1000 + len(asked)
        asked.append("create")
        return ck.CKR_OK

    functions = [
        create(make),
        *(one(lambda _, name=name: asked.append(name) or 0) for name in ("destroy", "lock", "unlock")),
    ]
    return functions, asked


def arguments(functions=(None,) * 4, flags: int = 0, reserved: int | None = None):
    addresses = [ctypes.cast(one, ctypes.c_void_p).value if one else None for one in functions]
    return ck.CK_C_INITIALIZE_ARGS(*addresses, flags, reserved)


@pytest.mark.parametrize("flags", [0, ck.CKF_OS_LOCKING_OK], ids=["no-locking", "os-locking"])
@pytest.mark.parametrize("cannot_create_threads", [False, True], ids=["threads", "no-threads"])
@pytest.mark.parametrize("has_callbacks", [False, True], ids=["no-callbacks", "callbacks"])
def test_initialize(module, flags, cannot_create_threads, has_callbacks):
    """5.4.1: every combination of flags and mutex functions; the library may refuse only what it cannot do."""
    functions, _ = callbacks()
    flags |= ck.CKF_LIBRARY_CANT_CREATE_OS_THREADS if cannot_create_threads else 0
    codes = {ck.CKR_OK}
    codes |= {ck.CKR_CANT_LOCK} if has_callbacks and not flags & ck.CKF_OS_LOCKING_OK else set()
    codes |= {ck.CKR_NEED_TO_CREATE_THREADS} if cannot_create_threads else set()
    value = module.library.C_Initialize(arguments(functions if has_callbacks else (None,) * 4, flags))
    assert value in codes
    if value == ck.CKR_OK:
        assert module.library.slots(present=False)


def test_initialize_without_arguments(module):
    """5.4.1: a null pointer stands for no threads and no arguments."""
    assert module.library.C_Initialize(None) == ck.CKR_OK


def test_initialize_twice(module):
    """5.4.1: CKR_CRYPTOKI_ALREADY_INITIALIZED."""
    assert module.library.C_Initialize(None) == ck.CKR_OK
    assert module.library.C_Initialize(None) == ck.CKR_CRYPTOKI_ALREADY_INITIALIZED
    assert module.library.C_Initialize(arguments()) == ck.CKR_CRYPTOKI_ALREADY_INITIALIZED


def test_initialize_again(module):
    """5.4.1, 5.4.2: after C_Finalize everything begins anew."""
    for _ in range(5):
        assert module.library.C_Initialize(None) == ck.CKR_OK
        assert module.library.slots(present=False)
        assert module.library.C_Finalize(None) == ck.CKR_OK


@pytest.mark.parametrize("given", [1, 2, 4, 8, 3, 7, 14, 11])
def test_some_mutex_functions_are_not_enough(module, given):
    """5.4.1: either all four or none: CKR_ARGUMENTS_BAD."""
    functions, _ = callbacks()
    some = [one if given & (1 << number) else None for number, one in enumerate(functions)]
    assert module.library.C_Initialize(arguments(some, ck.CKF_OS_LOCKING_OK)) == ck.CKR_ARGUMENTS_BAD
    assert module.library.C_Finalize(None) == ck.CKR_CRYPTOKI_NOT_INITIALIZED


def test_reserved_of_initialize(module):
    """5.4.1: CKR_ARGUMENTS_BAD for a pReserved that is not null."""
    assert module.library.C_Initialize(arguments(reserved=0x10)) == ck.CKR_ARGUMENTS_BAD


def test_finalize(module):
    """5.4.2: CKR_ARGUMENTS_BAD for a pReserved that is not null, which leaves all as it was; then CKR_OK, once."""
    library = module.library
    assert library.C_Finalize(None) == ck.CKR_CRYPTOKI_NOT_INITIALIZED
    assert library.C_Initialize(None) == ck.CKR_OK
    assert library.C_Finalize(0x10) == ck.CKR_ARGUMENTS_BAD
    assert library.C_GetInfo(ck.CK_INFO()) == ck.CKR_OK
    assert library.C_Finalize(None) == ck.CKR_OK
    assert library.C_Finalize(None) == ck.CKR_CRYPTOKI_NOT_INITIALIZED


def test_get_info(module):
    """5.4.3: CKR_ARGUMENTS_BAD; texts are padded with blanks and have no NUL; flags are zero."""
    library = module.library
    ck.check(library.C_Initialize(None), "C_Initialize")
    assert library.C_GetInfo(None) == ck.CKR_ARGUMENTS_BAD
    info = ck.CK_INFO()
    ctypes.memset(ctypes.addressof(info), 0xAA, ctypes.sizeof(info))
    assert library.C_GetInfo(info) == ck.CKR_OK
    for text in (info.manufacturerID, info.libraryDescription):
        assert 0 not in bytes(text) and bytes(text).decode().strip()
    assert info.flags == 0
    assert (info.cryptokiVersion.major, info.cryptokiVersion.minor) >= (2, 40)


def test_get_function_list(module):
    """5.4.4: CKR_ARGUMENTS_BAD; works before C_Initialize; no pointer of the list is null; the version is 2.40."""
    library = module.library
    assert library.C_GetFunctionList(None) == ck.CKR_ARGUMENTS_BAD
    place = ctypes.c_void_p()
    assert library.C_GetFunctionList(place) == ck.CKR_OK
    functions = library.function_list
    assert place.value == ctypes.addressof(functions)
    assert (functions.version.major, functions.version.minor) == (2, 40)
    assert all(getattr(functions, name) for name in ck.FUNCTIONS_2_40)


# Interfaces


def require_interfaces(module):
    if not module.library.is_3_0:
        pytest.skip("no function list of 3.0")


def interface(module, name, version=None, flags=0):
    place = ctypes.c_void_p()
    value = module.library.C_GetInterface(name, version, place, flags)
    return value, ck.CK_INTERFACE.from_address(place.value) if value == ck.CKR_OK else None


def test_get_interface_list(module):
    """5.4.5: CKR_ARGUMENTS_BAD, CKR_BUFFER_TOO_SMALL; a null list tells the number; all of it before C_Initialize."""
    require_interfaces(module)
    library, count = module.library, ctypes.c_ulong()
    assert library.C_GetInterfaceList(None, None) == ck.CKR_ARGUMENTS_BAD
    assert library.C_GetInterfaceList(None, count) == ck.CKR_OK
    assert count.value >= 2
    interfaces, short = (ck.CK_INTERFACE * count.value)(), ctypes.c_ulong(count.value - 1)
    assert library.C_GetInterfaceList(interfaces, short) == ck.CKR_BUFFER_TOO_SMALL
    assert short.value == count.value
    assert library.C_GetInterfaceList(interfaces, count) == ck.CKR_OK
    seen = {}
    for one in interfaces:
        version = ck.CK_VERSION.from_address(one.pFunctionList)
        seen[ctypes.string_at(one.pInterfaceName), version.major, version.minor] = one.flags
    assert {(b"PKCS 11", 2, 40), (b"PKCS 11", 3, 0)} <= seen.keys()
    assert not any(flags & ~ck.CKF_INTERFACE_FORK_SAFE for flags in seen.values())


@pytest.mark.parametrize("version", [(2, 40), (3, 0)])
def test_get_interface(module, version):
    """5.4.6: by name and version; no function of the list is null."""
    require_interfaces(module)
    value, found = interface(module, b"PKCS 11", ck.CK_VERSION(*version))
    assert value == ck.CKR_OK
    assert ctypes.string_at(found.pInterfaceName) == b"PKCS 11"
    name = "CK_FUNCTION_LIST" if version == (2, 40) else "CK_FUNCTION_LIST_3_0"
    functions = header.function_list(name).from_address(found.pFunctionList)
    assert (functions.version.major, functions.version.minor) == version
    assert all(getattr(functions, function) for _, function in header.lists[name][1:])


def test_default_interface(module):
    """5.4.6: null for name and version asks for the default; flags restrict the choice."""
    require_interfaces(module)
    for name in (None, b"PKCS 11"):
        value, found = interface(module, name)
        assert value == ck.CKR_OK
        assert ctypes.string_at(found.pInterfaceName) == b"PKCS 11"
    value, found = interface(module, None, flags=ck.CKF_INTERFACE_FORK_SAFE)
    assert value != ck.CKR_OK or found.flags & ck.CKF_INTERFACE_FORK_SAFE


@pytest.mark.parametrize(
    "name, version, flags",
    [(b"PKCS 12", None, 0), (b"", None, 0), (b"PKCS 11", (9, 9), 0), (b"PKCS 11", (2, 41), 0), (None, (1, 0), 0),
     (b"PKCS 11", None, 1 << 20)],
)  # fmt: skip
def test_no_such_interface(module, name, version, flags):
    """5.4.6: what is not there is not handed out."""
    require_interfaces(module)
    value, _ = interface(module, name, version and ck.CK_VERSION(*version), flags)
    assert value in rvs("ARGUMENTS_BAD FUNCTION_FAILED")


def test_get_interface_needs_a_place(module):
    """5.4.6: CKR_ARGUMENTS_BAD."""
    require_interfaces(module)
    assert module.library.C_GetInterface(b"PKCS 11", None, None, 0) == ck.CKR_ARGUMENTS_BAD


def test_lists_stay_where_they_are(module):
    """5.4.4, 5.4.6: the pointers keep their validity and value over C_Initialize and C_Finalize."""
    require_interfaces(module)
    before = interface(module, b"PKCS 11", ck.CK_VERSION(3, 0))[1].pFunctionList
    ck.check(module.library.C_Initialize(None), "C_Initialize")
    ck.check(module.library.C_Finalize(None), "C_Finalize")
    assert interface(module, b"PKCS 11", ck.CK_VERSION(3, 0))[1].pFunctionList == before
