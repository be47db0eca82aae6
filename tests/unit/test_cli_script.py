"""The installed command ends its process itself, after everything that was printed has left."""

from __future__ import annotations

import subprocess
import sys

CHILD = """
import atexit, hub.cli
atexit.register(print, "the interpreter was taken down")
hub.cli.main = lambda: print("the answer") or 1
hub.cli.script()
"""


def test_the_answer_leaves_and_no_thread_can_abort_the_end():
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "the answer\n", "")
