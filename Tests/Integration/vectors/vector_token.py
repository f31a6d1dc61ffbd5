"""The token as a vector or a property sees it: a session of the user, keys by their values, operations in every cut."""

import itertools
from pathlib import Path

import cryptoki as ck
import pytest
import vector_keys
from vector_calls import Call

# Where an imported key is: a session object, with which OpenSSL in the module works, or a token object, with which the
# KMS works.
SESSION, TOKEN = "session", "token"

_EVERY_OPERATION = 0
for _name in (
    "ENCRYPT", "DECRYPT", "DIGEST", "SIGN", "SIGN_RECOVER", "VERIFY", "VERIFY_RECOVER", "FIND_OBJECTS",
    "MESSAGE_ENCRYPT", "MESSAGE_DECRYPT", "MESSAGE_SIGN", "MESSAGE_VERIFY",
):  # fmt: skip
    _EVERY_OPERATION |= ck.CONSTANTS[f"CKF_{_name}"]


class VectorToken:
    def __init__(self, module: Path, pin: bytes):
        self.library = ck.Library(module)
        arguments = ck.CK_C_INITIALIZE_ARGS(flags=ck.CKF_OS_LOCKING_OK)
        ck.check(self.library.C_Initialize(arguments), "C_Initialize")
        self.slot = self.library.slots()[0]
        self.session = self.library.open(self.slot)
        self.session.login(pin)
        self.mechanisms = {ck.MECHANISM_NAMES.get(kind, hex(kind)) for kind in self.library.mechanisms(self.slot)}
        self._cached: dict[tuple, int] = {}

    def __enter__(self) -> "VectorToken":
        return self

    def __exit__(self, *_):
        for handle in self._cached.values():
            self.session.C_DestroyObject(handle)
        self.library.C_Finalize(None)

    def cancel(self):
        """Ends what a failed test left active, so that the next one can begin."""
        self.session.C_SessionCancel(_EVERY_OPERATION)

    # Mechanisms

    def needs(self, *mechanisms: str):
        """Skips what the token does not list; test_every_listed_role_has_vectors looks the other way."""
        for name in mechanisms:
            if name not in self.mechanisms:
                pytest.skip(f"{name} is not listed")

    # Keys

    def create(self, template: dict, origin: str) -> int:
        return self.session.create(template | {ck.CKA_TOKEN: origin == TOKEN})

    def cached(self, name: tuple, half: str, key: dict, origin: str) -> int:
        """The handle of a key of a vector file, imported when it is first used."""
        place = (*name, half, origin)
        if place not in self._cached:
            self._cached[place] = self.create(vector_keys.template(half, key), origin)
        return self._cached[place]

    def value(self, handle: int) -> bytes:
        return self.session.get(handle, ck.CKA_VALUE)

    # Operations; `parts` is the data in one piece (bytes) or in several (list)

    def digest(self, call: Call, parts) -> bytes:
        ck.check(self.session.C_DigestInit(call.mechanism), "C_DigestInit")
        return self._summary("Digest", parts)

    def sign(self, call: Call, key: int, parts) -> bytes:
        ck.check(self.session.C_SignInit(call.mechanism, key), "C_SignInit")
        return self._summary("Sign", parts)

    def _summary(self, verb: str, parts) -> bytes:
        one, update, final = (getattr(self.session, f"C_{verb}{suffix}") for suffix in ("", "Update", "Final"))
        if isinstance(parts, bytes):
            return self.library.sized(lambda *output: one(parts, len(parts), *output))
        for part in parts:
            ck.check(update(part, len(part)), f"C_{verb}Update")
        return self.library.sized(lambda *output: final(*output))

    def verify(self, call: Call, key: int, parts, signature: bytes):
        """Raises `Refused` for a wrong signature."""
        session = self.session
        ck.check(session.C_VerifyInit(call.mechanism, key), "C_VerifyInit")
        if isinstance(parts, bytes):
            ck.check(session.C_Verify(parts, len(parts), signature, len(signature)), "C_Verify")
            return
        for part in parts:
            ck.check(session.C_VerifyUpdate(part, len(part)), "C_VerifyUpdate")
        ck.check(session.C_VerifyFinal(signature, len(signature)), "C_VerifyFinal")

    def encrypt(self, call: Call, key: int, parts) -> bytes:
        return self._transform("Encrypt", call, key, parts)

    def decrypt(self, call: Call, key: int, parts) -> bytes:
        return self._transform("Decrypt", call, key, parts)

    def _transform(self, verb: str, call: Call, key: int, parts) -> bytes:
        names = (f"C_{verb}{suffix}" for suffix in ("Init", "", "Update", "Final"))
        init, one, update, final = (getattr(self.session, name) for name in names)
        ck.check(init(call.mechanism, key), f"C_{verb}Init")
        if isinstance(parts, bytes):
            return self.library.sized(lambda *output: one(parts, len(parts), *output))
        output = b""
        for part in parts:
            # The size query comes first, so that an answer that is too low is noticed as CKR_BUFFER_TOO_SMALL.
            output += self.library.sized(lambda *room: update(part, len(part), *room))
        return output + self.library.sized(lambda *room: final(*room))

    def in_place(self, verb: str, call: Call, key: int, data: bytes, room: int) -> bytes:
        """One part, where input and output share a buffer, as the standard allows (section 11.2)."""
        ck.check(getattr(self.session, f"C_{verb}Init")(call.mechanism, key), f"C_{verb}Init")
        buffer, length = ck.ctypes.create_string_buffer(data, max(1, room)), ck.ctypes.c_ulong(room)
        ck.check(getattr(self.session, f"C_{verb}")(buffer, len(data), buffer, length), f"C_{verb}")
        return buffer.raw[: length.value]


def cuts(data: bytes, is_multipart: bool = True) -> list:
    """The data in one piece, and in several, at, before and behind the borders of blocks, with empty parts among them.
    Long data has fewer cuts.
    """
    if not is_multipart:
        return [data]
    ways = [data, [data], [b"", data, b""]]
    if not data:
        return [*ways, []]
    if len(data) > 4096:
        return [data, split(data, [1, 4095, 4096, 65537])]
    ways += [[data[:at], data[at:]] for at in (1, 15, 16, 17, len(data) - 1) if 0 < at < len(data)]
    ways += [split(data, [7]), split(data, [16, 3, 32, 1])]
    return ways + ([split(data, [1])] if len(data) <= 64 else [])


def split(data: bytes, lengths: list[int]) -> list[bytes]:
    """Parts of these lengths, again and again, as long as there is data."""
    parts, start = [], 0
    for length in itertools.cycle(lengths):
        if start >= len(data):
            return parts
        parts.append(data[start : start + length])
        start += length
