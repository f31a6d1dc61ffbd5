"""A host that makes calls, moves the log file away, forks, and makes more; at last it closes all descriptors.

Arguments: the module, the log file. Prints the process ids of parent and child.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import cryptoki as ck  # noqa: E402

log = Path(sys.argv[2])
library = ck.Library(Path(sys.argv[1]))
ck.check(library.C_Initialize(None), "C_Initialize")
session = library.open(library.slots(present=True)[0])
session.login(b"")
session.find({ck.CKA_LABEL: "p256-key"})
log.rename(f"{log}.old")
session.find({ck.CKA_LABEL: "app.aserracorp.com-key"})

child = os.fork()
if child == 0:
    session.find({ck.CKA_LABEL: "p384-key"})
    ck.check(library.C_Finalize(None), "C_Finalize")
    os._exit(0)
_, status = os.waitpid(child, 0)
assert status == 0

# As a program does that becomes a daemon, whose next file gets the log's number.
opened = [int(name) for name in os.listdir("/proc/self/fd") if int(name) > 2]
for descriptor in opened:
    if os.path.exists(f"/proc/self/fd/{descriptor}") and os.readlink(f"/proc/self/fd/{descriptor}") == str(log):
        other = os.open(f"{log}.other", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(other, descriptor)
        os.write(descriptor, b"the host's\n")
session.find({ck.CKA_LABEL: "p521-key"})
ck.check(library.C_Finalize(None), "C_Finalize")
print(os.getpid(), child)
