"""Null pointers, absurd lengths, unknown handles and wrong states, for every C_ function."""

import pytest
from host_program import host, program_directory  # noqa: F401, fixtures

GROUPS = """
    initialise-arguments lifecycle interfaces not-initialised not-logged-in login unknown-handles null-pointers
    missing-init slots sessions attributes find find-templates sign-init pss-parameters sign sign-lengths
    sign-multipart absurd-data ciphers messages templates keys-made lengths-of-checks
""".split()


@pytest.mark.parametrize("group", GROUPS)
def test_group(host, group):
    lines = host("badinput", "--only", group)
    assert sum(line.startswith("ok ") for line in lines) > 5


def test_no_group_is_left_out(host):
    host.arguments = ["--list"]
    assert host("badinput") == GROUPS
