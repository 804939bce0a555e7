"""`roles-anywhere serve --secrets` for one role of a configuration file, and what its clients get."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import leaks
from clients import START_SECONDS
from emulator import TOOL, Emulator, exports

TOKEN = "4f1c1d9a7b0e5d3c"
TOKEN_HEADER = "X-Aws-Parameters-Secrets-Token"
# asm-exec gives up after so long. The endpoint answers within 4 s.
PATIENCE_SECONDS = 5
PRINTED = {"AWS_SECRETS_MANAGER_AGENT_ENDPOINT", "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"}


@dataclass(frozen=True)
class Answer:
    """An answer, and when its request began and it ended, by the monotonic clock."""

    status: int
    headers: dict[str, str]
    body: str
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    @property
    def stale(self) -> str | None:
        return self.headers.get("x-roles-anywhere-stale")

    @property
    def failure(self) -> tuple[int, str]:
        """Returns the status and the code of an error of AWS or of the agent."""
        return self.status, json.loads(self.body)["__type"]


class ServeSecrets:
    """The endpoint alone, on a free port."""

    def __init__(self, process: subprocess.Popen, log: Path, promised: set[str]):
        self.process = process
        self._log = log
        self.printed = exports(process, promised, START_SECONDS)
        self.port = int(self.printed["PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"])

    def get(self, secret: str, **query: str) -> Answer:
        """Reads a secret as asm-exec does; `TimeoutError` if it would have given up."""
        target = "/secretsmanager/get?" + urllib.parse.urlencode({"secretId": secret, **query})
        return self.ask(target)

    def ask(self, target: str, token: str = TOKEN) -> Answer:
        connection = http.client.HTTPConnection("localhost", self.port, timeout=PATIENCE_SECONDS)
        with contextlib.closing(connection):
            began = time.monotonic()
            connection.request("GET", target, headers={TOKEN_HEADER: token})
            answer = connection.getresponse()
            body = answer.read().decode()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, headers, body, began, time.monotonic())

    def events(self, name: str) -> list[dict]:
        """Returns the lines of the log about an event."""
        lines = [json.loads(line) for line in self._log.read_text().splitlines()]
        return [line for line in lines if line["event"] == name]

    def retry(self) -> None:
        """Has it try at once whether there is a session again."""
        self.process.send_signal(signal.SIGHUP)


def configuration(emulator: Emulator, secrets: str, leaf: str = "p256") -> str:
    """Returns a configuration file with one role and a table `[secrets]`."""
    identity, arns = emulator.identity(f"leaf/{leaf}"), emulator.arns()
    return f"""
[identity.host]
certificate = "{identity.certificate}"
private-key = "{identity.key}"
intermediates = "{identity.intermediates}"
[role.reader]
role-arn = "{arns["roleArn"]}"
trust-anchor-arn = "{arns["trustAnchorArn"]}"
profile-arn = "{arns["profileArn"]}"
[secrets]
port = 0
{secrets}
"""


@contextlib.contextmanager
def serve_secrets(
    emulator: Emulator, directory: Path, secrets: str = "", *options: str, **environment: str
) -> Iterator[ServeSecrets]:
    """Serves secrets only, by a table `[secrets]`, and with a token of AWS_TOKEN unless that is empty."""
    config = directory / "config.toml"
    config.write_text(configuration(emulator, secrets))
    config.chmod(0o600)
    runtime = directory / "run"
    runtime.mkdir(mode=0o700, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROLES_ANYWHERE_")}
    variables = {"ROLES_ANYWHERE_CONFIG": str(config), "XDG_RUNTIME_DIR": str(runtime), "AWS_TOKEN": TOKEN}
    variables |= environment
    command = [TOOL, "serve", "--no-imds", "--no-container", "--print-env", "--log-format", "json", *options]
    log = directory / "serve.log"
    with log.open("w+b") as stderr:
        process = subprocess.Popen(
            [str(word) for word in command],
            env={name: value for name, value in {**kept, **variables}.items() if value},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        try:
            # A token is not printed, the file of one is.
            has_file = variables["AWS_TOKEN"] != TOKEN
            yield ServeSecrets(process, log, PRINTED | ({"AWS_TOKEN"} if has_file else set()))
        finally:
            process.terminate()
            code = process.wait(timeout=30)
            leaks.learn_file(emulator.identity("leaf/p256").key)
            leaks.check(log.read_bytes())
    assert code == 0
    assert TOKEN not in log.read_text()


class Relay:
    """A TCP relay to an address, but while it is closed: then there is nothing to connect to."""

    def __init__(self, target: tuple[str, int]):
        self._target = target
        # Never listens: it keeps the port from others while this is closed.
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self.port = self._reserved.getsockname()[1]
        self.open()

    def open(self) -> None:
        """Listens again."""
        listener = socket.create_server(("127.0.0.1", self.port), reuse_port=True)
        self._listener, self._sockets = listener, []
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
                server = socket.create_connection(self._target)
            except OSError:
                return
            self._sockets += [client, server]
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def _copy(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Ends all connections."""
        for each in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
