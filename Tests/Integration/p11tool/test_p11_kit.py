"""p11-kit(1): every program that uses it finds the token with one small file."""

import re

from processes import output_of


def test_shows_the_token(kit):
    text = output_of(kit("p11-kit", "list-modules"))
    assert re.search(r"^kms-pkcs11: ", text, re.MULTILINE), text
    assert "library-description: " in text and "library-version: " in text, text
    assert f"token: {kit.token.label}" in text, text
    for flag in ("rng", "login-required", "token-initialized"):
        assert re.search(rf"^ +{flag}$", text, re.MULTILINE), text


def test_is_the_only_module(kit):
    """The other tests with p11-kit rely on it."""
    assert len(re.findall(r"^\S+: ", output_of(kit("p11-kit", "list-modules")), re.MULTILINE)) == 1


def test_two_programs_at_once_share_the_module(kit, tool):
    """p11-kit's proxy is loaded as a module itself, and hands our calls through."""
    tool.generate_pair("EC:prime256v1", "behind", "01")
    result = kit(
        "pkcs11-tool", "--module", "p11-kit-proxy.so", "--token-label", kit.token.label, "--login",
        "--pin", kit.token.pin, "--list-objects",
    )  # fmt: skip
    assert "label:      behind" in output_of(result), output_of(result)
