"""AWS's own clients, as commands that print the ARN they are known by, and `roles-anywhere serve`.

The clients are what tests/clients holds, built by `scripts/clients` (the Java SDK's by
`scripts/java-client`). Where is told by ROLES_ANYWHERE_CLIENTS, target/clients by default.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import leaks
from emulator import REPOSITORY, TOOL, exports

AWS_CLI = Path(sys.executable).parent / "aws"
BUILT = Path(os.environ.get("ROLES_ANYWHERE_CLIENTS") or REPOSITORY / "target/clients").resolve()
JAVA = REPOSITORY / "tests/clients/java/run"
BOTO3 = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
# How long a daemon may take until it listens, and a client until it is held to hang.
START_SECONDS = 30
HANG_SECONDS = 60


@dataclass(frozen=True)
class Client:
    """A program that takes its credentials from the default chain of its SDK."""

    command: list[str | Path]
    # Where it may be missing: what then is not there, and why.
    built: Path | None = None
    unless: str = ""

    def run(self, environment: dict[str, str]) -> subprocess.CompletedProcess:
        """Runs it with the time-outs that its SDK has by default."""
        return subprocess.run(
            self.command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=HANG_SECONDS,
            check=False,
        )


CLIENTS = {
    "aws-cli": Client(
        [AWS_CLI, "sts", "get-caller-identity", "--query", "Arn", "--output", "text"]
    ),
    "boto3": Client([sys.executable, "-c", BOTO3]),
    # Has to be there, as the two above.
    "rust": Client([BUILT / "rust/debug/sdk-client"]),
    "javascript": Client(
        ["node", BUILT / "javascript/client.js"],
        BUILT / "javascript/installed",
        "scripts/clients found no Node 20 or newer with npm",
    ),
    "go": Client(
        [BUILT / "go/client"], BUILT / "go/client", "scripts/clients found no Go 1.24 or newer"
    ),
    "java": Client([JAVA, BUILT / "java"], BUILT / "java", "by hand: scripts/java-client"),
}


# A program that uses the SDK for Rust with credentials of our library; it prints the secret of a name.
LIBRARY = BUILT / "rust/debug/library"


class Serve:
    """`roles-anywhere serve` for the identity of the environment, until `stop`."""

    def __init__(self, directory: Path):
        self._log = (directory / "serve.log").open("w+b")
        command = [TOOL, "serve", "--port", "0", "--print-env", "--token-file", directory / "token"]
        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        imds = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
        container = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
        token = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
        told = exports(self.process, {imds, container, token}, START_SECONDS)
        self.imds = {imds: told[imds]}
        self.container = {name: told[name] for name in (container, token)}

    def stop(self) -> int:
        """Ends it as a supervisor would, and returns its exit code."""
        self.process.terminate()
        code = self.process.wait(timeout=30)
        leaks.learn_file(os.environ.get("ROLES_ANYWHERE_PRIVATE_KEY", ""))
        self._log.seek(0)
        leaks.check(self._log.read())
        self._log.close()
        return code
