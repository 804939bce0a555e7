"""The JSON Schema of the configuration file takes the files that the documentation shows."""

import json
import subprocess
import tomllib

import documents
import jsonschema
import pytest
from emulator import REPOSITORY, TOOL

PAGE = REPOSITORY / "docs/configuration.md"


@pytest.fixture(scope="module")
def schema():
    return json.loads(subprocess.check_output([TOOL, "config", "schema"]))


def examples():
    return [block.text for block in documents.blocks(PAGE) if block.language == "toml"]


def test_the_schema_is_one(schema):
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("text", examples())
def test_examples_are_valid_and_have_no_mistakes(schema, text, tmp_path):
    jsonschema.validate(tomllib.loads(text), schema)
    path = tmp_path / "config.toml"
    path.write_text(text)
    path.chmod(0o600)
    done = subprocess.run([TOOL, "config", "check", "--config", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


BROKEN = [
    "colour = 1",
    "[role.a]\nassume = [{}]",
    "[role.a]\nsession-duration = 'x'",
    "[identity.a]\npkcs8-password = 'x'",
    "[role.'a b']",
    "[role.a]\nprofile-arn = ''",
]


@pytest.mark.parametrize("text", BROKEN)
def test_what_the_tool_refuses_is_not_valid(schema, text, tmp_path):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(text), schema)
    path = tmp_path / "config.toml"
    path.write_text(text)
    path.chmod(0o600)
    done = subprocess.run([TOOL, "config", "check", "--config", path], capture_output=True)
    assert done.returncode == 2
