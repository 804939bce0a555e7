"""The search that every run of the tool goes through finds what it is for."""

import base64
import os
import subprocess

import leaks
import material
import pytest
from emulator import TOOL


def said(text: str, *arguments: str) -> None:
    """Runs what has the tool in its command line and says a text on standard error."""
    command = ["sh", "-c", 'printf %s "$1" >&2', "sh", text, str(TOOL), *arguments]
    subprocess.run(command, capture_output=True, check=False)


@pytest.mark.parametrize("form", ["base64", "urlsafe", "hex"])
@pytest.mark.parametrize("name", ["p256", "rsa2048", "mldsa65"])
def test_finds_a_part_of_the_key_of_the_run(emulator, name, form):
    key = emulator.identity(f"leaf/{name}").key
    secret = list(leaks.secrets_of(key.read_bytes()))[-1]
    encode = {
        "base64": base64.b64encode,
        "urlsafe": base64.urlsafe_b64encode,
        "hex": lambda octets: octets.hex().upper().encode(),
    }[form]
    part = encode(secret[1:14])[:14].decode()
    with pytest.raises(leaks.Leak):
        said(f"cannot read {part}…", "--private-key", str(key))
    said(f"cannot read {part[:13]}…", "--private-key", str(key))


def test_finds_a_key_in_a_variable_and_a_password(emulator, monkeypatch):
    pem = emulator.identity("leaf/p384").key.read_text()
    monkeypatch.setenv("KEY", pem)
    with pytest.raises(leaks.Leak):
        said(pem)
    with pytest.raises(leaks.Leak):
        said(f"the password {material.PASSWORD} is wrong")
    with pytest.raises(leaks.Leak):
        said("pass-4711", "--pkcs8-password", "pass-4711")


def test_takes_no_certificate_for_a_key(emulator):
    for name in ("p256", "rsa2048", "mldsa65"):
        assert list(leaks.secrets_of(emulator.identity(f"leaf/{name}").certificate.read_bytes())) == []
    # What is served by the emulator is learnt from os.environ; this one has no key.
    assert "-----BEGIN PRIVATE" not in "".join(os.environ.values())
