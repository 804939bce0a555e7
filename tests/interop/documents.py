"""The documents for users, as data: their fenced blocks, headings, links and commands."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from emulator import REPOSITORY

README = REPOSITORY / "README.md"
PAGES = sorted((REPOSITORY / "docs").glob("*.md"))
# What users read; the others are for those who change the program.
FOR_USERS = [README, *PAGES]
OTHERS = ("SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md")
ALL = [*FOR_USERS, *(REPOSITORY / name for name in OTHERS)]


@dataclass(frozen=True)
class Block:
    """A fenced block: the words behind its fence, and its text.

    The first word is the language. `run` has it run against the emulator, `aws` with an AWS CLI
    that checks and sends nothing, `file=NAME` makes it a file of that name.
    """

    document: Path
    line: int
    words: tuple[str, ...]
    text: str
    # The paragraph above it.
    above: str

    @property
    def language(self) -> str:
        return self.words[0] if self.words else ""

    @property
    def file(self) -> str | None:
        names = [word.removeprefix("file=") for word in self.words if word.startswith("file=")]
        return names[0] if names else None

    @property
    def place(self) -> str:
        return f"{name_of(self.document)}:{self.line}"


def blocks(document: Path) -> list[Block]:
    """Returns the fenced blocks of a document."""
    found, paragraph, opened = [], [], None
    for number, line in enumerate(document.read_text().splitlines(), 1):
        fence = re.match(r"( *)```(.*)$", line)
        if opened is None and fence:
            opened = (number, fence[1], tuple(fence[2].split()), [])
        elif opened is None:
            paragraph = [] if line.startswith("#") else [*paragraph, line] if line else paragraph
        elif fence and not fence[2]:
            number, indent, words, lines = opened
            text = "".join(f"{part.removeprefix(indent)}\n" for part in lines)
            found.append(Block(document, number, words, text, " ".join(paragraph)))
            opened, paragraph = None, []
        else:
            opened[3].append(line)
    assert opened is None, f"{document}: a block is not closed"
    return found


def name_of(document: Path) -> str:
    return str(document.relative_to(REPOSITORY))


def all_blocks(*languages: str) -> list[Block]:
    """Returns the blocks of these languages in all documents."""
    found = [block for document in ALL for block in blocks(document)]
    return [block for block in found if block.language in languages]


def prose(document: Path) -> str:
    """Returns a document without its fenced blocks; their lines stay as empty ones."""
    lines, inside = [], False
    for line in document.read_text().splitlines():
        is_fence = line.lstrip().startswith("```")
        lines.append("" if inside or is_fence else line)
        inside ^= is_fence
    return "\n".join(lines)


def spans(document: Path) -> list[str]:
    """Returns the code spans of a document's prose."""
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", prose(document))


def anchors(document: Path) -> set[str]:
    """Returns the anchors that GitHub makes of a document's headings."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} (.+)$", prose(document), re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        number = 1
        while (unique := slug if number == 1 else f"{slug}-{number - 1}") in found:
            number += 1
        found.add(unique)
    return found


def links(document: Path) -> list[str]:
    """Returns the targets of a document's links."""
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", prose(document)))


def dialogue(block: Block) -> list[tuple[str, str]]:
    """Returns the commands of a `console` block, each with its expected output."""
    found: list[tuple[str, str]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        elif found and found[-1][0].endswith("\\"):
            found[-1] = (f"{found[-1][0]}\n{line}", "")
        else:
            assert found, f"{block.place}: output without a command"
            found[-1] = (found[-1][0], f"{found[-1][1]}{line}\n")
    return found


def matches(expected: str, output: str) -> bool:
    """Says whether an output is as expected; `…` stands for a part of a line, or for lines."""
    lines = [line.rstrip() for line in expected.splitlines()]
    parts = ["(?:.*\n)*?" if line == "…" else one_line(line) + "\n" for line in lines]
    actual = "".join(f"{line.rstrip()}\n" for line in output.splitlines())
    return re.fullmatch("".join(parts), actual) is not None


def one_line(line: str) -> str:
    return "[^\n]*?".join(re.escape(part) for part in line.split("…"))


def commands(text: str, programs: set[str]) -> list[list[str]]:
    """Returns the words of each command in a text whose program is one of those.

    What a shell, a unit or a configuration writes before and behind a command is left out.
    """
    found = []
    for line in text.replace("\\\n", " ").splitlines():
        line = re.sub(r"^\s*(\$ |[A-Za-z_]+ ?= ?(?=/)|ExecStart=|- )", "", line)
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&()<>")
        lexer.commenters = "#"
        lexer.whitespace_split = True
        try:
            words = list(lexer)
        except ValueError:
            continue
        for at, word in enumerate(words):
            if word.rsplit("/", 1)[-1] not in programs:
                continue
            before = words[at - 1] if at else "|"
            if not re.fullmatch(r"[|;&(]+|--|do|then|\$\(?|[A-Z_]+=.*|exec|sudo", before):
                continue
            rest = words[at + 1 :]
            end = [i for i, part in enumerate(rest) if re.fullmatch(r"[|;&()<>]+", part)]
            command = rest[: end[0]] if end else rest
            # The number of a redirected descriptor is a word of its own.
            if end and command and command[-1].isdigit() and re.search("[<>]", rest[end[0]]):
                command = command[:-1]
            found.append([word.rsplit("/", 1)[-1], *command])
    return found
