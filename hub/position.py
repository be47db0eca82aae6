"""Position sources of the hub's own: a fixed place, a recorded file, an NMEA receiver, gpsd.

They are named in one line of text (`make_position`). How a receiver is read is `hub.receivers`'; who keeps it open,
`hub.actors.position`'s; what follows from a fix, `hub.authority.order_watch`'s.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final, TypeAlias

from msgspec import Struct

from hub.backends import PositionSource
from hub.errors import InputError, UsageError
from hub.gpsd import LONGEST_LINE, WATCH, GpsdReader
from hub.messages import Fix
from hub.nmea import LONGEST_LINE as LONGEST_SENTENCE
from hub.nmea import NmeaReader
from hub.receivers import SPEEDS, Boottime, Receiver, connect, open_serial

SURE_METRES: Final = 1.0
"""Accuracy of a place that somebody wrote down."""
_LARGEST_FILE: Final = 64 * 2**20

MakePosition: TypeAlias = Callable[[], PositionSource]
"""Opens a source; blocks no longer than a connection takes."""

HOW: Final = (
    "a position is fixed:LAT,LON, gpsd, gpsd:HOST:PORT, nmea:HOST:PORT, nmea:/dev/ttyUSB0, nmea:/dev/ttyUSB0@9600, "
    "plugin:NAME, or a file of NMEA sentences or of lines seconds,latitude,longitude"
)


class Whereabouts:
    """Holds the newest fix, in memory and alone: nothing tells where the unit has been (C9)."""

    def __init__(self) -> None:
        self.fix: Fix | None = None

    def keep(self, fix: Fix) -> None:
        """Put a fix in place of the one before."""
        self.fix = fix


def make_position(
    text: str, boottime: Boottime, plugins: Mapping[str, MakePosition] = MappingProxyType({})
) -> tuple[str, MakePosition]:
    """Return a short name for a position source and what opens it.

    Args:
        text: What `HOW` says.
        boottime: The running time, for `Fix.at`.
        plugins: What plugins registered, by name.

    Raises:
        UsageError: It is none of these.
        InputError: The file is missing or holds no position.
    """
    kind, _, rest = text.partition(":")
    if kind == "fixed":
        latitude, longitude = _pair(rest)
        return "fixed", lambda: FixedPosition(latitude, longitude, boottime)
    if kind == "gpsd":
        host, port = _address(rest or "localhost:2947")
        return "gpsd", lambda: Receiver("gpsd", connect(host, port, WATCH), GpsdReader(), LONGEST_LINE, boottime)
    if kind == "nmea" and rest.startswith("/"):
        device, _, speed = rest.partition("@")
        if speed and (not speed.isdecimal() or int(speed) not in SPEEDS):
            raise UsageError(f"{speed!r} is no speed of a serial line: {', '.join(map(str, SPEEDS))}")
        rate = int(speed or 4800)
        return "nmea", lambda: Receiver("nmea", open_serial(device, rate), NmeaReader(), LONGEST_SENTENCE, boottime)
    if kind == "nmea":
        host, port = _address(rest)
        return "nmea", lambda: Receiver("nmea", connect(host, port, b""), NmeaReader(), LONGEST_SENTENCE, boottime)
    if kind == "plugin":
        if rest not in plugins:
            raise UsageError(f"no plugin offers the position source {rest[:60]!r}: {', '.join(plugins) or 'none does'}")
        return rest, plugins[rest]
    track = read_track(Path(text))
    return "replay", lambda: ReplayedPosition(track, boottime)


class FixedPosition(PositionSource):
    """A unit that stands still: a mast, a desk, a gate."""

    name: ClassVar[str] = "fixed"

    def __init__(self, latitude: float, longitude: float, boottime: Boottime) -> None:
        self._place = (latitude, longitude)
        self._boottime = boottime

    def fix(self) -> Fix | None:
        """Return the place, at once."""
        return Fix(*self._place, self._boottime(), SURE_METRES)


class Waypoint(Struct, frozen=True):
    """One line of a recorded file."""

    seconds: float
    """Since its beginning."""
    latitude: float
    longitude: float
    accuracy: float


class ReplayedPosition(PositionSource):
    """Positions of a recorded file at their own pace; after its end there are none."""

    name: ClassVar[str] = "replay"

    def __init__(self, track: tuple[Waypoint, ...], boottime: Boottime) -> None:
        self._track = track
        self._boottime = boottime
        self._began = boottime()
        self._next = 0

    def fix(self) -> Fix | None:
        """Return the newest position that is due, at once."""
        ran, newest = self._boottime() - self._began, None
        while self._next < len(self._track) and self._track[self._next].seconds <= ran:
            newest = self._track[self._next]
            self._next += 1
        if newest is None:
            return None
        return Fix(newest.latitude, newest.longitude, self._began + newest.seconds, newest.accuracy)


def read_track(path: Path) -> tuple[Waypoint, ...]:
    """Read a file of NMEA sentences, or of lines ``seconds,latitude,longitude[,metres]``.

    Raises:
        InputError: It is missing, too large, damaged or holds no position; the message names the line.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; {HOW}") from error
    if len(content) > _LARGEST_FILE:
        raise InputError(f"{path} has over {_LARGEST_FILE >> 20} MB")
    lines = [(number, line.strip()) for number, line in enumerate(content.splitlines(), start=1) if line.strip()]
    track: list[Waypoint] = []
    reader = NmeaReader()
    midnights, last = 0, -1.0
    for number, line in lines:
        try:
            if not line.startswith(b"$"):
                track.append(_waypoint(line))
            elif position := reader.read(line):
                seconds = _seconds_of(position.time)
                midnights += seconds < last - 43_200
                last = seconds
                track.append(
                    Waypoint(seconds + midnights * 86_400, position.latitude, position.longitude, position.accuracy)
                )
        except ValueError as error:
            raise InputError(f"{path}, line {number}: {error}") from error
        if len(track) > 1 and track[-1].seconds < track[-2].seconds:
            raise InputError(f"{path}, line {number}: it is earlier than the line before")
    if not track:
        raise InputError(f"{path} holds no position; {HOW}")
    if lines[0][1].startswith(b"$"):  # a receiver's clock does not begin at 0
        first = track[0].seconds
        track = [Waypoint(each.seconds - first, each.latitude, each.longitude, each.accuracy) for each in track]
    return tuple(track)


