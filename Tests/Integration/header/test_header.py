# SPDX-License-Identifier: Apache-2.0
"""Compares Include/pkcs11.h with the PKCS #11 headers that other projects install.

Two headers cannot be in one translation unit, because they declare the same names. So each is read
on its own: `cc -dM -E` tells the constants, `cc -E` the structures and prototypes, and a small
program that is compiled with the header tells values, sizes and offsets. The comparison is of what
both headers have.

References:
    p11-kit   libp11-kit-dev, required. Up to version 0.24 it covers 2.40.
    NSS       libnss3-dev, compared if installed. It covers most of 3.0, with its structures.
"""

import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

INCLUDE = Path(__file__).resolve().parents[3] / "Include"

# ---- What is known to differ ----------------------------------------------------------------------

# Constants to which a reference gives another number than the standard: that number.
OTHER_CONSTANTS = {
    "p11-kit": {
        # The standard has 0x1B5 to 0x1B9.
        "CKR_EXCEEDED_MAX_ITERATIONS": 0x1C0,
        "CKR_FIPS_SELF_TEST_FAILED": 0x1C1,
        "CKR_LIBRARY_LOAD_FAILED": 0x1C2,
        "CKR_PIN_TOO_WEAK": 0x1C3,
        "CKR_PUBLIC_KEY_INVALID": 0x1C4,
    },
    "NSS": {
        # Vendor attributes of NSS, whose names the standard took later for its trust objects.
        "CKA_TRUST_SERVER_AUTH": 0xCE536358,
        "CKA_TRUST_CLIENT_AUTH": 0xCE536359,
        "CKA_TRUST_CODE_SIGNING": 0xCE53635A,
        "CKA_TRUST_EMAIL_PROTECTION": 0xCE53635B,
        "CKA_TRUST_TIME_STAMPING": 0xCE53635F,
    },
}

# Structures and types that a reference declares otherwise than the standard.
OTHER_TYPES = {
    "p11-kit": set(),
    "NSS": {
        "CK_C_INITIALIZE_ARGS",                                      # has a member LibraryParameters
        "CK_GCM_MESSAGE_PARAMS_PTR", "CK_CCM_MESSAGE_PARAMS_PTR",    # are no pointers
    },
}

# Groups of constants of one kind that have one value because they are names of one thing.
ALIASES = [
    {"CKA_SUBPRIME_BITS", "CKA_SUB_PRIME_BITS"},
    {"CKA_EC_PARAMS", "CKA_ECDSA_PARAMS"},
    {"CKA_KEYS_REMAINING", "CKA_HSS_KEYS_REMAINING"},
    {"CKK_EC", "CKK_ECDSA"},
    {"CKK_CAST128", "CKK_CAST5"},
    {"CKM_EC_KEY_PAIR_GEN", "CKM_ECDSA_KEY_PAIR_GEN"},
    {"CKM_DSA_PROBABILISTIC_PARAMETER_GEN", "CKM_DSA_PROBABLISTIC_PARAMETER_GEN"},
    {"CKM_PBE_MD5_CAST128_CBC", "CKM_PBE_MD5_CAST5_CBC"},
    {"CKM_PBE_SHA1_CAST128_CBC", "CKM_PBE_SHA1_CAST5_CBC"},
    *({f"CKM_CAST128_{s}", f"CKM_CAST5_{s}"} for s in ("KEY_GEN", "ECB", "CBC", "MAC", "MAC_GENERAL", "CBC_PAD")),
    *({f"CKM_{h}_KEY_DERIVATION", f"CKM_{h}_KEY_DERIVE"} for h in (
        "SHA3_224", "SHA3_256", "SHA3_384", "SHA3_512", "SHAKE_128", "SHAKE_256")),
]

