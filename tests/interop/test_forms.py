"""Every form of certificate and key that people have, in every combination: each vends.

The files are made at test time by the openssl command, by Python's `cryptography` and by hand; see
`material`. What vends says so by exit code 0, one JSON document and a silent standard error, and
by the emulator's log: the key that signed is the key of the certificate that was meant.
"""

import base64
import functools
import json
import re
import subprocess
from pathlib import Path

import material
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs7,
    pkcs12,
)
from material import (
    CURVES,
    KINDS,
    MLDSA,
    OPENSSL_CIPHERS,
    OPENSSL_PRFS,
    PASSWORD,
    PRFS,
    RSA,
    der_of,
    family,
    openssl,
    pem,
    pem_of,
    pkcs8,
    traditional,
)

IDENTITY = ["CERTIFICATE", "PRIVATE_KEY", "INTERMEDIATES"]
WITH_PASSWORD = ("--pkcs8-password", PASSWORD)


@pytest.fixture
def authority(emulator, monkeypatch):
    """The CA; and nothing of an identity in the environment."""
    for name in IDENTITY:
        monkeypatch.delenv(f"ROLES_ANYWHERE_{name}")
    return material.authority(emulator.directory)


@pytest.fixture
def vends(authority, emulator, tool, tmp_path):
    """Writes files, runs the tool on them, and judges.

    `vends(kind, certificate=…, private_key=…, intermediates=…)`, each the contents of a file; a
    file of the name that `names` gives.
    """

    def check(kind, *flags, sent=1, leaf=None, names=None, **contents):
        arguments = []
        for name, data in contents.items():
            path = tmp_path / (names or {}).get(name, f"{name}.file")
            path.write_bytes(data)
            path.chmod(0o600)
            arguments += [f"--{name.replace('_', '-')}", str(path)]
        done = tool("credential-process", *arguments, *flags)
        assert (done.returncode, done.stderr) == (0, b"")
        document, end = json.JSONDecoder().raw_decode(done.stdout.decode())
        assert document["AccessKeyId"].startswith("ASIA")
        assert done.stdout.decode()[end:] == "\n"
        (request,) = emulator.requests()
        assert request["verdict"] == "accepted"
        leaf = leaf or authority.certificate_of(kind)
        assert request["headers"]["x-amz-x509"] == b64(der_of(leaf))
        chain = request["headers"].get("x-amz-x509-chain")
        assert (chain.split(",") if chain else []) == [b64(der_of(authority.certificate))][:sent]

    return check


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


# Forms of keys: a name, and what writes one.


def plain_forms(kind: str) -> dict:
    """Returns the unencrypted forms of a kind of key."""
    label = {"rsa": "RSA PRIVATE KEY", "ec": "EC PRIVATE KEY"}.get(family(kind))
    match family(kind):
        case "mldsa":
            ders = {
                f"pkcs8-{form}": (
                    "PRIVATE KEY",
                    functools.partial(material.mldsa_pkcs8, kind, form),
                )
                for form in ("seed", "expanded", "both")
            }
            # By the library, to be sure of what is written by hand.
            ders["pkcs8-cryptography"] = ("PRIVATE KEY", lambda: pkcs8(kind))
            more = {}
        case "rsa":
            ders = {
                "pkcs8": ("PRIVATE KEY", lambda: pkcs8(kind)),
                "pkcs1": (label, lambda: traditional(kind)),
            }
            more = {
                "pkcs1-openssl.pem": lambda: openssl("rsa", "-traditional", stdin=source(kind)),
            }
        case "ec":
            by_hand = functools.partial(material.sec1_by_hand, kind)
            ders = {
                "pkcs8": ("PRIVATE KEY", lambda: pkcs8(kind)),
                "pkcs8-without-public": ("PRIVATE KEY", lambda: material.ec_without_public(kind)),
                "pkcs8-version-2": ("PRIVATE KEY", lambda: material.ec_version_2(kind)),
                "sec1": (label, lambda: traditional(kind)),
                "sec1-without-public": (label, lambda: by_hand(public=False)),
            }
            more = {
                "sec1-openssl.pem": lambda: openssl("ec", stdin=source(kind)),
                "sec1-no_public-openssl.pem": lambda: openssl(
                    "ec", "-no_public", stdin=source(kind)
                ),
                "sec1-parameters.pem": lambda: parameters(kind) + pem(label, traditional(kind)),
                # The curve is said before the key alone.
                "sec1-curve-in-parameters.pem": lambda: (
                    parameters(kind) + pem(label, by_hand(curve=False, public=False))
                ),
            }
    if family(kind) != "mldsa":
        # OpenSSL 3.0 knows no ML-DSA.
        more["pkcs8-openssl.pem"] = lambda: openssl(
            "pkcs8", "-topk8", "-nocrypt", stdin=source(kind)
        )
        more["pkcs8-openssl.der"] = lambda: openssl("pkey", "-outform", "DER", stdin=source(kind))
    forms = {}
    for name, (heading, make) in ders.items():
        forms[f"{name}.pem"] = lambda heading=heading, make=make: pem(heading, make())
        forms[f"{name}.der"] = make
    return forms | more


