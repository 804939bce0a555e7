"""The access key of a secret by `--from-secret`: every SDK takes it, and a client that keeps it follows its rotation."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from clients import CLIENTS, Client
from emulator import ACCOUNT, TOOL, Emulator
from test_faketime import clock  # noqa: F401

SECRET = "prod/access-key"
USER = "legacy-app"
ARN = f"arn:aws:iam::{ACCOUNT}:user/{USER}"
WRONG = "[default]\naws_access_key_id = AKIAWRONG\naws_secret_access_key = wrong\n"
# How long a rotation keeps the old key active: as long as a client may keep it.
KEEP_SECONDS = 3_600
STEP_SECONDS = 300
# A program that runs for days, with the credentials that boto3 keeps. It makes a call for each line that it reads.
READER = """
import sys, boto3
session = boto3.Session()
identity = session.client("sts")
for line in sys.stdin:
    try:
        print(identity.get_caller_identity()["Arn"], session.get_credentials().access_key, flush=True)
    except Exception as error:
        print("failed:", error, flush=True)
"""
# What a rotation does, with the session of a role: it makes a key for the secret, and deletes the one before.
ROTATION = """
import json, sys, boto3
iam = boto3.Session(profile_name="default").client("iam")
for line in sys.stdin:
    operation, _, key_id = line.strip().partition(" ")
    if operation == "create":
        key = iam.create_access_key(UserName="legacy-app")["AccessKey"]
        pair = {name: key[name] for name in ("UserName", "AccessKeyId", "SecretAccessKey")}
        print(json.dumps(pair), flush=True)
    else:
        iam.update_access_key(UserName="legacy-app", AccessKeyId=key_id, Status="Inactive")
        iam.delete_access_key(UserName="legacy-app", AccessKeyId=key_id)
        print(key_id, flush=True)
