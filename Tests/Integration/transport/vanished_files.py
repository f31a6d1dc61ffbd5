"""A host that initialises the module, removes every file that it read, and signs: itself, and in two forked children.

Arguments: the module, the PIN, the files.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import cryptoki as ck  # noqa: E402


def sign(library, pin: str):
    session = library.open(library.slots(present=True)[0])
    session.login(pin)
    key = session.find({ck.CKA_CLASS: ck.CKO_PRIVATE_KEY, ck.CKA_KEY_TYPE: ck.CKK_EC, ck.CKA_LABEL: "p256-key"})[0]
    assert len(session.sign(ck.Mechanism(ck.CKM_ECDSA), key, bytes(32))) == 64


def main():
    module, pin, *files = sys.argv[1:]
    library = ck.Library(Path(module))
    ck.check(library.C_Initialize(None), "C_Initialize")
    for path in files:
        os.unlink(path)
    os.environ.clear()
    sign(library, pin)
    print("parent", flush=True)
    for _ in range(2):
        child = os.fork()
        if child == 0:
            ck.check(library.C_Initialize(None), "C_Initialize")
            sign(library, pin)
            print("child", flush=True)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert status == 0
    ck.check(library.C_Finalize(None), "C_Finalize")
    ck.check(library.C_Initialize(None), "C_Initialize")
    sign(library, pin)
    print("parent", flush=True)


main()
