"""From what the frames of one camera show to one embedding a face: follows faces, and pools their views by quality.

A face is followed over frames by its box. Views of it above the quality floor are embedded, a few of them, and pooled:
a mean weighted by quality, of length 1. Each face gives its pooled embedding once, when enough views have come or
when it leaves; a face that never rises above the floor gives none and the reason (charter C10).

Pure state: time is the medium's position, nothing is awaited, written, compared or counted. When a face ends or has
been given, everything of it goes but where it was last seen, and that goes with its track (C3).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from msgspec import Struct

from hub.backends import FaceRegion
from hub.messages import Box, Frame, SourceKind
from hub.vision.face_quality import FaceFlaw, FaceQuality
from hub.vision.tracking import Tracker, TrackSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]


class FaceTrackSettings(Struct, frozen=True):
    """When a face is compared."""

    enough: int = 4
    """Views that are pooled at most; when they are there, the face is compared."""
    settle: float = 1.0
    """Seconds from the first view above the floor after which it is compared with those that there are."""
    apart: float = 0.12
    """Least seconds between two views: the next frame says little that is new."""
    tracks: TrackSettings = TrackSettings(gap=1.0, start_speed=10.0, change=4.0, most=32)
    """How faces are followed. Somebody who walks past moves 10 widths of a face a second at most."""


FULL_EYES: Final = 40.0
"""Pixels between the eyes from which on more of them say no more: chips have 53."""
FULL_SHARPNESS: Final = 0.5


def weigh(quality: FaceQuality) -> float:
    """Return how much a view counts: large, sharp and frontal ones count more. Over 0, at most 1."""
    size = min(1.0, max(0.1, quality.eyes / FULL_EYES))
    detail = min(1.0, max(0.1, quality.sharpness / FULL_SHARPNESS))
    frontal = 1 / (1 + quality.turn**2 + (2 * quality.nod) ** 2)
    return size * detail * frontal


def pool(rows: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """Return the mean of a face's views, weighted, of length 1.

    Args:
        rows: float32 [size] each, of length 1; at least one.
        weights: One a row, over 0.

    Returns:
        float32 [size].

    Raises:
        ValueError: There is no view, or they cancel each other out.
    """
    total = np.average(np.stack(rows), axis=0, weights=weights)
    length = float(np.linalg.norm(total))
    if not length > 1e-6:
        raise ValueError("the views of a face have nothing in common")
    return np.asarray(total / length, np.float32)


class SeenFace(Struct, frozen=True, eq=False):
    """A face of one frame."""

    region: FaceRegion
    quality: FaceQuality
    flaw: FaceFlaw | None
    """Why it is below the quality floor; None where it is not."""


class FaceView(Struct, frozen=True, eq=False):
    """The frame that shows a face best."""

    frame: Frame
    box: Box
    others: tuple[Box, ...]
    """The other faces in it."""


class PooledFace(Struct, frozen=True, eq=False):
    """A face that may be compared now, once."""

    track: int
    embedding: Floats
    """float32 [size], of length 1."""
    views: int
    first_seen: float
    last_seen: float
    best: FaceView


class FaceOutcome(Struct, frozen=True, eq=False):
    """The one thing that became of a face: it can be compared, or why not."""

    face: PooledFace | None
    flaw: FaceFlaw | None
    """Where there is nothing to compare: why most of its frames were below the floor; None where its views have nothing
    in common."""


class _Track:
    """One face."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.first = self.last = 0.0
        self.begun = False
        self.since: float | None = None
        """Position of the first view."""
        self.newest = 0.0
        """Position of the newest view."""
        self.rows: list[Floats] = []
        self.weights: list[float] = []
        self.best: FaceView | None = None
        self.flaws: Counter[FaceFlaw] = Counter()
        self.decided = False

    def see(self, position: float) -> None:
        if not self.begun:
            self.begun, self.first = True, position
        self.last = position

    def add(self, row: Floats, weight: float, view: FaceView) -> None:
        if not self.weights or weight > max(self.weights):
            self.best = view
        self.rows.append(row)
        self.weights.append(weight)
        self.newest = view.frame.position
        self.since = view.frame.position if self.since is None else self.since

    def decide(self) -> FaceOutcome:
        """Return the outcome and let go of everything that was seen."""
        self.decided = True
        face = None
        if self.rows and self.best is not None:
            with suppress(ValueError):
                pooled = pool(self.rows, self.weights)
                face = PooledFace(self.number, pooled, len(self.rows), self.first, self.last, self.best)
        flaw = None if face or not self.flaws else self.flaws.most_common(1)[0][0]
        for row in self.rows:
            row[:] = 0
        self.rows.clear()
        self.weights.clear()
        self.flaws.clear()
        self.best = None
        return FaceOutcome(face, flaw)


