"""`make install` puts a working module, programs and samples where the README says."""

from pathlib import Path

from pkcs11_tool import PKCS11Tool
from processes import clean_environment, output_of, run


def test_install(root, binaries, module_env, kms, tmp_path):
    assert len({binaries.module.parent, binaries.kmsd.parent, binaries.kmsctl.parent}) == 1
    target = tmp_path / "target"
    existing = target / "etc/kms-pkcs11/kms-pkcs11.conf"
    existing.parent.mkdir(parents=True)
    existing.write_text("# the administrator's own\n")
    run(
        "make", "install", f"DESTDIR={target}", "PREFIX=/usr", f"BUILT={binaries.module.parent}", cwd=root,
        env=clean_environment(),
    )  # fmt: skip

    def installed(path: str) -> Path:
        found = target / path
        assert found.exists(), f"{path} was not installed"
        return found

    tool = PKCS11Tool(installed("usr/lib/kms-pkcs11/kms_pkcs11.so"), module_env)
    assert "Private Key Object" in output_of(tool("-O", "--login", "--pin", kms.api_key))
    for program in ("kmsd", "kmsctl"):
        assert "USAGE" in output_of(run(installed(f"usr/bin/{program}"), "--help"))
    for sample in ("kms-pkcs11.conf", "kmsd.conf", "openssl.cnf", "nginx/nginx.conf", "nginx/keyval.conf",
                   "nginx/variable-certificates.conf", "agent/agent-hosts.toml", "systemd/nginx.service.d/kms-pkcs11.conf",
                   "doc/kmsd-openapi.yaml"):
        assert installed(f"usr/share/kms-pkcs11/{sample}").read_text() == (root / "pkcs11-conf" / sample).read_text()
    for agent in ("sdkms_agent.sh", "sdkms_get_ephemeral_tls_cert.py"):
        assert f"USAGE: {agent} [<options>] <key-value_store_name> <KMS_URL> " in output_of(run(installed(f"usr/bin/{agent}"), "--help"))
    assert "ExecStart=/usr/bin/kmsctl agent keyval " in installed("usr/share/kms-pkcs11/systemd/kms-agent-keyval.service").read_text()
    assert "ExecStart=/usr/bin/kmsd serve " in installed("usr/share/kms-pkcs11/systemd/kmsd.service").read_text()
    for page in ("man1/kmsctl.1", "man1/kmsctl-agent.1", "man8/kmsd.8"):
        assert installed(f"usr/share/man/{page}").read_text().startswith(".")
    assert existing.read_text() == "# the administrator's own\n", "an existing configuration was overwritten"


def test_systemd_units_are_valid(root, tmp_path):
    """Where systemd is at hand: its own check of the units, with a program that exists."""
    units = []
    for unit in [*(root / "pkcs11-conf/systemd").glob("*.service"), *(root / "pkcs11-conf/systemd").glob("*.timer")]:
        units.append(tmp_path / unit.name)
        units[-1].write_text(unit.read_text().replace("/usr/bin/kmsd", "/bin/true").replace("/usr/bin/kmsctl", "/bin/true"))
    assert len(units) >= 6
    if run("sh", "-c", "command -v systemd-analyze", check=False).returncode == 0:
        result = run("systemd-analyze", "verify", "--man=no", *units, check=False)
        assert (result.returncode, output_of(result)) == (0, "")
