"""Diagnostics on standard error: what a line of the log may hold, and how it is written.

A line holds words, numbers and truth values. Pixels, records and anything else of a structure are dropped and counted,
text is made harmless, and of an exception only its kind and place are told: its message could name what was read.
What is accounted for is in `hub.audit` and not here.

Whoever reads may stop for as long as it likes: a pager, a terminal after Ctrl-S, a journal. A hub waits for none of
them, so what it says goes through a `Relay`.
"""

from __future__ import annotations

import logging
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from itertools import accumulate
from typing import Any, Final, Literal, TextIO

import structlog

from hub.clocks import Clock
from hub.text import locate, plain

LONGEST: Final = 300
"""Most characters of one value."""
MOST_BYTES: Final = 2**20
"""Most that waits for a reader who takes nothing."""
END_SECONDS: Final = 1.0
"""Longest wait at the end, in all, for a reader to take what is left."""


class LogForm(StrEnum):
    """How lines are written."""

    JSON = "json"
    """One object a line."""
    CONSOLE = "console"
    """For a person."""


def set_up_logs(stream: TextIO, *, clock: Clock, form: LogForm = LogForm.CONSOLE, level: int = logging.INFO) -> None:
    """Configure structlog for this process, and send what libraries log the same way.

    Args:
        stream: Where lines go: standard error.
        clock: Gives each line its time.
        form: How lines are written.
        level: Least level that is written, as in `logging`.
    """

    def stamp(_: object, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        line["at"] = _time(clock)
        return line

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            name_exception,
            keep_scalars,
            neutralise,
            stamp,
            _renderer(form),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Forward()], level=max(level, logging.WARNING), force=True)


def lost_line(clock: Clock, form: LogForm) -> Callable[[int], str]:
    """Return what makes the line of the log that tells how many were lost."""
    render = _renderer(form)

    def line(count: int) -> str:
        text = f"{count} {'remark was' if count == 1 else 'remarks were'} lost: nobody took them"
        return f"{render(None, 'warning', {'event': text, 'level': 'warning', 'at': _time(clock)})!s}\n"

    return line


def _renderer(form: LogForm) -> structlog.typing.Processor:
    if form is LogForm.JSON:
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=False, timestamp_key="at", pad_event_to=0, sort_keys=False)


def _time(clock: Clock) -> str:
    return clock.now().isoformat(timespec="milliseconds")


