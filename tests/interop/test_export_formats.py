"""What `export` and `render` write, read back by the programs that it is written for.

Each value is read as it was, or refused when it is written. The values are a list of what is known to
be difficult, and random texts of the same characters; a failure prints the seed.

Docker's, systemd's, GitHub's and cmd.exe's readers are not here to be run, so their rules are written
down below, from their sources. systemd's own parser is asked too, by way of the generator for
environment.d, which expands variables behind it: for values without a dollar sign.
"""

import json
import os
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from dotenv import dotenv_values
from emulator import BIN_DIR

WRITER = BIN_DIR / "examples/variable_formats"
GENERATOR = Path("/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator")
JAVA = """
import java.io.*; import java.util.*;
class Read {
    public static void main(String[] a) throws IOException {
        var read = new Properties();
        try (var file = new FileInputStream(a[0])) { read.load(file); }
        var out = new PrintStream(System.out, false, "UTF-8");
        read.forEach((name, value) -> out.print(name + "=" + value + "\\0"));
        out.flush();
    }
}
"""

DIFFICULT = [
    *("", " ", "a", " a ", "\ta\t", "it's", "''", "'", '"', '""', 'say "hi"', "a'b\"c`d`"),
    *("$HOME", "${HOME}", "$(id)", "`id`", "$", "$$", "a$", "%PATH%", "%", "100%", "!a!", "!!"),
    *("#", "# a", "a #b", "a#b", "=", "a=b", "==", ";", "a;b", "a&b", "a|b", "<a>", "(a)", "a*?[b]", "~", "~/a"),
    *("\\", "\\\\", "a\\", "\\a", "\\n", "C:\\new\\table", "\\'", '\\"', "\\$", "a\\\nb"),
    *("\n", "a\n", "\na", "a\nb", "a\n\nb\n", "a\r\nb", "\r", "a\r", "EOF\nB=1", "ghadelimiter_\n"),
    *("\x01", "\x1b[31m", "\x7f", "\u00e9", "\u2018a\u2019", "\u201a\u201b\u2018", "\u201ca\u201d", "\u2028", "\u00a0a\u00a0"),
    *("\ufeffa", "\U0001f511", "-n", "--", "export A=b", '{"a": "b\\"c", "d": "$e"}', "a" * 3000),
    "-----BEGIN PRIVATE KEY-----\nMIGH+/=\n-----END PRIVATE KEY-----\n",
]
ALPHABET = "ab '\"`$%#!&|;=\\(){}<>[]*?~^-,:@\n\r\t\x1b\u2019\u00e9\U0001f511"


@pytest.fixture(scope="module")
def values() -> dict[str, str]:
    seed = int.from_bytes(os.urandom(4), "big")
    print(f"the seed of the values is {seed}")
    source = random.Random(seed)
    texts = ("".join(source.choices(ALPHABET, k=source.randint(1, 12))) for _ in range(400))
    return {f"V{number}": value for number, value in enumerate([*DIFFICULT, *texts])}


def texts_of(form: str, values: dict[str, str]) -> dict[str, str | None]:
    """Returns the text of each value in a format, or nothing if it is refused."""
    words = json.dumps(list(values.items())).encode()
    done = subprocess.run([WRITER, form], input=words, capture_output=True, check=True)
    return dict(zip(values, json.loads(done.stdout), strict=True))


@pytest.fixture
def write(values, tmp_path):
    """Writes the values that a format takes to a file; returns it and these values."""

    def write(form: str, least: int) -> tuple[Path, dict[str, str]]:
        texts = texts_of(form, values)
        taken = {name: values[name] for name, text in texts.items() if text is not None}
        assert len(taken) >= least, f"{form} refuses {sorted(set(values) - set(taken))}"
        path = tmp_path / "variables"
        path.write_bytes("".join(text for text in texts.values() if text).encode())
        return path, taken

    return write


def environment(*command: str | Path, home: Path) -> dict[str, str]:
    """Runs a shell that ends in `env -0`, and returns what it prints."""
    told = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, env=told, capture_output=True, timeout=60, check=True)
    assert done.stderr == b""
    return of_null(done.stdout)


