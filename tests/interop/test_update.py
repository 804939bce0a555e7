"""`update` as a daemon whose identity came by ways that can be read only once."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from emulator import TOOL

PATIENCE = 30


def keys_of(path: Path, count: int) -> set[str]:
    """Waits until so many access keys in a row have been in the profile, and returns them."""
    seen: set[str] = set()
    deadline = time.monotonic() + PATIENCE
    while len(seen) < count:
        assert time.monotonic() < deadline, f"only {len(seen)} access keys"
        if path.exists():
            lines = path.read_text().splitlines()
            seen |= {line.split(" = ")[1] for line in lines if line.startswith("aws_access_key_id")}
        time.sleep(0.05)
    return seen


@pytest.mark.long
@pytest.mark.parametrize("way", ["-", "fd", "fifo", "bash"])
def test_keeps_a_key_that_can_be_read_once(emulator, tmp_path, way):
    """Three sessions with one reading: the key is kept, and its place is not watched."""
    emulator.end_sessions_after(3)
    key = Path(os.environ["ROLES_ANYWHERE_PRIVATE_KEY"]).read_bytes()
    reader, writer = os.pipe()
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo, 0o600)
    place = {"-": "-", "fd": f"fd:{reader}", "fifo": str(fifo), "bash": f"/dev/fd/{reader}"}[way]
    path = tmp_path / "credentials"
    command = [str(TOOL), "update", "--private-key", place, "--credentials-file", str(path)]
    process = subprocess.Popen(
        command, stdin=reader, pass_fds=[reader], stderr=subprocess.PIPE, text=True
    )
    os.close(reader)
    if way == "fifo":
        fifo.write_bytes(key)
    os.write(writer, key)
    os.close(writer)
    try:
        assert len(keys_of(path, 3)) >= 3
    finally:
        process.terminate()
    _, log = process.communicate(timeout=30)
    assert process.returncode == 0, log
    assert "warning" not in log and "error" not in log, log
