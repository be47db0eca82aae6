"""Follows boxes over the frames of one camera: which of them are the same thing seen again.

Geometry and time alone, no pixels and no text; who can compare what stands in the boxes hands in a similarity. Time is
the medium's own, in seconds, so a recording gives the same tracks however fast it is run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from hub.messages import Box


class TrackSettings(Struct, frozen=True):
    """How far a box may have moved, and how long it may be out of sight."""

    gap: float = 1.5
    """Seconds without being seen after which a track ends."""
    slack: float = 0.8
    """Distance from the expected place that is always allowed, in widths of the box."""
    start_speed: float = 15.0
    """Widths a second that a track may move whose speed is not known yet: 50 km/h across the view is 27 for a plate of
    0.52 m, but most of a car's movement is towards or away from the camera."""
    change: float = 5.0
    """Widths a second by which a known speed may be off."""
    growth: float = 0.7
    """Largest change of height between two frames, as a natural logarithm (factor 2)."""
    different: float = 0.3
    """Similarity below which two boxes are not the same however close."""
    most: int = 64
    """Tracks followed at once; further boxes start none."""


SMOOTHING: Final = 0.6
"""Weight of the newest movement in a track's speed."""


class TrackStep(Struct, frozen=True):
    """What one frame did to the tracks."""

    assigned: tuple[int | None, ...]
    """For each box the number of its track; None where it belongs to none and may not start one."""
    started: tuple[int, ...]
    """Tracks that began with this frame."""
    ended: tuple[int, ...]
    """Tracks that ended before this frame."""


class _Track:
    """Where one box was last, and how it moves."""

    def __init__(self, number: int, box: Box, position: float) -> None:
        self.number = number
        self.box = box
        self.position = position
        self.speed: tuple[float, float, float] | None = None
        """Pixels a second in x and y, natural logarithm of the height a second; None until seen twice."""

    def expected(self, position: float) -> tuple[float, float, float]:
        """Return centre x and y and height that constant velocity leads to."""
        x, y = centre(self.box)
        if self.speed is None:
            return x, y, self.box.h
        elapsed = max(0.0, position - self.position)
        growth = max(-1.0, min(1.0, self.speed[2] * elapsed))
        return x + self.speed[0] * elapsed, y + self.speed[1] * elapsed, self.box.h * math.exp(growth)

    def see(self, box: Box, position: float) -> None:
        elapsed = position - self.position
        if elapsed > 0:
            (x, y), (was_x, was_y) = centre(box), centre(self.box)
            new = ((x - was_x) / elapsed, (y - was_y) / elapsed, math.log(box.h / self.box.h) / elapsed)
            old = self.speed or new
            vx, vy, vh = (SMOOTHING * n + (1 - SMOOTHING) * o for n, o in zip(new, old, strict=True))
            self.speed = (vx, vy, vh)
        self.box = box
        self.position = position


class Tracker:
    """Gives each box of a frame the number of its track."""

    def __init__(self, settings: TrackSettings = TrackSettings()) -> None:  # noqa: B008  # frozen
        self._settings = settings
        self._tracks: dict[int, _Track] = {}
        self._next = 0

    @property
    def boxes(self) -> dict[int, Box]:
        """Where each live track was last seen."""
        return {number: track.box for number, track in self._tracks.items()}

    def update(
        self,
        position: float,
        boxes: Sequence[Box],
        *,
        may_start: Sequence[bool] | None = None,
        similarity: Callable[[int, int], float | None] = lambda track, box: None,  # noqa: ARG005
    ) -> TrackStep:
        """Assign the boxes of one frame.

        Args:
            position: Seconds from the start of the medium; never less than before.
            boxes: In any order, at most one a thing.
            may_start: Whether each box may begin a track; all may by default.
            similarity: Of a live track (number) and a box (index), 0 to 1; None where nothing is known.
        """
        settings = self._settings
        ended = self._end_before(position - settings.gap)
        assigned: list[int | None] = [None] * len(boxes)
        free = set(self._tracks)
        for _, number, index in sorted(self._pairs(position, boxes, similarity)):
            if number in free and assigned[index] is None:
                assigned[index] = number
                free.remove(number)
                self._tracks[number].see(boxes[index], position)
        started = []
        for index, box in enumerate(boxes):
            begins = assigned[index] is None and (may_start is None or may_start[index])
            if begins and len(self._tracks) < settings.most:
                assigned[index] = self._next
                self._tracks[self._next] = _Track(self._next, box, position)
                started.append(self._next)
                self._next += 1
        return TrackStep(tuple(assigned), tuple(started), ended)

    def hold(self, position: float) -> None:
        """Say that a frame shows what the one before showed: every live track was seen again where it was."""
        for track in self._tracks.values():
            track.see(track.box, position)

    def finish(self) -> tuple[int, ...]:
        """End all tracks and return their numbers."""
        return self._end_before(math.inf)

    def _end_before(self, position: float) -> tuple[int, ...]:
        ended = tuple(number for number, track in self._tracks.items() if track.position < position)
        for number in ended:
            del self._tracks[number]
        return ended

    def _pairs(
        self, position: float, boxes: Sequence[Box], similarity: Callable[[int, int], float | None]
    ) -> Iterator[tuple[float, int, int]]:
        """Yield cost, track and box of each pair that may belong together."""
        settings = self._settings
        for number, track in self._tracks.items():
            x, y, height = track.expected(position)
            elapsed = max(0.0, position - track.position)
            freedom = settings.start_speed if track.speed is None else settings.change
            for index, box in enumerate(boxes):
                growth = abs(math.log(box.h / height))
                if growth > settings.growth:
                    continue
                at_x, at_y = centre(box)
                width = max(track.box.w, box.w)
                distance = math.hypot(at_x - x, at_y - y) / width
                alike = similarity(number, index)
                if alike is not None and alike < settings.different:
                    continue
                # What reads the same may have moved twice as far: a car that brakes, a camera that turns.
                allowed = (settings.slack + freedom * elapsed) * (1.0 if alike is None else 0.5 + 1.5 * alike)
                if distance <= allowed:
                    yield distance + growth + (0.5 if alike is None else 1.0 - alike), number, index


def centre(box: Box) -> tuple[float, float]:
    """Return the middle of a box in pixels."""
    return box.x + box.w / 2, box.y + box.h / 2


def overlap(one: Box, other: Box) -> float:
    """Return intersection over union of two boxes, 0 to 1."""
    w = min(one.x + one.w, other.x + other.w) - max(one.x, other.x)
    h = min(one.y + one.h, other.y + other.h) - max(one.y, other.y)
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / (one.w * one.h + other.w * other.h - w * h)
