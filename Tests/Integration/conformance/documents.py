"""The tables of pkcs11-conf/doc, read."""

import re
from pathlib import Path

import cryptoki as ck

DOCUMENTS = Path(__file__).parents[3] / "pkcs11-conf" / "doc"

ROLES = {
    "encrypt": ck.CKF_ENCRYPT,
    "decrypt": ck.CKF_DECRYPT,
    "digest": ck.CKF_DIGEST,
    "sign": ck.CKF_SIGN,
    "sign recover": ck.CKF_SIGN_RECOVER,
    "verify": ck.CKF_VERIFY,
    "verify recover": ck.CKF_VERIFY_RECOVER,
    "generate": ck.CKF_GENERATE,
    "generate pair": ck.CKF_GENERATE_KEY_PAIR,
    "wrap": ck.CKF_WRAP,
    "unwrap": ck.CKF_UNWRAP,
    "derive": ck.CKF_DERIVE,
    "message encrypt": ck.CKF_MESSAGE_ENCRYPT,
    "message decrypt": ck.CKF_MESSAGE_DECRYPT,
    "message sign": ck.CKF_MESSAGE_SIGN,
    "message verify": ck.CKF_MESSAGE_VERIFY,
}
ALL_ROLES = sum(ROLES.values())


def documented():
    """name: (smallest size, largest, roles, performed by the KMS)"""
    rows = {}
    for line in (DOCUMENTS / "mechanisms.md").read_text().splitlines():
        if not line.startswith("| CKM_"):
            continue
        name, _, sizes, _, roles, performer = (cell.strip() for cell in line.strip("|").split("|"))
        numbers = [int(number) for number in re.findall(r"\d+", sizes)] or [0, 0]
        rows[name] = (*numbers, sum(ROLES[role] for role in roles.split(", ")), performer == "KMS")
    return rows
