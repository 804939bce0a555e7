"""What the documents for users say of this program is true: links, options, variables, errors.

`test_docs_aws.py` and `test_docs_systemd.py` check what they say of others, and `test_docs_run.py`
runs their blocks against the emulator.
"""

import functools
import re
import shlex
import subprocess
from pathlib import Path

import documents
import pytest
import yaml
from documents import ALL, FOR_USERS, PAGES, README, all_blocks, name_of
from emulator import EMULATOR, REPOSITORY, TOOL, clean_environment

LONGEST_LINE = 160

# What is written.


def test_the_readme_is_about_900_words():
    words = [word for word in README.read_text().split() if re.search(r"\w", word)]
    assert 800 <= len(words) <= 1000


@pytest.mark.parametrize("document", FOR_USERS, ids=name_of)
def test_no_line_is_too_long(document):
    for number, line in enumerate(document.read_text().splitlines(), 1):
        is_unbreakable = line.startswith("credential_process")
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
    links = [link.partition("#")[0] for link in documents.links(README)]
    linked = {(README.parent / link).resolve() for link in links}
    assert not [page for page in PAGES if page not in linked]


def test_a_block_of_commands_is_run_or_checked_or_says_that_it_is_not():
    for block in all_blocks("sh", "console"):
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
    return set(re.findall(r"^ +(?:-\w, )?(--[a-z0-9-]+)", "\n".join(texts), re.MULTILINE))


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
    words = {word for page in PAGES for word in options_in(page)}
    assert not (options_of(TOOL) | NOT_YET) - words - {"--help", "--version"}
    assert not NOT_YET - options_in(REPOSITORY / "docs/migration.md")


def options_in(document: Path) -> set[str]:
    return set(re.findall(r"--[a-z0-9-]+", document.read_text()))


@pytest.mark.parametrize("document", FOR_USERS, ids=name_of)
def test_variables_exist(document):
    known = {variable_of(option) for option in options_of(TOOL)}
    sources = [*REPOSITORY.glob("src/**/*.rs"), *REPOSITORY.glob("crates/*/src/**/*.rs")]
    code = "".join(source.read_text() for source in sources)
    for variable in set(re.findall(r"\b(?:ROLES_ANYWHERE|AWS)_[A-Z0-9_]+\b", document.read_text())):
        if variable.startswith("ROLES_ANYWHERE_"):
            # It marks the programs of `exec`, and no option has it.
            assert variable in known | {"ROLES_ANYWHERE_", "ROLES_ANYWHERE_EXEC"}, variable
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
    """With `--help` behind it, a command line is only parsed.

    What is behind `--` belongs to a program that `exec` runs; without `--`, none of its own options is
    checked.
    """
    if arguments[0] == "exec":
        arguments = arguments[: arguments.index("--") if "--" in arguments else 1]
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
    texts = [block.text for block in documents.blocks(document)]
    text = "\n".join([*texts, *documents.spans(document)])
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
    assert len(codes) == 19
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
