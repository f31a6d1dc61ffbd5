"""The C interface of a PKCS#11 module, called through ctypes: functions by name, raw arguments, CKR_ numbers back.

Everything that the standard numbers or lays out (constants, structures, parameters, function lists) is read from
Include/pkcs11.h at import: `cryptoki.CKM_AES_GCM`, `cryptoki.CK_GCM_PARAMS`. Nothing here judges an answer; `check`
and the conveniences of `Session` raise `Refused` for those who only want the result.

A module that is loaded stays loaded, and a crash takes the process with it: load it in a child process.
"""

import ctypes
from pathlib import Path

from cryptoki_header import HEADER, Header

header = Header(HEADER.read_text())
globals().update(header.constants)
globals().update(header.types)
CONSTANTS = header.constants
CK_INVALID_HANDLE = CONSTANTS["CK_INVALID_HANDLE"]
UNAVAILABLE = CONSTANTS["CK_UNAVAILABLE_INFORMATION"]
FUNCTIONS_2_40 = [name for _, name in header.lists["CK_FUNCTION_LIST"] if name.startswith("C_")]
FUNCTIONS_3_0 = [name for _, name in header.lists["CK_FUNCTION_LIST_3_0"] if name.startswith("C_")]
RV_NAMES = header.names("CKR_")
MECHANISM_NAMES = header.names("CKM_")
ATTRIBUTE_NAMES = header.names("CKA_")


class RV(int):
    """A return value that is shown by its name."""

    def __repr__(self):
        return RV_NAMES.get(int(self), f"CKR {int(self):#x}")

    __str__ = __repr__


def rv(name: str) -> RV:
    """`rv("OK")` is CKR_OK."""
    return RV(CONSTANTS["CKR_" + name])


def rvs(names: str) -> set[RV]:
    """`rvs("OK ARGUMENTS_BAD")`: several, for what the standard leaves open."""
    return {rv(name) for name in names.split()}


class Refused(Exception):
    """A call that a convenience needed did not return CKR_OK."""

    def __init__(self, function: str, value: int):
        super().__init__(f"{function} returned {RV(value)}")
        self.function = function
        self.value = RV(value)


def check(value: int, function: str):
    if value != CONSTANTS["CKR_OK"]:
        raise Refused(function, value)


# Values


def encoded(value) -> bytes:
    """An attribute's value: bool as CK_BBOOL, int as CK_ULONG, list of int as array of CK_ULONG, bytes as they are."""
    if isinstance(value, bool):
        return bytes([CONSTANTS["CK_TRUE"] if value else CONSTANTS["CK_FALSE"]])
    if isinstance(value, int):
        return bytes(ctypes.c_ulong(value))
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, list):
        return b"".join(encoded(one) for one in value)
    return bytes(value)


def number(value: bytes) -> int:
    """A CK_ULONG that came as an attribute's value."""
    assert len(value) == ctypes.sizeof(ctypes.c_ulong), f"{value!r} is no CK_ULONG"
    return int.from_bytes(value, "little")


class Template:
    """A CK_ATTRIBUTE array from a dictionary, or from pairs when a type comes twice. Owns its memory."""

    def __init__(self, attributes):
        pairs = list(attributes.items() if isinstance(attributes, dict) else attributes or ())
        self.count = len(pairs)
        self.array = (CK_ATTRIBUTE * max(1, self.count))()  # noqa: F821
        # Lives as long as the array does, wherever that is handed.
        self.array.owned = []
        for entry, (kind, value) in zip(self.array, pairs):
            entry.type = kind
            if isinstance(value, Template):
                memory, entry.ulValueLen = value.array, ctypes.sizeof(value.array)
            else:
                content = encoded(value)
                memory, entry.ulValueLen = ctypes.create_string_buffer(content, len(content)), len(content)
            entry.pValue = ctypes.addressof(memory)
            self.array.owned.append(memory)

    @property
    def arguments(self):
        return self.array, self.count


class Mechanism:
    """A CK_MECHANISM. The parameter is a structure, bytes, a CK_ULONG or None. Owns its memory."""

    def __init__(self, kind: int, parameter=None):
        if isinstance(parameter, int):
            parameter = ctypes.c_ulong(parameter)
        if isinstance(parameter, bytes):
            parameter = ctypes.create_string_buffer(parameter, len(parameter))
        self.parameter = parameter
        self.struct = CK_MECHANISM()  # noqa: F821
        self.struct.mechanism = kind
        if parameter is not None:
            self.struct.pParameter = ctypes.addressof(parameter)
            self.struct.ulParameterLen = ctypes.sizeof(parameter)


