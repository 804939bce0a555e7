"""Programs that follow a secret through rotations while the emulator fails.

Each acts once for each quiet period in which the bytes that it consumes changed, and never otherwise. That is
held against its own log, which says when it saw a change, so that a slow machine changes how many quiet
periods there are, but not whether the test passes.
"""

import contextlib
import itertools
import json
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from emulator import Emulator
from followers import (
    IS_LONG,
    MARK,
    MEMBERS,
    PAIR,
    QUIET_SECONDS,
    Follower,
    RotatedSecret,
    memory,  # noqa: F401
    of_role,
    of_serve,
    pair_templates,
    pairs_read,
)
from secrets_endpoint import TOKEN, Relay, serve_secrets
from test_secrets_outages import until

# The members that rotations change. Nothing consumes `note`: that is another version with the same bytes.
ROTATIONS = {
    "pair": PAIR,
    "password": ("password",),
    "token": ("token",),
    "note": ("note",),
    "same": (),
    "all": MEMBERS,
}
# How the emulator fails, and the rotations meanwhile, which come one after the other.
BURSTS = [
    ("nothing", "pair token pair note password pair"),
    ("5xx", "password password note password same password"),
    ("connection refused", "pair note pair pair same pair"),
    ("throttling", "same note same note same note"),
    ("no answer", "token token pair note token same"),
    ("access denied", "password note pair password token same"),
    ("lost answers", "note token note token same note"),
    ("nothing", "same note same note"),
    ("5xx", "token password pair all"),
]
LONG = [(failure, rotation) for failure, _ in BURSTS for rotation in ROTATIONS]
READS = ("GetSecretValue", "DescribeSecret")
FAILURES = {
    "5xx": {"status": 503, "code": "InternalServiceError"},
    "throttling": {"code": "ThrottlingException", "message": "Rate exceeded"},
    "no answer": {"delay_ms": 5_000, "cut": True},
    "access denied": {"code": "AccessDeniedException", "status": 400},
    "lost answers": {"perform": True, "cut": True},
}
# So many calls meet a failure, at least.
MET = 4
# So many calls of a follower take 2 s or more: what it has read before is acted on by then.
CHECKS = 5


class Followed:
    """A follower, and the values that it has acted on by the notes of the program that it tells."""

    def __init__(self, secret: RotatedSecret, follower: Follower, *members: str):
        self.secret, self.follower, self.members = secret, follower, members
        self._notes = follower.directory / "notes"
        # The events and the values of the start.
        self._events, self._seen = 0, 0

    def seen(self) -> list[tuple[str, ...]]:
        """Returns the values of the members at the start and at each action since."""
        notes = self._notes.read_text() if self._notes.exists() else ""
        return [tuple(line.split()) for line in notes.split("\n")[:-1]]

    def is_current(self) -> bool:
        return self.seen()[-1:] == [tuple(self.secret.current[member] for member in self.members)]

    def started(self) -> None:
        """Waits until the first values are there."""
        until(lambda: self.is_current() or None, f"the start: {self.follower.log()}")

    def begin(self) -> None:
        """Takes what was done so far as the start."""
        self._events, self._seen = len(self.events()), len(self.seen()) - 1

    def events(self) -> list:
        return self.follower.events("references_changed", "action_started")

    def check(self) -> int:
        """Checks what was done so far, and returns the number of actions."""
        changes, actions, events = [], [], self.events()[self._events :]
        for event in events:
            if event.name == "references_changed":
                changes.append(event.time)
                continue
            assert changes, f"an action without a change: {events}"
            # Changes prolong the quiet period, up to six times.
            is_quiet = event.time - changes[-1] >= QUIET_SECONDS
            assert is_quiet or event.time - changes[0] >= 6 * QUIET_SECONDS, events
            # The brake.
            assert not actions or event.time - actions[-1] >= 2 * QUIET_SECONDS, events
            actions.append(event.time)
            changes = []
        assert not changes, f"a change without an action: {events}"
        seen = self.seen()[self._seen :]
        assert len(seen) == 1 + len(actions), (seen, events)
        for before, after in itertools.pairwise(seen):
            assert before != after and all(map(is_as_new, before, after)), seen
        assert self.is_current(), seen
        return len(actions)


def is_as_new(before: str, after: str) -> bool:
    """Says whether a value is not of an earlier rotation than another one of the same member."""
    numbers = [int(value.rpartition("-")[2]) for value in (before, after)]
    return numbers[0] <= numbers[1]


class Watched(Followed):
    """`watch`, which tells of versions: a line for each reference, and an empty one after those of an action."""

    def seen(self) -> list[tuple[str, ...]]:
        versions = list(self.secret.versions.values())
        seen = [tuple(versions[0][member] for member in self.members)]
        notes = self._notes.read_text() if self._notes.exists() else ""
        for action in notes.split("\n\n")[:-1]:
            told = dict(zip(self.members, seen[-1], strict=True))
            for line in map(json.loads, action.splitlines()):
                member = line["reference"].rpartition("#")[2]
                assert self.secret.versions[line["previous_version"]][member] == told[member], line
                told[member] = self.secret.versions[line["version"]][member]
            seen.append(tuple(told.values()))
        return seen

    def started(self) -> None:
        until(lambda: self.follower.is_ready() or None, f"the start: {self.follower.log()}")


# Notes what is in a file, at the start and at each SIGHUP.
REREADS = """
import os, signal, sys
def note(*_):
    with open(os.environ["T"]) as file, open(sys.argv[1], "a") as notes:
        notes.write(file.read() + "\\n")
signal.signal(signal.SIGHUP, note)
note()
while True:
    signal.pause()
"""