def name_exception(_: object, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace an exception, however it was handed over, by its kind and place."""
    given = line.pop("exc_info", None)
    error = given[1] if isinstance(given, tuple) and len(given) == 3 else given
    if error is True:
        error = sys.exception()
    if isinstance(error, BaseException):
        line["error"] = locate(error)
    for key, value in line.items():
        if isinstance(value, BaseException):
            line[key] = locate(value)
    return line


def keep_scalars(_: object, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop every value that is no text, number or truth value, and say how many went."""
    dropped = [key for key, value in line.items() if not isinstance(value, str | int | float | bool)]
    for key in dropped:
        del line[key]
    if dropped:
        line["dropped"] = len(dropped)
    return line


def neutralise(_: object, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Make names and texts harmless: one line, nothing that steers a terminal."""
    return {plain(key, 60): plain(value, LONGEST) if isinstance(value, str) else value for key, value in line.items()}


class _Forward(logging.Handler):
    """Passes on that a library logged something: its template and place, never the values filled into it."""

    def emit(self, record: logging.LogRecord) -> None:
        template = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        structlog.get_logger().log(
            record.levelno, template, library=record.name, place=f"{record.filename}:{record.lineno}"
        )


# ------------------------------------------------------------------------------------------- who takes it


@contextmanager
def relayed(name: Literal["stdout", "stderr"], lost: Callable[[int], str]) -> Iterator[Relay]:
    """Put a `Relay` in place of a standard stream for the block, and wait a bounded time for what is left at its end.

    The stream is put back where its reader takes more at once. Elsewhere the relay stays for the rest of the process,
    which may be about to say why it ends.

    Args:
        name: The stream.
        lost: Makes the line that tells how many were lost.
    """
    stream: TextIO = getattr(sys, name)
    relay = Relay(stream, lost)
    setattr(sys, name, relay)
    try:
        yield relay
    finally:
        if relay.end():
            setattr(sys, name, stream)


class Relay:
    """A text stream whose writers never wait for its reader: a thread hands on what they wrote, in their order.

    Where too much waits, the oldest goes, as for events: who comes back wants to know what is now. What cannot be
    written at all, as on a full disk, is gone as well. How many went is told in front of what is taken next.

    Anything but writing is left to the stream underneath.

    Args:
        stream: Where it goes. Nothing is buffered there: a thread that hangs on a reader would hold the buffer's lock.
        lost: Makes the line that tells how many were lost.

    Attributes:
        error: Why the last that was lost could not be written; None where it only waited too long.
    """

    def __init__(self, stream: TextIO, lost: Callable[[int], str]) -> None:
        self.error: OSError | ValueError | None = None
        self._stream = stream
        self._raw: Any = getattr(stream.buffer, "raw", stream.buffer)
        self._lost_line = lost
        self._changed = threading.Condition()  # re-entrant: a signal handler or a finaliser may write as well
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._under_way = 0
        self._lost = 0
        self._torn = False
        self._until: float | None = None
        self._put_back = False
        threading.Thread(target=self._hand_on, name="relay", daemon=True).start()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever a text stream has
        return getattr(self._stream, name)

    @property
    def missing(self) -> int:
        """How many writes have not got away: lost, or still waiting. Those that were told as lost do not count."""
        with self._changed:
            return self._lost + self._under_way + len(self._waiting)

    def write(self, text: str) -> int:
        """Take a text; see the class for what becomes of it."""
        data = text.encode(self._stream.encoding, self._stream.errors or "strict")
        with self._changed:
            if not self._put_back:
                self._waiting.append(data)
                self._bytes += len(data)
                while self._bytes > MOST_BYTES and len(self._waiting) > 1:
                    self._bytes -= len(self._waiting.popleft())
                    self._lost += 1
                self._changed.notify_all()
                return len(text)
        return self._stream.write(text)

    def writelines(self, lines: Sequence[str]) -> None:
        """Take several texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Wait for nobody before the end; then for what is left of the time that the end may take."""
        if self._put_back:
            self._stream.flush()
        elif self._until is not None:
            self._settle()

    def end(self) -> bool:
        """Wait a bounded time for what is left.

        Returns:
            Whether the stream may be used directly again, because all was taken and more would be at once. What is
            written here afterwards goes there.
        """
        self._until = time.monotonic() + END_SECONDS
        settled = self._settle() and self._takes_more()
        with self._changed:
            self._put_back = settled
            self._changed.notify_all()
        return settled

    def _settle(self) -> bool:
        left = 0.0 if self._until is None else max(0.0, self._until - time.monotonic())
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._under_way, left)

    def _takes_more(self) -> bool:
        """Say whether a write would neither wait nor fail."""
        try:
            file, ready = self._raw.fileno(), select.poll()
            ready.register(file, select.POLLOUT)
            return ready.poll(0) == [(file, select.POLLOUT)]
        except (OSError, ValueError):
            return True  # no file of the system's: nobody reads at another end

    # ------------------------------------------------------------------------------------------ the thread

    def _hand_on(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._put_back)
                if not self._waiting:
                    return
                # All at once: a thread that took them one by one would hardly get its turn beside a busy hub.
                texts, lost = list(self._waiting), self._lost
                self._waiting.clear()
                self._bytes = self._lost = 0
                self._under_way = len(texts)
            if lost and self._send([self._lost_line(lost).encode()]):
                lost += len(texts)
            else:
                lost = self._send(texts)
            with self._changed:
                self._lost += lost
                self._under_way = 0
                self._changed.notify_all()

    def _send(self, texts: Sequence[bytes]) -> int:
        """Write texts, and return how many of them could not be."""
        if self._torn:
            texts = [b"\n" + texts[0], *texts[1:]]  # what was cut off is not to spoil this line
        data, written = memoryview(b"".join(texts)), 0
        try:
            while written < len(data):
                count = self._raw.write(data[written:])
                if count is None:  # somebody else who has the file made it non-blocking
                    select.select([], [self._raw], [])
                written += count or 0
        except (OSError, ValueError) as error:  # nobody is there any more, the disk is full, the file was closed
            self.error = error
            if written:
                self._torn = data[written - 1] != ord("\n")
            return sum(end > written for end in accumulate(map(len, texts)))
        self._torn = False
        return 0