class FaceStep(Struct, frozen=True, eq=False):
    """What one frame did."""

    started: int
    """Faces that began with this frame."""
    outcomes: tuple[FaceOutcome, ...]
    """Of faces that left before this frame without having been given."""
    wanted: tuple[int, ...]
    """Which faces of this frame are worth an embedding, by their place in it."""


class FaceTracks:
    """The faces of one camera.

    A frame goes through `step`, the faces that it wants are embedded by the caller and come back through `add`.
    """

    def __init__(self, settings: FaceTrackSettings = FaceTrackSettings()) -> None:  # noqa: B008  # frozen
        self._settings = settings
        self._tracker = Tracker(settings.tracks)
        self._tracks: dict[int, _Track] = {}
        self._assigned: tuple[int | None, ...] = ()
        self._stills = 0

    def step(self, frame: Frame, seen: Sequence[SeenFace]) -> FaceStep:
        """Take in where the faces of a frame are.

        Args:
            frame: In the order of their positions; a still stands alone, and its faces with it.
            seen: Its faces, best first.
        """
        if frame.kind is SourceKind.STILL:
            return self._still(frame, seen)
        tracked = self._tracker.update(frame.position, [each.region.box for each in seen])
        outcomes = self._end(tracked.ended)
        self._tracks |= {number: _Track(number) for number in tracked.started}
        self._assigned = tracked.assigned
        wanted = []
        for place, (number, face) in enumerate(zip(tracked.assigned, seen, strict=True)):
            track = None if number is None else self._tracks[number]
            if track is None:
                continue
            track.see(frame.position)
            if track.decided:
                continue
            if face.flaw is not None:
                track.flaws[face.flaw] += 1
            elif track.since is None or frame.position - track.newest >= self._settings.apart:
                wanted.append(place)
        return FaceStep(len(tracked.started), tuple(outcomes), tuple(wanted))

    def add(
        self, frame: Frame, seen: Sequence[SeenFace], wanted: Sequence[int], rows: Sequence[Floats]
    ) -> tuple[FaceOutcome, ...]:
        """Take in the embeddings that `step` wanted, and return the faces that may be compared now.

        Args:
            frame: The frame of the last `step`.
            seen: Its faces.
            wanted: As `step` returned it.
            rows: float32 [size] each, of length 1, one for each place; kept until the face is given, then zeroed.
        """
        boxes = [each.region.box for each in seen]
        for place, row in zip(wanted, rows, strict=True):
            number = self._assigned[place]
            assert number is not None  # noqa: S101  # `step` wants only faces of a track
            others = tuple(box for at, box in enumerate(boxes) if at != place)
            self._tracks[number].add(row, weigh(seen[place].quality), FaceView(frame, boxes[place], others))
        due = [track for track in self._tracks.values() if not track.decided and self._is_due(track, frame)]
        outcomes = tuple(track.decide() for track in due)
        if frame.kind is SourceKind.STILL:
            self._tracks.clear()
        return outcomes

    def finish(self) -> tuple[FaceOutcome, ...]:
        """End all faces: the source ended, or gives nothing for longer than a face is followed."""
        self._assigned = ()
        return tuple(self._end(self._tracker.finish()))

    @property
    def undecided(self) -> int:
        """Number of faces that have no outcome yet."""
        return sum(not track.decided for track in self._tracks.values())

    def forget(self) -> None:
        """Drop everything; embeddings are zeroed first."""
        for track in self._tracks.values():
            if not track.decided:
                track.decide()
        self._tracker.finish()
        self._tracks.clear()
        self._assigned = ()

    def _still(self, frame: Frame, seen: Sequence[SeenFace]) -> FaceStep:
        self._tracks.clear()
        assigned = []
        for face in seen:
            track = _Track(self._stills)
            self._stills += 1
            track.see(frame.position)
            if face.flaw is not None:
                track.flaws[face.flaw] += 1
            self._tracks[track.number] = track
            assigned.append(track.number)
        self._assigned = tuple(assigned)
        return FaceStep(len(seen), (), tuple(place for place, face in enumerate(seen) if face.flaw is None))

    def _is_due(self, track: _Track, frame: Frame) -> bool:
        if frame.kind is SourceKind.STILL:
            return True
        if track.since is None:
            return False
        return len(track.rows) >= self._settings.enough or frame.position - track.since >= self._settings.settle

    def _end(self, numbers: Sequence[int]) -> list[FaceOutcome]:
        over = (self._tracks.pop(number) for number in numbers)
        return [track.decide() for track in over if not track.decided]
