"""`patrol-hub` and `patrol-hub tui`: the dashboard, with a hub of its own where none runs.

The hub is a process apart, which goes on when the dashboard leaves; what it says goes to ``hub.log`` in the state
folder. Nothing here, and so nothing in the dashboard's process, imports the hub's machinery.

Between its start and its first answer a hub opens its stores and models, which may take a minute. Two locks say
that there is one: its own in the state folder, and one on its log, which it holds from the moment it is started
because it inherits the file. Whoever finds either taken starts none and leaves the log where it is.
"""

from __future__ import annotations

import os
import socket as sockets
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from io import FileIO
from pathlib import Path
from typing import Final, NamedTuple

from hub.commands.console import note
from hub.config import load_config, state_folder
from hub.errors import StoreError, UsageError
from hub.store.locks import take
from hub.wire import SOCKET_FILE, reachable

LOG_FILE: Final = "hub.log"
"""What a hub says that the dashboard started, in the state folder; the one before is ``hub.log.1``."""
LOCK_FILE: Final = "hub.lock"
"""Held by the hub that runs, as `hub.attach` names it."""
START_SECONDS: Final = 30.0
"""Longest wait for a hub to open its stores and models; the dashboard then comes up and waits itself."""
_LOOK_EVERY: Final = 0.1
_LAST_BYTES: Final = 4096
_LOG_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class _Started(NamedTuple):
    """A hub that was started here, and what it says."""

    process: subprocess.Popen[bytes]
    log: FileIO


def start(*, config: Path | None, development: bool) -> int:
    """Attach the dashboard to the unit's hub; start one with the configuration's cameras where none runs."""
    _check_terminal()
    state = state_folder()
    path = state / SOCKET_FILE
    hub = None if _answers(path) else _bring_up(state, config, development=development)
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


def _bring_up(state: Path, config: Path | None, *, development: bool) -> subprocess.Popen[bytes] | None:
    """Wait until a hub listens: the one that somebody else started, or one that is started here where there is none.

    Returns:
        The one that was started here.

    Raises:
        UsageError: It ended instead, and the message is the last that it said; or no dashboard can attach to the other.
        StoreError: It cannot be started.
    """
    cameras = bool(load_config(config).cameras)
    until = time.monotonic() + START_SECONDS
    hub, told = None, False
    with ExitStack() as logs:  # ours is kept open, and so locked, until what the hub said last was read
        while not _answers(state / SOCKET_FILE):
            if time.monotonic() >= until:
                if hub is None:
                    _check_other(state)
                break
            if hub is not None and hub.process.poll() is not None:
                if not _is_locked(state / LOCK_FILE):
                    raise UsageError(f"the hub did not start: {_last_line(hub.log, state / LOG_FILE)}")
                logs.close()
                hub = None  # somebody else's claimed the state folder before it
            if hub is None and not _has_hub(state) and (log := _open_log(state / LOG_FILE)) is not None:
                hub = _start_hub(logs.enter_context(log), config, cameras=cameras, development=development)
            if hub is None and not told:
                note("another hub is about to start or to end here: waiting for it")
                told = True
            time.sleep(_LOOK_EVERY)
    return None if hub is None else hub.process


def _check_other(state: Path) -> None:
    """Refuse to wait any longer for a hub that somebody else started, where that is of no use."""
    if not _is_locked(state / LOCK_FILE):
        raise UsageError(f"no hub is started while something else writes to {state / LOG_FILE}: end that first")
    if not (state / SOCKET_FILE).exists():
        raise UsageError(f"the hub that runs on {state} lets no dashboard attach: stop it first")


def _start_hub(log: FileIO, config: Path | None, *, cameras: bool, development: bool) -> _Started:
    words = [sys.executable, "-P", "-m", "hub", "run"]  # -P: nothing of the folder it is called in is imported
    if config is not None:
        words += ["--config", str(config)]
    if development:
        words.append("--development")
    if not cameras:
        words.append("--without-camera")
    try:
        # A session of its own: neither Ctrl-C nor the end of this terminal reaches it.
        hub = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    except OSError as error:
        raise StoreError(f"a hub cannot be started: {error.strerror}") from error
    return _Started(hub, log)


def _has_hub(state: Path) -> bool:
    # In this order: a hub that a dashboard has just started has its log, and would find its own lock taken by a look.
    return _is_locked(state / LOG_FILE) or _is_locked(state / LOCK_FILE)


def _is_locked(path: Path) -> bool:
    """Say whether somebody holds a lock on a file."""
    with suppress(OSError), path.open("r+b", buffering=0) as file:
        return not take(file.fileno())
    return False


def _open_log(log: Path) -> FileIO | None:
    """Put the log before aside and return a new one, locked; None where somebody else is about to start a hub.

    Raises:
        StoreError: It cannot be made.
    """
    try:
        before = _open_locked(log)
        if before is None or not os.fstat(before.fileno()).st_size:
            return before
        with before:  # locked until there is a new one, so that nobody else puts that aside
            log.replace(log.with_name(f"{LOG_FILE}.1"))
            return _open_locked(log)
    except OSError as error:
        raise StoreError(f"a hub cannot be started with {log}: {error.strerror}") from error


def _open_locked(log: Path) -> FileIO | None:
    """Open the log and lock it; None where somebody else has it or has just put it aside."""
    with ExitStack() as closing:
        file = closing.enter_context(FileIO(os.open(log, _LOG_FLAGS, 0o600), "r+"))
        with suppress(FileNotFoundError):
            if take(file.fileno()) and os.path.samestat(os.fstat(file.fileno()), log.stat()):
                closing.pop_all()
                return file
    return None


def _last_line(file: FileIO, log: Path) -> str:
    try:
        end = os.fstat(file.fileno()).st_size
        said = os.pread(file.fileno(), _LAST_BYTES, max(0, end - _LAST_BYTES))
    except OSError:
        said = b""
    lines = said.decode("utf-8", errors="replace").strip().splitlines()
    return lines[-1].removeprefix("patrol-hub: ") if lines else f"it said nothing, see {log}"
