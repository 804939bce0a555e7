"""Keys and certificates made by the openssl command, issued by the emulator's intermediate CA."""

import functools
import itertools
import subprocess
from pathlib import Path

from emulator import REPOSITORY, Emulator, Identity

CURVES = {"p256": "prime256v1", "p384": "secp384r1", "p521": "secp521r1"}

# The committed one; making another takes half a minute.
RSA_8192 = REPOSITORY / "certs/leaf/rsa8192.key.pem"

_numbers = itertools.count(1)


@functools.cache
def rsa_key(bits: str) -> str:
    """Returns a key of so many bits, the same for all of a run: the large ones are slow to make."""
    if bits == "8192" and RSA_8192.exists():
        return RSA_8192.read_text()
    return openssl("genrsa", bits)


def openssl(*arguments: object) -> str:
    """Runs openssl and returns what it prints."""
    command = ["openssl", *(str(argument) for argument in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
    return done.stdout


def new_key(directory: Path, kind: str, form: str = "pkcs8") -> Path:
    """Makes a key: `rsa3072`, `p256` …; PKCS#8, or the older `pkcs1` and `sec1`.

    `sec1-parameters` is what `openssl ecparam -genkey` prints: EC PARAMETERS, then the key.
    """
    path = directory / f"{kind}.{form}.{next(_numbers)}.key.pem"
    made = path.with_suffix(".made")
    if kind in CURVES:
        made.write_text(openssl("ecparam", "-genkey", "-name", CURVES[kind]))
    else:
        made.write_text(rsa_key(kind.removeprefix("rsa")))
    match form:
        case "sec1-parameters":
            made.rename(path)
        case "sec1":
            openssl("ec", "-in", made, "-out", path)
        case "pkcs1":
            openssl("rsa", "-traditional", "-in", made, "-out", path)
        case "pkcs8":
            openssl("pkcs8", "-topk8", "-nocrypt", "-in", made, "-out", path)
    return path


def issue(emulator: Emulator, key: Path, serial: int | None = None) -> Identity:
    """Has the emulator's intermediate CA issue a certificate for a key."""
    anchor = emulator.directory / "anchor"
    request, certificate = key.with_suffix(".csr"), key.with_suffix(f".{next(_numbers)}.crt")
    extensions = key.with_suffix(".ext")
    extensions.write_text(
        "basicConstraints = CA:FALSE\n"
        "keyUsage = critical, digitalSignature\n"
        "extendedKeyUsage = clientAuth\n"
    )
    subject = f"/C=US/O=Example/CN={key.name.split('.')[0]}"
    openssl("req", "-new", "-sha256", "-key", key, "-subj", subject, "-out", request)
    authority = ["-CA", anchor / "intermediate.pem", "-CAkey", anchor / "intermediate.key.pem"]
    number = ["-set_serial", serial or 0x1000 + next(_numbers)]
    openssl(
        *("x509", "-req", "-sha256", "-days", 30, "-in", request, "-extfile", extensions),
        *(*authority, *number, "-out", certificate),
    )
    return Identity(certificate, key, anchor / "intermediate.pem")