def of_null(output: bytes) -> dict[str, str]:
    pairs = output.decode().split("\0")[:-1]
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}


def is_read(read: dict[str, str | None], taken: dict[str, str]) -> None:
    wrong = {name: (value, read.get(name)) for name, value in taken.items() if read.get(name) != value}
    assert wrong == {}


@pytest.mark.parametrize("shell", ["dash", "bash", "zsh"])
def test_posix_shells(write, values, shell, tmp_path):
    path, taken = write("sh", len(values))
    options = ["-f"] if shell == "zsh" else []
    script = 'eval "$(cat "$1"; echo)"; exec env -0'
    is_read(environment(shell, *options, "-c", script, shell, path, home=tmp_path), taken)


def test_fish(write, values, tmp_path):
    path, taken = write("fish", len(values))
    script = "cat $argv[1] | source; exec env -0"
    is_read(environment("fish", "--no-config", "-c", script, path, home=tmp_path), taken)


def powershell(text: str) -> dict[str, str]:
    """Reads strings in single quotes, which every typographic quote ends too, and escapes between."""
    quotes = "'\u2018\u2019\u201a\u201b"
    part = rf"(?:[{quotes}](?:[^{quotes}\r\n]|[{quotes}]{{2}})*[{quotes}]|\"`[nr]\")"
    read = {}
    for line in text.split("\n")[:-1]:
        name, value = re.fullmatch(rf"\$Env:(\w+) = ({part}(?: \+ {part})*)", line).groups()
        parts = re.findall(part, value)
        plain = (re.sub(rf"([{quotes}])[{quotes}]", r"\1", it[1:-1]) for it in parts)
        ends = {'"`n"': "\n", '"`r"': "\r"}
        read[name] = "".join(ends.get(it, text) for it, text in zip(parts, plain, strict=True))
    return read


def test_powershell_by_its_rules(write, values):
    path, taken = write("powershell", len(values) - 1)
    # Not in text mode, which would take a carriage return for the end of a line.
    is_read(powershell(path.read_bytes().decode()), taken)


def test_powershell(write, values, tmp_path):
    if not shutil.which("pwsh"):
        pytest.skip("PowerShell is not here")
    path, taken = write("powershell", len(values) - 1)
    script = f"Get-Content -Raw '{path}' | Invoke-Expression; env -0"
    is_read(environment("pwsh", "-NoProfile", "-Command", script, home=tmp_path), taken)


def cmd(text: str, is_batch: bool) -> dict[str, str]:
    """Reads `set "N=V"`: of a batch file, in which `%` is special, or of a line of `for /f`."""
    read = {}
    for line in text.split("\r\n")[:-1]:
        assert len(line) <= 8191 and line.isascii() and line.isprintable()
        if is_batch:
            line = re.sub(r"%([^%]*)%", lambda found: "" if found[1] else "%", line)
        # Quotes protect everything up to the next one. Behind the last quote, `set` ignores the rest.
        name, value = re.fullmatch(r'set "(\w+)=([^"]+)"', line).groups()
        read[name] = value
    return read


def test_cmd_by_its_rules(write):
    path, taken = write("cmd", 40)
    text = path.read_bytes().decode()
    is_read(cmd(text, is_batch=True), taken)
    is_read(cmd(text, is_batch=False), taken)


def docker(text: bytes) -> dict[str, str]:
    """`pkg/kvfile/kvfile.go` of docker/cli: lines of bufio.Scanner, and nothing but `#` is special."""
    read = {}
    for number, line in enumerate(text.split(b"\n")[:-1]):
        assert len(line) < 64 * 1024
        line = line.removesuffix(b"\r").decode()
        line = line.removeprefix("\ufeff") if number == 0 else line
        line = line.lstrip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        name = name.lstrip()
        assert name and not re.search(r"\s", name)
        if equals:
            read[name] = value
    return read


def test_docker_by_its_rules(write):
    path, taken = write("docker", 80)
    is_read(docker(path.read_bytes()), taken)


def test_python_dotenv(write):
    path, taken = write("dotenv", 80)
    is_read(dotenv_values(path, encoding="utf-8"), taken)


