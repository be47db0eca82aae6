"""The probe: who is this person, if anybody on the face list in force? One deliberate act of an officer (C1, C4).

Metered beside the 1:1 checks, in the log before it happens, compared once, with the entries of one loaded, verified,
unexpired list, which is opened for the probe and wiped after it. There is no form for several people, files or a
folder. A face below the quality floor is compared with nothing (C10). What resembles an entry raises an alert, which
another officer adjudicates; of everything else nothing is left but the entry that a probe was made (C3).
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

import trio
from msgspec import Struct

from hub.alerts import AlertBook
from hub.audit.records import ProbePayload
from hub.authority.accounting import Log
from hub.authority.meter import Meter
from hub.authority.metering import Outcome
from hub.authority.policy import may_probe
from hub.backends import FaceEngine, FaceRegion
from hub.calibration import Calibration
from hub.clocks import Clock
from hub.errors import HubError, ModelError, NotAllowedError, UsageError
from hub.face_answers import hits_of, raised
from hub.inference import Worker, let_go
from hub.messages import Act, Box, Entry, FaceCandidate, Requester
from hub.text import locate
from hub.vision.face_quality import FaceFloor, FaceQuality, flaw, measure
from hub.vision.face_tracks import pool, weigh
from hub.vision.tracking import overlap
from hub.watchlists.budget import FaceSettings, FaceStatus, ListThreshold, Ranking, rank, threshold_for
from hub.watchlists.faces import FaceCategory, FaceEntry
from hub.watchlists.gallery import Gallery

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hub.messages import Pixels

    Floats: TypeAlias = NDArray[np.float32]

OpenList: TypeAlias = Callable[[Requester, str], AbstractContextManager[Gallery]]
"""Opens the face list of a digest ("" for the only one) for an officer and a block; raises `NotAllowedError` with the
reason where none is in force."""

VIEWS: Final = 4
"""Most pictures of a camera that are pooled."""
PROMINENT: Final = 2.0
"""Times by which the largest face must be larger than any other to be the one that is meant."""
SAME: Final = 0.1
"""Overlap of boxes (intersection over union) of one face in two pictures of a camera."""
COMPARE_SECONDS: Final = 20.0
"""Longest time for one picture or for the search, well below the meter's lease."""
LAST_SECONDS: Final = 2.0
"""Longest time for what is still written once a probe was cancelled."""
CANDIDATES: Final = 10
"""Templates that a search returns: more than can lie within a margin of one another and mean anything."""


class ProbeCandidate(Struct, frozen=True):
    """An entry that the face resembles."""

    entry: str
    similarity: float
    margin: float | None
    """By how much more than the next entry; None where there is no other."""
    false_alert_budget: float
    """False alerts that were allowed for from one probe of somebody who is not listed."""
    category: str
    name: str
    instruction: str
    """What the officer is to do."""


class Expected(Struct, frozen=True):
    """False alerts to expect from one probe of somebody who is not listed."""

    value: float
    low: float
    high: float
    at_most: bool
    threshold: float
    """Similarity from which a face is a candidate."""
    entries: int


class ProbeAnswer(Struct, frozen=True):
    """What came of a probe."""

    status: FaceStatus
    candidates: tuple[ProbeCandidate, ...]
    quality: FaceQuality | None
    """Of the best picture; None where there was no one face."""
    reason: str
    """One or two sentences for the officer."""
    expected: Expected | None = None


class _Look(Struct, frozen=True, eq=False):
    """What one picture shows."""

    problem: str
    """Why nothing in it can be compared, "" where something can."""
    region: FaceRegion | None = None
    others: tuple[Box, ...] = ()
    quality: FaceQuality | None = None
    row: Floats | None = None


class _View(Struct, frozen=True, eq=False):
    """A picture in which the face is good enough."""

    picture: Pixels
    box: Box
    others: tuple[Box, ...]
    quality: FaceQuality
    row: Floats


