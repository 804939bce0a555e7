"""The units in the documents for users have known settings only, and are sandboxed."""

import re
import shutil
import subprocess

import pytest
from documents import Block, all_blocks
from emulator import TOOL


def units() -> list[Block]:
    found = [block for block in all_blocks("ini") if block.file]
    return [block for block in found if block.file.endswith((".service", ".timer"))]


@pytest.fixture
def systemd_analyze():
    """`systemd-analyze`, which scripts/test installs where Debian's packages are."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here, and units are not checked")
    return "systemd-analyze"


def text_of(unit: str) -> str:
    return next(block.text for block in units() if block.file == unit)


def sandboxed(unit: str) -> str:
    """Returns a unit with its sandbox. That of docs/systemd.md is added to a unit of another page, as docs/follow.md says."""
    text = text_of(unit)
    if "CapabilityBoundingSet=" in text:
        return text
    _, first, rest = text_of("roles-anywhere.service").partition("CapabilityBoundingSet=")
    return text.replace("[Install]", first + rest.partition("[Install]")[0] + "[Install]")


# `exec` runs any program, which may need more.
OF_PROGRAMS = {"web.service"}
SERVICES = {unit.file for unit in units() if unit.file.endswith(".service")}


@pytest.mark.parametrize("unit", sorted(SERVICES - OF_PROGRAMS))
def test_services_are_sandboxed(systemd_analyze, unit, tmp_path):
    path = tmp_path / unit
    path.write_text(sandboxed(unit))
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
    assert len(units()) >= 5
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
    assert not any(block.file in done.stderr for block in units()), done.stderr
    for block in units():
        sections = re.findall(r"^\[(\w+)\]$", block.text, re.MULTILINE)
        kind = "Timer" if block.file.endswith(".timer") else "Service"
        assert {"Unit", kind} <= set(sections), block.place


def test_services_that_are_restarted_start_again_for_good():
    """They wait longer than systemd's limit of 5 starts in 10 s, and for the network."""
    restarted = [unit for unit in SERVICES if "\nRestart=" in text_of(unit)]
    assert len(restarted) >= 3
    for unit in restarted:
        text = text_of(unit)
        assert "\nRestartSec=5\n" in text, unit
        assert re.search(r"^After=.*\bnetwork-online\.target\b", text, re.MULTILINE), unit
        assert re.search(r"^Wants=.*\bnetwork-online\.target\b", text, re.MULTILINE), unit
