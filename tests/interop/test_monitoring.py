"""docs/monitoring.md and examples/monitoring: promtool tests the alerts, and what alerts, dashboard and
metric filters name is what `serve` has. The checks of Nagios run.
"""

import fnmatch
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import urllib.request
from pathlib import Path

import documents
import pytest
import yaml
from clients import Serve
from emulator import REPOSITORY, TOOL, Emulator
from secrets_endpoint import configuration, serve_secrets
from test_secrets_outages import deny, secret, until  # noqa: F401

EXAMPLES = REPOSITORY / "examples/monitoring"
PAGE = REPOSITORY / "docs/monitoring.md"
# What scripts/test unpacks.
UNPACKED = Path(os.environ.get("ROLES_ANYWHERE_UNPACKED") or REPOSITORY / "target/unpacked")
PROMTOOL = UNPACKED / "prometheus/usr/bin/promtool"
CHECK_HTTP = UNPACKED / "monitoring-plugins-basic/usr/lib/nagios/plugins/check_http"
RULES, RULE_TESTS = "prometheus-rules.yml", "prometheus-rules-test.yml"
[GROUP] = yaml.safe_load((EXAMPLES / RULES).read_text())["groups"]
ALERTS = {rule["alert"]: rule for rule in GROUP["rules"]}
DASHBOARD = json.loads((EXAMPLES / "grafana-dashboard.json").read_text())
SECRET = "prod/db-credentials"


