"""Templates of C_CreateObject: PKCS#11 3.2, sections 4.1 to 4.10, and 6 for the key types.

For every kind of object and every attribute that the standard knows: without it, of a wrong size, twice, read-only,
contradictory, unknown, of another kind. Each time the standard's code, and no object left behind: not in the session,
not on the token, not in the KMS.
"""

import ctypes
import hashlib

import cryptoki as ck
import material
import pytest
from attributes import OPTIONAL, TABLES, foreign, template
from contradictions import contradictions
from cryptography.hazmat.primitives import serialization
from cryptoki import Template, number, rvs

INVALID = rvs("ATTRIBUTE_VALUE_INVALID")
INCONSISTENT = rvs("TEMPLATE_INCONSISTENT ATTRIBUTE_VALUE_INVALID")
READ_ONLY = rvs("ATTRIBUTE_READ_ONLY TEMPLATE_INCONSISTENT")
EC_CODES = rvs(
    "ATTRIBUTE_VALUE_INVALID TEMPLATE_INCONSISTENT CURVE_NOT_SUPPORTED DOMAIN_PARAMS_INVALID PUBLIC_KEY_INVALID"
)
FOREIGN = rvs("TEMPLATE_INCONSISTENT ATTRIBUTE_TYPE_INVALID")
UNKNOWN_TYPES = [ck.CKA_VENDOR_DEFINED + 0x7777, 0x7FFF_0000, ck.UNAVAILABLE]


@pytest.fixture(params=TABLES)
def kind(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["session-object", "token-object"])
def on_token(request):
    return request.param


class Matrix:
    """Creates objects that must not come to be, and remembers every answer that was not the standard's."""

    def __init__(self, session, kind: str, on_token: bool):
        self.session = session
        self.base = template(kind) | {ck.CKA_TOKEN: on_token}
        self.problems: list[str] = []

    def create(self, attributes) -> tuple[ck.RV, int]:
        handle = ctypes.c_ulong()
        return self.session.C_CreateObject(*Template(attributes).arguments, handle), handle.value

    def destroy(self, handle: int):
        """Takes a made object away, and the public half that a KMS shows of a private key on the token."""
        ck.check(self.session.C_DestroyObject(handle), "C_DestroyObject")
        for other in set(self.session.find()) - self.known:
            ck.check(self.session.C_DestroyObject(other), "C_DestroyObject")

    def refuses(self, what: str, attributes, codes: set):
        value, handle = self.create(attributes)
        if value == ck.CKR_OK:
            self.destroy(handle)
        if value not in codes:
            self.problems.append(f"{what}: {value} instead of {' or '.join(sorted(map(str, codes)))}")

    def count(self) -> tuple[int, int]:
        return len(self.session.find()), self.session.stage.subject.objects_at_kms()

    def __enter__(self):
        self.known = set(self.session.find())
        self.before = self.count()
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            if self.count() != self.before:
                self.problems.append("an object was left behind")
            assert not self.problems, "\n".join(["", *self.problems])


def test_whole(session, kind, on_token):
    """4.1.1: with what it must have, the object comes to be, has every attribute of its tables, and goes again."""
    matrix = Matrix(session, kind, on_token)
    with matrix:
        value, handle = matrix.create(matrix.base)
        assert value == ck.CKR_OK
        for attribute in TABLES[kind]:
            if attribute.name in OPTIONAL:
                continue
            told, lengths, values = session.query(handle, attribute.type, room=4096)
            if told != ck.CKR_OK:
                matrix.problems.append(f"{attribute.name}: {told}")
            elif attribute.kind == "bool" and values[0] not in (b"\0", b"\1"):
                matrix.problems.append(f"{attribute.name}: {values[0]!r} is no CK_BBOOL")
            elif attribute.kind == "ulong" and lengths[0] != ctypes.sizeof(ctypes.c_ulong):
                matrix.problems.append(f"{attribute.name}: {lengths[0]} bytes")
            elif attribute.kind == "date" and lengths[0] not in (0, 8):
                matrix.problems.append(f"{attribute.name}: {lengths[0]} bytes")
            elif attribute.type in matrix.base and values[0] != ck.encoded(matrix.base[attribute.type]):
                matrix.problems.append(f"{attribute.name}: another value than the one given")
        matrix.destroy(handle)