# Numbers that no reference tells, or that are worth telling twice.
SPOT_CHECKS = {
    "CKM_RSA_PKCS_OAEP": 0x9, "CKM_RSA_PKCS_PSS": 0xD, "CKM_SHA256_RSA_PKCS_PSS": 0x43,
    "CKM_EC_KEY_PAIR_GEN": 0x1040, "CKM_ECDSA": 0x1041, "CKM_ECDSA_SHA256": 0x1044, "CKM_ECDSA_SHA3_512": 0x104A,
    "CKM_EC_EDWARDS_KEY_PAIR_GEN": 0x1055, "CKM_EC_MONTGOMERY_KEY_PAIR_GEN": 0x1056, "CKM_EDDSA": 0x1057,
    "CKM_XEDDSA": 0x4029, "CKM_AES_GCM": 0x1087, "CKM_AES_CMAC": 0x108A, "CKM_AES_GMAC": 0x108E,
    "CKM_AES_XTS": 0x1071, "CKM_AES_XTS_KEY_GEN": 0x1072, "CKM_AES_OFB": 0x2104, "CKM_AES_CFB1": 0x2108,
    "CKM_AES_KEY_WRAP": 0x2109, "CKM_AES_KEY_WRAP_KWP": 0x210B, "CKM_AES_KEY_WRAP_PKCS7": 0x210C,
    "CKM_SHA3_256": 0x2B0, "CKM_SHA3_224": 0x2B5, "CKM_SHA3_384": 0x2C0, "CKM_SHA3_512": 0x2D0,
    "CKM_SHAKE_256_KEY_DERIVATION": 0x39C, "CKM_BLAKE2B_160": 0x400C, "CKM_BLAKE2B_512_KEY_GEN": 0x401F,
    "CKM_CHACHA20_KEY_GEN": 0x1225, "CKM_CHACHA20": 0x1226, "CKM_POLY1305": 0x1228, "CKM_SALSA20": 0x4020,
    "CKM_CHACHA20_POLY1305": 0x4021, "CKM_HKDF_DERIVE": 0x402A, "CKM_HKDF_KEY_GEN": 0x402C,
    "CKM_SALSA20_KEY_GEN": 0x402D, "CKM_SP800_108_COUNTER_KDF": 0x3AC, "CKM_SP800_108_DOUBLE_PIPELINE_KDF": 0x3AE,
    "CKM_IKE2_PRF_PLUS_DERIVE": 0x402E, "CKM_IKE1_EXTENDED_DERIVE": 0x4031, "CKM_HSS": 0x4033, "CKM_XMSSMT": 0x4037,
    "CKM_TLS12_KDF": 0x3D9, "CKM_TLS_KDF": 0x3E5, "CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE": 0x56,
    "CKM_PUB_KEY_FROM_PRIV_KEY": 0x403A, "CKM_EC_KEY_PAIR_GEN_W_EXTRA_BITS": 0x140B,
    "CKM_ML_KEM_KEY_PAIR_GEN": 0xF, "CKM_ML_KEM": 0x17, "CKM_ML_DSA_KEY_PAIR_GEN": 0x1C, "CKM_ML_DSA": 0x1D,
    "CKM_HASH_ML_DSA": 0x1F, "CKM_HASH_ML_DSA_SHA224": 0x23, "CKM_HASH_ML_DSA_SHAKE256": 0x2C,
    "CKM_SLH_DSA_KEY_PAIR_GEN": 0x2D, "CKM_SLH_DSA": 0x2E, "CKM_HASH_SLH_DSA": 0x34, "CKM_HASH_SLH_DSA_SHA224": 0x36,
    "CKM_HASH_SLH_DSA_SHAKE256": 0x3F, "CKM_ML_DSA_EXTERNAL_MU": 0x403C,
    "CKK_EC_EDWARDS": 0x40, "CKK_EC_MONTGOMERY": 0x41, "CKK_HKDF": 0x42, "CKK_SHA512_T_HMAC": 0x45, "CKK_HSS": 0x46,
    "CKK_ML_KEM": 0x49, "CKK_ML_DSA": 0x4A, "CKK_SLH_DSA": 0x4B,
    "CKO_PROFILE": 0x9, "CKO_VALIDATION": 0xA, "CKO_TRUST": 0xB,
    "CKA_UNIQUE_ID": 0x4, "CKA_NAME_HASH_ALGORITHM": 0x8C, "CKA_WRAP_TEMPLATE": 0x40000211,
    "CKA_OTP_COUNTER": 0x22E, "CKA_OTP_TIME": 0x22F, "CKA_ALLOWED_MECHANISMS": 0x40000600, "CKA_X2RATCHET_RK": 0x612,
    "CKA_PARAMETER_SET": 0x61D, "CKA_ENCAPSULATE_TEMPLATE": 0x4000062A, "CKA_DECAPSULATE_TEMPLATE": 0x4000062B,
    "CKA_ENCAPSULATE": 0x633, "CKA_DECAPSULATE": 0x634, "CKA_PUBLIC_CRC64_VALUE": 0x636, "CKA_SEED": 0x637,
    "CKF_ENCAPSULATE": 0x10000000, "CKF_DECAPSULATE": 0x20000000, "CKF_EC_CURVENAME": 0x04000000,
    "CKF_MESSAGE_ENCRYPT": 0x2, "CKF_MULTI_MESSAGE": 0x20, "CKF_FIND_OBJECTS": 0x40, "CKF_END_OF_MESSAGE": 0x1,
    "CKR_ACTION_PROHIBITED": 0x1B, "CKR_AEAD_DECRYPT_FAILED": 0x42, "CKR_CURVE_NOT_SUPPORTED": 0x140,
    "CKR_EXCEEDED_MAX_ITERATIONS": 0x1B5, "CKR_TOKEN_RESOURCE_EXCEEDED": 0x201, "CKR_OPERATION_CANCEL_FAILED": 0x202,
    "CKR_KEY_EXHAUSTED": 0x203, "CKR_PARAMETER_SET_NOT_SUPPORTED": 0x209,
    "CKD_BLAKE2B_512_KDF": 0x1A, "CKG_MGF1_SHA3_512": 0x9, "CKP_PKCS5_PBKD2_HMAC_SHA512_256": 0x8,
    "CKP_ML_DSA_87": 0x3, "CKP_ML_KEM_1024": 0x3, "CKP_SLH_DSA_SHAKE_256F": 0xC, "CKH_DETERMINISTIC_REQUIRED": 0x2,
    "CK_UNAVAILABLE_INFORMATION": 2**64 - 1, "CK_EFFECTIVELY_INFINITE": 0, "CK_INVALID_HANDLE": 0,
    "CK_TRUE": 1, "CK_FALSE": 0, "CKA_VENDOR_DEFINED": 0x80000000, "CKF_EXTENSION": 0x80000000,
}


