"""`sign-string`: its three formats, and its signatures judged by OpenSSL and by `cryptography`."""

import hashlib
import re
import subprocess

import material
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from material import CURVES, KINDS, MLDSA, PASSWORD, RSA, family, pem, pkcs8

DIGESTS = {"SHA256": 256, "SHA384": 384, "SHA512": 512}


@pytest.fixture(autouse=True)
def no_identity(emulator, monkeypatch):
    """The key of a test is the one it names, and a certificate is not needed."""
    for name in ("CERTIFICATE", "PRIVATE_KEY", "INTERMEDIATES"):
        monkeypatch.delenv(f"ROLES_ANYWHERE_{name}")


@pytest.fixture
def sign(tool, tmp_path):
    """Signs with the key of a kind and returns what is printed."""

    def run(kind: str, *flags: str, key: bytes | None = None) -> bytes:
        path = tmp_path / "a.key"
        path.write_bytes(key or pem("PRIVATE KEY", pkcs8(kind)))
        done = tool("sign-string", "--private-key", str(path), *flags)
        assert (done.returncode, done.stderr) == (0, b"")
        return done.stdout

    return run


def fixed_string(kind: str) -> bytes:
    """Returns what is signed (protocol.md 10)."""
    start = b"AWS Roles Anywhere Credential Helper Signing Test" + b"1"
    public = material.private(kind).public_key()
    match family(kind):
        case "mldsa":
            return start
        case "ec":
            key = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        case "rsa":
            key = public.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    return start + hashlib.sha256(b"IAM RA" + key).digest()


def verified(kind: str, digest: str, signature: bytes, folder) -> bool:
    """Says whether a signature is one of the fixed string."""
    public = material.private(kind).public_key()
    if kind in MLDSA:
        try:
            public.verify(signature, fixed_string(kind))
        except InvalidSignature:
            return False
        return True
    spki = PublicFormat.SubjectPublicKeyInfo
    (folder / "public.pem").write_bytes(public.public_bytes(Encoding.PEM, spki))
    (folder / "signature").write_bytes(signature)
    (folder / "message").write_bytes(fixed_string(kind))
    command = [
        *("openssl", "dgst", f"-{digest.lower()}", "-verify", "public.pem"),
        *("-signature", "signature", "message"),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=30, check=False)
    assert done.stdout in (b"Verified OK\n", b"Verification failure\n"), done
    return done.returncode == 0


@pytest.mark.parametrize("format_", ["json", "text", "bin"])
@pytest.mark.parametrize("digest", DIGESTS)
@pytest.mark.parametrize("kind", KINDS)
def test_signs(sign, tmp_path, kind, digest, format_):
    printed = sign(kind, "--digest", digest, "--format", format_)
    match format_:
        case "json":
            assert re.fullmatch(rb'"([0-9a-f]{2})+"', printed)
            signature = bytes.fromhex(printed[1:-1].decode())
        case "text":
            assert re.fullmatch(rb"([0-9a-f]{2})+", printed)
            signature = bytes.fromhex(printed.decode())
        case "bin":
            signature = printed
    assert verified(kind, digest, signature, tmp_path)
    if kind not in MLDSA:
        # The digest that was asked for, and no other.
        others = [other for other in DIGESTS if other != digest]
        assert not any(verified(kind, other, signature, tmp_path) for other in others)


@pytest.mark.parametrize("kind", KINDS)
def test_signs_by_default_with_sha256_as_json(sign, tmp_path, kind):
    printed = sign(kind)
    assert printed[:1] == printed[-1:] == b'"'
    assert verified(kind, "SHA256", bytes.fromhex(printed[1:-1].decode()), tmp_path)


@pytest.mark.parametrize("kind", RSA)
def test_an_rsa_signature_is_the_same_byte_for_byte(sign, tmp_path, kind):
    # PKCS#1 v1.5 has one signature a key and message, by whomever.
    (tmp_path / "key.pem").write_bytes(pem("PRIVATE KEY", pkcs8(kind)))
    (tmp_path / "message").write_bytes(fixed_string(kind))
    for digest in DIGESTS:
        flag = f"-{digest.lower()}"
        theirs = material.openssl(
            "dgst", flag, "-sign", tmp_path / "key.pem", tmp_path / "message"
        )
        assert sign(kind, "--digest", digest, "--format", "bin") == theirs


@pytest.mark.parametrize("form", ["seed", "expanded", "both"])
@pytest.mark.parametrize("kind", MLDSA)
def test_signs_with_each_form_of_an_ml_dsa_key(sign, tmp_path, kind, form):
    key = pem("PRIVATE KEY", material.mldsa_pkcs8(kind, form))
    assert verified(kind, "", sign(kind, "--format", "bin", key=key), tmp_path)


@pytest.mark.parametrize("kind", list(CURVES))
def test_signs_with_a_key_without_its_public_part(sign, tmp_path, kind):
    # The public part is in the fixed string, so it has to be computed.
    key = material.ec_without_public(kind)
    assert verified(kind, "SHA256", sign(kind, "--format", "bin", key=key), tmp_path)


@pytest.mark.parametrize("kind", ["rsa2048", "p256", "mldsa44"])
def test_signs_with_an_encrypted_key(sign, tmp_path, kind):
    key = material.pbes2(pkcs8(kind))
    flags = ["--format", "bin", "--pkcs8-password", PASSWORD]
    assert verified(kind, "SHA256", sign(kind, *flags, key=key), tmp_path)


@pytest.mark.parametrize("kind", ["rsa2048", "p256"])
def test_signs_with_the_key_of_a_pkcs12(emulator, sign, tmp_path, kind):
    leaf = material.authority(emulator.directory).certificate_of(kind)
    made = material.pkcs12_by_openssl(kind, leaf, [], "-passout", f"pass:{PASSWORD}")
    flags = ["--format", "bin", "--pkcs8-password", PASSWORD]
    assert verified(kind, "SHA256", sign(kind, *flags, key=made), tmp_path)


def test_takes_a_certificate_as_the_official_helper_demands_it(sign, emulator, tmp_path):
    certificate = emulator.identity("leaf/p256").certificate
    printed = sign("p256", "--certificate", str(certificate), "--format", "bin")
    assert verified("p256", "SHA256", printed, tmp_path)
