"""Fixtures for tests against roles-anywhere-emulator. Needs OpenSSL 3, and both programs on PATH."""

import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

HERE = Path(__file__).parent


class Emulator:
    """A running emulator, and its control API."""

    def __init__(self, variables):
        self.variables = variables

    def call(self, method, path, body=None, **query):
        """Calls the control API and returns its JSON."""
        url = self.variables["EMULATOR_CONTROL"] + path + "?" + urllib.parse.urlencode(query)
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request) as reply:
            return json.load(reply)

    def requests(self, **query):
        """Returns the requests of an operation, verdict, reason or status."""
        return self.call("GET", "/requests", **query)

    def expect(self, **query):
        """Fails unless these requests come, and says which came instead."""
        try:
            self.call("GET", "/requests/assert", **query)
        except urllib.error.HTTPError as error:
            pytest.fail(json.dumps(json.load(error), indent=2))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """A directory with a new CA and its certificates."""
    directory = tmp_path_factory.mktemp("certificates")
    subprocess.run([HERE / "make-certificates", directory], check=True, capture_output=True)
    return directory


@pytest.fixture(scope="session")
def serving(certificates):
    """One emulator for all tests."""
    ready = certificates / "ready.json"
    command = ["roles-anywhere-emulator", "serve", "--ready-file", ready]
    command += ["--config", HERE / "emulator.toml", "--trust-anchor", certificates / "ca.pem"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while not ready.exists():
            assert process.poll() is None, "the emulator did not start"
            time.sleep(0.1)
        yield Emulator(json.loads(ready.read_text()))
        process.terminate()


@pytest.fixture
def aws(serving, monkeypatch):
    """The emulator without what an earlier test did, and its variables in the environment."""
    for name, value in serving.variables.items():
        monkeypatch.setenv(name, value)
    # Each test gets a session of its own.
    monkeypatch.setenv("ROLES_ANYWHERE_NO_CACHE", "1")
    serving.call("DELETE", "/requests")
    serving.call("DELETE", "/faults")
    return serving


@pytest.fixture
def use_certificate(certificates, monkeypatch):
    """Sets the certificate that the application has: `use_certificate("app-1")`."""

    def use(name):
        monkeypatch.setenv("ROLES_ANYWHERE_CERTIFICATE", str(certificates / f"{name}.pem"))
        monkeypatch.setenv("ROLES_ANYWHERE_PRIVATE_KEY", str(certificates / f"{name}.key"))

    return use