def promtool(*arguments: str, directory: Path = EXAMPLES, **options) -> subprocess.CompletedProcess:
    assert PROMTOOL.is_file(), "scripts/test unpacks Debian's package `prometheus`"
    return subprocess.run(
        [str(PROMTOOL), *arguments],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


# The alerts.


@pytest.mark.parametrize(
    "arguments",
    [("check", "rules", RULES), ("check", "config", "prometheus.yml"), ("test", "rules", RULE_TESTS)],
    ids=" ".join,
)
def test_promtool_accepts(arguments):
    done = promtool(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


@pytest.mark.parametrize("alert", ALERTS)
@pytest.mark.parametrize("expression", ["vector(0) > 1", "vector(1)"], ids=["never", "always"])
def test_an_alert_that_fires_never_or_always_fails_the_rule_tests(alert, expression, tmp_path):
    rules = [rule | {"expr": expression} if rule["alert"] == alert else rule for rule in GROUP["rules"]]
    (tmp_path / RULES).write_text(yaml.safe_dump({"groups": [GROUP | {"rules": rules}]}))
    shutil.copy(EXAMPLES / RULE_TESTS, tmp_path)
    done = promtool("test", "rules", RULE_TESTS, directory=tmp_path)
    assert done.returncode == 1 and f"alertname: {alert}" in done.stdout + done.stderr, done


def test_each_alert_is_tested_when_it_fires_and_when_not():
    tests = yaml.safe_load((EXAMPLES / RULE_TESTS).read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    fires = {case["alertname"] for case in cases if case["exp_alerts"]}
    silent = {case["alertname"] for case in cases if not case["exp_alerts"]}
    assert fires == silent == set(ALERTS)


def test_the_page_explains_each_alert():
    what_to_do = PAGE.read_text().partition("\n## What to do\n")[2].partition("\n## ")[0]
    explained = re.findall(r"^- `(\w+)`: ", what_to_do, re.MULTILINE)
    assert sorted(explained) == sorted(ALERTS)


# Metrics.


def offline(directory: Path) -> str:
    """Returns a table `[secrets.offline]`, after making its key and its directory."""
    key, copies = directory / "offline.key", directory / "copies"
    key.touch(mode=0o400)
    key.write_bytes(os.urandom(32))
    copies.mkdir(mode=0o700)
    return f'''
[secrets.offline]
keep = ["sm://{SECRET}"]
key-file = "{key}"
dir = "{copies}"
'''


@pytest.fixture
def pages(emulator, tmp_path):
    """The metrics of `serve`, and of `serve --secrets` after reads of a secret that AWS rotates."""
    described = {"ARN": "arn", "Name": SECRET, "RotationEnabled": True, "NextRotationDate": 4e9}
    emulator.fault(operation="DescribeSecret", times=0, status=200, body=json.dumps(described))
    with serve_secrets(emulator, tmp_path, "ttl = 2" + offline(tmp_path)) as endpoint:

        def with_rotation() -> str | None:
            assert endpoint.get(SECRET).status == 200
            body = endpoint.ask("/metrics").body
            return body if "roles_anywhere_secret_next_rotation_seconds " in body else None

        of_secrets = until(with_rotation, "the time of the next rotation")
    credentials = Serve(tmp_path)
    try:
        # The first request is in the second answer.
        [url] = credentials.imds.values()
        _, of_credentials = [read(f"{url}/metrics") for _ in range(2)]
    finally:
        assert credentials.stop() == 0
    return of_credentials, of_secrets


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read().decode()


@pytest.fixture
def exposed(pages) -> dict[str, set[str]]:
    """The metrics with the names of their labels."""
    found: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^(\w+)(\{.*\})? \S+$", "\n".join(pages), re.MULTILINE):
        found.setdefault(name, set()).update(re.findall(r"(\w+)=", labels))
    return found


def selectors(expression: str) -> list[tuple[str, set[str]]]:
    """Returns the metrics in an expression of PromQL, with the labels that it selects by."""
    found = re.findall(r"\b(roles_anywhere_\w+|up)\b(\{[^}]*\})?", expression)
    return [(name, set(re.findall(r"(\w+) ?(?:=|!=|=~|!~) ?\"", labels))) for name, labels in found]


def queries() -> list[str]:
    """Returns the queries of the dashboard."""
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


# What Prometheus adds.
OF_PROMETHEUS = {"instance", "job"}


def test_what_alerts_and_dashboard_name_is_exposed(exposed):
    exposed |= {"up": set()}
    [variable] = [one for one in DASHBOARD["templating"]["list"] if one["type"] == "query"]
    for expression in [*(rule["expr"] for rule in ALERTS.values()), *queries(), variable["query"]["query"]]:
        found = selectors(expression)
        assert found, expression
        for name, labels in found:
            assert name in exposed, expression
            assert labels <= exposed[name] | OF_PROMETHEUS, expression
    for rule in ALERTS.values():
        labels = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        known = {label for name, _ in selectors(rule["expr"]) for label in exposed[name]}
        assert labels <= known | OF_PROMETHEUS, rule["alert"]
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            labels = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            known = {label for name, _ in selectors(target["expr"]) for label in exposed[name]}
            assert labels <= known | OF_PROMETHEUS, target


def test_the_dashboard_shows_all_metrics(exposed):
    shown = {name for query in queries() for name, _ in selectors(query)}
    assert shown == set(exposed)


def test_the_rule_tests_use_series_as_they_are_exposed(exposed):
    exposed |= {"up": set()}
    for test in yaml.safe_load((EXAMPLES / RULE_TESTS).read_text())["tests"]:
        for one in test["input_series"]:
            [(name, labels)] = selectors(one["series"])
            # A role without a name has no label.
            assert exposed[name] - {"role"} <= labels <= exposed[name] | OF_PROMETHEUS, one


def test_promtool_finds_no_fault_with_the_metrics(pages):
    for page in pages:
        done = promtool("check", "metrics", input=page)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_queries_of_the_dashboard_are_valid(tmp_path):
    expressions = [one.replace("$__rate_interval", "5m").replace("$instance", "host") for one in queries()]
    rules = [{"record": f"query:{number}", "expr": one} for number, one in enumerate(expressions)]
    (tmp_path / RULES).write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = promtool("check", "rules", RULES, directory=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids)) and len(rules) > 10


# CloudWatch.


def events() -> dict[str, set[str]]:
    """Returns the events of the log with their fields, as docs/logs.md lists them."""
    text = (REPOSITORY / "docs/logs.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| \w+ \| .* \| (.*)\|$", text, re.MULTILINE)
    return {event: set(re.findall(r"`(\w+)`", fields)) for event, fields in rows}


class CloudFormation(yaml.SafeLoader):
    """Reads `!Ref NAME` as NAME."""


CloudFormation.add_constructor("!Ref", lambda loader, node: loader.construct_scalar(node))
STACK = yaml.load((EXAMPLES / "cloudwatch.yaml").read_text(), CloudFormation)["Resources"]


def resources(kind: str) -> list[dict]:
    return [one["Properties"] for one in STACK.values() if one["Type"] == kind]


def test_filter_patterns_name_events_and_fields_of_the_log():
    known = events()
    filters = resources("AWS::Logs::MetricFilter")
    assert len(filters) >= 7
    for one in filters:
        condition = r'\(*\$\.(\w+) (?:=|>=|<=) (?:"[\w* ]+"|\d+)\)*'
        pattern = one["FilterPattern"]
        assert re.fullmatch(rf"\{{ {condition}(?: (?:&&|\|\|) {condition})* \}}", pattern), pattern
        assert pattern.count("(") == pattern.count(")"), pattern
        named = re.findall(r'\$\.event = "(\w+)"', pattern)
        assert named and set(named) <= known.keys(), pattern
        [transformation] = one["MetricTransformations"]
        value = transformation["MetricValue"]
        tested = set(re.findall(r"\$\.(\w+)", pattern)) - {"event"}
        assert all(any(field in known[event] for event in named) for field in tested), pattern
        assert not value.startswith("$.") or all(value[2:] in known[event] for event in named), pattern


def selecting(line: dict) -> set[str]:
    """Returns the metrics that count a line of the log, by the rules of filter patterns."""
    return {
        one["MetricTransformations"][0]["MetricName"]
        for one in resources("AWS::Logs::MetricFilter")
        if selects(one["FilterPattern"], line)
    }


def selects(pattern: str, line: dict) -> bool:
    """Evaluates the patterns that the test above allows: equality of texts, `*`, `&&`, `||` and parentheses."""

    def holds(condition: re.Match) -> str:
        field, text = condition.groups()
        return str(fnmatch.fnmatchcase(str(line.get(field, "")), text))

    terms = re.sub(r'\$\.(\w+) = "([\w* ]+)"', holds, pattern.strip("{} "))
    terms = terms.replace("&&", "and").replace("||", "or")
    assert re.fullmatch(r"(?:True|False|and|or|[() ])+", terms), pattern
    return eval(terms)  # noqa: S307 - words of Python only, as asserted


def test_each_filter_has_an_alarm():
    metrics = [one["MetricTransformations"][0] for one in resources("AWS::Logs::MetricFilter")]
    metrics = [(one["MetricNamespace"], one["MetricName"]) for one in metrics]
    alarms = [(one["Namespace"], one["MetricName"]) for one in resources("AWS::CloudWatch::Alarm")]
    assert sorted(metrics) == sorted(alarms)


def test_a_line_of_the_log_is_one_that_the_filters_read(emulator, tmp_path):
    """The names `event` and `value`, and that numbers are numbers, in a real log."""
    with serve_secrets(emulator, tmp_path, "ttl = 0") as endpoint:
        assert endpoint.get(SECRET).status == 200
        emulator.fault(operation="*", times=0, status=503)
        assert endpoint.get(SECRET).stale is not None
        lines = until(lambda: endpoint.events("secret_read")[1:], "the second read")
    assert lines[0]["value"] == "stale" and isinstance(lines[0]["stale_seconds"], int)
    assert set(lines[0]) - {"time", "level", "event", "message"} <= events()["secret_read"]


def test_denied_reads_are_counted_and_others_are_not(emulator, tmp_path):
    denied = "prod/tls"
    with serve_secrets(emulator, tmp_path, f'deny = ["sm://{denied}"]') as endpoint:
        assert endpoint.get("prod/missing").status == 400
        assert endpoint.get(denied).status == 400
        assert endpoint.get("prod/kms-denied").status == 400

        def three() -> list[dict] | None:
            lines = endpoint.events("secret_read_failed")
            return lines if len(lines) == 3 else None

        lines = until(three, "the lines of three reads")
    assert [line.get("by") for line in lines] == [None, "rules", "aws"]
    assert [selecting(line) for line in lines] == [set(), {"RequestsRefused"}, {"RequestsRefused"}]


class Follower:
    """A program that follows rotations, with its log in JSON."""

    def __init__(self, emulator: Emulator, directory: Path, command: str, *words: str):
        config = directory / "config.toml"
        config.write_text(configuration(emulator, ""))
        config.chmod(0o600)
        times = ["--secrets-ttl", "1s", "--quiet-period", "1s", "--splay", "0s", "--log-format", "json"]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ROLES_ANYWHERE_")}
        self._log = directory / "follower.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(TOOL), command, "--config", str(config), "--role", "reader", *times, *words],
                env=kept,
                stdin=subprocess.DEVNULL,
                stderr=log,
            )

    def __enter__(self) -> "Follower":
        return self

    def __exit__(self, *_) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)

    def lines(self) -> list[dict]:
        # The last line can still be in the making.
        return [json.loads(line) for line in self._log.read_text().splitlines() if line.endswith("}")]

    def wait(self, event: str) -> dict:
        """Returns the first line about an event."""
        return until(lambda: next((line for line in self.lines() if line["event"] == event), None), event)


