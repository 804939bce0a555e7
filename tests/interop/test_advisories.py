"""`scripts/advisories`, with a `cargo deny` that does what it is told."""

import os
import pathlib
import subprocess

REPOSITORY = pathlib.Path(__file__).parents[2]

DENY = """#!/bin/sh
echo "$*" >>"$CALLS"
case "$*" in
    --version) sed -n 's/^CARGO_DENY=/cargo-deny /p' scripts/lib.sh ;;
    *check*) exit "$CHECK" ;;
    *fetch*) echo "failed to fetch database"; exit "$FETCH" ;;
esac
"""


def run(directory, fetch=0, check=0):
    program = directory / "tools/bin/cargo-deny"
    program.parent.mkdir(parents=True)
    program.write_text(DENY)
    program.chmod(0o755)
    calls = directory / "calls"
    environment = os.environ | {
        "CARGO_TARGET_DIR": str(directory),
        "CALLS": str(calls),
        "FETCH": str(fetch),
        "CHECK": str(check),
    }
    result = subprocess.run(
        [REPOSITORY / "scripts/advisories"], env=environment, capture_output=True, text=True
    )
    return result, calls.read_text()


def test_without_the_database_nothing_is_checked_and_that_is_said(tmp_path):
    result, calls = run(tmp_path, fetch=1)
    assert result.returncode == 0
    assert "skipped: the advisory database" in result.stdout
    assert "failed to fetch database" in result.stderr
    assert "check" not in calls


def test_an_advisory_fails(tmp_path):
    result, calls = run(tmp_path, check=1)
    assert result.returncode != 0
    assert "skipped" not in result.stdout
    assert "advisories" in calls.splitlines()[-1]


def test_without_an_advisory_it_passes(tmp_path):
    result, calls = run(tmp_path)
    assert result.returncode == 0
    assert "skipped" not in result.stdout
    assert calls.splitlines()[-1].split()[-1] == "advisories"