class Probes:
    """A unit's probes.

    Args:
        engine: Finds and embeds.
        calibration: Of the engine's model.
        meter: Says when (C4).
        open_list: Opens the list in force.
        alerts: Where a candidate becomes an alert.
        log: Takes an entry before each probe, and one with what came of it.
        clock: Wall time.
        identify: Gives a new identifier.
        settings: The budget and the margin.
        floor: Least quality; the hub's own, so that no engine lowers it.
        worker: Runs the engine.
    """

    def __init__(
        self,
        engine: FaceEngine,
        calibration: Calibration,
        meter: Meter,
        *,
        open_list: OpenList,
        alerts: AlertBook,
        log: Log,
        clock: Clock,
        identify: Callable[[], str],
        settings: FaceSettings,
        floor: FaceFloor | None = None,
        worker: Worker | None = None,
    ) -> None:
        if calibration.model != engine.model:
            raise UsageError("the calibration belongs to another model: similarities of this one mean something else")
        self._engine = engine
        self._calibration = calibration
        self._meter = meter
        self._open_list = open_list
        self._alerts = alerts
        self._log = log
        self._clock = clock
        self._identify = identify
        self._settings = settings
        self._floor = floor or FaceFloor()
        self._worker = worker or Worker("probe")

    async def probe(
        self, pictures: AsyncIterable[Pixels], requester: Requester, reason: str, *, camera: str = "", digest: str = ""
    ) -> ProbeAnswer:
        """Compare one face with the list in force.

        Args:
            pictures: Pictures of one person a moment apart, uint8 [height, width, 3], BGR; none is asked for before
                it is allowed, and none once there are `VIEWS` good ones.
            requester: The officer of a checked session.
            reason: The officer's.
            camera: Name of the camera that they come from; "" for a file.
            digest: SHA-256 of the list, hexadecimal; "" for the only one that is loaded.

        Raises:
            NotAllowedError: Policy, metering or the list says no; nothing was compared, the refusal is in the log.
            UsageError: The budget is finer than the calibration can support.
            AuditError: The log cannot be written: nothing was compared, or nothing is told of what was.
            HubError: The pictures, the engine or a store failed.
        """
        payload = partial(ProbePayload, reason=reason)
        decision, turn = may_probe(requester, reason), 0
        if decision.allowed:
            decision, turn = await self._meter.begin_probe(requester.officer)
        if not decision.allowed:
            await self._append(requester, "refused", payload(refusal=decision.reason), camera)
            decision.demand()
        outcome = Outcome.NOT_COMPARED
        try:
            await self._append(requester, "begun", payload(), camera)
            try:
                async with _in_thread(self._open_list(requester, digest)) as gallery:
                    payload = partial(payload, list_digest=gallery.digest)
                    before = gallery.comparisons
                    try:
                        answer = await self._compare(gallery, pictures, requester, camera)
                    finally:
                        if gallery.comparisons > before:
                            outcome = Outcome.NO_CANDIDATE
            except (NotAllowedError, UsageError) as error:
                await self._append(requester, "refused", payload(refusal=str(error)), camera)
                raise
            except Exception as error:
                where = locate(error)
                let_go(error)  # with the pictures, although it is raised on (C3)
                await self._append(requester, "failed", payload(verdict=f"failed: {type(error).__name__}"), camera)
                if isinstance(error, HubError):
                    raise
                raise ModelError(f"the face engine failed: {where}") from error
            if answer.candidates:
                outcome = Outcome.CANDIDATE
            await self._append(requester, "done", payload(verdict=answer.status.value), camera)
            return answer
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + LAST_SECONDS), suppress(HubError):
                await self._meter.end(turn, outcome)

    async def _compare(
        self, gallery: Gallery, pictures: AsyncIterable[Pixels], requester: Requester, camera: str
    ) -> ProbeAnswer:
        threshold = threshold_for(
            self._calibration,
            entries=len(gallery),
            faces=1,
            budget=self._settings.false_alerts_per_probe,
            least=gallery.header.threshold,
        )
        views: list[_View] = []
        try:
            last = await self._gather(pictures, views)
            if not views:
                return ProbeAnswer(FaceStatus.NOT_COMPARED, (), last.quality, _sentence(last.problem))
            pooled = pool([view.row for view in views], [weigh(view.quality) for view in views])
        finally:
            for view in views:
                view.row[:] = 0
        try:
            found = await self._worker.call(gallery.search, pooled, CANDIDATES, deadline=COMPARE_SECONDS)
        finally:
            pooled[:] = 0
        best = max(views, key=lambda view: weigh(view.quality))
        ranking = rank(found, threshold.threshold, self._settings.margin)
        if not ranking.resembled:
            reason = "No entry of the list is resembled enough; nothing is kept of this face."
            return ProbeAnswer(ranking.status, (), best.quality, reason, _expected(threshold))
        return await self._raise(gallery, ranking, threshold, views, best, requester, camera)

    async def _gather(self, pictures: AsyncIterable[Pixels], views: list[_View]) -> _Look:
        """Add pictures that are good enough to `views`, and return what the last one showed."""
        look = _Look("there was no picture")
        async for picture in pictures:
            seen = await self._worker.call(_look_at, self._engine, picture, self._floor, deadline=COMPARE_SECONDS)
            if seen.row is None or seen.region is None or seen.quality is None:
                look = seen
                continue
            if views and overlap(views[0].box, seen.region.box) < SAME:
                seen.row[:] = 0  # the most prominent face is somewhere else now: it may be somebody else's
                continue
            views.append(_View(picture, seen.region.box, seen.others, seen.quality, seen.row))
            if len(views) == VIEWS:
                break
        return look

    async def _raise(
        self,
        gallery: Gallery,
        ranking: Ranking,
        threshold: ListThreshold,
        views: Sequence[_View],
        best: _View,
        requester: Requester,
        camera: str,
    ) -> ProbeAnswer:
        cards = await trio.to_thread.run_sync(lambda: [gallery.card(each.entry) for each in ranking.resembled])
        hits = hits_of(ranking, cards, threshold, self._calibration, views=len(views), per="a probe")
        face = FaceCandidate(
            camera=camera,
            track=0,
            at=self._clock.now(),
            first_seen=0.0,
            last_seen=0.0,
            views=len(views),
            box=best.box,
            scene=best.picture,
            others=best.others,
            order="",
            references=tuple((card.entry.entry, card.photo) for card in cards),
        )
        await self._alerts.raise_hit(
            raised(
                hits,
                ranking,
                face,
                lookup=self._identify(),
                source=gallery.name,
                digest=gallery.digest,
                requester=requester,
                milliseconds=0.0,
            )
        )
        candidates = tuple(
            ProbeCandidate(
                entry=each.entry,
                similarity=round(each.similarity, 4),
                margin=None if each.margin is None else round(each.margin, 4),
                false_alert_budget=threshold.budget,
                category=card.entry.category.value,
                name=hit.record.get("name"),
                instruction=hit.record.get("instruction"),
            )
            for each, card, hit in zip(ranking.resembled, cards, hits, strict=True)
        )
        # Children come first, then whoever is missing or in danger, also among entries that cannot be told apart.
        order = sorted(range(len(cards)), key=lambda place: _urgency(cards[place].entry))
        reason = "An alert was raised: another officer adjudicates it, live crop and reference side by side. "
        return ProbeAnswer(
            ranking.status,
            tuple(candidates[place] for place in order),
            best.quality,
            reason + hits[0].why,
            _expected(threshold),
        )

    async def _append(self, requester: Requester, outcome: str, payload: ProbePayload, camera: str) -> None:
        at = self._clock.now()
        await self._log.append(Entry(Act.PROBE, at, requester, outcome, payload, camera=camera))


