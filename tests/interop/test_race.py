"""`update` beside programs that write the credentials file in place: nothing of theirs is lost.

Each round is a file of its own, and rounds run side by side, so that their pauses overlap. CI runs 20
rounds; `scripts/test --long` (ROLES_ANYWHERE_LONG=1) runs 200.
"""

import configparser
import contextlib
import os
import random
import shutil
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from awscli.customizations.configure import writer as awscli_writer
from clients import AWS_CLI
from emulator import TOOL

LONG = os.environ.get("ROLES_ANYWHERE_LONG") == "1"
ROUNDS = 200 if LONG else 20
# How many at once: a round mostly waits.
AT_ONCE = 20
STALLS = [0, 0.05, 2, 5]
NOBODY = 65_534
BEFORE = "".join(
    f"# the {n}th\n[p{n}]\naws_access_key_id = AKIA{n}\naws_secret_access_key = secret{n}\nregion = eu-west-{n}\n\n"
    for n in range(20)
)
SECTION = "[written-by-another]\nregion = eu-west-1\n"
KEYS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")


def truncate(path: Path, stall: float) -> None:
    """Writes as a shell's `>` does: truncates, computes, writes."""
    text = path.read_text()
    with path.open("w") as file:
        time.sleep(stall)
        file.write(text + SECTION)


def write_half(path: Path, stall: float) -> None:
    """Writes one half, and the other later."""
    text = path.read_text() + SECTION
    with path.open("w") as file:
        half = text.index("# the 10th")
        file.write(text[:half])
        file.flush()
        time.sleep(stall)
        file.write(text[half:])


def append(path: Path, stall: float) -> None:
    """Has the file open for a while before it writes to it."""
    with path.open("a") as file:
        time.sleep(stall)
        file.write("\n" + SECTION)


def rewrite(path: Path, stall: float) -> None:
    """Opens the file without truncating it, as programs do that may write a longer text only."""
    with path.open("r+") as file:
        text = file.read()
        time.sleep(stall)
        file.seek(0)
        file.write(text + SECTION)
        file.truncate()


stalling = threading.local()


@contextlib.contextmanager
def stalling_open(path, mode="r"):
    """`open` as the AWS CLI's writer calls it, with a pause before what is written."""
    with open(path, mode) as file:
        if mode != "r":
            time.sleep(stalling.seconds)
        yield file


def aws_cli_writer(path: Path, stall: float) -> None:
    """The AWS CLI's own writer: a new section is appended, and a setting of it written in place."""
    stalling.seconds = 0
    writer = awscli_writer.ConfigFileWriter()
    section = {"__section__": "written-by-another"}
    writer.update_config({**section, "region": "us-east-1"}, str(path))
    stalling.seconds = stall
    writer.update_config({**section, "region": "eu-west-1"}, str(path))


def aws_configure_set(path: Path, stall: float) -> None:
    """The AWS CLI itself."""
    time.sleep(stall)
    environment = {**os.environ, "AWS_CONFIG_FILE": str(path)}
    command = [str(AWS_CLI), "configure", "set", "region", "eu-west-1", "--profile", "written-by-another"]
    subprocess.run(command, env=environment, check=True, timeout=120)
    # It knows the file as its `config`, whose headings are others.
    text = path.read_text()
    assert "[profile written-by-another]" in text, text


WRITERS = [truncate, write_half, append, rewrite, aws_cli_writer]
# Of those that we cannot see, those that change the file when they open it.
HIDDEN_WRITERS = [truncate, write_half, aws_cli_writer]


@dataclass
class Round:
    """One file, its writer and `update`."""

    number: int
    writer: object
    stall: float
    is_hidden: bool = False

    def delays(self) -> tuple[float, float]:
        """Returns how long the writer and `update` wait before they start."""
        chance = random.Random(self.number)
        first = chance.random() * (self.stall + 0.3)
        return (0, first) if self.number % 2 else (chance.random() * 0.3, 0)


@pytest.fixture(scope="module")
def reachable(serving):
    """A directory that every user can reach, with the tool and its identity."""
    folder = Path(tempfile.mkdtemp(prefix="roles-anywhere-race-"))
    folder.chmod(0o755)
    shutil.copy2(TOOL, folder / "roles-anywhere")
    for number, name in enumerate(IDENTITY):
        copy = folder / str(number)
        copy.write_bytes(Path(serving.environment[name]).read_bytes())
        copy.chmod(0o644)
    yield folder
    shutil.rmtree(folder)


IDENTITY = [
    "ROLES_ANYWHERE_CERTIFICATE",
    "ROLES_ANYWHERE_PRIVATE_KEY",
    "ROLES_ANYWHERE_INTERMEDIATES",
    "AWS_CA_BUNDLE",
    "SSL_CERT_FILE",
]


def start(folder: Path, path: Path, is_hidden: bool, *arguments: str) -> subprocess.Popen:
    """Starts `update`, as the user nobody if it is not to see the writer."""
    environment = {**os.environ}
    for number, name in enumerate(IDENTITY):
        environment[name] = str(folder / str(number))
    command = [str(folder / "roles-anywhere"), "update", *arguments]
    command += ["--profile", "mine", "--credentials-file", str(path)]
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if is_hidden else {}
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **user
    )


