"""The actor around `hub.lookups.Lookups`: reads in, hits out, and time.

Nothing of a read outlives its look-up here: no local variable waits with the last one, nothing is cached. What is
asked, and how it is accounted for, is `hub.lookups`'.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import trio

from hub.authority.policy import unit_requester
from hub.channels import Mailbox
from hub.errors import ClosedChannelError, HubError
from hub.ledger import Ledger, Stage
from hub.lookups import LAST_SECONDS, Lookups
from hub.messages import Answer, AnswerStatus, PlateRead, RaisedHit, Reason

READS_AT_ONCE: Final = 8
"""Automatic look-ups under way at the same time, so that one slow source holds up no other read."""
TICK_SECONDS: Final = 1.0
"""How often it is looked whether a minute is over."""

ERASE_SECONDS: Final = 60.0
"""How often sources are told to destroy lists that are past their date."""


class _Actor:
    def __init__(
        self,
        lookups: Lookups,
        hits: Mailbox[RaisedHit],
        unit: str,
        ledger: Ledger | None,
        on_problem: Callable[[str], None],
    ) -> None:
        self._lookups = lookups
        self._hits = hits
        self._unit = unit
        self._ledger = ledger
        self._on_problem = on_problem
        self._problem = ""

    async def take_reads(self, reads: Mailbox[PlateRead]) -> None:
        slots = trio.Semaphore(READS_AT_ONCE)
        async with trio.open_nursery() as nursery:
            with suppress(ClosedChannelError):
                while True:
                    await slots.acquire()
                    nursery.start_soon(self._look_up, await reads.receive(), slots)

    async def keep_time(self) -> None:
        while True:
            await trio.sleep(TICK_SECONDS)
            await self.count(stopping=False)

    async def erase(self) -> None:
        while True:
            try:
                await self._lookups.erase_due()
            except HubError as error:
                self._note(str(error))
            await trio.sleep(ERASE_SECONDS)

    async def count(self, *, stopping: bool) -> None:
        try:
            await self._lookups.count(stopping=stopping)
        except HubError as error:
            self._note(str(error))

    async def _look_up(self, read: PlateRead, slots: trio.Semaphore) -> None:
        handed_on = gone = False

        async def deliver(answer: Answer) -> None:
            nonlocal handed_on, gone
            if answer.status not in (AnswerStatus.HIT, AnswerStatus.AMBIGUOUS):
                return
            try:
                await self._hits.send(RaisedHit(read, answer, unit_requester(self._unit)))
                handed_on = True  # from here on its reason is the alerts' to give
            except ClosedChannelError:
                gone = True

        reason = Reason.STOPPED
        try:
            reason = _reason(await self._lookups.automatic(read, deliver))
            self._note("")
        except HubError as error:
            reason = Reason.UNAVAILABLE
            self._note(str(error))
        finally:
            slots.release()
            if self._ledger is not None and not handed_on:
                self._ledger.leave(read.camera, Stage.READ, Reason.STOPPED if gone else reason)

    def _note(self, problem: str) -> None:
        """Tell of a problem once, and once that it is over."""
        if problem != self._problem:
            self._problem = problem
            self._on_problem(problem)


async def run_lookups(
    lookups: Lookups,
    reads: Mailbox[PlateRead],
    hits: Mailbox[RaisedHit],
    *,
    unit: str,
    ledger: Ledger | None = None,
    on_problem: Callable[[str], None] = lambda _: None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Look reads up on automatic sources until `reads` is closed.

    Args:
        lookups: The unit's look-ups.
        reads: From the plate readers; each has entered stage "read" of the ledger.
        hits: To the alerts. Not closed here.
        unit: The unit's name.
        ledger: Where a read that raises no hit gets its reason: `Reason.NOT_LISTED`, `UNAVAILABLE` where no source
            could answer or the log cannot be written, `NO_SOURCE`, or `STOPPED` for those in hand when cancelled. A
            read that raises a hit gets its reason from the alerts. What is left in `reads` is its owner's to count.
        on_problem: Called with one line when look-ups begin to fail because of the log, and with "" when they work
            again.
        task_status: Started at once: sources are open before.
    """
    actor = _Actor(lookups, hits, unit, ledger, on_problem)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(actor.keep_time)
            nursery.start_soon(actor.erase)
            task_status.started()
            await actor.take_reads(reads)
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + LAST_SECONDS):
            await actor.count(stopping=True)


def _reason(answers: tuple[Answer, ...]) -> Reason:
    """Return why a read went nowhere, from answers none of which is a hit."""
    if not answers:
        return Reason.NO_SOURCE
    listed_nowhere = any(answer.status is AnswerStatus.NO_HIT for answer in answers)
    return Reason.NOT_LISTED if listed_nowhere else Reason.UNAVAILABLE
