"""`render --watch` and `exec --on-rotate` that are killed by SIGKILL beside rotations.

Files are whole at any time, and after the next start they have the newest values, and nothing else is left.
"""

import contextlib
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from followers import (
    IS_LONG,
    MARK,
    PAIR,
    Follower,
    RotatedSecret,
    memory,  # noqa: F401
    of_role,
    pair_templates,
    pairs_read,
)
from test_secrets_outages import DEADLINE_SECONDS, until

# More than one page.
LENGTH = 10_000


def changes(directory: Path) -> Callable[[], bool]:
    """Returns what tells that the entries of a directory have changed."""
    before = directory.stat().st_mtime_ns
    return lambda: directory.stat().st_mtime_ns != before


def kill_at_some_moment(number: int, follower: Follower, wait: Callable[[], Path], rotate: Callable) -> None:
    """Starts a follower and kills it: while it starts, at any moment of a rotation, or while it writes.

    `wait` waits until it has started, and returns the directory that it writes to.
    """
    follower.start()
    chance = random.Random(number)
    if number % 3 == 0:
        time.sleep(chance.uniform(0, 0.4))
    else:
        has_changed = changes(wait())
        rotate()
        if number % 3 == 1:
            # A change is written after the quiet period and a check or two.
            time.sleep(chance.uniform(0, 2.5))
        else:
            end = time.monotonic() + DEADLINE_SECONDS
            while not has_changed() and time.monotonic() < end:
                time.sleep(0.0001)
    follower.kill()


def contents(path: Path) -> str | None:
    with contextlib.suppress(FileNotFoundError):
        return path.read_text()
    return None


@pytest.mark.long
def test_files_are_whole_although_render_is_killed(emulator, tmp_path):
    secret = RotatedSecret(emulator, LENGTH)
    out = tmp_path / "out"
    words = [*pair_templates(tmp_path, secret), "--out-dir", str(out), "--watch"]
    follower = Follower(tmp_path, of_role(emulator, tmp_path), "render", *words)

    def started() -> Path:
        until(lambda: follower.is_ready() or None, f"the start: {follower.log()}")
        data = [entry for entry in out.iterdir() if entry.name.startswith("..data-")]
        others = {entry.name for entry in out.iterdir()} - {entry.name for entry in data}
        assert (len(data), others) == (1, {"..data", "..data.lock", *PAIR}), data
        assert {entry.name for entry in data[0].iterdir()} == {*PAIR}
        assert [contents(out / member) for member in PAIR] == [secret.current[member] + "\n" for member in PAIR]
        return out

    with pairs_read(out) as pairs, contextlib.ExitStack() as stack:
        for number in range(100 if IS_LONG else 20):
            kill_at_some_moment(number, follower, started, lambda: secret.rotate(*PAIR))
        follower.start()
        stack.callback(follower.kill)
        started()
        assert follower.stop() == 0
    assert pairs[0] > 1
    expected = {"config.toml", "log", "out", *(f"{member}.j2" for member in PAIR)}
    assert {entry.name for entry in tmp_path.iterdir()} == expected
    assert MARK not in follower.log()


@pytest.mark.long
@pytest.mark.parametrize("action", ["restart", "signal:HUP"])
def test_files_are_whole_although_exec_is_killed(emulator, tmp_path, memory, action):  # noqa: F811
    secret = RotatedSecret(emulator, LENGTH)
    runs = memory / "roles-anywhere"
    files = {"T": "token", "P": "password"}
    words = ["--on-rotate", action, *(f"--file={name}=sm://{secret.name}#{files[name]}" for name in files)]
    program = "trap '' HUP; exec sleep 600"
    follower = Follower(tmp_path, of_role(emulator, tmp_path), "exec", *words, "--", "sh", "-c", program)

    def directories() -> list[Path]:
        return list(runs.glob("exec-*"))

    def is_current() -> bool:
        current = {name: secret.current[member] for name, member in files.items()}
        return any({name: contents(directory / name) for name in files} == current for directory in own())

    def own() -> list[Path]:
        return list(runs.glob(f"exec-{follower.process.pid}-*"))

    def started() -> Path:
        until(lambda: is_current() or None, f"the start: {follower.log()}")
        assert directories() == own()
        assert {file.name for file in own()[0].iterdir()} == {*files}
        return own()[0]

    def rotate() -> None:
        secret.rotate(*files.values())

    with contextlib.ExitStack() as stack:
        for number in range(50 if IS_LONG else 10):
            kill_at_some_moment(number, follower, started, rotate)
            for name, member in files.items():
                whole = {values[member] for values in secret.versions.values()}
                assert {contents(directory / name) for directory in directories()} <= whole | {None}
        follower.start()
        stack.callback(follower.kill)
        started()
        follower.stop()
    assert directories() == []
    assert MARK not in follower.log()