def test_node(write, tmp_path):
    if not shutil.which("node"):
        pytest.skip("Node is not here")
    path, taken = write("dotenv", 80)
    script = "for (const n in process.env) process.stdout.write(`${n}=${process.env[n]}\\0`)"
    is_read(environment("node", f"--env-file={path}", "-e", script, home=tmp_path), taken)


def systemd(text: str) -> dict[str, str]:
    """`parse_env_file_internal` of src/basic/env-file.c, as it was in systemd 257."""
    state, read, name, value, last_visible = "pre key", {}, "", "", 0
    for c in text:
        if state == "pre key":
            if c in "#;":
                state = "comment"
            elif c not in " \t\n\r":
                state, name = "key", c
        elif state == "key":
            if c in "\n\r":
                state, name = "pre key", ""
            elif c == "=":
                state, value, last_visible = "pre value", "", 0
            else:
                name += c
        elif state in ("pre value", "value"):
            if c in "\n\r":
                read[name.rstrip()] = value[:last_visible] if state == "value" else value
                state = "pre key"
            elif state == "pre value" and c in "'\"":
                state = "single" if c == "'" else "double"
            elif c == "\\":
                state = "value escape"
            elif state == "value" or c not in " \t":
                state, value = "value", value + c
                last_visible = last_visible if c in " \t" else len(value)
        elif state == "value escape":
            state = "value"
            if c not in "\n\r":
                value += c
                last_visible = len(value)
        elif state == "single":
            state, value = ("pre value", value) if c == "'" else (state, value + c)
        elif state == "double":
            if c == '"':
                state = "pre value"
            elif c == "\\":
                state = "double escape"
            else:
                value += c
        elif state == "double escape":
            state = "double"
            if c in '"\\`$':
                value += c
            elif c != "\n":
                value += "\\" + c
        elif state == "comment" and c in "\n\r":
            state = "pre key"
    assert state == "pre key"
    # `env_value_is_valid` before version 246.
    assert all(c >= " " and c != "\x7f" or c in "\t\n" for value in read.values() for c in value)
    return read


def test_systemd_by_its_rules(write):
    path, taken = write("systemd", 100)
    is_read(systemd(path.read_bytes().decode()), taken)


def test_systemd(write, values, tmp_path):
    if not GENERATOR.exists():
        pytest.skip("systemd's generator for environment.d is not here")
    plain = {name: value for name, value in values.items() if "$" not in value}
    texts = texts_of("systemd", plain)
    folder = tmp_path / "environment.d"
    folder.mkdir()
    (folder / "a.conf").write_bytes("".join(text for text in texts.values() if text).encode())
    told = {"PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run([GENERATOR], env=told, capture_output=True, timeout=60, check=True)
    # It prints strings as C has them, and no empty ones.
    read = {}
    for line in done.stdout.decode().split("\n")[:-1]:
        name, _, value = line.partition("=")
        value = value[1:-1] if value.startswith('"') else value
        read[name] = re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), value)
    is_read(read, {name: plain[name] for name, text in texts.items() if text and plain[name]})


def github(text: str) -> dict[str, str]:
    """`EnvFileCommand` of actions/runner: `N=V`, or lines up to a delimiter."""
    read, lines = {}, text.split("\n")[:-1]
    while lines:
        line = lines.pop(0)
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            read[line[:equals]] = line[equals + 1 :]
            continue
        name, delimiter = line[:heredoc], line[heredoc + 2 :]
        assert name and delimiter
        end = lines.index(delimiter)
        read[name] = "\n".join(lines[:end])
        lines = lines[end + 1 :]
    return read


def test_github_by_its_rules(write, values):
    path, taken = write("github", len(values) - 60)
    is_read(github(path.read_bytes().decode()), taken)


def test_json(values):
    read = {}
    for text in texts_of("json", values).values():
        read |= json.loads(text)
    assert read == values


def test_java(write, values, tmp_path):
    if not shutil.which("java"):
        pytest.skip("Java is not here")
    path, taken = write("properties", len(values))
    (tmp_path / "Read.java").write_text(JAVA)
    command = ["java", "-XX:TieredStopAtLevel=1", str(tmp_path / "Read.java"), str(path)]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    is_read(of_null(done.stdout), taken)