def source(kind: str) -> bytes:
    return pem("PRIVATE KEY", pkcs8(kind))


def parameters(kind: str) -> bytes:
    return pem("EC PARAMETERS", material.oid(material.OIDS[kind]))


# Forms of certificates: what `--certificate` and `--intermediates` hold.


def dress(text: bytes, *, bom: bool = False) -> bytes:
    """Puts text before, between and behind the blocks, and ends the lines as Windows does."""
    between = b"Bag Attributes\n    localKeyID: 01 00 00 00\nsubject=/CN=a - b\n"
    dressed = between + re.sub(rb"(-----END [^\n]*\n)", rb"\1" + between, text)
    return b"\xef\xbb\xbf" * bom + dressed.replace(b"\n", b"\r\n")


def p7b_by_cryptography(encoding):
    return lambda a, leaf: {
        "certificate": pem_of(leaf),
        "intermediates": pkcs7.serialize_certificates([a.root, a.certificate], encoding),
    }


def p7b_by_openssl(form):
    def make(a, leaf):
        made = openssl(
            *("crl2pkcs7", "-nocrl", "-certfile", "/dev/stdin", "-outform", form),
            stdin=a.pem + a.root_pem,
        )
        return {"certificate": pem_of(leaf), "intermediates": made}

    return make


CERTIFICATES = {
    "pem": lambda a, leaf: {"certificate": pem_of(leaf), "intermediates": a.pem},
    "der": lambda a, leaf: {"certificate": der_of(leaf), "intermediates": der_of(a.certificate)},
    "leaf first": lambda a, leaf: {"certificate": pem_of(leaf, a.certificate, a.root)},
    "leaf last": lambda a, leaf: {"certificate": pem_of(a.root, a.certificate, leaf)},
    "dressed": lambda a, leaf: {
        "certificate": dress(pem_of(a.certificate, leaf)),
        "intermediates": dress(a.root_pem + a.pem, bom=True),
    },
    "bom": lambda a, leaf: {"certificate": b"\xef\xbb\xbf" + pem_of(leaf) + a.pem},
}

EVERY = [
    pytest.param(kind, certificate, key, id=f"{kind}-{certificate}-{key}")
    for kind in KINDS
    for certificate in CERTIFICATES
    for key in plain_forms(kind)
]
BUNDLES = {
    "p7b.pem of cryptography": p7b_by_cryptography(Encoding.PEM),
    "p7b.der of cryptography": p7b_by_cryptography(Encoding.DER),
    "p7b.pem of openssl": p7b_by_openssl("PEM"),
    "p7b.der of openssl": p7b_by_openssl("DER"),
}


@pytest.mark.parametrize(("kind", "certificate", "key"), EVERY)
def test_vends(vends, authority, kind, certificate, key):
    files = CERTIFICATES[certificate](authority, authority.certificate_of(kind))
    vends(kind, **files, private_key=plain_forms(kind)[key]())


@pytest.mark.parametrize("bundle", BUNDLES)
@pytest.mark.parametrize("kind", KINDS)
def test_vends_with_pkcs7(vends, authority, kind, bundle):
    files = BUNDLES[bundle](authority, authority.certificate_of(kind))
    vends(kind, **files, private_key=source(kind))