# ---- Reading a header -----------------------------------------------------------------------------

def compiler() -> list[str]:
    if os.environ.get("CC"):
        return shlex.split(os.environ["CC"])
    return ["cc" if shutil.which("cc") else "clang"]


def run(command: list[str], stdin: str = "") -> str:
    result = subprocess.run(command, input=stdin, capture_output=True, text=True)
    assert result.returncode == 0, f"{shlex.join(command)}\n{result.stderr}"
    return result.stdout


@dataclass
class Struct:
    size: int = 0
    fields: dict[str, tuple[int, int]] = field(default_factory=dict)  # name: offset, size; in their order


@dataclass
class Header:
    constants: dict[str, int]
    structs: dict[str, Struct]
    types: dict[str, int]              # size of each type that is no structure
    functions: dict[str, list[str]]    # result and parameters, without typedefs


CONSTANT = re.compile(r"#define (CK[A-Z]?_\w+) ")
STRUCT = re.compile(r"\bstruct (\w+)\s*\{([^{}]*)\}")
TYPEDEF = re.compile(r"\btypedef\s+([\w\s]+?)\s*(\**)\s*(\w+)\s*;")
FUNCTION = re.compile(r"(?<![\w*(])(\w+)\s+(C_\w+)\s*\(([^()]*)\)\s*;")
CALLBACK = re.compile(r"\btypedef\s+\w+\s*\(\s*\*\s*(CK_\w+)\s*\)")


def plain_type(text: str, typedefs: dict[str, tuple[str, str]]) -> str:
    """The C type behind a declaration such as `CK_BYTE_PTR` or `struct ck_info *`."""
    stars = "*" * text.count("*")
    words = [w for w in text.replace("*", " ").split() if w not in ("const", "extern", "int")]
    if words[0] == "struct":
        return words[1].lstrip("_").upper() + stars
    base = " ".join(words)
    if base in typedefs:
        inner, more = typedefs[base]
        return plain_type(inner, typedefs) + more + stars
    return base.removesuffix("_t").upper() + stars if base.lower().startswith("ck_") else base + stars


