"""Random credentials files, edited by the tool's own code and read by botocore before and after.

What botocore cannot parse has to be refused; what it can parse and is not refused has to say the
same afterwards, but for the three keys of one profile.
"""

import os
import random
import subprocess
from pathlib import Path

import pytest
from botocore.configloader import raw_config_parse
from botocore.exceptions import ConfigParseError
from botocore.session import Session
from emulator import BIN_DIR

EDITOR = BIN_DIR / "examples/edit_profiles"
FILES = 10_000
NEW = {
    "aws_access_key_id": "ASIANEW",
    "aws_secret_access_key": "new/secret+key=",
    "aws_session_token": "new-token==",
}

# What every reader takes for a blank, what Python does only, and what none does.
BLANKS = [" ", "  ", "\t", "\xa0", "\x1c", "\x1f", "\x85", "\u2028", "\u3000", "\x0b", "\x0c", "\u200b", "\ufeff"]
HEADINGS = ["[a]", "[b]", "[c]", "[ a ]", "[a] # c", "[a];c", "[a] # [1]", "[A]", "[profile a]", "[DEFAULT]", "[default]", "[d]", "[e]", "[f]"]
ODD_HEADINGS = ["[]", "[a", "a]", "[]]", "[a]]", "[a] x = 1", "[ä]"]
SETTINGS = [*NEW, *(key.upper() for key in NEW), "region", "x", "y", "z", "s3", "ä", "\u212a", "k", "aws_security_token"]
VALUES = ["", "old", "1", "a = b", "a:b", "# c", "old # c", "old;c", "[a]", "ä", "AKIA1"]
ASIDES = ["", "", "  ", "# c", "; c", "  # aws_session_token = c", "#[a]", "# ä"]


def blanks(chance: random.Random, odd: float) -> str:
    if chance.random() > odd:
        return chance.choice(["", "", "", " ", "  ", "\t"])
    return "".join(chance.choices(BLANKS, k=chance.randint(0, 3)))


def line(chance: random.Random, odd: float) -> str:
    kind = chance.random()
    if kind < 0.2:
        return chance.choice(ASIDES)
    if kind < 0.25:
        # The continuation of a value, which is nested settings if the value was empty.
        return "  " + chance.choice(["n = 1", "aws_session_token = n", "[a]", "n"])
    if kind < 0.25 + odd / 4:
        return chance.choice(["x", "= 1", "~", "==", ": ", "x y"])
    key = chance.choice(SETTINGS)
    separator = blanks(chance, odd) + chance.choice("=:") + blanks(chance, odd)
    return blanks(chance, odd) + key + separator + chance.choice(VALUES) + blanks(chance, odd)


def text(number: int) -> bytes:
    """Returns a file, the same for the same number. Half of them are tame, half of them wild."""
    chance = random.Random(number)
    odd = chance.choice([0, 0, 0.02, 0.2])
    headings = HEADINGS[:]
    chance.shuffle(headings)
    lines = []
    if chance.random() < 0.3:
        lines.append(chance.choice(ASIDES) if chance.random() > odd else line(chance, odd))
    for heading in headings[: chance.randint(0, 5)]:
        if chance.random() < odd:
            heading = chance.choice(HEADINGS + ODD_HEADINGS)
        lines.append(chance.choice(["", "", "", "  ", blanks(chance, odd)]) + heading + blanks(chance, odd))
        seen = set()
        for candidate in (line(chance, odd) for _ in range(chance.randint(0, 6))):
            key = candidate.replace(":", "=").split("=")[0].strip().lower()
            # Most files have no key twice, or all of them would be refused.
            if key not in seen or candidate in ASIDES or chance.random() < odd:
                lines.append(candidate)
            seen.add(key)
    ending = chance.choice(["\n", "\n", "\r\n", "\r"])
    whole = ending.join(lines) + chance.choice(["", ending])
    if chance.random() < odd:
        whole = "\ufeff" + whole
    encoded = whole.encode()
    return encoded.replace(b"~", b"\xff") if chance.random() < odd else encoded


def read(path: Path) -> dict | None:
    """Returns what botocore reads, which does not depend on this machine's locale; None for an error."""
    try:
        return raw_config_parse(str(path))
    except ConfigParseError:
        return None


# All on one worker, for one run of the editor.
pytestmark = pytest.mark.xdist_group("random profiles")


@pytest.fixture(scope="module")
def edited(tmp_path_factory):
    folder = tmp_path_factory.mktemp("profiles")
    for number in range(FILES):
        (folder / f"{number}.ini").write_bytes(text(number))
    subprocess.run([str(EDITOR), str(folder), "a"], check=True, timeout=300)
    return folder


