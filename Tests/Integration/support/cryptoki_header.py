"""Include/pkcs11.h as Python and ctypes know it: constants, structures, functions and function lists."""

import ctypes
import re
from pathlib import Path

HEADER = Path(__file__).resolve().parents[3] / "Include" / "pkcs11.h"
BASIC = {
    "unsigned char": ctypes.c_ubyte,
    "unsigned long": ctypes.c_ulong,
    "long": ctypes.c_long,
}


class Header:
    """What pkcs11.h declares, as Python and ctypes know it."""

    def __init__(self, text: str):
        self._text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
        self.constants = self._read_constants()
        self.types: dict[str, type] = {}
        self.parameters = self._read_parameters()
        self._read_types()
        self.lists = {name: self._members(body) for name, body in self._function_lists().items()}

    def _read_constants(self) -> dict[str, int]:
        constants: dict[str, int] = {}
        for name, value in re.findall(r"^#define (CK\w+) +(\S.*?)$", self._text, re.MULTILINE):
            value = re.sub(r"\(CK_BBOOL\)", "", value)
            value = re.sub(r"\b(0[xX][0-9a-fA-F]+|\d+)UL\b", r"\1", value)
            words = {word: constants[word] for word in re.findall(r"\bCK\w+", value)}
            # "Not told" is the complement of zero in a CK_ULONG.
            constants[name] = eval(value, {"__builtins__": {}}, words) % (1 << 8 * ctypes.sizeof(ctypes.c_ulong))
        return constants

    def _read_types(self):
        declaration = re.compile(
            r"typedef struct (?P<struct>\w+) \{(?P<body>.*?)\} (?P=struct);"
            r"|typedef (?P<base>[\w ]+?) (?P<star>\*?)(?P<alias>\w+);"
            r"|typedef CK_RV \(\*(?P<function>\w+)\)",
            re.DOTALL,
        )
        for found in declaration.finditer(self._text):
            if found["struct"]:
                fields = [(name, self._type(kind)) for kind, name in self._members(found["body"])]
                self.types[found["struct"]] = type(found["struct"], (ctypes.Structure,), {"_fields_": fields})
            elif found["function"] or found["star"]:
                self.types[found["function"] or found["alias"]] = ctypes.c_void_p
            elif not found["base"].startswith("struct"):
                self.types[found["alias"]] = self._type(found["base"])

    def _type(self, name: str) -> type:
        if count := re.fullmatch(r"(\w+)\[(\d+)\]", name):
            return self._type(count[1]) * int(count[2])
        if name.endswith("*"):
            return ctypes.c_void_p
        return BASIC.get(name) or self.types[name]

    @staticmethod
    def _members(body: str) -> list[tuple[str, str]]:
        """Pairs of type and name; the length of an array belongs to its type."""
        members = re.findall(r"(\w[\w ]*?\*?) *(\w+)(\[\d+\])?;", body)
        return [(kind + length, name) for kind, name, length in members]

    def _read_parameters(self) -> dict[str, list[tuple[str, str]]]:
        """For every function its parameters as pairs of type and name."""
        functions = re.findall(r"^CK_RV (C_\w+)\((.*?)\);", self._text, re.MULTILINE | re.DOTALL)
        return {name: [tuple(one.split()) for one in parameters.split(",")] for name, parameters in functions}

    def _function_lists(self) -> dict[str, str]:
        return dict(re.findall(r"^struct (CK_FUNCTION_LIST\w*) \{(.*?)\};", self._text, re.MULTILINE | re.DOTALL))

    def function_list(self, name: str) -> type:
        fields = [(member, self._type(kind)) for kind, member in self.lists[name]]
        return type(name, (ctypes.Structure,), {"_fields_": fields})

    def names(self, prefix: str) -> dict[int, str]:
        """The names of the numbers with a prefix. Where the standard keeps two, the first."""
        named: dict[int, str] = {}
        for name, number in self.constants.items():
            if name.startswith(prefix):
                named.setdefault(number, name)
        return named