@cache
def read(includes: str, flags: tuple[str, ...], tmp: Path, only: frozenset[str] | None = None) -> Header:
    """What a header declares, or, of that, constants and types with the names in `only`.

    All macros of ours are numbers; a reference has others, so it is asked only for what ours has.
    """
    def wanted(name: str) -> bool:
        return name.startswith("CK") and (only is None or name in only)

    source = "#include <stddef.h>\n#include <stdio.h>\n" + includes
    options = ["-std=c11", *flags, "-x", "c"]
    macros = run(compiler() + options + ["-dM", "-E", "-"], includes)
    text = run(compiler() + options + ["-E", "-P", "-"], includes)

    typedefs = {name: (base, stars) for base, stars, name in TYPEDEF.findall(text)}
    # `typedef struct X {...} X;` has braces, so TYPEDEF has not seen it.
    typedefs |= {name: (f"struct {tag}", "") for tag, name in re.findall(r"struct (\w+)\s*\{[^{}]*\}\s*(\w+)\s*;", text)}
    bodies = dict(STRUCT.findall(text))

    lines = []
    for name in sorted(filter(wanted, set(CONSTANT.findall(macros)))):
        lines.append(f'    printf("C {name} %lu\\n", (unsigned long)({name}));')
    for name, (base, stars) in sorted(typedefs.items()):
        if not wanted(name):
            continue
        tag = base.removeprefix("struct ") if base.startswith("struct ") and not stars else None
        if tag is None:
            lines.append(f'    printf("T {name} %zu\\n", sizeof({name}));')
        elif tag in bodies:
            lines.append(f'    printf("S {name} %zu\\n", sizeof({name}));')
            for member in re.findall(r"(\w+)\s*(?:\[\w+\])?\s*;", bodies[tag]):
                lines.append(f'    printf("F {name} {member} %zu %zu\\n", offsetof({name}, {member}), '
                             f"sizeof((({name} *)0)->{member}));")
    for name in sorted(filter(wanted, set(CALLBACK.findall(text)))):
        lines.append(f'    printf("T {name} %zu\\n", sizeof({name}));')

    probe = tmp / f"probe{len(list(tmp.iterdir()))}"
    program = source + "int main(void)\n{\n" + "\n".join(lines) + "\n    return 0;\n}\n"
    run(compiler() + options + ["-", "-o", str(probe)], program)

    header = Header({}, {}, {}, {})
    for line in run([str(probe)]).splitlines():
        match line.split():
            case ["C", name, value]:
                header.constants[name] = int(value)
            case ["T", name, size]:
                header.types[name] = int(size)
            case ["S", name, size]:
                header.structs[name] = Struct(int(size))
            case ["F", name, member, offset, size]:
                header.structs[name].fields[member] = (int(offset), int(size))
    for result, name, parameters in FUNCTION.findall(text):
        types = [re.sub(r"\w+\s*$", "", p.strip()) for p in parameters.split(",")]
        header.functions[name] = [plain_type(t, typedefs) for t in [result, *types]]
    return header


