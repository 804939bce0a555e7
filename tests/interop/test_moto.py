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


def test_text_by_name_and_by_arn(moto_secrets, emulator, secret_get):
    arn = moto_secrets.create_secret(Name="team/text", SecretString="grüße\n")["ARN"]
    assert_prints(secret_get("team/text"), "grüße\n".encode())
    assert_prints(secret_get(arn), "grüße\n".encode())
    # CreateSession was the emulator's, the secret was not.
    assert {line["operation"] for line in emulator.requests()} == {"CreateSession"}


def test_one_member_of_a_json_secret(moto_secrets, secret_get):
    moto_secrets.create_secret(Name="team/json", SecretString=json.dumps(SECRET))
    assert_prints(secret_get("team/json", "--key", "username"), b"app")
    assert_prints(secret_get("team/json", "--key", "port"), b"5432")
    assert_prints(secret_get("team/json", "--key", "ü"), "ß".encode())
    missing = secret_get("team/json", "--key", "password")
    assert (missing.returncode, missing.stdout) == (4, b"")
    assert b"password" in missing.stderr and b"5432" not in missing.stderr


def test_binary(moto_secrets, secret_get, tmp_path):
    binary = bytes(range(256)) * 16
    moto_secrets.create_secret(Name="team/binary", SecretBinary=binary)
    assert_prints(secret_get("team/binary"), binary)
    out = tmp_path / "out"
    assert_prints(secret_get("team/binary", "--out", str(out)), b"")
    assert out.read_bytes() == binary
    assert out.stat().st_mode & 0o777 == 0o600


def test_versions(moto_secrets, secret_get):
    first = moto_secrets.create_secret(Name="team/versions", SecretString="first")["VersionId"]
    moto_secrets.put_secret_value(SecretId="team/versions", SecretString="second")
    assert_prints(secret_get("team/versions"), b"second")
    assert_prints(secret_get("team/versions", "--version-stage", "AWSPREVIOUS"), b"first")
    assert_prints(secret_get("team/versions", "--version-id", first), b"first")


def test_what_is_not_there(moto_secrets, secret_get):
    done = secret_get("team/unknown")
    assert (done.returncode, done.stdout) == (4, b"")
    assert b"ResourceNotFoundException" in done.stderr


@pytest.mark.parametrize(
    "value", [{"SecretString": json.dumps(SECRET)}, {"SecretBinary": b"\x00\xff\n"}]
)
def test_json_is_what_the_aws_cli_prints(moto_secrets, aws, iso_dates, moto, secret_get, value):
    moto_secrets.create_secret(Name="team/json", **value)
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


def without_dates(document):
    """A document whose dates are cut to the second: the two write other offsets and precisions."""
    if isinstance(document, dict):
        return {
            key: int(datetime.fromisoformat(value).timestamp())
            if "Date" in key
            else without_dates(value)
            for key, value in document.items()
        }
    if isinstance(document, list):
        return [without_dates(each) for each in document]
    return document


def assert_same(ours, theirs) -> None:
    assert (ours.returncode, ours.stderr, theirs.returncode, theirs.stderr) == (0, b"", 0, "")
    assert without_dates(json.loads(ours.stdout)) == without_dates(json.loads(theirs.stdout))


def test_several_secrets(moto_secrets, secret_get):
    for name in ("team/a", "team/b"):
        moto_secrets.create_secret(Name=name, SecretString=json.dumps({f"{name[-1]}-key": name}))
    done = secret_get("team/b", "team/a", "--output", "json")
    assert (done.returncode, done.stderr) == (0, b"")
    assert [each["Name"] for each in json.loads(done.stdout)] == ["team/b", "team/a"]
    assert_prints(
        secret_get("team/a", "team/b", "--output", "dotenv"), b"A_KEY=team/a\nB_KEY=team/b\n"
    )
    missing = secret_get("team/a", "team/none", "--output", "json")
    assert (missing.returncode, missing.stdout) == (4, b"")
    assert b"`team/none`" in missing.stderr


def test_lists_and_describes_secrets_as_the_aws_cli_does(moto_secrets, aws, iso_dates, moto, tool):
    moto_secrets.create_secret(
        Name="team/described", SecretString="s", Description="d", Tags=[{"Key": "k", "Value": "v"}]
    )
    arguments = ["--secrets-endpoint", moto, "--output", "json"]
    theirs = ["secretsmanager", "describe-secret", "--secret-id", "team/described"]
    theirs = aws("default", *theirs, "--endpoint-url", moto)
    assert_same(tool("secret", "describe", "team/described", *arguments), theirs)
    theirs = aws("default", "secretsmanager", "list-secrets", "--endpoint-url", moto)
    assert_same(tool("secret", "list", *arguments), theirs)
    listed = tool("secret", "list", "--prefix", "other", "--secrets-endpoint", moto)
    assert b"team/described" not in listed.stdout


@pytest.fixture
def parameters(aws, moto, tool):
    """The AWS CLI and the tool at moto's Parameter Store, which has no parameter of the test before."""
    store = boto3.Session().client("ssm", endpoint_url=moto)
    old = [each["Name"] for each in store.describe_parameters()["Parameters"]]
    if old:
        store.delete_parameters(Names=old)

    def put(name: str, value: str, *arguments: str) -> None:
        arguments = ["--name", name, "--value", value, *arguments]
        done = aws("default", "ssm", "put-parameter", *arguments, "--endpoint-url", moto)
        assert (done.returncode, done.stderr) == (0, "")

    def read(*arguments: str):
        return tool("parameter", *arguments, "--parameters-endpoint", moto)

    return put, read


def test_parameters_and_their_versions(aws, iso_dates, moto, parameters):
    put, read = parameters
    put("/team/url", "old.example", "--type", "String")
    put("/team/url", "new.example", "--overwrite")
    put("/team/password", "hunter2", "--type", "SecureString")
    assert_prints(read("get", "/team/url"), b"new.example")
    assert_prints(read("get", "/team/url", "--version", "1"), b"old.example")
    assert_prints(read("get", "/team/password"), b"hunter2")
    assert b"hunter2" != read("get", "/team/password", "--no-decrypt").stdout
    missing = read("get", "/team/none")
    assert (missing.returncode, missing.stdout) == (4, b"")
    assert b"ParameterNotFound" in missing.stderr
    theirs = ["ssm", "get-parameter", "--name", "/team/password", "--with-decryption"]
    theirs = aws("default", *theirs, "--endpoint-url", moto)
    assert_same(read("get", "/team/password", "--output", "json"), theirs)


def test_parameters_of_several_pages(aws, iso_dates, moto, parameters):
    put, read = parameters
    for number in range(12):
        put(f"/team/level/key-{number:02}", str(number), "--type", "String")
    values = "".join(f"LEVEL_KEY_{number:02}={number}\n" for number in range(12))
    listed = read("list", "--path", "/team", "--recursive", "--output", "dotenv")
    assert_prints(listed, values.encode())
    assert read("list", "--path", "/team").stdout.count(b"\n") == 1
    theirs = ["ssm", "get-parameters-by-path", "--path", "/team/level"]
    theirs = aws("default", *theirs, "--endpoint-url", moto)
    assert_same(read("list", "--path", "/team/level", "--values", "--output", "json"), theirs)
