"""Hosts that unload the module, or leave it unused."""

import pytest
from host_program import host, program_directory  # noqa: F401, fixtures


@pytest.mark.parametrize("options", [[], ["--no-finalize"]], ids=["finalized", "not finalized"])
@pytest.mark.parametrize("rounds", [2, 10])
def test_dlopen_and_dlclose_again(host, rounds, options):
    lines = host("dlclose", "--rounds", rounds, *options)
    assert sum(line.endswith("dlclose") for line in lines) == rounds


def test_the_host_is_as_it_was(host):
    """No thread, no signal handler, no error left behind, no descriptor for programs that the host starts."""
    host("guest")
