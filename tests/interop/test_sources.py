"""Where certificates, keys and passwords come from: files, streams, descriptors, variables."""

import json
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import material
import pytest
from emulator import TOOL
from material import PASSWORD, authority, pem, pem_of, pkcs8, run

PARTS = ["certificate", "private-key", "intermediates"]


@pytest.fixture
def identity(emulator, monkeypatch, tmp_path):
    """The contents of the three files by the name of their flag; none is in the environment."""
    for part in PARTS:
        monkeypatch.delenv(variable(part))
    ca = authority(emulator.directory)
    return {
        "certificate": pem_of(ca.certificate_of("p256")),
        "private-key": pem("PRIVATE KEY", pkcs8("p256")),
        "intermediates": ca.pem,
    }


@pytest.fixture
def files(identity, tmp_path):
    """The same as files that their owner alone reads."""
    paths = {}
    for part, contents in identity.items():
        paths[part] = tmp_path / f"{part}.pem"
        paths[part].write_bytes(contents)
        paths[part].chmod(0o600)
    return paths


@pytest.fixture
def encrypted(files):
    """The same with an encrypted key."""
    key = pem("ENCRYPTED PRIVATE KEY", material.pbes2(pkcs8("p256")))
    files["private-key"].write_bytes(key)
    return files


def variable(part: str) -> str:
    return f"ROLES_ANYWHERE_{part.upper().replace('-', '_')}"


def flags(sources: dict) -> list[str]:
    return [word for part, source in sources.items() for word in (f"--{part}", str(source))]


def vends(sources: dict, *more: str, **options) -> None:
    done = run("credential-process", *flags(sources), *more, **options)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["AccessKeyId"].startswith("ASIA")


def refusal(code: int, sources: dict, *more: str, **options) -> str:
    """Returns what the tool says; it says it on standard error alone, and at once."""
    begin = time.monotonic()
    done = run("credential-process", *flags(sources), *more, **options)
    assert (done.returncode, done.stdout) == (code, b"")
    assert time.monotonic() - begin < 5
    assert done.stderr.startswith(b"error: ")
    return done.stderr.decode()


class Pipe:
    """The reading end of a pipe that a thread writes bytes to, a few at a time."""

    def __init__(self, contents: bytes, step: int = 1 << 12):
        self.fd, self._write = os.pipe()
        threading.Thread(target=self._feed, args=(contents, step), daemon=True).start()

    def _feed(self, contents: bytes, step: int) -> None:
        try:
            for at in range(0, len(contents), step):
                os.write(self._write, contents[at : at + step])
        except BrokenPipeError:
            pass
        os.close(self._write)

    def __enter__(self) -> int:
        return self.fd

    def __exit__(self, *_exception) -> None:
        os.close(self.fd)


# One part from elsewhere, the others from files.


@pytest.mark.parametrize("part", PARTS)
def test_standard_input_as_a_pipe(identity, files, part):
    vends({**files, part: "-"}, input=identity[part])


@pytest.mark.parametrize("part", PARTS)
def test_standard_input_as_a_file(files, part):
    with files[part].open("rb") as file:
        vends({**files, part: "-"}, stdin=file)


@pytest.mark.parametrize("part", PARTS)
def test_standard_input_written_slowly(identity, files, part):
    with Pipe(identity[part], step=50) as fd:
        vends({**files, part: "-"}, stdin=fd)


@pytest.mark.parametrize("part", PARTS)
def test_descriptor_of_a_pipe(identity, files, part):
    with Pipe(identity[part]) as fd:
        vends({**files, part: f"fd:{fd}"}, pass_fds=[fd])


@pytest.mark.parametrize("part", PARTS)
def test_descriptor_of_a_file(files, part):
    with files[part].open("rb") as file:
        vends({**files, part: f"fd:{file.fileno()}"}, pass_fds=[file.fileno()])


@pytest.mark.parametrize("part", PARTS)
def test_descriptor_of_an_unlinked_file(files, part):
    # A file in memory or one that is gone again: what a supervisor hands over.
    with files[part].open("rb") as file:
        files[part].unlink()
        vends({**files, part: f"fd:{file.fileno()}"}, pass_fds=[file.fileno()])


@pytest.mark.parametrize("part", PARTS)
def test_variable(identity, files, part, monkeypatch):
    monkeypatch.setenv("MATERIAL", identity[part].decode())
    vends({**files, part: "env:MATERIAL"})