@pytest.mark.parametrize(
    "name", ["no final newline", "unwrapped", "wrapped at 76", "trailing spaces"]
)
@pytest.mark.parametrize("kind", ["rsa2048", "p256", "mldsa44"])
def test_vends_with_pem_that_no_standard_knows(vends, authority, kind, name):
    def spoil(text: bytes) -> bytes:
        match name:
            case "no final newline":
                return text.rstrip(b"\n")
            case "trailing spaces":
                return text.replace(b"\n", b" \n")
        width = {"unwrapped": 1 << 20, "wrapped at 76": 76}[name]
        head, *lines, tail = text.splitlines()
        body = b"".join(lines)
        cut = [body[at : at + width] for at in range(0, len(body), width)]
        return b"\n".join([head, *cut, tail, b""])

    leaf = spoil(pem_of(authority.certificate_of(kind)))
    key, others = spoil(source(kind)), spoil(authority.pem)
    vends(kind, certificate=leaf, private_key=key, intermediates=others)


# Certificate and key in one file.


@pytest.mark.parametrize("dressed", [False, True], ids=["bare", "dressed"])
@pytest.mark.parametrize("order", ["key first", "key last", "key between"])
@pytest.mark.parametrize("kind", KINDS)
def test_vends_of_one_file(vends, authority, kind, order, dressed):
    leaf = pem_of(authority.certificate_of(kind))
    # With the older label where there is one.
    label = {"rsa": "RSA PRIVATE KEY", "ec": "EC PRIVATE KEY"}.get(family(kind))
    key = pem(label, traditional(kind)) if label else source(kind)
    together = {
        "key first": key + leaf + authority.pem,
        "key last": leaf + authority.pem + key,
        "key between": leaf + key + authority.pem,
    }[order]
    vends(kind, certificate=dress(together, bom=True) if dressed else together)


@pytest.mark.parametrize("kind", ["rsa2048", "p256", "mldsa65"])
def test_vends_of_one_file_with_an_encrypted_key(vends, authority, kind):
    leaf = pem_of(authority.certificate_of(kind), authority.certificate)
    key = pem("ENCRYPTED PRIVATE KEY", material.pbes2(pkcs8(kind)))
    vends(kind, *WITH_PASSWORD, certificate=leaf + key)


# What programs write.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("with_ca", [False, True], ids=["alone", "with ca.crt"])
def test_vends_with_the_files_of_cert_manager(vends, authority, kind, with_ca):
    # `tls.crt` is leaf and chain, `ca.crt` the root.
    leaf = pem_of(authority.certificate_of(kind), authority.certificate)
    label = {"rsa": "RSA PRIVATE KEY", "ec": "EC PRIVATE KEY"}.get(family(kind))
    key = pem(label, traditional(kind)) if label else source(kind)
    names = {"certificate": "tls.crt", "private_key": "tls.key", "intermediates": "ca.crt"}
    more = {"intermediates": authority.root_pem} if with_ca else {}
    vends(kind, names=names, certificate=leaf, private_key=key, **more)


@pytest.mark.parametrize("kind", ["p256", "p384", "rsa2048", "rsa4096"])
def test_vends_with_the_files_of_spire(vends, authority, kind):
    # `svid.pem` is leaf and intermediates, the leaf names a URI alone, with a short subject.
    subject = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "SPIRE")])
    names = [x509.UniformResourceIdentifier("spiffe://example.com/workload")]
    leaf = authority.issue(material.private(kind).public_key(), subject, names)
    vends(
        kind,
        leaf=leaf,
        names={
            "certificate": "svid.pem",
            "private_key": "svid_key.pem",
            "intermediates": "bundle.pem",
        },
        certificate=pem_of(leaf, authority.certificate),
        private_key=source(kind),
        intermediates=authority.root_pem,
    )


@pytest.mark.parametrize("kind", ["rsa2048", "rsa3072", "rsa4096", "p256", "p384", "p521"])
def test_vends_with_an_export_of_acm(vends, authority, kind):
    # Certificate, CertificateChain and an encrypted PrivateKey: PBES2 whose PRF, HMAC-SHA1, is the
    # default and not written.
    key = pem("ENCRYPTED PRIVATE KEY", material.pbes2(pkcs8(kind), prf="sha1"))
    vends(
        kind,
        *WITH_PASSWORD,
        certificate=pem_of(authority.certificate_of(kind)),
        private_key=key,
        intermediates=pem_of(authority.certificate, authority.root),
    )


# Encrypted keys.