def test_defaults(session, kind, on_token):
    """4.4 to 4.10, 5.7.1: what the standard's tables say of attributes that are not given."""
    matrix = Matrix(session, kind, on_token)
    bare = {one: value for one, value in matrix.base.items() if value is not True or one == ck.CKA_TOKEN}
    bare.pop(ck.CKA_SENSITIVE, None), bare.pop(ck.CKA_EXTRACTABLE, None)
    expected = {
        "LABEL": b"", "MODIFIABLE": True, "COPYABLE": True, "DESTROYABLE": True, "TOKEN": on_token,
        "START_DATE": b"", "END_DATE": b"", "ID": b"", "DERIVE": False, "LOCAL": False, "APPLICATION": b"conformance",
        "OBJECT_ID": b"", "KEY_GEN_MECHANISM": ck.UNAVAILABLE, "ALWAYS_SENSITIVE": False, "NEVER_EXTRACTABLE": False,
        "WRAP_WITH_TRUSTED": False, "TRUSTED": False, "ALWAYS_AUTHENTICATE": False, "CERTIFICATE_CATEGORY": 0,
        "JAVA_MIDP_SECURITY_DOMAIN": 0, "URL": b"",
    }  # fmt: skip
    if kind != "certificate":
        expected["SUBJECT"] = b""
    if kind in ("aes", "generic", "des3"):
        expected["SENSITIVE"] = False
    # A token may fill in what it can compute, and a KMS needs a name and an identifier.
    open_ = {"ID"}
    if on_token or kind == "certificate":
        open_ |= {"LABEL", "SUBJECT", "START_DATE", "END_DATE"}
    with matrix:
        value, handle = matrix.create(bare)
        assert value == ck.CKR_OK
        for attribute in TABLES[kind]:
            if attribute.name not in expected or attribute.name in open_:
                continue
            told, _, values = session.query(handle, attribute.type, room=4096)
            if told == ck.CKR_ATTRIBUTE_TYPE_INVALID and attribute.name in OPTIONAL:
                continue
            if told != ck.CKR_OK or values[0] != ck.encoded(expected[attribute.name]):
                matrix.problems.append(f"{attribute.name}: {told}, {values[0]!r}")
        matrix.destroy(handle)


def test_missing(session, kind, on_token):
    """4.1.1, item 4, and note 1 of table 13: CKR_TEMPLATE_INCOMPLETE."""
    with Matrix(session, kind, on_token) as matrix:
        matrix.refuses("everything", {ck.CKA_TOKEN: on_token}, rvs("TEMPLATE_INCOMPLETE"))
        for attribute in TABLES[kind]:
            if 1 in attribute.notes:
                rest = {one: value for one, value in matrix.base.items() if one != attribute.type}
                matrix.refuses(attribute.name, rest, rvs("TEMPLATE_INCOMPLETE"))


SIZES = {"bool": [b"", b"\1\1", bytes(8)], "ulong": [b"", b"\1", bytes(4), bytes(9)], "date": [b"2020", b"202001010"]}
DATES = [b"20201301", b"20200230", b"2020010a", bytes(8)]


def test_wrong_size(session, kind, on_token):
    """4.1.1, item 2: CKR_ATTRIBUTE_VALUE_INVALID for a CK_BBOOL, CK_ULONG or CK_DATE of another length, and no date."""
    with Matrix(session, kind, on_token) as matrix:
        for attribute in TABLES[kind]:
            codes = INVALID | (READ_ONLY if attribute.notes & {2, 10} else set())
            codes |= FOREIGN if attribute.name in OPTIONAL else set()
            for value in SIZES.get(attribute.kind, []):
                matrix.refuses(f"{attribute.name} of {len(value)} bytes", matrix.base | {attribute.type: value}, codes)
            for value in DATES if attribute.kind == "date" else []:
                matrix.refuses(f"{attribute.name} {value!r}", matrix.base | {attribute.type: value}, INVALID)


def test_hollow_values(session, kind, on_token):
    """4.1.1: a length without a pointer, and a length that cannot be one."""
    with Matrix(session, kind, on_token) as matrix:
        for change in ("no pointer", "CK_UNAVAILABLE_INFORMATION"):
            for number_ in range(len(matrix.base)):
                whole = Template(matrix.base)
                if change == "no pointer":
                    whole.array[number_].pValue = None
                else:
                    whole.array[number_].ulValueLen = ck.UNAVAILABLE
                handle = ctypes.c_ulong()
                value = session.C_CreateObject(*whole.arguments, handle)
                if value not in rvs("ARGUMENTS_BAD ATTRIBUTE_VALUE_INVALID"):
                    matrix.problems.append(f"{ck.ATTRIBUTE_NAMES[whole.array[number_].type]}, {change}: {value}")
                if value == ck.CKR_OK:
                    matrix.destroy(handle.value)


def test_read_only(session, kind, on_token):
    """4.1.1, item 3, and note 2 of table 13: what only the token sets."""
    values = {"bool": True, "ulong": 2048, "text": "x"}
    with Matrix(session, kind, on_token) as matrix:
        for attribute in TABLES[kind]:
            if 2 in attribute.notes:
                for value in (values[attribute.kind], False) if attribute.kind == "bool" else (values[attribute.kind],):
                    codes = READ_ONLY | (FOREIGN if attribute.name in OPTIONAL else set())
                    matrix.refuses(f"{attribute.name} {value}", matrix.base | {attribute.type: value}, codes)


