"""Watching for the people of one list under one deployment order (C4): whether it may go on, and the list while it may.

Every frame asks `FaceWatch.check` first. Whenever the answer is no, the templates are zeros before the next line runs;
they are opened again only where the order is in force again. Comparisons are accounted for by number, camera and
minute, as automatic look-ups are (C7); where the log cannot be written there is none. Frames and faces are the
business of `hub.actors.faces`, whether an order is in force that of `hub.authority.order_watch`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Final, TypeAlias

import trio
from msgspec import Struct

from hub.audit.records import WatchPayload
from hub.authority.accounting import Log
from hub.authority.order_watch import OrderWatch
from hub.authority.orders import list_problem
from hub.authority.policy import may_watch
from hub.calibration import Calibration
from hub.clocks import Clock
from hub.errors import AuditError, HubError, NotAllowedError
from hub.inference import Worker
from hub.messages import Act, AnswerStatus, Entry, Fix, OrderReason, OrderStanding, Requester, WatchHealth
from hub.minutes import Minutes
from hub.watchlists.budget import FaceSettings, FaceStatus, ListThreshold, Ranking, rank, threshold_for
from hub.watchlists.faces import Card
from hub.watchlists.gallery import Gallery

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]

OpenWatched: TypeAlias = Callable[[], AbstractContextManager[Gallery]]
"""Opens the order's list for a block; raises `NotAllowedError` with the reason where it may not be used (any more)."""

SEARCH_SECONDS: Final = 2.0
"""Longest time for one search, waiting included."""
AGAIN_SECONDS: Final = 10.0
"""Time after which a list that did not open is tried again."""
LAST_SECONDS: Final = 2.0
"""Longest time for what is still written when the watch ends."""
CANDIDATES: Final = 10
_HOUR: Final = 3600.0


class WatchTrust(Struct, frozen=True):
    """What the authority's newest accepted update says of the order and its list."""

    revoked: frozenset[str] = frozenset()
    """What was withdrawn."""
    refused: str = ""
    """Why the list may not be used any more, "" where it may."""


class Compared(Struct, frozen=True, eq=False):
    """What one comparison gave."""

    ranking: Ranking
    cards: tuple[Card, ...]
    """The card of each entry that is resembled, in the ranking's order."""
    threshold: ListThreshold
    name: str
    """Of the list."""
    digest: str