def test_each_failure_of_following_is_counted(emulator, secret, tmp_path):  # noqa: F811
    (client, secret), value = secret, {"first": "1", "second": "2"}
    emulator.control("POST", "/secrets", {"name": secret, "value": json.dumps(value)})
    template, out = tmp_path / "app.conf.j2", tmp_path / "out"
    template.write_text(f"{{{{ secret('{secret}?optional').first }}}}")
    out.mkdir()
    words = [str(template), "--out", str(out / "app.conf"), "--watch", "--on-change", "false"]
    with Follower(emulator, tmp_path, "render", *words) as follower:
        # The file is new.
        failed = [follower.wait("action_failed")]
        # Without the first member.
        emulator.control("POST", "/secrets", {"name": secret, "value": json.dumps({"second": "2"})})
        failed.append(follower.wait("values_unusable"))
        emulator.control("POST", "/secrets", {"name": secret, "value": json.dumps(value)})
        follower.wait("values_usable")
        shutil.rmtree(out)
        emulator.control("POST", "/secrets", {"name": secret, "value": json.dumps(value | {"first": "3"})})
        failed.append(follower.wait("files_write_failed"))
        template.write_text("{{ secret(")
        follower.process.send_signal(signal.SIGHUP)
        failed.append(follower.wait("templates_reload_failed"))
        deny(client, secret)
        emulator.control("POST", "/secrets", {"name": secret, "value": json.dumps(value | {"first": "4"})})
        failed.append(follower.wait("followed_read_failed"))
        recovered = [line for line in follower.lines() if line["level"] == "info"]
    assert [selecting(line) for line in failed] == [{"FollowingFailures"}] * 5
    assert recovered and not any(selecting(line) for line in recovered)


