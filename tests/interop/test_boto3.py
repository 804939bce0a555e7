"""boto3 by `credential_process`, and what botocore makes of the tool's output."""

import configparser
from datetime import UTC, datetime, timedelta

import boto3
import botocore.session
import pytest
from botocore.credentials import ProcessProvider
from botocore.exceptions import ClientError, CredentialRetrievalError
from emulator import ACCOUNT, TOOL

PROFILES = ["default", "rsa", "ec", "p384"]


def secrets(profile: str = "default"):
    """Returns a client that gets its credentials from the tool."""
    return boto3.Session(profile_name=profile).client("secretsmanager")


def frozen(profile: str = "default") -> boto3.Session:
    """Returns a session whose credentials are those of now, and are never fetched again."""
    credentials = boto3.Session(profile_name=profile).get_credentials().get_frozen_credentials()
    return boto3.Session(
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        aws_session_token=credentials.token,
    )


def error_of(error: ClientError) -> tuple[int, str]:
    return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]


@pytest.mark.parametrize("profile", PROFILES)
def test_learns_who_it_is_and_reads_secrets(profile):
    identity = boto3.Session(profile_name=profile).client("sts").get_caller_identity()
    assert identity["Account"] == ACCOUNT
    assert identity["Arn"].startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/Workload/")
    client = secrets(profile)
    assert client.get_secret_value(SecretId="prod/plain")["SecretString"] == "s3cr3t"
    binary = client.get_secret_value(SecretId="prod/keystore")["SecretBinary"]
    assert binary == bytes(range(256))


def test_creates_describes_and_replaces_a_secret(tool):
    client = secrets("rsa")
    created = client.create_secret(Name="interop/rotated", SecretString="first")
    replaced = client.put_secret_value(SecretId="interop/rotated", SecretString="second")
    assert created["ARN"] == replaced["ARN"]
    assert created["VersionId"] != replaced["VersionId"]
    described = client.describe_secret(SecretId="interop/rotated")
    assert described["Name"] == "interop/rotated"
    assert described["VersionIdsToStages"] == {
        created["VersionId"]: ["AWSPREVIOUS"],
        replaced["VersionId"]: ["AWSCURRENT"],
    }
    previous = client.get_secret_value(SecretId=created["ARN"], VersionStage="AWSPREVIOUS")
    assert previous["SecretString"] == "first"
    with pytest.raises(ClientError) as again:
        client.create_secret(Name="interop/rotated", SecretString="third")
    assert error_of(again.value) == (400, "ResourceExistsException")
    # And the tool sees what boto3 wrote.
    assert tool("secret", "get", "interop/rotated").stdout == b"second"
    older = tool("secret", "get", created["ARN"], "--version-id", created["VersionId"])
    assert older.stdout == b"first"


@pytest.mark.parametrize(
    ("secret", "code"),
    [
        ("prod/unknown", "ResourceNotFoundException"),
        ("prod/deleted", "InvalidRequestException"),
        ("prod/kms-denied", "AccessDeniedException"),
        ("prod/broken-key", "DecryptionFailure"),
    ],
)
def test_errors_come_through_botocores_model(secret, code):
    client = secrets()
    with pytest.raises(ClientError) as refused:
        client.get_secret_value(SecretId=secret)
    assert error_of(refused.value) == (400, code)
    assert refused.value.response["Error"]["Message"]


def test_an_ended_session_is_refused_as_each_service_words_it(emulator):
    # Ten minutes, for a clock that is more than 15 minutes off is refused for that first.
    emulator.end_sessions_after(600)
    session = frozen()
    assert session.client("sts").get_caller_identity()["Account"] == ACCOUNT
    emulator.advance(601)
    with pytest.raises(ClientError) as sts:
        session.client("sts").get_caller_identity()
    assert error_of(sts.value) == (403, "ExpiredToken")
    with pytest.raises(ClientError) as secret:
        session.client("secretsmanager").get_secret_value(SecretId="prod/plain")
    assert error_of(secret.value) == (400, "ExpiredTokenException")
    assert [line["reason"] for line in emulator.requests()[-2:]] == ["session-expired"] * 2


def test_a_session_that_is_about_to_end_is_replaced_by_botocore(emulator):
    # Below botocore's ten mandatory minutes: every use fetches anew, and goes on working.
    emulator.end_sessions_after(300)
    client = secrets()
    for _ in range(2):
        assert client.get_secret_value(SecretId="prod/plain")["SecretString"] == "s3cr3t"
    keys = {line["session"]["access_key_id"] for line in emulator.requests("CreateSession")}
    assert len(keys) >= 2


def test_a_wrong_secret_key_or_token_is_refused():
    credentials = frozen().get_credentials()
    wrong = {
        "SignatureDoesNotMatch": ("x" * 40, credentials.token),
        "InvalidClientTokenId": (credentials.secret_key, "x" + credentials.token[1:]),
    }
    for code, (secret_key, token) in wrong.items():
        session = boto3.Session(credentials.access_key, secret_key, token)
        with pytest.raises(ClientError) as refused:
            session.client("sts").get_caller_identity()
        assert error_of(refused.value) == (403, code)


@pytest.mark.parametrize("profile", PROFILES)
def test_botocores_own_provider_reads_the_output(profile):
    configuration = botocore.session.Session().full_config
    credentials = ProcessProvider(profile, lambda: configuration).load()
    assert credentials.method == "custom-process"
    assert credentials.access_key.startswith("ASIA")
    assert len(credentials.secret_key) == 40 and credentials.token
    assert credentials.account_id == ACCOUNT
    life = credentials._expiry_time - datetime.now(UTC)
    assert timedelta(minutes=59) < life <= timedelta(hours=1)


def test_a_failure_carries_the_tools_words(emulator):
    emulator.fault(operation="CreateSession", status=403, code="AccessDeniedException", times=0)
    with pytest.raises(CredentialRetrievalError, match="(?s)error: .*\n  hint: "):
        secrets().get_secret_value(SecretId="prod/plain")


def test_works_under_the_official_helpers_name(monkeypatch, emulator, tmp_path, tool):
    helper = tmp_path / "aws_signing_helper"
    helper.symlink_to(TOOL)
    config = configparser.RawConfigParser()
    config.read(emulator.environment["AWS_CONFIG_FILE"])
    process = config["profile rsa"]["credential_process"]
    arguments = process.split("credential-process", 1)[1]
    written = tmp_path / "config"
    written.write_text(
        "[default]\nregion = us-east-1\n"
        f"credential_process = {helper} credential-process {arguments}"
        # As its users write them.
        " --session-duration 900 --debug=false --with-proxy=false\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(written))
    assert secrets().get_secret_value(SecretId="prod/plain")["SecretString"] == "s3cr3t"
    assert emulator.requests("CreateSession")[0]["session"]["duration_seconds"] == 900
    # The same exit codes by both names.
    for arguments in (["credential-process", "--nonsense"], ["serve", "--port", "x"], ["credential-process", "x"]):
        codes = {tool(*arguments, program=program).returncode for program in (helper, TOOL)}
        assert codes == {2}, arguments
