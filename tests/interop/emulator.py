"""The emulator as a process of its own, its control API, and the identities in its directory."""

import json
import os
import shlex
import subprocess
import threading
import urllib.request
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BIN_DIR = Path(os.environ.get("ROLES_ANYWHERE_BIN_DIR") or REPOSITORY / "target/debug").resolve()
EMULATOR = BIN_DIR / "roles-anywhere-emulator"
TOOL = Path(os.environ.get("ROLES_ANYWHERE_TOOL") or BIN_DIR / "roles-anywhere").resolve()

REGION = "us-east-1"
ACCOUNT = "123456789012"
# How long an emulator may take to make its PKI; an RSA-8192 key is a matter of luck.
START_SECONDS = 180


def is_foreign(name: str) -> bool:
    """Says whether a variable of the outer world would lead a client away from the emulator."""
    name = name.upper()
    return (
        name.startswith(("AWS_", "ROLES_ANYWHERE_", "EMULATOR_", "BOTO_"))
        or name.endswith("_PROXY")
        or name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    )


def clean_environment() -> dict[str, str]:
    """Returns the environment of this process without what `is_foreign`."""
    return {name: value for name, value in os.environ.items() if not is_foreign(name)}


def exports(process: subprocess.Popen, promised: set[str], seconds: int) -> dict[str, str]:
    """Reads the `export NAME='value'` lines of a daemon, until all the promised names are told."""
    # A reader cannot be given a deadline, so the process is.
    deadline = threading.Timer(seconds, process.kill)
    deadline.start()
    told: dict[str, str] = {}
    for line in process.stdout:
        word, _, assignment = line.strip().partition(" ")
        if word != "export":
            continue
        name, _, value = assignment.partition("=")
        told[name] = "".join(shlex.split(value))
        if promised <= told.keys():
            break
    deadline.cancel()
    if not promised <= told.keys():
        raise RuntimeError(f"{process.args[0]} ended early, having exported {sorted(told)}")
    # What it prints from here on is nobody's, but must not fill the pipe.
    threading.Thread(target=process.stdout.read, daemon=True).start()
    return told


@dataclass(frozen=True)
class Identity:
    """A certificate, its key and the intermediates to send along."""

    certificate: Path
    key: Path
    intermediates: Path

    def flags(self) -> list[str]:
        """Returns the tool's flags for it."""
        return [
            *("--certificate", str(self.certificate)),
            *("--private-key", str(self.key)),
            *("--intermediates", str(self.intermediates)),
        ]


class Emulator:
    """`roles-anywhere-emulator serve`, until `stop`."""

    def __init__(self, *options: str):
        command = [str(EMULATOR), "serve", "--tool", str(TOOL), *options]
        self.process = subprocess.Popen(
            command, env=clean_environment(), stdout=subprocess.PIPE, text=True
        )
        promised = {"AWS_CONFIG_FILE", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL_ROLESANYWHERE"}
        promised |= {"ROLES_ANYWHERE_ROLE_ARN", "EMULATOR_CONTROL", "EMULATOR_DIR"}
        self.environment = exports(self.process, promised, START_SECONDS)
        # Tests count sessions; those of the cache have it on.
        self.environment["ROLES_ANYWHERE_NO_CACHE"] = "1"
        self.directory = Path(self.environment["EMULATOR_DIR"])
        self.endpoint = self.environment["AWS_ENDPOINT_URL_ROLESANYWHERE"]
        self._advanced = 0

    def stop(self) -> None:
        """Ends it as a person would."""
        self.process.terminate()
        self.process.wait(timeout=30)

    def control(self, method: str, path: str, body: object = None):
        """Calls the control API and returns its JSON."""
        url = self.environment["EMULATOR_CONTROL"].rstrip("/") + path
        data = None if method in ("GET", "DELETE") else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, method=method)
        request.add_header("content-type", "application/json")
        # `build_opener` with an empty ProxyHandler: a proxy of this machine has no say here.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text.strip() else None

    def fault(self, **fault: object) -> None:
        """Scripts a fault."""
        self.control("POST", "/faults", fault)

    def advance(self, seconds: int) -> None:
        """Moves the emulator's clock; `reset` moves it back."""
        self.control("POST", "/clock", {"advance_seconds": seconds})
        self._advanced += seconds

    def end_sessions_after(self, seconds: int | None) -> None:
        """Sets how long later sessions live."""
        self.control("POST", "/sessions", {"end_after_seconds": seconds})

    def requests(self, operation: str | None = None) -> list[dict]:
        """Returns the log, or the lines of one operation."""
        log = self.control("GET", "/requests")
        return [line for line in log if operation in (None, line["operation"])]

    def reset(self) -> None:
        """Undoes what a test did."""
        self.control("DELETE", "/faults")
        self.control("DELETE", "/requests")
        self.end_sessions_after(None)
        if self._advanced:
            self.advance(-self._advanced)

    def identity(self, name: str) -> Identity:
        """Returns `leaf/p256` and the like."""
        return Identity(
            certificate=self.directory / f"{name}.pem",
            key=self.directory / f"{name}.key.pem",
            intermediates=self.directory / "anchor/intermediate.pem",
        )

    def arns(self) -> dict[str, str]:
        """Returns the three ARNs as the body of CreateSession names them."""
        return {
            "profileArn": self.environment["ROLES_ANYWHERE_PROFILE_ARN"],
            "roleArn": self.environment["ROLES_ANYWHERE_ROLE_ARN"],
            "trustAnchorArn": self.environment["ROLES_ANYWHERE_TRUST_ANCHOR_ARN"],
        }
