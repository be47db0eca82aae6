"""Positions out of gpsd's reports: JSON lines, class TPV (https://gpsd.gitlab.io/gpsd/gpsd_json.html). Pure."""

from __future__ import annotations

import math
from typing import Final

import msgspec
from msgspec import Struct

from hub.nmea import UNKNOWN_METRES, Position

WATCH: Final = b'?WATCH={"enable":true,"json":true};\n'
"""Asks gpsd for its reports."""
LONGEST_LINE: Final = 16 * 1024
"""Bytes of one report; gpsd's own limit is 10,240."""
LEAST_METRES: Final = 3.0
"""No receiver in a vehicle is better, whatever it claims."""


class _Report(Struct, frozen=True):
    """What is read of a report; everything else in it is left alone."""

    kind: str = msgspec.field(name="class", default="")
    mode: int = 0
    lat: float | None = None
    lon: float | None = None
    eph: float | None = None
    epx: float | None = None
    epy: float | None = None
    time: str = ""
    status: int | None = None


_SIMULATED: Final = 8
"""Value of ``status`` for a simulated fix."""


class GpsdReader:
    """Reads one gpsd's reports in their order; a position counts once for each time that it gives."""

    def __init__(self) -> None:
        self._time = ""

    def read(self, line: bytes) -> Position | None:
        """Return the new position that a report gives; None where it gives none.

        Raises:
            ValueError: The line is no report, or says what cannot be.
        """
        try:
            report = msgspec.json.decode(line, type=_Report)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError("no report of gpsd") from error
        if report.kind != "TPV" or report.mode < 2 or report.status == _SIMULATED:
            return None
        if report.lat is None or report.lon is None or not report.time:
            raise ValueError("a report with a fix has no place or no time")
        if not (abs(report.lat) <= 90 and abs(report.lon) <= 180):
            raise ValueError("a report has an impossible place")
        accuracy = _accuracy(report)
        if report.time == self._time:
            return None
        self._time = report.time
        return Position(report.lat, report.lon, accuracy, report.time)


def _accuracy(report: _Report) -> float:
    said = report.eph
    if said is None and report.epx is not None and report.epy is not None:
        said = math.hypot(report.epx, report.epy) if min(report.epx, report.epy) > 0 else -1.0
    if said is None:
        return UNKNOWN_METRES
    if not (math.isfinite(said) and said > 0):
        raise ValueError("a report has an impossible accuracy")
    return max(said, LEAST_METRES)
