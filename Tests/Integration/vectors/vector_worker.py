"""The process in which the module lives: tests run in it one after the other, and a crash is the failure of one test.

The worker is a fork of pytest, made when the first test needs it, so that it knows every test function by name. Loading
and logging in once for all is what makes hundreds of vectors a matter of seconds.
"""

import contextlib
import multiprocessing
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from vector_token import VectorToken

# How long one test may take in the worker, in seconds.
PATIENCE = 300.0
PASSED, SKIPPED, FAILED = "passed", "skipped", "failed"


@dataclass
class Worker:
    module: Path
    environment: dict[str, str]
    pin: bytes
    _process: multiprocessing.Process | None = None
    _pipe: object = None

    def run(self, item, arguments: dict, token_name: str):
        """Runs the function of a test in the worker, with the token as the argument of that name."""
        if self._process is None:
            self._start()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        self._pipe.send((item.obj.__module__, item.obj.__name__, item.nodeid, arguments, token_name))
        try:
            if not self._pipe.poll(PATIENCE):
                self.stop()
                pytest.fail(f"The module did not come back within {PATIENCE:.0f} s.", pytrace=False)
            outcome, text = self._pipe.recv()
        except EOFError:
            self._process.join()
            code = self._process.exitcode
            self._process = None
            pytest.fail(f"The module ended the process with exit code {code} (a signal if negative).", pytrace=False)
        if outcome == SKIPPED:
            pytest.skip(text)
        if outcome == FAILED:
            pytest.fail(text, pytrace=False)

    def _start(self):
        context = multiprocessing.get_context("fork")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=self._live, args=(theirs, self._pipe), daemon=True)
        self._process.start()
        theirs.close()

    def stop(self):
        if self._process is None:
            return
        with contextlib.suppress(OSError):
            self._pipe.send(None)
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process = None

    def _live(self, pipe, other_end):
        other_end.close()
        os.environ.clear()
        os.environ.update(self.environment)
        with VectorToken(self.module, self.pin) as token:
            while (order := pipe.recv()) is not None:
                module, name, label, arguments, token_name = order
                outcome = _outcome(getattr(sys.modules[module], name), label, arguments | {token_name: token})
                if outcome[0] == FAILED:
                    token.cancel()
                pipe.send(outcome)


def _outcome(function, label: str, arguments: dict) -> tuple[str, str]:
    try:
        function(**arguments)
    except pytest.skip.Exception as skipped:
        return SKIPPED, str(skipped)
    except (Exception, pytest.fail.Exception):
        failure = pytest.ExceptionInfo.from_current()
        # Only the test's own frames, as pytest shows them.
        failure.traceback = failure.traceback.cut(path=function.__code__.co_filename)
        return FAILED, f"{label}\n{failure.getrepr(style='short')}"
    return PASSED, ""
