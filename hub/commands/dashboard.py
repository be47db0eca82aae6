"""`patrol-hub` and `patrol-hub tui`: the dashboard, with a hub of its own where none runs.

The hub is a process apart, which goes on when the dashboard leaves; what it says goes to ``hub.log`` in the state
folder. Nothing here, and so nothing in the dashboard's process, imports the hub's machinery.
"""

from __future__ import annotations

import os
import socket as sockets
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from hub.commands.console import note
from hub.config import load_config, state_folder
from hub.errors import StoreError, UsageError
from hub.wire import SOCKET_FILE, reachable

LOG_FILE: Final = "hub.log"
"""What a hub says that the dashboard started, in the state folder; the one before is ``hub.log.1``."""
START_SECONDS: Final = 30.0
"""Longest wait for a hub to open its stores and models; the dashboard then comes up and waits itself."""
_LOOK_EVERY: Final = 0.1
_LAST_BYTES: Final = 4096
_LOG_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


def start(*, config: Path | None, development: bool) -> int:
    """Attach the dashboard to the unit's hub; start one with the configuration's cameras where none runs."""
    _check_terminal()
    state = state_folder()
    path = state / SOCKET_FILE
    hub = None
    if not _answers(path):
        cameras = bool(load_config(config).cameras)
        hub = _start_hub(state, config, cameras=cameras, development=development)
        _wait_for(hub, path, state / LOG_FILE)
    _show(path)
    if hub is not None and hub.poll() is None:
        note(f"the hub goes on (process {hub.pid}): `patrol-hub tui` attaches to it again")
    return 0


def tui(*, socket: Path | None) -> int:
    """Attach the dashboard to a running hub; it waits for one where none runs."""
    _check_terminal()
    _show(socket or state_folder() / SOCKET_FILE)
    return 0


def _check_terminal() -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the dashboard needs a terminal; without one use `patrol-hub run`, see patrol-hub --help")


def _show(path: Path) -> None:
    from hub.tui.app import make_app
    from hub.tui.graphics import ask_terminal

    make_app(path, pixels=ask_terminal()).run()


def _answers(path: Path) -> bool:
    """Say whether a hub listens on a socket."""
    with suppress(OSError), reachable(path) as address, sockets.socket(sockets.AF_UNIX) as peer:
        peer.settimeout(1)
        peer.connect(address)
        return True
    return False


def _start_hub(state: Path, config: Path | None, *, cameras: bool, development: bool) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-P", "-m", "hub", "run"]  # -P: nothing of the folder it is called in is imported
    if config is not None:
        words += ["--config", str(config)]
    if development:
        words.append("--development")
    if not cameras:
        words.append("--without-camera")
    log = state / LOG_FILE
    try:
        with suppress(FileNotFoundError):
            log.replace(log.with_name(f"{LOG_FILE}.1"))
        with os.fdopen(os.open(log, _LOG_FLAGS, 0o600), "wb") as out:
            # A session of its own: neither Ctrl-C nor the end of this terminal reaches it.
            return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
    except OSError as error:
        raise StoreError(f"a hub cannot be started with {log}: {error.strerror}") from error


def _wait_for(hub: subprocess.Popen[bytes], path: Path, log: Path) -> None:
    """Wait until a hub that was started listens.

    Raises:
        UsageError: It ended instead; the message is the last that it said.
    """
    until = time.monotonic() + START_SECONDS
    while not _answers(path) and time.monotonic() < until:
        if hub.poll() is not None:
            raise UsageError(f"the hub did not start: {_last_line(log)}")
        time.sleep(_LOOK_EVERY)


def _last_line(log: Path) -> str:
    try:
        lines = log.read_bytes()[-_LAST_BYTES:].decode("utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1].removeprefix("patrol-hub: ") if lines else f"it said nothing, see {log}"
