"""Proxies: from the environment and the configuration, with passwords, exceptions, refusals; a KMS without any way."""

import pytest
from processes import free_port
from tls_front import ConnectProxy


@pytest.fixture
def trusted(kms) -> dict[str, str]:
    return {"ca_certs_file": str(kms.ca_file)}


@pytest.fixture
def proxy():
    with ConnectProxy() as proxy:
        yield proxy


@pytest.fixture
def closed() -> str:
    """A proxy that is not there."""
    return f"http://127.0.0.1:{free_port()}"


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
def test_the_environments(attempt, kms, trusted, proxy, variable):
    assert attempt(kms.url, {variable: proxy.url}, **trusted)
    assert set(proxy.targets) == {f"127.0.0.1:{kms.port}"}


def test_not_for_http(attempt, kms, trusted, closed):
    assert attempt(kms.url, {"http_proxy": closed, "HTTP_PROXY": closed}, **trusted)


def test_the_configurations(attempt, kms, trusted, proxy, closed):
    assert attempt(kms.url, {"https_proxy": closed}, proxy=proxy.url, **trusted)
    assert proxy.targets
    assert attempt(kms.url, {"https_proxy": closed}, proxy="none", **trusted)
    assert attempt(kms.url, proxy=closed, **trusted).failed("check that")


@pytest.mark.parametrize("exception", ["127.0.0.1", "127.0.0.0/8", "*", "example.com, 127.0.0.1"])
def test_exceptions(attempt, kms, trusted, closed, exception):
    assert attempt(kms.url, {"https_proxy": closed, "no_proxy": exception}, **trusted)
    names = exception.split(", ")
    assert attempt(kms.url, {"no_proxy": "example.com"}, proxy=closed, no_proxy=names, **trusted)


def test_an_exception_for_somebody_else(attempt, kms, trusted, proxy):
    assert attempt(kms.url, {"https_proxy": proxy.url, "NO_PROXY": "127.0.0.2, 10.0.0.0/8, 0.0.1"}, **trusted)
    assert proxy.targets


def test_a_password(attempt, kms, trusted, canary):
    with ConnectProxy(login=f"user:{canary}") as proxy:
        address = proxy.url.replace("http://", f"http://user:{canary}@")
        for result in (
            attempt(kms.url, {"https_proxy": address, "KMS_PKCS11_LOG": "debug"}, **trusted),
            attempt(kms.url, {"KMS_PKCS11_LOG": "debug"}, proxy=address, **trusted),
        ):
            assert result.works and canary not in result.output
        wrong = attempt(kms.url, {"KMS_PKCS11_LOG": "debug"}, proxy=address.replace("user", "other"), **trusted)
        assert wrong.failed("407", "user name and a password") and canary not in wrong.output
        assert attempt(kms.url, proxy=proxy.url, **trusted).failed("407")


def test_a_proxy_that_refuses(attempt, kms, trusted):
    with ConnectProxy(status=403) as proxy:
        assert attempt(kms.url, proxy=proxy.url, **trusted).failed("403", "does not let through")


def test_the_certificate_is_verified_behind_a_proxy(attempt, kms, authority, proxy):
    assert attempt(kms.url, proxy=proxy.url, ca_certs_file=str(authority.certificate)).failed("certificate")


def test_an_https_proxy(attempt, identity, front, authority, kms):
    """It is trusted by the same authorities as the KMS."""
    own = identity("proxy")
    with front() as server, ConnectProxy(tls=(own.certificate, own.key)) as proxy:
        url, address = f"https://localhost:{server.port}", f"https://localhost:{proxy.port}"
        assert attempt(url, proxy=address, ca_certs_file=str(authority.certificate))
        assert proxy.targets
        proxy.targets.clear()
        assert attempt(url, proxy=address, ca_certs_file=str(kms.ca_file)).failed("certificate")
        assert not proxy.targets


def test_the_name_is_looked_up_by_the_proxy(attempt, kms, trusted):
    """The KMS's name is known behind the proxy only, its certificate is for another one."""
    with ConnectProxy(address=("127.0.0.1", kms.port)) as proxy:
        url = f"https://kms.invalid:{kms.port}"
        assert attempt(url, proxy=proxy.url, tls_server_name="localhost", **trusted)
        assert set(proxy.targets) == {f"kms.invalid:{kms.port}"}
        assert attempt(url, proxy=proxy.url, **trusted).failed("subject name")