def encrypted_forms(kind: str) -> dict:
    """Returns the encrypted forms of a kind of key, as DER."""
    forms = {"cryptography": lambda: material.encrypted_by_cryptography(kind, Encoding.DER)}
    for prf in PRFS:
        for size in (16, 24, 32):
            name = f"by-hand-{prf}-aes{8 * size}"
            forms[name] = lambda prf=prf, size=size: material.pbes2(pkcs8(kind), prf=prf, size=size)
    forms["by-hand-sha1-said"] = lambda: material.pbes2(
        pkcs8(kind), prf="sha1", omit_default=False
    )
    forms["by-hand-key-length"] = lambda: material.pbes2(pkcs8(kind), say_length=True)
    for size in (16, 24, 32):
        forms[f"by-hand-scrypt-aes{8 * size}"] = lambda size=size: material.pbes2(
            pkcs8(kind), scrypt=True, size=size
        )
    forms["by-hand-scrypt-key-length"] = lambda: material.pbes2(
        pkcs8(kind), scrypt=True, say_length=True
    )
    if family(kind) == "mldsa":
        for form in ("expanded", "both"):
            forms[f"by-hand-{form}"] = lambda form=form: material.pbes2(
                material.mldsa_pkcs8(kind, form)
            )
        return forms
    write = functools.partial(material.encrypted_by_openssl, kind, "-outform", "DER")
    for cipher in OPENSSL_CIPHERS:
        for prf in OPENSSL_PRFS:
            forms[f"openssl-{prf}-{cipher}"] = functools.partial(
                write, "-v2", cipher, "-v2prf", prf
            )
        forms[f"openssl-scrypt-{cipher}"] = functools.partial(write, "-v2", cipher, "-scrypt")
    return forms


ENCRYPTED = [
    pytest.param(kind, name, encoding, id=f"{kind}-{name}-{encoding}")
    for kind in KINDS
    for name in encrypted_forms(kind)
    # How the outermost layer is written has nothing to do with what is inside.
    for encoding in (("pem", "der") if kind in ("rsa2048", "p256", "mldsa44") else ("pem",))
]


@pytest.mark.parametrize(("kind", "name", "encoding"), ENCRYPTED)
def test_vends_with_an_encrypted_key(vends, authority, kind, name, encoding):
    key = encrypted_forms(kind)[name]()
    vends(
        kind,
        *WITH_PASSWORD,
        certificate=pem_of(authority.certificate_of(kind)),
        private_key=pem("ENCRYPTED PRIVATE KEY", key) if encoding == "pem" else key,
        intermediates=authority.pem,
    )


@pytest.mark.parametrize("password", ["pässwörd", "密码", "with spaces ", "€" * 40, "x" * 200])
@pytest.mark.parametrize("scrypt", [False, True], ids=["pbkdf2", "scrypt"])
def test_vends_with_a_password_of_any_text(vends, authority, password, scrypt):
    vends(
        "p256",
        *("--pkcs8-password", password),
        certificate=pem_of(authority.certificate_of("p256"), authority.certificate),
        private_key=material.pbes2(pkcs8("p256"), password, scrypt=scrypt),
    )


@pytest.mark.parametrize(
    "name", ["legacy aes", "legacy 3des", "pbes1 md5", "pbes1 sha1", "pkcs12 3des"]
)
@pytest.mark.parametrize("kind", ["rsa2048", "p256"])
def test_works_or_names_the_command_with_an_old_encryption(
    vends, authority, emulator, tool, tmp_path, kind, name
):
    command = "rsa" if family(kind) == "rsa" else "ec"
    old = [command, *(["-traditional"] if command == "rsa" else [])]
    write = {
        "legacy aes": [*old, "-aes128"],
        "legacy 3des": [*old, "-des3"],
        "pbes1 md5": ["pkcs8", "-topk8", "-v1", "PBE-MD5-DES", *LEGACY],
        "pbes1 sha1": ["pkcs8", "-topk8", "-v1", "PBE-SHA1-DES", *LEGACY],
        "pkcs12 3des": ["pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES"],
    }[name]
    certificate, key = tmp_path / "a.pem", tmp_path / "FILE"
    certificate.write_bytes(pem_of(authority.certificate_of(kind), authority.certificate))
    key.write_bytes(openssl(*write, "-passout", f"pass:{PASSWORD}", stdin=source(kind)))
    files = ["--certificate", certificate, "--private-key", key]
    done = tool("credential-process", *map(str, files), *WITH_PASSWORD)
    if done.returncode == 0:
        assert done.stderr == b""
        return
    assert (done.returncode, done.stdout, emulator.requests()) == (3, b"", [])
    assert f"`{key}`".encode() in done.stderr
    key = do_what_is_hinted(done.stderr, tmp_path)
    vends(kind, *WITH_PASSWORD, certificate=certificate.read_bytes(), private_key=key)


