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
    assert "roles-anywhere" not in done.stderr, done.stderr
    for block in units():
        sections = re.findall(r"^\[(\w+)\]$", block.text, re.MULTILINE)
        kind = "Timer" if block.file.endswith(".timer") else "Service"
        assert {"Unit", kind} <= set(sections), block.place
