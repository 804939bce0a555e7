"""`exec --mask` on a terminal: what a person sees of programs that use one."""

import os
import re
import shutil
import signal
import sys
import time

import pytest
from emulator import TOOL
from terminal import PROMPT, Terminal

SECRET = "correct horse battery staple"
MASKED = re.escape("***P***")
RUN = f"{TOOL} exec --mask --env P=sm://prod/db-credentials#password --"


@pytest.fixture
def terminal(emulator, tmp_path):
    """A shell on a terminal, on which the secret is never shown."""
    terminal = Terminal(dict(os.environ))
    yield terminal
    terminal.close()
    assert SECRET not in terminal.shown


def script(tmp_path, text: str) -> str:
    path = tmp_path / "program.py"
    path.write_text(text)
    return f"{sys.executable} {path}"


def test_a_program_has_a_terminal_like_ours(terminal):
    before = terminal.settings()
    printed = terminal.run(f"""{RUN} sh -c 'test -t 0 -a -t 1 -a -t 2 && stty size && echo "[$P]"; exit 7'; echo $?""")
    assert printed == "30 100\n[***P***]\n7\n"
    settings = f"stty -a | md5sum; {RUN} stty -a | md5sum"
    own, its = terminal.run(settings).splitlines()
    assert own == its
    assert terminal.settings() == before


def test_a_program_is_the_foreground_of_its_terminal(terminal):
    tell = "ps -o pgid=,tpgid= -p $$; ps -o sid= -p $$"
    group, foreground, session = terminal.run(f"{RUN} sh -c '{tell}'").split()
    assert group == foreground != session


def test_a_shell_runs_jobs(terminal):
    terminal.send(f"{RUN} bash --norc --noprofile --noediting -i\r")
    terminal.expect(PROMPT)
    assert terminal.run("echo $P") == "***P***\n"
    terminal.send("sleep 1000\r")
    terminal.expect("sleep 1000\r\n")
    time.sleep(0.5)
    terminal.send("\x1a")
    terminal.expect(r"Stopped\s+sleep 1000")
    terminal.expect(PROMPT)
    terminal.send("fg\r")
    terminal.expect("sleep 1000\r\n")
    time.sleep(0.5)
    terminal.send("\x03")
    terminal.expect(PROMPT)
    assert terminal.run("echo $?") == "130\n"
    terminal.send("exit 5\r")
    terminal.expect("exit\r\n")
    terminal.expect(PROMPT)
    assert terminal.run("echo $?") == "5\n"


def test_a_pager_shows_pages(terminal):
    terminal.send(f"""{RUN} sh -c 'for n in $(seq 100); do echo "$n $P"; done | less'\r""")
    terminal.expect(f"29 {MASKED}")
    assert f"30 ***P***" not in terminal.shown
    terminal.send(" ")
    terminal.expect(f"58 {MASKED}")
    terminal.send("q")
    terminal.expect(PROMPT)
    assert terminal.run("echo $?") == "0\n"


def test_a_line_editor_edits(terminal):
    terminal.send(f"{RUN} {sys.executable} -q\r")
    terminal.expect(">>> ")
    terminal.send("import os; prinX\x7ft('<', os.environ['P'], '>')\r")
    terminal.expect(f"< {MASKED} >")
    terminal.expect(">>> ")
    # The line before, by the key for it.
    terminal.send("\x1b[A\r")
    terminal.expect(f"< {MASKED} >")
    terminal.expect(">>> ")
    # Between its prompt and its wait for a key, Python keeps the interrupt for the next key.
    terminal.send("\x03")
    terminal.send("\r")
    terminal.expect("KeyboardInterrupt")
    terminal.expect(">>> ")
    terminal.send("\x04")
    terminal.expect(PROMPT)


@pytest.mark.skipif(not shutil.which("vim"), reason="vim is not installed")
def test_an_editor_uses_the_whole_screen_and_can_be_suspended(terminal, tmp_path):
    file = tmp_path / "file"
    terminal.send(f"{RUN} vim -u NONE -i NONE -n {file}\r")
    terminal.expect("~.*~")
    terminal.send("ifirst\x1b\x1a")
    terminal.expect("Stopped")
    terminal.expect(PROMPT)
    terminal.send("fg\r")
    terminal.expect("first")
    terminal.send(":r !echo $P\r")
    terminal.expect(MASKED)
    terminal.send(":wq\r")
    terminal.expect(PROMPT)
    assert file.read_text() == f"first\n{SECRET}\n"


