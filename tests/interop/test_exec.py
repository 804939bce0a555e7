"""The AWS SDKs as programs of `exec`, on a host whose user has other credentials wherever SDKs look."""

import os

import pytest
from clients import CLIENTS, Client
from emulator import ACCOUNT, TOOL

WRONG = "AKIAIOSFODNN7EXAMPLE"
KEYS = f"aws_access_key_id = {WRONG}\naws_secret_access_key = wrong\n"
# What `[default]` of ~/.aws/config has, and of ~/.aws/credentials.
FILES = {
    "keys": (f"[default]\n{KEYS}", f"[default]\n{KEYS}aws_session_token = wrong\n"),
    "process": ("[default]\ncredential_process = {process}\n", ""),
    "sso": (
        "[default]\nsso_session = s\nsso_account_id = 999999999999\nsso_role_name = Wrong\n"
        "[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://wrong.invalid/start\n",
        "",
    ),
    "role": (
        "[default]\nrole_arn = arn:aws:iam::999999999999:role/Wrong\nsource_profile = base\n",
        f"[base]\n{KEYS}",
    ),
}
VARIABLES = {
    "AWS_ACCESS_KEY_ID": WRONG,
    "AWS_SECRET_ACCESS_KEY": "wrong",
    "AWS_SESSION_TOKEN": "wrong",
    "AWS_SECURITY_TOKEN": "wrong",
    "AWS_PROFILE": "base",
    "AWS_DEFAULT_PROFILE": "base",
    "AWS_ROLE_ARN": "arn:aws:iam::999999999999:role/Wrong",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/nonexistent",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/wrong",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/nonexistent",
}


@pytest.fixture
def host(emulator, tmp_path):
    """Returns the environment of a user with other credentials of a kind, in files only or not."""

    def host(kind: str, variables: dict[str, str]) -> dict[str, str]:
        process = tmp_path / "process"
        process.write_text(
            "#!/bin/sh\n"
            f"""echo '{{"Version": 1, "AccessKeyId": "{WRONG}", "SecretAccessKey": "wrong"}}'\n"""
        )
        process.chmod(0o755)
        (tmp_path / "home/.aws").mkdir(parents=True)
        (tmp_path / "run").mkdir(mode=0o700)
        config, credentials = FILES[kind]
        (tmp_path / "home/.aws/config").write_text(config.replace("{process}", str(process)))
        (tmp_path / "home/.aws/credentials").write_text(credentials)
        gone = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_PROFILE")
        told = {name: value for name, value in os.environ.items() if name not in gone}
        return told | variables | {"HOME": str(tmp_path / "home"), "XDG_RUNTIME_DIR": str(tmp_path / "run")}

    return host


def run(sdk: str, environment: dict[str, str], *options: str):
    client = CLIENTS[sdk]
    if client.built and not client.built.exists():
        pytest.skip(f"the AWS SDK for {sdk}: {client.unless}")
    return Client([TOOL, "exec", *options, "--", *client.command]).run(environment)


def has_the_session(emulator, done) -> None:
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/Workload/")
    vended, *asked = emulator.requests()
    assert vended["operation"] == "CreateSession"
    assert [line["operation"] for line in asked] == ["GetCallerIdentity"]
    assert asked[0]["session"]["access_key_id"] == vended["session"]["access_key_id"]


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("sdk", CLIENTS)
def test_an_sdk_finds_these_credentials_and_no_others(emulator, host, sdk, kind):
    has_the_session(emulator, run(sdk, host(kind, VARIABLES)))


@pytest.mark.parametrize("sdk", CLIENTS)
def test_an_sdk_takes_static_credentials(emulator, host, sdk):
    done = run(sdk, host("keys", VARIABLES), "--static")
    has_the_session(emulator, done)
    assert "note: the credentials expire at" in done.stderr


@pytest.mark.parametrize("kind", ["keys", "process"])
def test_the_files_would_win(emulator, host, kind):
    """What the tests above rest on: with the files, boto3 takes what is in `[default]`."""
    done = run("boto3", host(kind, {}), "--keep-aws-files")
    assert done.returncode != 0
    assert [line["operation"] for line in emulator.requests()] == ["CreateSession", "GetCallerIdentity"]
    assert emulator.requests("GetCallerIdentity")[0]["verdict"] != "accepted"
