"""What a test plays on, in its child process: the loaded module, a slot with a token, sessions, keys."""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import cryptoki as ck
from keys import Keys
from return_values import Judge


@dataclass(frozen=True)
class Subject:
    """A module and how to log in to its token. `objects_at_kms` counts what the KMS itself holds for the app."""

    module: Path
    environment: dict[str, str]
    pin: bytes
    objects_at_kms: Callable[[], int]
    # Whether every answer must be among the return values of its function's description.
    is_judged: bool = True


@dataclass
class Stage:
    subject: Subject
    library: ck.Library
    judge: Judge
    slot: int = 0
    sessions: list[ck.Session] = field(default_factory=list)
    _keys: dict[int, Keys] = field(default_factory=dict)

    @property
    def pin(self) -> bytes:
        return self.subject.pin

    def initialise(self):
        arguments = ck.CK_C_INITIALIZE_ARGS(flags=ck.CKF_OS_LOCKING_OK)
        ck.check(self.library.C_Initialize(arguments), "C_Initialize")
        self.slot = self.library.slots()[0]

    def open(self, read_write: bool = True) -> ck.Session:
        session = self.library.open(self.slot, read_write)
        self.sessions.append(session)
        return session

    def keys(self, session: ck.Session) -> Keys:
        return self._keys.setdefault(session.handle, Keys(session))

    def objects_on_token(self) -> int:
        """Token objects as a search in a fresh session sees them."""
        session = self.open()
        try:
            return len(session.find({ck.CKA_TOKEN: True}))
        finally:
            session.close()

    def leave(self):
        """Takes away the token objects that the test made through `Keys`, and finalises."""
        for keys in self._keys.values():
            with contextlib.suppress(ck.Refused):
                keys.destroy()
        self.library.C_Finalize(None)


@contextlib.contextmanager
def loaded(subject: Subject):
    """The module as dlopen leaves it."""
    library, judge = ck.Library(subject.module), Judge()
    if subject.is_judged:
        library.judge = judge
    stage = Stage(subject, library, judge)
    try:
        yield stage
    except BaseException:
        print("The last calls:", *library.history[-25:], sep="\n  ")
        raise
    finally:
        library.judge = lambda *_: None
        stage.leave()
    assert not judge.strange, "\n".join(judge.strange)


@contextlib.contextmanager
def initialised(subject: Subject):
    """The module after C_Initialize; nobody is logged in."""
    with loaded(subject) as stage:
        stage.initialise()
        yield stage


@contextlib.contextmanager
def logged_in(subject: Subject):
    """A read/write session of the normal user. `session.stage` and `session.keys` lead further."""
    with initialised(subject) as stage:
        session = stage.open()
        session.login(stage.pin)
        session.stage = stage
        session.keys = stage.keys(session)
        yield session