def _pair(text: str) -> tuple[float, float]:
    try:
        latitude, longitude = (float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"{text[:60]!r} is no place: write fixed:LAT,LON in degrees") from error
    if not possible(latitude, longitude):
        raise UsageError(f"{text[:60]!r} is no place: latitude is -90 to 90, longitude -180 to 180")
    return latitude, longitude


def possible(latitude: float, longitude: float) -> bool:
    """Say whether there is such a place on the globe."""
    return math.isfinite(latitude) and math.isfinite(longitude) and abs(latitude) <= 90 and abs(longitude) <= 180


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UsageError(f"{text[:60]!r} is no address: write HOST:PORT")
    return host.strip("[]"), int(port)


def _waypoint(line: bytes) -> Waypoint:
    try:
        numbers = [float(part) for part in line.decode("ascii").split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in {3, 4} or not all(map(math.isfinite, numbers)) or not possible(*numbers[1:3]):
        raise ValueError("write seconds,latitude,longitude or an NMEA sentence")
    accuracy = numbers[3] if len(numbers) == 4 else SURE_METRES
    if accuracy <= 0 or numbers[0] < 0:
        raise ValueError("seconds count from 0, and an accuracy is over 0 metres")
    return Waypoint(numbers[0], numbers[1], numbers[2], accuracy)


def _seconds_of(time: str) -> float:
    return int(time[:2]) * 3600 + int(time[2:4]) * 60 + float(time[4:])
