"""Certificates and keys in every form that people have, made at test time.

Keys come from Python's `cryptography`; the forms are written by it, by the openssl command, and by
hand where neither writes them. What `cryptography` does not know (an expanded ML-DSA key, a key
without its public part) is spelled out here from the standards.
"""

import base64
import datetime
import functools
import hashlib
import hmac
import os
import subprocess
import tempfile
import textwrap
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from expanded import expand
from keys import RSA_8192

PASSWORD = "hunter2"

RSA = ["rsa2048", "rsa3072", "rsa4096", "rsa8192"]
CURVES = {"p256": ec.SECP256R1, "p384": ec.SECP384R1, "p521": ec.SECP521R1}
MLDSA = {
    "mldsa44": mldsa.MLDSA44PrivateKey,
    "mldsa65": mldsa.MLDSA65PrivateKey,
    "mldsa87": mldsa.MLDSA87PrivateKey,
}
KINDS = [*RSA, *CURVES, *MLDSA]

OIDS = {
    "p256": "1.2.840.10045.3.1.7",
    "p384": "1.3.132.0.34",
    "p521": "1.3.132.0.35",
    "mldsa44": "2.16.840.1.101.3.4.3.17",
    "mldsa65": "2.16.840.1.101.3.4.3.18",
    "mldsa87": "2.16.840.1.101.3.4.3.19",
}


def family(kind: str) -> str:
    """Returns `rsa`, `ec` or `mldsa`."""
    return "ec" if kind in CURVES else kind.rstrip("0123456789")


def openssl(*arguments: object, stdin: bytes = b"") -> bytes:
    """Runs openssl on bytes and returns the bytes that it prints."""
    command = ["openssl", *(str(argument) for argument in arguments)]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr.decode()}"
    return done.stdout


# DER and PEM by hand.


def der(tag: int, *parts: bytes) -> bytes:
    """Returns one value of DER."""
    contents = b"".join(parts)
    length = len(contents)
    if length < 0x80:
        return bytes([tag, length]) + contents
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + contents


def sequence(*parts: bytes) -> bytes:
    return der(0x30, *parts)


def octets(value: bytes) -> bytes:
    return der(0x04, value)


def integer(value: int) -> bytes:
    return der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def oid(dotted: str) -> bytes:
    first, second, *rest = (int(number) for number in dotted.split("."))
    body = bytearray()
    for number in [first * 40 + second, *rest]:
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(0x80 | number & 0x7F)
        body += bytes(reversed(groups))
    return der(0x06, bytes(body))


NULL = der(0x05)