def do_what_is_hinted(stderr: bytes, folder: Path) -> bytes:
    """Converts FILE as the tool says, with the passwords that openssl would ask for."""
    (hint,) = re.findall(rb"`(\(umask 077; openssl [^`]*)\)`", stderr)
    line = f"{hint.decode()} -passin pass:{PASSWORD} -passout pass:{PASSWORD})"
    assert subprocess.run(["sh", "-c", line], cwd=folder, check=False).returncode == 0
    converted = folder / "FILE.pem"
    assert converted.stat().st_mode & 0o077 == 0
    return converted.read_bytes()


# DES and RC2 live in a provider that is not loaded by itself.
LEGACY = ["-provider", "legacy", "-provider", "default"]


# PKCS#12.


def by_cryptography(kind, leaf, chain, scheme):
    key = material.private(kind)
    return pkcs12.serialize_key_and_certificates(b"a name", key, leaf, chain, scheme)


def scheme(pbe, mac, password=PASSWORD):
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(2048)
    return builder.key_cert_algorithm(pbe).hmac_hash(mac).build(password.encode())


def with_password(*options):
    return lambda kind, leaf, chain: material.pkcs12_by_openssl(
        kind, leaf, chain, *options, "-passout", f"pass:{PASSWORD}"
    )


def without_password(*options):
    return lambda kind, leaf, chain: material.pkcs12_by_openssl(
        kind, leaf, chain, *options, "-passout", "pass:"
    )


SHROUDED = {
    "openssl new": with_password(),
    "openssl old": with_password("-legacy"),
    "openssl 3des": with_password(
        *("-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1")
    ),
    "openssl rc2-40": with_password(
        *("-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-RC2-40", "-macalg", "sha1", *LEGACY)
    ),
    "openssl rc2-40 key too": with_password(
        *("-keypbe", "PBE-SHA1-RC2-40", "-certpbe", "PBE-SHA1-RC2-40", *LEGACY)
    ),
    "openssl aes-128": with_password("-keypbe", "AES-128-CBC", "-certpbe", "AES-128-CBC"),
    "openssl aes-192": with_password("-keypbe", "AES-192-CBC", "-certpbe", "AES-192-CBC"),
    "openssl aes-256 sha384": with_password("-macalg", "sha384"),
    "openssl aes-256 sha512": with_password("-macalg", "sha512"),
    "openssl certificates open": with_password("-certpbe", "NONE"),
    "openssl key open": with_password("-keypbe", "NONE"),
    "openssl no iterations": with_password("-noiter", "-nomaciter"),
    "openssl no mac": with_password("-nomac"),
    "cryptography best": lambda kind, leaf, chain: by_cryptography(
        kind, leaf, chain, BestAvailableEncryption(PASSWORD.encode())
    ),
    "cryptography aes sha256": lambda kind, leaf, chain: by_cryptography(
        kind, leaf, chain, scheme(pkcs12.PBES.PBESv2SHA256AndAES256CBC, hashes.SHA256())
    ),
    "cryptography aes sha512": lambda kind, leaf, chain: by_cryptography(
        kind, leaf, chain, scheme(pkcs12.PBES.PBESv2SHA256AndAES256CBC, hashes.SHA512())
    ),
    "cryptography 3des sha1": lambda kind, leaf, chain: by_cryptography(
        kind, leaf, chain, scheme(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC, hashes.SHA1())
    ),
}
OPEN = {
    "openssl new": without_password(),
    "openssl old": without_password("-legacy"),
    "openssl nothing hidden": without_password("-keypbe", "NONE", "-certpbe", "NONE"),
    "openssl nothing hidden, no mac": without_password(
        "-keypbe", "NONE", "-certpbe", "NONE", "-nomac"
    ),
    "openssl no mac": without_password("-nomac"),
    "cryptography": lambda kind, leaf, chain: by_cryptography(kind, leaf, chain, NoEncryption()),
}
# `openssl pkcs12` of 3.0 knows no ML-DSA.
KINDS_OF_P12 = [*RSA, *CURVES]


