"""AWS's clients with three roles of one configuration file, in two accounts and of two identities, and
with a role of one account that is assumed by a role of the other.

One emulator holds both accounts. The environment of the clients has no setting of the tool but
ROLES_ANYWHERE_CONFIG, so what they get is what the file says.
"""

import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from clients import AWS_CLI, BOTO3, START_SECONDS
from emulator import TOOL, Emulator, exports

PLANT, LAB = "123456789012", "210987654321"
REGION = "eu-central-1"
HASH = "0a1b2c3d-1111-4222-8333-44444444444"

TRUST = """{ Version = "2012-10-17", Statement = { Effect = "Allow", \
Principal = { Service = "rolesanywhere.amazonaws.com" }, \
Action = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"] } }"""


def arn(account: str, kind: str) -> str:
    """Returns the ARN of the trust anchor or profile of an account."""
    number = "1" if kind == "trust-anchor" else "2"
    return f"arn:aws:rolesanywhere:{REGION}:{account}:{kind}/{HASH}{number}"


def role_arn(account: str, name: str) -> str:
    return f"arn:aws:iam::{account}:role/{name}"


# name: account, role, identity. `reader` is the default role.
ROLES = {
    "backup": (PLANT, "Backup", "host"),
    "reader": (LAB, "Reader", "robot"),
    "deploy": (LAB, "Deploy", "host"),
}
IDENTITIES = {"host": "p256", "robot": "rsa2048"}
# A role of the first account that assumes one of the second.
CHAINED = "audit"
HOP_ACTIONS = '["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"]'


def aws_side() -> str:
    """Returns what the emulator holds: an anchor, a profile and roles in each account."""
    tables = [f'account = "{PLANT}"\nregion = "{REGION}"\n']
    tables.append('[exports]\ntrust-anchor = "plant"\nprofile = "plant"\nrole = "Backup"\n')
    for name, account in (("plant", PLANT), ("lab", LAB)):
        roles = [role for owner, role, _ in ROLES.values() if owner == account]
        roles += ["Gate"] if account == PLANT else []
        tables.append(f'[trust-anchor.{name}]\narn = "{arn(account, "trust-anchor")}"\nbuilt-in-ca = "root"\n')
        tables.append(f'[profile.{name}]\narn = "{arn(account, "profile")}"\nroles = {roles}\n')
    for account, role, _ in ROLES.values():
        tables.append(f'[role.{role}]\naccount = "{account}"\ntrust-policy = {TRUST}\n')
    statement = f'Effect = "Allow", Action = {HOP_ACTIONS}'
    tables.append(
        f'[role.Gate]\naccount = "{PLANT}"\ntrust-policy = {TRUST}\n'
        f'permissions = {{ Version = "2012-10-17", Statement = {{ {statement}, Resource = "*" }} }}\n'
        f'[role.Auditor]\naccount = "{LAB}"\n'
        f'trust-policy = {{ Version = "2012-10-17", Statement = {{ {statement}, '
        f'Principal = {{ AWS = "{PLANT}" }} }} }}\n'
    )
    return "\n".join(tables)


def configuration(emulator: Emulator) -> str:
    """Returns the configuration file of the tool."""
    tables = ['default-role = "reader"\n']
    for name, leaf in IDENTITIES.items():
        identity = emulator.identity(f"leaf/{leaf}")
        tables.append(
            f'[identity.{name}]\ncertificate = "{identity.certificate}"\n'
            f'private-key = "{identity.key}"\nintermediates = "{identity.intermediates}"\n'
        )
    for name, (account, role, identity) in ROLES.items():
        tables.append(
            f'[role.{name}]\nidentity = "{identity}"\nrole-arn = "{role_arn(account, role)}"\n'
            f'trust-anchor-arn = "{arn(account, "trust-anchor")}"\n'
            f'profile-arn = "{arn(account, "profile")}"\n'
        )
    tables.append(
        f'[role.{CHAINED}]\nidentity = "host"\nrole-arn = "{role_arn(PLANT, "Gate")}"\n'
        f'trust-anchor-arn = "{arn(PLANT, "trust-anchor")}"\n'
        f'profile-arn = "{arn(PLANT, "profile")}"\n'
        f'assume = [{{ role-arn = "{role_arn(LAB, "Auditor")}" }}]\n'
    )
    return "\n".join(tables)