def pem(label: str, contents: bytes) -> bytes:
    lines = "\n".join(textwrap.wrap(base64.b64encode(contents).decode(), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n".encode()


def headings(text: bytes) -> list[str]:
    """Returns the labels of the blocks in a file."""
    begin = b"-----BEGIN "
    lines = [line for line in text.splitlines() if line.startswith(begin)]
    return [line[len(begin) : -5].decode() for line in lines]


# Keys.


@functools.cache
def private(kind: str):
    """Returns the key of a kind, the same for all of a run."""
    if kind in CURVES:
        return ec.generate_private_key(CURVES[kind]())
    if kind in MLDSA:
        return MLDSA[kind].generate()
    if kind == "rsa8192":
        # The committed one; making another takes half a minute.
        text = RSA_8192.read_bytes()
        return load_pem_private_key(text, None, unsafe_skip_rsa_key_validation=True)
    return rsa.generate_private_key(65537, int(kind.removeprefix("rsa")))


@functools.cache
def pkcs8(kind: str) -> bytes:
    """Returns `PrivateKeyInfo` as `cryptography` writes it; of ML-DSA, the seed."""
    return private(kind).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


@functools.cache
def traditional(kind: str) -> bytes:
    """Returns `RSAPrivateKey` or `ECPrivateKey`."""
    form = PrivateFormat.TraditionalOpenSSL
    return private(kind).private_bytes(Encoding.DER, form, NoEncryption())


def scalar(kind: str) -> bytes:
    key = private(kind)
    return key.private_numbers().private_value.to_bytes((key.key_size + 7) // 8, "big")


def point(kind: str) -> bytes:
    form = PublicFormat.UncompressedPoint
    return private(kind).public_key().public_bytes(Encoding.X962, form)


def sec1_by_hand(kind: str, *, curve: bool = True, public: bool = True) -> bytes:
    """Returns `ECPrivateKey` with or without its optional members (RFC 5915)."""
    members = [integer(1), octets(scalar(kind))]
    if curve:
        members.append(der(0xA0, oid(OIDS[kind])))
    if public:
        members.append(der(0xA1, der(0x03, b"\0" + point(kind))))
    return sequence(*members)


def ec_pkcs8_by_hand(kind: str, *, inner: bytes, version: int = 0, tail: bytes = b"") -> bytes:
    algorithm = sequence(oid("1.2.840.10045.2.1"), oid(OIDS[kind]))
    return sequence(integer(version), algorithm, octets(inner), tail)


def ec_without_public(kind: str) -> bytes:
    return ec_pkcs8_by_hand(kind, inner=sec1_by_hand(kind, curve=False, public=False))


def ec_version_2(kind: str) -> bytes:
    """Returns `OneAsymmetricKey` (RFC 5958), with the public key outside."""
    tail = der(0x81, b"\0" + point(kind))
    inner = sec1_by_hand(kind, curve=False, public=False)
    return ec_pkcs8_by_hand(kind, inner=inner, version=1, tail=tail)


@functools.cache
def expanded_key(kind: str) -> bytes:
    """Returns the private key of FIPS 204, and proves it by the public one of `cryptography`."""
    key = private(kind)
    public, secret = expand(kind, key.private_bytes_raw())
    assert public == key.public_key().public_bytes_raw()
    return secret


def mldsa_pkcs8(kind: str, form: str) -> bytes:
    """Returns `PrivateKeyInfo` with one of the three forms of RFC 9881."""
    seed = private(kind).private_bytes_raw()
    inner = {
        "seed": lambda: der(0x80, seed),
        "expanded": lambda: octets(expanded_key(kind)),
        "both": lambda: sequence(octets(seed), octets(expanded_key(kind))),
    }[form]()
    return sequence(integer(0), sequence(oid(OIDS[kind])), octets(inner))


# Encrypted keys.

PRFS = {
    "sha1": (hashes.SHA1, "1.2.840.113549.2.7"),
    "sha224": (hashes.SHA224, "1.2.840.113549.2.8"),
    "sha256": (hashes.SHA256, "1.2.840.113549.2.9"),
    "sha384": (hashes.SHA384, "1.2.840.113549.2.10"),
    "sha512": (hashes.SHA512, "1.2.840.113549.2.11"),
}
AES_CBC = {
    16: "2.16.840.1.101.3.4.1.2",
    24: "2.16.840.1.101.3.4.1.22",
    32: "2.16.840.1.101.3.4.1.42",
}
OPENSSL_CIPHERS = ["aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "des3"]
OPENSSL_PRFS = [f"hmacWithSHA{size}" for size in (1, 224, 256, 384, 512)]


def pbes2(
    contents: bytes,
    password: str = PASSWORD,
    *,
    prf: str = "sha256",
    size: int = 32,
    say_length: bool = False,
    scrypt: bool = False,
    omit_default: bool = True,
    salt: int = 16,
) -> bytes:
    """Returns `EncryptedPrivateKeyInfo` by hand: PBES2, AES-CBC, and PBKDF2 or scrypt."""
    salt, vector = os.urandom(salt), os.urandom(16)
    length = [integer(size)] if say_length else []
    if scrypt:
        secret = Scrypt(salt, size, n=1 << 14, r=8, p=1).derive(password.encode())
        numbers = [integer(1 << 14), integer(8), integer(1)]
        kdf = sequence(
            oid("1.3.6.1.4.1.11591.4.11"), sequence(octets(salt), *numbers, *length)
        )
    else:
        digest, dotted = PRFS[prf]
        secret = PBKDF2HMAC(digest(), size, salt, 2048).derive(password.encode())
        # HMAC-SHA1 is the default, and a default is not written in DER.
        absent = prf == "sha1" and omit_default
        function = [] if absent else [sequence(oid(dotted), NULL)]
        parameters = sequence(octets(salt), integer(2048), *length, *function)
        kdf = sequence(oid("1.2.840.113549.1.5.12"), parameters)
    cipher = sequence(oid(AES_CBC[size]), octets(vector))
    padder = PKCS7(128).padder()
    padded = padder.update(contents) + padder.finalize()
    encryptor = Cipher(algorithms.AES(secret), modes.CBC(vector)).encryptor()
    hidden = encryptor.update(padded) + encryptor.finalize()
    return sequence(sequence(oid("1.2.840.113549.1.5.13"), sequence(kdf, cipher)), octets(hidden))


def encrypted_by_cryptography(kind: str, encoding: Encoding, password: str = PASSWORD) -> bytes:
    scheme = BestAvailableEncryption(password.encode())
    return private(kind).private_bytes(encoding, PrivateFormat.PKCS8, scheme)


def encrypted_by_openssl(kind: str, *options: str) -> bytes:
    source = pem("PRIVATE KEY", pkcs8(kind))
    return openssl("pkcs8", "-topk8", "-passout", f"pass:{PASSWORD}", *options, stdin=source)


# Certificates.


def subject_of(kind: str) -> x509.Name:
    attributes = [(NameOID.COUNTRY_NAME, "US"), (NameOID.ORGANIZATION_NAME, "Example")]
    attributes.append((NameOID.COMMON_NAME, kind))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


class Authority:
    """The emulator's intermediate CA, as `cryptography` uses it."""

    def __init__(self, directory: Path):
        self.pem = (directory / "anchor/intermediate.pem").read_bytes()
        self.root_pem = (directory / "anchor/root.pem").read_bytes()
        self.certificate = x509.load_pem_x509_certificate(self.pem)
        self.root = x509.load_pem_x509_certificate(self.root_pem)
        key = (directory / "anchor/intermediate.key.pem").read_bytes()
        self.key = load_pem_private_key(key, None)
        self._issued: dict[str, x509.Certificate] = {}

    def certificate_of(self, kind: str) -> x509.Certificate:
        """Returns the certificate of a kind's key, the same for all of a run."""
        if kind not in self._issued:
            self._issued[kind] = self.issue(private(kind).public_key(), subject_of(kind))
        return self._issued[kind]

    def issue(
        self,
        public_key,
        subject: x509.Name,
        names: list[x509.GeneralName] | None = None,
        serial: int | None = None,
    ) -> x509.Certificate:
        """Issues a certificate for a client."""
        now = datetime.datetime.now(datetime.UTC)
        usage = dict.fromkeys(
            ["content_commitment", "key_encipherment", "data_encipherment", "key_agreement"]
            + ["key_cert_sign", "crl_sign", "encipher_only", "decipher_only"],
            False,
        )
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.certificate.subject)
            .public_key(public_key)
            .serial_number(serial or x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(digital_signature=True, **usage), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
        return builder.sign(self.key, hashes.SHA256())


_authorities: dict[Path, Authority] = {}


def authority(directory: Path) -> Authority:
    """Returns the CA of an emulator."""
    if directory not in _authorities:
        _authorities[directory] = Authority(directory)
    return _authorities[directory]


def pem_of(*certificates: x509.Certificate) -> bytes:
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def der_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def pkcs12_by_openssl(
    kind: str, leaf: x509.Certificate, chain: list[x509.Certificate], *options: str
) -> bytes:
    """Returns a PKCS#12 file; the password among the options."""
    with tempfile.TemporaryDirectory() as folder:
        together, others = Path(folder) / "leaf.pem", Path(folder) / "chain.pem"
        together.write_bytes(pem("PRIVATE KEY", pkcs8(kind)) + pem_of(leaf))
        others.write_bytes(pem_of(*chain))
        more = ["-certfile", others] if chain else []
        return openssl("pkcs12", "-export", "-in", together, *more, *options)


def pkcs12_by_hand(
    key: bytes,
    chain: list[x509.Certificate],
    password: str | None,
    pbmac1: tuple[str, str] | None = None,
) -> bytes:
    """Returns a PKCS#12 file (RFC 7292) of a PKCS#8 key: PBES2 and a MAC, or nothing hidden.

    The MAC is PBMAC1 (RFC 9579) if the hashes of its derivation and of itself are given.
    """
    data, bags = "1.2.840.113549.1.7.1", "1.2.840.113549.1.12.10.1"

    def explicit(contents: bytes) -> bytes:
        return der(0xA0, contents)

    kind, shrouded = ("2", pbes2(key, password)) if password else ("1", key)
    keys = sequence(sequence(oid(f"{bags}.{kind}"), explicit(shrouded)))
    certificates = [
        sequence(oid("1.2.840.113549.1.9.22.1"), explicit(octets(der_of(certificate))))
        for certificate in chain
    ]
    others = sequence(*(sequence(oid(f"{bags}.3"), explicit(one)) for one in certificates))
    contents = [sequence(oid(data), explicit(octets(safe))) for safe in (keys, others)]
    safe = sequence(*contents)
    members = [integer(3), sequence(oid(data), explicit(octets(safe)))]
    if password and pbmac1:
        members.append(pbmac1_by_hand(safe, password, *pbmac1))
    elif password:
        salt = os.urandom(8)
        secret = pkcs12_mac_key(password, salt, 2048)
        mac = hmac.digest(secret, safe, "sha256")
        algorithm = sequence(oid("2.16.840.1.101.3.4.2.1"), NULL)
        members.append(sequence(sequence(algorithm, octets(mac)), octets(salt), integer(2048)))
    return sequence(*members)


def pbmac1_by_hand(message: bytes, password: str, prf: str, mac: str) -> bytes:
    """Returns `MacData` whose salt and iterations are not those that count."""
    salt, size = os.urandom(16), hashlib.new(mac).digest_size
    secret = hashlib.pbkdf2_hmac(prf, password.encode(), salt, 2048, size)
    function, scheme = (sequence(oid(PRFS[name][1]), NULL) for name in (prf, mac))
    parameters = sequence(octets(salt), integer(2048), integer(size), function)
    kdf = sequence(oid("1.2.840.113549.1.5.12"), parameters)
    algorithm = sequence(oid("1.2.840.113549.1.5.14"), sequence(kdf, scheme))
    digest = hmac.digest(secret, message, mac)
    return sequence(sequence(algorithm, octets(digest)), octets(b"NOT USED"), integer(1))


def pkcs12_mac_key(password: str, salt: bytes, rounds: int) -> bytes:
    """Returns the key of a MAC by SHA-256 (RFC 7292, appendix B.2, one block of it)."""

    def fill(text: bytes) -> bytes:
        size = -(-len(text) // 64) * 64
        return (text * size)[:size]

    secret = password.encode("utf-16-be") + b"\0\0"
    digest = b"\3" * 64 + fill(salt) + fill(secret)
    for _ in range(rounds):
        digest = hashlib.sha256(digest).digest()
    return digest
