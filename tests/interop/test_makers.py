"""Key and certificate files as other programs write them: GnuTLS, NSS, Java and OpenSSL; each vends.

What these programs write by default is what people have.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import material
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from keys import issue, new_key, openssl
from material import PASSWORD, der, integer, octets, oid, pem, sequence

WITH_PASSWORD = ("--pkcs8-password", PASSWORD)
needs_keytool = pytest.mark.skipif(not shutil.which("keytool"), reason="keytool (Java) is not here")


@pytest.fixture(autouse=True)
def nothing_of_an_identity(emulator, monkeypatch):
    for name in ("CERTIFICATE", "PRIVATE_KEY", "INTERMEDIATES"):
        monkeypatch.delenv(f"ROLES_ANYWHERE_{name}")


@pytest.fixture
def vends(emulator, tool):
    """Runs the tool and expects credentials, and nothing on standard error."""

    def check(*arguments: object, **options) -> None:
        done = tool("credential-process", *(str(argument) for argument in arguments), **options)
        assert (done.returncode, done.stderr) == (0, b"")
        assert json.loads(done.stdout)["AccessKeyId"].startswith("ASIA")
        assert emulator.requests()[-1]["verdict"] == "accepted"

    return check


@pytest.fixture
def identity(emulator, tmp_path):
    """A P-256 key and its certificate; with its CA it makes a chain."""
    return issue(emulator, new_key(tmp_path, "p256"))


def run(*command: object, **options) -> str:
    words = [str(word) for word in command]
    options = {"capture_output": True, "text": True, "timeout": 120, "check": False, **options}
    done = subprocess.run(words, **options)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"
    return done.stdout


# GnuTLS.


@pytest.mark.parametrize("curve", ["secp256r1", "secp384r1", "secp521r1"])
def test_vends_with_an_ec_key_of_certtool(emulator, vends, tmp_path, curve):
    # Of every second key GnuTLS writes the scalar with a sign octet, so one of four tells.
    for number in range(4):
        key = tmp_path / f"{curve}.{number}.key"
        run("certtool", "--generate-privkey", "--key-type=ecdsa", f"--curve={curve}", "--no-text",
            "--outfile", key)
        vends(*issue(emulator, key).flags())


@pytest.mark.parametrize("size", [46, 47, 49])
def test_vends_with_a_p384_scalar_of_another_length(emulator, vends, tmp_path, size):
    key = ec.derive_private_key(int.from_bytes(b"\5" * 46), ec.SECP384R1())
    scalar = key.private_numbers().private_value.to_bytes(size, "big")
    inner = sequence(integer(1), octets(scalar), der(0xA0, oid(material.OIDS["p384"])))
    path = tmp_path / "p384.key"
    path.write_bytes(pem("EC PRIVATE KEY", inner))
    standard = tmp_path / "p384.standard.key"
    standard.write_bytes(key.private_bytes(*FORM))
    issued = issue(emulator, standard)
    vends(*issued.flags(), "--private-key", path)


FORM = (
    material.Encoding.PEM,
    material.PrivateFormat.PKCS8,
    material.NoEncryption(),
)


@pytest.mark.parametrize(
    ("cipher", "form", "password"),
    [
        ("aes-128", "pem", "password"),
        ("3des-pkcs12", "pem", "null"),
        ("aes-128", "der", "null"),
        ("3des-pkcs12", "der", "null"),
        ("rc2-40", "der", "empty"),
    ],
)
def test_vends_with_pkcs12_of_certtool(vends, identity, tmp_path, cipher, form, password):
    made = tmp_path / "made.p12"
    protection = {
        "password": ["--password", PASSWORD],
        "null": ["--null-password"],
        "empty": ["--empty-password"],
    }[password]
    run("certtool", "--to-p12", "--load-privkey", identity.key, "--load-certificate",
        identity.certificate, "--load-ca-certificate", identity.intermediates, "--p12-name", "host",
        "--pkcs-cipher", cipher, *protection, *(["--outder"] if form == "der" else []), "--outfile", made)
    vends("--certificate", made, *(WITH_PASSWORD if password == "password" else ()))


@pytest.mark.parametrize("cipher", ["aes-256", "3des", "3des-pkcs12", "rc2-40"])
def test_vends_with_an_encrypted_key_of_certtool(vends, identity, tmp_path, cipher):
    made = tmp_path / "made.key"
    run("certtool", "--to-p8", "--load-privkey", identity.key, "--pkcs-cipher", cipher,
        "--password", PASSWORD, "--outfile", made)
    vends(*identity.flags(), "--private-key", made, *WITH_PASSWORD)


# NSS.


@pytest.mark.parametrize("cipher", [None, "AES-128-CBC", "PKCS #12 V2 PBE With SHA-1 And 3KEY Triple DES-CBC"])
def test_vends_with_pkcs12_of_nss(vends, identity, tmp_path, cipher):
    made, folder, password = tmp_path / "made.p12", tmp_path / "nss", tmp_path / "password"
    folder.mkdir()
    password.write_text("\n")
    bundle = tmp_path / "bundle.p12"
    openssl("pkcs12", "-export", "-in", identity.certificate, "-inkey", identity.key, "-certfile",
            identity.intermediates, "-name", "host", "-passout", f"pass:{PASSWORD}", "-out", bundle)
    run("certutil", "-N", "-d", folder, "-f", password)
    run("pk12util", "-i", bundle, "-d", folder, "-W", PASSWORD, "-k", password)
    run("pk12util", "-o", made, "-n", "host", "-d", folder, "-W", PASSWORD, "-k", password,
        *(["-c", cipher] if cipher else []))
    assert made.read_bytes()[:2] == b"\x30\x80"
    vends("--certificate", made, *WITH_PASSWORD, "--intermediates", identity.intermediates)


# Java.


def java_store(identity, tmp_path, kind: str, *more: object) -> Path:
    source, store = tmp_path / "source.p12", tmp_path / f"store.{kind.lower()}"
    openssl("pkcs12", "-export", "-in", identity.certificate, "-inkey", identity.key, "-certfile",
            identity.intermediates, "-name", "host", "-passout", f"pass:{PASSWORD}", "-out", source)
    run("keytool", "-importkeystore", "-noprompt", "-srckeystore", source, "-srcstoretype", "PKCS12",
        "-srcstorepass", PASSWORD, "-destkeystore", store, "-deststoretype", kind, "-deststorepass",
        PASSWORD, *more)
    return store


@needs_keytool
def test_vends_with_pkcs12_of_java_among_many_authorities(vends, identity, tmp_path):
    store = java_store(identity, tmp_path, "PKCS12")
    authority = tmp_path / "authority.pem"
    key = tmp_path / "authority.key"
    authorities = tmp_path / "authorities.p12"
    openssl("genrsa", "-out", key, "4096")
    openssl("req", "-x509", "-new", "-key", key, "-subj", "/CN=authority", "-out", authority)
    # Many at once: one call of keytool for each takes a second.
    loader = tmp_path / "Load.java"
    loader.write_text(LOADER)
    run("java", loader, store, authority, authorities, PASSWORD)
    assert authorities.stat().st_size > 64 << 10
    vends("--certificate", authorities, *WITH_PASSWORD)


LOADER = """
import java.io.*; import java.security.*; import java.security.cert.*;
class Load {
    public static void main(String[] arguments) throws Exception {
        char[] password = arguments[3].toCharArray();
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = new FileInputStream(arguments[0])) { store.load(in, password); }
        java.security.cert.Certificate authority;
        try (InputStream in = new FileInputStream(arguments[1])) {
            authority = CertificateFactory.getInstance("X.509").generateCertificate(in);
        }
        for (int number = 0; number < 60; number++) store.setCertificateEntry("a" + number, authority);
        try (OutputStream out = new FileOutputStream(arguments[2])) { store.store(out, password); }
    }
}
"""


@needs_keytool
@pytest.mark.parametrize("kind", ["JKS", "JCEKS"])
def test_names_the_command_for_a_keystore_of_java(vends, identity, tool, tmp_path, kind):
    store = java_store(identity, tmp_path, kind)
    done = tool("credential-process", "--certificate", str(store), *WITH_PASSWORD)
    assert (done.returncode, done.stdout) == (3, b"")
    assert b"it is a Java keystore" in done.stderr
    hint = done.stderr.decode().split("`keytool ", 1)[1].split("`", 1)[0]
    words = hint.replace("FILE.p12", f"{tmp_path}/FILE.p12").replace("FILE ", f"{store} ").split()
    run("keytool", *words, "-srcstorepass", PASSWORD, "-deststorepass", PASSWORD, "-noprompt")
    vends("--certificate", tmp_path / "FILE.p12", *WITH_PASSWORD)


@needs_keytool
def test_says_that_a_keystore_has_two_keys(identity, emulator, tool, tmp_path):
    store = java_store(identity, tmp_path, "PKCS12")
    run("keytool", "-genkeypair", "-alias", "other", "-keyalg", "EC", "-dname", "CN=other",
        "-keystore", store, "-storepass", PASSWORD)
    done = tool("credential-process", "--certificate", str(store), *WITH_PASSWORD)
    assert (done.returncode, done.stdout, emulator.requests()) == (3, b"", [])
    assert b"contains 2 private keys" in done.stderr
    assert b"-srcalias" in done.stderr


# OpenSSL.


@pytest.mark.parametrize(
    ("kind", "form", "label"),
    [
        ("rsa2048", "pkcs8", "RSA PRIVATE KEY"),
        ("rsa2048", "traditional", "PRIVATE KEY"),
        ("p256", "pkcs8", "EC PRIVATE KEY"),
        ("p256", "pkcs8", "ENCRYPTED PRIVATE KEY"),
        ("p256", "traditional", "PRIVATE KEY"),
        ("p256", "encrypted", "PRIVATE KEY"),
    ],
)
def test_vends_with_a_key_under_another_label(emulator, vends, tmp_path, kind, form, label):
    contents = {
        "pkcs8": lambda: material.pkcs8(kind),
        "traditional": lambda: material.traditional(kind),
        "encrypted": lambda: material.pbes2(material.pkcs8(kind)),
    }[form]()
    path, plain = tmp_path / f"{kind}.key", tmp_path / f"{kind}.plain.key"
    path.write_bytes(pem(label, contents))
    plain.write_bytes(pem("PRIVATE KEY", material.pkcs8(kind)))
    vends(*issue(emulator, plain).flags(), "--private-key", path, *WITH_PASSWORD)


def test_vends_with_an_rsa_key_without_null(emulator, vends, tmp_path):
    algorithm = sequence(oid("1.2.840.113549.1.1.1"))
    inner = octets(material.traditional("rsa2048"))
    plain, path = tmp_path / "rsa.plain.key", tmp_path / "rsa.key"
    plain.write_bytes(pem("PRIVATE KEY", material.pkcs8("rsa2048")))
    path.write_bytes(pem("PRIVATE KEY", sequence(integer(0), algorithm, inner)))
    vends(*issue(emulator, plain).flags(), "--private-key", path)


@pytest.mark.parametrize("salt", [0, 8, 33, 64, 200])
def test_vends_with_a_salt_of_any_length(vends, identity, tmp_path, salt):
    contents = load_pem_private_key(identity.key.read_bytes(), None).private_bytes(
        material.Encoding.DER, *FORM[1:]
    )
    path = tmp_path / "salt.key"
    path.write_bytes(pem("ENCRYPTED PRIVATE KEY", material.pbes2(contents, salt=salt)))
    vends(*identity.flags(), "--private-key", path, *WITH_PASSWORD)


@pytest.mark.parametrize("scheme", ["PBE-SHA1-3DES", "PBE-SHA1-2DES", "PBE-SHA1-RC2-40",
                                    "PBE-SHA1-RC2-128"])
def test_vends_with_a_key_encrypted_as_in_pkcs12(vends, identity, tmp_path, scheme):
    path = tmp_path / "pbe.key"
    openssl("pkcs8", "-topk8", "-v1", scheme, "-provider", "legacy", "-provider", "default",
            "-in", identity.key, "-passout", f"pass:{PASSWORD}", "-out", path)
    vends(*identity.flags(), "--private-key", path, *WITH_PASSWORD)


@pytest.mark.parametrize(("prf", "mac"), [("sha256", "sha256"), ("sha512", "sha256"),
                                          ("sha512", "sha512")])
def test_vends_with_pbmac1(emulator, vends, tmp_path, prf, mac):
    authority = material.authority(emulator.directory)
    chain = [authority.certificate_of("p256"), authority.certificate]
    path = tmp_path / "pbmac1.p12"
    path.write_bytes(material.pkcs12_by_hand(material.pkcs8("p256"), chain, PASSWORD, (prf, mac)))
    vends("--certificate", path, *WITH_PASSWORD)


def test_vends_with_a_trusted_certificate(vends, identity, tmp_path):
    path = tmp_path / "trusted.pem"
    openssl("x509", "-in", identity.certificate, "-trustout", "-addtrust", "clientAuth", "-out", path)
    assert path.read_text().startswith("-----BEGIN TRUSTED CERTIFICATE")
    vends(*identity.flags(), "--certificate", path)


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "SSL_CERT_FILE"])
@pytest.mark.parametrize("form", ["trusted", "PKCS#7"])
def test_trusts_a_bundle_of_openssl(vends, identity, monkeypatch, tmp_path, variable, form):
    bundle = Path(os.environ["AWS_CA_BUNDLE"])
    path = tmp_path / "ca"
    match form:
        case "trusted":
            openssl("x509", "-in", bundle, "-trustout", "-out", path)
        case "PKCS#7":
            openssl("crl2pkcs7", "-nocrl", "-certfile", bundle, "-out", path)
    monkeypatch.delenv("AWS_CA_BUNDLE")
    monkeypatch.setenv(variable, str(path))
    vends(*identity.flags())
