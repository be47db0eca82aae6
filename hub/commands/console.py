"""How a command speaks: results on standard output, everything else on standard error.

No command's logic lives here. Texts from records and plugins go through `hub.text.plain`.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias

import msgspec

from hub.errors import UsageError
from hub.text import harmless, plain

Form: TypeAlias = Literal["text", "json", "jsonl"]

_ENCODER = msgspec.json.Encoder(order="deterministic", decimal_format="number")


def emit(value: object) -> None:
    """Print one JSON object on one line of standard output and flush it, so that a reader downstream sees it now."""
    sys.stdout.write(_ENCODER.encode(value).decode("utf-8") + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """Print one line of a text answer on standard output, with control characters neutralised."""
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
    """Print one line of diagnosis on standard error."""
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


def ask_passphrase(prompt: str, *, twice: bool = False) -> str:
    """Ask for a passphrase: on the terminal without echo, or the next line of standard input where that is a pipe.

    Raises:
        UsageError: Nothing was given, or the two entries differ.
    """
    if not sys.stdin.isatty():
        line = sys.stdin.readline()
        if not line.strip():
            raise UsageError("a passphrase is needed: type it in a terminal or pipe it as one line of standard input")
        return line.rstrip("\r\n")
    first = getpass.getpass(f"{prompt}: ")
    if not first:
        raise UsageError("a passphrase is needed")
    if twice and getpass.getpass("once more: ") != first:
        raise UsageError("the two passphrases differ; nothing was changed")
    return first
