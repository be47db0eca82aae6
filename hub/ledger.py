"""Why nothing? One reason for every frame, region, track and read, counted for each camera.

What enters a stage is announced once and leaves it once, with a reason; `Ledger.check` names what does not add up.
Only cameras, stages, reasons and numbers live here: no plate, no picture, no time. Deciding on a reason is the work
of the actors.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

from msgspec import Struct

from hub.messages import Reason, ReasonCount


class Stage(StrEnum):
    """What is counted; `hub.messages.ReasonCount.stage` takes these values."""

    FRAME = "frame"
    REGION = "region"
    TRACK = "track"
    READ = "read"
    FACE_FRAME = "face_frame"
    """A frame that is offered to the face actor."""
    FACE = "face"
    """One face over its track."""


class StageTotal(Struct, frozen=True):
    """One stage of one camera."""

    camera: str
    stage: Stage
    entered: int
    """Announced as input."""
    left: int
    """Given a reason."""

    @property
    def under_way(self) -> int:
        """How many have entered and have no reason yet; negative where too many reasons were given."""
        return self.entered - self.left


class Ledger:
    """Counts reasons. To be used from one thread: that of the event loop."""

    def __init__(self) -> None:
        self._entered: Counter[tuple[str, Stage]] = Counter()
        self._reasons: Counter[tuple[str, Stage, Reason]] = Counter()

    def enter(self, camera: str, stage: Stage, count: int = 1) -> None:
        """Announce that something enters a stage.

        Args:
            camera: Name of the camera.
            stage: What it is.
            count: How many, at least 0.
        """
        if count < 0:
            raise ValueError("nothing leaves a stage without a reason")
        if count:
            self._entered[camera, stage] += count

    def leave(self, camera: str, stage: Stage, reason: Reason, count: int = 1) -> None:
        """Give the one reason for something that has entered a stage.

        Args:
            camera: Name of the camera.
            stage: What it is.
            reason: Why it went nowhere, or where it went.
            count: How many, at least 0.
        """
        if count < 0:
            raise ValueError("a reason is not taken back")
        if count:
            self._reasons[camera, stage, reason] += count

    def snapshot(self, camera: str | None = None) -> tuple[ReasonCount, ...]:
        """Return all counts so far, in a stable order: camera, stage, reason.

        Args:
            camera: Only this camera; None for all.
        """
        order = list(Stage)
        keys = sorted(self._reasons, key=lambda key: (key[0], order.index(key[1]), key[2]))
        return tuple(
            ReasonCount(camera=name, stage=stage.value, reason=reason, count=self._reasons[name, stage, reason])
            for name, stage, reason in keys
            if camera is None or name == camera
        )

    def totals(self, camera: str | None = None) -> tuple[StageTotal, ...]:
        """Return input and output of each stage that anything entered or left.

        Args:
            camera: Only this camera; None for all.
        """
        left: Counter[tuple[str, Stage]] = Counter()
        for (name, stage, _), count in self._reasons.items():
            left[name, stage] += count
        order = list(Stage)
        keys = sorted(set(self._entered) | set(left), key=lambda key: (key[0], order.index(key[1])))
        return tuple(
            StageTotal(camera=name, stage=stage, entered=self._entered[name, stage], left=left[name, stage])
            for name, stage in keys
            if camera is None or name == camera
        )

    def check(self) -> tuple[StageTotal, ...]:
        """Return the stages whose counts do not add up to their input.

        While the hub runs these are the ones with something under way; once it has stopped there are none.
        """
        return tuple(total for total in self.totals() if total.under_way)
