"""The 1:1 check: is the person here the one on the document's photo (C1)?

Two pictures, one face on each, one comparison: metered, in the log before it is made, with how the person takes part.
Nothing of either picture is kept, and there is no form for more than two. A face below the quality floor is not
compared. What the similarity means is told from the model's calibration, never as a bare per cent (C10); whatever it
is, it is a candidate, and an officer decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Final

import trio
from msgspec import Struct

from hub.audit.records import FaceCheckPayload
from hub.authority.accounting import Log
from hub.authority.meter import Meter, digest
from hub.authority.metering import Outcome
from hub.authority.policy import may_check_face
from hub.backends import FaceEngine, FaceRegion
from hub.calibration import LEAST_COUNT, Calibration, Rate
from hub.clocks import Clock
from hub.errors import HubError, ModelError, UsageError
from hub.inference import Worker, let_go
from hub.messages import Act, Entry, Requester, TakingPart
from hub.text import locate
from hub.vision.face_quality import FaceFlaw, FaceFloor, FaceQuality, flaw, measure

if TYPE_CHECKING:
    from hub.messages import Pixels

CANDIDATE_BUDGET: Final = 0.001
"""A candidate is a face that at most 1 in 1,000 different people resembles so much."""
DIFFERENT_BUDGET: Final = 0.01
"""Below the similarity that 1 in 100 different people reach, it is another person; in between it is not decided."""
COMPARE_SECONDS: Final = 20.0
"""Longest time for one comparison, well below the meter's lease."""
LAST_SECONDS: Final = 2.0
"""Longest time for what is still written once a check was cancelled."""


class Verdict(StrEnum):
    """What came of a check."""

    CANDIDATE = "candidate for the same person"
    NOT_DECIDED = "not decided"
    DIFFERENT = "different"
    NOT_COMPARED = "not compared"


class Side(Struct, frozen=True):
    """One of the two pictures."""

    faces: int
    """Faces on it; exactly one can be compared."""
    measured: FaceQuality | None = None
    flaw: FaceFlaw | None = None
    """Why its face is below the quality floor, None where it is not."""

    def problem(self, which: str) -> str:
        """Return why this side cannot be compared, "" where it can."""
        if self.faces != 1:
            return f"{which} shows {self.faces or 'no'} face{'s' if self.faces > 1 else ''}, and exactly one is needed"
        return f"{which} is below the quality floor: {self.flaw.value.replace('_', ' ')}" if self.flaw else ""


class Thresholds(Struct, frozen=True):
    """Where the verdicts begin; similarities from -1 to 1."""

    candidate: float
    different: float


class Comparison(Struct, frozen=True):
    """The answer to a check."""

    verdict: Verdict
    reason: str
    """One or two sentences for the officer."""
    live: Side
    document: Side
    thresholds: Thresholds
    similarity: float | None = None
    """None where nothing was compared."""
    rate: Rate | None = None
    """How often different people are at least so alike."""


def compare(
    engine: FaceEngine, calibration: Calibration, live: Pixels, document: Pixels, floor: FaceFloor
) -> Comparison:
    """Compare the one face of each picture. Blocking; keeps nothing.

    Args:
        engine: Finds and embeds.
        calibration: Of the engine's model.
        live: uint8 [height, width, 3], BGR.
        document: The same, of the document's photo.
        floor: Least quality at which a comparison is made.

    Raises:
        ModelError: The engine does not run.
    """
    limits = thresholds_of(calibration)
    faces = [engine.detect(picture) for picture in (live, document)]
    sides = [_side(picture, found, floor) for picture, found in zip((live, document), faces, strict=True)]
    problems = [side.problem(which) for side, which in zip(sides, ("the live picture", "the document"), strict=True)]
    if any(problems):
        reason = "; ".join(problem for problem in problems if problem) + "."
        return Comparison(Verdict.NOT_COMPARED, reason[:1].upper() + reason[1:], sides[0], sides[1], limits)
    rows = [engine.embed(picture, found) for picture, found in zip((live, document), faces, strict=True)]
    similarity = float(rows[0][0] @ rows[1][0])
    for row in rows:
        row[:] = 0
    rate = calibration.rate(similarity)
    if similarity >= limits.candidate:
        verdict = Verdict.CANDIDATE
    else:
        verdict = Verdict.DIFFERENT if similarity < limits.different else Verdict.NOT_DECIDED
    return Comparison(verdict, _sentence(calibration, rate), sides[0], sides[1], limits, similarity, rate)


