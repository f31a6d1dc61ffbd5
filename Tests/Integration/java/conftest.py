"""Fixtures of the tests with Java."""

import pytest
from client_token import ClientToken, token  # noqa: F401, a fixture
from java_token import JavaToken
from token_tool import TokenTool


@pytest.fixture
def java(token: ClientToken, tmp_path) -> JavaToken:  # noqa: F811
    return JavaToken(token, tmp_path)


@pytest.fixture
def tool(token: ClientToken, tmp_path) -> TokenTool:  # noqa: F811
    return TokenTool(token, tmp_path)