def explain(answer: ProbeAnswer) -> list[str]:
    """Return what came of a probe as lines of text."""
    lines = [f"{answer.status.value.replace('_', ' ')}. {answer.reason}"]
    for each in answer.candidates:
        margin = "no other entry" if each.margin is None else f"margin {each.margin:+.4f}"
        lines.append(f"  {each.category.replace('_', ' ')}: {each.name}, entry {each.entry}")
        lines.append(f"    similarity {each.similarity:.4f}, {margin}")
        if each.instruction:
            lines.append(f"    {each.instruction}")
    return lines


def _look_at(engine: FaceEngine, picture: Pixels, floor: FaceFloor) -> _Look:
    """Find the one face that is meant, measure it, and embed it where it is good enough. Blocking; keeps nothing."""
    faces = sorted(engine.detect(picture), key=lambda face: -face.box.w * face.box.h)
    if not faces:
        return _Look("the picture shows no face")
    first = faces[0].box
    if len(faces) > 1 and first.w * first.h < PROMINENT * faces[1].box.w * faces[1].box.h:
        return _Look(f"the picture shows {len(faces)} faces of about one size: have one in front alone")
    quality = measure(picture, faces[0])
    if (why := flaw(quality, floor)) is not None:
        return _Look(f"the face is below the quality floor: {why.value.replace('_', ' ')}", quality=quality)
    row = engine.embed(picture, faces[:1])[0]
    return _Look("", faces[0], tuple(face.box for face in faces[1:]), quality, row)


def _urgency(entry: FaceEntry) -> tuple[bool, bool]:
    return entry.category is not FaceCategory.MISSING_CHILD, not entry.comes_first


def _expected(threshold: ListThreshold) -> Expected:
    return Expected(
        value=float(f"{threshold.expected:.2g}"),
        low=float(f"{threshold.low:.2g}"),
        high=float(f"{threshold.high:.2g}"),
        at_most=threshold.at_most,
        threshold=threshold.threshold,
        entries=threshold.entries,
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}; nothing was compared."


@asynccontextmanager
async def _in_thread(opening: AbstractContextManager[Gallery]) -> AsyncIterator[Gallery]:
    """Open a list in a thread, which takes up to a second or two, and wipe it at the end of the block, here and now."""
    gallery = await trio.to_thread.run_sync(opening.__enter__)
    try:
        yield gallery
    finally:
        opening.__exit__(None, None, None)
