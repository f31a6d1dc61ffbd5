"""One child process per test: a crash, a hang or a leftover state of the module is that test's alone."""

import contextlib
import faulthandler
import os
import pickle
import signal
import sys
import traceback

import pytest

# How long one test may take in its child, in seconds.
PATIENCE = 120.0
SKIPPED, FAILED, PASSED = "skipped", "failed", "passed"


class Deferred:
    """What a fixture hands out for something that must come to life in the child: a context manager, made there."""

    def __init__(self, make):
        self.make = make


def run(item, arguments: dict, environment: dict[str, str]):
    """Runs the test function of `item` in a child and repeats its outcome here."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _live(item, arguments, environment, writing)
    os.close(writing)
    try:
        with open(reading, "rb") as answers:
            answer = answers.read()
        _, status = os.waitpid(child, 0)
        child = 0
    finally:
        if child:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        pytest.fail(f"The module ended the process with {signal.Signals(os.WTERMSIG(status)).name}.", pytrace=False)
    if not answer:
        pytest.fail(f"The process ended by itself (exit code {os.waitstatus_to_exitcode(status)}).", pytrace=False)
    outcome, text = pickle.loads(answer)
    if outcome == SKIPPED:
        pytest.skip(text)
    if outcome == FAILED:
        pytest.fail(text, pytrace=False)


def _live(item, arguments: dict, environment: dict[str, str], writing: int):
    outcome = FAILED, "The test did not come to an end."
    try:
        faulthandler.enable(file=sys.__stderr__)
        faulthandler.dump_traceback_later(PATIENCE, exit=True, file=sys.__stderr__)
        os.environ.clear()
        os.environ.update(environment)
        outcome = _outcome(item, arguments)
    except BaseException:
        outcome = FAILED, traceback.format_exc()
    finally:
        with contextlib.suppress(Exception):
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
        with open(writing, "wb") as answers:
            answers.write(pickle.dumps(outcome))
        os._exit(0)


def _outcome(item, arguments: dict) -> tuple[str, str]:
    try:
        with contextlib.ExitStack() as stack:
            ready = {
                name: stack.enter_context(value.make()) if isinstance(value, Deferred) else value
                for name, value in arguments.items()
            }
            item.obj(**ready)
    except pytest.skip.Exception as skipped:
        return SKIPPED, str(skipped)
    except (Exception, pytest.fail.Exception):
        return FAILED, str(item.repr_failure(pytest.ExceptionInfo.from_current()))
    return PASSED, ""
