"""Position sources for tests: scripted fixes, and what a gpsd says."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import ClassVar

from hub.backends import PositionSource
from hub.messages import Fix


class ScriptedPosition(PositionSource):
    """Gives what a test wrote, one thing a call: a fix, None, an error to raise or an event to hang on.

    After the last one it gives None.
    """

    name: ClassVar[str] = "scripted"

    def __init__(self, script: Sequence[object]) -> None:
        self.script = list(script)
        self.closed = 0

    def fix(self) -> Fix | None:
        """Return the next thing of the script, whatever it is."""
        said = self.script.pop(0) if self.script else None
        if isinstance(said, Exception):
            raise said
        if isinstance(said, threading.Event):
            said.wait(30)
            return None
        return said  # type: ignore[return-value]  # a script may lie

    def close(self) -> None:
        """Count."""
        self.closed += 1


def gpsd_report(latitude: float, longitude: float, *, second: int, metres: float = 5.0) -> bytes:
    """Return a line of gpsd with a fix."""
    time = f"2030-01-02T03:{second // 60:02}:{second % 60:02}.000Z"
    report = {"class": "TPV", "mode": 3, "time": time, "lat": latitude, "lon": longitude, "eph": metres}
    return json.dumps(report).encode() + b"\r\n"