def pointed(structure: type, **fields):
    """A structure whose pointer fields are given as bytes, structures or arrays. Owns what it points to."""
    filled = structure()
    filled.owned = list(fields.values())
    for name, value in fields.items():
        if isinstance(value, bytes):
            value = ctypes.create_string_buffer(value, len(value))
        if isinstance(value, (ctypes.Array, ctypes.Structure)) and not isinstance(getattr(filled, name), ctypes.Array):
            filled.owned.append(value)
            value = ctypes.addressof(value)
        elif isinstance(value, ctypes.Array):
            value = type(getattr(filled, name)).from_buffer_copy(value)
        setattr(filled, name, value)
    return filled


# Functions


class Library:
    """A loaded module. `library.C_Sign(...)` calls the function of the newest function list that the module offers.

    A pointer argument is None, an address, bytes, or a ctypes object, which is passed by reference. `history` has the
    last calls, `judge` is asked about every one.
    """

    def __init__(self, path: Path):
        self.path = path
        self.history: list[str] = []
        self.judge = lambda name, value: None
        self._dll = ctypes.CDLL(str(path))
        self._functions = {}
        address = ctypes.c_void_p()
        self._dll.C_GetFunctionList.restype = ctypes.c_ulong
        check(self._dll.C_GetFunctionList(ctypes.byref(address)), "C_GetFunctionList")
        self.function_list = header.function_list("CK_FUNCTION_LIST").from_address(address.value)
        self.function_list_3_0 = self._newer_list()
        self.is_3_0 = self.function_list_3_0 is not None
        for name in FUNCTIONS_3_0:
            if pointer := getattr(self.function_list_3_0 or self.function_list, name, None):
                self._functions[name] = self._bind(name, pointer)

    def _newer_list(self):
        try:
            get_interface = self._dll.C_GetInterface
        except AttributeError:
            return None
        get_interface.restype = ctypes.c_ulong
        interface, version = ctypes.c_void_p(), CK_VERSION(3, 0)  # noqa: F821
        if get_interface(b"PKCS 11", ctypes.byref(version), ctypes.byref(interface), ctypes.c_ulong(0)):
            return None
        lists = CK_INTERFACE.from_address(interface.value).pFunctionList  # noqa: F821
        return header.function_list("CK_FUNCTION_LIST_3_0").from_address(lists)

    @staticmethod
    def _bind(name: str, pointer: int):
        kinds = [header.types[kind] for kind, _ in header.parameters[name]]
        return ctypes.CFUNCTYPE(ctypes.c_ulong, *kinds)(pointer)

    def __getattr__(self, name: str):
        if not name.startswith("C_"):
            raise AttributeError(name)
        if name not in self._functions:
            raise NotImplementedError(f"{self.path.name} has no {name}")
        function = self._functions[name]

        def call(*arguments) -> RV:
            value = RV(function(*map(self._argument, arguments)))
            self.history.append(f"{name} -> {value}")
            self.judge(name, value)
            return value

        return call

    @staticmethod
    def _argument(value):
        if isinstance(value, Template):
            return value.array
        if isinstance(value, Mechanism):
            return ctypes.addressof(value.struct)
        if isinstance(value, (ctypes.Structure, ctypes._SimpleCData)):
            return ctypes.addressof(value)
        return value

    # Lists and records

    def sized(self, call, capacity: int | None = None) -> bytes:
        """The output of `call(buffer, length)`: asks for the size first, unless told what to offer."""
        length = ctypes.c_ulong(capacity or 0)
        if capacity is None:
            check(call(None, length), "size query")
        buffer = ctypes.create_string_buffer(max(1, length.value))
        check(call(buffer, length), "call")
        return buffer.raw[: length.value]

    def slots(self, present: bool = True) -> list[int]:
        count = ctypes.c_ulong()
        check(self.C_GetSlotList(present, None, count), "C_GetSlotList")
        slots = (ctypes.c_ulong * max(1, count.value))()
        check(self.C_GetSlotList(present, slots, count), "C_GetSlotList")
        return list(slots[: count.value])

    def mechanisms(self, slot: int) -> list[int]:
        count = ctypes.c_ulong()
        check(self.C_GetMechanismList(slot, None, count), "C_GetMechanismList")
        kinds = (ctypes.c_ulong * max(1, count.value))()
        check(self.C_GetMechanismList(slot, kinds, count), "C_GetMechanismList")
        return list(kinds[: count.value])

    def mechanism_info(self, slot: int, kind: int):
        info = CK_MECHANISM_INFO()  # noqa: F821
        check(self.C_GetMechanismInfo(slot, kind, info), "C_GetMechanismInfo")
        return info

    def token_info(self, slot: int):
        info = CK_TOKEN_INFO()  # noqa: F821
        check(self.C_GetTokenInfo(slot, info), "C_GetTokenInfo")
        return info

    def open(self, slot: int, read_write: bool = True) -> "Session":
        flags = CONSTANTS["CKF_SERIAL_SESSION"] | (CONSTANTS["CKF_RW_SESSION"] if read_write else 0)
        handle = ctypes.c_ulong()
        check(self.C_OpenSession(slot, flags, None, None, handle), "C_OpenSession")
        return Session(self, handle.value, slot)


