"""A file system of a few megabytes that a test can fill up and write-protect, and one whose calls fail."""

import errno
import os
import shlex
from pathlib import Path

import pytest
from processes import run

FAULTY_DISK = Path(__file__).resolve().with_name("faulty_disk.c")


class SmallDisk:
    """A tmpfs, mounted while it is entered."""

    def __init__(self, directory: Path, megabytes: int):
        self.directory = directory
        self.megabytes = megabytes
        self._filler = directory / "filler"

    def __enter__(self):
        assert os.geteuid() == 0, "This test mounts a small file system, so run the integration tests as root."
        self.directory.mkdir()
        run("mount", "-t", "tmpfs", "-o", f"size={self.megabytes}m,mode=700", "tmpfs", self.directory)
        return self

    def __exit__(self, *_):
        run("umount", "--lazy", self.directory)

    def fill(self):
        """To the last byte."""
        with open(self._filler, "ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError as error:
                    assert error.errno == errno.ENOSPC

    def free(self):
        self._filler.unlink()

    def make_read_only(self, is_read_only: bool):
        run("mount", "-o", f"remount,{'ro' if is_read_only else 'rw'}", self.directory)


class FaultyDisk:
    """A library that, loaded into a program, makes system calls on the files of one directory fail on demand."""

    def __init__(self, directory: Path, data: Path, keeps_flushed: bool = False):
        """`keeps_flushed`: `cut_power` can be called later."""
        self.data = data
        self.library = directory / "faulty_disk.so"
        self.control = directory / "faults"
        self.control.mkdir()
        compiler = shlex.split(os.environ.get("CC", "cc"))
        flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-fPIC", "-shared"]
        run(*compiler, *flags, "-o", self.library, FAULTY_DISK, "-ldl")
        self.environment = {
            "LD_PRELOAD": str(self.library),
            "FAULTY_DISK_DATA": str(data),
            "FAULTY_DISK_CONTROL": str(self.control),
        }
        self.flushed = directory / "flushed"
        if keeps_flushed:
            self.flushed.mkdir()
            self.environment["FAULTY_DISK_FLUSHED"] = str(self.flushed)

    def fail(self, call: str, number: int):
        """From now on `call` answers with that errno. The file appears with its content."""
        new = self.control / "new"
        new.write_text(str(number))
        new.rename(self.control / call)

    def repair(self):
        for file in self.control.iterdir():
            file.unlink()

    def cut_power(self):
        """After the program was killed: of each file only what had been flushed is left."""
        (self.data / "kmsd.sqlite-shm").unlink(missing_ok=True)
        for copy in self.flushed.iterdir():
            copy.rename(self.data / copy.name)


@pytest.fixture
def small_disk(tmp_path):
    with SmallDisk(tmp_path / "disk", 24) as disk:
        yield disk
