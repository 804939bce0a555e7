"""AssumeRole by the AWS CLI and boto3: a second role behind a Roles Anywhere session."""

import json

import boto3
import botocore.exceptions
import pytest
from emulator import ACCOUNT

SECOND = f"arn:aws:iam::{ACCOUNT}:role/Second"


def test_the_cli_assumes_a_second_role(aws, emulator):
    done = aws(
        "default",
        *("sts", "assume-role", "--role-arn", SECOND, "--role-session-name", "job"),
        *("--duration-seconds", "900", "--tags", "Key=Project,Value=one", "Key=Team,Value="),
        *("--transitive-tag-keys", "Project"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assumed = json.loads(done.stdout)
    assert assumed["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/Second/job"
    created, assuming = emulator.requests()
    assert assumed["SourceIdentity"] == created["session"]["source_identity"]
    assert assuming["session"]["tags"] == {"Project": "one", "Team": ""}
    assert assuming["session"]["duration_seconds"] == 900
    assert "sts:TagSession is allowed by Statement" in assuming["explanation"]


def test_boto3_chains_roles_and_reads_the_refusals(emulator, monkeypatch):
    # `profile_name` is the source: its credentials come from the tool, once.
    sts = boto3.Session(profile_name="default").client("sts")
    policy = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": "arn:aws:secretsmanager:*:*:secret:prod/plain-*",
        },
    }
    assumed = sts.assume_role(
        RoleArn=SECOND, RoleSessionName="job", Policy=json.dumps(policy), ExternalId="x:y/z"
    )
    assert assumed["PackedPolicySize"] > 0
    monkeypatch.delenv("AWS_PROFILE")
    names = ["AccessKeyId", "SecretAccessKey", "SessionToken"]
    second = boto3.Session(*(assumed["Credentials"][name] for name in names))
    secrets = second.client("secretsmanager")
    assert secrets.get_secret_value(SecretId="prod/plain")["SecretString"] == "s3cr3t"
    with pytest.raises(botocore.exceptions.ClientError, match="no session policy allows"):
        secrets.get_secret_value(SecretId="prod/db-credentials")
    for arguments, code, words in [
        ({"RoleArn": SECOND.replace("Second", "Absent")}, "AccessDenied", "sts:AssumeRole on"),
        ({"DurationSeconds": 3601}, "ValidationError", "1 hour session limit"),
        ({"SourceIdentity": "other"}, "ValidationError", "already set"),
        ({"Policy": "{"}, "MalformedPolicyDocument", "Syntax errors"),
        ({"RoleSessionName": "a b"}, "ValidationError", r"[\w+=,.@-]*"),
    ]:
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            sts.assume_role(**{"RoleArn": SECOND, "RoleSessionName": "job", **arguments})
        error = caught.value.response["Error"]
        assert error["Code"] == code and words in error["Message"], error
    assert second.client("sts").get_caller_identity()["Account"] == ACCOUNT
    assert len(emulator.requests("CreateSession")) == 1
