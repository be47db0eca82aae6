"""The actor around `hub.lookups.Lookups`: reads and officers' requests in, hits and answers out.

Nothing of a read outlives its look-up here: no local variable waits with the last one, nothing is cached. What is
asked, and how it is accounted for, is `hub.lookups`'.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeAlias

import trio
from msgspec import Struct

from hub.authority.policy import unit_requester
from hub.channels import Mailbox
from hub.errors import ClosedChannelError, HubError
from hub.ledger import Ledger, Stage
from hub.lookups import LAST_SECONDS, Lookups
from hub.messages import Alert, Answer, AnswerStatus, LookupRequest, PlateRead, RaisedHit, Reason
from hub.text import plain

READS_AT_ONCE: Final = 8
"""Automatic look-ups under way at the same time, so that one slow source holds up no other read."""
REQUESTS_AT_ONCE: Final = 4
"""Officers' look-ups under way at the same time."""
REPLY_SECONDS: Final = 5.0
"""Longest wait for an officer's screen to take an answer."""
TICK_SECONDS: Final = 1.0
"""How often it is looked whether a minute is over."""

ERASE_SECONDS: Final = 60.0
"""How often sources are told to destroy lists that are past their date."""


class LookupEnded(Struct, frozen=True):
    """Last message of a look-up to who asked for it."""

    lookup: str
    refused: str = ""
    """Why nothing, or nothing more, was looked up; "" where all sources answered or had their time."""


Reply: TypeAlias = Answer | LookupEnded


class OfficerLookup(Struct, frozen=True, eq=False):
    """An officer's request on its way to the look-ups."""

    request: LookupRequest
    replies: Mailbox[Reply]
    """Gets each answer as it comes, then `LookupEnded`; then it is closed."""
    alert: Alert | None = None
    """The alert that the look-up follows, where it follows one."""


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

    async def take_requests(self, requests: Mailbox[OfficerLookup]) -> None:
        slots = trio.Semaphore(REQUESTS_AT_ONCE)
        async with trio.open_nursery() as nursery:
            with suppress(ClosedChannelError):
                while True:
                    await slots.acquire()
                    nursery.start_soon(self._answer, await requests.receive(), slots)

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

    async def _answer(self, asked: OfficerLookup, slots: trio.Semaphore) -> None:
        refused = "the unit stops"

        async def reply(message: Reply) -> None:
            with trio.move_on_after(REPLY_SECONDS), suppress(ClosedChannelError):  # whoever asked may have gone
                await asked.replies.send(message)

        try:
            await self._lookups.on_request(asked.request, reply, alert=asked.alert)
            refused = ""
        except HubError as error:
            refused = plain(str(error), limit=300)
        finally:
            slots.release()
            with trio.CancelScope(shield=True, deadline=trio.current_time() + REPLY_SECONDS):
                await reply(LookupEnded(asked.request.lookup, refused))
            asked.replies.close()

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
    requests: Mailbox[OfficerLookup] | None = None,
    ledger: Ledger | None = None,
    on_problem: Callable[[str], None] = lambda _: None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Look reads up on automatic sources, and officers' requests on those they may ask, until `reads` is closed.

    Args:
        lookups: The unit's look-ups.
        reads: From the plate readers; each has entered stage "read" of the ledger.
        hits: To the alerts. Not closed here.
        unit: The unit's name.
        requests: From signed-in officers.
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
            if requests is not None:
                nursery.start_soon(actor.take_requests, requests)
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
