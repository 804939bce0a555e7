"""The built binary on a wall clock that a test sets, by libfaketime: what a sleeping laptop sees."""

import json
import os
import signal
import subprocess
import sysconfig
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from clients import Serve
from emulator import TOOL

LIBRARY = "faketime/libfaketime.so.1"
PATIENCE = 20


def library() -> Path:
    """Returns Debian's libfaketime, which scripts/test installs."""
    places = [Path("/usr/lib", sysconfig.get_config_var("MULTIARCH") or "", LIBRARY)]
    return next(place for place in places if place.exists())


@pytest.fixture
def clock(tmp_path, monkeypatch):
    """Starts the tool on a wall clock of its own, and returns what sets it by so many seconds."""
    told = tmp_path / "clock"

    def set_by(seconds: int) -> None:
        # Replaced whole: the tool reads it at every look at the clock.
        new = tmp_path / "clock.new"
        new.write_text(f"{seconds:+d}\n")
        new.rename(told)

    set_by(0)
    monkeypatch.setenv("LD_PRELOAD", str(library()))
    monkeypatch.setenv("FAKETIME_TIMESTAMP_FILE", str(told))
    monkeypatch.setenv("FAKETIME_NO_CACHE", "1")
    # The clock that nobody sets goes on: that is how the tool tells sleep from waiting.
    monkeypatch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    return set_by


def metrics(serve: Serve) -> dict[str, float]:
    """Returns what `/metrics` says."""
    url = serve.imds["AWS_EC2_METADATA_SERVICE_ENDPOINT"] + "/metrics"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    pairs = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
    return {name: float(value) for name, value in pairs}


def wait_for(condition) -> None:
    """Waits for what nothing announces."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def test_wakes_from_sleep_to_a_clock_that_is_wrong_and_still_vends(emulator, clock, tmp_path):
    """Two hours go by in no time, and to AWS they never were: refreshed, and signed by its clock."""
    serve = Serve(tmp_path)
    # Ours alone is to run on the other clock.
    del os.environ["LD_PRELOAD"]
    succeeded = 'roles_anywhere_refreshes_total{result="succeeded"}'
    wait_for(lambda: metrics(serve)[succeeded] == 1)
    clock(7_200)
    wait_for(lambda: metrics(serve)[succeeded] == 2)
    assert abs(metrics(serve)["roles_anywhere_clock_offset_seconds"] + 7_200) < 10
    sessions = [line for line in emulator.requests("CreateSession") if line["session"]]
    assert len(sessions) == 2
    assert serve.stop() == 0


def test_forgets_an_offset_that_no_longer_holds(emulator, clock, tmp_path):
    """The clock is wrong at first and then set right, while sessions come and go."""
    emulator.end_sessions_after(6)
    clock(-3_600)
    serve = Serve(tmp_path)
    del os.environ["LD_PRELOAD"]
    offset = "roles_anywhere_clock_offset_seconds"
    wait_for(lambda: abs(metrics(serve)[offset] - 3_600) < 10)
    clock(0)
    wait_for(lambda: abs(metrics(serve)[offset]) < 10)
    assert metrics(serve)["roles_anywhere_credentials_expiry_seconds"] > 0
    assert serve.stop() == 0


@pytest.mark.long
def test_a_clock_that_is_nearly_too_far_ahead_makes_no_more_calls(emulator, clock, tmp_path):
    """Sessions of 900 seconds that come when the clock is 897 seconds ahead have not ended."""
    emulator.end_sessions_after(900)
    clock(897)
    serve = Serve(tmp_path)
    del os.environ["LD_PRELOAD"]
    offset = "roles_anywhere_clock_offset_seconds"
    wait_for(lambda: abs(metrics(serve)[offset] + 897) < 10)
    assert metrics(serve)["roles_anywhere_credentials_expiry_seconds"] > 800
    time.sleep(6)
    assert len(emulator.requests("CreateSession")) == 1
    assert serve.stop() == 0


@pytest.mark.long
def test_sessions_that_end_at_once_are_refreshed_every_five_seconds(emulator, clock, tmp_path):
    """SIGHUP changes nothing about that."""
    emulator.end_sessions_after(2)
    serve = Serve(tmp_path)
    del os.environ["LD_PRELOAD"]
    for _ in range(11):
        time.sleep(1)
        os.kill(serve.process.pid, signal.SIGHUP)
    assert len(emulator.requests("CreateSession")) in (2, 3)
    assert serve.stop() == 0


YEARS = 30 * 366 * 86_400


def test_a_clock_that_jumps_past_the_certificates_end_ends_no_session(emulator, clock, tmp_path):
    """Nor can AWS be asked for the time: the session is good by the clock that nobody sets."""
    serve = Serve(tmp_path)
    del os.environ["LD_PRELOAD"]
    succeeded = 'roles_anywhere_refreshes_total{result="succeeded"}'
    failed = 'roles_anywhere_refreshes_total{result="identity"}'
    wait_for(lambda: metrics(serve)[succeeded] == 1)
    emulator.fault(cut=True, times=0)
    clock(YEARS)
    wait_for(lambda: metrics(serve)[failed] >= 1)
    url = serve.imds["AWS_EC2_METADATA_SERVICE_ENDPOINT"] + "/readyz"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=5) as answer:
        assert answer.status == 200
    clock(0)
    assert serve.stop() == 0


def test_goes_by_awss_time_if_its_clock_puts_the_certificate_out_of_date(emulator, clock, tmp_path):
    """The connection to AWS is open yet, and so tells the time in spite of the clock."""
    serve = Serve(tmp_path)
    del os.environ["LD_PRELOAD"]
    succeeded = 'roles_anywhere_refreshes_total{result="succeeded"}'
    wait_for(lambda: metrics(serve)[succeeded] == 1)
    clock(YEARS)
    wait_for(lambda: metrics(serve)[succeeded] == 2)
    assert abs(metrics(serve)["roles_anywhere_clock_offset_seconds"] + YEARS) < 10
    assert serve.stop() == 0


@pytest.mark.parametrize("seconds", [YEARS, -YEARS])
def test_names_the_clock_if_it_makes_tls_fail(emulator, clock, tool, seconds):
    """Exit 3: the certificate is out of date by this machine's clock, and AWS cannot be asked."""
    clock(seconds)
    outcome = tool("credential-process")
    assert outcome.returncode == 3
    assert outcome.stdout == b""
    assert b"AWS's TLS certificate is not valid either" in outcome.stderr


