"""Requests of a foreign signer, changed on the way one thing at a time: every one is refused.

The service words nearly all of it `Invalid signature`; the reason in the log tells that each was
refused for what was done to it, and not by accident. What a holder of the key signs wrongly is in
test_forged.py.
"""

import pytest
from keys import issue, new_key
from signed import Forgery, Request, assert_refused, encoded, sign

KINDS = ["rsa2048", "p256"]
INVALID = "Invalid signature"


def serial(request: Request) -> str:
    return request.authorization["Credential"].split("/")[0]


def change_serial(request: Request, write) -> None:
    request.replace("authorization", serial(request), write(int(serial(request))))


def flip_bit(request: Request) -> None:
    signature = bytearray.fromhex(request.authorization["Signature"])
    signature[-1] ^= 1
    request.put("Signature", signature.hex())


def sign_less(request: Request, header: str) -> None:
    names = request.authorization["SignedHeaders"].split(";")
    names.remove(header)
    request.put("SignedHeaders", ";".join(names))


def sign_more(request: Request, header: str, value: str | None) -> None:
    names = request.authorization["SignedHeaders"].split(";")
    request.put("SignedHeaders", ";".join(sorted([*names, header])))
    if value is not None:
        request.headers[header] = value


def set_header(name: str, value: str):
    return lambda request: request.headers.__setitem__(name, value)


def replace(name: str, old: str, new: str):
    return lambda request: request.replace(name, old, new)


def put_leaf(same: str):
    """Puts a leaf of the same kind, from the same issuer, with the same `key` or `serial` alone."""

    def change(request: Request) -> None:
        emulator = request.emulator
        kind = "rsa2048" if "RSA" in request.headers["authorization"] else "p256"
        if same == "key":
            key, number = emulator.identity(f"leaf/{kind}").key, int(serial(request)) + 1
        else:
            key, number = new_key(emulator.directory, kind), int(serial(request))
        request.headers["x-amz-x509"] = encoded(issue(emulator, key, serial=number).certificate)

    return change


def put_chain(name: str):
    def change(request: Request) -> None:
        path = request.emulator.directory / f"{name}.pem"
        request.headers["x-amz-x509-chain"] = encoded(path)

    return change


def later(request: Request) -> None:
    """Moves the date by one second, within its minute."""
    date = request.headers["x-amz-date"]
    second = int(date[-3:-1])
    request.headers["x-amz-date"] = f"{date[:-3]}{(second + 1) % 60:02}Z"


def other_algorithm(request: Request) -> None:
    used, other = "RSA", "ECDSA"
    if used not in request.headers["authorization"]:
        used, other = other, used
    request.replace("authorization", f"X509-{used}-", f"X509-{other}-")


def set_body(old: bytes, new: bytes):
    def change(request: Request) -> None:
        assert old in request.body
        request.body = request.body.replace(old, new, 1)

    return change


