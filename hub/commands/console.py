"""How a command speaks: results on standard output, everything else on standard error.

No command's logic lives here. Texts from records and plugins go through `hub.text.plain`.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Final, Literal, TypeAlias

import msgspec

from hub.errors import UsageError
from hub.text import harmless, plain

Form: TypeAlias = Literal["text", "json", "jsonl"]

_ENCODER = msgspec.json.Encoder(order="deterministic", decimal_format="number")


class OutputError(OSError):
    """Standard output does not take the answer; the message says why.

    No `HubError`: a command that goes on with its next file after one that fails could tell nothing of that either.
    """


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:  # whoever read it has seen enough, which is no mistake
        raise
    except OSError as error:
        raise OutputError(error.strerror or type(error).__name__) from error


def emit(value: object) -> None:
    """Print one JSON object on one line of standard output and flush it, so that a reader downstream sees it now.

    JSON is in UTF-8, whatever the terminal's encoding is.

    Raises:
        OutputError: Standard output does not take it.
    """
    line = _ENCODER.encode(value) + b"\n"
    with _answering():
        sys.stdout.flush()
        sys.stdout.buffer.write(line)
        sys.stdout.flush()


def say(text: str) -> None:
    """Print one line of a text answer on standard output, with control characters neutralised.

    Raises:
        OutputError: Standard output does not take it.
    """
    with _answering():
        sys.stdout.write(harmless(text) + "\n")
        sys.stdout.flush()


def table(rows: Iterable[tuple[str, ...]]) -> None:
    """Print rows in columns wide enough for their longest cell."""
    cells = [tuple(plain(cell, limit=200) for cell in row) for row in rows]
    if not cells:
        return
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    for row in cells:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def note(text: str) -> None:
    """Print one line of diagnosis on standard error; where that takes none, the command goes on without."""
    with suppress(OSError):
        sys.stderr.write(plain(text, limit=2000) + "\n")
        sys.stderr.flush()


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far a long command is, on a terminal's standard error; elsewhere nothing.

    Yields:
        What to call with how many are done, and of how many; 0 where that is not known.
    """
    if not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def at_terminal() -> bool:
    """Say whether somebody sits there who reads and can answer."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def ask_yes(question: str) -> bool:
    """Ask somebody at the terminal; anything but a yes is a no."""
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


class _Following:
    """The passphrase that a command asks for last, and its line where that was read ahead."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.line = ""


_FOLLOWING: Final[ContextVar[_Following | None]] = ContextVar("_FOLLOWING", default=None)


@contextmanager
def another_follows(what: str) -> Iterator[None]:
    """Say, for the block, that a command which may ask an officer's passphrase first asks for a new one after it.

    Where standard input is a pipe with one line alone, that line was meant as the new one. It is not tried as the
    officer's own then, which would count as a wrong attempt.

    Args:
        what: Whose passphrase is asked for last, in words.
    """
    before = _FOLLOWING.set(_Following(what))
    try:
        yield
    finally:
        _FOLLOWING.reset(before)


def ask_passphrase(prompt: str, *, twice: bool = False) -> str:
    """Ask for a passphrase: on the terminal without echo, or the next line of standard input where that is a pipe.

    Args:
        prompt: Whose it is, in words.
        twice: It is a new one: on a terminal it is asked for once more.

    Raises:
        UsageError: Nothing was given, the two entries differ, or another line has to follow and does not.
    """
    if not sys.stdin.isatty():
        return _piped(prompt, new=twice)
    first = getpass.getpass(f"{prompt}: ")
    if not first:
        raise UsageError("a passphrase is needed")
    if twice and getpass.getpass("once more: ") != first:
        raise UsageError("the two passphrases differ; nothing was changed")
    return first


def _piped(prompt: str, *, new: bool) -> str:
    following = _FOLLOWING.get()
    if following is not None and new and following.line:
        line = following.line
    else:
        line = read_input(sys.stdin.readline)
        if following is not None and not new:
            following.line = read_input(sys.stdin.readline)
            if line.strip() and not following.line.strip():
                raise UsageError(
                    f"two lines of standard input are needed: first the {prompt}, which is asked on this machine, "
                    f"then {following.what}; nothing was tried"
                )
    if not line.strip():
        raise UsageError("a passphrase is needed: type it in a terminal or pipe it as one line of standard input")
    return line.rstrip("\r\n")


def read_input(read: Callable[[], str]) -> str:
    """Return what a method of standard input reads.

    Raises:
        UsageError: It is no text.
    """
    try:
        return read()
    except UnicodeDecodeError as error:
        raise UsageError("standard input is not text in UTF-8: type it in a terminal, or convert it") from error
