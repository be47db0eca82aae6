"""Whether a deployment order is in force for this camera, now, here and with this list (C4): a state machine.

It is told everything and asks nothing: both clocks, the newest fix, what was withdrawn, the list. Whoever compares
faces asks it before each comparison, and wipes the templates whenever the answer is not `OrderReason.IN_FORCE`.

Some reasons suspend: no fix, another camera, a fix outside. Templates are gone then too, and are loaded again when
the order is in force again. The others end it: its window, by either clock; its withdrawal; a clock that was set back;
another list; a place that was left. What has ended stays so. An officer may load an order again that ended because the
place was left, as a new act with its own entry; the other ends are found again when it is loaded.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from hub.authority.orders import Order
from hub.authority.place import contains
from hub.clocks import Moment, advance
from hub.messages import Fix, OrderReason, OrderStanding

FIX_SECONDS: Final = 30.0
"""Age from which a fix says nothing any more."""
LEFT_SECONDS: Final = 30.0
"""Time without a fix inside after which one outside has ended the order: a single wild fix only suspends it."""
WORST_ACCURACY: Final = 100.0
"""Metres; a fix that is worse says nothing."""
SET_BACK_SECONDS: Final = 5.0
"""How far the wall clock may fall behind the running time: small corrections by a time server are no setting back."""


class OrderWatch:
    """One loaded order and what has become of it.

    Args:
        order: The order, verified.
        unit: This unit's name.
        seen: The latest moment that is known to have been, from before a restart; None where nothing is known.
        boot: Identifier of this boot, see `hub.clocks.boot_identifier`.
    """

    def __init__(self, order: Order, *, unit: str, boot: str, seen: Moment | None = None) -> None:
        self.order = order
        self._unit = unit
        self._boot = boot or "this process"
        self._seen = seen
        self._ended: OrderReason | None = None
        self._outside_since: float | None = None

    @property
    def seen(self) -> Moment | None:
        """The latest moment that is known to have been; to be kept across restarts."""
        return self._seen

    @property
    def ended(self) -> OrderReason | None:
        """Why it has ended; None where it has not."""
        return self._ended

    def check(
        self,
        now: datetime,
        boottime: float,
        camera: str | None,
        fix: Fix | None,
        revoked: frozenset[str],
        list_digest: str,
    ) -> OrderStanding:
        """Say whether the order is in force.

        Args:
            now: Wall time, timezone-aware: as the machine says, or floored by the log; a clock set back is noticed
                sooner in the former.
            boottime: CLOCK_BOOTTIME in seconds.
            camera: Name of the camera whose frame is to be looked at; None asks for the order as a whole.
            fix: The newest fix; None where there is none.
            revoked: Identifiers that the authority withdrew.
            list_digest: Digest of the list that is loaded.
        """
        reason = self._ended or self._reason(now, boottime, camera, fix, revoked, list_digest)
        return OrderStanding(self.order.order, reason, ended=self._ended is not None)

    def end(self, reason: OrderReason) -> OrderStanding:
        """End it for a reason found elsewhere; the first reason stands."""
        self._ended = self._ended or reason
        return OrderStanding(self.order.order, self._ended, ended=True)

    def _reason(
        self,
        now: datetime,
        boottime: float,
        camera: str | None,
        fix: Fix | None,
        revoked: frozenset[str],
        list_digest: str,
    ) -> OrderReason:
        order = self.order
        self._seen = advance(self._seen, Moment(now, boottime, self._boot))
        time = self._seen.wall
        if time >= order.ends:
            return self.end(OrderReason.WINDOW_OVER).reason
        if (time - now).total_seconds() > SET_BACK_SECONDS:
            return self.end(OrderReason.CLOCK_SET_BACK).reason
        if order.order in revoked:
            return self.end(OrderReason.WITHDRAWN).reason
        if list_digest != order.list_digest:
            return self.end(OrderReason.OTHER_LIST).reason
        if time < order.begins:
            return OrderReason.NOT_BEGUN
        if order.place.cameras:
            here = order.place.unit == self._unit and (camera is None or camera in order.place.cameras)
            return OrderReason.IN_FORCE if here else OrderReason.OTHER_CAMERA
        return self._where(boottime, fix)

    def _where(self, boottime: float, fix: Fix | None) -> OrderReason:
        known = fix is not None and 0 <= boottime - fix.at < FIX_SECONDS and 0 < fix.accuracy <= WORST_ACCURACY
        if fix is not None and known:
            if contains(self.order.place.polygon, (fix.latitude, fix.longitude)):
                self._outside_since = None
                return OrderReason.IN_FORCE
            if self._outside_since is None:
                self._outside_since = boottime
        if self._outside_since is not None and boottime - self._outside_since >= LEFT_SECONDS:
            return self.end(OrderReason.LEFT_PLACE).reason
        return OrderReason.OUTSIDE if known else OrderReason.NO_FIX
