"""The C host programs: compiled against Include/pkcs11.h, run with the module, its PIN and the keys of the KMS."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from kms import P256_KEY, RSA_KEY
from processes import output_of, run

INTEGRATION = Path(__file__).resolve().parents[1]
INCLUDE = INTEGRATION.parents[1] / "Include"
SUPPORT = INTEGRATION / "support"

# What each program is made of, beside the C files of this directory.
PROGRAMS = {
    "fork": "fork/*.c",
    "threads": "threads/*.c",
    "badinput": "badinput/*.c",
    "dlclose": "linkage/dlclose.c",
    "guest": "linkage/guest.c",
}
FLAGS = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-g"]


def compile_program(name: str, directory: Path) -> Path:
    """Compiles one program into `directory`, with the compiler that CC names."""
    program = directory / name
    sources = sorted([*SUPPORT.glob("*.c"), *INTEGRATION.glob(PROGRAMS[name])])
    compiler = shlex.split(os.environ.get("CC", "cc"))
    run(*compiler, *FLAGS, f"-I{INCLUDE}", f"-I{SUPPORT}", "-o", program, *sources, "-lcrypto", "-lpthread", "-ldl")
    return program


class HostPrograms:
    """Calls `host("fork", "--nested")`; the result are the lines that the program printed."""

    def __init__(self, directory: Path, module: Path, pin: str, keys: dict[str, Path], env: dict[str, str]):
        self.directory = directory
        self.arguments = [module, pin]
        for label, public_key in keys.items():
            self.arguments += [label, public_key]
        self.env = env
        # A hanging child is shown with its stacks.
        if gdb := shutil.which("gdb"):
            self.env = env | {"HOST_GDB": gdb}

    def command(self, program: str, *options) -> list[str]:
        path = self.directory / program
        if not path.exists():
            compile_program(program, self.directory)
        return [str(word) for word in (path, *self.arguments, *options)]

    def popen(self, program: str, *options) -> subprocess.Popen[bytes]:
        """Starts the program; its standard output and standard error are one stream."""
        command = self.command(program, *options)
        return subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def __call__(self, program: str, *options, timeout: float = 300) -> list[str]:
        result = run(*self.command(program, *options), env=self.env, check=False, timeout=timeout)
        lines = output_of(result).splitlines()
        # The failures first: there may be hundreds of checks.
        shown = [line for line in lines if not line.startswith("ok ")]
        words = " ".join([program, *map(str, options)])
        assert result.returncode == 0, "\n".join([f"{words}: exit code {result.returncode}", *shown])
        return lines


@pytest.fixture(scope="session")
def program_directory(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("host-programs")


@pytest.fixture
def host(program_directory, binaries, kms, module_env) -> HostPrograms:
    keys = {name: kms.public_key_file(name) for name in (RSA_KEY, P256_KEY)}
    return HostPrograms(program_directory, binaries.module, kms.api_key, keys, module_env)
