"""The standard's tables of attributes: sections 4.4 to 4.10 for the common ones, 6 for those of a key type.

A row reads `NAME:type:notes`. The notes are the footnotes of table 13 that bear on C_CreateObject:

    1   must be specified when the object is created with C_CreateObject
    2   must not be specified when the object is created with C_CreateObject
    4   must not be specified when the object is generated
    7   cannot be revealed if the object is sensitive or unextractable
    8   may be modified after creation
    10  can only be set to CK_TRUE by the security officer
    11  cannot be changed once set to CK_TRUE
    12  cannot be changed once set to CK_FALSE
"""

from dataclasses import dataclass

import cryptoki as ck
import keys
import material

STORAGE = """
    CLASS:ulong:1 TOKEN:bool: PRIVATE:bool: MODIFIABLE:bool: LABEL:text:8 COPYABLE:bool: DESTROYABLE:bool:
    UNIQUE_ID:text:2,4,6
"""
DATA = "APPLICATION:text: OBJECT_ID:bytes: VALUE:bytes:"
CERTIFICATE = """
    CERTIFICATE_TYPE:ulong:1 TRUSTED:bool:10 CERTIFICATE_CATEGORY:ulong: CHECK_VALUE:bytes: START_DATE:date:
    END_DATE:date: PUBLIC_KEY_INFO:bytes:
"""
X509 = """
    SUBJECT:bytes:1 ID:bytes:8 ISSUER:bytes:8 SERIAL_NUMBER:bytes:8 VALUE:bytes:1 URL:text:
    HASH_OF_SUBJECT_PUBLIC_KEY:bytes: HASH_OF_ISSUER_PUBLIC_KEY:bytes: JAVA_MIDP_SECURITY_DOMAIN:ulong:
    NAME_HASH_ALGORITHM:ulong:
"""
KEY = """
    KEY_TYPE:ulong:1,5 ID:bytes:8 START_DATE:date:8 END_DATE:date:8 DERIVE:bool:8 LOCAL:bool:2,4,6
    KEY_GEN_MECHANISM:ulong:2,4,6 ALLOWED_MECHANISMS:list:
"""
PUBLIC = """
    SUBJECT:bytes:8 ENCRYPT:bool:8 VERIFY:bool:8 VERIFY_RECOVER:bool:8 WRAP:bool:8 TRUSTED:bool:10
    WRAP_TEMPLATE:template: PUBLIC_KEY_INFO:bytes:
"""
PRIVATE = """
    SUBJECT:bytes:8 SENSITIVE:bool:8,11 DECRYPT:bool:8 SIGN:bool:8 SIGN_RECOVER:bool:8 UNWRAP:bool:8
    EXTRACTABLE:bool:8,12 ALWAYS_SENSITIVE:bool:2,4,6 NEVER_EXTRACTABLE:bool:2,4,6 WRAP_WITH_TRUSTED:bool:11
    UNWRAP_TEMPLATE:template: ALWAYS_AUTHENTICATE:bool: PUBLIC_KEY_INFO:bytes:8 DERIVE_TEMPLATE:template:
"""
SECRET = """
    SENSITIVE:bool:8,11 ENCRYPT:bool:8 DECRYPT:bool:8 SIGN:bool:8 VERIFY:bool:8 WRAP:bool:8 UNWRAP:bool:8
    EXTRACTABLE:bool:8,12 ALWAYS_SENSITIVE:bool:2,4,6 NEVER_EXTRACTABLE:bool:2,4,6 CHECK_VALUE:bytes:
    WRAP_WITH_TRUSTED:bool:11 TRUSTED:bool:10 WRAP_TEMPLATE:template: UNWRAP_TEMPLATE:template:
    DERIVE_TEMPLATE:template:
"""
RSA_PUBLIC = "MODULUS:bytes:1,4 MODULUS_BITS:ulong:2,3 PUBLIC_EXPONENT:bytes:1"
# The public exponent must be given since 3.0 only, and follows from the other parts.
RSA_PRIVATE = """
    MODULUS:bytes:1,4,6 PUBLIC_EXPONENT:bytes:4,6 PRIVATE_EXPONENT:bytes:1,4,6,7 PRIME_1:bytes:4,6,7
    PRIME_2:bytes:4,6,7 EXPONENT_1:bytes:4,6,7 EXPONENT_2:bytes:4,6,7 COEFFICIENT:bytes:4,6,7
"""
EC_PUBLIC = "EC_PARAMS:bytes:1,3 EC_POINT:bytes:1,4"
EC_PRIVATE = "EC_PARAMS:bytes:1,4,6 VALUE:bytes:1,4,6,7"
SIZED = "VALUE:bytes:1,4,6,7 VALUE_LEN:ulong:2,3"
FIXED = "VALUE:bytes:1,4,6,7"


