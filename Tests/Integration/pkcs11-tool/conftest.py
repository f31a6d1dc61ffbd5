"""Fixtures of the tests that need a token of their own."""

import pytest
from client_token import ClientToken, shared_token, token  # noqa: F401, fixtures
from token_tool import TokenTool


@pytest.fixture
def own(token: ClientToken, tmp_path) -> TokenTool:  # noqa: F811
    """pkcs11-tool with an empty token."""
    return TokenTool(token, tmp_path)


@pytest.fixture(scope="module")
def shared(shared_token: ClientToken, tmp_path_factory) -> TokenTool:  # noqa: F811
    """pkcs11-tool with a token that the tests of a file share: each uses what the fixtures put there."""
    return TokenTool(shared_token, tmp_path_factory.mktemp("shared-tool"))