def rendering(directory: Path, access: list[str], secret: RotatedSecret) -> Followed:
    out, notes = directory / "out", directory / "notes"
    action = f"paste -d ' ' {out}/crt {out}/key >> {notes}"
    words = [*pair_templates(directory, secret), "--out-dir", str(out), "--watch", "--on-change", action]
    return Followed(secret, Follower(directory, access, "render", *words), *PAIR)


def restarted(directory: Path, access: list[str], secret: RotatedSecret) -> Followed:
    program = f'echo "$P" >> {directory}/notes; exec sleep 600'
    words = ["--on-rotate", "restart", f"--env=P=sm://{secret.name}#password", "--", "sh", "-c", program]
    return Followed(secret, Follower(directory, access, "exec", *words), "password")


def rereading(directory: Path, access: list[str], secret: RotatedSecret) -> Followed:
    program = [sys.executable, "-c", REREADS, str(directory / "notes")]
    words = ["--on-rotate", "signal:HUP", f"--file=T=sm://{secret.name}#token", "--", *program]
    return Followed(secret, Follower(directory, access, "exec", *words), "token")


def watching(directory: Path, access: list[str], secret: RotatedSecret) -> Followed:
    members = ("crt", "token")
    references = [f"sm://{secret.name}#{member}" for member in members]
    words = [*references, "--exec", f"cat >> {directory}/notes; echo >> {directory}/notes"]
    return Watched(secret, Follower(directory, access, "watch", *words), *members)


# The followers, and the identities that they and `serve` have.
FOLLOWERS = {"p384": rendering, "p521": restarted, "rsa2048": rereading, "rsa3072": watching}
LEAF_OF_SERVE = "p256"
THROUGH_SERVE = [restarted, watching]


@contextlib.contextmanager
def failing(emulator: Emulator, relay: Relay, failure: str) -> Iterator[None]:
    """Has the emulator fail meanwhile. It has met calls before."""
    if failure == "nothing":
        yield
    elif failure == "connection refused":
        relay.close()
        # Nobody sees these calls. Each follower makes some.
        time.sleep(2)
        yield
        relay.open()
    else:
        operations, times = (READS if failure == "access denied" else ("*",)), 1_000
        for operation in operations:
            emulator.fault(operation=operation, times=times, **FAILURES[failure])

        def met() -> bool:
            left = sum(fault["times"] for fault in emulator.control("GET", "/faults"))
            return len(operations) * times - left >= MET

        until(lambda: met() or None, f"calls that meet {failure}")
        yield
        emulator.control("DELETE", "/faults")


def wait_for_checks(emulator: Emulator, leaves: list[str], checks: int) -> None:
    """Waits until each identity has asked AWS so many times. At least half of the TTL, 0.5 s, is between two."""
    emulator.control("DELETE", "/requests")

    def done() -> bool:
        answered = [line for line in emulator.requests() if line["operation"] in READS and line["status"] == 200]
        sources = [line["session"]["source_identity"] for line in answered]
        return all(sources.count(f"CN={leaf}") >= checks for leaf in leaves)

    until(lambda: done() or None, f"{checks} checks of each of {leaves}")


@pytest.mark.long
def test_each_follower_acts_once_for_each_quiet_period_with_changes(
    emulator, tmp_path, memory, monkeypatch  # noqa: F811
):
    monkeypatch.setenv("AWS_TOKEN", TOKEN)
    secret = RotatedSecret(emulator)
    aws = urlsplit(emulator.endpoint)
    relay = Relay((aws.hostname, aws.port))
    through_relay = ["--secrets-endpoint", f"https://{aws.hostname}:{relay.port}"]

    def directory(name: str) -> Path:
        (tmp_path / name).mkdir()
        return tmp_path / name

    with contextlib.ExitStack() as stack:
        serving = serve_secrets(emulator, directory("serve"), "ttl = 1", *through_relay)
        served = of_serve(stack.enter_context(serving).port)
        followed = []
        for leaf, make in FOLLOWERS.items():
            own = directory(make.__name__)
            followed.append(make(own, of_role(emulator, own, leaf, *through_relay), secret))
        followed += [make(directory(f"served-{make.__name__}"), served, secret) for make in THROUGH_SERVE]
        for each in followed:
            each.follower.start()
            stack.callback(each.follower.kill)
        for each in followed:
            each.started()
        pairs = stack.enter_context(pairs_read(tmp_path / "rendering/out"))
        leaves = [*FOLLOWERS, LEAF_OF_SERVE]
        # What a follower reads first is in no event, so each has to have acted once.
        secret.rotate(*MEMBERS)
        for each in followed:
            until(lambda each=each: each.is_current() or None, f"the first action: {each.follower.log()}")
        wait_for_checks(emulator, leaves, CHECKS)
        for each in followed:
            each.begin()
        for failure, rotations in BURSTS + (LONG if IS_LONG else []):
            counts, before = [each.check() for each in followed], secret.current
            with failing(emulator, relay, failure):
                for rotation in rotations.split():
                    secret.rotate(*ROTATIONS[rotation])
            for each in followed:
                until(lambda each=each: each.is_current() or None, f"{secret.current}: {each.follower.log()}")
            wait_for_checks(emulator, leaves, CHECKS)
            for each, count in zip(followed, counts, strict=True):
                has_changed = any(before[member] != secret.current[member] for member in each.members)
                assert (each.check() > count) == has_changed, (failure, rotations, each.follower.log())
        assert secret.count >= 50
        for each in followed:
            assert each.follower.stop() in (0, -signal.SIGTERM)
            assert MARK not in each.follower.log()
    assert pairs[0] > 1
