"""`serve` in place of AWS's agent for secrets and of the Lambda extension: clients written from their public
descriptions (asm-exec, and tests/clients/secrets/extension.* in Python, JavaScript and Go), and curl.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from clients import BUILT
from emulator import REPOSITORY
from secrets_endpoint import TOKEN, TOKEN_HEADER, serve_secrets

CLIENTS = REPOSITORY / "tests/clients/secrets"
SECRET, PARAMETER = "prod/db-credentials", "/prod/db/password"
PASSWORD = "correct horse battery staple"


@pytest.fixture
def served(emulator, tmp_path):
    with serve_secrets(emulator, tmp_path) as endpoint:
        yield endpoint


def run(command: list[str | Path], **environment: str) -> subprocess.CompletedProcess:
    """Runs a client that knows only the endpoint and the token."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [str(word) for word in command],
        env={**kept, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def asm_exec(endpoint, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    name = "AWS_SECRETS_MANAGER_AGENT_ENDPOINT"
    environment = {name: endpoint.printed[name], **environment}
    return run([sys.executable, CLIENTS / "asm_exec.py", *arguments], **environment)


def test_asm_exec_reads_a_secret_and_a_member(emulator, served):
    whole = asm_exec(served, SECRET, AWS_TOKEN=TOKEN)
    assert (whole.returncode, whole.stderr) == (0, "")
    assert json.loads(whole.stdout)["password"] == PASSWORD
    # Its first token is AWS_SESSION_TOKEN, which in Lambda is that of the extension.
    member = asm_exec(served, SECRET, "password", AWS_SESSION_TOKEN=TOKEN, AWS_TOKEN="another")
    assert (member.returncode, member.stdout) == (0, PASSWORD)
    assert len(emulator.requests("GetSecretValue")) == 1


def test_asm_exec_falls_back_where_the_agent_answers_no_better(served):
    # Its own words for `file://` are the token: 403, as from the agent.
    refused = asm_exec(served, SECRET, AWS_TOKEN="file:///etc/hostname")
    assert (refused.returncode, refused.stdout) == (3, "")
    assert "403" in refused.stderr
    absent = asm_exec(served, "prod/absent", AWS_TOKEN=TOKEN)
    assert absent.returncode == 3 and "400" in absent.stderr


def extension(language: str) -> list[str | Path]:
    """Returns the command of a client; skips the test without its language."""
    if language == "python":
        return [sys.executable, CLIENTS / "extension.py"]
    if language == "go":
        built = BUILT / "go/extension"
        if not built.exists():
            pytest.skip("the Lambda extension's client in Go: scripts/clients found no Go 1.24 or newer")
        return [built]
    node = shutil.which("node")
    if not node:
        pytest.skip("the Lambda extension's client in JavaScript: Node is not here")
    return [node, CLIENTS / "extension.js"]


@pytest.mark.parametrize("language", ["python", "javascript", "go"])
def test_a_function_for_lambda_runs_without_a_change(emulator, served, language):
    client = extension(language)
    port = "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"
    environment = {port: served.printed[port], "AWS_SESSION_TOKEN": TOKEN}
    for _ in range(2):
        secret = run([*client, "secret", SECRET], **environment)
        assert (secret.returncode, secret.stderr) == (0, "")
        assert json.loads(secret.stdout)["password"] == PASSWORD
        parameter = run([*client, "parameter", PARAMETER], **environment)
        assert (parameter.returncode, parameter.stderr) == (0, "")
        # A secret as a parameter: what is before the name is a path with slashes.
        reference = run([*client, "parameter", f"/aws/reference/secretsmanager/{SECRET}"], **environment)
        assert reference.stdout == secret.stdout, reference.stderr
    assert len(emulator.requests("GetSecretValue")) == 1
    absent = run([*client, "parameter", "/prod/absent"], **environment)
    assert absent.returncode != 0 and absent.stdout == ""


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not here")
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_curl_reads_by_query_path_and_header_of_vault(served, host):
    if host == "[::1]" and len(served.events("secrets_listening")) < 2:
        pytest.skip("this machine has no IPv6")
    base = f"http://{host}:{served.port}"
    of_agent, of_vault = f"{TOKEN_HEADER}: {TOKEN}", f"X-Vault-Token: {TOKEN}"
    bodies = set()
    for target, header in [
        (f"/secretsmanager/get?secretId={SECRET}", of_agent),
        ("/secretsmanager/get/?secretId=prod%2Fdb-credentials&versionStage=AWSCURRENT", of_agent),
        (f"/v1/{SECRET}", of_vault),
        ("/v1/prod%2Fdb-credentials", of_vault),
    ]:
        done = run(["curl", "-sS", "--noproxy", "*", "--fail-with-body", "-H", header, base + target])
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        bodies.add(done.stdout)
    [body] = bodies
    keys = ["ARN", "Name", "VersionId", "SecretString", "VersionStages", "CreatedDate"]
    assert list(json.loads(body)) == keys
    version = json.loads(body)["VersionId"]
    for words, status in [
        (["-H", of_agent, "-H", f'If-None-Match: "{version}"'], "304"),
        (["-H", of_agent, "-I"], "405"),
        (["-H", of_agent, "-H", "X-Forwarded-For: 192.0.2.1"], "400"),
        (["-H", of_agent, "-H", "Host: evil.example"], "400"),
        (["-H", f"{TOKEN_HEADER}: "], "403"),
        ([], "403"),
    ]:
        status_only = ["curl", "-sS", "--noproxy", "*", "-o", os.devnull, "-w", "%{http_code}"]
        done = run([*status_only, *words, f"{base}/secretsmanager/get?secretId={SECRET}"])
        assert done.stdout == status, (words, done)


@pytest.mark.parametrize("given", ["a file", "a relative path", "nothing"])
def test_print_env_tells_the_file_of_the_token(emulator, tmp_path, given):
    file = tmp_path / "awssmatoken"
    file.write_text(TOKEN + "\n")
    path = file if given == "a file" else os.path.relpath(file)
    variable = f"file://{path}" if given != "nothing" else ""
    with serve_secrets(emulator, tmp_path, AWS_TOKEN=variable) as endpoint:
        printed = endpoint.printed
        assert printed["AWS_SECRETS_MANAGER_AGENT_ENDPOINT"] == f"http://127.0.0.1:{endpoint.port}"
        path = printed["AWS_TOKEN"].removeprefix("file://")
        assert path.startswith("/")
        assert not variable or Path(path).samefile(file)
        # What a client that does not read the file is told to do.
        token = Path(path).read_text().strip()
        assert asm_exec(endpoint, SECRET, "password", AWS_TOKEN=token).stdout == PASSWORD