# What was done, by what, and the reason that the log has to give.
CHANGES = {
    "host": (set_header("host", "rolesanywhere.us-east-1.amazonaws.com"), "signature"),
    "content-type": (set_header("content-type", "application/json"), "signature"),
    "x-amz-date": (later, "signature"),
    "x-amz-date of no form": (set_header("x-amz-date", "2026-01-01T00:00:00Z"), "date-malformed"),
    "x-amz-date missing": (lambda r: r.headers.pop("x-amz-date"), "date-missing"),
    "x-amz-x509 of another serial": (put_leaf(same="key"), "serial"),
    "x-amz-x509 of another key": (put_leaf(same="serial"), "signature"),
    "x-amz-x509 garbage": (set_header("x-amz-x509", "bm8gY2VydGlmaWNhdGU="), "x509-malformed"),
    "x-amz-x509 no base64": (set_header("x-amz-x509", "%%%"), "x509-malformed"),
    "x-amz-x509 missing": (lambda r: r.headers.pop("x-amz-x509"), "x509-missing"),
    "x-amz-x509-chain of another": (put_chain("anchor/root"), "signature"),
    "x-amz-x509-chain empty": (set_header("x-amz-x509-chain", ""), "chain-empty"),
    "x-amz-x509-chain garbage": (set_header("x-amz-x509-chain", "%%%"), "chain-malformed"),
    "x-amz-x509-chain missing": (
        lambda r: r.headers.pop("x-amz-x509-chain"),
        "signed-header-missing",
    ),
    "a header listed and not sent": (
        lambda r: sign_more(r, "x-amz-note", None),
        "signed-header-missing",
    ),
    "a header listed and not signed": (lambda r: sign_more(r, "x-amz-note", "hi"), "signature"),
    "host unlisted": (lambda r: sign_less(r, "host"), "unsigned-header"),
    "x-amz-date unlisted": (lambda r: sign_less(r, "x-amz-date"), "unsigned-header"),
    "x-amz-x509 unlisted": (lambda r: sign_less(r, "x-amz-x509"), "unsigned-header"),
    "chain unlisted": (lambda r: sign_less(r, "x-amz-x509-chain"), "unsigned-header"),
    "content-type unlisted": (lambda r: sign_less(r, "content-type"), "signature"),
    "signed headers unsorted": (
        replace("authorization", "content-type;host", "host;content-type"),
        "authorization-malformed",
    ),
    "scope's date": (
        lambda r: r.replace("authorization", f"/{r.headers['x-amz-date'][:8]}/", "/20260101/"),
        "scope-date",
    ),
    "scope's region": (replace("authorization", "us-east-1", "us-east-2"), "scope-region"),
    "scope's service": (replace("authorization", "rolesanywhere", "sts"), "scope-service"),
    "scope's terminator": (
        replace("authorization", "aws4_request", "aws5_request"),
        "scope-terminator",
    ),
    "scope cut short": (replace("authorization", "/aws4_request", ""), "authorization-malformed"),
    "serial in hex": (lambda r: change_serial(r, "{:x}".format), "serial"),
    "another serial": (lambda r: change_serial(r, lambda n: str(n + 1)), "serial"),
    "serial with a zero before": (lambda r: change_serial(r, lambda n: f"0{n}"), "serial"),
    "another algorithm": (other_algorithm, "algorithm-key-mismatch"),
    "an unknown algorithm": (
        replace("authorization", "-SHA256", "-SHA512"),
        "algorithm",
    ),
    "the algorithm of access keys": (
        lambda r: r.headers.__setitem__(
            "authorization", "AWS4-HMAC-SHA256 " + r.headers["authorization"].split(" ", 1)[1]
        ),
        "algorithm",
    ),
    "authorization missing": (lambda r: r.headers.pop("authorization"), "authorization-missing"),
    "body: a longer session": (set_body(b"3600", b"3601"), "signature"),
    "body: another role": (set_body(b"role/Workload", b"role/path/Deep"), "signature"),
    "body: a space more": (set_body(b"{", b"{ "), "signature"),
    "query": (lambda r: setattr(r, "target", "/sessions?x=1"), "signature"),
    "signature: one bit": (flip_bit, "signature"),
    "signature truncated": (
        lambda r: r.put("Signature", r.authorization["Signature"][:-2]),
        "signature",
    ),
    "signature in upper case": (
        lambda r: r.put("Signature", r.authorization["Signature"].upper()),
        "authorization-malformed",
    ),
    "signature longer": (
        lambda r: r.put("Signature", r.authorization["Signature"] + "00"),
        "signature",
    ),
    "signature empty": (lambda r: r.put("Signature", ""), "authorization-malformed"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_request_as_it_was_signed_is_accepted(emulator, kind):
    answer = sign(emulator, emulator.identity(f"leaf/{kind}")).send()
    assert answer.status == 201
    assert emulator.requests()[-1]["verdict"] == "accepted"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_request_changed_on_the_way_is_refused(emulator, kind, change):
    make, reason = CHANGES[change]
    request = sign(emulator, emulator.identity(f"leaf/{kind}"))
    make(request)
    assert_refused(request, INVALID, reason)


@pytest.mark.parametrize("kind", KINDS)
def test_a_signature_of_another_request_is_refused(emulator, kind):
    identity = emulator.identity(f"leaf/{kind}")
    request = sign(emulator, identity)
    other = sign(emulator, identity, Forgery(duration_seconds=900))
    request.put("Signature", other.authorization["Signature"])
    assert_refused(request, INVALID, "signature")