def thresholds_of(calibration: Calibration) -> Thresholds:
    """Return where the verdicts begin.

    Raises:
        UsageError: The calibration is too small to tell.
    """
    return Thresholds(calibration.threshold(CANDIDATE_BUDGET), calibration.threshold(DIFFERENT_BUDGET))


def _side(picture: Pixels, faces: Sequence[FaceRegion], floor: FaceFloor) -> Side:
    if len(faces) != 1:
        return Side(len(faces))
    quality = measure(picture, faces[0])
    return Side(1, quality, flaw(quality, floor))


def _sentence(calibration: Calibration, rate: Rate) -> str:
    fewer = f"fewer than {LEAST_COUNT} of" if rate.at_most else f"{rate.reached:,} of"
    return (
        f"At least as alike were {fewer} {rate.comparisons:,} pairs of different people ({calibration.set}). "
        f"Not measured: {', '.join(calibration.not_measured)}."
    )


class FaceChecks:
    """A unit's 1:1 checks.

    Args:
        engine: Finds and embeds.
        calibration: Of the engine's model.
        meter: Says when (C4).
        log: Takes an entry before each comparison, and one with what came of it.
        clock: Wall time.
        floor: Least quality; the hub's own, so that no engine lowers it.
    """

    def __init__(
        self,
        engine: FaceEngine,
        calibration: Calibration,
        meter: Meter,
        *,
        log: Log,
        clock: Clock,
        floor: FaceFloor | None = None,
    ) -> None:
        if calibration.model != engine.model:
            raise UsageError("the calibration belongs to another model: similarities of this one mean something else")
        self._engine = engine
        self._calibration = calibration
        self._meter = meter
        self._log = log
        self._clock = clock
        self._floor = floor or FaceFloor()
        self._worker = Worker("face check")

    async def check(
        self, live: Pixels, document: Pixels, requester: Requester, reason: str, part: TakingPart | None, why: str = ""
    ) -> Comparison:
        """Compare a live picture with the photo of one document.

        Args:
            live: uint8 [height, width, 3], BGR.
            document: The same.
            requester: The officer of a checked session.
            reason: The officer's.
            part: How the person takes part.
            why: Why the person is unable to.

        Raises:
            NotAllowedError: Policy or metering says no; the refusal stands in the log.
            UsageError: Both are the same picture.
            AuditError: The log cannot be written: nothing was compared, or nothing is told of what was.
            HubError: The engine or the meter's store failed.
        """
        payload = partial(FaceCheckPayload, reason=reason, part=part, why=why)
        decision = may_check_face(requester, reason, part, why)
        turn = 0
        if decision.allowed:
            tags = digest(live), digest(document)
            if tags[0] == tags[1]:
                raise UsageError("the live picture and the document's are the same picture")
            decision, turn = await self._meter.begin(requester.officer, *tags)
        if not decision.allowed:
            await self._append(requester, "refused", payload(refusal=decision.reason))
            decision.demand()
        outcome = Outcome.NOT_COMPARED
        try:
            await self._append(requester, "begun", payload())
            run = partial(compare, self._engine, self._calibration, live, document, self._floor)
            # From here on somebody may have learned something, until it is known that nobody has.
            outcome = Outcome.NO_CANDIDATE
            try:
                found = await self._worker.call(run, deadline=COMPARE_SECONDS)
            except Exception as error:  # whatever an engine raises, nobody has learned anything
                outcome = Outcome.NOT_COMPARED
                where = locate(error)
                let_go(error)  # with both pictures, although it is raised on (C3)
                await self._append(requester, "failed", payload(verdict=f"failed: {type(error).__name__}"))
                if isinstance(error, HubError):
                    raise
                raise ModelError(f"the face engine failed: {where}") from error
            if found.verdict in _OUTCOMES:
                outcome = _OUTCOMES[found.verdict]
            await self._append(requester, "done", payload(verdict=found.verdict.value))
            return found
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + LAST_SECONDS), suppress(HubError):
                await self._meter.end(turn, outcome)

    async def _append(self, requester: Requester, outcome: str, payload: FaceCheckPayload) -> None:
        at = self._clock.now()
        await self._log.append(Entry(Act.FACE_CHECK, at, requester, outcome, payload))


_OUTCOMES: Final = {Verdict.CANDIDATE: Outcome.CANDIDATE, Verdict.NOT_COMPARED: Outcome.NOT_COMPARED}
