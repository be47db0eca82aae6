"""The actor around `hub.alerts.AlertBook`: hits in, events out, and time.

What may be done and in which order it is logged and stored is the book's business; an event is told of whatever the
store says has changed, so that it makes no difference which process changed it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import trio
from msgspec import Struct

from hub.alerts import AlertBook
from hub.channels import Mailbox
from hub.errors import ClosedChannelError, HubError
from hub.ledger import Ledger, Stage
from hub.messages import Alert, RaisedHit, Reason

TICK_SECONDS: Final = 1.0
"""How often time's work is looked after; an alert therefore ends at most this late."""
_REMEMBERED: Final = 256
"""Look-ups whose read has its reason already: further answers of the same look-up add none."""


class AlertsHealth(Struct, frozen=True):
    """How the alerts fare."""

    raised: int
    """Hits that became an alert."""
    repeated: int
    """Hits of an entry that had an open alert."""
    lost: int
    """Hits that could not become an alert because the log or the store did not take it."""
    detail: str
    """Why the last act failed; "" once one succeeded."""


class Outcomes:
    """Gives the read or face of each look-up its one reason, also where the actor was started again meanwhile."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._known: deque[str] = deque(maxlen=_REMEMBERED)

    def leave(self, raised: RaisedHit, reason: Reason) -> None:
        """Give what a hit is about its reason; the first of several answers of a look-up decides on it."""
        if raised.answer.lookup in self._known:
            return
        self._known.append(raised.answer.lookup)
        if raised.read is not None:
            self._ledger.leave(raised.read.camera, Stage.READ, reason)
        elif raised.face is not None and raised.face.order:  # watched for under an order; a probe's was never entered
            self._ledger.leave(raised.face.camera, Stage.FACE, reason)


class _Actor:
    def __init__(
        self,
        book: AlertBook,
        *,
        publish: Callable[[Alert], None],
        outcomes: Outcomes | None,
        on_health: Callable[[AlertsHealth], None],
    ) -> None:
        self._book = book
        self._publish = publish
        self._outcomes = outcomes
        self._on_health = on_health
        self._health = AlertsHealth(0, 0, 0, "")
        self._revision = 0
        self._publishing = trio.Lock()

    async def begin(self) -> None:
        self._revision = await self._book.revision()
        await self._book.sweep()

    async def take_hits(self, hits: Mailbox[RaisedHit]) -> None:
        with suppress(ClosedChannelError):
            while True:
                await self._take(await hits.receive())  # nothing here waits for the next with this one in hand (C3)

    async def _take(self, raised: RaisedHit) -> None:
        try:
            reason = await self._book.raise_hit(raised)
        except trio.Cancelled:
            self._count(raised, Reason.STOPPED)
            raise
        except HubError as error:
            self._count(raised, Reason.UNAVAILABLE)
            self._note(lost=1, detail=str(error))
            return
        self._count(raised, reason)
        self._note(raised=int(reason is Reason.ALERT), repeated=int(reason is Reason.SAME_ALERT))
        await self._tell()

    async def keep_time(self) -> None:
        while True:
            await trio.sleep(TICK_SECONDS)
            await self.tick()

    async def tick(self) -> None:
        try:
            await self._book.sweep()
        except HubError as error:
            self._note(detail=str(error))
        await self._tell()

    async def _tell(self) -> None:
        async with self._publishing:  # two tellers would publish the same change twice
            try:
                changes = await self._book.changes(self._revision)
            except HubError as error:
                self._note(detail=str(error))
                return
            self._revision = changes.revision
            for alert in changes.alerts:
                self._publish(alert)

    def _count(self, raised: RaisedHit, reason: Reason) -> None:
        if self._outcomes is not None:
            self._outcomes.leave(raised, reason)

    def _note(self, *, raised: int = 0, repeated: int = 0, lost: int = 0, detail: str = "") -> None:
        before = self._health
        self._health = AlertsHealth(before.raised + raised, before.repeated + repeated, before.lost + lost, detail)
        if detail != before.detail:
            self._on_health(self._health)


async def run_alerts(
    book: AlertBook,
    hits: Mailbox[RaisedHit],
    *,
    publish: Callable[[Alert], None] = lambda _: None,
    outcomes: Outcomes | None = None,
    on_health: Callable[[AlertsHealth], None] = lambda _: None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Raise alerts from hits until `hits` is closed and everything in it was raised.

    Args:
        book: The unit's alerts.
        hits: From the look-ups.
        publish: Called with each alert that was raised or has changed, without its pictures. Must not block or raise.
        outcomes: Where a read that came this far gets its reason, once a look-up: `Reason.ALERT`, `SAME_ALERT`,
            `UNAVAILABLE` where no alert could be raised, `STOPPED` for the one in hand when cancelled. What is left
            in `hits` then is its owner's to count, by the same outcomes.
        on_health: Called when acts begin to fail, and when they succeed again.
        task_status: Started once what time and crashes had left over was done.

    Raises:
        StoreError: The store cannot be read at the start.
    """
    actor = _Actor(book, publish=publish, outcomes=outcomes, on_health=on_health)
    await actor.begin()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(actor.keep_time)
        task_status.started()
        await actor.take_hits(hits)
        nursery.cancel_scope.cancel()
    await actor.tick()
