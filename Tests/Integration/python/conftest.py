"""Fixtures of the tests with packages from PyPI."""

from client_token import token  # noqa: F401, a fixture
