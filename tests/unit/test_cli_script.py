"""The installed command ends its process itself, after everything that was printed has left."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

import hub.cli

CHILD = """
import atexit, hub.cli
atexit.register(print, "the interpreter was taken down")
hub.cli.main = lambda: print("the answer") or 1
hub.cli.script()
"""


def test_the_answer_leaves_and_no_thread_can_abort_the_end():
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "the answer\n", "")


WITHOUT_STREAMS = """
import os, sys, hub.cli
def main():
    with open(sys.argv[1], "w") as file:
        print("said to nobody")
        print("nor this", file=sys.stderr)
        file.write(f"{file.fileno() > 2} {sys.stdin.read()!r} {os.get_inheritable(0) and os.get_inheritable(1)}")
    return 3
hub.cli.main = main
hub.cli.script()
"""


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_the_caller_closed(tmp_path, closed):
    """No file that a command opens gets a standard stream's descriptor: what is printed would be written into it."""
    line = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-c", WITHOUT_STREAMS, str(tmp_path / "told")]
    done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (done.returncode, (tmp_path / "told").read_text()) == (3, "True '' True"), done.stderr


UNREADABLE = """
import hub.cli
from hub.commands.console import emit, say
def main():
    say("Допоможіть")
    emit({"text": "Допоможіть é"})
    return 0
hub.cli.main = main
hub.cli.script()
"""


def test_a_terminal_that_is_not_in_utf_8():
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    done = subprocess.run([sys.executable, "-c", UNREADABLE], capture_output=True, check=False, env=environment)
    text, answer = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, b"")
    assert text.startswith(rb"\u0414\u043e")
    assert json.loads(answer.decode("utf-8")) == {"text": "Допоможіть é"}


INTERRUPTED = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever started the tests may have it ignored
class Slow:
    def find_spec(self, name, *_):
        if name == "cyclopts":
            os.kill(os.getpid(), signal.SIGINT)
            import time; time.sleep(5)
sys.meta_path.insert(0, Slow())
from hub.cli import script
"""


def test_ctrl_c_while_the_command_is_loaded():
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


AGAIN = """
import signal
signal.signal(signal.SIGINT, {before})
import hub.cli
assert signal.getsignal(signal.SIGINT) is {before}
"""


@pytest.mark.parametrize("before", ["signal.default_int_handler", "signal.SIG_IGN"])
def test_ctrl_c_is_as_it_was_once_the_command_is_loaded(before):
    subprocess.run([sys.executable, "-c", AGAIN.format(before=before)], check=True)


def test_the_commands_that_change_something_are_commands():
    assert all(hub.cli.app.parse_commands(list(path))[0] == path for path in hub.cli._CHANGING)