def test_a_program_that_was_killed_is_counted(emulator, secret, tmp_path):  # noqa: F811
    (_, secret), started = secret, tmp_path / "started"
    emulator.control("POST", "/secrets", {"name": secret, "value": "one"})
    # The first one does not end by SIGTERM.
    script = f"[ -e {started} ] || trap '' TERM; touch {started}; while :; do sleep 0.1; done"
    words = ["--on-rotate", "restart", "--grace", "1s", "--env", f"K=sm://{secret}", "--", "sh", "-c", script]
    with Follower(emulator, tmp_path, "exec", *words) as follower:
        until(lambda: started.exists() or None, "the start of the program")
        emulator.control("POST", "/secrets", {"name": secret, "value": "two"})
        killed = follower.wait("program_killed")
        follower.wait("action_ended")
        counted = [line["event"] for line in follower.lines() if selecting(line)]
    assert selecting(killed) == {"FollowingFailures"} and counted == ["program_killed"]


def test_failures_of_offline_copies_are_counted(emulator, tmp_path):
    table = offline(tmp_path)
    copies = tmp_path / "copies"
    # As long as a copy, and of no key.
    no_copy = copies / f"copy-{'a' * 32}"
    no_copy.touch(mode=0o600)
    no_copy.write_bytes(bytes(400))
    with serve_secrets(emulator, tmp_path, table) as endpoint:
        ignored = until(lambda: endpoint.events("offline_copy_ignored") or None, "the file that is no copy")
        shutil.rmtree(copies)
        # A file in place of the directory.
        copies.touch()
        assert endpoint.get(SECRET).status == 200
        failed = until(lambda: endpoint.events("offline_copy_failed") or None, "the failure to write")
    for line in [*ignored, *failed]:
        assert selecting(line) == {"OfflineCopyFailures"}, line


