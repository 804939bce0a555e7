"""A reader of secrets as `asm-exec` of AWS's agent toolkit is described: prints the SecretString of a name.

Endpoint: AWS_SECRETS_MANAGER_AGENT_ENDPOINT, by default http://localhost:2773. Token: AWS_SESSION_TOKEN
before AWS_TOKEN, as it is; `file://` is not read. `/ping` within 1 s, the secret within 5 s. Whatever
fails, asm-exec silently asks AWS by other means; here it is exit code 3, with the reason.
"""

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

ENDPOINT = os.environ.get("AWS_SECRETS_MANAGER_AGENT_ENDPOINT") or "http://localhost:2773"
TOKEN = os.environ.get("AWS_SESSION_TOKEN") or os.environ.get("AWS_TOKEN") or ""
PING_SECONDS = 1
GET_SECONDS = 5


def from_agent(name: str) -> str:
    with urllib.request.urlopen(f"{ENDPOINT}/ping", timeout=PING_SECONDS) as answer:
        answer.read()
    query = urllib.parse.urlencode({"secretId": name, "versionStage": "AWSCURRENT"})
    headers = {"X-Aws-Parameters-Secrets-Token": TOKEN}
    request = urllib.request.Request(f"{ENDPOINT}/secretsmanager/get?{query}", headers=headers)
    with urllib.request.urlopen(request, timeout=GET_SECONDS) as answer:
        return json.load(answer)["SecretString"]


def main() -> int:
    try:
        value = from_agent(sys.argv[1])
    except (OSError, KeyError, ValueError) as reason:
        print(reason, file=sys.stderr)
        return 3
    if len(sys.argv) > 2:
        member = json.loads(value)[sys.argv[2]]
        value = member if isinstance(member, str) else json.dumps(member)
    print(value, end="")
    return 0


sys.exit(main())
