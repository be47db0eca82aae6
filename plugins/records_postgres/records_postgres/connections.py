"""Connections that are kept while they work, and what a database's failures are called.

A connection is made by whoever needs one, so that the reason why there is none reaches the officer; a broken one is
thrown away and the statement, which only reads, is sent once more on a new one. A server that takes a statement and
says nothing is cut off from this side.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Final

import psycopg
from psycopg import errors, sql

from hub.errors import SourceError
from hub.text import plain

GRACE_SECONDS: Final = 0.3
"""How much longer than the server's own limit this side waits for a statement."""

_NAMED: Final[Mapping[type[psycopg.Error], str]] = {
    errors.LockNotAvailable: "the table is locked: the database did not answer in time",
    errors.QueryCanceled: "the database did not answer in time: a slow statement or a lock",
    errors.UndefinedTable: "the database has no such table, or this role does not see it",
    errors.UndefinedColumn: "the table has no such column",
    errors.InsufficientPrivilege: "this role may not read the table",
    errors.InvalidPassword: "the database refuses the user or the password",
    errors.TooManyConnections: "the database has no connection left",
    errors.ReadOnlySqlTransaction: "the statement would have changed the database",
}


class Pool:
    """Connections to one database.

    Args:
        how: What libpq connects with.
        keep: Connections that are kept open while nobody asks.
        seconds: The server's limit for one statement.
    """

    def __init__(self, how: Mapping[str, str | int], *, keep: int, seconds: float) -> None:
        self._how, self._keep, self._seconds = dict(how), keep, seconds
        self._idle: list[psycopg.Connection] = []
        self._lock = threading.Lock()
        self._closed = False

    def fetch(self, text: sql.SQL | sql.Composed, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of a statement that only reads.

        Raises:
            SourceError: The database did not answer; one line that says why.
        """
        with mapped_errors():
            while (connection := self._take()) is not None:
                try:
                    return self._ask(connection, text, values)
                except psycopg.OperationalError:
                    if not connection.closed:
                        raise
            return self._ask(psycopg.connect(**self._how, autocommit=True), text, values)  # type: ignore[arg-type]

    def close(self) -> None:
        """Close what nobody uses now, and the others when they come back. May be called twice."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _ask(
        self, connection: psycopg.Connection, text: sql.SQL | sql.Composed, values: Mapping[str, Any] | None
    ) -> list[tuple[Any, ...]]:
        cut = threading.Event()
        try:
            with cut_after(connection, self._seconds + GRACE_SECONDS, cut):
                return list(connection.execute(text, values))
        except psycopg.OperationalError:
            if cut.is_set():
                raise SourceError("the database took the statement and then said nothing") from None
            raise
        finally:
            self._give_back(connection)

    def _take(self) -> psycopg.Connection | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _give_back(self, connection: psycopg.Connection) -> None:
        ready = not connection.closed and connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        with self._lock:
            if ready and not self._closed and len(self._idle) < self._keep:
                self._idle.append(connection)
                return
        connection.close()


@contextlib.contextmanager
def cut_after(connection: psycopg.Connection, seconds: float, cut: threading.Event) -> Iterator[None]:
    """Shut a connection's socket so many seconds later unless the block has ended: a read that waits then fails.

    Args:
        connection: The connection.
        seconds: How long the block may take.
        cut: Set once the socket is shut.
    """
    with socket.socket(fileno=os.dup(connection.fileno())) as line:

        def shut() -> None:
            cut.set()
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(seconds, shut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()


@contextlib.contextmanager
def mapped_errors() -> Iterator[None]:
    """Turn what psycopg raises into one line for the officer, without what was asked.

    Raises:
        SourceError: In place of any error of psycopg.
    """
    try:
        yield
    except psycopg.Error as error:
        raise SourceError(say(error)) from None
    except (UnicodeError, ValueError, OSError) as error:
        raise SourceError(f"the database answered with nonsense: {type(error).__name__}") from None


def say(error: psycopg.Error) -> str:
    """Return what an error of the database means, in one line."""
    for kind, words in _NAMED.items():
        if isinstance(error, kind):
            return words
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        # From connecting, so it holds no value of a query; libpq names server, port and reason.
        return f"the database cannot be reached: {plain(str(error), limit=150)}"
    return f"the database refuses the statement (SQLSTATE {plain(error.sqlstate or 'unknown', limit=10)})"
