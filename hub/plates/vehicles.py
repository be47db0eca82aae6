"""From what the frames of one camera show to one read a vehicle.

Text regions are tracked over frames, the evidence of each track is summed, and a track gives one `PlateRead` once
enough frames agree and the sum passes the same gates as a single picture. Pure state: time is the medium's position,
nothing is awaited, written or logged; counting is the work of `hub.actors.plates`.

When a read comes. From a recording run to its end, when the track ends, from all of its frames. Live, `settle` seconds
after the first frame that could be read: long enough for a car that approaches to come closer, soon enough to act on.

What is remembered (C3). While a track lives: its evidence, its best frame, how often each reading was seen. All of
that goes when the track ends; when a read was given, already then. Afterwards, so that a parked car behind a passing
lorry is not read again, its place and keyed hashes of its plate are kept in memory for `memory` seconds. The key is
random and never leaves the process; the hash can only answer "the same plate as just now?". Whoever could read this
process's memory within that time could find key and hash and try all plates: that is the price of not looking the same
car up again and again, and why the time is short and can be set to 0. A car hidden for longer is read again.
"""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from msgspec import Struct

from hub.messages import Box, Frame, PlateRead, Reason, SourceKind
from hub.plates.consensus import Observation, combine
from hub.plates.grammar import GrammarBook
from hub.plates.reading import ImageRead, RegionRead, judge
from hub.plates.settings import PlateSettings
from hub.vision.tracking import Tracker, TrackSettings, centre

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]


class VehicleSettings(Struct, frozen=True):
    """When a track gives a read, and how long a vehicle is remembered."""

    votes: int = 3
    """Frames whose own reading must be the final one, at least 1; photos need one."""
    settle: float = 0.8
    """Live: seconds from a track's first readable frame to its read."""
    longest: float = 10.0
    """Recordings: seconds after which a track that does not end gives its read all the same."""
    memory: float = 20.0
    """Seconds after a vehicle was last seen in which it is not read again; 0 remembers nothing."""
    kept: int = 24
    """Frames of a track whose evidence is kept: those that count most."""
    tracks: TrackSettings = TrackSettings()
    """How regions are followed."""


FEEDS: Final = frozenset({Reason.READ, Reason.LOW_CHARACTER, Reason.BLURRED})
"""Regions whose evidence is summed: they look like a plate, if a doubtful one. Others only prolong a track."""

STARTS: Final = frozenset({Reason.READ, Reason.LOW_CHARACTER})
"""Regions that begin a track."""

AGAIN: Final = 0.4
"""Seconds after which a sum that was not good enough is read again."""

ATTACHED: Final = 1.3
"""Widths between two tracks within which they are on one vehicle. The next car's plate is about three away."""

NEAR: Final = 2.0
"""Widths between two boxes within which plates that differ by one character are taken for one misread."""

MOST_REMEMBERED: Final = 256
"""Vehicles remembered at once; the oldest go first."""


class TrackOutcome(Struct, frozen=True, eq=False):
    """The one thing that became of a track."""

    reason: Reason
    """`Reason.READ` with a read, `Reason.SAME_VEHICLE`, `Reason.TOO_FEW_VOTES`, or the gate that the sum failed."""
    read: PlateRead | None = None


class VehicleStep(Struct, frozen=True, eq=False):
    """What one frame did."""

    started: int
    """Tracks that began."""
    outcomes: tuple[TrackOutcome, ...]
    """Of tracks that are decided: each track has exactly one, when it gives its read or when it ends."""


class _Track:
    """One thing with text on it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.first: float | None = None
        """Position of the first frame."""
        self.last = 0.0
        self.frames = 0
        self.readable: float | None = None
        """Position of the first frame that passed every gate."""
        self.votes: Counter[str] = Counter()
        self.observations: list[Observation] = []
        self.best: Frame | None = None
        self.best_weight = 0.0
        self.decided = False
        self.try_at = 0.0
        """Position before which the sum is not read again: decoding costs as much as several frames' tracking."""
        self.beside: Counter[int] = Counter()
        """In how many frames each other track was close enough to be on the same vehicle."""
        self.identity: frozenset[bytes] = frozenset()
        """Keyed hashes of the plate once a read was given or withheld as the same vehicle."""

    @property
    def text(self) -> str:
        """The reading seen most often, "" where there is none."""
        return self.votes.most_common(1)[0][0] if self.votes else ""

    def see(self, frame: Frame, region: RegionRead, kept: int) -> None:
        """Take in what one frame shows of it."""
        self.first = frame.position if self.first is None else self.first
        self.last = frame.position
        self.frames += 1
        if self.decided or region.reason not in FEEDS:
            return
        weight = weigh(region)
        if region.reason is Reason.READ:
            self.votes[region.readings[0].plate] += 1
            self.readable = frame.position if self.readable is None else self.readable
        self.observations.append(Observation(region.evidence, weight))
        if len(self.observations) > kept:
            self.observations.remove(min(self.observations, key=lambda each: each.weight))
        if weight > self.best_weight:
            self.best, self.best_weight = frame, weight

    def decide(self) -> None:
        """Let go of everything that was seen."""
        self.decided = True
        self.votes.clear()
        self.observations.clear()
        self.best = None