class FaceWatch:
    """One order's watch, for all cameras of the unit. For the event loop's thread alone.

    Args:
        order: The loaded order.
        open_list: Opens its list.
        calibration: Of the engine's model.
        settings: The budget and the margin.
        clock: The machine's own clock, so that one that is set back is noticed.
        account_clock: Gives the time of entries in the log, never less than its newest.
        fix: Returns the newest position, None where there is none.
        trust: Returns what the authority says now; a `HubError` that it raises suspends the watch.
        log: Takes an entry before the list is opened, and by minute how often it was compared.
        requester: The unit itself.
        development: Whether it watches with ``--development``; marks what comes of it.
        worker: Runs the search.
    """

    def __init__(
        self,
        order: OrderWatch,
        *,
        open_list: OpenWatched,
        calibration: Calibration,
        settings: FaceSettings,
        clock: Clock,
        account_clock: Clock,
        fix: Callable[[], Fix | None],
        trust: Callable[[], WatchTrust],
        log: Log,
        requester: Requester,
        development: bool = False,
        worker: Worker | None = None,
    ) -> None:
        self.calibration = calibration
        self.requester = requester
        self.development = development
        self.ended = trio.Event()
        """Set once the order will not be in force again."""
        self._order = order
        self._open_list = open_list
        self._settings = settings
        self._clock = clock
        self._account_clock = account_clock
        self._fix = fix
        self._trust = trust
        self._log = log
        self._worker = worker or Worker("face search")
        self._opening: AbstractContextManager[Gallery] | None = None
        self._gallery: Gallery | None = None
        self._threshold: ListThreshold | None = None
        self._standing = OrderStanding(order.order.order, OrderReason.NOT_BEGUN)
        self._name = ""
        self._compared = 0
        self._detail = ""
        self._retry_at = 0.0
        self._closed: list[WatchPayload] = []
        self._minutes = Minutes(requester, log=log, clock=account_clock)

    # ------------------------------------------------------------------------------------- before each comparison

    def check(self, camera: str | None) -> OrderStanding:
        """Say whether faces of a camera may be looked for now; where not, no template is left when this returns.

        Args:
            camera: Name of the camera; None for the order as a whole.
        """
        try:
            trust = self._trust()
        except HubError as error:  # what the authority says is unknown for now: nothing is compared meanwhile
            self._detail = str(error)
            self._close(self._detail)
            return OrderStanding(self.order, OrderReason.NO_ORDER)
        standing = self._order.check(
            self._clock.now(),
            self._clock.boottime(),
            camera,
            self._fix(),
            trust.revoked,
            self._order.order.list_digest,
        )
        if trust.refused and not standing.ended:
            standing, self._detail = self._order.end(OrderReason.WITHDRAWN), trust.refused
        if not standing.in_force and standing.reason is not OrderReason.OTHER_CAMERA:
            self._close(standing.reason.value)
        elif self._gallery is not None and (why := self._gallery.expire()):
            self._close(why)
        if camera is None or standing.ended:
            self._standing = standing
        if standing.ended:
            self._open_list = _no_more  # and with it the unit's key
            self.ended.set()
        return standing

    async def compare(self, camera: str, embedding: Floats) -> Compared | None:
        """Compare one face with the list, where that may be done now.

        Args:
            camera: Name of the camera that saw it.
            embedding: float32 [size], of length 1; zeroed before this returns.

        Returns:
            None where nothing was compared: the order is not in force, or its list is not open.

        Raises:
            AuditError: The log cannot be written: nothing was compared.
            HubError: The search failed.
        """
        try:
            if self._ready(camera) is None:
                return None
            minute = await self._minutes.begin(camera, (self._name,))
            status = AnswerStatus.UNAVAILABLE
            try:
                # Writing took its time: it is asked again, and nothing is awaited between the answer and the search.
                if (ready := self._ready(camera)) is None:
                    return None
                gallery, threshold = ready
                found = await self._worker.call(gallery.search, embedding, CANDIDATES, deadline=SEARCH_SECONDS)
                self._compared += 1
                ranking = rank(found, threshold.threshold, self._settings.margin)
                cards = tuple(await trio.to_thread.run_sync(_cards, gallery, ranking))
                status = AnswerStatus.HIT if ranking.resembled else AnswerStatus.NO_HIT
                return Compared(ranking, cards, threshold, gallery.name, gallery.digest)
            finally:
                self._minutes.end(minute, {self._name: status})
        except NotAllowedError as error:  # the list ended between the question and the search
            self._close(str(error))
            return None
        finally:
            embedding[:] = 0

    def _ready(self, camera: str) -> tuple[Gallery, ListThreshold] | None:
        """Return the open list and its threshold where a face of a camera may be compared now."""
        allowed = may_watch(self.check(camera)).allowed
        if not allowed or self._gallery is None or self._threshold is None:
            return None
        return self._gallery, self._threshold

    @property
    def order(self) -> str:
        """Identifier of the order."""
        return self._order.order.order

    @property
    def is_open(self) -> bool:
        """Whether the list's templates are in memory."""
        return self._gallery is not None

    def state(self) -> WatchHealth:
        """Return the watch as dashboards are told of it."""
        order = self._order.order
        return WatchHealth(
            order=order.order,
            reason=self._standing.reason,
            ended=self._standing.ended,
            purpose=order.purpose.value,
            ends=order.ends,
            list_name=self._name,
            list_digest=order.list_digest,
            entries=0 if self._gallery is None else len(self._gallery),
            expected=0.0 if self._gallery is None or self._threshold is None else self._threshold.expected,
            compared=self._compared,
            detail=self._detail,
            development=self.development,
        )

    # ------------------------------------------------------------------------------------------ from time to time

    async def tick(self) -> None:
        """Do what time asks for: let the order end or begin, open the list, write what is to be accounted for.

        Raises:
            AuditError: The log cannot be written; the list is not open then.
        """
        standing = self.check(None)
        await self._account()
        if standing.in_force and self._gallery is None and self._clock.boottime() >= self._retry_at:
            await self._open()

    async def aclose(self) -> None:
        """End the watch: zeros first, then what is left to be written. May be called twice."""
        self._close("the hub stops")
        with trio.CancelScope(shield=True, deadline=trio.current_time() + LAST_SECONDS), suppress(AuditError):
            await self._account(stopping=True)

    async def _open(self) -> None:
        order = self._order.order
        self._retry_at = self._clock.boottime() + AGAIN_SECONDS
        try:
            opening = self._open_list()
            gallery = await trio.to_thread.run_sync(opening.__enter__)
        except HubError as error:
            if str(error) != self._detail:
                self._detail = str(error)
                payload = WatchPayload(order.order, order.list_digest, 0, reason=str(error))
                await self._append(Act.WATCH, "refused", payload)
            return
        try:
            self._admit(gallery)
            threshold = threshold_for(
                self.calibration,
                entries=len(gallery),
                faces=self._settings.faces_per_hour,
                budget=self._settings.false_alerts_per_hour,
                least=gallery.header.threshold,
            )
            payload = WatchPayload(
                order.order, gallery.digest, len(gallery), threshold.threshold, float(f"{threshold.expected:.3g}")
            )
            await self._append(Act.WATCH, "begun", payload)
        except BaseException as error:
            opening.__exit__(None, None, None)
            if not isinstance(error, HubError) or isinstance(error, AuditError):
                raise
            self._detail = str(error)
            await self._append(Act.WATCH, "refused", WatchPayload(order.order, gallery.digest, 0, reason=self._detail))
            return
        self._opening, self._gallery, self._threshold = opening, gallery, threshold
        self._name, self._detail, self._retry_at = gallery.name, "", 0.0
        self.check(None)  # it took a while

    def _admit(self, gallery: Gallery) -> None:
        if problem := list_problem(self._order.order, gallery.digest, gallery.purpose):
            raise NotAllowedError(problem)

    def _close(self, reason: str) -> None:
        """Zero the templates now; that it happened is written by the next `tick`."""
        opening, gallery, threshold = self._opening, self._gallery, self._threshold
        self._opening = self._gallery = self._threshold = None
        if opening is None or gallery is None:
            return
        gallery.wipe(reason)
        opening.__exit__(None, None, None)
        order = self._order.order
        self._closed.append(
            WatchPayload(
                order.order,
                order.list_digest,
                0,
                0.0 if threshold is None else threshold.threshold,
                0.0 if threshold is None else float(f"{threshold.expected:.3g}"),
                self._compared,
                reason,
            )
        )

    # ------------------------------------------------------------------------------------------ accounting

    async def _account(self, *, stopping: bool = False) -> None:
        while self._closed:
            await self._append(Act.WATCH, "ended", self._closed[0])
            self._closed.pop(0)
        await self._minutes.write(stopping=stopping)

    async def _append(self, act: Act, outcome: str, payload: WatchPayload) -> None:
        at = self._account_clock.now()
        entry = Entry(act, at, self.requester, outcome, payload, source=self._name)
        await self._log.append(entry)


def _no_more() -> AbstractContextManager[Gallery]:
    raise NotAllowedError("the order has ended")


def is_candidate(compared: Compared) -> bool:
    """Say whether a comparison is to raise an alert."""
    return compared.ranking.status in (FaceStatus.CANDIDATE, FaceStatus.AMBIGUOUS)


def _cards(gallery: Gallery, ranking: Ranking) -> list[Card]:
    return [gallery.card(each.entry) for each in ranking.resembled]


PER_HOUR: Final = "an hour"
"""What the false alerts of a watch are expected for, in words."""