@pytest.mark.parametrize("part", PARTS)
def test_a_source_named_by_a_variable(identity, files, part, monkeypatch):
    # ROLES_ANYWHERE_CERTIFICATE=env:MATERIAL, and so on.
    monkeypatch.setenv("MATERIAL", identity[part].decode())
    monkeypatch.setenv(variable(part), "env:MATERIAL")
    vends({other: path for other, path in files.items() if other != part})


def test_all_three_from_elsewhere(identity, monkeypatch):
    monkeypatch.setenv("MATERIAL", identity["intermediates"].decode())
    with Pipe(identity["private-key"]) as fd:
        sources = {"certificate": "-", "private-key": f"fd:{fd}", "intermediates": "env:MATERIAL"}
        vends(sources, input=identity["certificate"], pass_fds=[fd])


@pytest.mark.parametrize("order", ["key first", "key last"])
@pytest.mark.parametrize("source", ["-", "fd", "env"])
def test_one_stream_holds_both(identity, monkeypatch, source, order):
    parts = list(identity.values())
    both = b"".join(parts if order == "key last" else [parts[1], parts[0], parts[2]])
    if source == "env":
        monkeypatch.setenv("MATERIAL", both.decode())
        vends({"certificate": "env:MATERIAL", "private-key": "env:MATERIAL"})
        return
    with Pipe(both) as fd:
        name = "-" if source == "-" else f"fd:{fd}"
        options = {"stdin": fd} if source == "-" else {"pass_fds": [fd]}
        vends({"certificate": name, "private-key": name}, **options)


def test_one_stream_holds_both_and_the_intermediates_come_from_it_too(identity):
    sources = dict.fromkeys(PARTS, "-")
    vends(sources, input=b"".join(identity.values()))


def test_one_stream_holds_both_and_the_key_is_not_named(identity):
    vends({"certificate": "-"}, input=b"".join(identity.values()))


@pytest.mark.parametrize("source", ["-", "fd"])
@pytest.mark.parametrize(("held", "missed"), [(0, "private key"), (1, "certificate")])
def test_one_stream_does_not_hold_both(identity, source, held, missed):
    with Pipe(list(identity.values())[held]) as fd:
        name = "-" if source == "-" else f"fd:{fd}"
        options = {"stdin": fd} if source == "-" else {"pass_fds": [fd]}
        text = refusal(3, {"certificate": name, "private-key": name}, **options)
    place = "standard input" if source == "-" else f"file descriptor {fd}"
    assert f"there is no {missed} in {place}" in text


def test_pkcs12_on_standard_input(emulator, identity):
    ca = authority(emulator.directory)
    made = material.pkcs12_by_openssl(
        "p256", ca.certificate_of("p256"), [ca.certificate], "-passout", f"pass:{PASSWORD}"
    )
    vends({"certificate": "-"}, "--pkcs8-password", PASSWORD, input=made)


# Nothing there.


def test_an_empty_standard_input(files):
    text = refusal(3, {**files, "certificate": "-"}, input=b"")
    assert "standard input" in text and "empty" in text


def test_a_closed_standard_input(files):
    text = refusal(3, {**files, "certificate": "-"}, preexec_fn=lambda: os.close(0))
    assert "standard input" in text


@pytest.mark.parametrize("part", PARTS)
def test_a_descriptor_that_is_not_open(files, part):
    text = refusal(3, {**files, part: "fd:77"})
    assert "could not read file descriptor 77" in text


@pytest.mark.parametrize("part", PARTS)
def test_a_variable_that_is_not_set(files, part):
    text = refusal(3, {**files, part: "env:MATERIAL"})
    assert "could not read the environment variable MATERIAL" in text


@pytest.mark.parametrize("part", PARTS)
def test_a_descriptor_that_can_only_be_written(files, part, tmp_path):
    with (tmp_path / "out").open("wb") as file:
        fd = file.fileno()
        text = refusal(3, {**files, part: f"fd:{fd}"}, pass_fds=[fd])
    assert f"file descriptor {fd}" in text


@pytest.mark.parametrize("part", PARTS)
def test_a_directory(files, part, tmp_path):
    text = refusal(3, {**files, part: tmp_path})
    assert f"`{tmp_path}`" in text and "directory" in text.lower()


@pytest.mark.parametrize("part", PARTS)
def test_ten_megabytes_of_zeros(files, part, tmp_path):
    large = tmp_path / "zeros"
    large.write_bytes(bytes(10 << 20))
    text = refusal(3, {**files, part: large})
    assert f"could not read `{large}`" in text and "larger than" in text