class Session:
    """An open session. `session.C_Sign(...)` passes the handle first; the conveniences raise `Refused`."""

    def __init__(self, library: Library, handle: int, slot: int):
        self.library = library
        self.handle = handle
        self.slot = slot

    def __getattr__(self, name: str):
        function = getattr(self.library, name)
        return lambda *arguments: function(self.handle, *arguments)

    def close(self):
        check(self.C_CloseSession(), "C_CloseSession")

    def login(self, pin: str | bytes, user: int | None = None):
        pin = encoded(pin)
        user = CONSTANTS["CKU_USER"] if user is None else user
        check(self.C_Login(user, pin, len(pin)), "C_Login")

    # Objects

    def create(self, attributes) -> int:
        handle = ctypes.c_ulong()
        check(self.C_CreateObject(*Template(attributes).arguments, handle), "C_CreateObject")
        return handle.value

    def copy(self, key: int, attributes=None) -> int:
        handle = ctypes.c_ulong()
        check(self.C_CopyObject(key, *Template(attributes).arguments, handle), "C_CopyObject")
        return handle.value

    def destroy(self, key: int):
        check(self.C_DestroyObject(key), "C_DestroyObject")

    def generate(self, mechanism: Mechanism, attributes) -> int:
        handle = ctypes.c_ulong()
        check(self.C_GenerateKey(mechanism, *Template(attributes).arguments, handle), "C_GenerateKey")
        return handle.value

    def generate_pair(self, mechanism: Mechanism, public, private) -> tuple[int, int]:
        handles = ctypes.c_ulong(), ctypes.c_ulong()
        templates = *Template(public).arguments, *Template(private).arguments
        check(self.C_GenerateKeyPair(mechanism, *templates, *handles), "C_GenerateKeyPair")
        return handles[0].value, handles[1].value

    def derive(self, mechanism: Mechanism, base: int, attributes) -> int:
        handle = ctypes.c_ulong()
        check(self.C_DeriveKey(mechanism, base, *Template(attributes).arguments, handle), "C_DeriveKey")
        return handle.value

    def wrap(self, mechanism: Mechanism, wrapping: int, key: int) -> bytes:
        return self.library.sized(lambda *output: self.C_WrapKey(mechanism, wrapping, key, *output))

    def unwrap(self, mechanism: Mechanism, unwrapping: int, wrapped: bytes, attributes) -> int:
        handle = ctypes.c_ulong()
        template = Template(attributes).arguments
        check(self.C_UnwrapKey(mechanism, unwrapping, wrapped, len(wrapped), *template, handle), "C_UnwrapKey")
        return handle.value

    def find(self, attributes=None) -> list[int]:
        check(self.C_FindObjectsInit(*Template(attributes).arguments), "C_FindObjectsInit")
        found, batch, count = [], (ctypes.c_ulong * 64)(), ctypes.c_ulong()
        while True:
            check(self.C_FindObjects(batch, len(batch), count), "C_FindObjects")
            if not count.value:
                check(self.C_FindObjectsFinal(), "C_FindObjectsFinal")
                return found
            found += batch[: count.value]

    def query(self, key: int, *kinds: int, room: int | None = None) -> tuple[RV, list[int], list[bytes | None]]:
        """C_GetAttributeValue in one call: its answer, every ulValueLen, and every value (None: not told).
        Without `room` (bytes for each) it is the size query.
        """
        array = (CK_ATTRIBUTE * max(1, len(kinds)))()  # noqa: F821
        memory = [None if room is None else ctypes.create_string_buffer(max(1, room)) for _ in kinds]
        for entry, kind, buffer in zip(array, kinds, memory):
            entry.type = kind
            entry.pValue = None if buffer is None else ctypes.addressof(buffer)
            entry.ulValueLen = room or 0
        value = self.C_GetAttributeValue(key, array, len(kinds))
        lengths = [entry.ulValueLen for entry in array[: len(kinds)]]
        values = [
            None if buffer is None or length == UNAVAILABLE else buffer.raw[:length]
            for buffer, length in zip(memory, lengths)
        ]
        return value, lengths, values

    def get(self, key: int, kind: int) -> bytes:
        value, lengths, _ = self.query(key, kind)
        check(value, f"C_GetAttributeValue({ATTRIBUTE_NAMES.get(kind, kind)})")
        value, _, values = self.query(key, kind, room=lengths[0])
        check(value, "C_GetAttributeValue")
        return values[0]

    def flag(self, key: int, kind: int) -> bool:
        value = self.get(key, kind)
        assert value in (b"\0", b"\1"), f"{ATTRIBUTE_NAMES.get(kind, kind)} is no CK_BBOOL: {value!r}"
        return value == b"\1"

    def set(self, key: int, attributes):
        check(self.C_SetAttributeValue(key, *Template(attributes).arguments), "C_SetAttributeValue")

    # Operations in one part, or in the parts given

    def encrypt(self, mechanism: Mechanism, key: int, *parts: bytes) -> bytes:
        return self._transform("Encrypt", mechanism, key, parts)

    def decrypt(self, mechanism: Mechanism, key: int, *parts: bytes) -> bytes:
        return self._transform("Decrypt", mechanism, key, parts)

    def _transform(self, verb: str, mechanism: Mechanism, key: int, parts) -> bytes:
        one, update, final = (getattr(self, f"C_{verb}{suffix}") for suffix in ("", "Update", "Final"))
        check(getattr(self, f"C_{verb}Init")(mechanism, key), f"C_{verb}Init")
        if len(parts) == 1:
            return self.library.sized(lambda *output: one(parts[0], len(parts[0]), *output))
        output = b""
        for part in parts:
            output += self.library.sized(lambda *room: update(part, len(part), *room), capacity=len(part) + 512)
        return output + self.library.sized(lambda *room: final(*room))

    def sign(self, mechanism: Mechanism, key: int, *parts: bytes) -> bytes:
        check(self.C_SignInit(mechanism, key), "C_SignInit")
        return self._summary("Sign", parts)

    def digest(self, mechanism: Mechanism, *parts: bytes) -> bytes:
        check(self.C_DigestInit(mechanism), "C_DigestInit")
        return self._summary("Digest", parts)

    def _summary(self, verb: str, parts) -> bytes:
        if len(parts) == 1:
            return self.library.sized(lambda *output: getattr(self, f"C_{verb}")(parts[0], len(parts[0]), *output))
        for part in parts:
            check(getattr(self, f"C_{verb}Update")(part, len(part)), f"C_{verb}Update")
        return self.library.sized(lambda *output: getattr(self, f"C_{verb}Final")(*output))

    def verify(self, mechanism: Mechanism, key: int, signature: bytes, *parts: bytes) -> RV:
        """Returns what C_Verify or C_VerifyFinal answered."""
        check(self.C_VerifyInit(mechanism, key), "C_VerifyInit")
        if len(parts) == 1:
            return self.C_Verify(parts[0], len(parts[0]), signature, len(signature))
        for part in parts:
            check(self.C_VerifyUpdate(part, len(part)), "C_VerifyUpdate")
        return self.C_VerifyFinal(signature, len(signature))

    def sign_recover(self, mechanism: Mechanism, key: int, data: bytes) -> bytes:
        check(self.C_SignRecoverInit(mechanism, key), "C_SignRecoverInit")
        return self.library.sized(lambda *output: self.C_SignRecover(data, len(data), *output))

    def verify_recover(self, mechanism: Mechanism, key: int, signature: bytes) -> bytes:
        check(self.C_VerifyRecoverInit(mechanism, key), "C_VerifyRecoverInit")
        return self.library.sized(lambda *output: self.C_VerifyRecover(signature, len(signature), *output))

    def random(self, length: int) -> bytes:
        buffer = ctypes.create_string_buffer(max(1, length))
        check(self.C_GenerateRandom(buffer, length), "C_GenerateRandom")
        return buffer.raw[:length]
