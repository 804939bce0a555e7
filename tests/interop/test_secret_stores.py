"""Secrets Manager and Parameter Store of the emulator, used by boto3 and the AWS CLI.

What moto supports is asked of moto too, and must be answered in the same way, except for what
`comparable` leaves out.
"""

import json
import uuid

import boto3
import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.xdist_group("moto")

# moto answers 404 for what is not found in Secrets Manager, and AWS 400. Texts are not compared.
NOT_FOUND = {404: 400}


class Outcomes:
    """Calls both, and compares what they answer."""

    def __init__(self, service: str, moto: str):
        self.clients = {
            "emulator": boto3.Session().client(service),
            "moto": boto3.Session().client(service, endpoint_url=moto),
        }
        self.unique = f"/t{uuid.uuid4().hex}"

    def ask(self, operation: str, **arguments):
        """Returns the answer of both, which must be the same, without what differs by nature."""
        answers = {name: self._answer(client, operation, arguments) for name, client in self.clients.items()}
        assert answers["emulator"] == answers["moto"], (operation, arguments)
        return answers["emulator"]

    def _answer(self, client, operation: str, arguments: dict):
        try:
            answer = getattr(client, operation)(**arguments)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            assert client is self.clients["moto"] or status == 400
            return error.response["Error"]["Code"], NOT_FOUND.get(status, status)
        return comparable(answer)


# Of each answer, what no two services share: ids of requests, dates, the six characters of an ARN. And
# the `Selector` of a parameter, which moto leaves out.
BY_NATURE = {"ResponseMetadata", "ARN", "NextToken", "Selector"}


def comparable(value):
    """Returns an answer without what differs by nature, and without what is empty or not there."""
    if isinstance(value, dict):
        return {
            name: comparable(member)
            for name, member in value.items()
            if name not in BY_NATURE and not name.endswith("Date") and member not in (None, [], {}, "")
        }
    if isinstance(value, list):
        members = [comparable(member) for member in value]
        return sorted(members, key=lambda member: json.dumps(member, sort_keys=True, default=str))
    return value


@pytest.fixture
def secrets(moto):
    return Outcomes("secretsmanager", moto)


@pytest.fixture
def parameters(moto):
    return Outcomes("ssm", moto)


def token(digit: int) -> str:
    return str(digit) * 32


def test_a_secret_lives_the_same_life_at_both(secrets):
    name = secrets.unique
    one = {"SecretId": name}
    assert secrets.ask("get_secret_value", **one) == ("ResourceNotFoundException", 400)
    secrets.ask(
        "create_secret",
        Name=name,
        SecretString="first",
        ClientRequestToken=token(1),
        Description="of a test",
        Tags=[{"Key": "Team", "Value": "plant"}],
    )
    assert secrets.ask("get_secret_value", **one)["SecretString"] == "first"
    secrets.ask("put_secret_value", **one, SecretString="second", ClientRequestToken=token(2))
    for selection in (
        {"VersionStage": "AWSPREVIOUS"},
        {"VersionId": token(1)},
        {"VersionId": token(2), "VersionStage": "AWSCURRENT"},
        {"VersionStage": "absent"},
        {"VersionId": token(9)},
    ):
        secrets.ask("get_secret_value", **one, **selection)
    mismatch = secrets.ask(
        "get_secret_value", **one, VersionId=token(1), VersionStage="AWSCURRENT"
    )
    assert mismatch == ("InvalidRequestException", 400)
    secrets.ask("tag_resource", **one, Tags=[{"Key": "Owner", "Value": "me"}])
    secrets.ask("untag_resource", **one, TagKeys=["Team"])
    described = secrets.ask("describe_secret", **one)
    assert described["Tags"] == [{"Key": "Owner", "Value": "me"}]
    assert described["VersionIdsToStages"] == {token(1): ["AWSPREVIOUS"], token(2): ["AWSCURRENT"]}
    secrets.ask("update_secret", **one, SecretString="third", ClientRequestToken=token(3))
    assert secrets.ask("get_secret_value", **one)["SecretString"] == "third"
    secrets.ask("delete_secret", **one, RecoveryWindowInDays=7)
    assert secrets.ask("get_secret_value", **one) == ("InvalidRequestException", 400)
    secrets.ask("restore_secret", **one)
    assert secrets.ask("get_secret_value", **one)["SecretString"] == "third"
    secrets.ask("delete_secret", **one, ForceDeleteWithoutRecovery=True)
    assert secrets.ask("describe_secret", **one) == ("ResourceNotFoundException", 400)