def make(folder: Path, round: Round) -> Path:
    place = folder / f"round-{round.number}-{round.is_hidden}-{round.stall}"
    place.mkdir()
    path = place / "credentials"
    path.write_text(BEFORE)
    os.utime(path, (0, 0))
    if round.is_hidden:
        os.chown(place, NOBODY, NOBODY)
        os.chown(path, NOBODY, NOBODY)
    return path


def read(path: Path) -> dict:
    parser = configparser.RawConfigParser()
    parser.read([path])
    return {name: dict(parser[name]) for name in parser.sections()}


def lost(path: Path) -> list[str]:
    """Returns what is not there that was there before, or was written by the other program."""
    found = read(path)
    expected = {
        f"p{n}": {"aws_access_key_id": f"AKIA{n}", "aws_secret_access_key": f"secret{n}", "region": f"eu-west-{n}"}
        for n in range(20)
    }
    missing = [name for name in expected if found.get(name) != expected[name]]
    names = {"written-by-another", "profile written-by-another"} & found.keys()
    if not any(found[name] == {"region": "eu-west-1"} for name in names):
        missing.append("the section of the other program")
    comments = [f"# the {n}th" for n in range(20)]
    return missing + [comment for comment in comments if comment not in path.read_text()]


def play(folder: Path, round: Round) -> tuple[str, int, bool]:
    """Runs a round; returns what was lost, how `update` ended, and whether its keys are there."""
    path = make(folder, round)
    before_writer, before_update = round.delays()

    def write() -> None:
        time.sleep(before_writer)
        round.writer(path, round.stall)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        time.sleep(before_update)
        update = start(folder, path, round.is_hidden, "--once")
        _, stderr = update.communicate(timeout=120)
        writing.result()
    name = f"{round.writer.__name__}, stall {round.stall}, hidden {round.is_hidden}"
    assert update.returncode in (0, 6), (name, stderr)
    assert update.returncode == 0 or "hint: run the command again" in stderr, (name, stderr)
    missing = lost(path)
    report = f"{name}: {missing}\n{stderr}\n{path.read_text()}" if missing else ""
    mine = read(path).get("mine", {})
    return report, update.returncode, all(key in mine for key in KEYS)


def rounds() -> list[Round]:
    made = []
    for number in range(ROUNDS):
        is_hidden = os.geteuid() == 0 and number % 4 == 3
        writers = HIDDEN_WRITERS if is_hidden else WRITERS
        writer, stall = writers[number // 4 % len(writers)], STALLS[number * 7 // 4 % len(STALLS)]
        if number % 20 == 0:
            writer, stall = aws_configure_set, 0
        made.append(Round(number, writer, stall, is_hidden))
    return made


def rounds_beside_a_daemon() -> list[Round]:
    """Returns writers with stalls of up to 35 s."""
    kinds = [(False, WRITERS)] + ([(True, HIDDEN_WRITERS)] if os.geteuid() == 0 else [])
    made = []
    for is_hidden, writers in kinds:
        stalls = [35] * len(writers) + STALLS
        for at, stall in enumerate(stalls):
            made.append(Round(1_000 + len(made), writers[at % len(writers)], stall, is_hidden))
    return made


@pytest.mark.long
def test_nothing_of_another_program_is_lost(reachable, monkeypatch):
    monkeypatch.setattr(awscli_writer, "open", stalling_open, raising=False)
    planned, beside = rounds(), rounds_beside_a_daemon()
    combinations = {(round.writer, round.stall, round.is_hidden) for round in planned}
    assert len(combinations) > 15, combinations
    with ThreadPoolExecutor(len(beside)) as daemons, ThreadPoolExecutor(AT_ONCE) as pool:
        daemon_reports = daemons.map(lambda round: beside_daemon(reachable, round), beside)
        outcomes = list(pool.map(lambda round: play(reachable, round), planned))
        daemon_reports = list(daemon_reports)
    reports = [report for report in [*(outcome[0] for outcome in outcomes), *daemon_reports] if report]
    assert not reports, "\n\n".join(reports)
    # It is not by doing nothing that it loses nothing.
    written = sum(code == 0 and is_there for _, code, is_there in outcomes)
    assert written >= ROUNDS * 0.9, [outcome[1:] for outcome in outcomes]


def beside_daemon(folder: Path, round: Round) -> str:
    path = make(folder, round)
    daemon = start(folder, path, round.is_hidden)
    try:
        deadline = time.monotonic() + 60
        while "mine" not in read(path):
            assert time.monotonic() < deadline and daemon.poll() is None, daemon.stderr.read()
            time.sleep(0.1)
        round.writer(path, round.stall)
        # Within five seconds on a machine that does nothing else.
        deadline = time.monotonic() + 20
        while lost(path) or "mine" not in read(path):
            if time.monotonic() >= deadline:
                name = f"{round.writer.__name__}, stall {round.stall}, hidden {round.is_hidden}"
                return f"{name}: {lost(path)}\n{path.read_text()}"
            time.sleep(0.1)
        return ""
    finally:
        daemon.terminate()
        daemon.communicate(timeout=30)
