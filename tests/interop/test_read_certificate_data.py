"""`read-certificate-data`: held against what `cryptography` computes and the emulator does.

The emulator derives session name, source identity and tags on its own; what the tool foretells is
held against what the log says of a session of the same certificate.
"""

import base64
import datetime
import ipaddress
import json

import material
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID
from material import KINDS, PASSWORD, authority, der_of, family, pem, pem_of, pkcs8

CURVE_NAMES = {"p256": "P-256", "p384": "P-384", "p521": "P-521"}


@pytest.fixture
def ca(emulator, monkeypatch):
    for name in ("CERTIFICATE", "PRIVATE_KEY", "INTERMEDIATES"):
        monkeypatch.delenv(f"ROLES_ANYWHERE_{name}")
    return authority(emulator.directory)


@pytest.fixture
def read(ca, tool, tmp_path):
    """Writes a certificate's file and returns what the tool prints of it."""

    def run(contents: bytes, *flags: str) -> str:
        path = tmp_path / "a.file"
        path.write_bytes(contents)
        done = tool("read-certificate-data", "--certificate", str(path), *flags)
        assert (done.returncode, done.stderr) == (0, b"")
        return done.stdout.decode()

    return run


def official(kind: str, certificate: x509.Certificate) -> str:
    """Returns the document of the official helper (protocol.md 10), byte for byte."""
    key_type = {"rsa": "RSA", "ec": "EC", "mldsa": f"ML-DSA-{kind[-2:]}"}[family(kind)]
    digests = ["SHA256", "SHA384", "SHA512"]
    known = [key_type] if family(kind) == "mldsa" else [key_type + digest for digest in digests]
    document = {
        "keyType": key_type,
        "certificateData": base64.b64encode(der_of(certificate)).decode(),
        "serialNumber": str(certificate.serial_number),
        "supportedAlgorithms": known,
    }
    return json.dumps(document, separators=(",", ":"))


def pkcs12_of(kind: str, ca) -> tuple[bytes, list[str]]:
    chain = [ca.certificate_of(kind), ca.certificate]
    if family(kind) == "mldsa":
        made = material.pkcs12_by_hand(material.mldsa_pkcs8(kind, "both"), chain, PASSWORD)
    else:
        made = material.pkcs12_by_openssl(
            kind, chain[0], chain[1:], "-passout", f"pass:{PASSWORD}"
        )
    return made, ["--pkcs8-password", PASSWORD]


@pytest.mark.parametrize(
    "form", ["pem", "der", "bundle", "with its key", "dressed", "p7b", "pkcs12"]
)
@pytest.mark.parametrize("kind", KINDS)
def test_prints_the_official_document(read, ca, kind, form):
    leaf, flags = ca.certificate_of(kind), []
    match form:
        case "pem":
            contents = pem_of(leaf)
        case "der":
            contents = der_of(leaf)
        case "bundle":
            contents = pem_of(leaf, ca.certificate, ca.root)
        case "with its key":
            contents = pem("PRIVATE KEY", pkcs8(kind)) + pem_of(leaf, ca.certificate)
        case "dressed":
            text = b"\xef\xbb\xbfsubject=CN=a\n" + pem_of(leaf)
            contents = text.replace(b"\n", b"\r\n")
        case "p7b":
            contents = pkcs7.serialize_certificates([leaf], Encoding.DER)
        case "pkcs12":
            contents, flags = pkcs12_of(kind, ca)
    assert read(contents, *flags) == official(kind, leaf)
    assert read(contents, "--output", "json", *flags) == official(kind, leaf)


# All that is in a certificate.


def name(*attributes: tuple) -> x509.Name:
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in attributes])


ALTERNATIVE = [
    x509.DNSName("a.example.com"),
    x509.RFC822Name("a@example.com"),
    x509.DNSName("b.example.com"),
    x509.IPAddress(ipaddress.ip_address("192.0.2.1")),
    x509.IPAddress(ipaddress.ip_address("2001:db8::1")),
    x509.UniformResourceIdentifier("spiffe://example.com/one"),
    x509.UniformResourceIdentifier("spiffe://example.com/two"),
    x509.DirectoryName(
        name((NameOID.COMMON_NAME, "inner"), (NameOID.ORGANIZATION_NAME, "Inner Ltd."))
    ),
]
SHOWN = [
    ("DNS", "a.example.com"),
    ("email", "a@example.com"),
    ("DNS", "b.example.com"),
    ("IP", "192.0.2.1"),
    ("IP", "2001:db8::1"),
    ("URI", "spiffe://example.com/one"),
    ("URI", "spiffe://example.com/two"),
]

CN, O, OU, C = (
    NameOID.COMMON_NAME,
    NameOID.ORGANIZATION_NAME,
    NameOID.ORGANIZATIONAL_UNIT_NAME,
    NameOID.COUNTRY_NAME,
)
SUBJECTS = {
    "plain": name((C, "US"), (O, "Example"), (CN, "plain")),
    "all six": name(
        *((C, "DE"), (NameOID.STATE_OR_PROVINCE_NAME, "Bayern")),
        (NameOID.LOCALITY_NAME, "München"),
        *((O, "Beispiel AG"), (OU, "IT"), (CN, "host-1.example.com")),
    ),
    # What rcgen, which makes the other certificates of this claim for tests/e2e, cannot write.
    "several units": name((OU, "Security"), (OU, "Engineering"), (OU, "Research"), (CN, "units")),
}


