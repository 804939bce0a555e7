"""Long-term access keys of the emulator's IAM, by botocore's clients."""

import datetime
import json
import string

import boto3
import botocore.config
import botocore.exceptions
import pytest
from emulator import ACCOUNT

USER = "legacy-app"
BUILT_IN = "AKIAIOSFODNN7EXAMPLE"


def client(service: str, key: dict):
    """Returns a client that signs with an access key."""
    return boto3.client(
        service, aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )


def refusal(call, **arguments) -> tuple[int, str, str]:
    """Returns status, code and message of a refused call."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    status = response["ResponseMetadata"]["HTTPStatusCode"]
    return status, response["Error"]["Code"], response["Error"]["Message"]


@pytest.fixture
def iam(emulator):
    """IAM as a session of Workload calls it; afterwards the user has the key that is built in only."""
    iam = boto3.Session(profile_name="default").client("iam")
    yield iam
    emulator.control("POST", "/key-propagation", {"delay_seconds": 0})
    for key in iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]:
        if key["AccessKeyId"] != BUILT_IN:
            iam.delete_access_key(UserName=USER, AccessKeyId=key["AccessKeyId"])


def test_a_session_rotates_the_key_of_a_user(iam, emulator):
    created = iam.create_access_key(UserName=USER)["AccessKey"]
    assert created["Status"] == "Active" and created["UserName"] == USER
    age = datetime.datetime.now(datetime.timezone.utc) - created["CreateDate"]
    assert abs(age) < datetime.timedelta(minutes=5)
    identity = client("sts", created).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/{USER}"
    assert identity["UserId"].startswith("AIDA")
    listed = iam.get_paginator("list_access_keys").paginate(
        UserName=USER, PaginationConfig={"PageSize": 1}
    )
    pages = [[key["AccessKeyId"] for key in page["AccessKeyMetadata"]] for page in listed]
    assert pages == [[BUILT_IN], [created["AccessKeyId"]]]
    used = iam.get_access_key_last_used(AccessKeyId=created["AccessKeyId"])
    assert used["UserName"] == USER
    assert used["AccessKeyLastUsed"]["ServiceName"] == "sts"
    status, code, _ = refusal(iam.create_access_key, UserName=USER)
    assert (status, code) == (409, "LimitExceeded")
    named = {"UserName": USER, "AccessKeyId": created["AccessKeyId"]}
    iam.update_access_key(**named, Status="Inactive")
    status, code, _ = refusal(client("sts", created).get_caller_identity)
    assert (status, code) == (403, "InvalidClientTokenId")
    assert emulator.requests()[-1]["reason"] == "access-key-inactive"
    iam.delete_access_key(**named)
    with pytest.raises(iam.exceptions.NoSuchEntityException, match="cannot be found"):
        iam.delete_access_key(**named)


def test_the_key_in_the_secret_is_the_users_own(emulator):
    secrets = boto3.Session(profile_name="default").client("secretsmanager")
    pair = json.loads(secrets.get_secret_value(SecretId="prod/access-key")["SecretString"])
    assert (pair["UserName"], pair["AccessKeyId"]) == (USER, BUILT_IN)
    own = client("secretsmanager", pair)
    assert own.get_secret_value(SecretId="prod/plain")["SecretString"] == "s3cr3t"
    assert client("ssm", pair).get_parameter(Name="plain")["Parameter"]["Value"] == "one"
    # A user need not name itself, and may not name another.
    [key] = client("iam", pair).list_access_keys()["AccessKeyMetadata"]
    assert key["AccessKeyId"] == BUILT_IN
    status, code, message = refusal(client("iam", pair).list_access_keys, UserName="other")
    assert (status, code) == (403, "AccessDenied")
    assert "iam:ListAccessKeys on resource: user other because" in message


def test_a_random_password_has_each_kind_of_character(emulator):
    secrets = boto3.Session(profile_name="default").client("secretsmanager")
    for _ in range(20):
        password = secrets.get_random_password(PasswordLength=4)["RandomPassword"]
        assert len(password) == 4
        kinds = [str.islower, str.isupper, str.isdigit, lambda c: c in string.punctuation]
        assert all(any(kind(c) for c in password) for kind in kinds), password
    long = secrets.get_random_password(
        PasswordLength=4096, ExcludeNumbers=True, IncludeSpace=True, ExcludeCharacters="aB/"
    )["RandomPassword"]
    expected = set(string.ascii_letters + string.punctuation + " ") - set("aB/")
    assert set(long) == expected
    status, code, message = refusal(secrets.get_random_password, PasswordLength=3)
    assert (status, code) == (400, "InvalidParameterException")
    assert message == "Password length is too short based on the required types."


def test_an_answer_that_is_lost_leaves_the_key_behind(iam, emulator):
    client = boto3.Session(profile_name="default").client(
        "iam", config=botocore.config.Config(retries={"total_max_attempts": 1})
    )
    emulator.fault(operation="CreateAccessKey", cut=True, perform=True)
    with pytest.raises(botocore.exceptions.ConnectionClosedError):
        client.create_access_key(UserName=USER)
    assert len(iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]) == 2


def test_a_session_must_name_the_user(iam):
    assert refusal(iam.create_access_key) == (
        400,
        "ValidationError",
        "Must specify userName when calling with non-User credentials",
    )
    assert refusal(iam.list_access_keys, UserName="other")[:2] == (404, "NoSuchEntity")


def test_a_new_key_is_not_known_at_first(iam, emulator):
    emulator.control("POST", "/key-propagation", {"delay_seconds": 3600})
    created = iam.create_access_key(UserName=USER)["AccessKey"]
    assert refusal(client("sts", created).get_caller_identity)[:2] == (403, "InvalidClientTokenId")
    read = client("secretsmanager", created).get_secret_value
    assert refusal(read, SecretId="prod/plain")[:2] == (400, "UnrecognizedClientException")
    refused = [entry for entry in emulator.requests() if entry["verdict"] == "refused"]
    assert [entry["reason"] for entry in refused] == ["access-key-propagation"] * 2
