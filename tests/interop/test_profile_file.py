"""`update --once` into files as people have them, and what botocore and boto3 read from them."""

import os

import boto3
import pytest
from botocore.configloader import raw_config_parse
from emulator import ACCOUNT

KEYS = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"]
OTHER = "[other]\naws_access_key_id = o\nregion = eu-west-1\n"
FILES = {
    "nothing": "",
    "another profile": OTHER,
    "no final newline": OTHER.rstrip("\n"),
    "old keys": OTHER + "[mine]\naws_access_key_id=i\naws_secret_access_key : s\naws_session_token = t # t\n",
    "other case": "[mine]\nAWS_Access_Key_Id = i\naws_session_token = t\n" + OTHER,
    "crlf": "[mine]\r\nregion = r\r\n\r\n" + OTHER.replace("\n", "\r\n"),
    "heading with a comment": "[mine] # c\n; aws_session_token = c\n" + OTHER,
    "heading with a comment in brackets": "[mine] # see [other]\naws_access_key_id = i\naws_session_token = t\n" + OTHER,
    "heading with blanks": "[ mine ]\naws_access_key_id = i\naws_session_token = t\n" + OTHER,
    "nested": "[mine]\ns3 =\n  aws_access_key_id = n\n  max_queue_size = 1\n" + OTHER,
    "several lines": "[mine]\naws_session_token =\n  a = 1\n\n  b = 2\nregion = r\n" + OTHER,
    "indented": "[mine]\n  region = r\n  x = 1\n" + OTHER,
    "indented headings": "[mine]\n  [other]\n  region = r\n",
    "repeated keys": "[mine]\naws_access_key_id = i\naws_session_token = t\naws_access_key_id = j\n" + OTHER,
}


@pytest.mark.parametrize("name", FILES)
def test_botocore_reads_the_new_values_and_the_rest_as_it_was(tool, tmp_path, emulator, name):
    file = tmp_path / "credentials"
    file.write_bytes(FILES[name].encode())
    # A file that was written a moment ago would be waited for.
    os.utime(file, (0, 0))
    # botocore reads nothing of a file in which a key is repeated.
    before = parse(tmp_path, FILES[name].replace("aws_access_key_id = j\n", ""))

    outcome = tool("update", "--once", "--profile", "mine", "--credentials-file", str(file))
    assert (outcome.returncode, outcome.stdout) == (0, b""), outcome.stderr

    after = raw_config_parse(str(file))
    mine = after["mine"]
    vended = [line["session"]["access_key_id"] for line in emulator.requests("CreateSession")]
    assert [mine["aws_access_key_id"]] == vended
    assert all(after[name].items() >= keys_of(mine).items() for name in after if is_mine(name))
    assert len(mine["aws_secret_access_key"]) == 40
    assert all(mine[key].isprintable() and mine[key] for key in KEYS)
    before.setdefault("mine", {})
    assert without_keys(after) == without_keys(before)


def test_boto3_learns_who_it_is(tool, tmp_path, monkeypatch):
    file = tmp_path / "credentials"
    file.write_text(OTHER)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    assert tool("update", "--once", "--profile", "mine").returncode == 0
    identity = boto3.Session(profile_name="mine").client("sts").get_caller_identity()
    assert identity["Account"] == ACCOUNT


def parse(folder, text: str) -> dict:
    path = folder / "before"
    path.write_bytes(text.encode())
    return raw_config_parse(str(path))


def keys_of(settings: dict) -> dict:
    return {key: settings[key] for key in KEYS}


def without_keys(sections: dict) -> dict:
    """Returns the sections without the three keys of the profile `mine`, by whatever name it goes."""
    return {
        name: {key: value for key, value in settings.items() if key not in KEYS}
        if is_mine(name)
        else settings
        for name, settings in sections.items()
    }


def is_mine(name: str) -> bool:
    """Says whether a section is the profile `mine` to any SDK, under botocore's name for it."""
    return name.strip().split("]")[0] == "mine"
