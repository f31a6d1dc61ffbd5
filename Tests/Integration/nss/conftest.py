"""Fixtures of the tests with NSS."""

import pytest
from client_token import ClientToken, token  # noqa: F401, a fixture
from nss_database import NSSDatabase
from token_tool import TokenTool


@pytest.fixture
def nss(token: ClientToken, tmp_path) -> NSSDatabase:  # noqa: F811
    return NSSDatabase(token, tmp_path)


@pytest.fixture
def tool(token: ClientToken, tmp_path) -> TokenTool:  # noqa: F811
    """pkcs11-tool with the same token."""
    return TokenTool(token, tmp_path)
