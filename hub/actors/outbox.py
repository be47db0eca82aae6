"""Takes dispatches to the desk: in order, each until it has arrived, through power cuts and days without a network.

One loop a target, so that a target that is away holds up no other. What is in the outbox, and that only decided
alerts are, is `hub.store.outbox`' and `hub.alerts`' business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import trio
from msgspec import Struct

from hub.audit.records import DispatchPayload
from hub.authority.accounting import Log
from hub.authority.policy import unit_requester
from hub.backends import Dispatcher
from hub.clocks import Clock
from hub.errors import HubError, StoreError
from hub.messages import Act, Dispatch, Entry
from hub.store.outbox import OutboxStore

POLL_SECONDS: Final = 1.0
"""How often the outbox is looked at: an officer may decide in another process."""
SEND_SECONDS: Final = 30.0
"""Longest time that one delivery may take before it is tried again."""
FIRST_WAIT: Final = 1.0
"""Seconds before the first repetition; each further one waits twice as long."""
LONGEST_WAIT: Final = 60.0


class TargetHealth(Struct, frozen=True):
    """How delivery to one target goes."""

    target: str
    delivered: int
    """Since the start."""
    failed: int
    """Attempts in a row that did not succeed."""
    detail: str
    """Why the last one did not; "" where it did."""


class Outbox:
    """Delivers what the outbox holds; also for a command that decides while no hub runs.

    Args:
        store: The outbox.
        targets: Where dispatches go, each with a name of its own.
        log: Takes an entry before a dispatch leaves.
        clock: Wall time of those entries.
        unit: The unit's name.
    """

    def __init__(
        self,
        store: OutboxStore,
        targets: Sequence[Dispatcher],
        *,
        log: Log,
        clock: Clock,
        unit: str,
    ) -> None:
        self._store = store
        self._targets = tuple(targets)
        self._names = tuple(target.name for target in targets)
        if len(set(self._names)) != len(self._names):
            raise ValueError("two targets have the same name")
        self._log = log
        self._clock = clock
        self._unit = unit
        self._health = {name: TargetHealth(name, 0, 0, "") for name in self._names}

    @property
    def targets(self) -> tuple[Dispatcher, ...]:
        """Where dispatches go."""
        return self._targets

    def health(self) -> tuple[TargetHealth, ...]:
        """Return how delivery to each target goes."""
        return tuple(self._health.values())

    async def deliver(self, target: Dispatcher) -> bool:
        """Deliver the next dispatch to one target. Returns False where there is none or it did not arrive.

        So it does where another process is delivering: hub and commands take turns, lest both enter and send the same.
        It never raises for a target's fault: that is in `health`, and the dispatch stays.
        """
        if await self._attempt(target):
            return True
        # Once for all that has been delivered: each time rewrites the file. The store remembers that it is due.
        with suppress(StoreError):
            await self._store.overwrite()
        return False

    async def _attempt(self, target: Dispatcher) -> bool:
        health = self._health[target.name]
        try:
            if await self._store.next(target.name) is None:
                self._health[target.name] = TargetHealth(target.name, health.delivered, 0, "")
                return False
            with self._store.turn(target.name) as ours:
                if not ours:
                    return False
                waiting = await self._store.next(target.name)
                if waiting is None:  # another process has just delivered it; what came after it may be left to us
                    return True
                if not waiting.accounted:
                    await self._account(waiting.dispatch, target.name)
                with trio.fail_after(SEND_SECONDS):
                    await target.send(waiting.dispatch)
                await self._store.acknowledge(waiting.dispatch.dispatch, target.name, self._names)
        except trio.TooSlowError:
            return self._failed(health, f"{target.name} did not take the dispatch within {SEND_SECONDS:g} s")
        except HubError as error:
            return self._failed(health, str(error))
        except Exception as error:  # noqa: BLE001  # a plugin's fault must not lose a dispatch
            return self._failed(health, f"{target.name} failed: {type(error).__name__}")
        self._health[target.name] = TargetHealth(target.name, health.delivered + 1, 0, "")
        return True

    async def tidy(self) -> None:
        """Drop what all of today's targets have: one that is no longer configured is not waited for.

        Raises:
            StoreError: The outbox cannot be written.
        """
        if self._names:
            await self._store.tidy(self._names)

    async def flush(self) -> int:
        """Deliver what can be delivered now, without repetition; returns how many dispatches are left.

        Where another process is delivering, all is left to it: it goes on with whatever waits when its turn ends.
        """
        for target in self._targets:
            while await self.deliver(target):
                pass
        return await self._store.count()

    async def _account(self, dispatch: Dispatch, target: str) -> None:
        payload = DispatchPayload(
            dispatch.dispatch, dispatch.alert, dispatch.state, dispatch.reason, dispatch.correction
        )
        now = self._clock.now()
        unit = unit_requester(self._unit)
        await self._log.append(Entry(Act.DISPATCHED, now, unit, target, payload, source=dispatch.source))
        await self._store.account(dispatch.dispatch, target)

    def _failed(self, health: TargetHealth, detail: str) -> bool:
        self._health[health.target] = TargetHealth(health.target, health.delivered, health.failed + 1, detail)
        return False


async def run_outbox(
    outbox: Outbox,
    *,
    jitter: Callable[[], float],
    on_health: Callable[[TargetHealth], None] = lambda _: None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Deliver until cancelled.

    Args:
        outbox: What to deliver, and where.
        jitter: Gives a number from 0 to 1, so that units do not all come back at the same instant.
        on_health: Called when a target fails or comes back.
        task_status: Started at once: a target that is away is no reason not to run.

    Raises:
        StoreError: The outbox cannot be written at the start.
    """
    await outbox.tidy()
    async with trio.open_nursery() as nursery:
        for target in outbox.targets:
            nursery.start_soon(_run_target, outbox, target, jitter, on_health)
        task_status.started()
        await trio.sleep_forever()


async def _run_target(
    outbox: Outbox, target: Dispatcher, jitter: Callable[[], float], on_health: Callable[[TargetHealth], None]
) -> None:
    failed = 0
    while True:
        delivered = await outbox.deliver(target)
        health = next(each for each in outbox.health() if each.target == target.name)
        if bool(health.failed) != bool(failed):
            on_health(health)
        failed = health.failed
        if not delivered:
            await trio.sleep(wait_after(failed, jitter()) if failed else POLL_SECONDS)


def wait_after(failed: int, jitter: float) -> float:
    """Return the seconds before the next attempt after that many failures in a row, with up to a quarter less."""
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(failed - 1, 30)) * (1 - jitter / 4)