def test_what_is_typed_is_echoed_once(terminal):
    terminal.send(f"{RUN} sh -c 'read line; echo \"[$line]\"'\r")
    time.sleep(0.5)
    terminal.send("hello\r")
    assert terminal.expect(r"\n([^$]*?)\[hello\]")[1] == "hello\r\n"
    terminal.expect(PROMPT)


def test_a_progress_bar_is_shown_while_it_moves(terminal, tmp_path):
    """The step is printed when the one before it was seen: nothing waits for a line or for the end."""
    bar = script(
        tmp_path,
        "import os, sys\n"
        "for step in range(4):\n"
        "    sys.stdout.write(f'\\r{step}0% {os.environ[\"P\"]} {os.environ[\"P\"][:7]}')\n"
        "    sys.stdout.flush()\n"
        "    sys.stdin.readline()\n",
    )
    terminal.send(f"{RUN} {bar}\r")
    for step in range(4):
        # The end may be the beginning of the secret, which is held back for a moment.
        terminal.expect(f"\r{step}0% {MASKED} correct")
        terminal.send("\r")
    terminal.expect(PROMPT)


def test_a_new_size_is_passed_on(terminal, tmp_path):
    program = script(
        tmp_path,
        "import os, signal\n"
        "signal.signal(signal.SIGWINCH, lambda *_: print('size', *os.get_terminal_size(), flush=True))\n"
        "print('set', flush=True)\n"
        "input()\n",
    )
    terminal.send(f"{RUN} {program}\r")
    terminal.expect("set\r\n")
    terminal.resize(40, 120)
    terminal.expect("size 120 40")
    terminal.send("\r")
    terminal.expect(PROMPT)


INTERRUPTS = """
import os, signal, sys, time
count = 0
def interrupted(*_):
    global count
    count += 1
signal.signal(signal.SIGINT, interrupted)
print('set', os.environ['P'], flush=True, file=sys.stderr)
while not count:
    time.sleep(0.01)
time.sleep(0.5)
print('interrupted', count, flush=True, file=sys.stderr)
"""


@pytest.mark.parametrize("rest", ["", "| cat", "> /dev/null", "< /dev/null"])
def test_ctrl_c_interrupts_once(terminal, tmp_path, rest):
    terminal.send(f"{RUN} {script(tmp_path, INTERRUPTS)} {rest}\r")
    terminal.expect(f"set {MASKED}")
    terminal.send("\x03")
    assert terminal.expect(r"interrupted (\d+)")[1] == "1"
    terminal.expect(PROMPT)


def test_ctrl_c_ends_a_loop_of_the_shell(terminal):
    terminal.send(f"while true; do {RUN} sh -c 'echo started; sleep 1000'; done\r")
    terminal.expect("started\r\n")
    time.sleep(0.3)
    terminal.send("\x03")
    terminal.expect(PROMPT)
    assert terminal.run("echo $?") == "130\n"


@pytest.mark.parametrize("rest", ["", "| cat"])
def test_ctrl_z_stops_the_job_and_fg_resumes_it(terminal, rest):
    before = terminal.settings()
    terminal.send(f"""{RUN} sh -c 'echo "set $P"; read line; echo "[$line]"; exit 4' {rest}\r""")
    terminal.expect(f"set {MASKED}")
    for _ in range(3):
        time.sleep(0.3)
        terminal.send("\x1a")
        terminal.expect("Stopped")
        terminal.expect(PROMPT)
        assert terminal.settings() == before
        # The shell does not wait for what is not its own child, and that may still read.
        time.sleep(0.3)
        assert "Stopped" in terminal.run("jobs")
        terminal.send("fg\r")
        terminal.expect(r"exec --mask .*\n")
    terminal.send("typed\r")
    terminal.expect(r"\[typed\]")
    terminal.expect(PROMPT)
    assert terminal.run("echo $?") == ("0\n" if rest else "4\n")
    assert terminal.settings() == before