@pytest.mark.parametrize("source", ["-", "fd"])
def test_ten_megabytes_of_zeros_from_a_stream(files, source):
    with Pipe(bytes(10 << 20)) as fd:
        name = "-" if source == "-" else f"fd:{fd}"
        options = {"stdin": fd} if source == "-" else {"pass_fds": [fd]}
        assert "larger than" in refusal(3, {**files, "private-key": name}, **options)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device(files, device):
    text = refusal(3, {**files, "certificate": device})
    assert device in text


def test_a_fifo_that_nobody_writes_to(files, tmp_path):
    # One that nobody opens, and one that somebody holds open; at the same time, since ten seconds
    # are waited for whoever might still come.
    fifos = [tmp_path / "alone", tmp_path / "held"]
    for fifo in fifos:
        os.mkfifo(fifo)
    held = os.open(fifos[1], os.O_RDWR)
    begin = time.monotonic()
    with ThreadPoolExecutor() as pool:
        sources = [flags({**files, "private-key": fifo}) for fifo in fifos]
        done = list(pool.map(lambda words: run("credential-process", *words), sources))
    took = time.monotonic() - begin
    os.close(held)
    assert 9 < took < 15
    for fifo, one in zip(fifos, done, strict=True):
        assert (one.returncode, one.stdout) == (3, b"")
        assert f"could not read `{fifo}`" in one.stderr.decode()
        assert b"within 10 s" in one.stderr


