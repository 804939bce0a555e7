"""What reads secrets and parameters, against moto's Secrets Manager and Parameter Store; CreateSession is the emulator's.

Whether the tool's JSON is the AWS CLI's is asked of the CLI itself.
"""

import json
from datetime import datetime
from pathlib import Path

import boto3
import pytest

SECRET = {"username": "app", "port": 5432, "nested": {"a": [1, 2]}, "none": None, "ü": "ß"}


# All on one worker, for one server.
pytestmark = pytest.mark.xdist_group("moto")


@pytest.fixture
def client(moto):
    """boto3 at moto, with credentials of the emulator; all secrets of the test before are gone."""
    client = boto3.Session().client("secretsmanager", endpoint_url=moto)
    for secret in client.list_secrets()["SecretList"]:
        client.delete_secret(SecretId=secret["ARN"], ForceDeleteWithoutRecovery=True)
    return client


@pytest.fixture
def secret_get(moto, tool):
    """Runs `secret get NAME …` at moto."""

    def run(*arguments: str):
        return tool("secret", "get", *arguments, "--secrets-endpoint", moto)

    return run


@pytest.fixture
def iso_dates(emulator, monkeypatch, tmp_path):
    """Makes the AWS CLI v1 print dates as v2 does, not as numbers."""
    config = Path(emulator.environment["AWS_CONFIG_FILE"]).read_text()
    written = tmp_path / "config"
    written.write_text(config.replace("[default]\n", "[default]\ncli_timestamp_format = iso8601\n"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(written))


def assert_prints(done, expected: bytes) -> None:
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, b"")


def test_text_by_name_and_by_arn(client, emulator, secret_get):
    arn = client.create_secret(Name="team/text", SecretString="grüße\n")["ARN"]
    assert_prints(secret_get("team/text"), "grüße\n".encode())
    assert_prints(secret_get(arn), "grüße\n".encode())
    # CreateSession was the emulator's, the secret was not.
    assert {line["operation"] for line in emulator.requests()} == {"CreateSession"}


def test_one_member_of_a_json_secret(client, secret_get):
    client.create_secret(Name="team/json", SecretString=json.dumps(SECRET))
    assert_prints(secret_get("team/json", "--key", "username"), b"app")
    assert_prints(secret_get("team/json", "--key", "port"), b"5432")
    assert_prints(secret_get("team/json", "--key", "ü"), "ß".encode())
    missing = secret_get("team/json", "--key", "password")
    assert (missing.returncode, missing.stdout) == (4, b"")
    assert b"password" in missing.stderr and b"5432" not in missing.stderr


def test_binary(client, secret_get, tmp_path):
    binary = bytes(range(256)) * 16
    client.create_secret(Name="team/binary", SecretBinary=binary)
    assert_prints(secret_get("team/binary"), binary)
    out = tmp_path / "out"
    assert_prints(secret_get("team/binary", "--out", str(out)), b"")
    assert out.read_bytes() == binary
    assert out.stat().st_mode & 0o777 == 0o600


def test_versions(client, secret_get):
    first = client.create_secret(Name="team/versions", SecretString="first")["VersionId"]
    client.put_secret_value(SecretId="team/versions", SecretString="second")
    assert_prints(secret_get("team/versions"), b"second")
    assert_prints(secret_get("team/versions", "--version-stage", "AWSPREVIOUS"), b"first")
    assert_prints(secret_get("team/versions", "--version-id", first), b"first")


def test_what_is_not_there(client, secret_get):
    done = secret_get("team/unknown")
    assert (done.returncode, done.stdout) == (4, b"")
    assert b"ResourceNotFoundException" in done.stderr


@pytest.mark.parametrize(
    "value", [{"SecretString": json.dumps(SECRET)}, {"SecretBinary": b"\x00\xff\n"}]
)
def test_json_is_what_the_aws_cli_prints(client, aws, iso_dates, moto, secret_get, value):
    client.create_secret(Name="team/json", **value)
    arguments = ["secretsmanager", "get-secret-value", "--secret-id", "team/json"]
    theirs = aws("default", *arguments, "--endpoint-url", moto)
    assert (theirs.returncode, theirs.stderr) == (0, "")
    ours = secret_get("team/json", "--output", "json")
    assert (ours.returncode, ours.stderr) == (0, b"")
    theirs, ours = json.loads(theirs.stdout), json.loads(ours.stdout)
    assert list(ours) == list(theirs)
    # The two write the same instant in different offsets or precisions.
    dates = [datetime.fromisoformat(each.pop("CreatedDate")) for each in (ours, theirs)]
    assert abs((dates[0] - dates[1]).total_seconds()) < 0.001
    assert ours == theirs


def test_several_secrets(client, secret_get):
    for name in ("team/a", "team/b"):
        client.create_secret(Name=name, SecretString=json.dumps({f"{name[-1]}-key": name}))
    done = secret_get("team/b", "team/a", "--output", "json")
    assert (done.returncode, done.stderr) == (0, b"")
    assert [each["Name"] for each in json.loads(done.stdout)] == ["team/b", "team/a"]
    assert_prints(
        secret_get("team/a", "team/b", "--output", "dotenv"), b"A_KEY=team/a\nB_KEY=team/b\n"
    )
    missing = secret_get("team/a", "team/none", "--output", "json")
    assert (missing.returncode, missing.stdout) == (4, b"")
    assert b"`team/none`" in missing.stderr
