"""Runs the blocks of the documents that are marked `run`, against the emulator.

All of a document in one shell and one fresh directory, in their order. `sh` must succeed; in
`console` the output of each command must be as it is printed there.
"""

import os
import shlex
import subprocess
from pathlib import Path

import documents
import pytest
from clients import AWS_CLI
from documents import FOR_USERS, name_of
from emulator import EMULATOR, TOOL, clean_environment


def is_runnable(document: Path) -> bool:
    return any("run" in block.words for block in documents.blocks(document))


RUNNABLE = [document for document in FOR_USERS if is_runnable(document)]
PROLOGUE = """
set -euo pipefail
trap '[ $? -eq 0 ] || echo "failed in $block" >&2; kill $(jobs -p) 2>/dev/null || true' EXIT
last=0
"""


def script_of(document: Path, outputs: Path) -> tuple[str, list[tuple[str, str, Path]]]:
    """Returns the script of a document, and of each dialogue place, output, and file for that."""
    script, dialogues = [PROLOGUE], []
    for block in documents.blocks(document):
        if "run" not in block.words:
            continue
        script.append(f"block={shlex.quote(block.place)}\n")
        if block.language == "sh":
            script.append(block.text)
            continue
        for command, expected in documents.dialogue(block):
            output = outputs / str(len(dialogues))
            dialogues.append((f"{block.place}: {command}", expected, output))
            script.append(f"set +e; (exit $last)\n{{ {command}\n}} > {output} 2>&1\n")
            script.append("last=$?; set -e\n")
    return "".join(script), dialogues


@pytest.mark.parametrize("document", RUNNABLE, ids=name_of)
def test_blocks_run(document, tmp_path):
    home, work, outputs = (tmp_path / name for name in ("home", "work", "outputs"))
    for directory in (home, work, outputs):
        directory.mkdir(mode=0o700)
    for block in documents.blocks(document):
        if block.file:
            (work / block.file).write_text(block.text)
    script, dialogues = script_of(document, outputs)
    path = f"{AWS_CLI.parent}:{os.environ['PATH']}:{EMULATOR.parent}"
    done = subprocess.run(
        [str(EMULATOR), "run", "--tool", str(TOOL), "--", "bash", "-c", script],
        cwd=work,
        env=clean_environment() | {"HOME": str(home), "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for place, expected, output in dialogues:
        actual = output.read_text()
        assert documents.matches(expected, actual), f"{place}\n{actual}"
