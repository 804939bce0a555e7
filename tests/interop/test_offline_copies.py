"""Offline copies that the clock puts out of use: `serve` and `exec`, with a wall clock that a test sets.

tests/e2e/offline_copies.rs has copies that are damaged, of another key, and refused since.
"""

import subprocess
from pathlib import Path

import pytest
from emulator import TOOL
from secrets_endpoint import Answer, configuration, serve_secrets
from test_faketime import clock  # noqa: F401
from test_secrets_outages import until

SECRET = "prod/plain"
VALUE = "s3cr3t"
MAX_AGE = 120
# Nothing listens there.
NOWHERE = ["--endpoint", "https://127.0.0.1:1", "--secrets-endpoint", "https://127.0.0.1:1"]
NO_SESSION = (500, "InternalFailure")
# The clock may be set back by five minutes.
SET_BACK = -310
TOO_OLD = "AWS last confirmed it longer ago than `max-age`"
IN_FUTURE = "its time is in the future: the clock was set back"


class Host:
    """A machine with the key and the directory of a service."""

    def __init__(self, emulator, directory: Path):
        self._emulator, self._directory = emulator, directory
        for name in ("state", "credentials"):
            (directory / name).mkdir(mode=0o700)
        key = directory / "credentials/roles-anywhere-offline-key"
        key.write_bytes(bytes(range(32)))
        key.chmod(0o600)
        self._table = f'[secrets.offline]\nkeep = ["sm://{SECRET}"]\nmax-age = {MAX_AGE}'
        self.variables = {
            "STATE_DIRECTORY": str(directory / "state"),
            "CREDENTIALS_DIRECTORY": str(directory / "credentials"),
        }

    def serve(self, *options: str):
        return serve_secrets(self._emulator, self._directory, self._table, *options, **self.variables)

    def exec(self, monkeypatch, *options: str) -> subprocess.CompletedProcess:
        """Runs a program that prints the secret."""
        config = self._directory / "config.toml"
        config.write_text(configuration(self._emulator, self._table))
        config.chmod(0o600)
        words = [*("--config", str(config), "--role", "reader", f"--env=P=sm://{SECRET}"), *options]
        command = [str(TOOL), "exec", *words, "--", "sh", "-c", 'echo "$P"']
        with monkeypatch.context() as own:
            for name in self._emulator.environment:
                if name.startswith("ROLES_ANYWHERE_"):
                    own.delenv(name)
            for name, value in self.variables.items():
                own.setenv(name, value)
            return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def copies(self) -> int:
        return len(list((self._directory / "state/offline").iterdir()))


@pytest.fixture
def host(emulator, tmp_path):
    return Host(emulator, tmp_path)


@pytest.mark.long
def test_serve_does_not_serve_a_copy_that_is_too_old(host, clock):  # noqa: F811
    with host.serve() as endpoint:
        assert endpoint.get(SECRET).status == 200
    clock(MAX_AGE // 2)
    with host.serve(*NOWHERE) as endpoint:
        check_served(endpoint.get(SECRET))
    # It gets too old while it is served: the age in a process does not depend on the clock that can be set.
    clock(MAX_AGE - 8)
    with host.serve(*NOWHERE) as endpoint:

        def refused() -> Answer | None:
            answer = endpoint.get(SECRET)
            if answer.status != 200:
                return answer
            check_served(answer)
            return None

        assert until(refused, "the end of max-age").failure == NO_SESSION
    clock(MAX_AGE + 60)
    with host.serve(*NOWHERE) as endpoint:
        assert endpoint.get(SECRET).failure == NO_SESSION
        assert [event["reason"] for event in endpoint.events("offline_copy_ignored")] == [TOO_OLD]
    # The clock may be wrong until AWS has answered.
    assert host.copies() == 1
    with host.serve() as endpoint:
        assert endpoint.get("prod/db-credentials").status == 200
        (removed,) = until(lambda: endpoint.events("offline_copy_removed") or None, "the removal")
        assert (removed["secret"], removed["reason"]) == (SECRET, "too_old")
    assert host.copies() == 0


def check_served(answer: Answer) -> None:
    assert (answer.status, answer.stale is None) == (200, False), answer
    assert MAX_AGE // 2 <= int(answer.headers["age"]) <= MAX_AGE, answer


def test_serve_does_not_serve_a_copy_of_a_time_that_has_not_come_yet(host, clock):  # noqa: F811
    with host.serve() as endpoint:
        assert endpoint.get(SECRET).status == 200
    clock(SET_BACK)
    with host.serve(*NOWHERE) as endpoint:
        assert endpoint.get(SECRET).failure == NO_SESSION
        assert [event["reason"] for event in endpoint.events("offline_copy_ignored")] == [IN_FUTURE]
    # It is not removed: the next start is with the right time.
    clock(0)
    with host.serve(*NOWHERE) as endpoint:
        served = endpoint.get(SECRET)
        assert (served.status, served.stale is None) == (200, False), served


def test_exec_does_not_start_with_a_copy_that_is_too_old(host, clock, monkeypatch):  # noqa: F811
    assert host.exec(monkeypatch).stdout.strip() == VALUE
    clock(MAX_AGE - 60)
    started = host.exec(monkeypatch, *NOWHERE)
    assert (started.returncode, started.stdout.strip()) == (0, VALUE), started.stderr
    clock(MAX_AGE + 60)
    ended = host.exec(monkeypatch, *NOWHERE)
    assert (ended.returncode, ended.stdout) == (5, ""), ended
    assert f"hint: there is no offline copy of `{SECRET}`: {TOO_OLD}" in ended.stderr
    assert host.copies() == 1


def test_exec_does_not_start_with_a_copy_of_a_time_that_has_not_come_yet(host, clock, monkeypatch):  # noqa: F811
    assert host.exec(monkeypatch).stdout.strip() == VALUE
    clock(SET_BACK)
    ended = host.exec(monkeypatch, *NOWHERE)
    assert (ended.returncode, ended.stdout) == (5, ""), ended
    assert IN_FUTURE in ended.stderr
    assert host.copies() == 1
    clock(0)
    started = host.exec(monkeypatch, *NOWHERE)
    assert (started.returncode, started.stdout.strip()) == (0, VALUE), started.stderr
