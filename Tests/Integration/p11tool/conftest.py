"""Fixtures of the tests with GnuTLS and p11-kit."""

import pytest
from client_token import ClientToken, token  # noqa: F401, a fixture
from p11_kit import P11Kit
from token_tool import TokenTool


@pytest.fixture
def kit(token: ClientToken, tmp_path) -> P11Kit:  # noqa: F811
    return P11Kit(token, tmp_path)


@pytest.fixture
def tool(token: ClientToken, tmp_path) -> TokenTool:  # noqa: F811
    """pkcs11-tool with the same token, for what p11tool cannot do."""
    return TokenTool(token, tmp_path)
