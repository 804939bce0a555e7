"""What the binary must never let out: secrets by `--debug`, by a core dump, by half an answer."""

import base64
import json
import os
import re
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from emulator import TOOL

IDENTITIES = ["rsa2048", "rsa4096", "p256", "p384", "p521"]


def assert_says_nothing_of(stderr: bytes, *secrets: str) -> None:
    text = stderr.decode()
    for secret in secrets:
        assert secret and secret not in text


def private_parts(path: Path) -> list[str]:
    """Returns the private numbers of a key in every form that a careless line might have.

    Not the lines of its PEM: those hold the public key too, which the certificate shows.
    """
    numbers = load_pem_private_key(path.read_bytes(), None).private_numbers()
    is_ec = hasattr(numbers, "private_value")
    secrets = [numbers.private_value] if is_ec else [numbers.d, numbers.p, numbers.q]
    forms = [path.read_text().splitlines()[1]]
    for secret in secrets:
        octets = secret.to_bytes((secret.bit_length() + 7) // 8, "big")
        forms += [str(secret), octets.hex(), octets.hex().upper()]
        # Inside of a longer text, base64 may begin at any of three places; the ends differ.
        forms += [base64.b64encode(octets[skip:]).decode()[:-4] for skip in range(3)]
    return forms


@pytest.mark.parametrize("name", IDENTITIES)
def test_success_is_one_line_of_json_and_silence(emulator, tool, name):
    done = tool("credential-process", *emulator.identity(f"leaf/{name}").flags())
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.endswith(b"}\n") and done.stdout.count(b"\n") == 1
    document = json.loads(done.stdout)
    assert list(document) == [
        *("Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration", "AccountId"),
    ]
    assert document["Version"] == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["Expiration"])


@pytest.mark.parametrize("name", IDENTITIES)
def test_debug_shows_the_work_and_no_secret(emulator, tool, name):
    identity = emulator.identity(f"leaf/{name}")
    done = tool("credential-process", *identity.flags(), "--debug")
    assert done.returncode == 0
    document = json.loads(done.stdout)
    for shown in (b"canonical request", b"string to sign", emulator.endpoint.encode()):
        assert shown in done.stderr
    secrets = [document["SecretAccessKey"], document["SessionToken"]]
    assert_says_nothing_of(done.stderr, *secrets, *private_parts(identity.key))


def test_debug_of_a_secret_shows_neither_it_nor_the_session(emulator, tool):
    secret = "correct horse battery staple"
    for extra in ([], ["--output", "json"], ["--key", "password"]):
        done = tool("secret", "get", "prod/db-credentials", "--debug", *extra)
        assert done.returncode == 0 and secret.encode() in done.stdout
        key = emulator.identity("leaf/p256").key
        assert_says_nothing_of(done.stderr, secret, *private_parts(key))
        # The session's own secrets are never printed; a token has this head.
        assert b"IQoJ" not in done.stderr


def test_debug_of_a_failure_shows_no_secret(emulator, tool):
    # An answer that is credentials up to where it was cut.
    key_id, key, token = "ASIA" + "E" * 16, "S" * 40, "IQoJ" + "T" * 400
    credentials = {"accessKeyId": key_id, "secretAccessKey": key, "sessionToken": token}
    body = json.dumps({"credentialSet": [{"credentials": credentials}]})
    for wrong in (body, body[:-3], body.replace(f'"{key_id}"', "17")):
        emulator.fault(operation="CreateSession", body=wrong)
        done = tool("credential-process", "--debug")
        assert (done.returncode, done.stdout) == (5, b"")
        assert_says_nothing_of(done.stderr, key, token)


@pytest.mark.parametrize(
    "arguments",
    [
        ["credential-process"],
        ["secret", "get", "prod/db-credentials"],
        ["secret", "get", "prod/keystore"],
        ["--help"],
        ["--version"],
    ],
)
def test_a_full_disk_behind_stdout_is_an_error(tool, arguments):
    with open("/dev/full", "wb") as full:
        done = tool(*arguments, stdout=full)
    assert done.returncode == 6
    assert done.stderr.startswith(b"error: could not write to standard output\n")
    assert b"No space left on device" in done.stderr


def test_a_closed_pipe_behind_stdout_is_an_error_and_no_panic(tool):
    read, write = os.pipe()
    os.close(read)
    done = tool("credential-process", stdout=write)
    os.close(write)
    assert done.returncode == 6 and b"panic" not in done.stderr


def waiting(emulator) -> subprocess.Popen:
    """Starts the tool with core dumps allowed and returns it while it waits for CreateSession."""
    emulator.fault(operation="CreateSession", delay_ms=30_000)
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    process = subprocess.Popen(
        [str(TOOL), "credential-process"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (most, most)),
    )
    deadline = time.monotonic() + 30
    while not emulator.requests("CreateSession"):
        # Nothing announces that a request came in.
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.01)
    return process


def test_a_crash_leaves_no_core_dump(emulator, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    process = waiting(emulator)
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    process.send_signal(signal.SIGABRT)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = status
    assert re.search(r"Max core file size +0 +0 ", limits)
    assert os.WIFSIGNALED(status) and not os.WCOREDUMP(status)
    assert list(tmp_path.glob("core*")) == []
