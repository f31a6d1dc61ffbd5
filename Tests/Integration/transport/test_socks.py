"""SOCKS proxies, as they are and when they fail."""

import time

import pytest
from tls_front import SOCKSProxy

# Of one call, in seconds, and what a busy machine may take on top of that.
DEADLINE, MARGIN = 2.0, 8.0


@pytest.fixture
def trusted(kms) -> dict[str, str]:
    return {"ca_certs_file": str(kms.ca_file)}


@pytest.mark.parametrize("scheme", ["socks4", "socks5"])
def test_the_address_is_sent(attempt, kms, trusted, scheme):
    with SOCKSProxy() as proxy:
        assert attempt(kms.url, proxy=f"{scheme}://127.0.0.1:{proxy.port}", **trusted)
        assert set(proxy.targets) == {f"127.0.0.1:{kms.port}"}


@pytest.mark.parametrize("scheme", ["socks4a", "socks5h"])
def test_the_name_is_looked_up_by_the_proxy(attempt, kms, trusted, scheme):
    with SOCKSProxy(address=("127.0.0.1", kms.port)) as proxy:
        url, address = f"https://kms.invalid:{kms.port}", f"{scheme}://127.0.0.1:{proxy.port}"
        assert attempt(url, proxy=address, tls_server_name="localhost", **trusted)
        assert set(proxy.targets) == {f"kms.invalid:{kms.port}"}


def test_the_environments(attempt, kms, trusted):
    with SOCKSProxy() as proxy:
        assert attempt(kms.url, {"ALL_PROXY": f"socks5h://127.0.0.1:{proxy.port}"}, **trusted)
        assert proxy.targets


def test_a_password(attempt, kms, trusted, canary):
    with SOCKSProxy(login=("user", canary)) as proxy:
        right, wrong = (f"socks5://{name}:{canary}@127.0.0.1:{proxy.port}" for name in ("user", "other"))
        result = attempt(kms.url, {"KMS_PKCS11_LOG": "debug"}, proxy=right, **trusted)
        assert result.works and canary not in result.output
        for address in (wrong, f"socks5://127.0.0.1:{proxy.port}"):
            refused = attempt(kms.url, {"KMS_PKCS11_LOG": "debug"}, proxy=address, **trusted)
            assert refused.failed() and canary not in refused.output


@pytest.mark.parametrize("fault", ["refuse", "close", "garbage", "silence"])
def test_a_proxy_that_fails(attempt, kms, trusted, fault):
    """The call ends within its deadline, and the line says that it is the proxy."""
    with SOCKSProxy(fault=fault) as proxy:
        began = time.monotonic()
        address = f"socks5://127.0.0.1:{proxy.port}"
        result = attempt(kms.url, proxy=address, **trusted | {"retry_timeout_millis": int(DEADLINE * 1000)})
        assert result.failed()
        assert time.monotonic() - began < DEADLINE + MARGIN


def test_the_certificate_is_verified_behind_a_proxy(attempt, kms, authority):
    with SOCKSProxy() as proxy:
        address = f"socks5://127.0.0.1:{proxy.port}"
        assert attempt(kms.url, proxy=address, ca_certs_file=str(authority.certificate)).failed("certificate")
