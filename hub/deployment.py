"""A deployment order on this unit: loaded by an officer's act, accounted for, its clocks kept until it ends.

What an order must be is `hub.authority.orders`', whether it is in force `hub.authority.order_watch`'s. Watching under
it is somebody else's business (`hub.face_watch`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import trio
from msgspec import structs

from hub.audit.records import OrderPayload
from hub.authority.accounting import Log
from hub.authority.clock_file import CLOCK_FILE, KEEP_SECONDS, keep_moment, load_moment
from hub.authority.dsse import SMALL
from hub.authority.files import read_bounded
from hub.authority.order_watch import OrderWatch
from hub.authority.orders import Order, verify_order
from hub.authority.place import describe_place
from hub.authority.policy import Decision, may_load_order
from hub.authority.signatories import trusted_now
from hub.clocks import Clock, Moment, advance, boot_identifier
from hub.errors import HubError
from hub.messages import Act, Entry, Requester
from hub.text import plain
from hub.watchlists.trusted_set import TrustedSet
from hub.wire import OrderShown

ABORTED: Final = "the_watch_was_stopped"
"""Why an order has ended that somebody stopped watching under, where it had not ended by itself."""


def read_order(path: Path) -> bytes:
    """Read an order's file.

    Raises:
        InputError: It cannot be read, or is larger than any order.
    """
    return read_bounded(path, "order", SMALL)


class Deployment:
    """A loaded order; made by `load`.

    Attributes:
        watch: Says whether it is in force.
    """

    def __init__(self, watch: OrderWatch, requester: Requester, *, log: Log, clock: Clock, state: Path) -> None:
        self.watch = watch
        self._requester = requester
        self._log = log
        self._clock = clock
        self._path = state / CLOCK_FILE
        self._kept_at = -KEEP_SECONDS
        self._told = False

    @classmethod
    async def load(
        cls,
        envelope: bytes,
        requester: Requester,
        *,
        trusted: Callable[[], TrustedSet | None],
        log: Log,
        clock: Clock,
        state: Path,
        position: str = "",
        admit: Callable[[Order], Decision] | None = None,
        development: bool = False,
        boot: str | None = None,
    ) -> Deployment:
        """Load an order: verified, entered in the log, then in force where and when it says.

        Args:
            envelope: The order's file.
            requester: The officer of a checked session.
            trusted: Returns what the unit trusts now.
            log: Takes the entry before the order is loaded, or that it was refused.
            clock: Wall time that is never less than the newest entry of the log.
            state: The unit's state folder.
            position: What will say where the unit is, for the log; "" where nothing does.
            admit: Says whether the cameras that would be watched may be, under what the order says.
            development: Whether ``--development`` was given; for the log.
            boot: Identifier of this boot; None asks the system.

        Raises:
            NotAllowedError: The officer may not, or the order does not stand; the refusal is in the log.
            AuditError: The log cannot be written: nothing was loaded.
            HubError: What the unit trusts, or what is known of its clock, cannot be read.
        """
        payload = OrderPayload("", position=position, development=development)
        try:
            may_load_order(requester).demand()
            now = clock.now()
            standing = trusted_now(trusted(), now)
            order = verify_order(envelope, standing.people, standing.revoked, now)
            payload = structs.replace(_particulars(order, position), development=development)
            if admit is not None:
                admit(order).demand()
            boot = boot_identifier() if boot is None else boot
            # The newest entry of the log counts as seen: whoever asks with the machine's own clock finds it set back.
            known = await trio.to_thread.run_sync(load_moment, state / CLOCK_FILE)
            seen = advance(known, Moment(now, clock.boottime(), boot))
        except HubError as error:
            refused = structs.replace(payload, reason=plain(str(error), limit=300))
            await log.append(_entry(clock.now(), requester, "refused", refused))
            raise
        await log.append(_entry(now, requester, "loaded", payload))
        watch = OrderWatch(order, unit=requester.unit, boot=boot, seen=seen)
        loaded = cls(watch, requester, log=log, clock=clock, state=state)
        await loaded.tick()
        return loaded

    def shown(self) -> OrderShown:
        """Return the order as dashboards are shown it."""
        order = self.watch.order
        return OrderShown(
            order=order.order,
            purpose=order.purpose.value,
            place=describe_place(order.place),
            begins=order.begins,
            ends=order.ends,
            list_digest=order.list_digest,
            impact_assessment=plain(order.impact_assessment, limit=300),
            authorisation=plain(order.authorisation, limit=300),
            officer=self._requester.officer,
        )

    async def tick(self) -> None:
        """Keep what the clocks said, and enter once in the log that the order has ended.

        Call it from time to time, and again after each end.

        Raises:
            AuditError: The log cannot be written; the end is entered at the next call.
            StoreError: The clock cannot be kept.
        """
        reason = self.watch.ended
        if reason is not None and not self._told:
            await self._account_end(reason.value)
        ran = self._clock.boottime()
        if self.watch.seen is not None and (reason is not None or ran >= self._kept_at + KEEP_SECONDS):
            await trio.to_thread.run_sync(keep_moment, self._path, self.watch.seen)
            self._kept_at = ran

    async def aclose(self) -> None:
        """Stop watching under the order, and say so in the log. May be called twice.

        Raises:
            AuditError: The log cannot be written.
            StoreError: The clock cannot be kept.
        """
        if self.watch.ended is None and not self._told:
            await self._account_end(ABORTED)
        self._kept_at = -KEEP_SECONDS
        await self.tick()

    async def _account_end(self, reason: str) -> None:
        payload = structs.replace(_particulars(self.watch.order, ""), reason=reason)
        requester = self._requester
        if reason != ABORTED:  # nobody did it
            requester = structs.replace(requester, officer="", role="unit")
        await self._log.append(_entry(self._clock.now(), requester, "ended", payload))
        self._told = True


def _particulars(order: Order, position: str) -> OrderPayload:
    return OrderPayload(
        order=order.order,
        purpose=order.purpose.value,
        list_digest=order.list_digest,
        begins=order.begins,
        ends=order.ends,
        impact_assessment=plain(order.impact_assessment, limit=300),
        authorisation=plain(order.authorisation, limit=300),
        position=position if order.place.polygon else "",
    )


def _entry(at: datetime, requester: Requester, outcome: str, payload: OrderPayload) -> Entry:
    return Entry(Act.ORDER, at, requester, outcome, payload)