@pytest.fixture(scope="session")
def tmp(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("header")


@pytest.fixture(scope="session")
def ours(tmp) -> Header:
    return read("#include <pkcs11.h>\n", (f"-I{INCLUDE}",), tmp)


@dataclass
class Reference:
    name: str
    package: str
    includes: str
    flags: tuple[str, ...]
    required: bool
    # The comparison is worth something only if it is of at least so many.
    constants: int
    structs: int
    functions: int


REFERENCES = [
    Reference("p11-kit", "p11-kit-1", "#include <p11-kit/pkcs11.h>\n", (), True, 690, 22, 68),
    Reference("NSS", "nss", "#include <pkcs11.h>\n", ("-DNSS_PKCS11_3_0_STRICT",), False, 880, 85, 92),
]


def pkg_config(package: str) -> list[str] | None:
    result = subprocess.run(["pkg-config", "--cflags", package], capture_output=True, text=True)
    return shlex.split(result.stdout) if result.returncode == 0 else None


@pytest.fixture(scope="session", params=REFERENCES, ids=lambda r: r.name)
def reference(request, tmp, ours) -> tuple[Reference, Header]:
    which = request.param
    flags = pkg_config(which.package)
    if flags is None:
        if which.required:
            pytest.fail(f"pkg-config does not know {which.package}")
        pytest.skip(f"{which.name} is not installed")
    names = frozenset(ours.constants.keys() | ours.structs.keys() | ours.types.keys())
    return which, read(which.includes, (*flags, *which.flags), tmp, names)


def show(capsys, text: str) -> None:
    with capsys.disabled():
        print(f"\n    {text} ", end="")


# ---- Our header against a reference ---------------------------------------------------------------

def test_constants(ours, reference, capsys):
    which, theirs = reference
    other = OTHER_CONSTANTS[which.name]
    common = ours.constants.keys() & theirs.constants.keys()
    wrong = {n: (hex(ours.constants[n]), hex(theirs.constants[n])) for n in common
             if theirs.constants[n] not in (ours.constants[n], other.get(n))}
    show(capsys, f"{which.name}: {len(common)} constants compared")
    assert not wrong
    assert len(common) >= which.constants


def test_structures(ours, reference, capsys):
    which, theirs = reference
    common = (ours.structs.keys() & theirs.structs.keys()) - OTHER_TYPES[which.name]
    wrong = {n: (ours.structs[n], theirs.structs[n]) for n in common if ours.structs[n] != theirs.structs[n]}
    fields = sum(len(ours.structs[n].fields) for n in common)
    show(capsys, f"{which.name}: {len(common)} structures with {fields} fields compared")
    assert not wrong
    assert len(common) >= which.structs
    assert "CK_FUNCTION_LIST" in common


def test_types(ours, reference, capsys):
    which, theirs = reference
    common = (ours.types.keys() & theirs.types.keys()) - OTHER_TYPES[which.name]
    show(capsys, f"{which.name}: {len(common)} simple types compared")
    assert {n: ours.types[n] for n in common} == {n: theirs.types[n] for n in common}
    assert {"CK_ULONG", "CK_BBOOL", "CK_RV", "CK_NOTIFY"} <= common


def test_function_lists(ours, reference):
    """The entries have the same names in the same order; that they are as large, test_structures tells."""
    _, theirs = reference
    for name in ("CK_FUNCTION_LIST", "CK_FUNCTION_LIST_3_0", "CK_FUNCTION_LIST_3_2"):
        if name in theirs.structs:
            assert list(ours.structs[name].fields) == list(theirs.structs[name].fields)


def test_prototypes(ours, reference, capsys):
    which, theirs = reference
    common = ours.functions.keys() & theirs.functions.keys()
    wrong = {n: (ours.functions[n], theirs.functions[n]) for n in common if ours.functions[n] != theirs.functions[n]}
    show(capsys, f"{which.name}: {len(common)} prototypes compared")
    assert not wrong
    assert len(common) >= which.functions


# ---- Our header by itself -------------------------------------------------------------------------

@pytest.mark.parametrize("language, standard", [("c", "c99"), ("c", "c11"), ("c++", "c++17")])
def test_compiles_without_warnings(language, standard):
    # Once as an ordinary header, because a compiler is silent about a system header.
    run(compiler() + ["-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                      f"-I{INCLUDE}", "-fsyntax-only", "-"], "#include <pkcs11.h>\nint nothing;\n")


def test_spot_checks(ours):
    assert {n: ours.constants.get(n) for n in SPOT_CHECKS} == SPOT_CHECKS


@pytest.mark.parametrize("prefix, at_least", [("CKM_", 400), ("CKA_", 150), ("CKR_", 90), ("CKK_", 69),
                                              ("CKO_", 12), ("CKD_", 26), ("CKG_MGF1_", 9)])
def test_no_value_twice(ours, prefix, at_least):
    by_value: dict[int, set[str]] = {}
    for name, value in ours.constants.items():
        if name.startswith(prefix):
            by_value.setdefault(value, set()).add(name)
    assert sum(map(len, by_value.values())) >= at_least
    assert [names for names in by_value.values() if len(names) > 1 and names not in ALIASES] == []


def test_aliases_are_aliases(ours):
    for names in ALIASES:
        assert len({ours.constants[n] for n in names}) == 1, names


def test_every_function_is_in_the_lists(ours):
    """The three lists begin alike, and the longest has an entry for each prototype."""
    lists = [list(ours.structs[n].fields) for n in ("CK_FUNCTION_LIST", "CK_FUNCTION_LIST_3_0", "CK_FUNCTION_LIST_3_2")]
    assert [len(names) for names in lists] == [1 + 68, 1 + 92, 1 + 102]
    assert lists[1][:69] == lists[0] and lists[2][:93] == lists[1]
    assert lists[0][0] == "version"
    assert set(lists[2][1:]) == ours.functions.keys()


def test_prototypes_fit_the_entries(ours):
    """Each function can be stored in its entry of the list without a conversion."""
    checks = "".join(
        f"_Static_assert(_Generic(&{n}, CK_{n}: 1, default: 0), \"{n}\");\n"
        f"_Static_assert(_Generic(((CK_FUNCTION_LIST_3_2 *)0)->{n}, CK_{n}: 1, default: 0), \"entry {n}\");\n"
        for n in ours.functions)
    assert checks.count("_Static_assert") == 2 * 102
    run(compiler() + ["-x", "c", "-std=c11", f"-I{INCLUDE}", "-fsyntax-only", "-"],
        "#include <pkcs11.h>\n" + checks + "int nothing;\n")
