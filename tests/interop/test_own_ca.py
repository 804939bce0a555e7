"""The emulator with a user's own CA, trust policy and secret: from nothing but OpenSSL to the AWS CLI."""

import json
import os
import subprocess

import pytest
from clients import AWS_CLI
from emulator import EMULATOR, REPOSITORY, TOOL, clean_environment

SECRET = "prod/db-credentials"
TRUST_POLICY = {
    "Version": "2012-10-17",
    "Statement": {
        "Sid": "OurHosts",
        "Effect": "Allow",
        "Principal": {"Service": "rolesanywhere.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"],
        "Condition": {"StringEquals": {"aws:PrincipalTag/x509Subject/CN": "app-1"}},
    },
}
PERMISSIONS = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": f"arn:aws:secretsmanager:eu-central-1:210987654321:secret:{SECRET}-??????",
    },
}
CONFIG = f"""
account = "210987654321"
region = "eu-central-1"

[trust-anchor.plant]
certificate = "certificates/ca.pem"

[profile.plant]
roles = ["Workload"]

[role.Workload]
trust-policy-file = "trust.json"
permissions-files = ["permissions.json"]

[secret."{SECRET}"]
value = "for-tests-only"
"""
GET_SECRET = [str(AWS_CLI), "secretsmanager", "get-secret-value", "--secret-id", SECRET]


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A directory with a CA, certificates of app-1 and stranger, and `emulator.toml`."""
    directory = tmp_path_factory.mktemp("own")
    script = REPOSITORY / "examples/emulator/make-certificates"
    made = subprocess.run(
        [str(script), str(directory / "certificates")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    (directory / "trust.json").write_text(json.dumps(TRUST_POLICY))
    (directory / "permissions.json").write_text(json.dumps(PERMISSIONS))
    (directory / "emulator.toml").write_text(CONFIG)
    return directory


def run(own, certificate: str, *arguments: str) -> subprocess.CompletedProcess:
    """Runs `roles-anywhere-emulator run` with a certificate of that directory."""
    certificates = own / "certificates"
    return subprocess.run(
        [str(EMULATOR), "run", "--tool", str(TOOL), *arguments],
        cwd=own,
        env=clean_environment()
        | {
            "HOME": str(own),
            "ROLES_ANYWHERE_CERTIFICATE": str(certificates / f"{certificate}.pem"),
            "ROLES_ANYWHERE_PRIVATE_KEY": str(certificates / f"{certificate}.key"),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_certificate_that_the_policy_allows_gets_the_secret(own):
    command = [*GET_SECRET, "--query", "SecretString", "--output", "text"]
    done = run(own, "app-1", "--config", "emulator.toml", "--", *command)
    assert (done.returncode, done.stdout, done.stderr) == (0, "for-tests-only\n", "")


def test_a_certificate_that_the_policy_refuses_is_told_so(own):
    script = '"$@"; echo "exit code $?"; curl -sS "$EMULATOR_CONTROL/requests"'
    command = ["sh", "-c", script, "sh", *GET_SECRET]
    done = run(own, "stranger", "--config", "emulator.toml", "--verbose", "--", *command)
    assert done.returncode == 0
    # The AWS CLI passes on the tool's diagnosis: AWS's words, and what to check.
    assert "Error when retrieving credentials from custom-process" in done.stderr
    role = "arn:aws:iam::210987654321:role/Workload"
    assert f"Unable to assume role for {role}." in done.stderr
    assert f"hint: the trust policy of {role} must allow" in done.stderr
    # The log of the emulator names statement, condition and value.
    exit_code, _, log = done.stdout.partition("\n")
    assert exit_code != "exit code 0"
    [request] = json.loads(log)
    assert (request["operation"], request["verdict"]) == ("CreateSession", "refused")
    assert (request["status"], request["reason"]) == (403, "trust-policy")
    assert f"(request id {request['request_id']})" in done.stderr
    for part in ("OurHosts", "StringEquals", "aws:PrincipalTag/x509Subject/CN", "`stranger`"):
        assert part in request["explanation"]
    # And so does what it prints as requests come.
    assert request["explanation"] in done.stderr


def test_a_trust_anchor_is_enough_for_the_first_try(own):
    command = [str(AWS_CLI), "sts", "get-caller-identity", "--query", "Arn", "--output", "text"]
    done = run(own, "stranger", "--trust-anchor", "certificates/ca.pem", "--", *command)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("arn:aws:sts::123456789012:assumed-role/Workload/")


def test_the_built_in_certificates_are_not_of_the_own_ca(own):
    script = 'export ROLES_ANYWHERE_CERTIFICATE="$EMULATOR_DIR/leaf/p256.pem"'
    script += ' ROLES_ANYWHERE_PRIVATE_KEY="$EMULATOR_DIR/leaf/p256.key.pem"; exec "$@"'
    command = ["sh", "-c", script, "sh", *GET_SECRET]
    done = run(own, "app-1", "--config", "emulator.toml", "--", *command)
    assert done.returncode != 0
    assert "Untrusted signing certificate" in done.stderr, done.stderr
