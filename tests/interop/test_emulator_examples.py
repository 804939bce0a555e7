"""The examples for users of the emulator: pytest and make run, the rest is checked for its syntax."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import documents
import pytest
import yaml
from clients import AWS_CLI
from emulator import EMULATOR, REPOSITORY, clean_environment

EXAMPLES = REPOSITORY / "examples/emulator"
PAGE = REPOSITORY / "docs/emulator.md"
FOR_EVERY_RESOURCE = {"description", "arn", "account", "region"}


@pytest.fixture
def example(tmp_path):
    """Runs a command in a copy of the examples, with both programs and the AWS CLI on PATH."""
    copy = tmp_path / "examples"
    shutil.copytree(EXAMPLES, copy)
    path = [EMULATOR.parent, AWS_CLI.parent, Path(sys.executable).parent]
    path = ":".join([*map(str, path), os.environ["PATH"]])

    def run(*command: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            command,
            cwd=copy,
            env=clean_environment() | {"PATH": path, "HOME": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def test_pytest_runs(example):
    command = ["-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "--verbose"]
    done = example(sys.executable, *command)
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_make_runs(example):
    done = example("make", "check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the password is there\n" in done.stdout
    assert "Unable to assume role" in done.stderr


def test_make_fails_if_the_trust_policy_refuses_no_one(example, tmp_path):
    config = tmp_path / "examples/emulator.toml"
    config.write_text(config.read_text().replace('"app-*"', '"*"'))
    assert example("make", "check").returncode == 2


def test_the_workflow_parses():
    workflow = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text())
    # YAML 1.1 reads `on` as true.
    assert workflow.keys() == {"name", True, "permissions", "jobs"}
    [job] = workflow["jobs"].values()
    assert job.keys() == {"runs-on", "env", "steps"}
    for step in job["steps"]:
        assert ("uses" in step) != ("run" in step), step
        assert step.keys() <= {"uses", "run", "with", "id", "if", "working-directory"}, step
    scripts = "\n".join(step.get("run", "") for step in job["steps"])
    for path in re.findall(r"--path (\S+)", scripts):
        assert (REPOSITORY / path / "Cargo.toml").is_file()


def test_the_compose_file_parses_and_its_options_exist():
    compose = yaml.safe_load((EXAMPLES / "compose.yaml").read_text())
    assert compose.keys() == {"services", "volumes"}
    known = {"image", "command", "entrypoint", "environment", "volumes", "depends_on", "healthcheck"}
    for service in compose["services"].values():
        assert service.keys() <= known
        assert set(service.get("depends_on", {})) <= compose["services"].keys()
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            assert source.startswith(".") or source in compose["volumes"]
    options = compose["services"]["aws"]["command"]
    done = subprocess.run([str(EMULATOR), *options, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_page_shows_the_files_as_they_are():
    blocks = {block.file: block.text for block in documents.blocks(PAGE) if block.file}
    shown = {path.name: path.read_text() for path in EXAMPLES.iterdir() if path.name in blocks}
    assert {"compose.yaml", "emulator.toml", "github-actions.yml", "Makefile", "test_app.py"} <= shown.keys()
    for name, text in shown.items():
        assert blocks[name] == text, name


def test_the_complete_configuration_has_every_key_and_the_page_explains_it():
    command = [str(EMULATOR), "schema"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    schema = json.loads(done.stdout)
    [block] = [block for block in documents.blocks(PAGE) if block.file == "complete.toml"]
    complete = tomllib.loads(block.text)
    assert complete.keys() == schema["properties"].keys()
    explained, common = set(documents.spans(PAGE)), set()
    for table, content in schema["properties"].items():
        entry = content.get("additionalProperties", content)
        if "$ref" not in entry:
            continue
        known = schema["$defs"][entry["$ref"].rpartition("/")[2]]["properties"].keys()
        tables = [complete[table]] if entry is content else complete[table].values()
        # Several tables share the keys that exclude each other, and all those of every resource.
        found = {key for one in tables for key in one}
        assert known - FOR_EVERY_RESOURCE == found - FOR_EVERY_RESOURCE, table
        assert not known - explained, table
        common |= found & FOR_EVERY_RESOURCE
    assert common == FOR_EVERY_RESOURCE