def test_trust_is_not_for_users(session, kind, on_token):
    """Note 10 of table 13: CKA_TRUSTED is set to CK_TRUE by the security officer only."""
    with Matrix(session, kind, on_token) as matrix:
        for attribute in TABLES[kind]:
            if 10 in attribute.notes:
                codes = READ_ONLY | INVALID | rvs("USER_NOT_LOGGED_IN")
                matrix.refuses(attribute.name, matrix.base | {attribute.type: True}, codes)


def test_unknown(session, kind, on_token):
    """4.1.1, item 1: CKR_ATTRIBUTE_TYPE_INVALID."""
    with Matrix(session, kind, on_token) as matrix:
        for type_ in UNKNOWN_TYPES:
            matrix.refuses(hex(type_), matrix.base | {type_: b"1"}, rvs("ATTRIBUTE_TYPE_INVALID"))


def test_of_another_kind(session, kind, on_token):
    """4.1.1, item 5: CKR_TEMPLATE_INCONSISTENT for an attribute that objects of this kind do not have."""
    values = {"bool": True, "ulong": 1, "date": b"20200101", "list": [ck.CKM_SHA256]}
    with Matrix(session, kind, on_token) as matrix:
        for attribute in foreign(kind):
            # An EC private key may keep its point: 6.3.4 does not have the attribute, many clients write and read it.
            if attribute.kind == "template" or (attribute.name == "EC_POINT" and kind.endswith("-private")):
                continue
            codes = FOREIGN | (READ_ONLY if attribute.notes & {2, 10} else set())
            value = values.get(attribute.kind, b"some bytes")
            matrix.refuses(attribute.name, matrix.base | {attribute.type: value}, codes)


def test_twice(session, kind, on_token):
    """4.1.1, items 5 and 6: two values: CKR_TEMPLATE_INCONSISTENT; the same value twice: that or one object."""
    with Matrix(session, kind, on_token) as matrix:
        for type_, value in matrix.base.items():
            content = ck.encoded(value)
            other = content[:-1] + bytes([content[-1] ^ 1])
            name = ck.ATTRIBUTE_NAMES[type_]
            codes = INCONSISTENT if type_ != ck.CKA_TOKEN else rvs("TEMPLATE_INCONSISTENT")
            matrix.refuses(f"{name}, two values", [*matrix.base.items(), (type_, other)], codes)
        same = [*matrix.base.items(), *list(matrix.base.items())[:4]]
        value, handle = matrix.create(same)
        if value == ck.CKR_OK:
            matrix.destroy(handle)
        elif value != ck.CKR_TEMPLATE_INCONSISTENT:
            matrix.problems.append(f"the same values twice: {value}")


def test_wrong_class_and_type(session, kind, on_token):
    """4.1.1: classes and types that there are not, and those of another kind of object."""
    with Matrix(session, kind, on_token) as matrix:
        for class_ in (0x99, ck.CKO_VENDOR_DEFINED, ck.UNAVAILABLE, ck.CKO_HW_FEATURE, ck.CKO_MECHANISM):
            matrix.refuses(f"class {class_:#x}", matrix.base | {ck.CKA_CLASS: class_}, INCONSISTENT | FOREIGN)
        for other in {ck.CKO_SECRET_KEY, ck.CKO_PUBLIC_KEY, ck.CKO_PRIVATE_KEY} - {matrix.base[ck.CKA_CLASS]}:
            codes = INCONSISTENT | FOREIGN | rvs("TEMPLATE_INCOMPLETE")
            matrix.refuses(f"class {other}", matrix.base | {ck.CKA_CLASS: other}, codes)
        type_ = ck.CKA_CERTIFICATE_TYPE if kind == "certificate" else ck.CKA_KEY_TYPE
        if type_ in matrix.base:
            for value in (0x99, ck.UNAVAILABLE, ck.CKK_VENDOR_DEFINED):
                matrix.refuses(f"type {value:#x}", matrix.base | {type_: value}, INCONSISTENT | FOREIGN)


def test_contradictions(session, kind, on_token):
    """4.1.1, items 2 and 5; 6.1, 6.3, 6.8, 6.10, 6.18: values that no key or certificate can have, or not together."""
    codes = INCONSISTENT | (EC_CODES if "public" in kind or "private" in kind else set())
    with Matrix(session, kind, on_token) as matrix:
        for what, change in contradictions(kind):
            allowed = codes | (rvs("TEMPLATE_INCOMPLETE") if "empty" in what or "0 bytes" in what else set())
            matrix.refuses(what, matrix.base | change, allowed)


