"""A shell on a pseudo-terminal, as a person sees it."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

PROMPT = "ready> "
# How long anything here may take.
TIMEOUT = 30


class Terminal:
    """An interactive bash, with 30 rows of 100 columns."""

    def __init__(self, environment: dict[str, str]):
        environment = environment | {"PS1": PROMPT, "TERM": "xterm", "HISTFILE": "/dev/null"}
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"], environment)
        self.shown = ""
        self._seen = 0
        self.resize(30, 100)
        self.expect(PROMPT)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, text: str) -> None:
        os.write(self.descriptor, text.encode())

    def _read(self, seconds: float) -> bool:
        if not select.select([self.descriptor], [], [], seconds)[0]:
            return False
        try:
            more = os.read(self.descriptor, 65536)
        except OSError:
            return False
        self.shown += more.decode(errors="replace")
        return bool(more)

    def expect(self, pattern: str) -> re.Match:
        """Reads until a pattern is shown behind the last one that was expected."""
        deadline = time.monotonic() + TIMEOUT
        while not (found := re.compile(pattern).search(self.shown, self._seen)):
            left = deadline - time.monotonic()
            assert left > 0, f"no {pattern!r} in {self.shown[self._seen:]!r}"
            self._read(min(left, 1))
        self._seen = found.end()
        return found

    def run(self, line: str) -> str:
        """Runs a line, and returns what it prints."""
        self.send(f"{line}\r")
        self.expect(r"\n")
        start = self._seen
        found = self.expect(re.escape(PROMPT))
        return self.shown[start : found.start()].replace("\r\n", "\n")

    def settings(self) -> list:
        """Returns how the terminal is set, but for the speed of its input."""
        inputs, outputs, control, local, _, _, characters = termios.tcgetattr(self.descriptor)
        return [inputs, outputs, control & 0xFFFF, local, characters]

    def close(self) -> None:
        """Closes it, as a window is closed."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None
            os.waitpid(self.pid, 0)
