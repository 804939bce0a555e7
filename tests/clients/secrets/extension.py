"""A Lambda function's reader of secrets and parameters, by the documentation of the Parameters and Secrets
Lambda Extension: `extension.py secret NAME`, `extension.py parameter NAME`.
"""

import json
import os
import sys
import urllib.parse
import urllib.request


def read(path: str) -> dict:
    port = os.environ.get("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", "2773")
    request = urllib.request.Request(f"http://localhost:{port}{path}")
    request.add_header("X-Aws-Parameters-Secrets-Token", os.environ["AWS_SESSION_TOKEN"])
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())


kind, name = sys.argv[1:]
name = urllib.parse.quote(name, safe="")
if kind == "secret":
    print(read(f"/secretsmanager/get?secretId={name}")["SecretString"], end="")
else:
    parameter = read(f"/systemsmanager/parameters/get/?name={name}&withDecryption=true")
    print(parameter["Parameter"]["Value"], end="")
