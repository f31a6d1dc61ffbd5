"""The documents say what the token says."""

import re
from pathlib import Path

import cryptoki as ck
from documents import ALL_ROLES, DOCUMENTS, documented

def test_the_mechanisms_are_those_of_the_document(token):
    told = {}
    for mechanism in token.library.mechanisms(token.slot):
        info = token.library.mechanism_info(token.slot, mechanism)
        told[ck.MECHANISM_NAMES[mechanism]] = (
            info.ulMinKeySize,
            info.ulMaxKeySize,
            info.flags & ALL_ROLES,
            bool(info.flags & ck.CKF_HW),
        )
    assert told == documented()


def test_every_function_is_in_the_document(module):
    text = (DOCUMENTS / "functions.md").read_text()
    header = (Path(__file__).parents[3] / "Include" / "pkcs11.h").read_text()
    body = re.search(r"struct CK_FUNCTION_LIST_3_0 \{(.*?)\n\}", header, re.S).group(1)
    functions = set(re.findall(r"\bC_\w+", body))
    assert functions and functions - set(re.findall(r"\bC_\w+", text)) == set()
