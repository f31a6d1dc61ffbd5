"""`python-pkcs11` and `PyKCS11`: generate, sign, encrypt, wrap, derive, import, destroy."""

from pathlib import Path

import pytest
from python_client import checks, run_check

HERE = Path(__file__).parent
PYTHON_PKCS11 = HERE / "python_pkcs11_script.py"
PYKCS11 = HERE / "pykcs11_script.py"


@pytest.mark.parametrize("check", checks(PYTHON_PKCS11))
def test_python_pkcs11(token, check):
    run_check(PYTHON_PKCS11, check, token)


@pytest.mark.parametrize("check", checks(PYKCS11))
def test_pykcs11(token, check):
    run_check(PYKCS11, check, token)
