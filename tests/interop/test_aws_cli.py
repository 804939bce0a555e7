"""The AWS CLI by `credential_process`: in the clean world of `run`, and with every identity."""

import json
import os
import subprocess

import pytest
from conftest import AWS_CLI
from emulator import ACCOUNT, EMULATOR, TOOL, clean_environment

PROFILES = ["default", "rsa", "ec", "p384"]
DB_CREDENTIALS = {
    "username": "app",
    "password": "correct horse battery staple",
    "host": "db.internal",
    "port": 5432,
}


def run_world(*command: str, **variables: str) -> subprocess.CompletedProcess:
    """Runs a command by `roles-anywhere-emulator run`."""
    return subprocess.run(
        [str(EMULATOR), "run", "--tool", str(TOOL), "--", *command],
        env={**clean_environment(), **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("profile", PROFILES)
def test_learns_who_it_is(aws, emulator, profile):
    done = aws(profile, "sts", "get-caller-identity")
    assert (done.returncode, done.stderr) == (0, "")
    identity = json.loads(done.stdout)
    assert identity["Account"] == ACCOUNT
    session = emulator.requests("CreateSession")[0]["session"]
    name = session["role_session_name"]
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/Workload/{name}"
    assert identity["UserId"].endswith(f":{name}")


@pytest.mark.parametrize("profile", PROFILES)
def test_reads_a_secret(aws, emulator, profile):
    done = aws(profile, "secretsmanager", "get-secret-value", "--secret-id", "prod/db-credentials")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(json.loads(done.stdout)["SecretString"]) == DB_CREDENTIALS
    assert [line["operation"] for line in emulator.requests()] == [
        "CreateSession",
        "GetSecretValue",
    ]
    assert {line["verdict"] for line in emulator.requests()} == {"accepted"}


def test_a_role_that_may_not_read_secrets_is_told_so(aws):
    done = aws(
        "no-secrets", "secretsmanager", "get-secret-value", "--secret-id", "prod/db-credentials"
    )
    assert done.returncode != 0 and done.stdout == ""
    assert "(AccessDeniedException)" in done.stderr
    assert "secretsmanager:GetSecretValue" in done.stderr


def test_what_the_tool_says_reaches_whoever_runs_the_cli(aws, emulator):
    emulator.control(
        "POST",
        "/profiles",
        {"arn": emulator.environment["ROLES_ANYWHERE_PROFILE_ARN"], "enabled": False},
    )
    try:
        done = aws("default", "sts", "get-caller-identity")
    finally:
        emulator.control(
            "POST",
            "/profiles",
            {"arn": emulator.environment["ROLES_ANYWHERE_PROFILE_ARN"], "enabled": True},
        )
    assert done.returncode != 0 and done.stdout == ""
    assert "Profile is disabled" in done.stderr


def test_run_gives_a_clean_world_and_leaves_nothing_behind(tmp_path):
    # Each of these would lead the CLI away from the emulator.
    astray = {
        "AWS_PROFILE": "astray",
        "AWS_ACCESS_KEY_ID": "AKIAASTRAY",
        "AWS_SECRET_ACCESS_KEY": "astray",
        "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
        "ROLES_ANYWHERE_ROLE_ARN": "astray",
        "REQUESTS_CA_BUNDLE": "/nonexistent",
        "TMPDIR": str(tmp_path),
    }
    script = f'echo "$EMULATOR_DIR"; "{AWS_CLI}" sts get-caller-identity --output json'
    done = run_world("sh", "-c", script, **astray)
    assert (done.returncode, done.stderr) == (0, "")
    directory, identity = done.stdout.split("\n", 1)
    assert json.loads(identity)["Account"] == ACCOUNT
    assert not os.path.exists(directory)
    assert list(tmp_path.iterdir()) == []
