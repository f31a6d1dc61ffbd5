"""A host that waits for slot events: prints each as "SLOT PRESENT", and what C_Finalize does to a waiting thread.

Arguments: the module.
"""

import ctypes
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import cryptoki as ck  # noqa: E402


def say(*words):
    print(*words, flush=True)


library = ck.Library(Path(sys.argv[1]))
ck.check(library.C_Initialize(None), "C_Initialize")
slot = ctypes.c_ulong()
say("quiet" if library.C_WaitForSlotEvent(ck.CKF_DONT_BLOCK, slot, None) == ck.CKR_NO_EVENT else "an event")
for _ in range(2):
    ck.check(library.C_WaitForSlotEvent(0, slot, None), "C_WaitForSlotEvent")
    say(slot.value, len(library.slots(present=True)))

answers = []
waiting = threading.Thread(target=lambda: answers.append(library.C_WaitForSlotEvent(0, ctypes.c_ulong(), None)))
waiting.start()
ck.check(library.C_Finalize(None), "C_Finalize")
waiting.join()
say(answers[0])
