"""Nobody reads what an agent says, or there is no room for it: it renews all the same."""

import fcntl
import os
import re
import subprocess

import pytest
from agent_kms import ZONE, keyval
from processes import run, wait_until
from tls_material import make_key

HOST = "unread.example"


@pytest.fixture(scope="module", autouse=True)
def host(agent_kms, ca):
    agent_kms.bring(HOST, ca, make_key())


@pytest.fixture(params=["full", "closed"])
def deaf_output(request):
    """A file descriptor that takes nothing."""
    if request.param == "full":
        with open("/dev/full", "wb") as full:
            yield full
    else:
        read_end, write_end = os.pipe()
        os.close(read_end)
        with open(write_end, "wb") as pipe:
            yield pipe


def watch(agent, more: tuple, output, error):
    agent.process = subprocess.Popen(
        [str(agent.binary), "agent", *keyval(HOST, "--watch", *more)], env=agent.environment,
        stdin=subprocess.DEVNULL, stdout=output, stderr=error,
    )  # fmt: skip


def load_again(agent, api, times: int):
    """The zone loses what was loaded, and gets it again, so often."""
    wait_until(lambda: HOST in api.zones[ZONE], "loading")
    for _ in range(times):
        del api.zones[ZONE][HOST]
        agent.look_now()
        wait_until(lambda: HOST in api.zones[ZONE], "loading")


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_watch_goes_on(agent, api, deaf_output, more):
    """Also when standard error is the same."""
    for error in (subprocess.DEVNULL, deaf_output):
        watch(agent, more, deaf_output, error)
        load_again(agent, api, 2)
        del api.zones[ZONE][HOST]
        assert agent.stop() == 0


def test_a_log_that_ends(agent, api):
    """As with `| head -1`."""
    with open(agent.directory / "stderr", "wb") as error:
        watch(agent, (), subprocess.PIPE, error)
    assert b"loaded into" in agent.process.stdout.readline()
    agent.process.stdout.close()
    load_again(agent, api, 2)
    assert agent.stop() == 0
    assert (agent.directory / "stderr").read_text().count("the agent goes on all the same") == 1


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_reader_that_stops_reading(agent, api, more):
    """Standard output and standard error are one pipe that is full: the work goes on, and what was dropped is counted."""
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096)
    with open(read_end, "rb") as reader:
        with open(write_end, "wb", buffering=0) as pipe:
            pipe.write(b"x" * 4095 + b"\n")
            watch(agent, more, pipe, pipe)
        load_again(agent, api, 3)
        reader.readline()
        del api.zones[ZONE][HOST]
        agent.look_now()
        line = reader.readline().decode()
        assert '"event":"dropped"' in line if more else "not written, because nobody read it" in line
        assert re.search(r"\d+ lines? of this log", line), line
        assert "loaded" in reader.readline().decode()
        # Full again: SIGTERM ends it all the same.
        assert agent.stop() == 0


def test_once_says_that_it_could_not_say(agent, api, deaf_output):
    """The work is done; 74 tells it from a failure of the work, whose own code comes first."""
    for arguments, code in ((keyval(HOST), 74), (keyval("missing.example", "--json"), 66)):
        process = subprocess.run(
            [str(agent.binary), "agent", *arguments], env=agent.environment, stdin=subprocess.DEVNULL,
            stdout=deaf_output, stderr=subprocess.PIPE, timeout=60,
        )  # fmt: skip
        assert process.returncode == code and b"cannot write the output" in process.stderr
    assert HOST in api.zones[ZONE]
    help_text = run(agent.binary, "agent", "keyval", "--help").stdout.decode()
    assert "74  standard output cannot be written" in help_text
