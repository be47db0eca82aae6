"""Diagnostics on standard error: what a line of the log may hold, and how it is written.

A line holds words, numbers and truth values. Pixels, records and anything else of a structure are dropped and counted,
text is made harmless, and of an exception only its kind and place are told: its message could name what was read.
What is accounted for is in `hub.audit` and not here.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from enum import StrEnum
from typing import Any, Final, TextIO

import structlog

from hub.clocks import Clock
from hub.text import locate, plain

LONGEST: Final = 300
"""Most characters of one value."""


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
        line["at"] = clock.now().isoformat(timespec="milliseconds")
        return line

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            name_exception,
            keep_scalars,
            neutralise,
            stamp,
            structlog.processors.JSONRenderer(ensure_ascii=False)
            if form is LogForm.JSON
            else structlog.dev.ConsoleRenderer(colors=False, timestamp_key="at", pad_event_to=0, sort_keys=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Forward()], level=max(level, logging.WARNING), force=True)


def name_exception(_: object, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace an exception, however it was handed over, by its kind and place."""
    given = line.pop("exc_info", None)
    error = given[1] if isinstance(given, tuple) and len(given) == 3 else given
    if error is True:
        import sys

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
