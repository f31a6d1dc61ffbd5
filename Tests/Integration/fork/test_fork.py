"""Hosts that fork, with the module initialised, logged in and in use."""

import os
import re
import time

import pytest
from host_program import host, program_directory  # noqa: F401, fixtures

EVERY_MODE = "reinitialise,finalise,continue,late,threaded,finalise-only,exit,_exit,exec"
LOCKING = pytest.mark.parametrize("locking", [[], ["--locking"]], ids=["null", "os-locking"])


@LOCKING
@pytest.mark.parametrize("mode", EVERY_MODE.split(","))
def test_a_child(host, mode, locking):
    lines = host("fork", "--modes", mode, "--children", 5, "--rounds", 2, *locking)
    # A TLS connection that the parent keeps is what the children must leave alone.
    kept = [re.search(r"parent keeps its connections: (\d+)", line) for line in lines]
    assert [int(found[1]) > 0 for found in kept if found] == [True]


@LOCKING
def test_200_children_of_a_threaded_parent(host, locking):
    options = ["--threads", 4, "--children", 20, "--rounds", 10, "--modes", EVERY_MODE, *locking]
    lines = host("fork", *options, timeout=600)
    assert any("200 children in 10 rounds" in line for line in lines)


@pytest.mark.parametrize("threads", [0, 4])
def test_grandchildren(host, threads):
    modes = "reinitialise,finalise,continue"
    host("fork", "--nested", "--children", 6, "--rounds", 2, "--threads", threads, "--modes", modes)


def test_threads_in_children_of_a_parent_that_only_loaded_the_module(host):
    host("fork", "--cold", "--modes", "threaded", "--children", 10, "--rounds", 6)


@pytest.mark.parametrize("threads", [0, 4])
def test_exit_without_finalize(host, threads):
    host("fork", "--end", "exit", "--threads", threads, "--children", 3)


def test_threads_that_wait_for_the_network_do_not_delay_a_fork(host, kms):
    options = ["--threads", 4, "--stall", 4, "--children", 1, "--modes", "_exit"]
    with host.popen("fork", *options) as process:
        try:
            while "ready" not in (line := process.stdout.readline().decode()):
                assert line, "the program ended"
            kms.suspend()
            time.sleep(3)
        finally:
            kms.resume()
        output = process.communicate(timeout=120)[0].decode()
    assert process.returncode == 0, output
    forks, longest = re.search(r"(\d+) forks, the longest took (\d+) ms", output).groups()
    # A fork that waited for the network would take as long as the KMS was suspended, 3 s.
    assert int(forks) > 10 and int(longest) < 2500, output


def test_a_child_outlives_its_parent(host):
    host("fork", "--end", "orphan")


@pytest.mark.soak
@pytest.mark.timeout(0)
@LOCKING
def test_soak(host, locking):
    """FORK_ROUNDS rounds of 20 children beside 8 threads."""
    rounds = int(os.environ.get("FORK_ROUNDS", "500"))
    options = ["--threads", 8, "--children", 20, "--rounds", rounds, "--nested", "--modes", EVERY_MODE, *locking]
    host("fork", *options, timeout=60 + 120 * rounds)