def test_a_certificate_needs_its_value(session, on_token):
    """4.6.3: CKA_VALUE must not be empty unless there is a CKA_URL."""
    with Matrix(session, "certificate", on_token) as matrix:
        codes = rvs("TEMPLATE_INCOMPLETE ATTRIBUTE_VALUE_INVALID TEMPLATE_INCONSISTENT")
        matrix.refuses("empty value", matrix.base | {ck.CKA_VALUE: b""}, codes)


def test_computed(session, on_token):
    """6.1.2, 6.10.2, 4.6: what follows from the value."""
    made = material.certificate()
    rows = [
        ("rsa-public", ck.CKA_MODULUS_BITS, ck.encoded(2048)),
        ("aes", ck.CKA_VALUE_LEN, ck.encoded(32)),
        ("generic", ck.CKA_VALUE_LEN, ck.encoded(32)),
        ("certificate", ck.CKA_CHECK_VALUE, hashlib.sha1(made.public_bytes(serialization.Encoding.DER)).digest()[:3]),
    ]
    problems = []
    for kind, type_, expected in rows:
        handle = session.create(template(kind) | {ck.CKA_TOKEN: on_token})
        value, _, values = session.query(handle, type_, room=4096)
        session.destroy(handle)
        if values[0] != expected and not (value == ck.CKR_ATTRIBUTE_TYPE_INVALID and type_ == ck.CKA_CHECK_VALUE):
            problems.append(f"{kind}, {ck.ATTRIBUTE_NAMES[type_]}: {value}, {values[0]!r}")
    assert not problems


def test_what_is_given_is_kept(session, kind, on_token):
    """5.7.1: flags, identifier, label, subject and dates come back as they went in."""
    names = {one.name for one in TABLES[kind]}
    given = {"LABEL": "Grüße", "ID": b"\0\1\2", "START_DATE": b"20200101", "END_DATE": b"20301231"}
    given |= {"APPLICATION": "app", "OBJECT_ID": b"\6\3\x2a\3\4", "PRIVATE": True, "DERIVE": False}
    if kind != "certificate":
        given["SUBJECT"] = material.certificate_attributes()[ck.CKA_SUBJECT]
    chosen = {ck.CONSTANTS["CKA_" + name]: value for name, value in given.items() if name in names}
    handle = session.create(template(kind) | chosen | {ck.CKA_TOKEN: on_token})
    try:
        for type_, value in chosen.items():
            assert session.get(handle, type_) == ck.encoded(value), ck.ATTRIBUTE_NAMES[type_]
        assert handle in session.find(chosen)
    finally:
        session.destroy(handle)


def test_allowed_mechanisms(session, on_token):
    """4.7: a key with CKA_ALLOWED_MECHANISMS works with those only. A token may refuse the attribute."""
    attributes = template("aes") | {ck.CKA_TOKEN: on_token, ck.CKA_ALLOWED_MECHANISMS: [ck.CKM_AES_CBC, ck.CKM_AES_GCM]}
    matrix = Matrix(session, "aes", on_token)
    value, handle = matrix.create(attributes)
    if value != ck.CKR_OK:
        assert value in FOREIGN | INCONSISTENT
        return
    try:
        kept = session.get(handle, ck.CKA_ALLOWED_MECHANISMS)
        assert sorted(number(kept[at : at + 8]) for at in range(0, len(kept), 8)) == [ck.CKM_AES_CBC, ck.CKM_AES_GCM]
        assert session.C_EncryptInit(ck.Mechanism(ck.CKM_AES_CBC, bytes(16)), handle) == ck.CKR_OK
        assert session.encrypt is not None
        other = session.stage.open()
        value = other.C_EncryptInit(ck.Mechanism(ck.CKM_AES_ECB), handle)
        assert value in rvs("MECHANISM_INVALID KEY_FUNCTION_NOT_PERMITTED")
    finally:
        session.destroy(handle)


def test_check_values(session):
    """4.10.2: a right CKA_CHECK_VALUE is taken, a wrong one refused, an empty one means none. A token without the
    attribute ignores it.
    """
    key = template("aes") | {ck.CKA_VALUE: bytes(16)}
    handle = session.create(key)
    is_ignored = session.query(handle, ck.CKA_CHECK_VALUE)[0] == ck.CKR_ATTRIBUTE_TYPE_INVALID
    right = session.encrypt(ck.Mechanism(ck.CKM_AES_ECB), handle, bytes(16))[:3]
    with Matrix(session, "aes", False) as matrix:
        for value, codes in (
            (right, rvs("OK")),
            (b"", rvs("OK")),
            (b"\0\0\0", INCONSISTENT),
            (right[:2], INCONSISTENT),
        ):
            allowed = rvs("OK") if is_ignored else codes
            matrix.refuses(f"check value {value.hex()}", key | {ck.CKA_CHECK_VALUE: value}, allowed)
