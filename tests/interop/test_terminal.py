"""The prompt for a password: on the terminal device alone, once, and never from the background.

Each tool that runs here is a child of a small session leader, whose controlling terminal is a
pseudo-terminal that the test holds the other end of. Its standard output and error are pipes.
"""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time

import leaks
import material
import pytest
from emulator import TOOL
from material import PASSWORD, authority, pem, pem_of, pkcs8

PROMPT = b"Password of "
# How long anything here may take.
PATIENCE = 20


@pytest.fixture
def arguments(emulator, tmp_path):
    """What vends with an encrypted key, if the password is told."""
    ca = authority(emulator.directory)
    certificate, key = tmp_path / "a.pem", tmp_path / "a.key"
    certificate.write_bytes(pem_of(ca.certificate_of("p256"), ca.certificate))
    key.write_bytes(pem("ENCRYPTED PRIVATE KEY", material.pbes2(pkcs8("p256"))))
    files = ["--certificate", str(certificate), "--private-key", str(key)]
    return ["credential-process", *files]


# The leader of the session: takes the terminal, starts the tool in its own or in another group,
# waits for its end or its stop, and says which.
LEADER = """
import fcntl, os, signal, subprocess, sys, termios
where, tty, report, *command = sys.argv[1:]
tty, report = int(tty), int(report)
fcntl.ioctl(tty, termios.TIOCSCTTY, 0)

def join_group():
    # A shell starts its background jobs, and so these tests perhaps, with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if where != "foreground":
        os.setpgid(0, 0)
    if where == "own foreground":
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os.tcsetpgrp(tty, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)

tool = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=join_group)
_, status = os.waitpid(tool.pid, os.WUNTRACED)
stopped = os.WIFSTOPPED(status)
os.write(report, f"stopped {os.WSTOPSIG(status)}".encode() if stopped else
         f"ended {os.waitstatus_to_exitcode(status)}".encode())
if stopped:
    os.kill(tool.pid, signal.SIGKILL)
"""