class _Remembered(Struct, eq=False):
    """A vehicle that left a read a short time ago: where and when, and hashes of its plate."""

    identity: frozenset[bytes]
    box: Box
    position: float


class Vehicles:
    """Tracks of one source.

    Args:
        book: The grammars.
        plates: Settings of decoding and gates.
        settings: When to read.
        key: 32 random bytes of this run, for the hashes of what was read.
    """

    def __init__(self, book: GrammarBook, plates: PlateSettings, settings: VehicleSettings, *, key: bytes) -> None:
        self._book = book
        self._plates = plates
        self._settings = settings
        self._key = key
        self._tracker = Tracker(settings.tracks)
        self._tracks: dict[int, _Track] = {}
        self._remembered: list[_Remembered] = []
        self._given: deque[int] = deque(maxlen=MOST_REMEMBERED)
        """Numbers of tracks that gave a read."""
        self._stills = 0

    def step(self, frame: Frame, image: ImageRead) -> VehicleStep:
        """Take in one frame.

        Args:
            frame: In the order of their positions; a still stands alone.
            image: What `hub.plates.reading.read_image` gives for it.
        """
        if frame.kind is SourceKind.STILL:
            return self._still(frame, image)
        regions = image.regions
        tracked = self._tracker.update(
            frame.position,
            [region.evidence.box for region in regions],
            may_start=[region.reason in STARTS for region in regions],
            similarity=lambda number, index: self._similarity(number, regions[index]),
        )
        outcomes = self._end(tracked.ended)
        self._tracks |= {number: _Track(number) for number in tracked.started}
        for number, region in zip(tracked.assigned, regions, strict=True):
            if number is not None:
                self._tracks[number].see(frame, region, self._settings.kept)
        self._note_neighbours(frame.position)
        self._refresh(frame.position)
        for track in self._tracks.values():
            if not track.decided and self._is_due(track, frame):
                outcome = self._decide(track)
                # What is not yet good enough may become so.
                if outcome.reason in (Reason.READ, Reason.SAME_VEHICLE):
                    track.decide()
                    outcomes.append(outcome)
        return VehicleStep(len(tracked.started), tuple(outcomes))

    def finish(self) -> VehicleStep:
        """End all tracks: the source ended, or gives nothing for longer than a track lasts."""
        return VehicleStep(0, tuple(self._end(self._tracker.finish())))

    @property
    def undecided(self) -> int:
        """Number of tracks that have no outcome yet."""
        return sum(1 for track in self._tracks.values() if not track.decided)

    def forget(self) -> None:
        """Drop every track without an outcome, and what was remembered of vehicles that are gone."""
        self._tracker.finish()
        self._tracks.clear()
        self._remembered.clear()

    def _still(self, frame: Frame, image: ImageRead) -> VehicleStep:
        outcomes: list[TrackOutcome] = []
        seen: set[str] = set()
        for region in image.passed:
            plate = region.readings[0].plate
            if plate in seen:
                outcomes.append(TrackOutcome(Reason.SAME_VEHICLE))
                continue
            seen.add(plate)
            alone = _Track(self._stills)
            self._stills += 1
            alone.see(frame, region, 1)
            outcomes.append(TrackOutcome(Reason.READ, _read(alone, frame, region, votes=1)))
        return VehicleStep(len(outcomes), tuple(outcomes))

    def _similarity(self, number: int, region: RegionRead) -> float | None:
        """Compare a region with what a track reads; None where either is not readable."""
        text = self._tracks[number].text
        if not text or region.reason is not Reason.READ:
            return None
        return similarity(text, region.readings[0].plate)

    def _is_due(self, track: _Track, frame: Frame) -> bool:
        if track.readable is None or track.votes.total() < self._settings.votes or frame.position < track.try_at:
            return False
        wait = self._settings.longest if frame.kind is SourceKind.LOSSLESS else self._settings.settle
        if frame.position - track.readable < wait:
            return False
        track.try_at = frame.position + AGAIN
        return True

    def _end(self, numbers: Sequence[int]) -> list[TrackOutcome]:
        """Decide tracks that are over, the surest first, and drop them."""
        over = sorted((self._tracks.pop(number) for number in numbers), key=lambda track: -track.votes.total())
        return [self._decide(track) for track in over if not track.decided]

    def _decide(self, track: _Track) -> TrackOutcome:
        """Read the sum of a track's evidence; a track that is read or the same vehicle becomes remembered."""
        if track.votes.total() < self._settings.votes or track.best is None:
            return TrackOutcome(Reason.TOO_FEW_VOTES)
        frame = track.best
        size = (frame.image.shape[0], frame.image.shape[1])
        (region,) = judge([combine(track.observations)], size, self._book, self._plates).regions
        if region.reason is not Reason.READ:
            return TrackOutcome(region.reason)
        plate = region.readings[0].plate
        votes = track.votes[plate]
        if votes < self._settings.votes or 2 * votes < max(track.votes.values()):
            return TrackOutcome(Reason.TOO_FEW_VOTES)
        if self._is_part_of_another(track):
            return TrackOutcome(Reason.SAME_VEHICLE)
        track.identity = identity(plate, self._key)
        known = self._recall(track.identity, region.evidence.box)
        self._remember(track.identity, region.evidence.box, track.last)
        if known:
            return TrackOutcome(Reason.SAME_VEHICLE)
        self._given.append(track.number)
        return TrackOutcome(Reason.READ, _read(track, frame, region, votes=votes))

    # ------------------------------------------------------------------------------------ the same vehicle

    def _note_neighbours(self, position: float) -> None:
        boxes = self._tracker.boxes
        seen = [track for track in self._tracks.values() if track.last == position]
        for one, other in combinations(seen, 2):
            if near(boxes[one.number], boxes[other.number], ATTACHED):
                one.beside[other.number] += 1
                other.beside[one.number] += 1

    def _is_part_of_another(self, track: _Track) -> bool:
        """Return whether a track is a badge or lettering beside a plate: on the same vehicle, and seen less often."""
        for number, frames in track.beside.items():
            if frames < 2 or 2 * frames < track.frames:
                continue
            other = self._tracks.get(number)
            stronger = other is not None and other.votes.total() >= 2 * track.votes.total()
            if stronger or number in self._given:
                return True
        return False

    def _recall(self, hashes: frozenset[bytes], box: Box) -> bool:
        for known in self._remembered:
            if known.identity == hashes:
                return True
            if known.identity & hashes and near(known.box, box, NEAR):
                return True
        return False

    def _remember(self, hashes: frozenset[bytes], box: Box, position: float) -> None:
        if self._settings.memory <= 0:
            return
        self._remembered = [known for known in self._remembered if known.identity != hashes]
        self._remembered.append(_Remembered(hashes, box, position))
        del self._remembered[:-MOST_REMEMBERED]

    def _refresh(self, position: float) -> None:
        """Move what is remembered along with the tracks that still see it, and forget what has had its time."""
        boxes = self._tracker.boxes
        seen = {track.identity: boxes[track.number] for track in self._tracks.values() if track.last == position}
        for known in self._remembered:
            if known.identity in seen:
                known.box, known.position = seen[known.identity], position
        self._remembered = [each for each in self._remembered if position - each.position <= self._settings.memory]


