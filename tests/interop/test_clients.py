"""Every client of AWS by every way in, with nothing but that way in its environment.

Their time-outs are those they have by default: IMDS has to answer the Go SDK within half a second.
"""

import os
import shutil
import time

import boto3
import pytest
from clients import CLIENTS, LIBRARY, Client, Serve
from emulator import ACCOUNT

PATIENCE = 60
SERVED = ["imds", "container"]
WAYS = ["process", *SERVED]


@pytest.fixture
def environment(tmp_path):
    """The environment of a client to which no way is told yet."""
    empty = tmp_path / "empty"
    empty.touch()
    # With a cache, as everybody has it by default, but one of its own.
    (tmp_path / "run").mkdir(mode=0o700)
    unset = ("AWS_PROFILE", "ROLES_ANYWHERE_NO_CACHE")
    told = {name: value for name, value in os.environ.items() if name not in unset}
    told |= {"AWS_CONFIG_FILE": str(empty), "AWS_SHARED_CREDENTIALS_FILE": str(empty)}
    return told | {"XDG_RUNTIME_DIR": str(tmp_path / "run")}


@pytest.fixture
def way(emulator, environment, tmp_path):
    """Returns the environment of a client with one way to credentials, and starts what it needs."""
    started = []

    def way(name: str) -> dict[str, str]:
        if name == "process":
            return environment | {"AWS_CONFIG_FILE": emulator.environment["AWS_CONFIG_FILE"]}
        started.append(Serve(tmp_path))
        if name == "container":
            return environment | started[0].container
        del environment["AWS_EC2_METADATA_DISABLED"]
        return environment | started[0].imds

    yield way
    assert [serve.stop() for serve in started] == [0] * len(started)


def wait_for(condition, what: str) -> None:
    """Waits for what nothing announces."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def key_of(line: dict) -> str:
    return line["session"]["access_key_id"]


def enter(monkeypatch, environment: dict[str, str]) -> None:
    """Makes it the environment of this process, in which boto3 runs."""
    for name in os.environ.keys() - environment.keys():
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("sdk", CLIENTS)
def test_learns_who_it_is(emulator, way, sdk, name):
    client = CLIENTS[sdk]
    if client.built and not client.built.exists():
        pytest.skip(f"the AWS SDK for {sdk}: {client.unless}")
    done = client.run(way(name))
    assert done.returncode == 0, done.stderr
    vended, asked = emulator.requests()
    assert (vended["operation"], asked["operation"]) == ("CreateSession", "GetCallerIdentity")
    assert key_of(vended) == key_of(asked)
    role_session = vended["session"]["role_session_name"]
    assert done.stdout.strip() == f"arn:aws:sts::{ACCOUNT}:assumed-role/Workload/{role_session}"


def test_library_provides_credentials_to_an_sdk(emulator, environment):
    done = Client([LIBRARY, "prod/plain"]).run(environment)
    assert (done.returncode, done.stdout) == (0, "s3cr3t\n"), done.stderr
    vended, asked = emulator.requests()
    assert (vended["operation"], asked["operation"]) == ("CreateSession", "GetSecretValue")
    assert key_of(vended) == key_of(asked)


@pytest.mark.long
def test_a_client_that_lives_long_goes_on_while_sessions_end(emulator, way, monkeypatch):
    # Not by IMDS, where botocore uses what has ended for up to twenty minutes more.
    emulator.end_sessions_after(6)
    enter(monkeypatch, way("container"))
    client = boto3.Session().client("sts")
    used = set()
    deadline = time.monotonic() + PATIENCE
    while len(used) < 3:
        assert time.monotonic() < deadline, f"only {len(used)} sessions"
        client.get_caller_identity()
        used.add(key_of(emulator.requests("GetCallerIdentity")[-1]))
        time.sleep(0.1)
    assert {line["verdict"] for line in emulator.requests()} == {"accepted"}


@pytest.mark.parametrize("name", SERVED)
def test_clients_notice_nothing_of_an_aws_that_is_gone(emulator, way, name, tmp_path, monkeypatch):
    def put(identity) -> None:
        shutil.copy(identity.key, tmp_path / "leaf.key.pem")
        shutil.copy(identity.certificate, tmp_path / "leaf.pem")

    put(emulator.identity("leaf/p256"))
    monkeypatch.setenv("ROLES_ANYWHERE_CERTIFICATE", str(tmp_path / "leaf.pem"))
    monkeypatch.setenv("ROLES_ANYWHERE_PRIVATE_KEY", str(tmp_path / "leaf.key.pem"))
    environment = way(name)
    wait_for(lambda: emulator.requests("CreateSession"), "the first session")
    emulator.fault(operation="CreateSession", status=503, times=0)
    # A new certificate has `serve` ask at once, an hour before the session ends.
    put(emulator.identity("leaf/rsa2048"))
    wait_for(lambda: len(emulator.requests("CreateSession")) > 1, "a try that fails")
    for client in ("aws-cli", "boto3"):
        done = CLIENTS[client].run(environment)
        assert done.returncode == 0, done.stderr
    first, *others = emulator.requests("CreateSession")
    assert {line["status"] for line in others} == {503}
    assert {key_of(line) for line in emulator.requests("GetCallerIdentity")} == {key_of(first)}


@pytest.mark.parametrize("name", SERVED)
def test_a_client_gives_up_in_time_where_there_is_nothing_to_give(emulator, way, name):
    emulator.fault(operation="CreateSession", status=403, code="AccessDeniedException", times=0)
    begin = time.monotonic()
    done = CLIENTS["aws-cli"].run(way(name))
    assert (done.returncode, done.stdout) == (255, "")
    # By IMDS botocore throws away what it was told.
    told = {"imds": "Unable to locate credentials", "container": "AWS refused CreateSession"}
    assert told[name] in done.stderr
    assert time.monotonic() - begin < 30
    assert emulator.requests("GetCallerIdentity") == []
