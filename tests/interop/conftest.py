"""What every test here stands on: one emulator for all, and a world in which AWS's clients find it.

No mocks: the programs that were built, the clients that people use, and TLS between them. Where the
programs are is told by ROLES_ANYWHERE_BIN_DIR (target/debug by default), and by ROLES_ANYWHERE_TOOL
where the tool is to be another build than the emulator.
"""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import boto3
import leaks
import pytest
from clients import AWS_CLI
from emulator import EMULATOR, TOOL, Emulator, is_foreign


def pytest_sessionstart() -> None:
    missing = [str(path) for path in (EMULATOR, TOOL, AWS_CLI) if not path.exists()]
    if missing:
        pytest.exit(f"not built or not installed: {', '.join(missing)}", returncode=2)
    leaks.watch()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts first what takes long, so that no worker of a run with several begins with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session")
def serving():
    """One emulator for the whole run, or for all tests of a worker: its PKI is slow to make."""
    emulator = Emulator()
    yield emulator
    emulator.stop()


@pytest.fixture(autouse=True)
def emulator(serving, monkeypatch, tmp_path):
    """The emulator with nothing left of the test before, and its variables in the environment."""
    for name in [name for name in os.environ if is_foreign(name)]:
        monkeypatch.delenv(name)
    for name, value in serving.environment.items():
        if name != "PATH":
            monkeypatch.setenv(name, value)
    # Clients that ignore AWS_CONFIG_FILE would read what is in the home of whoever runs this.
    monkeypatch.setenv("HOME", str(tmp_path))
    serving.reset()
    yield serving
    serving.reset()


@pytest.fixture
def aws():
    """Runs the AWS CLI: `aws("rsa", "sts", "get-caller-identity")`."""

    def run(profile: str, *arguments: str) -> subprocess.CompletedProcess:
        command = [str(AWS_CLI), "--profile", profile, "--output", "json", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    return run


@pytest.fixture
def tool():
    """Runs the tool: `tool("secret", "get", "prod/plain")`."""

    def run(*arguments: str, program: Path = TOOL, **options) -> subprocess.CompletedProcess:
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        command = [str(program), *arguments]
        return subprocess.run(command, stdin=subprocess.DEVNULL, timeout=60, check=False, **options)

    return run


@pytest.fixture(scope="session")
def moto():
    """moto's server as a process of its own; its URL. Its tests are in the group `moto`, for one server."""
    program = Path(sys.executable).parent / "moto_server"
    process = subprocess.Popen(
        [str(program), "-H", "127.0.0.1", "-p", "0"], stderr=subprocess.PIPE, text=True
    )
    # A reader cannot be given a deadline, so the process is.
    deadline = threading.Timer(60, process.kill)
    deadline.start()
    url = None
    for line in process.stderr:
        if found := re.search(r"Running on (http://127\.0\.0\.1:\d+)", line):
            url = found[1]
            break
    deadline.cancel()
    assert url, "moto did not say where it runs"
    # Its log of requests must not fill the pipe.
    threading.Thread(target=process.stderr.read, daemon=True).start()
    yield url
    process.terminate()
    process.wait(timeout=30)


@pytest.fixture
def moto_secrets(moto):
    """boto3's client of moto's Secrets Manager; all secrets of the test before are gone."""
    client = boto3.Session().client("secretsmanager", endpoint_url=moto)
    for secret in client.list_secrets()["SecretList"]:
        client.delete_secret(SecretId=secret["ARN"], ForceDeleteWithoutRecovery=True)
    return client