def test_labels_move_the_same_way_at_both(secrets):
    name = secrets.unique
    one = {"SecretId": name}
    secrets.ask("create_secret", Name=name, SecretString="a", ClientRequestToken=token(1))
    secrets.ask(
        "put_secret_value",
        **one,
        SecretString="b",
        ClientRequestToken=token(2),
        VersionStages=["AWSPENDING"],
    )
    move = {**one, "VersionStage": "AWSCURRENT", "MoveToVersionId": token(2)}
    refused = secrets.ask("update_secret_version_stage", **move)
    assert refused == ("InvalidParameterException", 400)
    secrets.ask("update_secret_version_stage", **move, RemoveFromVersionId=token(1))
    pending = {**one, "VersionStage": "AWSPENDING", "RemoveFromVersionId": token(2)}
    secrets.ask("update_secret_version_stage", **pending)
    stages = secrets.ask("describe_secret", **one)["VersionIdsToStages"]
    assert stages == {token(1): ["AWSPREVIOUS"], token(2): ["AWSCURRENT"]}


def test_many_secrets_are_read_the_same_way(secrets):
    names = [f"{secrets.unique}/{index}" for index in range(3)]
    for index, name in enumerate(names):
        secrets.ask(
            "create_secret", Name=name, SecretString=f"v{index}", ClientRequestToken=token(index)
        )
    batch = secrets.ask("batch_get_secret_value", SecretIdList=names)
    assert {value["SecretString"] for value in batch["SecretValues"]} == {"v0", "v1", "v2"}
    filters = [{"Key": "name", "Values": [secrets.unique]}]
    batch = secrets.ask("batch_get_secret_value", Filters=filters)
    assert len(batch["SecretValues"]) == 3
    both = secrets.ask("batch_get_secret_value", SecretIdList=names, Filters=filters)
    assert both == ("InvalidParameterException", 400)
    listed = secrets.ask("list_secrets", Filters=filters)
    assert [entry["Name"] for entry in listed["SecretList"]] == names
    none = [{"Key": "name", "Values": [f"!{secrets.unique}"]}, *filters]
    assert secrets.ask("list_secrets", Filters=none) == {}


def test_a_parameter_lives_the_same_life_at_both(parameters):
    name = f"{parameters.unique}/db/password"
    one = {"Name": name, "WithDecryption": True}
    assert parameters.ask("get_parameter", **one) == ("ParameterNotFound", 400)
    parameters.ask("put_parameter", Name=name, Value="first", Type="SecureString")
    again = parameters.ask("put_parameter", Name=name, Value="x", Type="SecureString")
    assert again == ("ParameterAlreadyExists", 400)
    parameters.ask("put_parameter", Name=name, Value="second", Overwrite=True)
    assert parameters.ask("get_parameter", **one)["Parameter"]["Value"] == "second"
    older = parameters.ask("get_parameter", Name=f"{name}:1", WithDecryption=True)
    assert older["Parameter"]["Value"] == "first"
    labels = {"Name": name, "ParameterVersion": 1, "Labels": ["live", "2nd"]}
    labelled = parameters.ask("label_parameter_version", **labels)
    assert labelled == {"InvalidLabels": ["2nd"], "ParameterVersion": 1}
    labelled = parameters.ask("get_parameter", Name=f"{name}:live", WithDecryption=True)
    assert labelled["Parameter"]["Value"] == "first"
    absent = parameters.ask("get_parameter", Name=f"{name}:9")
    assert absent == ("ParameterVersionNotFound", 400)
    parameters.ask("delete_parameter", Name=name)
    assert parameters.ask("get_parameter", **one) == ("ParameterNotFound", 400)