def weigh(region: RegionRead) -> float:
    """Return how much a frame's evidence counts: sharp, large and readable views count more.

    Over 0, at most 1; a line of text 24 pixels high or higher counts in full.
    """
    evidence = region.evidence
    height = evidence.box.h / max(1, len(evidence.lines))
    gate = 1.0 if region.reason is Reason.READ else 0.4
    confidence = region.readings[0].confidence if region.readings else 0.0
    return gate * (0.2 + 0.8 * evidence.sharpness) * (0.5 + 0.5 * confidence) * min(1.0, max(0.2, height / 24))


def similarity(one: str, other: str) -> float:
    """Return 1 less the edit distance (Levenshtein) over the longer length: 1 equal, 0 nothing in common."""
    previous = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        current = [i]
        for j, b in enumerate(other, 1):
            current.append(min(previous[j] + 1, current[-1] + 1, previous[j - 1] + (a != b)))
        previous = current
    return 1.0 - previous[-1] / max(len(one), len(other), 1)


def identity(plate: str, key: bytes) -> frozenset[bytes]:
    """Return keyed hashes of a plate and of all strings that it becomes by leaving out or blanking one character.

    Two plates that differ by one character, added, missing or another, share at least one hash; equal plates all.
    """
    forms = {plate}
    for place in range(len(plate)):
        forms |= {plate[:place] + plate[place + 1 :], plate[:place] + "?" + plate[place + 1 :]}
    return frozenset(hashlib.blake2b(form.encode(), key=key, digest_size=16).digest() for form in forms)


def near(one: Box, other: Box, widths: float) -> bool:
    """Return whether two boxes are so many widths of the wider apart, or less, and of about one size."""
    (ax, ay), (bx, by) = centre(one), centre(other)
    width = max(one.w, other.w)
    return abs(ax - bx) <= widths * width and abs(ay - by) <= widths * width and width <= 2 * min(one.w, other.w)


def _read(track: _Track, frame: Frame, region: RegionRead, *, votes: int) -> PlateRead:
    evidence = region.evidence
    box = evidence.box
    top, left = max(0, box.y), max(0, box.x)
    return PlateRead(
        camera=frame.camera,
        track=track.number,
        origin=frame.origin,
        kind=frame.kind,
        first_seen=frame.position if track.first is None else track.first,
        last_seen=track.last,
        at=frame.at,
        frames=track.frames,
        votes=votes,
        box=box,
        readings=region.readings,
        slots=evidence.slots,
        crop=frame.image[top : max(top + 1, box.y + box.h), left : max(left + 1, box.x + box.w)],
        scene=frame.image,
    )
