"""Positions out of NMEA 0183 sentences: RMC and GGA, checksum checked. Pure: no device and no clock here.

Field layout after the public descriptions of the two sentences (RMC: time, status, latitude, N/S, longitude, E/W, ...,
mode; GGA: time, latitude, N/S, longitude, E/W, quality, satellites, HDOP, ...).
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

LONGEST_LINE: Final = 256
"""Bytes; the standard says 82, receivers exceed it."""
METRES_PER_HDOP: Final = 5.0
"""Error of a range measurement in metres, by which the dilution of precision is multiplied: a usual assumption."""
UNKNOWN_METRES: Final = 50.0
"""Accuracy where a receiver says nothing of it."""

_TIME: Final = re.compile(r"\d{6}(\.\d{1,4})?")
_MEASURED: Final = frozenset("123459")
"""GGA qualities that are measured; 0 is none, 6 estimated, 7 typed in, 8 simulated."""
_MODES: Final = frozenset("ADFRP")
"""RMC modes that are measured; N is none, E estimated, M typed in, S simulated."""


class Position(Struct, frozen=True):
    """A place, before anybody says when it came."""

    latitude: float
    longitude: float
    accuracy: float
    """Metres, over 0."""
    time: str
    """The receiver's own time of the fix, in whatever form: a fix is new where it has changed."""


class NmeaReader:
    """Reads one receiver's sentences in their order; a position counts once for each time that the receiver gives."""

    def __init__(self) -> None:
        self._time = ""
        self._void = ""
        self._accuracy = UNKNOWN_METRES  # as last said: RMC itself says nothing of it

    def read(self, line: bytes) -> Position | None:
        """Return the new position that a sentence gives; None where it gives none.

        Raises:
            ValueError: The line is no sentence, is damaged, or says what cannot be.
        """
        fields = _fields(line)
        talker, kind = fields[0][:2], fields[0][2:]
        if talker.startswith("P"):  # a maker's own: Garmin has a PGRMC
            return None
        position = self._gga(fields) if kind == "GGA" else self._rmc(fields) if kind == "RMC" else None
        if position is None or position.time in (self._time, self._void):
            return None
        self._time = position.time
        return position

    def _gga(self, fields: list[str]) -> Position | None:
        if fields[6] not in _MEASURED:
            self._void = fields[1]
            return None
        time = _time(fields[1])
        self._accuracy = METRES_PER_HDOP * max(_dilution(fields[8]), 1.0)
        return Position(*_place(fields[2:6]), self._accuracy, time)

    def _rmc(self, fields: list[str]) -> Position | None:
        if fields[2] != "A" or (len(fields) > 12 and fields[12] not in _MODES):
            self._void = fields[1]
            return None
        return Position(*_place(fields[3:7]), self._accuracy, _time(fields[1]))


def checksum(body: bytes) -> int:
    """Return the exclusive or of the bytes between ``$`` and ``*``."""
    total = 0
    for byte in body:
        total ^= byte
    return total


def _fields(line: bytes) -> list[str]:
    line = line.strip()
    if not line.startswith(b"$") or line[-3:-2] != b"*" or len(line) > LONGEST_LINE:
        raise ValueError("no NMEA sentence with a checksum")
    body = line[1:-3]
    if line[-2:].upper() != f"{checksum(body):02X}".encode():
        raise ValueError("the checksum of a sentence is wrong")
    fields = body.decode("ascii").split(",")
    if len(fields) < {"GGA": 9, "RMC": 10}.get(fields[0][2:], 1):
        raise ValueError("a sentence is too short")
    return fields


def _time(text: str) -> str:
    if not _TIME.fullmatch(text):
        raise ValueError("a sentence has no time")
    return text


def _place(fields: list[str]) -> tuple[float, float]:
    latitude, north, longitude, east = fields
    if north not in {"N", "S"} or east not in {"E", "W"}:
        raise ValueError("a sentence has no hemisphere")
    return (
        _degrees(latitude, 2, 90) * (1 if north == "N" else -1),
        _degrees(longitude, 3, 180) * (1 if east == "E" else -1),
    )


def _degrees(text: str, digits: int, most: int) -> float:
    """Read degrees and minutes such as 4807.038."""
    if not re.fullmatch(rf"\d{{{digits}}}[0-5]\d(\.\d{{1,8}})?", text):
        raise ValueError("a sentence has no place")
    degrees = int(text[:digits]) + float(text[digits:]) / 60
    if degrees > most:
        raise ValueError("a sentence has an impossible place")
    return degrees


def _dilution(text: str) -> float:
    if not re.fullmatch(r"\d{1,2}(\.\d{1,4})?", text) or float(text) == 0:
        raise ValueError("a sentence has an impossible dilution of precision")
    return float(text)