def test_a_fifo_with_a_writer(identity, files, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    def write() -> None:
        fifo.write_bytes(identity["private-key"])

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    # The writer waits in open() for a reader.
    vends({**files, "private-key": fifo})
    writer.join(5)
    assert not writer.is_alive()


@pytest.mark.parametrize("delay", [0, 0.5], ids=["at once", "late"])
def test_process_substitution(files, delay):
    # As bash does it: /dev/fd/63, a pipe that a program writes to.
    command = (
        '"$0" credential-process --certificate <(cat "$1") '
        '--private-key <(sleep "$4"; cat "$2") --intermediates <(cat "$3")'
    )
    paths = [str(files[part]) for part in PARTS]
    done = subprocess.run(
        ["bash", "-c", command, str(TOOL), *paths, str(delay)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["AccessKeyId"].startswith("ASIA")


# Passwords.


@pytest.mark.parametrize("end", ["", "\n", "\r\n"], ids=["bare", "lf", "crlf"])
class TestPassword:
    def test_file(self, encrypted, tmp_path, end):
        path = tmp_path / "password"
        path.write_bytes((PASSWORD + end).encode())
        vends(encrypted, "--key-password-file", str(path))

    def test_variable(self, encrypted, monkeypatch, end):
        monkeypatch.setenv("PASSWORD_OF_THE_KEY", PASSWORD + end)
        vends(encrypted, "--key-password-env", "PASSWORD_OF_THE_KEY")

    def test_descriptor(self, encrypted, end):
        with Pipe((PASSWORD + end).encode()) as fd:
            vends(encrypted, "--key-password-fd", str(fd), pass_fds=[fd])

    def test_systemd_credential(self, encrypted, monkeypatch, tmp_path, end):
        folder = tmp_path / "credentials"
        folder.mkdir()
        (folder / "roles-anywhere-key-password").write_bytes((PASSWORD + end).encode())
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
        vends(encrypted)

    def test_variable_instead_of_the_flag(self, encrypted, monkeypatch, tmp_path, end):
        path = tmp_path / "password"
        path.write_bytes((PASSWORD + end).encode())
        monkeypatch.setenv("ROLES_ANYWHERE_KEY_PASSWORD_FILE", str(path))
        vends(encrypted)


@pytest.mark.parametrize("flag", [["--pkcs8-password", PASSWORD], [f"--pkcs8-password={PASSWORD}"]])
def test_the_official_flag(encrypted, flag):
    vends(encrypted, *flag)


def test_a_password_and_the_key_on_descriptors(encrypted):
    key = encrypted["private-key"].read_bytes()
    with Pipe(key) as first, Pipe(PASSWORD.encode()) as second:
        sources = {**encrypted, "private-key": f"fd:{first}"}
        vends(sources, "--key-password-fd", str(second), pass_fds=[first, second])


def test_one_password_for_key_and_certificate(emulator, identity, tmp_path):
    # From a descriptor, which can be read but once, for two PKCS#12 files.
    ca = authority(emulator.directory)
    made = tmp_path / "a.p12"
    chain = [ca.certificate]
    options = ["-passout", f"pass:{PASSWORD}"]
    made.write_bytes(
        material.pkcs12_by_openssl("p256", ca.certificate_of("p256"), chain, *options)
    )
    copy = tmp_path / "b.p12"
    copy.write_bytes(made.read_bytes())
    with Pipe(PASSWORD.encode()) as fd:
        sources = {"certificate": made, "private-key": copy}
        vends(sources, "--key-password-fd", str(fd), pass_fds=[fd])


def test_a_place_of_a_password_is_not_read_in_vain(files):
    vends(files, "--key-password-file", "/nonexistent")
    vends(files, "--key-password-env", "NOT_SET")


def test_a_systemd_directory_without_the_credential(encrypted, monkeypatch, tmp_path):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    text = refusal(3, encrypted, start_new_session=True)
    assert "no password was given" in text


def test_no_password(encrypted):
    text = refusal(3, encrypted, start_new_session=True)
    assert f"`{encrypted['private-key']}`" in text
    assert "is encrypted" in text and "no password was given" in text
    assert "--key-password-file" in text


def test_a_wrong_password(encrypted):
    text = refusal(3, encrypted, "--pkcs8-password", "an-error-of-mine")
    assert "the password does not open it" in text and "an-error-of-mine" not in text


def test_the_password_is_in_no_message(encrypted, tmp_path):
    path = tmp_path / "password"
    path.write_text("a-secret-that-is-wrong")
    for debug in ([], ["--debug"]):
        done = run(
            *("credential-process", *flags(encrypted)),
            *("--key-password-file", str(path), *debug),
        )
        assert done.returncode == 3 and b"a-secret" not in done.stderr


@pytest.mark.parametrize(
    ("flag", "value", "words"),
    [
        ("--key-password-file", "/nonexistent/password", "`/nonexistent/password`"),
        # What stands there may be the password itself, so only the option is named.
        ("--key-password-env", "NOT_SET", "it is not set, or empty"),
        ("--key-password-fd", "77", "Bad file descriptor"),
    ],
)
def test_a_place_without_a_password(encrypted, flag, value, words):
    text = refusal(3, encrypted, flag, value)
    assert words in text and flag in text
    assert value.startswith("/") or value not in text


def test_two_places_of_a_password(encrypted):
    text = refusal(2, encrypted, "--pkcs8-password", PASSWORD, "--key-password-env", "X")
    assert "--pkcs8-password" in text and "--key-password-env" in text


def test_a_password_on_a_descriptor_that_is_no_number(encrypted):
    assert "--key-password-fd" in refusal(2, encrypted, "--key-password-fd", "three")


# Permissions.


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_key_that_others_read(files, mode):
    files["private-key"].chmod(mode)
    vends(files)
    text = refusal(3, files, "--strict-permissions")
    assert f"`{files['private-key']}`" in text and f"{mode:04o}" in text
    debug = run("credential-process", *flags(files), "--debug")
    assert debug.returncode == 0
    lines = [line for line in debug.stderr.decode().splitlines() if f"{mode:04o}" in line]
    assert lines and str(files["private-key"]) in lines[0]


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_that_its_owner_alone_reads(files, mode):
    files["private-key"].chmod(mode)
    # What else is there may be read by all.
    files["certificate"].chmod(0o644)
    files["intermediates"].chmod(0o644)
    vends(files, "--strict-permissions")
    debug = run("credential-process", *flags(files), "--debug")
    assert debug.returncode == 0 and b"0644" not in debug.stderr


def test_strict_permissions_of_a_link(files, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(files["private-key"])
    vends({**files, "private-key": link}, "--strict-permissions")
    files["private-key"].chmod(0o644)
    assert "0644" in refusal(3, {**files, "private-key": link}, "--strict-permissions")


def test_strict_permissions_of_what_is_no_file(identity, files):
    with Pipe(identity["private-key"]) as fd:
        vends({**files, "private-key": "-"}, "--strict-permissions", stdin=fd)


# As somebody without privileges: a process that may not be dumped finds its own /proc/self/fd
# belonging to root, and a pipe that root made is not his to open a second time.


class Nobody:
    """A person without privileges, a folder that is his, and the tool in it."""

    def __init__(self, folder: Path, environment: dict[str, str]):
        person = pwd.getpwnam("nobody")
        self.folder = folder
        self.ids = (person.pw_uid, person.pw_gid)
        os.chown(folder, *self.ids)
        # Where the tool and the emulator's CA are may be closed to him.
        self.tool = folder / "roles-anywhere"
        shutil.copy(TOOL, self.tool)
        bundle = self.keep("ca.pem", Path(environment["AWS_CA_BUNDLE"]).read_bytes(), 0o644)
        trust = {"AWS_CA_BUNDLE": str(bundle), "SSL_CERT_FILE": str(bundle), "HOME": str(folder)}
        self.environment = {**environment, **trust}

    def keep(self, name: str, contents: bytes, mode: int = 0o600) -> Path:
        path = self.folder / name
        path.write_bytes(contents)
        path.chmod(mode)
        os.chown(path, *self.ids)
        return path

    def run(self, sources: dict, *more: str, **options) -> subprocess.CompletedProcess:
        user, group = self.ids
        command = [str(self.tool), "credential-process", *flags(sources), *more]
        options = {"stdin": subprocess.DEVNULL, **options}
        return subprocess.run(
            command,
            **options,
            env=self.environment,
            user=user,
            group=group,
            extra_groups=[],
            capture_output=True,
            timeout=30,
            check=False,
        )

    def vends(self, sources: dict, *more: str, **options) -> None:
        done = self.run(sources, *more, **options)
        assert (done.returncode, done.stderr) == (0, b"")
        assert json.loads(done.stdout)["AccessKeyId"].startswith("ASIA")


@pytest.fixture
def nobody(identity):
    if os.geteuid() != 0:
        pytest.skip("only root becomes somebody else")
    # Not in pytest's own folder, which is root's alone.
    with tempfile.TemporaryDirectory() as folder:
        person = Nobody(Path(folder), dict(os.environ))
        person.files = {part: person.keep(f"{part}.pem", identity[part]) for part in PARTS}
        yield person


def test_somebody_without_privileges(nobody):
    nobody.vends(nobody.files, "--strict-permissions")


@pytest.mark.parametrize("part", PARTS)
def test_standard_input_without_privileges(identity, nobody, part):
    with Pipe(identity[part]) as fd:
        nobody.vends({**nobody.files, part: "-"}, stdin=fd)


@pytest.mark.parametrize("part", PARTS)
def test_descriptor_of_a_pipe_of_root_without_privileges(identity, nobody, part):
    # What a supervisor hands to the service that it starts.
    with Pipe(identity[part]) as fd:
        nobody.vends({**nobody.files, part: f"fd:{fd}"}, pass_fds=[fd])


@pytest.mark.parametrize("part", PARTS)
def test_descriptor_of_a_file_of_root_without_privileges(identity, nobody, part):
    path = nobody.folder / "of-root"
    path.write_bytes(identity[part])
    path.chmod(0o600)
    with path.open("rb") as file:
        fd = file.fileno()
        nobody.vends({**nobody.files, part: f"fd:{fd}"}, pass_fds=[fd])


def test_password_on_a_descriptor_of_root_without_privileges(nobody):
    key = pem("ENCRYPTED PRIVATE KEY", material.pbes2(pkcs8("p256")))
    sources = {**nobody.files, "private-key": nobody.keep("encrypted.pem", key)}
    with Pipe(PASSWORD.encode()) as fd:
        nobody.vends(sources, "--key-password-fd", str(fd), pass_fds=[fd])


def test_process_substitution_without_privileges(nobody):
    # The shell is his too.
    paths = [str(nobody.files[part]) for part in PARTS]
    command = (
        '"$0" credential-process --certificate <(cat "$1") --private-key <(cat "$2") '
        '--intermediates <(cat "$3")'
    )
    user, group = nobody.ids
    done = subprocess.run(
        ["bash", "-c", command, str(nobody.tool), *paths],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=nobody.environment,
        user=user,
        group=group,
        extra_groups=[],
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_key_that_is_not_his_to_read(nobody):
    os.chown(nobody.files["private-key"], 0, 0)
    done = nobody.run(nobody.files)
    assert (done.returncode, done.stdout) == (3, b"")
    assert f"could not read `{nobody.files['private-key']}`" in done.stderr.decode()
    owner = "it belongs to uid 0 (mode 0600), and this process runs as uid"
    assert f"permission denied: {owner}" in done.stderr.decode()


@pytest.mark.parametrize("part", PARTS)
def test_descriptor_of_a_socket(identity, files, part):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(identity[part])
        ours.shutdown(socket.SHUT_WR)
        fd = theirs.fileno()
        vends({**files, part: f"fd:{fd}"}, pass_fds=[fd])


def test_standard_input_of_a_socket(identity, files):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(identity["certificate"])
        ours.shutdown(socket.SHUT_WR)
        vends({**files, "certificate": "-"}, stdin=theirs.fileno())
