"""A host that looks at all slots of the module and prints what it finds.

Argument: the module.
"""

import ctypes
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import cryptoki as ck  # noqa: E402


def say(name: str, *words):
    print(f"{name}:", *words, flush=True)


def text(field) -> str:
    return bytes(field).decode().rstrip()


library = ck.Library(Path(sys.argv[1]))
ck.check(library.C_Initialize(None), "C_Initialize")
slots = library.slots(present=False)
present = library.slots(present=True)
say("slots", *slots)
say("with token", *present)
tokens = [library.token_info(slot) for slot in present]
say("labels", *(text(token.label) for token in tokens))
say("serials", *(text(token.serialNumber) for token in tokens))

public = {ck.CKA_CLASS: ck.CKO_PUBLIC_KEY}
private = {ck.CKA_CLASS: ck.CKO_PRIVATE_KEY}
sessions = {}
for slot, token in zip(present, tokens):
    session = sessions[text(token.label)] = library.open(slot)
    try:
        keys = session.find(public)
        say(text(token.label), *(session.get(key, ck.CKA_LABEL).decode() for key in keys))
    except ck.Refused as refusal:
        say(text(token.label), refusal.value)
handle = ctypes.c_ulong()
say("nowhere", ck.RV(library.C_OpenSession(slots[-1], ck.CKF_SERIAL_SESSION, None, None, handle)))

sessions["one"].login(b"")
states = {}
for name, session in sessions.items():
    info = ck.CK_SESSION_INFO()
    ck.check(session.C_GetSessionInfo(info), "C_GetSessionInfo")
    states[name] = info.state
say("logged in", *(name for name, state in states.items() if state == ck.CKS_RW_USER_FUNCTIONS))
say("private key of two without login", len(sessions["two"].find(private)))
own = sessions["one"].find(private)
say("private key of one", len(own))
sessions["two"].login(b"")
say("foreign handle", ck.RV(sessions["two"].C_SignInit(ck.Mechanism(ck.CKM_ECDSA), own[0])))

ck.check(library.C_Finalize(None), "C_Finalize")
ck.check(library.C_Initialize(None), "C_Initialize")
say("later", *library.slots(present=False))
child = os.fork()
if child == 0:
    ck.check(library.C_Initialize(None), "C_Initialize")
    say("child", *library.slots(present=False))
    os._exit(0)
os.waitpid(child, 0)
