"""Services and operations that the emulator does not have: each client shows which, and what to set."""

import subprocess

import boto3
import botocore.exceptions
import pytest
from clients import AWS_CLI


@pytest.fixture(autouse=True)
def static_credentials(emulator, monkeypatch):
    """Credentials of no one: what is absent is said before a signature is verified."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "absent")
    # Its `credential_process` comes after the variables, but only for the default profile.
    monkeypatch.delenv("AWS_PROFILE")


def test_boto3_names_the_service_and_its_variable():
    session = boto3.Session()
    seen = {}
    for service, operation, arguments in [
        ("dynamodb", "list_tables", {}),
        ("s3", "list_buckets", {}),
        ("ssm", "list_documents", {}),
        ("ec2", "describe_instances", {}),
        ("lambda", "list_functions", {}),
        ("iam", "list_roles", {}),
        ("cloudwatch", "list_metrics", {}),
        ("route53", "list_hosted_zones", {}),
        ("secretsmanager", "rotate_secret", {"SecretId": "x"}),
        ("rolesanywhere", "list_profiles", {}),
    ]:
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            getattr(session.client(service), operation)(**arguments)
        error = caught.value.response
        assert error["ResponseMetadata"]["RetryAttempts"] == 0, service
        seen[service] = error["Error"]["Message"].removeprefix("this emulator has no ")
    elsewhere = "to an endpoint that has it"
    assert seen == {
        "dynamodb": f"DynamoDB; set AWS_ENDPOINT_URL_DYNAMODB {elsewhere}",
        "s3": f"S3; set AWS_ENDPOINT_URL_S3 {elsewhere}",
        "ssm": "ssm:ListDocuments",
        "ec2": f"EC2; set AWS_ENDPOINT_URL_EC2 {elsewhere}",
        "lambda": f"Lambda; set AWS_ENDPOINT_URL_LAMBDA {elsewhere}",
        "iam": f"iam:ListRoles; set AWS_ENDPOINT_URL_IAM {elsewhere}",
        "cloudwatch": f"CloudWatch; set AWS_ENDPOINT_URL_CLOUDWATCH {elsewhere}",
        "route53": f"Route 53; set AWS_ENDPOINT_URL_ROUTE_53 {elsewhere}",
        "secretsmanager": "secretsmanager:RotateSecret",
        "rolesanywhere": "rolesanywhere:GET /profiles",
    }


def test_the_text_reaches_the_terminal(emulator):
    commands = [
        ("dynamodb", "list-tables"),
        ("s3", "ls"),
        ("ec2", "describe-instances"),
        ("lambda", "list-functions"),
    ]
    running = [
        subprocess.Popen([str(AWS_CLI), *command], stderr=subprocess.PIPE, text=True)
        for command in commands
    ]
    for (service, _), process in zip(commands, running, strict=True):
        stderr = process.communicate(timeout=60)[1]
        assert f"set AWS_ENDPOINT_URL_{service.upper()} " in stderr, stderr
    assert {line["reason"] for line in emulator.requests("Unknown")} == {"service"}
