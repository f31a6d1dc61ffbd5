"""Seeds for the fuzzer: one useful sequence of calls each, in the form of `Record` in call.c."""

import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
SUPPORT = HERE.parent / "support"

# From where data comes: so and so many bytes, or what an earlier call gave.
SIZED, KEPT = 0, 80
NOTHING = (SIZED, 0)
# Indices of sizes in source.c.
ONE_BYTE, SIXTEEN_BYTES, THIRTY_TWO_BYTES = 1, 10, 17
# Values of `template`: a complete one, a small one, one that lets the value be read; without a length or of RSA.
COMPLETE, USUAL, READABLE, SHORT = 0, 128, 160, 64
# Kinds of small ones in templates.c.
SECRET, AES_KEY, PRIVATE_KEY, EMPTY = 3, 4, 5, 6
# Complete ones, and the handles of the objects that are made of them.
TEMPLATES = 13
RSA, EC, AES, GENERIC = 0, 2, 9, 11
# The first object that a call made; the same where a key that fits the mechanism is the usual one.
MADE, MADE_KEY = 128, 200
# Keys of the token: AES and EC.
TOKEN_KEYS = (208, 209)
# Details that let a rare call pass.
RARE = b"\xff"
# Details of C_Login that say CKU_CONTEXT_SPECIFIC.
CONTEXT_SPECIFIC = bytes([0, 0, 255, 2])
# Forms of values: true, so and so many bytes, a date.
TRUE, SIZE, DATE = (1,), (4, 3), (5,)
END_OF_MESSAGE = 1
# Indices of mechanisms in mechanisms.c: RSA PKCS, the first row of HASH(SHA256), and its HMAC.
RSA_PKCS, SHA_256, HMAC = 19, 42, 43


def functions() -> list[str]:
    """The functions in the order of the table."""
    rows = re.findall(r"^    ROW\((\w+)", (SUPPORT / "calls.c").read_text(), re.MULTILINE)
    assert len(rows) > 80
    return rows


def mechanism_count() -> int:
    text = (HERE / "mechanisms.c").read_text()
    table = text[text.index("table[] = {") : text.index("};", text.index("table[] = {"))]
    each = {"HASH": 4, "HASH_SIGNATURES": 3}
    return table.count("{CKM_") + sum(each[name] for name in re.findall(r"\b(HASH\w*)\(", table))


def attribute_types() -> list[str]:
    text = (HERE / "templates.c").read_text()
    start = text.index("types[] = {")
    return re.findall(r"CKA_\w+", text[start : text.index("};", start)])


def one_more(attribute: str, *value: int) -> bytes:
    """Details that append an attribute to a template. `value`: the form of put_value in templates.c, and its bytes."""
    return bytes([0, 1, 0, 4, attribute_types().index(attribute), *value])


