"""The dashboard in a real terminal on a real hub: keys go in, the screen comes out."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time

import pytest

from tests.kit import LISTED, PASSPHRASES, ROOT, Unit

pytestmark = pytest.mark.slow

QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
SECONDS = 40.0
"""Longest wait for something to be on the screen; a busy machine starts slowly."""


class Terminal:
    """A program in a terminal of tmux, with a server of its own."""

    def __init__(self, folder, environment, *words):
        self._call = ["tmux", "-S", str(folder / "tmux.sock"), "-f", "/dev/null"]
        line = " ".join(shlex.quote(word) for word in words)
        start = ["new-session", "-d", "-x", "80", "-y", "24", line]
        subprocess.run([*self._call, *start], env={**environment, "TERM": "xterm-256color"}, check=True)

    def press(self, *keys):
        subprocess.run([*self._call, "send-keys", *keys], check=True)

    def write(self, text):
        subprocess.run([*self._call, "send-keys", "-l", text], check=True)

    def screen(self):
        done = subprocess.run([*self._call, "capture-pane", "-p"], capture_output=True, text=True, check=False)
        return done.stdout

    def wait_for(self, *texts):
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            screen = self.screen()
            if all(text in screen for text in texts):
                return screen
            time.sleep(0.1)
        raise AssertionError(f"{texts} not on the screen:\n{self.screen()}")

    def close(self):
        subprocess.run([*self._call, "kill-server"], check=False, capture_output=True)


@pytest.fixture
def unit(tmp_path):
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    return Unit.prepare(tmp_path / "unit")


def start_hub(unit):
    return unit.spawn("run", "--without-camera", **QUIET)


def sign_in(terminal):
    terminal.wait_for("officer's number")
    terminal.write(f"4711\r{PASSPHRASES['4711']}\r")  # all at once: nothing of it may go into the wrong field


def test_an_officer_decides_an_alert_and_the_hub_is_lost_and_found(unit, tmp_path):
    raised = unit.spawn("run", "--source", str(unit.photos(LISTED)), "--until-end", **QUIET)
    assert raised.wait(SECONDS) == 0  # a hub ends with its files; the alert waits for the next one
    hub = start_hub(unit)
    words = [sys.executable, "-c", "from hub.cli import script; script()", "tui"]
    terminal = Terminal(tmp_path, unit.environment(), *words)
    try:
        sign_in(terminal)
        terminal.wait_for("STOLEN VEHICLE", "decide within", "1 ALERT", " ".join(LISTED))
        terminal.write("tseen at the kerb\r")
        terminal.wait_for("TRUE, the desk is told", "no alert waits")
        for _ in range(5):
            terminal.press("PageDown")
        terminal.wait_for("adjudicated true, 4711: seen at", "the kerb")
        terminal.press("F3")
        terminal.wait_for("[F3 Look-up]")
        terminal.write(LISTED)
        terminal.press("Enter")
        terminal.write("parked across a gate")
        terminal.press("Enter")
        terminal.wait_for("answered, 2 with a hit", "wanted_persons")
        terminal.press("F6")
        terminal.wait_for("parked across a gate", "adjudicated true")

        hub.kill()
        hub.wait()
        killed = time.monotonic()
        terminal.wait_for("HUB LOST")
        assert time.monotonic() - killed < 2.0 + 1.0  # what reading the screen takes on a busy machine
        hub = start_hub(unit)
        terminal.wait_for("not signed in", "car-1")
        terminal.press("F2", "s")
        sign_in(terminal)
        terminal.wait_for("TRUE, the desk is told")

        terminal.press("q")
        terminal.wait_for("Leave the dashboard?")
        terminal.press("s")
        assert hub.wait(SECONDS) == 0
    finally:
        terminal.close()
        hub.kill()
        hub.wait()


def test_without_a_terminal_it_says_so(unit):
    done = subprocess.run(
        [sys.executable, "-c", "from hub.cli import script; script()", "tui"],
        cwd=ROOT, env=unit.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "needs a terminal" in done.stderr
