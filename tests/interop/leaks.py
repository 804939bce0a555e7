"""What no run of the tool may print: a part of the secret half of a key, or a password.

`watch` has every process that runs the tool searched, however a test starts it: its standard error,
and its standard output if it failed. Keys are those in the files and variables that it was given.
"""

import base64
import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from emulator import TOOL

# So many characters of base64 or hexadecimal digits are a part of a key, and no accident.
LENGTH = 14
# Larger files are no keys.
LARGEST = 64 * 1024
URL_SAFE = bytes.maketrans(b"-_", b"+/")

_passwords = {b"hunter2"}
_parts: set[bytes] = set()
_learnt: set[object] = set()


class Leak(AssertionError):
    """A secret was printed."""


def learn(data: bytes) -> None:
    """Takes the keys of a file that are not encrypted."""
    if data in _learnt:
        return
    _learnt.add(data)
    for secret in secrets_of(data):
        encodings = [base64.b64encode(secret[offset:]).rstrip(b"=") for offset in range(3)]
        for text in [*encodings, secret.hex().encode()]:
            _parts.update(text[at : at + LENGTH] for at in range(len(text) - LENGTH + 1))


def learn_file(path: str | bytes | Path) -> None:
    """Takes the keys of a regular file, if there is one; an unchanged one is read once."""
    try:
        state = os.stat(path)
        is_new = (path, state.st_mtime_ns, state.st_size) not in _learnt
        if os.path.isfile(path) and state.st_size <= LARGEST and is_new:
            _learnt.add((path, state.st_mtime_ns, state.st_size))
            learn(Path(os.fsdecode(path)).read_bytes())
    except (OSError, ValueError):
        # No path, or gone again.
        return


def check(text: bytes | str | None) -> None:
    """Raises `Leak` if there is a secret in the text."""
    text = text.encode(errors="surrogateescape") if isinstance(text, str) else text or b""
    for form in (text.lower(), text.translate(URL_SAFE)):
        for at in range(len(form) - LENGTH + 1):
            if form[at : at + LENGTH] in _parts:
                raise Leak(f"a part of a key is in {text!r}")
    for password in _passwords:
        if password in text:
            raise Leak(f"a password is in {text!r}")


def watch() -> None:
    """Searches what every process with the tool in its command says, once it has ended."""
    communicate = subprocess.Popen.communicate

    def searched(process, *arguments, **options):
        out, err = communicate(process, *arguments, **options)
        command = [os.fsencode(word) for word in _words(process.args)]
        if os.fsencode(TOOL) in command:
            _learn_command(command)
            check(err)
            check(out if process.returncode else None)
        return out, err

    subprocess.Popen.communicate = searched


def _words(command: object) -> list:
    return [command] if isinstance(command, (str, bytes, os.PathLike)) else list(command)


def _learn_command(command: list[bytes]) -> None:
    """Takes the keys and the password that the command line and the environment name."""
    for word in command:
        learn_file(word)
        learn_file(word.partition(b"=")[2])
    for flag, value in zip(command, command[1:], strict=False):
        # A word as `wrong` is in our own texts too.
        if flag == b"--pkcs8-password" and not (value.isalpha() or len(value) < 6):
            _passwords.add(value)
    for value in os.environb.values():
        learn_file(value)
        if b"-----BEGIN " in value:
            learn(value)


def secrets_of(data: bytes) -> Iterator[bytes]:
    """Yields the secret numbers and octets of the keys in PEM or DER."""
    blocks = data.split(b"-----BEGIN ")[1:]
    found: list[bytes] = []
    for block in blocks:
        body = b"".join(block.partition(b"-----")[2].partition(b"-----END")[0].split())
        try:
            _search(base64.b64decode(body + b"=" * (-len(body) % 4), validate=True), found)
        except ValueError:
            # It has headers, or a test damaged it.
            continue
    if not blocks:
        _search(data, found)
    yield from (secret for secret in found if len(secret) >= 16)


def _search(der: bytes, found: list[bytes]) -> None:
    for tag, contents in _elements(der):
        match (tag, list(_elements(contents))):
            # PKCS#1: version, n, e, d, p, q, dP, dQ, qInv.
            case (0x30, [(2, b"\0"), (2, _), (2, _), *numbers]) if len(numbers) >= 6:
                found.extend(number for _, number in numbers)
            # SEC1: version, scalar.
            case (0x30, [(2, b"\1"), (4, scalar), *_]):
                found.append(scalar)
            # PKCS#8: version, algorithm, key; of ML-DSA the seed, the expanded key or both.
            case (0x30, [(2, b"\0" | b"\1"), (0x30, _), (4, key), *_]):
                match list(_elements(key)):
                    case [(0x80, seed)]:
                        found.append(seed)
                    case [(4, expanded)]:
                        found.append(expanded[32:] if len(expanded) > 1000 else expanded)
                    case [(0x30, both)] if [tag for tag, _ in _elements(both)] == [4, 4]:
                        seed, expanded = (octets for _, octets in _elements(both))
                        # It begins with 32 octets of the public key.
                        found.extend([seed, expanded[32:]])
                    case [(0x30, _)]:
                        _search(key, found)
                    case _:
                        found.append(key)
            case (0x30 | 0x31 | 0xA0 | 4, _):
                _search(contents, found)


def _elements(der: bytes) -> Iterable[tuple[int, bytes]]:
    """Yields the elements of DER in a row, as far as they are whole."""
    while len(der) >= 2:
        tag, length, start = der[0], der[1], 2
        if length > 0x80:
            start = 2 + (length & 0x7F)
            length = int.from_bytes(der[2:start])
        if der[1] == 0x80 or start > 4 or start + length > len(der):
            return
        yield tag, der[start : start + length]
        der = der[start + length :]
