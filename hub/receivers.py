"""Receivers that talk in lines, over a socket or a serial line: what position sources read from.

What a line means is `hub.nmea`'s and `hub.gpsd`'s. A receiver may be silent, flood, send garbage or lines without end,
or go away: none of it costs more than a second and a bounded buffer.
"""

from __future__ import annotations

import os
import select
import socket
import termios
import tty
from collections.abc import Callable
from typing import ClassVar, Final, Protocol, TypeAlias

from hub.backends import PositionSource
from hub.errors import PositionError
from hub.messages import Fix
from hub.nmea import Position

FIX_WAIT: Final = 1.0
"""Longest time in seconds that `PositionSource.fix` waits."""
SILENT_SECONDS: Final = 10.0
"""Time without a byte after which a receiver counts as gone."""
CONNECT_SECONDS: Final = 3.0
SPEEDS: Final = {4800: termios.B4800, 9600: termios.B9600, 38400: termios.B38400, 115200: termios.B115200}
"""Speeds of a serial line, in bits a second."""
_CHUNK: Final = 64 * 1024

Boottime: TypeAlias = Callable[[], float]
"""Returns CLOCK_BOOTTIME in seconds."""


class Stream(Protocol):
    """Where a receiver's bytes come from."""

    def read(self, wait: float) -> bytes | None:
        """Return what came, waiting at most so many seconds; None where nothing did.

        Raises:
            PositionError: The other side is gone.
        """
        ...

    def close(self) -> None:
        """Let go of it. May be called twice."""
        ...


class Reader(Protocol):
    """Makes positions of lines."""

    def read(self, line: bytes) -> Position | None:
        """Return the new position in a line, or None; raise `ValueError` where the line is damaged."""
        ...


class Receiver(PositionSource):
    """A receiver that talks in lines. What it floods us with is read and thrown away, the newest position counts.

    Args:
        name: What it is called in health.
        stream: Where its bytes come from; closed with it.
        reader: What its lines mean.
        longest: Most bytes of a line; longer ones are refused without being kept.
        boottime: The running time.
    """

    name: ClassVar[str] = "receiver"

    def __init__(self, name: str, stream: Stream, reader: Reader, longest: int, boottime: Boottime) -> None:
        self.label = name
        self._stream = stream
        self._reader = reader
        self._longest = longest
        self._boottime = boottime
        self._rest = b""
        self._skipping = False
        self._heard = boottime()

    def fix(self) -> Fix | None:
        """Return the newest position that came within `FIX_WAIT`.

        Raises:
            PositionError: The receiver is gone, or said nothing for `SILENT_SECONDS`.
        """
        until = self._boottime() + FIX_WAIT
        newest: Fix | None = None
        while (left := until - self._boottime()) > 0:
            try:
                data = self._stream.read(0.0 if newest else left)
            except PositionError:
                if newest is None:
                    raise
                break  # what it said last still counts; the next call finds that it is gone
            now = self._boottime()
            if data is None:
                if newest is None and now - self._heard > SILENT_SECONDS:
                    raise PositionError(f"{self.label} has said nothing for {SILENT_SECONDS:g} s")
                break
            self._heard = now
            for line in self._lines(data):
                newest = self._read(line, now) or newest
        return newest

    def close(self) -> None:
        """Close the connection or device."""
        self._stream.close()

    def _read(self, line: bytes, now: float) -> Fix | None:
        try:
            position = self._reader.read(line)
        except ValueError:
            self.refused += 1
            return None
        if position is None:
            return None
        return Fix(position.latitude, position.longitude, now, position.accuracy)

    def _lines(self, data: bytes) -> list[bytes]:
        """Return the whole lines so far and keep the rest; of a line without end nothing is kept."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if self._skipping and lines:
            del lines[0]
            self._skipping = False
        if len(self._rest) > self._longest:
            self.refused += not self._skipping
            self._rest, self._skipping = b"", True
        return [line for line in lines if line.strip()]


class _Socket:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def read(self, wait: float) -> bytes | None:
        try:
            self._connection.settimeout(max(wait, 0.001))
            data = self._connection.recv(_CHUNK)
        except TimeoutError:
            return None
        except OSError as error:
            raise PositionError(f"the connection to the receiver broke: {error.strerror or error}") from error
        if not data:
            raise PositionError("the receiver closed the connection")
        return data

    def close(self) -> None:
        self._connection.close()


class _Device:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read(self, wait: float) -> bytes | None:
        try:
            if not select.select([self._descriptor], [], [], wait)[0]:
                return None
            data = os.read(self._descriptor, _CHUNK)
        except (OSError, ValueError) as error:
            raise PositionError("the receiver's device is gone") from error
        if not data:
            raise PositionError("the receiver's device is gone")
        return data

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def connect(host: str, port: int, greeting: bytes) -> Stream:
    """Connect to a receiver's server and greet it.

    Raises:
        PositionError: Nobody answers.
    """
    try:
        connection = socket.create_connection((host, port), timeout=CONNECT_SECONDS)
    except OSError as error:
        raise PositionError(f"no receiver answers at {host}:{port}: {error.strerror or error}") from error
    try:
        connection.sendall(greeting)
    except OSError as error:
        connection.close()
        raise PositionError(f"the receiver at {host}:{port} takes nothing: {error.strerror or error}") from error
    return _Socket(connection)


def open_serial(device: str, rate: int) -> Stream:
    """Open a serial line at one of `SPEEDS`, raw.

    Raises:
        PositionError: It is not there, or is no serial line.
    """
    try:
        descriptor = os.open(device, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise PositionError(f"{device} cannot be opened: {error.strerror}") from error
    try:
        tty.setraw(descriptor)
        mode = termios.tcgetattr(descriptor)
        mode[4] = mode[5] = SPEEDS[rate]
        termios.tcsetattr(descriptor, termios.TCSANOW, mode)
    except (OSError, termios.error) as error:
        os.close(descriptor)
        raise PositionError(f"{device} is no serial line") from error
    return _Device(descriptor)
