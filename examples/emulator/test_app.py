"""Tests of an application that reads a secret with boto3."""

import json

import boto3
import pytest
from botocore.exceptions import CredentialRetrievalError


def read_password():
    """The application."""
    secrets = boto3.Session().client("secretsmanager")
    secret = secrets.get_secret_value(SecretId="prod/db-credentials")
    return json.loads(secret["SecretString"])["password"]


def test_reads_the_password(aws, use_certificate):
    use_certificate("app-1")
    assert read_password() == "for-tests-only"
    aws.expect(operation="CreateSession", verdict="accepted", exactly=1)
    aws.expect(operation="GetSecretValue", verdict="accepted", exactly=1)


def test_another_certificate_is_refused_by_the_trust_policy(aws, use_certificate):
    use_certificate("stranger")
    with pytest.raises(CredentialRetrievalError):
        read_password()
    [request] = aws.requests(operation="CreateSession", verdict="refused")
    assert "aws:PrincipalTag/x509Subject/CN" in request["explanation"]
    aws.expect(operation="GetSecretValue", exactly=0)


def test_tries_again_when_aws_is_busy(aws, use_certificate):
    use_certificate("app-1")
    aws.call("POST", "/faults", {"operation": "GetSecretValue", "status": 503, "times": 1})
    assert read_password() == "for-tests-only"
    aws.expect(operation="GetSecretValue", exactly=2)