def test_many_parameters_are_read_the_same_way(parameters):
    path = parameters.unique
    for name in ("a/1", "a/2", "b", "c"):
        kind = "StringList" if name == "c" else "String"
        parameters.ask("put_parameter", Name=f"{path}/{name}", Value=name, Type=kind)
    names = [f"{path}/b", f"{path}/absent", f"{path}/a/1"]
    found = parameters.ask("get_parameters", Names=names)
    assert [parameter["Value"] for parameter in found["Parameters"]] == ["a/1", "b"]
    assert found["InvalidParameters"] == [f"{path}/absent"]
    for recursive, values in ((False, ["b", "c"]), (True, ["a/1", "a/2", "b", "c"])):
        found = parameters.ask("get_parameters_by_path", Path=path, Recursive=recursive)
        assert sorted(parameter["Value"] for parameter in found["Parameters"]) == values
    lists = [{"Key": "Type", "Option": "Equals", "Values": ["StringList"]}]
    found = parameters.ask("get_parameters_by_path", Path=path, ParameterFilters=lists)
    assert [parameter["Value"] for parameter in found["Parameters"]] == ["c"]
    assert parameters.ask("get_parameters", Names=["x"] * 11) == ("ValidationException", 400)


def test_paginators_of_botocore_go_on_after_an_empty_page():
    client = boto3.Session().client("ssm")
    for name in [f"a/{index}" for index in range(12)] + ["b"]:
        client.put_parameter(Name=f"/pages/{name}", Value=name, Type="String", Overwrite=True)
    pages = list(client.get_paginator("get_parameters_by_path").paginate(Path="/pages"))
    assert [len(page["Parameters"]) for page in pages] == [0, 1]
    client = boto3.Session().client("secretsmanager")
    filters = [{"Key": "name", "Values": ["prod/rotated"]}]
    paginator = client.get_paginator("list_secrets")
    pages = list(paginator.paginate(Filters=filters, PaginationConfig={"PageSize": 2}))
    assert len(pages) > 1 and pages[0]["SecretList"] == []
    assert [entry["Name"] for page in pages for entry in page["SecretList"]] == ["prod/rotated"]


def test_the_aws_cli_writes_and_reads(aws, emulator, tool):
    def run(*arguments: str):
        done = aws("default", *arguments)
        assert (done.returncode, done.stderr) == (0, ""), arguments
        return json.loads(done.stdout)

    run("ssm", "put-parameter", "--name", "/cli/db", "--type", "SecureString", "--value", "hush")
    listed = run("ssm", "get-parameters-by-path", "--path", "/cli", "--with-decryption")
    assert [parameter["Value"] for parameter in listed["Parameters"]] == ["hush"]
    run("secretsmanager", "create-secret", "--name", "cli/db", "--secret-string", "hush-hush")
    batch = run("secretsmanager", "batch-get-secret-value", "--secret-id-list", "cli/db", "absent")
    assert [value["SecretString"] for value in batch["SecretValues"]] == ["hush-hush"]
    assert [error["ErrorCode"] for error in batch["Errors"]] == ["ResourceNotFoundException"]
    reference = "/aws/reference/secretsmanager/cli/db"
    parameter = run("ssm", "get-parameter", "--name", reference, "--with-decryption")["Parameter"]
    assert parameter["Value"] == "hush-hush"
    assert tool("secret", "get", "cli/db").stdout == b"hush-hush"
    assert "hush" not in json.dumps(emulator.requests())