def foretold(view: dict) -> dict:
    return {tag["key"]: tag["value"] for tag in view["rolesAnywhere"]["sessionTags"]}


def vend(emulator, tool, tmp_path, leaf: x509.Certificate, kind: str = "p256") -> dict:
    """Returns the session of a certificate."""
    certificate, key = tmp_path / "leaf.pem", tmp_path / "leaf.key"
    certificate.write_bytes(pem_of(leaf, authority(emulator.directory).certificate))
    key.write_bytes(pem("PRIVATE KEY", pkcs8(kind)))
    files = ["--certificate", str(certificate), "--private-key", str(key)]
    done = tool("credential-process", *files)
    assert (done.returncode, done.stderr) == (0, b"")
    (request,) = emulator.requests()
    assert request["verdict"] == "accepted"
    return request["session"]


@pytest.mark.parametrize("names", ["none", "many"])
def test_foretells_the_session_of_several_units(read, emulator, ca, tool, tmp_path, names):
    public = material.private("p256").public_key()
    leaf = ca.issue(public, SUBJECTS["several units"], ALTERNATIVE if names == "many" else None)
    (view,) = json.loads(read(pem_of(leaf), "--output", "full"))["certificates"]
    session = vend(emulator, tool, tmp_path, leaf)
    told = view["rolesAnywhere"]
    assert told["sessionName"] == session["role_session_name"]
    assert told["sourceIdentity"] == session["source_identity"]
    assert foretold(view) == session["tags"]
    dropped = {tag["key"] for tag in told["droppedTags"]}
    assert not dropped & session["tags"].keys()
    assert all(tag["reason"] for tag in told["droppedTags"])
    assert told["refusals"] == []
    # The page for people says the same.
    text = read(pem_of(leaf), "--output", "text")
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for key, value in session["tags"].items():
        assert " ".join(f"{key} {value}".split()) in lines
    assert f"Session name {session['role_session_name']}" in lines


def instant(when: datetime.datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("kind", KINDS)
def test_shows_all_that_is_in_it(read, ca, kind):
    subject = SUBJECTS["all six"]
    leaf = ca.issue(material.private(kind).public_key(), subject, ALTERNATIVE)
    document = json.loads(read(pem_of(leaf), "--output", "full"))
    assert list(document) == ["certificates"]
    (view,) = document["certificates"]
    for member, value in json.loads(official(kind, leaf)).items():
        assert view[member] == value
    digits = f"{leaf.serial_number:x}"
    expected = {
        "subject": "C=DE, ST=Bayern, L=München, O=Beispiel AG, OU=IT, CN=host-1.example.com",
        "issuer": "C=US, O=Example, CN=Emulator Intermediate CA",
        "serialNumberHex": digits.zfill(len(digits) + len(digits) % 2),
        "notBefore": instant(leaf.not_valid_before_utc),
        "notAfter": instant(leaf.not_valid_after_utc),
        "isCa": False,
        "keyUsage": ["digitalSignature"],
        "extendedKeyUsage": ["clientAuth"],
        "sha256Fingerprint": leaf.fingerprint(hashes.SHA256()).hex(),
        "sha1Fingerprint": leaf.fingerprint(hashes.SHA1()).hex(),
        "keyBits": leaf.public_key().key_size if family(kind) == "rsa" else None,
        "curve": CURVE_NAMES.get(kind),
    }
    assert {member: view[member] for member in expected} == expected
    left = leaf.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    assert view["daysLeft"] in (left.days, left.days + 1)
    shown = [(one["type"], one["value"]) for one in view["subjectAlternativeNames"]]
    assert shown[:-1] == SHOWN
    assert shown[-1][0] == "DirectoryName" and "CN=inner" in shown[-1][1]

    text = read(pem_of(leaf), "--output", "text")
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for label, value in [
        ("Subject", expected["subject"]),
        ("Issuer", expected["issuer"]),
        ("Serial", leaf.serial_number),
        ("Serial in hex", expected["serialNumberHex"]),
        ("Valid from", expected["notBefore"]),
        ("Key usage", "digitalSignature"),
        ("Extended usage", "clientAuth"),
        ("SHA-256", expected["sha256Fingerprint"]),
        ("SHA-1", expected["sha1Fingerprint"]),
        *(("Alternative name", f"{what} {value}") for what, value in SHOWN),
    ]:
        assert f"{label} {value}" in lines
    assert any(line.startswith(f"Valid until {expected['notAfter']} (") for line in lines)


def test_names_a_curve_that_it_does_not_sign_with(read, ca):
    public = ec.generate_private_key(ec.SECP256K1()).public_key()
    leaf = ca.issue(public, SUBJECTS["plain"])
    assert json.loads(read(pem_of(leaf)))["keyType"] == "EC"
    (view,) = json.loads(read(pem_of(leaf), "--output", "full"))["certificates"]
    assert view["curve"] == "secp256k1"