PROGRAMS = 50
TELL = 'echo "$AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN"; exec sleep 600'


def key(url: str, token: str) -> str | None:
    """Returns the id of the access key, or nothing if there are no credentials now."""
    request = urllib.request.Request(url, headers={"Authorization": token})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read())["AccessKeyId"]
    except urllib.error.HTTPError as error:
        assert error.code == 503, error.read()
        return None


def test_programs_share_their_sessions_also_when_these_end(emulator, clock, tmp_path, monkeypatch):
    """Fifty programs make one session together, and one more after an hour in which all slept."""
    monkeypatch.delenv("ROLES_ANYWHERE_NO_CACHE")
    (tmp_path / "run").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    command = [str(TOOL), "exec", "--", "sh", "-c", TELL]

    def start(_) -> subprocess.Popen:
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    with ThreadPoolExecutor(PROGRAMS) as pool:
        programs = list(pool.map(start, range(PROGRAMS)))
        # Ours alone are to run on the other clock.
        del os.environ["LD_PRELOAD"]
        try:
            told = [program.stdout.readline().split() for program in programs]
            first = set(pool.map(lambda it: key(*it), told))
            assert len(first) == 1 and None not in first

            emulator.advance(3_700)
            clock(3_700)
            deadline = time.monotonic() + 3 * PATIENCE
            second = first
            while second & (first | {None}):
                assert time.monotonic() < deadline, second
                second = set(pool.map(lambda it: key(*it), told))
            assert len(second) == 1
        finally:
            for program in programs:
                program.kill()
                program.wait()
    sessions = [line for line in emulator.requests("CreateSession") if line["session"]]
    assert len(sessions) == 2
