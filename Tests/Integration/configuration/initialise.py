"""A host that prints what C_Initialize answers, and again once the configuration file is right.

Argument: the module.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import cryptoki as ck  # noqa: E402

library = ck.Library(Path(sys.argv[1]))
print(ck.RV(library.C_Initialize(None)))
configuration = Path(os.environ["KMS_PKCS11_CONF"])
configuration.write_text('api_endpoint = "https://kms.invalid"\n')
configuration.chmod(0o600)
print(ck.RV(library.C_Initialize(None)))