def write_private(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    """One emulator with both accounts, in place of the one of the other modules."""
    directory = tmp_path_factory.mktemp("roles")
    config = directory / "emulator.toml"
    config.write_text(aws_side())
    emulator = Emulator("--config", str(config))
    emulator.config = write_private(directory / "config.toml", configuration(emulator))
    lines = [
        f"[profile {name}]\nregion = {REGION}\n"
        f"credential_process = {TOOL} credential-process --role {name}\n"
        for name in [*ROLES, CHAINED]
    ]
    emulator.aws_config = directory / "aws-config"
    emulator.aws_config.write_text("\n".join(lines))
    yield emulator
    emulator.stop()


@pytest.fixture
def environment(emulator, monkeypatch, tmp_path):
    """The environment of clients and of the tool, which is that of this process too."""
    for name in [name for name in os.environ if name.startswith("ROLES_ANYWHERE_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("ROLES_ANYWHERE_CONFIG", str(emulator.config))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(emulator.aws_config))
    (tmp_path / "run").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return emulator


def is_session_of(name: str, identity_arn: str, line: dict) -> bool:
    """Says whether an ARN and a line of the request log are of a role of the file."""
    account, role, identity = ROLES[name]
    session = line["session"]
    assert session["source_identity"] == f"CN={IDENTITIES[identity]}", session
    return identity_arn == f"arn:aws:sts::{account}:assumed-role/{role}/{session['role_session_name']}"


@pytest.mark.parametrize("name", ROLES)
def test_the_aws_cli_has_the_role_of_its_profile(environment, aws, name):
    done = aws(name, "sts", "get-caller-identity", "--query", "Arn", "--output", "text")
    assert (done.returncode, done.stderr) == (0, "")
    vended, asked = environment.requests()
    assert (vended["operation"], asked["operation"]) == ("CreateSession", "GetCallerIdentity")
    assert is_session_of(name, done.stdout.strip(), vended)


def test_boto3_has_three_roles_at_once(environment):
    for _ in range(2):
        for name, (account, _, _) in ROLES.items():
            identity = boto3.Session(profile_name=name).client("sts").get_caller_identity()
            assert identity["Account"] == account
            vended = environment.requests("CreateSession")[list(ROLES).index(name)]
            assert is_session_of(name, identity["Arn"], vended)
    # The second round is from the cache, in which roles are not mixed up.
    assert len(environment.requests("CreateSession")) == len(ROLES)


def test_a_role_is_assumed_in_the_other_account(environment):
    identity = boto3.Session(profile_name=CHAINED).client("sts").get_caller_identity()
    assert identity["Account"] == LAB
    first, hop, asked = environment.requests()
    operations = [line["operation"] for line in (first, hop, asked)]
    assert operations == ["CreateSession", "AssumeRole", "GetCallerIdentity"]
    # A hop has the name of the session before it, and inherits its source identity.
    name = first["session"]["role_session_name"]
    assert identity["Arn"] == f"arn:aws:sts::{LAB}:assumed-role/Auditor/{name}"


@pytest.fixture
def served(environment, tmp_path):
    """`serve` of all roles: its variables, and the container credentials of each role."""
    token = tmp_path / "token"
    command = [TOOL, "serve", "--port", "0", "--print-env", "--token-file", token]
    with (tmp_path / "serve.log").open("w+b") as log:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        names = {"AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_CONTAINER_CREDENTIALS_FULL_URI"}
        variables = exports(process, names, START_SECONDS)
        yield variables, token
        process.terminate()
        assert process.wait(timeout=30) == 0
    assert not list(tmp_path.glob("token*"))


def container(uri: str, token: Path | str) -> dict[str, str]:
    """Returns an environment with container credentials only."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROLES_ANYWHERE_")}
    return kept | {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": uri,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
    }


AWS_CLI_ARN = [str(AWS_CLI), "sts", "get-caller-identity", "--query", "Arn", "--output", "text"]
BOTO3_ARN = [sys.executable, "-c", BOTO3]


def run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess:
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_clients_of_serve_have_the_role_of_their_route_and_token(environment, served):
    variables, token = served
    default = variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
    for name in ROLES:
        client = container(f"{default}/{name}", f"{token}-{name}")
        # The AWS CLI is botocore too, and slow to start: once is enough.
        for command in [BOTO3_ARN, AWS_CLI_ARN][: 2 if name == "backup" else 1]:
            done = run(command, client)
            assert done.returncode == 0, done.stderr
            assert is_session_of(name, done.stdout.strip(), vended_for(environment, name))
    done = run(BOTO3_ARN, container(f"{default}/{CHAINED}", f"{token}-{CHAINED}"))
    assert done.stdout.startswith(f"arn:aws:sts::{LAB}:assumed-role/Auditor/"), done
    # What `--print-env` exports is the default role's.
    done = run(BOTO3_ARN, container(default, token))
    assert is_session_of("reader", done.stdout.strip(), vended_for(environment, "reader"))
    assert len(environment.requests("CreateSession")) == len(ROLES) + 1
    assert len(environment.requests("AssumeRole")) == 1


def test_the_token_of_a_role_opens_no_other(environment, served):
    variables, token = served
    default = variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
    done = run(BOTO3_ARN, container(f"{default}/backup", f"{token}-reader"))
    assert done.returncode != 0 and done.stdout == ""
    assert environment.requests("GetCallerIdentity") == []


def test_instance_metadata_is_of_the_default_role(environment, served):
    name = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
    client = {key: value for key, value in os.environ.items() if not key.startswith("ROLES_ANYWHERE_")}
    del client["AWS_EC2_METADATA_DISABLED"]
    client |= {"AWS_CONFIG_FILE": os.devnull, name: served[0][name]}
    done = run(BOTO3_ARN, client)
    assert done.returncode == 0, done.stderr
    assert is_session_of("reader", done.stdout.strip(), vended_for(environment, "reader"))


def vended_for(emulator: Emulator, name: str) -> dict:
    """Returns the session of a role in the request log."""
    account, role, _ = ROLES[name]
    lines = emulator.requests("CreateSession")
    return next(line for line in lines if line["session"]["role_arn"] == role_arn(account, role))