class Seeds:
    def __init__(self):
        self.number = {name: index for index, name in enumerate(functions())}
        self.all: list[bytes] = []

    def call(
        self, name: str, mechanism=0, out=(0, 0), data=(SIZED, SIXTEEN_BYTES), second=(KEPT, 0), template=COMPLETE,
        handle=0, second_handle=0, details=b"",
    ) -> bytes:  # fmt: skip
        fields = [self.number[name], 0, mechanism, handle, second_handle, *out, *data, *second, template]
        return bytes([*fields, len(details)]) + details

    def add(self, *calls: bytes):
        self.all.append(b"".join(calls))

    def operations(self, mechanism: int, data):
        """There and back, in one part and in several."""
        call = self.call
        calls = []
        for there, back in (("Encrypt", "Decrypt"), ("Sign", "Verify"), ("SignRecover", "VerifyRecover")):
            kept = {"data": (KEPT, 0)} if back != "Verify" else {"data": data, "second": (KEPT, 0)}
            calls += [call(f"{there}Init", mechanism), call(there, data=data)]
            calls += [call(f"{back}Init", mechanism), call(back, **kept)]
        self.add(*calls)
        calls = []
        for name in ("Encrypt", "Decrypt", "Sign", "Verify", "Digest"):
            part = call(f"{name}Update", data=data)
            calls += [call(f"{name}Init", mechanism), part, part, call(f"{name}Final")]
        self.add(*calls, call("DigestInit", mechanism), call("Digest", data=data))
        sign, verify = (
            [call(f"{name}Init", mechanism), call(f"{name}Update", data=data)] for name in ("Sign", "Verify")
        )
        self.add(*sign, call("SignFinal"), *verify, call("VerifyFinal", data=(KEPT, 0)))

    def messages(self, mechanism: int, data):
        call = self.call
        begin = {name: call(f"Message{name}Init", mechanism) for name in ("Encrypt", "Decrypt", "Sign", "Verify")}
        calls = [begin["Encrypt"], call("EncryptMessage", data=data, second=NOTHING)]
        calls += [begin["Decrypt"], call("DecryptMessage", data=(KEPT, 0), second=NOTHING)]
        calls += [begin["Sign"], call("SignMessage", data=data), begin["Verify"], call("VerifyMessage", data=data)]
        for name in begin:
            part, last = (call(f"{name}MessageNext", data=data, template=flags) for flags in (0, END_OF_MESSAGE))
            calls += [call(f"{name}MessageBegin"), part, last, call(f"Message{name}Final")]
        self.add(*calls)

    def keys(self, mechanism: int):
        call = self.call
        calls = []
        for template in range(6):
            usual, readable = {"template": USUAL + template}, {"template": READABLE + template}
            pair = {"second_handle": READABLE + EMPTY, "details": RARE}
            calls += [call("GenerateKey", mechanism, **usual), call("GenerateKeyPair", mechanism, **usual, **pair)]
            calls += [call("DeriveKey", mechanism, **readable), call("GetAttributeValue", handle=MADE, template=111)]
        self.add(*calls)
        calls = []
        secrets = (SHORT + SECRET, GENERIC), (SHORT + AES_KEY, AES), (AES_KEY, AES)
        for template, handle in (*secrets, (SHORT + PRIVATE_KEY, RSA), (PRIVATE_KEY, EC)):
            calls.append(call("WrapKey", mechanism, second_handle=handle))
            calls.append(call("UnwrapKey", mechanism, data=(KEPT, 0), template=READABLE + template))
        self.add(*calls)

    def objects(self):
        call = self.call
        for template in range(TEMPLATES):
            reads = [call("GetAttributeValue", handle=MADE, template=16 * n + 15) for n in range(16)]
            self.add(call("CreateObject", template=template), *reads, call("GetObjectSize", handle=MADE))
            self.changes([call("CreateObject", template=template)])
            self.changes([call("CreateObject", template=template, details=one_more("CKA_TOKEN", *TRUE))])
            for name, value in (
                ("CKA_START_DATE", DATE), ("CKA_ALLOWED_MECHANISMS", (2, 0)), ("CKA_ALWAYS_AUTHENTICATE", TRUE)
            ):  # fmt: skip
                self.add(call("CreateObject", template=template, details=one_more(name, *value)))
        for handle in TOKEN_KEYS:
            self.changes([], handle)
        self.add(call("FindObjectsInit"), call("FindObjects", data=(SIZED, 15)), call("FindObjectsFinal"))

    def changes(self, made: list[bytes], handle=MADE):
        call = self.call
        calls = list(made)
        for name, value in (("CKA_LABEL", SIZE), ("CKA_ID", SIZE), ("CKA_SIGN", TRUE), ("CKA_EXTRACTABLE", (0, 0))):
            change = one_more(name, *value)
            calls += [call(do, handle=handle, details=change) for do in ("SetAttributeValue", "CopyObject")]
        calls.append(call("CopyObject", handle=handle, details=one_more("CKA_TOKEN", *TRUE)))
        calls.append(call("FindObjectsInit", details=one_more("CKA_LABEL", *SIZE)))
        calls += [call("FindObjects", data=(SIZED, 3)), call("FindObjectsFinal")]
        self.add(*calls, *([call("DestroyObject", handle=MADE)] if made else []))

    def at_the_kms(self, mechanism: int):
        call = self.call
        calls = []
        for handle in TOKEN_KEYS:
            for there, back in (("Encrypt", "Decrypt"), ("Sign", "Verify")):
                calls += [call(f"{there}Init", mechanism, handle=handle), call(there)]
                calls += [call(f"{back}Init", mechanism, handle=handle), call(back, data=(KEPT, 0))]
            calls += [call("EncryptInit", mechanism, handle=handle), call("EncryptUpdate"), call("EncryptFinal")]
            calls.append(call("WrapKey", mechanism, handle=handle, second_handle=AES))
            unwrap = call("UnwrapKey", mechanism, handle=handle, data=(KEPT, 0), template=READABLE + SHORT + AES_KEY)
            calls += [unwrap, call("DeriveKey", mechanism, handle=handle, template=READABLE + SECRET)]
        self.add(*calls)

    def parameters(self, mechanism: int):
        """Fields of parameters that choose another way: key derivation functions, extraction, generated IVs."""
        call = self.call
        derived = [
            call("DeriveKey", mechanism, template=template, details=bytes(details))
            for template in (READABLE + SECRET, READABLE + SHORT + SECRET)
            for details in ([0, 255], [0, 1], [0, 2], [0, 4], [0, 8], [0, 32], [0, 37])
        ]
        self.add(*derived)

    def states(self, mechanism: int):
        """As the digest, and as the cipher beside one."""
        call = self.call
        digest = call("DigestInit", mechanism)
        saved = call("GetOperationState"), call("SetOperationState", data=(KEPT, 0))
        self.add(digest, *saved, call("DigestKey", handle=GENERIC), call("DigestFinal"))
        calls = [call("DigestInit", SHA_256), call("SignInit", HMAC), call("VerifyInit", HMAC)]
        calls += [call("EncryptInit", mechanism), call("DecryptInit", mechanism)]
        for name in ("DigestEncrypt", "SignEncrypt", "DecryptDigest", "DecryptVerify"):
            calls.append(call(f"{name}Update", data=(SIZED, SIXTEEN_BYTES)))
        self.add(*calls, *[call(f"{name}Final") for name in ("Encrypt", "Decrypt", "Digest", "Sign", "Verify")])


    def sessions(self):
        call = self.call
        for login in ("Login", "LoginUser"):
            self.add(call("Logout", details=RARE), call(login, second=NOTHING), call("GetSessionInfo"))
        self.add(call("CloseAllSessions", details=RARE), call("OpenSession"))
        create = call("CreateObject", template=RSA, details=one_more("CKA_ALWAYS_AUTHENTICATE", *TRUE))
        again = call("Login", details=CONTEXT_SPECIFIC)
        self.add(create, call("SignInit", RSA_PKCS, handle=MADE_KEY), again, call("Sign"))
        for generator in range(4):
            message = {"data": (SIZED, SIXTEEN_BYTES), "details": bytes([0, 0, 0, 0, 0, generator])}
            self.add(call("MessageEncryptInit", 0), call("EncryptMessage", second=NOTHING, **message))
        self.add(call("WaitForSlotEvent", details=RARE), call("GetMechanismList", data=(SIZED, 200)))


def seeds() -> list[bytes]:
    """Each mechanism in each of its roles; each kind of object; each function by itself."""
    made = Seeds()
    for mechanism in range(mechanism_count()):
        for size in (ONE_BYTE, SIXTEEN_BYTES, THIRTY_TWO_BYTES):
            made.operations(mechanism, (SIZED, size))
        made.messages(mechanism, (SIZED, THIRTY_TWO_BYTES))
        made.keys(mechanism)
        made.states(mechanism)
        made.at_the_kms(mechanism)
        made.parameters(mechanism)
    made.objects()
    made.sessions()
    names = list(made.number)
    for start in range(0, len(names), 10):
        some = names[start : start + 10]
        made.add(*[made.call(name) for name in some])
        made.add(*[made.call(name, data=(250, 0), out=(140, 0)) for name in some])
    return made.all


def write(directory: Path) -> int:
    """One file for each; returns how many."""
    directory.mkdir(parents=True, exist_ok=True)
    found = sorted(set(seeds()))
    for number, seed in enumerate(found):
        (directory / f"seed-{number:04}").write_bytes(seed)
    return len(found)