# Kubernetes and Nagios.


def test_the_init_container_runs_a_command_of_the_program():
    [block] = [one for one in documents.blocks(PAGE) if one.text.startswith("initContainers:")]
    [container] = yaml.safe_load(block.text)["initContainers"]
    done = subprocess.run([TOOL, *container["args"], "--help"], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def nagios() -> dict[str, str]:
    """Returns the commands of the page by their names."""
    [block] = [one for one in documents.blocks(PAGE) if one.file == "roles-anywhere-nrpe.cfg"]
    return dict(re.findall(r"^command\[(\w+)\]=(.*)$", block.text, re.MULTILINE))


def check(command: str, **replaced: str | Path) -> int:
    """Runs a command of the page with other paths, and returns its exit code."""
    for old, new in {"/usr/local/bin/roles-anywhere": TOOL, **replaced}.items():
        command = command.replace(old, shlex.quote(str(new)))
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    # Nagios shows the first line of standard output.
    assert done.stdout, done.stderr
    return done.returncode


def test_check_http_is_critical_without_a_session(emulator, tmp_path):
    command = nagios()["roles_anywhere"]
    assert CHECK_HTTP.is_file(), "scripts/test unpacks Debian's package `monitoring-plugins-basic`"

    def ready(port: int) -> int:
        return check(command, **{"/usr/lib/nagios/plugins/check_http": CHECK_HTTP, "9911": str(port)})

    emulator.fault(operation="CreateSession", times=0, status=503)
    with serve_secrets(emulator, tmp_path) as endpoint:
        until(lambda: endpoint.events("credentials_unavailable") or None, "the failure")
        assert ready(endpoint.port) == 2
        emulator.reset()
        until(lambda: ready(endpoint.port) == 0 or None, "a session")
        port = endpoint.port
    assert ready(port) == 2


def test_config_check_is_critical_for_a_mistake(emulator, tmp_path):
    command = nagios()["roles_anywhere_config"]
    file = tmp_path / "config.toml"
    given = {"/etc/roles-anywhere/config.toml": file}
    assert check(command, **given) == 2
    file.write_text(configuration(emulator, ""))
    file.chmod(0o600)
    assert check(command, **given) == 0
    file.write_text(configuration(emulator, "colour = 1"))
    assert check(command, **given) == 2


def test_openssl_warns_before_the_end_of_the_certificate(emulator):
    command = nagios()["roles_anywhere_certificate"]
    given = {"/etc/pki/host.pem": emulator.identity("leaf/p256").certificate}
    assert check(command, **given) == 0
    assert check(command, **given, **{"1209600": str(40 * 365 * 86400)}) == 1


# The page.


def test_the_page_shows_the_files_as_they_are():
    blocks = {block.file: block.text for block in documents.blocks(PAGE) if block.file}
    for name in (RULES, "prometheus.yml", "cloudwatch.yaml"):
        assert blocks[name] == (EXAMPLES / name).read_text(), name
    linked = {Path(link).name for link in documents.links(PAGE)}
    assert {path.name for path in EXAMPLES.iterdir()} <= blocks.keys() | linked