"""


def profile(folder: Path, *options: str) -> Path:
    """Writes a configuration file of AWS with a `credential_process` line of ours, and returns its path."""
    words = [str(TOOL), "credential-process", "--from-secret", SECRET, *options]
    path = folder / "from-secret"
    path.write_text(f"[default]\nregion = us-east-1\ncredential_process = {shlex.join(words)}\n")
    return path


@pytest.mark.parametrize("sdk", CLIENTS)
@pytest.mark.parametrize("way", ["profile", "exec", "static"])
def test_an_sdk_takes_the_key(emulator, tmp_path, sdk, way):
    client = CLIENTS[sdk]
    if client.built and not client.built.exists():
        pytest.skip(f"the AWS SDK for {sdk}: {client.unless}")
    environment = dict(os.environ)
    environment.pop("AWS_PROFILE", None)
    command = client.command
    if way == "profile":
        environment["AWS_CONFIG_FILE"] = str(profile(tmp_path))
    else:
        other = tmp_path / "credentials"
        other.write_text(WRONG)
        environment |= {
            "AWS_SHARED_CREDENTIALS_FILE": str(other),
            "AWS_SESSION_TOKEN": "wrong",
            "XDG_RUNTIME_DIR": str(tmp_path),
        }
        options = ["--static"] if way == "static" else []
        command = [TOOL, "exec", "--from-secret", SECRET, *options, "--", *command]
    done = Client(command).run(environment)
    assert (done.returncode, done.stdout.strip()) == (0, ARN), done.stderr
    asked = emulator.requests("GetCallerIdentity")
    assert [line["verdict"] for line in asked] == ["accepted"]


class Conversation:
    """A process that answers each line with one."""

    def __init__(self, *command: str):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, line: str) -> str:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.stdin.close()
        assert self.process.wait(timeout=30) == 0


@pytest.fixture
def own_emulator(monkeypatch):
    """An emulator whose user other tests do not need."""
    own = Emulator()
    for name, value in own.environment.items():
        if name != "PATH":
            monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    yield own
    own.stop()


def answers(emulator, clock, reader: Conversation, rotations: int) -> list[str]:  # noqa: F811
    """Rotates the key of the user while a reader runs, and returns what that says every five minutes."""
    rotation = Conversation(sys.executable, "-c", ROTATION)
    # The reader takes its first key when it is started, which may take longer than the first rotation.
    current, seconds, said = "AKIAIOSFODNN7EXAMPLE", 0, [reader.ask("call")]
    for number in range(rotations):
        pair = rotation.ask("create")
        emulator.control("POST", "/secrets", {"name": SECRET, "value": pair})
        previous, current = current, pair.split('"AccessKeyId": "')[1].split('"')[0]
        # Each rotation is at another moment of the time for which the reader keeps its key.
        for step in range(KEEP_SECONDS // STEP_SECONDS + 1 + number % 3):
            said.append(reader.ask("call"))
            if step == KEEP_SECONDS // STEP_SECONDS:
                assert rotation.ask(f"delete {previous}") == previous
                said.append(reader.ask("call"))
            seconds += STEP_SECONDS
            emulator.advance(STEP_SECONDS)
            clock(seconds)
    rotation.end()
    reader.end()
    return said


@pytest.mark.parametrize("way", ["profile", "exec"])
def test_a_reader_never_sees_a_failing_key(own_emulator, clock, tmp_path, monkeypatch, way):  # noqa: F811
    command = [sys.executable, "-c", READER]
    if way == "exec":
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
        reader = Conversation(str(TOOL), "exec", "--from-secret", SECRET, "--", *command)
    else:
        with monkeypatch.context() as changed:
            changed.setenv("AWS_CONFIG_FILE", str(profile(tmp_path)))
            reader = Conversation(*command)
    said = answers(own_emulator, clock, reader, rotations=20)
    assert [line for line in said if not line.startswith(f"{ARN} AKIA")] == []
    # It has followed all rotations, without reading the secret for each call.
    assert len({line.split()[1] for line in said}) == 21
    assert len(own_emulator.requests("GetSecretValue")) < len(said) / 5


def test_a_reader_that_keeps_a_key_for_too_long_fails(own_emulator, clock, tmp_path, monkeypatch):  # noqa: F811
    """What the test above rests on: the keys that were replaced are refused."""
    with monkeypatch.context() as changed:
        changed.setenv("AWS_CONFIG_FILE", str(profile(tmp_path, "--refresh-after", "2h")))
        reader = Conversation(sys.executable, "-c", READER)
    said = answers(own_emulator, clock, reader, rotations=2)
    assert any("InvalidClientTokenId" in line for line in said)


def rotate(*options: str) -> str:
    """Runs `secret rotate` as a timer does, and returns what it prints."""
    words = ["secret", "rotate", SECRET, "--strategy", "iam-access-key", "--no-cache"]
    command = [str(TOOL), *words, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("caller", ["role", "secret"])
def test_a_reader_never_sees_a_failing_key_of_twenty_rotations(
    own_emulator, clock, tmp_path, monkeypatch, caller  # noqa: F811
):
    """By `secret rotate`, which keeps an old key for as long as the reader may keep it, and no longer."""
    options = ["--iam-with", caller, "--keep-old", "12h", "--if-older-than", "30h"]
    with monkeypatch.context() as changed:
        changed.setenv("AWS_CONFIG_FILE", str(profile(tmp_path, "--refresh-after", "12h")))
        reader = Conversation(sys.executable, "-c", READER)
    seconds, rotations, said = 0, 0, []
    while rotations < 20:
        rotations += rotate(*options).startswith("rotated")
        said.append(reader.ask("call"))
        seconds += 24 * STEP_SECONDS
        own_emulator.advance(24 * STEP_SECONDS)
        clock(seconds)
    reader.end()
    assert [line for line in said if not line.startswith(f"{ARN} AKIA")] == []
    assert len({line.split()[1] for line in said}) >= 20
    # Each old key was deactivated and deleted, but for the last ones.
    assert len(own_emulator.requests("UpdateAccessKey")) >= 19
    assert len(own_emulator.requests("DeleteAccessKey")) >= 19
