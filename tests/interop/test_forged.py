"""What a holder of a good key signs wrongly, by a foreign signer: every request is refused.

What somebody without the key changes on the way is in test_changed.py.
"""

import hashlib
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from signed import Forgery, assert_refused, encoded, sign

KINDS = ["rsa2048", "p256"]
INVALID = "Invalid signature"
UNTRUSTED = "Untrusted signing certificate"


def r_and_s(key: ec.EllipticCurvePrivateKey, text: bytes) -> bytes:
    """Signs as PKCS#11 and JOSE do: r and s side by side, no DER."""
    numbers = decode_dss_signature(key.sign(text, ec.ECDSA(SHA256())))
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def pss(key: RSAPrivateKey, text: bytes) -> bytes:
    return key.sign(text, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())


def with_sha512(key, text: bytes) -> bytes:
    if isinstance(key, RSAPrivateKey):
        return key.sign(text, padding.PKCS1v15(), SHA512())
    return key.sign(text, ec.ECDSA(SHA512()))


def twice_hashed(key, text: bytes) -> bytes:
    """Signs the hex of the hash, a mistake that is easily made."""
    digest = hashlib.sha256(text).hexdigest().encode()
    if isinstance(key, RSAPrivateKey):
        return key.sign(digest, padding.PKCS1v15(), SHA256())
    return key.sign(digest, ec.ECDSA(SHA256()))


# What a holder of the key may sign that is wrong all the same.
FORGERIES = {
    "16 minutes ago": (Forgery(date_offset=timedelta(minutes=-16)), "date-skew"),
    "in 16 minutes": (Forgery(date_offset=timedelta(minutes=16)), "date-skew"),
    "yesterday": (Forgery(date_offset=timedelta(days=-1)), "date-skew"),
    "for another region": (Forgery(region="eu-central-1"), "scope-region"),
    "for another service": (Forgery(service="sts"), "scope-service"),
    "with another terminator": (Forgery(terminator="aws5_request"), "scope-terminator"),
    "by an unknown algorithm": (Forgery(algorithm="AWS4-X509-RSA-SHA512"), "algorithm"),
    "by the algorithm of ML-DSA": (Forgery(algorithm="AWS4-X509-MLDSA"), "algorithm-key-mismatch"),
    "with an empty chain": (Forgery(headers={"X-Amz-X509-Chain": ""}), "chain-empty"),
    "with garbage for a chain": (
        Forgery(headers={"X-Amz-X509-Chain": "bm8gY2VydGlmaWNhdGU="}),
        "chain-malformed",
    ),
    "over SHA-512": (Forgery(signature=with_sha512), "signature"),
    "over the hash's hex": (Forgery(signature=twice_hashed), "signature"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_request_signed_wrongly_is_refused(emulator, kind, forgery):
    made, reason = FORGERIES[forgery]
    request = sign(emulator, emulator.identity(f"leaf/{kind}"), made)
    assert_refused(request, INVALID, reason)


@pytest.mark.parametrize(("kind", "how"), [("p256", r_and_s), ("rsa2048", pss)])
def test_another_form_of_signature_is_refused(emulator, kind, how):
    request = sign(emulator, emulator.identity(f"leaf/{kind}"), Forgery(signature=how))
    assert_refused(request, INVALID, "signature")


@pytest.mark.parametrize("minutes", [-14, 14])
def test_a_clock_that_is_a_little_off_is_accepted(emulator, minutes):
    forgery = Forgery(date_offset=timedelta(minutes=minutes))
    assert sign(emulator, emulator.identity("leaf/p256"), forgery).send().status == 201


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("chain", "reason"),
    [
        ([], "untrusted"),
        (["broken/other-ca.root"], "untrusted"),
        (["anchor/root"], "untrusted"),
        (["anchor/intermediate"] * 6, "chain-too-long"),
    ],
    ids=["none", "a stranger", "the root alone", "six"],
)
def test_a_chain_that_does_not_reach_the_anchor_is_refused(emulator, kind, chain, reason):
    values = [encoded(emulator.directory / f"{name}.pem") for name in chain]
    forgery = Forgery(headers={"X-Amz-X509-Chain": ",".join(values) or None})
    request = sign(emulator, emulator.identity(f"leaf/{kind}"), forgery)
    assert_refused(request, UNTRUSTED, reason)


def test_five_certificates_in_any_order_are_accepted(emulator):
    names = ["broken/other-ca.root", "anchor/root", "anchor/intermediate"]
    values = [encoded(emulator.directory / f"{name}.pem") for name in names]
    chain = ",".join([*values, values[0], values[1]])
    forgery = Forgery(headers={"X-Amz-X509-Chain": chain})
    assert sign(emulator, emulator.identity("leaf/p256"), forgery).send().status == 201