def is_ours(name: str) -> bool:
    """Says whether a section is the profile `a` to any SDK, under botocore's name for it."""
    bare = ("[" + name + "]").split("#")[0].split(";")[0].strip(PYTHON_BLANKS)
    return name == "a" or (bare.endswith("]") and bare[1:-1].strip(PYTHON_BLANKS) == "a")


PYTHON_BLANKS = "".join(chr(point) for point in range(0x3001) if chr(point).isspace())


def others(sections: dict) -> dict:
    """Returns the sections without what is to be set, and without what only `[DEFAULT]` sets."""
    return {
        name: {key: value for key, value in settings.items() if key not in NEW}
        if is_ours(name)
        else settings
        for name, settings in sections.items()
    }


def is_readable_with_a_section_more(folder: Path, number: int) -> bool:
    """Says whether what is wrong under `[DEFAULT]` is wrong for the profile that is to be added."""
    more = folder / "more"
    more.write_bytes((folder / f"{number}.ini").read_bytes() + b"\n[one more]\n")
    return read(more) is not None


def test_every_other_setting_is_as_it_was_or_the_file_is_refused(edited):
    assert os.environ.get("LC_ALL") != "C", "Python would read the files as ASCII"
    counts = {"edited": 0, "repaired": 0, "refused": 0, "refused though readable": 0}
    for number in range(FILES):
        before = read(edited / f"{number}.ini")
        new, refused = edited / f"{number}.new", edited / f"{number}.refused"
        assert new.exists() != refused.exists()
        if refused.exists():
            reason = refused.read_text()
            counts["refused"] += 1
            if before is not None and is_readable_with_a_section_more(edited, number):
                # Botocore reads these, and other SDKs read them as something else.
                assert "indented with characters other than" in reason, (number, reason)
                counts["refused though readable"] += 1
            continue
        after = read(new)
        assert after is not None, (number, text(number), new.read_bytes())
        assert after["a"].items() >= NEW.items(), (number, text(number))
        if before is None:
            # A key of ours that was there twice is there once now.
            counts["repaired"] += 1
            continue
        counts["edited"] += 1
        expected = others(before)
        # A section that was added has what `[DEFAULT]` says, which is no change of any other.
        expected.setdefault("a", {key: value for key, value in after["a"].items() if key not in NEW})
        assert others(after) == expected, (number, text(number))
    print(counts)
    # Else the files would prove nothing.
    assert counts["edited"] > FILES / 3 and counts["refused"] > FILES / 10, counts
    assert counts["repaired"] > 10 and counts["refused though readable"] > 10, counts


def test_a_file_that_is_refused_for_its_syntax_cannot_be_read(edited):
    """The other way round: nothing that botocore cannot read was written."""
    for number in range(FILES):
        if read(edited / f"{number}.ini") is not None:
            continue
        new = edited / f"{number}.new"
        assert not new.exists() or read(new) is not None, (number, text(number))


# The settings beside the keys, and whether botocore uses something else, or fails, because of them.
BESIDE = {
    "role_arn = arn:aws:iam::123456789012:role/R\nsource_profile = other": True,
    "role_arn = arn:aws:iam::123456789012:role/R": True,
    "sso_account_id = 123456789012": True,
    "sso_role_name = R": True,
    "aws_security_token = old": True,
    "sso_start_url = https://example.org": False,
    "sso_session = s": False,
    "credential_process = false": False,
    "region = eu-west-1": False,
}


@pytest.mark.parametrize("settings", BESIDE)
def test_what_botocore_uses_instead_of_the_keys_is_warned_of(tmp_path, monkeypatch, settings):
    (tmp_path / "1.ini").write_text(f"[a]\n{settings}\n[other]\n")
    subprocess.run([str(EDITOR), str(tmp_path), "a"], check=True, timeout=60)
    warnings = (tmp_path / "1.warnings").read_text()
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "1.new"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    try:
        found = Session(profile="a").get_credentials()
        keys = [found.access_key, found.secret_key, found.token]
    except Exception:  # noqa: BLE001 -- whatever botocore says of a role without a source
        keys = None
    assert (keys != list(NEW.values())) == BESIDE[settings], keys
    key = settings.split(" ")[0]
    assert (f"`{key}`" in warnings) == (key != "region"), warnings
    # What botocore does not use, some SDKs do.
    assert ("some SDKs" in warnings) == (key != "region" and not BESIDE[settings]), warnings


def test_profile_heading_in_this_file_is_warned_of(tmp_path, monkeypatch):
    (tmp_path / "1.ini").write_text("[profile a]\naws_access_key_id = old\n")
    subprocess.run([str(EDITOR), str(tmp_path), "b"], check=True, timeout=60)
    assert "`[profile a]`" in (tmp_path / "1.warnings").read_text()
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "1.new"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    assert "a" not in Session().available_profiles