class Session:
    """One tool on a terminal of its own."""

    def __init__(self, arguments: list[str], where: str = "foreground", **environment: str):
        self.terminal, tty = pty.openpty()
        self.report, report = os.pipe()
        command = [sys.executable, "-c", LEADER, where, str(tty), str(report)]
        self.leader = subprocess.Popen(
            [*command, str(TOOL), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[tty, report],
            start_new_session=True,
            env={**os.environ, **environment},
        )
        os.close(tty)
        os.close(report)
        self.shown = b""

    def echoes(self) -> bool:
        """Says whether the terminal shows what is typed."""
        return bool(termios.tcgetattr(self.terminal)[3] & termios.ECHO)

    def read(self, seconds: float) -> bool:
        """Adds what the terminal shows within the time; says whether there was anything."""
        if not select.select([self.terminal], [], [], seconds)[0]:
            return False
        try:
            new = os.read(self.terminal, 4096)
        except OSError:
            # The other end is closed: all is over.
            return False
        self.shown += new
        return bool(new)

    def wait_for_prompt(self) -> None:
        until = time.monotonic() + PATIENCE
        while not self.shown.rstrip().endswith(b":") or self.echoes():
            # Nothing announces that the echo is off.
            self.read(0.01)
            assert time.monotonic() < until, self.shown
            assert self.leader.poll() is None, self.end()

    def type(self, text: bytes) -> None:
        os.write(self.terminal, text)

    def end(self) -> tuple[str, bytes, bytes]:
        """Waits for the end; returns how, standard output and standard error."""
        out, err = self.leader.communicate(timeout=PATIENCE)
        report = os.read(self.report, 100).decode()
        while self.read(0.05):
            pass
        leaks.check(self.shown)
        return report, out, err

    def close(self) -> None:
        if self.leader.poll() is None:
            self.leader.kill()
            self.leader.wait()
        os.close(self.terminal)
        os.close(self.report)


@pytest.fixture
def session():
    sessions = []

    def start(*args, **options) -> Session:
        sessions.append(Session(*args, **options))
        return sessions[-1]

    yield start
    for one in sessions:
        one.close()


def assert_vends(done: tuple[str, bytes, bytes]) -> None:
    report, out, err = done
    assert (report, err) == ("ended 0", b"")
    assert json.loads(out)["AccessKeyId"].startswith("ASIA")


@pytest.mark.parametrize("where", ["foreground", "own foreground"])
def test_asks_on_the_terminal_once_and_shows_nothing_of_the_answer(session, arguments, where):
    asked = session(arguments, where)
    asked.wait_for_prompt()
    assert asked.shown.startswith(PROMPT) and arguments[-1].encode() in asked.shown
    asked.type(PASSWORD.encode() + b"\n")
    assert_vends(asked.end())
    assert asked.shown.count(PROMPT) == 1 and PASSWORD.encode() not in asked.shown
    assert asked.echoes()


def test_asks_once_for_two_files_of_one_password(session, arguments, emulator, tmp_path):
    # A PKCS#12 file for each, so that the password is needed twice.
    ca = authority(emulator.directory)
    options = ["-passout", f"pass:{PASSWORD}"]
    chain = [ca.certificate]
    made = material.pkcs12_by_openssl("p256", ca.certificate_of("p256"), chain, *options)
    for name in ("a.p12", "b.p12"):
        (tmp_path / name).write_bytes(made)
    files = ["--certificate", f"{tmp_path}/a.p12", "--private-key", f"{tmp_path}/b.p12"]
    asked = session(["credential-process", *files])
    asked.wait_for_prompt()
    asked.type(PASSWORD.encode() + b"\n")
    assert_vends(asked.end())
    assert asked.shown.count(PROMPT) == 1


@pytest.mark.parametrize("answer", [b"an-error-of-mine\n", b"\n"], ids=["wrong", "empty"])
def test_does_not_ask_again_after_a_wrong_password(session, emulator, arguments, answer):
    asked = session(arguments)
    asked.wait_for_prompt()
    asked.type(answer)
    report, out, err = asked.end()
    assert (report, out) == ("ended 3", b"")
    assert b"the password does not open it" in err
    assert asked.shown.count(PROMPT) == 1 and b"of-mine" not in asked.shown + err
    assert asked.echoes() and emulator.requests() == []


def test_an_end_of_file_is_no_password(session, arguments):
    asked = session(arguments)
    asked.wait_for_prompt()
    asked.type(b"\x04")
    report, out, err = asked.end()
    assert (report, out) == ("ended 3", b"") and err.startswith(b"error: ")


def test_an_interrupt_ends_it(session, arguments):
    asked = session(arguments, "own foreground")
    asked.wait_for_prompt()
    asked.type(b"\x03")
    report, out, _ = asked.end()
    assert (report, out) == (f"ended {-signal.SIGINT}", b"")


@pytest.mark.xfail(reason="nothing switches the echo on again when a signal ends the prompt")
def test_an_interrupt_leaves_the_terminal_as_it_was(session, arguments):
    asked = session(arguments, "own foreground")
    asked.wait_for_prompt()
    asked.type(b"\x03")
    asked.end()
    assert asked.echoes()


def test_does_not_ask_where_the_password_is_told(session, arguments):
    asked = session([*arguments, "--pkcs8-password", PASSWORD])
    assert_vends(asked.end())
    assert asked.shown == b""


def test_does_not_ask_where_no_password_is_needed(session):
    # The identity of the environment.
    asked = session(["credential-process"])
    assert_vends(asked.end())
    assert asked.shown == b""


@pytest.mark.parametrize("name", ["sign-string", "secret"])
def test_other_commands_ask_too(session, arguments, name):
    command = {"sign-string": ["sign-string"], "secret": ["secret", "get", "prod/plain"]}[name]
    asked = session([*command, *arguments[1:]])
    asked.wait_for_prompt()
    asked.type(PASSWORD.encode() + b"\n")
    report, out, err = asked.end()
    assert (report, err) == ("ended 0", b"") and out
    assert asked.shown.count(PROMPT) == 1


def test_never_asks_from_the_background(session, arguments):
    begin = time.monotonic()
    asked = session(arguments, "background")
    report, out, err = asked.end()
    # Neither stopped by SIGTTIN nor by SIGTTOU.
    assert (report, out) == ("ended 3", b"")
    assert b"background" in err and time.monotonic() - begin < 5
    assert asked.shown == b"" and asked.echoes()


def test_works_from_the_background_where_the_password_is_told(session, arguments):
    asked = session([*arguments, "--pkcs8-password", PASSWORD], "background")
    assert_vends(asked.end())


def test_never_asks_without_a_terminal(arguments):
    begin = time.monotonic()
    done = subprocess.run(
        [str(TOOL), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        start_new_session=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, b"")
    assert b"no terminal" in done.stderr and time.monotonic() - begin < 5


def test_standard_input_is_not_the_terminal_device(arguments):
    # A terminal as standard input alone is not the one that controls the process.
    terminal, tty = pty.openpty()
    try:
        done = subprocess.run(
            [str(TOOL), *arguments],
            stdin=tty,
            capture_output=True,
            start_new_session=True,
            timeout=PATIENCE,
            check=False,
        )
    finally:
        os.close(terminal)
        os.close(tty)
    assert (done.returncode, done.stdout) == (3, b"") and b"no terminal" in done.stderr


def test_the_terminal_is_gone(session, arguments):
    asked = session(arguments)
    asked.wait_for_prompt()
    os.close(asked.terminal)
    asked.terminal = os.open(os.devnull, os.O_RDWR)
    out, _ = asked.leader.communicate(timeout=PATIENCE)
    assert out == b""
