"""What a signature costs this process, in microseconds of processor time, for each key named:

    signing_cost.py MODULE PIN-FILE COUNT LABEL…
"""

import json
import sys
import time
from pathlib import Path

import cryptoki as ck

MECHANISMS = {
    ck.CKK_RSA: ck.CKM_SHA256_RSA_PKCS, ck.CKK_EC: ck.CKM_ECDSA_SHA256, ck.CKK_EC_EDWARDS: ck.CKM_EDDSA,
}  # fmt: skip


def main(module: str, pin_file: str, count: str, *labels: str):
    library = ck.Library(Path(module))
    ck.check(library.C_Initialize(None), "C_Initialize")
    session = library.open(library.slots()[0])
    session.login(Path(pin_file).read_text().strip())
    costs = {}
    for label in labels:
        key = session.find({ck.CKA_CLASS: ck.CKO_PRIVATE_KEY, ck.CKA_LABEL: label})[0]
        mechanism = ck.Mechanism(MECHANISMS[ck.number(session.get(key, ck.CKA_KEY_TYPE))])
        for _ in range(20):
            session.sign(mechanism, key, b"data")
        began = time.process_time_ns()
        for _ in range(int(count)):
            session.sign(mechanism, key, b"data")
        costs[label] = (time.process_time_ns() - began) / int(count) / 1000
    print(json.dumps(costs))


if __name__ == "__main__":
    main(*sys.argv[1:])
