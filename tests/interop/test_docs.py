"""What the documents for users say is true: links, options, policies, commands of the AWS CLI.

`test_docs_run.py` runs their blocks against the emulator.
"""

import functools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import documents
import hcl2
import pytest
import yaml
from documents import ALL, FOR_USERS, PAGES, README, Block
from emulator import EMULATOR, REPOSITORY, TOOL, clean_environment
from moto.iam.policy_validation import (
    IAMPolicyDocumentValidator,
    IAMTrustPolicyDocumentValidator,
)

CHECKED_AWS = Path(__file__).with_name("checked_aws.py")
LONGEST_LINE = 160
IDENTIFIER = "11111111-2222-4333-8444-555555555555"


def name_of(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def all_blocks(*languages: str, among: list[Path] = ALL) -> list[Block]:
    found = [block for document in among for block in documents.blocks(document)]
    return [block for block in found if block.language in languages]


# What is written.


def test_the_readme_is_about_900_words():
    words = [word for word in README.read_text().split() if re.search(r"\w", word)]
    assert 800 <= len(words) <= 1000


@pytest.mark.parametrize("document", FOR_USERS, ids=name_of)
def test_no_line_is_too_long(document):
    for number, line in enumerate(document.read_text().splitlines(), 1):
        is_unbreakable = "credential_process" in line and line.startswith(("credential_process", "    "))
        assert len(line) <= LONGEST_LINE or is_unbreakable, f"line {number}"


@pytest.mark.parametrize("document", ALL, ids=name_of)
def test_links_lead_somewhere(document):
    for link in documents.links(document):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        if anchor:
            assert anchor in documents.anchors(target), link


def test_every_page_is_linked_from_the_readme():
    linked = {(README.parent / link.partition("#")[0]).resolve() for link in documents.links(README)}
    assert not [page for page in PAGES if page not in linked]


def test_a_block_of_commands_is_run_or_checked_or_says_that_it_is_not():
    for block in all_blocks("sh", "console", among=FOR_USERS):
        if {"run", "aws"} & set(block.words) or "not run here" in block.above.lower():
            continue
        for command in block.text.splitlines():
            program = command.removeprefix("$ ").split()[0]
            assert (REPOSITORY / program).is_file(), f"{block.place}: {command}"


# Options and variables.


@functools.cache
def help_of(program: Path, *command: str) -> str:
    done = subprocess.run(
        [str(program), *command, "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=clean_environment() | {"COLUMNS": "1000"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def commands_of(program: Path, *command: str) -> list[tuple[str, ...]]:
    """Returns a command with all below it."""
    text = help_of(program, *command)
    _, _, listed = text.partition("\nCommands:\n")
    names = re.findall(r"^  ([a-z-]+)", listed.partition("\n\n")[0], re.MULTILINE)
    below = [commands_of(program, *command, name) for name in names if name != "help"]
    return [command, *(one for several in below for one in several)]


@functools.cache
def options_of(program: Path) -> set[str]:
    """Returns all options of a program."""
    texts = [help_of(program, *command) for command in commands_of(program)]
    return {option for text in texts for option in re.findall(r"^ +(?:-\w, )?(--[a-z0-9-]+)", text, re.M)}


def variable_of(option: str) -> str:
    return "ROLES_ANYWHERE_" + option[2:].replace("-", "_").upper()


# The options of AWS's helper at v1.8.0 that do not work here yet.
NOT_YET = {
    "--cert-selector",
    "--no-tpm-key-password",
    "--pkcs11-lib",
    "--reuse-pin",
    "--system-store-name",
    "--tpm-key-password",
    "--use-latest-expiring-certificate",
}
# Options of other programs that prose names.
OF_OTHERS = {"--duration-seconds", "--root"}


@pytest.mark.parametrize("document", [*FOR_USERS, REPOSITORY / "SECURITY.md"], ids=name_of)
def test_the_options_that_prose_names_exist(document):
    known = options_of(TOOL) | options_of(EMULATOR) | NOT_YET | OF_OTHERS
    for span in documents.spans(document):
        option = re.match(r"--[a-z0-9-]+", span)
        assert option is None or option[0] in known, span


def test_every_option_and_variable_is_in_a_page():
    text = "\n".join(page.read_text() for page in PAGES)
    words = set(re.findall(r"--[a-z0-9-]+", text))
    assert not (options_of(TOOL) | NOT_YET) - words - {"--help", "--version"}
    assert not NOT_YET - set(re.findall(r"--[a-z0-9-]+", (REPOSITORY / "docs/migration.md").read_text()))


@pytest.mark.parametrize("document", FOR_USERS, ids=name_of)
def test_variables_exist(document):
    known = {variable_of(option) for option in options_of(TOOL)}
    sources = [*REPOSITORY.glob("src/**/*.rs"), *REPOSITORY.glob("crates/*/src/**/*.rs")]
    code = "".join(source.read_text() for source in sources)
    for variable in set(re.findall(r"\b(?:ROLES_ANYWHERE|AWS|EMULATOR)_[A-Z0-9_]+\b", document.read_text())):
        if variable.startswith("ROLES_ANYWHERE_"):
            assert variable in known, variable
        elif variable.startswith("AWS_"):
            # AWS_ACM_PCA is a value of AWS's.
            assert variable in code or variable in OF_SDKS, variable


# Variables of SDKs that this program neither reads nor prints, and a value that looks like one.
OF_SDKS = {
    "AWS_ACCESS_KEY_ID",
    "AWS_ACM_PCA",
    "AWS_DEFAULT_REGION",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_LC_SYS_NO_JITTER_ENTROPY",
    "AWS_REGION",
    "AWS_CONFIG_FILE",
}


def accepts(arguments: list[str]) -> None:
    """With `--help` behind it, a command line is only parsed."""
    done = subprocess.run(
        [str(TOOL), *arguments, "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=clean_environment(),
    )
    assert done.returncode == 0, f"{shlex.join(arguments)}\n{done.stderr}"


@pytest.mark.parametrize("document", FOR_USERS, ids=name_of)
def test_command_lines_of_the_tool_are_accepted(document):
    text = "\n".join([*(block.text for block in documents.blocks(document)), *documents.spans(document)])
    for command in documents.commands(text, {"roles-anywhere", "aws_signing_helper"}):
        arguments = [word for word in command[1:] if word != "…"]
        if arguments and not arguments[0].startswith("-"):
            accepts(arguments)


def test_arguments_of_containers_are_accepted():
    blocks = [block for block in all_blocks("yaml") if "cloudformation" not in block.words]
    manifests = [one for block in blocks for one in yaml.safe_load_all(block.text)]
    pods = [one["spec"] for one in manifests if one.get("kind") == "Pod"]
    containers = [one for pod in pods for one in pod["initContainers"] + pod["containers"]]
    ours = [one for one in containers if "roles-anywhere" in one["image"]]
    assert ours
    for container in ours:
        accepts(container["args"])


def test_every_exit_code_is_explained():
    page = (REPOSITORY / "docs/errors.md").read_text()
    _, _, listed = help_of(TOOL).partition("Exit codes:")
    codes = re.findall(r"^ +(\d+)  ", listed, re.MULTILINE)
    assert len(codes) == 7
    assert not [code for code in codes if f"| {code} |" not in page]


def test_errors_are_named_in_the_words_of_the_program():
    """Each error in a table of errors.md, where `…` stands for anything."""
    page = (REPOSITORY / "docs/errors.md").read_text()
    tables = page[page.index("## 2: usage") : page.index("## 70")]
    errors = re.findall(r"^\| `([^`]+)` \|", tables, re.MULTILINE)
    assert len(errors) > 30
    sources = [*REPOSITORY.glob("src/**/*.rs"), *REPOSITORY.glob("crates/client/src/**/*.rs")]
    code = re.sub(r"[`\\]|\{[^{}]*\}", "", "".join(source.read_text() for source in sources))
    for error in errors:
        for part in re.split(r"…|: 429|: 5|: ", error):
            assert part.strip(" ,:") in code, error


# AWS.


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
    """Runs a script in which `aws` is recorded, and checks the commands by the AWS CLI's own code."""
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


WITH_AWS = [page for page in FOR_USERS if any("aws" in block.words for block in documents.blocks(page))]


@pytest.mark.parametrize("document", WITH_AWS, ids=name_of)
def test_commands_of_the_aws_cli_fit_its_models(document, tmp_path):
    blocks = [block for block in documents.blocks(document) if "aws" in block.words]
    write_files(document, tmp_path)
    # What other commands make, in documents where they are not run.
    for name in ("ca.pem", "host.csr", "crl.pem"):
        (tmp_path / name).write_text("-----BEGIN CERTIFICATE-----\nMIIB+/==\n-----END CERTIFICATE-----\n")
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
    if any("Service" in statement.get("Principal", {}) for statement in statements):
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
    used = set(re.findall(r"(?<![\w.])aws_[a-z_]+\.[a-z_]+", block.text.replace("data.aws_", "data_")))
    assert used and used <= defined


# systemd.


def units() -> list[Block]:
    return [block for block in all_blocks("ini") if (block.file or "").endswith((".service", ".timer"))]


@pytest.fixture
def systemd_analyze():
    """`systemd-analyze`, which scripts/test installs where Debian's packages are."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here, and units are not checked")
    return "systemd-analyze"


@pytest.mark.parametrize("unit", [unit.file for unit in units() if unit.file.endswith(".service")])
def test_services_are_sandboxed(systemd_analyze, unit, tmp_path):
    path = tmp_path / unit
    path.write_text(next(block.text for block in units() if block.file == unit))
    # The threshold is ten times the score.
    done = subprocess.run(
        [systemd_analyze, "security", "--offline=yes", "--no-pager", "--threshold=15", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


def test_units_have_no_unknown_settings(systemd_analyze, tmp_path):
    assert len(units()) >= 3
    for block in units():
        # The program need not be installed.
        text = re.sub(r"/usr/local/bin/roles-anywhere", str(TOOL), block.text)
        (tmp_path / block.file).write_text(text)
    paths = [str(tmp_path / block.file) for block in units()]
    done = subprocess.run(
        [systemd_analyze, "verify", "--man=no", *paths],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "roles-anywhere" in line]
    assert not ours
    for block in units():
        sections = re.findall(r"^\[(\w+)\]$", block.text, re.MULTILINE)
        kind = "Timer" if block.file.endswith(".timer") else "Service"
        assert {"Unit", kind} <= set(sections), block.place
