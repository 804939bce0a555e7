"""What `serve --secrets` answers in outages and after refusals, once in real time.

src/secrets_cache/tests/outages.rs has the same on a moved clock, to the second. Here, each answer is held
against the times between which its request was made, so a slow machine changes which answers there are,
not whether they are right. The bound of 4 s is that of asm-exec: an answer after 5 s is an error.
"""

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import boto3
import pytest
from secrets_endpoint import Answer, Relay, serve_secrets

TTL, MAX_STALE = 4, 5
TABLE = f"ttl = {TTL}\nmax-stale = {MAX_STALE}"
KNOWN, UNREAD = "prod/db-credentials", "prod/plain"
# More than anything here takes.
DEADLINE_SECONDS = 90
READS = ("GetSecretValue", "DescribeSecret")


@dataclass(frozen=True)
class Outage:
    """An outage: the faults of the emulator, and what readers get."""

    reason: str
    failure: tuple[int, str]
    faults: list[dict] = field(default_factory=list)
    message: str | None = None


def of_all(**fault: object) -> list[dict]:
    return [{"operation": "*", "times": 0, **fault}]


OUTAGES = {
    "expired credentials": Outage(
        "session",
        (400, "ExpiredTokenException"),
        [{"operation": name, "times": 0, "code": "ExpiredTokenException"} for name in READS]
        + [{"operation": "CreateSession", "times": 0, "status": 503}],
    ),
    "throttling": Outage(
        "throttled", (400, "ThrottlingException"), of_all(code="ThrottlingException", message="Rate exceeded")
    ),
    "cut connections": Outage("connection", (500, "InternalFailure"), of_all(cut=True)),
    "hanging upstream": Outage(
        "timeout", (504, "TimeoutError"), of_all(delay_ms=60_000), message="Timeout"
    ),
    "5xx": Outage("aws_failure", (500, "InternalServiceError"), of_all(status=500, code="InternalServiceError")),
    # Without a fault: the way to AWS is closed.
    "unreachable": Outage("connection", (502, "ConnectionError"), message="Read Error"),
}


