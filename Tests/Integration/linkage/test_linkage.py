"""What the module needs and what it shows, as the linker has it."""

import re
from pathlib import Path

import pytest
from processes import run

INCLUDE = Path(__file__).resolve().parents[3] / "Include"
OWN_TARGETS = "Cryptoki KMSBackend KMSTransport KMSSupport KMSModel OpenSSLCrypto PKCS11Module".split()


def lines_of(*command) -> list[str]:
    return run(*command).stdout.decode().splitlines()


@pytest.fixture
def module(binaries) -> Path:
    return binaries.module


def standard_functions() -> set[str]:
    """The functions of 2.40 and 3.0: the entries of CK_FUNCTION_LIST_3_0."""
    header = (INCLUDE / "pkcs11.h").read_text()
    body = re.search(r"struct CK_FUNCTION_LIST_3_0 \{(.*?)\};", header, re.DOTALL)[1]
    return set(re.findall(r"\bCK_(C_\w+) \1;", body))


def test_needs_no_swift_runtime(module, capsys):
    needed = [line.split()[0] for line in lines_of("ldd", module)]
    with capsys.disabled():
        print(f"\n    {module.stat().st_size / 1e6:.1f} MB; needs {' '.join(sorted(needed))} ", end="")
    assert len(needed) > 3
    unwanted = re.compile(r"swift|Foundation|dispatch|BlocksRuntime|not found", re.IGNORECASE)
    assert [line for line in lines_of("ldd", module) if unwanted.search(line)] == []


def test_exports_the_standard_and_nothing_else(module):
    symbols = [line.split() for line in lines_of("nm", "-D", "--defined-only", module)]
    functions = standard_functions()
    assert len(functions) == 92
    assert {symbol[-1] for symbol in symbols} == functions
    assert {symbol[-2] for symbol in symbols} == {"T"}


def test_finds_no_library_beside_itself(module):
    dynamic = "\n".join(lines_of("readelf", "-d", module))
    assert not re.search(r"\((RPATH|RUNPATH)\)", dynamic)


def test_stays_in_memory(module):
    """The Swift runtime cannot be unloaded."""
    assert any("NODELETE" in line for line in lines_of("readelf", "-d", module))


def test_has_no_executable_stack_and_no_text_relocation(module):
    stack = [line for line in lines_of("readelf", "-lW", module) if "GNU_STACK" in line]
    assert stack and "RWE" not in stack[0]
    assert not any("TEXTREL" in line for line in lines_of("readelf", "-d", module))


def test_has_no_lazy_global(module):
    """A global that is initialised at its first use can hang in a forked child: swift_once."""
    if "debug" in module.parts:
        pytest.skip("only an optimised build has constant globals")
    symbols = lines_of("nm", module)
    own = [line for line in symbols if any(f"{len(name)}{name}" in line for name in OWN_TARGETS)]
    assert len(own) > 100, "the module has been stripped"
    assert [line for line in own if "_WZ" in line] == []
