"""A unit's face checks for tests: a scripted engine, a log in memory, the real meter, a clock that a test moves."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from hub.authority.meter import METER_FILE, MIGRATIONS, Meter
from hub.clocks import ManualClock
from hub.face_checks import FaceChecks
from hub.messages import Act, Requester
from hub.store.sqlite import open_database
from hub.testing.alerts import MemoryLog
from hub.testing.faces import ScriptedEngine, calibration

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def officer(number: str = "4711") -> Requester:
    """Return an officer of a checked session."""
    return Requester(number, "officer", "unit-1")


class Bench:
    """What stays while checks are opened and closed, as processes come and go."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock, self.log = folder, ManualClock(NOW), MemoryLog()
        self.engine = ScriptedEngine()

    @asynccontextmanager
    async def checks(self) -> AsyncIterator[FaceChecks]:
        """Open the meter's file and the checks, as a command does."""
        async with open_database(self.folder / METER_FILE, MIGRATIONS) as database:
            meter = Meter(database, clock=self.clock, random=secrets.token_bytes)
            yield FaceChecks(self.engine, calibration(), meter, log=self.log, clock=self.clock)

    @property
    def comparisons(self) -> int:
        """How many were made."""
        return self.engine.compared // 2

    def entries(self, outcome: str) -> int:
        """Return how many entries of face checks have an outcome."""
        return sum(entry.act is Act.FACE_CHECK and entry.outcome == outcome for entry in self.log.entries)