def until(found, what: str):
    """Returns the first result of `found` that is not None."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        if (result := found()) is not None:
            return result
        # What is looked at needs the cores too.
        time.sleep(0.02)
    pytest.fail(f"not within {DEADLINE_SECONDS} s: {what}")


def check_known(answer: Answer, first: Answer, outage: Outage) -> str:
    """Checks a read of the value that `first` has, and returns in which time it was."""
    # The value was confirmed while `first` was asked for, and the answer was decided on before its end.
    longest_age = answer.ended - first.began
    if answer.status != 200:
        assert longest_age > TTL + MAX_STALE, answer
        check_failure(answer, outage)
        return "past max-stale"
    assert answer.body == first.body
    if answer.stale is None:
        assert int(answer.headers["age"]) < TTL, answer
        return "within TTL"
    assert longest_age >= TTL, answer
    seconds, _, reason = answer.stale.partition("; reason=")
    assert 0 <= int(seconds) <= MAX_STALE and reason == outage.reason, answer
    assert int(answer.headers["age"]) >= TTL, answer
    return "past TTL"


def check_failure(answer: Answer, outage: Outage) -> None:
    assert answer.failure == outage.failure, answer
    assert answer.stale is None and "etag" not in answer.headers and "age" not in answer.headers
    assert answer.headers["content-type"] == "application/json"
    body = {"__type": outage.failure[1]}
    if outage.message:
        body["message"] = outage.message
    if outage.message or outage.failure[1] == "InternalFailure":
        assert answer.body == json.dumps(body, separators=(",", ":"))


@pytest.mark.long
@pytest.mark.parametrize("kind", OUTAGES)
def test_an_outage_is_bridged_for_max_stale(emulator, tmp_path, kind):
    outage = OUTAGES[kind]
    aws = urlsplit(emulator.endpoint)
    relay = Relay((aws.hostname, aws.port))
    options = ["--secrets-endpoint", f"https://{aws.hostname}:{relay.port}"]
    with serve_secrets(emulator, tmp_path, TABLE, *options) as endpoint, ThreadPoolExecutor(4) as pool:
        first = endpoint.get(KNOWN)
        assert (first.status, first.stale) == (200, None), first
        for fault in outage.faults:
            emulator.fault(**fault)
        if not outage.faults:
            relay.close()
        times: dict[str, list[Answer]] = {}

        def read_all() -> str | None:
            known = pool.submit(endpoint.get, KNOWN)
            others = [
                pool.submit(endpoint.get, name, **query)
                for name, query in (
                    (KNOWN, {"refreshNow": "true"}),
                    (UNREAD, {}),
                    (UNREAD, {"refreshNow": "true"}),
                )
            ]
            within = check_known(known.result(), first, outage)
            times.setdefault(within, []).append(known.result())
            for other in others:
                check_failure(other.result(), outage)
            return within if within == "past max-stale" else None

        until(read_all, "the end of max-stale")
        assert list(times) == ["within TTL", "past TTL", "past max-stale"]
        # The reads with `refreshNow` have told that there is an outage, so it is known.
        assert max(answer.seconds for answer in times["past TTL"]) < 2, times
        stale = endpoint.events("secret_read")[-1]
        assert (stale["value"], stale["reason"]) == ("stale", outage.reason)
        metrics = endpoint.ask("/metrics").body
        assert 'roles_anywhere_secret_reads_total{result="stale"}' in metrics
        if not outage.faults:
            return
        emulator.control("DELETE", "/faults")

        def fresh() -> Answer | None:
            answer = endpoint.get(KNOWN)
            return answer if answer.status == 200 and answer.stale is None else None

        assert until(fresh, "the end of the outage").body == first.body


@pytest.fixture
def secret(emulator):
    """A secret of one test, and a client that may change it."""
    client = boto3.Session().client("secretsmanager")
    name = f"refused/{uuid.uuid4().hex}"
    client.create_secret(Name=name, SecretString="hush")
    return client, name


def deny(client, name: str) -> None:
    statement = {"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": statement}
    client.put_resource_policy(SecretId=name, ResourcePolicy=json.dumps(policy))


REFUSALS = {
    "access denied": (deny, "AccessDeniedException"),
    "not found": (
        lambda client, name: client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True),
        "ResourceNotFoundException",
    ),
    "pending deletion": (
        lambda client, name: client.delete_secret(SecretId=name, RecoveryWindowInDays=7),
        "InvalidRequestException",
    ),
    "KMS": (None, "AccessDeniedException"),
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_of_a_secret_drops_it_at_once(emulator, secret, tmp_path, kind):
    (client, name), (refuse, code) = secret, REFUSALS[kind]
    with serve_secrets(emulator, tmp_path, "ttl = 3600") as endpoint:
        assert json.loads(endpoint.get(name).body)["SecretString"] == "hush"
        assert endpoint.get(KNOWN).status == 200
        if refuse:
            refuse(client, name)
        else:
            emulator.fault(
                operation="GetSecretValue", times=0, code=code, message="Access to KMS is not allowed"
            )
        refused = endpoint.get(name, refreshNow="true")
        assert refused.failure == (400, code), refused
        # Its TTL has an hour left, but the value is not there any more. Others are.
        dropped = endpoint.get(name)
        assert (dropped.failure, dropped.body) == ((400, code), refused.body)
        assert endpoint.get(KNOWN).status == 200
        assert "hush" not in dropped.body


def test_a_refusal_is_noticed_within_the_ttl(emulator, secret, tmp_path):
    client, name = secret
    with serve_secrets(emulator, tmp_path, "ttl = 1\nmax-stale = 86400") as endpoint:
        assert endpoint.get(name).status == 200
        began = time.monotonic()
        client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)

        def refused() -> Answer | None:
            answer = endpoint.get(name)
            assert answer.stale is None, answer
            return answer if answer.status != 200 else None

        answer = until(refused, "the refusal")
        assert answer.failure == (400, "ResourceNotFoundException")
        assert answer.began - began < 30


# What AWS answers to CreateSession, and whether it refuses the session for good.
SESSIONS = {
    "a revoked certificate": ({"status": 403, "code": "AccessDeniedException", "message": "Certificate revoked"}, True),
    "a disabled trust anchor": (None, True),
    "a disabled profile": (None, True),
    "an outage": ({"status": 503}, False),
}


@pytest.mark.long
@pytest.mark.parametrize("kind", SESSIONS)
def test_everything_is_dropped_when_a_refused_session_has_ended(emulator, tmp_path, kind):
    fault, is_refusal = SESSIONS[kind]
    # No call is made for the value while this runs, so nothing but the session can drop it.
    emulator.end_sessions_after(10)
    with serve_secrets(emulator, tmp_path, "ttl = 3600") as endpoint:
        assert endpoint.get(KNOWN).status == 200
        switch = {
            "a disabled trust anchor": ("/trust-anchors", emulator.arns()["trustAnchorArn"]),
            "a disabled profile": ("/profiles", emulator.arns()["profileArn"]),
        }.get(kind)
        if switch:
            emulator.control("POST", switch[0], {"arn": switch[1], "enabled": False})
        else:
            emulator.fault(operation="CreateSession", times=0, **fault)
        try:
            if is_refusal:
                dropped = until(lambda: None if (it := endpoint.get(KNOWN)).status == 200 else it, "the end")
                assert dropped.body == '{"__type":"InternalFailure"}' and dropped.status == 500
                assert emulator.requests("CreateSession")[-1]["status"] in (403, 404)
            else:
                until(lambda: endpoint.events("refresh_failed") or None, "a refresh")
                until(lambda: None if endpoint.ask("/readyz").status == 200 else True, "the end")
                assert endpoint.get(KNOWN).status == 200
                assert endpoint.get(UNREAD).failure == (500, "InternalFailure")
        finally:
            if switch:
                emulator.control("POST", switch[0], {"arn": switch[1], "enabled": True})
        emulator.control("DELETE", "/faults")
        emulator.end_sessions_after(None)
        endpoint.retry()
        until(lambda: True if endpoint.get(KNOWN).status == 200 else None, "another session")


def test_a_prefetch_that_fails_is_logged(emulator, tmp_path):
    emulator.fault(operation="ListSecrets", times=0, code="ThrottlingException")
    table = f'prefetch = [{{ secret = "prod/absent" }}, {{ secret = "{KNOWN}" }}, {{ path = "none" }}]'
    with serve_secrets(emulator, tmp_path, table) as endpoint:

        def two_failures() -> list[dict] | None:
            failures = endpoint.events("secret_prefetch_failed")
            return failures if len(failures) > 1 else None

        failures = until(two_failures, "two failures")
        reasons = {failure.get("secret") or failure.get("path"): failure["reason"] for failure in failures}
        assert reasons["prod/absent"].startswith("ResourceNotFoundException: "), failures
        assert reasons["none"] == "throttled", failures
        assert all(failure["level"] == "warning" for failure in failures)
        calls = len(emulator.requests("GetSecretValue"))
        assert endpoint.get(KNOWN).status == 200
        assert len(emulator.requests("GetSecretValue")) == calls
