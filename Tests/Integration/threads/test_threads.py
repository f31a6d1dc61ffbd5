"""Hosts of many threads."""

from host_program import host, program_directory  # noqa: F401, fixtures

SCHEMES = {"RSA-PKCS", "SHA256-RSA-PKCS", "RSA-PKCS-PSS", "SHA256-RSA-PKCS-PSS", "ECDSA", "ECDSA-SHA256"}


def test_eight_threads_of_200_signatures(host):
    lines = host("threads", "--threads", 8, "--signatures", 200)
    assert any("1600 verified signatures by 8 threads" in line for line in lines)
    assert {line.split()[-1] for line in lines if line.startswith("note  scheme")} == SCHEMES


def test_sessions_closed_and_logouts_from_another_thread(host):
    host("threads", "--threads", 8, "--signatures", 200, "--disturb")
