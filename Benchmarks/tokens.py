"""The PKCS#11 modules under test, each with the same RSA key, and the programs that put them to work."""

import base64
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from measures import run
from servers import Answers, Failure, Kmsd, Program

KEY = "bench"
PIN = "only for the benchmark"


@dataclass(frozen=True)
class Keys:
    """What NGINX and the instant server have in files, and the tokens import. In PEM."""

    rsa: Path
    rsa_certificate: Path
    ec: Path
    ec_certificate: Path

    @classmethod
    def make(cls, directory: Path) -> "Keys":
        made = []
        for name, kind in [("rsa", ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
                           ("ec", ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"])]:  # fmt: skip
            key, certificate = directory / f"{name}.key", directory / f"{name}.pem"
            run(["openssl", "genpkey", "-algorithm", *kind, "-out", key])
            run(["openssl", "req", "-x509", "-key", key, "-out", certificate, "-days", 2, "-subj", "/CN=127.0.0.1",
                 "-addext", "subjectAltName=IP:127.0.0.1"])  # fmt: skip
            made += [key, certificate]
        return cls(*made)

    def der(self, key: Path) -> bytes:
        command = ["openssl", "pkey", "-in", key, "-outform", "DER"]
        return subprocess.run(command, check=True, capture_output=True).stdout


@dataclass(frozen=True)
class Token:
    """A module, the token that has the key, and what the environment must say."""

    module: Path
    label: str
    pin: str
    environment: dict[str, str]
    # The `sign` program.
    program: Path

    def work(self, what: str, threads: int, *limit, pause_us: int = 0) -> dict[str, float]:
        """`what` is `sign` or `find`; `limit` is `--seconds S` or `--count N`."""
        command = [self.program, self.module, self.label, self.pin, KEY, what, threads, *limit, pause_us]
        return json.loads(run(command, {**os.environ, **self.environment}))


def kms_token(
    programs: Path, module: Path, port: int, ca_file: Path, api_key: str, file: Path, **settings
) -> Token:
    """This project's module with the KMS at `port`; `settings` are lines of its configuration, written to `file`."""
    values = {"api_endpoint": f"https://127.0.0.1:{port}", "ca_certs_file": str(ca_file)} | settings
    file.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()))
    file.chmod(0o600)
    return Token(module, "Fortanix Token", api_key, {"KMS_PKCS11_CONF": str(file)}, programs / "sign")


def softhsm_token(programs: Path, keys: Keys, directory: Path) -> Token:
    """SoftHSM in the host's process. Debian's package is what the comparison is about."""
    library = Path("/usr/lib/softhsm/libsofthsm2.so")
    if not library.exists() or not shutil.which("softhsm2-util"):
        raise Failure("SoftHSM is missing: run `make bench-packages`, which installs Debian's softhsm2.")
    tokens = directory / "softhsm"
    tokens.mkdir()
    configuration = directory / "softhsm.conf"
    configuration.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    environment = {"SOFTHSM2_CONF": str(configuration)}
    pin = ["--pin", PIN]
    tool = ["softhsm2-util", "--token", "bench"]
    run(["softhsm2-util", "--init-token", "--free", "--label", "bench", "--so-pin", PIN, *pin], os.environ | environment)
    for number, key in enumerate([keys.rsa, keys.ec], start=1):
        run([*tool, "--import", key, "--label", KEY if key == keys.rsa else f"{KEY}-ec", "--id", f"{number:02}", *pin],
            os.environ | environment)  # fmt: skip
    return Token(library, "bench", PIN, environment, programs / "sign")


class Stage:
    """The key at kmsd and at servers that only repeat what kmsd has answered once."""

    def __init__(self, programs: Path, module: Path, kms: Kmsd, directory: Path):
        self.keys = Keys.make(directory)
        self.kms = kms
        self._programs, self._module, self._directory = programs, module, directory
        for name, kind, key in [(KEY, "RSA", self.keys.rsa), (f"{KEY}-ec", "EC", self.keys.ec)]:
            value = base64.b64encode(self.keys.der(key)).decode()
            body = {"name": name, "obj_type": kind, "value": value, "key_ops": ["SIGN", "VERIFY"]}
            kms.app.json("PUT", "/crypto/v1/keys", body)
        (self._rsa,) = kms.app.json("GET", f"/crypto/v1/keys?name={KEY}")
        self.request = directory / "module.request"
        self.request.write_bytes(kms.module_request(self._rsa["kid"]))
        self._answers = kms.answers(self._rsa, directory)

    def instant(self, delay_us: int = 0, idle_ms: int = 0) -> Answers:
        return Answers(
            self._programs / "answer", self.keys.ec_certificate, self.keys.ec, delay_us, idle_ms, self._answers,
            self._directory / f"answer-{delay_us}-{idle_ms}.log",
        )  # fmt: skip

    def token(self, server: Program, name: str, **settings) -> Token:
        return kms_token(
            self._programs, self._module, server.port, server.ca_file, self.kms.api_key,
            self._directory / f"{name}.conf", **settings,
        )  # fmt: skip

    def bare(self, server: Program, threads: int, *limit) -> dict[str, float]:
        """The same request with nothing but libcurl."""
        command = [self._programs / "request", server.port, server.ca_file, self.request, threads, *limit]
        return json.loads(run(command))
