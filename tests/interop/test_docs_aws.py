"""What the documents for users say of AWS fits AWS's own models: commands, policies, templates."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import documents
import hcl2
import pytest
import yaml
from documents import ALL, FOR_USERS, all_blocks, name_of
from emulator import clean_environment
from moto.iam.policy_validation import (
    IAMPolicyDocumentValidator,
    IAMTrustPolicyDocumentValidator,
)

CHECKED_AWS = Path(__file__).with_name("checked_aws.py")
IDENTIFIER = "11111111-2222-4333-8444-555555555555"

# Records its arguments, and prints what a later command takes in the place of an output.
RECORDING_AWS = f"""#!/bin/sh
record=$(mktemp "${{0%/*}}/record.XXXXXX")
printf '%s\\0' "$@" >"$record"
arn=arn:aws:rolesanywhere:eu-central-1:123456789012
case "$*" in
*trustAnchorArn*) echo "$arn:trust-anchor/{IDENTIFIER}" ;;
*Arn*) echo "$arn:profile/{IDENTIFIER}" ;;
*) echo {IDENTIFIER} ;;
esac
"""


def check_aws(script: str, directory: Path) -> None:
    """Runs a script in which `aws` is recorded, and checks the commands by the AWS CLI itself."""
    programs = directory / "bin"
    programs.mkdir()
    (programs / "aws").write_text(RECORDING_AWS)
    (programs / "aws").chmod(0o755)
    environment = clean_environment() | {"PATH": f"{programs}:{os.environ['PATH']}"}
    options = {"cwd": directory, "env": environment, "capture_output": True, "text": True}
    steps = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(steps, timeout=60, check=False, **options)
    assert done.returncode == 0, done.stderr
    records = sorted(programs.glob("record.*"))
    assert records
    command = [sys.executable, str(CHECKED_AWS), *map(str, records)]
    done = subprocess.run(command, timeout=300, check=False, **options)
    assert done.returncode == 0, done.stderr


def has_aws(document: Path) -> bool:
    return any("aws" in block.words for block in documents.blocks(document))


WITH_AWS = [document for document in FOR_USERS if has_aws(document)]
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB+/==\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize("document", WITH_AWS, ids=name_of)
def test_commands_of_the_aws_cli_fit_its_models(document, tmp_path):
    blocks = [block for block in documents.blocks(document) if "aws" in block.words]
    write_files(document, tmp_path)
    # What other commands make, in documents where they are not run.
    for name in ("ca.pem", "host.csr", "crl.pem"):
        (tmp_path / name).write_text(CERTIFICATE)
    ids = "".join(f"{name}={IDENTIFIER}\n" for name in ("PROFILE_ID", "CRL_ID", "TRUST_ANCHOR_ID"))
    check_aws(ids + "".join(block.text for block in blocks), tmp_path)
    for written in tmp_path.glob("*.json"):
        if '"Statement"' in written.read_text():
            check_policy(written.read_text(), written.name)


def write_files(document: Path, directory: Path) -> None:
    for block in documents.blocks(document):
        if block.file:
            (directory / block.file).write_text(block.text)


def test_aws_commands_in_prose_fit_its_models(tmp_path):
    text = "\n".join(span for document in ALL for span in documents.spans(document))
    script = []
    for command in documents.commands(text, {"aws"}):
        # `aws configure` asks a person; ID stands for an id.
        if len(command) < 3 or command[1] == "configure":
            continue
        words = [re.sub(r"^\$?[A-Z_]*ID$", IDENTIFIER, word) for word in command]
        for word in words:
            if word.startswith(("file://", "fileb://")):
                (tmp_path / word.split("://")[1]).write_text("x")
        script.append(shlex.join(words))
    assert len(script) > 10
    check_aws("\n".join(script), tmp_path)


def check_policy(text: str, place: str) -> None:
    policy = json.loads(text)
    statements = policy["Statement"]
    # One statement may stand without a list.
    statements = [statements] if isinstance(statements, dict) else statements
    if all("Principal" in one and "Resource" not in one for one in statements):
        # The trust policy of a role.
        IAMTrustPolicyDocumentValidator(text).validate()
    elif any("Principal" in statement for statement in statements):
        # Of a resource: moto has no validator for it, and the statements are checked without it.
        for statement in statements:
            assert statement.pop("Principal").keys() == {"AWS"}, place
        IAMPolicyDocumentValidator(json.dumps(policy)).validate()
    else:
        IAMPolicyDocumentValidator(text).validate()


def test_policies_are_valid():
    policies = [block for block in all_blocks("json") if '"Statement"' in block.text]
    assert len(policies) >= 4
    for block in policies:
        check_policy(block.text, block.place)


def test_json_and_yaml_blocks_parse():
    for block in all_blocks("json"):
        json.loads(block.text)
    for block in all_blocks("yaml"):
        if "cloudformation" not in block.words:
            assert list(yaml.safe_load_all(block.text)), block.place


@pytest.mark.parametrize("block", all_blocks("yaml"), ids=lambda block: block.place)
def test_cloudformation_templates_pass_cfn_lint(block, tmp_path):
    if "cloudformation" not in block.words:
        return
    template = tmp_path / "template.yaml"
    template.write_text(block.text)
    linter = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run(
        [str(linter), "--regions", "eu-central-1", "--", str(template)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("block", all_blocks("hcl"), ids=lambda block: block.place)
def test_terraform_parses_and_names_what_it_defines(block):
    module = hcl2.loads(block.text)
    defined = {
        f"{kind.strip(chr(34))}.{name.strip(chr(34))}"
        for resource in module["resource"]
        for kind, named in resource.items()
        for name in named
    }
    text = block.text.replace("data.aws_", "data_")
    used = set(re.findall(r"(?<![\w.])aws_[a-z_]+\.[a-z_]+", text))
    assert used and used <= defined