@dataclass(frozen=True)
class Attribute:
    name: str
    kind: str
    notes: frozenset[int]

    @property
    def type(self) -> int:
        return ck.CONSTANTS["CKA_" + self.name]


def rows(*tables: str) -> list[Attribute]:
    found = {}
    for word in " ".join(tables).split():
        name, kind, notes = word.split(":")
        found[name] = Attribute(name, kind, frozenset(int(note) for note in notes.split(",") if note))
    return list(found.values())


TABLES = {
    "data": rows(STORAGE, DATA),
    "certificate": rows(STORAGE, CERTIFICATE, X509),
    "rsa-public": rows(STORAGE, KEY, PUBLIC, RSA_PUBLIC),
    "rsa-private": rows(STORAGE, KEY, PRIVATE, RSA_PRIVATE),
    "p256-public": rows(STORAGE, KEY, PUBLIC, EC_PUBLIC),
    "p256-private": rows(STORAGE, KEY, PRIVATE, EC_PRIVATE),
    "ed25519-public": rows(STORAGE, KEY, PUBLIC, EC_PUBLIC),
    "ed25519-private": rows(STORAGE, KEY, PRIVATE, EC_PRIVATE),
    "x25519-public": rows(STORAGE, KEY, PUBLIC, EC_PUBLIC),
    "x25519-private": rows(STORAGE, KEY, PRIVATE, EC_PRIVATE),
    "aes": rows(STORAGE, KEY, SECRET, SIZED),
    "generic": rows(STORAGE, KEY, SECRET, SIZED),
    "des3": rows(STORAGE, KEY, SECRET, FIXED),
}
# Attributes that only some tokens keep; the others may refuse them.
OPTIONAL = {
    "ALLOWED_MECHANISMS", "WRAP_TEMPLATE", "UNWRAP_TEMPLATE", "DERIVE_TEMPLATE", "CHECK_VALUE", "PUBLIC_KEY_INFO",
    "URL", "HASH_OF_SUBJECT_PUBLIC_KEY", "HASH_OF_ISSUER_PUBLIC_KEY", "JAVA_MIDP_SECURITY_DOMAIN",
    "NAME_HASH_ALGORITHM", "UNIQUE_ID", "ALWAYS_AUTHENTICATE", "WRAP_WITH_TRUSTED", "TRUSTED",
}  # fmt: skip


def template(kind: str) -> dict:
    """What C_CreateObject makes a whole object of."""
    if kind == "data":
        return {ck.CKA_CLASS: ck.CKO_DATA, ck.CKA_VALUE: b"value", ck.CKA_APPLICATION: "conformance"}
    if kind == "certificate":
        head = {ck.CKA_CLASS: ck.CKO_CERTIFICATE, ck.CKA_CERTIFICATE_TYPE: ck.CKC_X_509}
        return head | material.certificate_attributes()
    return keys.template(kind)


def foreign(kind: str) -> list[Attribute]:
    """Attributes that the standard knows, but not for this kind of object."""
    own = {one.name for one in TABLES[kind]}
    everything = {one.name: one for table in TABLES.values() for one in table}
    return [one for name, one in everything.items() if name not in own]
