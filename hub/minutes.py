"""Automatic comparisons in the log, by number only (C7): a minute before its first one, its counts once it is over.

What is counted is `hub.tally`'s. Look-ups of plates and a watch for faces are accounted for in this one way.
"""

from __future__ import annotations

from collections.abc import Sequence

import trio
from msgspec import Struct

from hub.audit.records import CountPayload, OpenedPayload
from hub.authority.accounting import Log
from hub.clocks import Clock
from hub.messages import Act, AnswerStatus, Entry, Requester
from hub.tally import Minute, Tally, minute_of


class Minutes:
    """The minutes of one part of a unit.

    Args:
        requester: The unit itself.
        log: Takes the entries.
        clock: Wall time.
    """

    def __init__(self, requester: Requester, *, log: Log, clock: Clock) -> None:
        self._requester = requester
        self._log = log
        self._clock = clock
        self._tally = Tally()
        self._one_at_a_time = trio.Lock()  # so that no minute is begun again while its counts are written

    async def begin(self, camera: str, sources: Sequence[str]) -> Minute:
        """Account for what is about to be compared; to be followed by `end` with what this returns.

        Raises:
            AuditError: The log cannot be written: nothing may be compared.
        """
        async with self._one_at_a_time:
            minute = camera, minute_of(self._clock.now())
            if minute not in self._tally:
                payload = OpenedPayload(camera=camera, minute=minute[1], sources=tuple(sources))
                await self._append(Act.AUTOMATIC_OPENED, "opened", payload, camera, ",".join(sources))
                self._tally.open(minute)
            self._tally.begin(minute)
        return minute

    def end(self, minute: Minute, outcomes: dict[str, AnswerStatus]) -> None:
        """Count what came of it, one outcome for each source."""
        self._tally.end(minute, outcomes)

    async def write(self, *, stopping: bool = False) -> None:
        """Enter the counts of every minute that is over; of all minutes where the unit stops.

        Raises:
            AuditError: The log cannot be written; what is not in it yet is entered the next time.
        """
        async with self._one_at_a_time:
            for minute in self._tally.over(None if stopping else self._clock.now()):
                for count in self._tally.counts(minute):
                    payload = CountPayload(
                        camera=count.camera,
                        source=count.source,
                        minute=count.minute,
                        asked=count.asked,
                        hit=count.hit,
                        unavailable=count.unavailable,
                    )
                    await self._append(Act.AUTOMATIC_COUNTED, "counted", payload, count.camera, count.source)
                    self._tally.written(minute, count.source)
                self._tally.close(minute)

    async def _append(self, act: Act, outcome: str, payload: Struct, camera: str, source: str) -> None:
        at = self._clock.now()
        await self._log.append(Entry(act, at, self._requester, outcome, payload, camera=camera, source=source))
