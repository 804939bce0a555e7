"""`secret rotate` against moto's Secrets Manager, IAM and STS; CreateSession is the emulator's."""

import json

import boto3
import pytest

USER = "legacy-app"

# All on one worker, for one server.
pytestmark = pytest.mark.xdist_group("moto")


@pytest.fixture
def iam(moto):
    """IAM of moto with one user, who has one access key."""
    client = boto3.Session().client("iam", endpoint_url=moto)
    client.create_user(UserName=USER)
    yield client
    for key in client.list_access_keys(UserName=USER)["AccessKeyMetadata"]:
        client.delete_access_key(UserName=USER, AccessKeyId=key["AccessKeyId"])
    client.delete_user(UserName=USER)


@pytest.fixture
def rotate(moto, tool, monkeypatch):
    """Runs `secret rotate NAME …` at moto."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_IAM", moto)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto)

    def run(*arguments: str):
        return tool("secret", "rotate", *arguments, "--secrets-endpoint", moto)

    return run


def labels(moto_secrets, name: str) -> dict[str, str]:
    """The version that has each label."""
    versions = moto_secrets.describe_secret(SecretId=name)["VersionIdsToStages"]
    return {label: version for version, labels in versions.items() for label in labels}


def current(moto_secrets, name: str) -> str:
    """The current value. Without a stage, moto returns the version that was the current one first."""
    return moto_secrets.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")["SecretString"]


def assert_rotated(done, moto_secrets, name: str, before: dict[str, str]) -> None:
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.startswith(b"rotated `")
    after = labels(moto_secrets, name)
    assert after["AWSPREVIOUS"] == before["AWSCURRENT"] != after["AWSCURRENT"]
    assert "AWSPENDING" not in after


@pytest.mark.parametrize("caller", ["role", "secret"])
def test_an_access_key(moto_secrets, iam, rotate, caller):
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    old = {name: key[name] for name in ["UserName", "AccessKeyId", "SecretAccessKey"]}
    moto_secrets.create_secret(Name="team/key", SecretString=json.dumps(old | {"n": 1.50}))
    before = labels(moto_secrets, "team/key")
    done = rotate("team/key", "--strategy", "iam-access-key", "--iam-with", caller)
    assert_rotated(done, moto_secrets, "team/key", before)
    new = json.loads(current(moto_secrets, "team/key"))
    assert (new["UserName"], new["n"]) == (USER, 1.5)
    assert new["AccessKeyId"] != old["AccessKeyId"]
    keys = iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]
    assert {(it["AccessKeyId"], it["Status"]) for it in keys} == {
        (old["AccessKeyId"], "Active"),
        (new["AccessKeyId"], "Active"),
    }
    again = rotate("team/key", "--strategy", "iam-access-key", "--iam-with", caller)
    assert (again.returncode, again.stdout) == (10, b"")
    assert old["AccessKeyId"].encode() in again.stderr


def test_a_password(moto_secrets, rotate):
    moto_secrets.create_secret(Name="team/db", SecretString='{"user":"u", "password" : "old"}')
    before = labels(moto_secrets, "team/db")
    rules = ["--password-length", "40", "--exclude-punctuation"]
    done = rotate(
        "team/db", "--strategy", "random-password", "--key", "password", "--only-store", *rules
    )
    assert_rotated(done, moto_secrets, "team/db", before)
    text = current(moto_secrets, "team/db")
    assert text.startswith('{"user":"u", "password" : "')
    password = json.loads(text)["password"]
    assert len(password) == 40 and password.isalnum()


def test_commands(moto_secrets, rotate, tmp_path):
    moto_secrets.create_secret(Name="team/token", SecretString="one")
    before = labels(moto_secrets, "team/token")
    arguments = [
        *["team/token", "--strategy", "command", "--create", "echo two"],
        *["--set", f"cat >{tmp_path}/set", "--test", f"cmp {tmp_path}/set {tmp_path}/set"],
    ]
    assert_rotated(rotate(*arguments), moto_secrets, "team/token", before)
    assert current(moto_secrets, "team/token") == "two"
    read = json.loads((tmp_path / "set").read_text())
    assert (read["step"], read["current"], read["pending"]) == ("set", "one", "two")


def test_a_failed_test_is_aborted(moto_secrets, rotate):
    moto_secrets.create_secret(Name="team/token", SecretString="one")
    before = labels(moto_secrets, "team/token")
    failed = rotate(
        *["team/token", "--strategy", "command", "--create", "echo two"],
        *["--set", "true", "--test", "exit 3"],
    )
    assert (failed.returncode, failed.stdout) == (13, b"")
    assert "AWSPENDING" in labels(moto_secrets, "team/token")
    aborted = rotate("team/token", "--abort")
    assert aborted.returncode == 0, aborted.stderr.decode()
    after = labels(moto_secrets, "team/token")
    assert "AWSPENDING" not in after and after["AWSCURRENT"] == before["AWSCURRENT"]
