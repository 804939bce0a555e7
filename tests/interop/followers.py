"""Commands that follow a secret: `render --watch`, `exec --on-rotate` and `watch`, and what they log."""

import contextlib
import json
import os
import shlex
import signal
import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from emulator import TOOL, Emulator
from secrets_endpoint import configuration

QUIET_SECONDS = 1
TIMES = f"--secrets-ttl 1s --quiet-period {QUIET_SECONDS}s --splay 0s"


@dataclass(frozen=True)
class Event:
    """An event of the log. The time is in seconds, and rounded down."""

    time: int
    name: str


class Follower:
    """A command that follows secrets, in a directory and with an identity of its own."""

    def __init__(self, emulator: Emulator, directory: Path, command: str, *words: str, leaf: str = "p256"):
        self.directory, self.leaf = directory, leaf
        self._log = directory / "log"
        config = directory / "config.toml"
        config.write_text(configuration(emulator, "", leaf))
        config.chmod(0o600)
        own = [*("--config", str(config), "--role", "reader"), *shlex.split(TIMES)]
        # The log of `exec` is text.
        own += [] if command == "exec" else ["--log-format", "json"]
        self._command = [str(TOOL), command, *own, *words]
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ROLES_ANYWHERE_")}
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, env=kept, stdin=subprocess.DEVNULL, stderr=log, start_new_session=True
            )

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(timeout=30)

    def kill(self) -> None:
        """Kills it, and what it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=30)

    def events(self, *names: str) -> list[Event]:
        # The last line can still be in the making, and programs write to standard error too.
        lines = self.log().split("\n")[:-1]
        return [event for event in map(_event, lines) if event and event.name in names]

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
