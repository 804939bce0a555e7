"""Commands that follow a secret: `render --watch`, `exec --on-rotate` and `watch`, and what they log."""

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from emulator import TOOL, Emulator
from secrets_endpoint import configuration

IS_LONG = os.environ.get("ROLES_ANYWHERE_LONG") == "1"
# A part of each value, which is in no log.
MARK = "hush"
PAIR = ("crt", "key")
MEMBERS = (*PAIR, "password", "token", "note")
QUIET_SECONDS = 1
TIMES = f"--quiet-period {QUIET_SECONDS}s --splay 0s"


def of_role(emulator: Emulator, directory: Path, leaf: str = "p256", *options: str) -> list[str]:
    """Returns options to read from AWS with a role and an identity, whose name is in the log of the emulator."""
    config = directory / "config.toml"
    config.write_text(configuration(emulator, "", leaf))
    config.chmod(0o600)
    return ["--config", str(config), "--role", "reader", "--secrets-ttl", "1s", *options]


def of_serve(port: int) -> list[str]:
    """Returns options to read through `serve`."""
    return ["--secrets-url", f"http://127.0.0.1:{port}"]


@dataclass(frozen=True)
class Event:
    """An event of the log. The time is in seconds, and rounded down."""

    time: int
    name: str


class Follower:
    """A command that follows secrets, in a directory of its own: by `access`, which is of `of_role` or `of_serve`."""

    def __init__(self, directory: Path, access: list[str], command: str, *words: str):
        self.directory = directory
        self._log = directory / "log"
        # The log of `exec` is text.
        log_format = [] if command == "exec" else ["--log-format", "json"]
        self._command = [str(TOOL), command, *access, *shlex.split(TIMES), *log_format, *words]
        self.process: subprocess.Popen | None = None
        # The length of the log at the last start.
        self._begin = 0

    def start(self) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ROLES_ANYWHERE_")}
        with self._log.open("ab") as log:
            self._begin = log.tell()
            self.process = subprocess.Popen(
                self._command, env=kept, stdin=subprocess.DEVNULL, stderr=log, start_new_session=True
            )

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(timeout=30)

    def kill(self) -> None:
        """Kills it, and what it has started, also if it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=30)

    def events(self, *names: str) -> list[Event]:
        # The last line can still be in the making, and programs write to standard error too.
        lines = self.log().split("\n")[:-1]
        return [event for event in map(_event, lines) if event and event.name in names]

    def is_ready(self) -> bool:
        """Says whether a daemon has logged since its last start that it has started."""
        return b'"event":"started"' in self._log.read_bytes()[self._begin :]

    def log(self) -> str:
        return self._log.read_text()


def _event(line: str) -> Event | None:
    if line.startswith("{"):
        fields = json.loads(line)
        time, name = fields["time"], fields["event"]
    elif " event=" in line:
        time, name = line.split()[0], line.rpartition(" event=")[2]
    else:
        return None
    return Event(int(datetime.fromisoformat(time).timestamp()), name)


class RotatedSecret:
    """A secret with the members of `MEMBERS`, whose values are longer than `length`."""

    def __init__(self, emulator: Emulator, length: int = 0):
        self._emulator, self._before = emulator, MARK + "." * length
        self.name = f"rotated/{uuid.uuid4().hex}"
        self.count = 0
        self.current = {member: f"{self._before}-{member}-0" for member in MEMBERS}
        # What the versions hold.
        self.versions: dict[str, dict[str, str]] = {}
        self._put()

    def rotate(self, *members: str) -> None:
        self.count += 1
        self.current = self.current | {member: f"{self._before}-{member}-{self.count}" for member in members}
        self._put()

    def _put(self) -> None:
        value = {"name": self.name, "value": json.dumps(self.current)}
        answer = self._emulator.control("POST", "/secrets", value)
        self.versions[answer["version_id"]] = self.current


def pair_templates(directory: Path, secret: RotatedSecret) -> list[str]:
    """Writes templates of files with the members of `PAIR`, and returns their paths."""
    paths = [directory / f"{member}.j2" for member in PAIR]
    for path in paths:
        path.write_text(f"{{{{ secret('{secret.name}').{path.stem} }}}}\n")
    return [str(path) for path in paths]


# Opens a pair of files all the time, until SIGTERM, and prints how many pairs there were.
READER = """
import os, signal, sys, time
seen, going_on = [], True
def stop(*_):
    global going_on
    going_on = False
signal.signal(signal.SIGTERM, stop)
def read(name, at):
    with open(os.open(name, os.O_RDONLY, dir_fd=at)) as file:
        return file.read()
while going_on:
    try:
        at = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECTORY)
        try:
            crt, key = read("crt", at), read("key", at)
        finally:
            os.close(at)
    except FileNotFoundError:
        # It was replaced and removed meanwhile, or is not there yet.
        continue
    # A thousand times in a second.
    time.sleep(0.001)
    if crt.replace("crt", "key") != key:
        sys.exit(f"torn: {crt!r} and {key!r}")
    if seen[-1:] != [crt]:
        seen.append(crt)
print(len(seen))
"""


@contextlib.contextmanager
def pairs_read(directory: Path) -> Iterator[list[int]]:
    """Reads the pair in a directory meanwhile; gives the number of pairs in the end."""
    command = [sys.executable, "-c", READER, str(directory / "..data")]
    reader = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    numbers: list[int] = []
    try:
        yield numbers
    finally:
        reader.terminate()
        out, err = reader.communicate(timeout=30)
    assert reader.returncode == 0, err
    numbers.append(int(out))


@pytest.fixture
def memory(monkeypatch):
    """A directory in memory for the runs of `exec`."""
    directory = Path(tempfile.mkdtemp(dir="/dev/shm", prefix="roles-anywhere-test-"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(directory))
    yield directory
    shutil.rmtree(directory)
