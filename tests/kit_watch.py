"""A watch for tests: a real list of people who are nobody, a real order, a scripted engine, clocks that a test moves.

Two people are as alike as the cosine of their difference in degrees; listed are 0 and 90, strangers lie between.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from hub.authority.order_watch import OrderWatch
from hub.authority.orders import Order, Purpose
from hub.authority.place import Place
from hub.clocks import ManualClock
from hub.face_watch import FaceWatch, WatchTrust
from hub.messages import Fix, Frame, SourceKind
from hub.testing.alerts import MemoryLog
from hub.testing.faces import MODEL, ScriptedEngine, calibration, face_picture
from hub.watchlists.budget import FaceSettings
from hub.watchlists.faces import VerifiedFaces
from hub.watchlists.gallery import Gallery, open_gallery
from tests.kit_faces import officer
from tests.kit_lists import KEY, NOW, verified

LISTED = (0, 90)
STRANGERS = range(35, 56)
SETTINGS = FaceSettings(false_alerts_per_hour=60, faces_per_hour=100)
INSIDE, OUTSIDE = (48.1, 17.1), (48.3, 17.1)
SQUARE = ((48.0, 17.0), (48.0, 17.2), (48.2, 17.2), (48.2, 17.0))
UNIT = officer("")


def people(*angles: int) -> np.ndarray:
    """Return a template for each person, float32 [people, 2]."""
    return np.array([(math.cos(math.radians(each)), math.sin(math.radians(each))) for each in angles], np.float32)


def frame(person: int, *, number: int = 0, kind: SourceKind = SourceKind.STILL, **options: object) -> Frame:
    """Return a frame with somebody in it."""
    image = face_picture(person, shot=number % 200, **options)
    return Frame("gate", number, NOW, 0.2 * number, kind, "gate", image)


@contextmanager
def benches(folder: Path) -> Iterator[Callable[..., WatchBench]]:
    """Give a maker of benches for the block; each is let go of at its end."""
    made: list[WatchBench] = []

    def make(*listed: int, **changes: Any) -> WatchBench:
        made.append(WatchBench(folder, listed or LISTED, **changes))
        return made[-1]

    try:
        yield make
    finally:
        for each in made:
            each.close()


class WatchBench:
    """A watch with everything that it asks, for a test to change.

    Attributes:
        galleries: The lists that were opened, the newest last.
        fix: The newest position.
        trust: What the authority says.
    """

    def __init__(self, folder: Path, listed: Sequence[int] = LISTED, **changes: object) -> None:
        self.verified: VerifiedFaces = verified(folder / "list.faces", people(*listed))
        order = Order(
            order="2030/7",
            purpose=Purpose.MISSING_OR_VULNERABLE,
            place=Place(unit="unit-1", cameras=("gate",)),
            begins=NOW,
            ends=NOW + timedelta(hours=2),
            list_digest=self.verified.digest,
            impact_assessment="DPIA 4",
            authorisation="Judge 3",
        )
        self.order = replace(order, **changes)
        self.clock, self.log, self.engine = ManualClock(NOW), MemoryLog(), ScriptedEngine()
        self.galleries: list[Gallery] = []
        self.fix: Fix | None = None
        self.trust = WatchTrust()
        self.order_watch = OrderWatch(self.order, unit="unit-1", boot="this boot")
        self.watch = FaceWatch(
            self.order_watch,
            open_list=self.open_list,
            calibration=calibration(),
            settings=SETTINGS,
            clock=self.clock,
            account_clock=self.clock,
            fix=lambda: self.fix,
            trust=lambda: self.trust,
            log=self.log,
            requester=UNIT,
        )

    @contextmanager
    def open_list(self) -> Iterator[Gallery]:
        with open_gallery(self.verified, KEY, model=MODEL, now=self.clock.now) as gallery:
            self.galleries.append(gallery)
            yield gallery

    def place(self, where: tuple[float, float], accuracy: float = 5.0) -> None:
        """Say where the unit is now."""
        self.fix = Fix(*where, self.clock.boottime(), accuracy)

    def close(self) -> None:
        """Let go of the list, however the test ended."""
        self.watch._close("the test is over")

    @property
    def comparisons(self) -> int:
        """Templates that were compared with a face, over all times that the list was open."""
        return sum(gallery.comparisons for gallery in self.galleries)

    @property
    def zeroed(self) -> bool:
        """Whether no template is left of any list that was opened."""
        return all(gallery.ended and not len(gallery) for gallery in self.galleries)

    def entries(self, outcome: str) -> list[object]:
        """Return the payloads of the log's entries with an outcome."""
        return [entry.payload for entry in self.log.entries if entry.outcome == outcome]
