"""A host whose openssl.cnf makes the engine with this module the default for everything. The module's own cryptography,
its TLS to a KMS with an RSA certificate included, gives the same results as ever.
"""

import dataclasses

from faults import OPERATIONS
from samples import make_engine_the_default, render_openssl_cnf
from server_certificates import Issuer, rsa_key


def test_every_operation_works(site, tmp_path):
    authority = Issuer("RSA CA", rsa_key)
    ca_file = authority.write(tmp_path / "ca.pem")
    contexts = {"good": authority.context(tmp_path, "rsa")}
    rsa_site = dataclasses.replace(site, ca_file=ca_file, contexts=contexts, directory=tmp_path)
    openssl_cnf = render_openssl_cnf(tmp_path / "openssl.cnf", site.module, site.api_key)
    make_engine_the_default(openssl_cnf)
    with rsa_site.server() as server:
        host = rsa_site.host("default engine", server, environment={"OPENSSL_CONF": str(openssl_cnf)})
        try:
            # `prepare` encrypts here what `decrypt` has the KMS decrypt; `sign` verifies here, too.
            for operation in ("login", "prepare", *OPERATIONS[1:], "clean", "session_keys"):
                host.must(operation)
        finally:
            host.close()