def test_a_job_in_the_background_comes_to_the_foreground(terminal):
    before = terminal.settings()
    terminal.send(f"""{RUN} sh -c 'echo "set $P"; read line; echo "[$line]"' &\r""")
    # Both terminals add a carriage return then.
    terminal.expect(f"set {MASKED}\r+\n")
    assert terminal.settings() == before
    assert terminal.run("echo mine") == "mine\n"
    terminal.send("fg\r")
    terminal.expect(r"exec --mask .*\n")
    time.sleep(0.5)
    terminal.send("typed\r")
    terminal.expect(r"\[typed\]")
    terminal.expect(PROMPT)
    assert terminal.settings() == before


def test_a_pipeline_shares_the_terminal_with_a_pager(terminal):
    terminal.send(f"""{RUN} sh -c 'for n in $(seq 100); do echo "$n $P"; done' | less\r""")
    terminal.expect(f"29 {MASKED}")
    terminal.send(" ")
    terminal.expect(f"58 {MASKED}")
    terminal.send("q")
    terminal.expect(PROMPT)


def test_standard_error_stays_a_terminal_beside_a_pipe(terminal):
    tell = "test -t 2 && ! test -t 1 && stty size <&2; echo out $P; echo err $P >&2; tty"
    printed = terminal.run(f"{RUN} sh -c '{tell}' | cat")
    device, *lines = sorted(printed.splitlines())
    assert device.startswith("/dev/") and lines == ["30 100", "err ***P***", "out ***P***"]


def test_input_from_a_pipe_leaves_the_keyboard_to_the_program(terminal):
    terminal.send(f"""for n in $(seq 100); do echo "$n"; done | {RUN} sh -c 'sed "s/$/ $P/" | less'\r""")
    terminal.expect(f"29 {MASKED}")
    terminal.send("q")
    terminal.expect(PROMPT)


def test_a_closed_terminal_ends_the_program(terminal, tmp_path):
    pids = tmp_path / "pid"
    terminal.send(f"{RUN} sh -c 'echo $$ > {pids}.new; mv {pids}.new {pids}; sleep 1000; sleep 1000'\r")
    while not pids.exists():
        time.sleep(0.01)
    pid = int(pids.read_text())
    terminal.close()
    deadline = time.monotonic() + 30
    while os.path.exists(f"/proc/{pid}"):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_signals_are_passed_on(terminal, tmp_path):
    pids = tmp_path / "pid"
    trap = "trap \"echo usr1\" USR1; trap \"echo term $P; exit 9\" TERM"
    terminal.send(f"echo; {RUN} sh -c '{trap}; echo $PPID > {pids}.new; mv {pids}.new {pids}; while :; do sleep 0.1; done'\r")
    while not pids.exists():
        time.sleep(0.01)
    # The parent of the process that leads the session.
    leader = pids.read_text().strip()
    stat = open(f"/proc/{leader}/stat").read()
    tool = int(stat.rpartition(")")[2].split()[1])
    os.kill(tool, signal.SIGUSR1)
    terminal.expect("usr1")
    os.kill(tool, signal.SIGTERM)
    terminal.expect(f"term {MASKED}")
    terminal.expect(PROMPT)
    assert terminal.run("echo $?") == "9\n"


@pytest.mark.parametrize("name", ["INT", "QUIT"])
def test_signals_of_the_terminal_are_passed_on_if_a_process_sends_them(terminal, name):
    trap = f"trap \"echo got-{name}; exit 9\" {name}"
    program = f"sh -c '{trap}; echo ready-$PPID; while :; do sleep 0.1; done'"
    terminal.send(f"{RUN} {program} | cat; echo ${{PIPESTATUS[0]}}\r")
    tool = int(terminal.expect(r"ready-(\d+)\r")[1])
    os.kill(tool, getattr(signal, f"SIG{name}"))
    terminal.expect(f"got-{name}\r\n9\r\n")
    terminal.expect(PROMPT)


def test_an_error_is_shown_as_without_a_terminal(terminal, tmp_path):
    broken = tmp_path / "broken"
    broken.write_text("#!/nonexistent/interpreter\n")
    broken.chmod(0o755)
    printed = terminal.run(f"{RUN} {broken}; echo $?")
    assert "its interpreter does not exist" in printed and printed.endswith("\n127\n"), printed
