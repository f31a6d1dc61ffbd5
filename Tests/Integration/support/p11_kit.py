"""Programs that find PKCS#11 modules through p11-kit, with the module under test as the only one.

p11-kit ignores a user's own configuration in programs of root, so its directory of modules is replaced, in a mount
namespace that lasts as long as the program.
"""

import os
import subprocess
from pathlib import Path

from client_token import ClientToken
from processes import run

MODULES = Path("/usr/share/p11-kit/modules")
SCRIPT = f'mount --bind "$1" {MODULES} && shift && exec "$@"'


class P11Kit:
    def __init__(self, token: ClientToken, directory: Path):
        self.token = token
        self.directory = directory
        self.env = token.env | {"GNUTLS_PIN": token.pin, "HOME": str(directory)}
        # What keys and certificates are named by; more attributes follow.
        self.url = f"pkcs11:token={token.label.replace(' ', '%20')}"
        self._modules = directory / "p11-kit-modules"
        self._modules.mkdir()
        (self._modules / "kms-pkcs11.module").write_text(f"module: {token.module}\ncritical: yes\n")

    def __call__(self, *command, check: bool = True, **options) -> subprocess.CompletedProcess[bytes]:
        privileges = [] if os.geteuid() == 0 else ["--map-root-user"]
        wrapper = ["unshare", "--mount", *privileges, "sh", "-c", SCRIPT, "sh", self._modules]
        options.setdefault("env", self.env)
        return run(*wrapper, *command, check=check, **options)

    def p11tool(self, *arguments, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        """p11tool, logged in, never asking."""
        return self("p11tool", "--batch", "--login", *arguments, check=check)

    def certtool(self, *arguments, template: str) -> Path:
        """A certificate or request in PEM; `template` as certtool(1) describes it."""
        config, output = self.directory / "template", self.directory / "certtool.pem"
        config.write_text(template)
        output.unlink(missing_ok=True)
        self("certtool", *arguments, "--template", config, "--outfile", output)
        return output