@pytest.mark.parametrize("chain", ["inside", "outside"])
@pytest.mark.parametrize("name", SHROUDED)
@pytest.mark.parametrize("kind", KINDS_OF_P12)
def test_vends_with_pkcs12(vends, authority, kind, name, chain):
    vends_with_pkcs12(vends, authority, kind, SHROUDED[name], chain, WITH_PASSWORD)


@pytest.mark.parametrize("chain", ["inside", "outside"])
@pytest.mark.parametrize("name", OPEN)
@pytest.mark.parametrize("kind", KINDS_OF_P12)
def test_vends_with_pkcs12_without_a_password(vends, authority, kind, name, chain):
    vends_with_pkcs12(vends, authority, kind, OPEN[name], chain, ())


@pytest.mark.parametrize("form", ["seed", "expanded", "both"])
@pytest.mark.parametrize("hidden", [False, True], ids=["open", "shrouded"])
@pytest.mark.parametrize("kind", MLDSA)
def test_vends_with_pkcs12_of_ml_dsa(vends, authority, kind, hidden, form):
    # Neither openssl 3.0 nor `cryptography` writes one, so it is spelled out.
    chain = [authority.certificate_of(kind), authority.certificate]
    key = material.mldsa_pkcs8(kind, form)
    made = material.pkcs12_by_hand(key, chain, PASSWORD if hidden else None)
    vends(kind, *(WITH_PASSWORD if hidden else ()), certificate=made)


def vends_with_pkcs12(vends, authority, kind, make, chain, flags):
    leaf = authority.certificate_of(kind)
    if chain == "inside":
        vends(kind, *flags, certificate=make(kind, leaf, [authority.certificate, authority.root]))
    else:
        made = make(kind, leaf, [])
        vends(kind, *flags, certificate=made, intermediates=authority.pem)


def test_vends_with_pkcs12_as_key_and_certificate_beside_it(vends, authority):
    leaf = authority.certificate_of("p256")
    made = SHROUDED["openssl new"]("p256", leaf, [])
    certificate = pem_of(leaf, authority.certificate)
    vends("p256", *WITH_PASSWORD, certificate=certificate, private_key=made)


@pytest.mark.parametrize("password", ["pässwörd", "密码", "x" * 200])
@pytest.mark.parametrize("old", [False, True], ids=["new", "old"])
def test_vends_with_pkcs12_and_a_password_of_any_text(vends, authority, password, old):
    new_scheme = (pkcs12.PBES.PBESv2SHA256AndAES256CBC, hashes.SHA256())
    old_scheme = (pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC, hashes.SHA1())
    hidden = scheme(*(old_scheme if old else new_scheme), password)
    leaf = authority.certificate_of("p256")
    made = by_cryptography("p256", leaf, [authority.certificate], hidden)
    vends("p256", "--pkcs8-password", password, certificate=made)


def test_vends_with_pkcs12_and_a_password_with_an_emoji(vends, authority):
    hidden = scheme(pkcs12.PBES.PBESv2SHA256AndAES256CBC, hashes.SHA256(), "a😀b")
    leaf = authority.certificate_of("p256")
    made = by_cryptography("p256", leaf, [authority.certificate], hidden)
    vends("p256", "--pkcs8-password", "a😀b", certificate=made)


def test_works_or_names_the_command_with_rc2_128(vends, authority, tool, tmp_path):
    options = ["-keypbe", "PBE-SHA1-RC2-128", "-certpbe", "PBE-SHA1-RC2-128", *LEGACY]
    leaf = authority.certificate_of("p256")
    path = tmp_path / "FILE"
    path.write_bytes(with_password(*options)("p256", leaf, [authority.certificate]))
    done = tool("credential-process", "--certificate", str(path), *WITH_PASSWORD)
    if done.returncode == 0:
        assert done.stderr == b""
        return
    assert (done.returncode, done.stdout) == (3, b"")
    assert f"`{path}`".encode() in done.stderr
    vends("p256", *WITH_PASSWORD, certificate=do_what_is_hinted(done.stderr, tmp_path))
