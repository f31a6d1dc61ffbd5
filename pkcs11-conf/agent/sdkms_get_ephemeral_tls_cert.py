#!/usr/bin/env python3
"""The vendor's name and arguments for `kmsctl agent ephemeral`, also for `python sdkms_get_ephemeral_tls_cert.py …`.

kmsctl is beside this file, or on the PATH. It knows by the name under which it is started what to do.
"""

import os
import sys

NAME = "sdkms_get_ephemeral_tls_cert.py"
beside = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kmsctl")
try:
    os.execvp(beside if os.path.exists(beside) else "kmsctl", [NAME, *sys.argv[1:]])
except FileNotFoundError:
    sys.exit("kmsctl is neither beside this file nor on the PATH")
