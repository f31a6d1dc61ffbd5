"""The files of pkcs11-conf that the README tells people to use, with the test's own places put in."""

import json
import re
from pathlib import Path

from processes import run

SAMPLES = Path(__file__).resolve().parents[3] / "pkcs11-conf"


def render(sample: str, target: Path, replacements: dict[str, str], mode: int = 0o600) -> Path:
    """Writes `target` from a sample. What is to be replaced must be there: a sample that changes fails loudly."""
    text = (SAMPLES / sample).read_text()
    for old, new in replacements.items():
        assert old in text, f"pkcs11-conf/{sample} has no {old!r}"
        text = text.replace(old, new)
    target.write_text(text)
    target.chmod(mode)
    return target


def engines_directory() -> str:
    return re.search(r'"(.+)"', run("openssl", "version", "-e").stdout.decode())[1]


def render_openssl_cnf(target: Path, module: Path, pin: str) -> Path:
    return render(
        "openssl.cnf",
        target,
        {
            "/usr/lib/x86_64-linux-gnu/engines-3": engines_directory(),
            "/usr/lib/kms-pkcs11/kms_pkcs11.so": str(module),
            "PIN=file:/etc/kms-pkcs11/api-key": f"PIN={pin}",
        },
    )


def unit_environment(endpoint: str, openssl_cnf: Path) -> dict[str, str]:
    """The environment that the systemd drop-in gives to NGINX."""
    text = (SAMPLES / "systemd/nginx.service.d/kms-pkcs11.conf").read_text()
    values = dict(re.findall(r'^Environment="(\w+)=(.*)"$', text, re.MULTILINE))
    assert values.keys() == {"FORTANIX_API_ENDPOINT", "OPENSSL_CONF"}
    return {"FORTANIX_API_ENDPOINT": endpoint, "OPENSSL_CONF": str(openssl_cnf)}


def render_configuration(target: Path, ca_file: Path, **values) -> Path:
    """The sample configuration, trusting `ca_file`; values (numbers or strings) replace its commented defaults."""
    sample = (SAMPLES / "kms-pkcs11.conf").read_text()
    replacements = {}
    for key, value in {"ca_certs_file": str(ca_file), **values}.items():
        line = re.search(rf"^#{key} = .*$", sample, re.MULTILINE)
        assert line, f"pkcs11-conf/kms-pkcs11.conf has no #{key}"
        replacements[line[0]] = f"{key} = {json.dumps(value)}"
    return render("kms-pkcs11.conf", target, replacements)


def make_engine_the_default(openssl_cnf: Path):
    """For every algorithm, as some guides advise."""
    text = openssl_cnf.read_text()
    assert text.count("\ninit=1\n") == 1
    openssl_cnf.write_text(text.replace("\ninit=1\n", "\ndefault_algorithms=ALL\ninit=1\n"))
