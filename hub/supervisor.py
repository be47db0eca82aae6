"""Keeps actors running: starts them, restarts those that fail, parks those that go on failing, stops them in order.

It knows nothing of what an actor does. Time is trio's, so a test's clock drives it; randomness is passed in. An actor
shields itself from cancellation with a deadline at most: a task that never ends cannot be stopped, only named.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from enum import StrEnum
from typing import Any, Final, Protocol

import trio
from msgspec import Struct

from hub.errors import HubError
from hub.messages import ActorHealth, ActorState
from hub.text import describe, locate, plain


class TaskStatus(Protocol):
    """What an actor gets to say that it is ready."""

    def started(self, value: None = None) -> None:
        """Say that the actor is ready; may be called once more without effect."""
        ...


class Run(Protocol):
    """An actor's function."""

    def __call__(self, *, task_status: TaskStatus) -> Coroutine[Any, Any, None]:
        """Work until there is no more to do, or until cancelled."""
        ...


class RestartPolicy(Struct, frozen=True):
    """When a failed actor is started again, and when no more."""

    initial: float = 0.5
    """Seconds before the first restart of a streak."""
    factor: float = 2.0
    """Growth of that delay with each further failure, at least 1."""
    cap: float = 30.0
    """Longest delay in seconds."""
    jitter: float = 0.2
    """Share of the delay, 0 to 1, that chance may take away: failures with one cause do not come back as one."""
    limit: int = 5
    """Restarts within `window`; the next failure parks the actor."""
    window: float = 300.0
    """Seconds over which failures are counted."""
    healthy_after: float = 60.0
    """An actor that was ready for so many seconds starts with a clean record when it fails."""

    def delay(self, streak: int, rng: random.Random) -> float:
        """Return seconds to wait after the given failure of a streak, 1 for the first.

        The result is within ``initial * factor ** (streak - 1)``, at most `cap`, less at most the jitter's share.
        """
        # The exponent is bounded because a float overflows long before a streak of failures need end.
        full = min(self.cap, self.initial * self.factor ** min(streak - 1, 64))
        return full * (1 - self.jitter * rng.random())


class ActorSpec(Struct, frozen=True, eq=False):
    """An actor and how it is kept."""

    name: str
    """Unique among its siblings."""
    run: Run
    """Called as ``run(task_status=...)`` for each start. It must call ``task_status.started()`` when it is ready; to
    return is to be done."""
    restart: RestartPolicy = RestartPolicy()
    ready_deadline: float = 10.0
    """Seconds in which it has to be ready, each time that it starts."""
    ask: Callable[[], None] | None = None
    """Asks a running actor to finish what it has and return (closes its inbox, sets an event). Must not block."""


class StopWaits(Struct, frozen=True):
    """How long each rung of the stop ladder lasts at most, in seconds."""

    ask: float = 2.0
    """After the actors were asked. Skipped where none can be asked."""
    cancel: float = 1.5
    """After those that still run were cancelled."""


class Rung(StrEnum):
    """A rung of the stop ladder."""

    ASKED = "asked"
    CANCELLED = "cancelled"


class Overrun(Struct, frozen=True):
    """An actor that still ran at the end of a rung."""

    actor: str
    rung: Rung


class SupervisorReport(Struct, frozen=True):
    """How a supervised run ended."""

    ends: tuple[ActorHealth, ...]
    """Last health of each actor, in the order of the specs: done, parked or stopped."""
    overran: tuple[Overrun, ...]
    """Who held up the stop, in the order in which it was noticed."""


STOP_WAITS: Final = StopWaits()


async def run_supervisor(
    specs: Sequence[ActorSpec],
    *,
    on_health: Callable[[ActorHealth], None],
    rng: random.Random,
    stop: trio.Event | None = None,
    waits: StopWaits = STOP_WAITS,
    on_overrun: Callable[[tuple[Overrun, ...]], None] | None = None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> SupervisorReport:
    """Run actors until each of them is done or parked, or until told to stop.

    The stop ladder: actors that wait for a restart end at once; those with an `ActorSpec.ask` are asked, and get
    `StopWaits.ask`; then all that still run are cancelled, and get `StopWaits.cancel`. Cancelling this function
    cancels every actor without the ladder.

    Args:
        specs: The actors; upstream before downstream, because they are asked to stop in this order.
        on_health: Called at each change of an actor's state. Must not raise or block.
        rng: Source of the jitter.
        stop: Set by the owner to begin the ladder; None where only cancellation stops the run.
        waits: How long the rungs last.
        on_overrun: Called at the end of each rung with those who still run. After the last rung nothing is left
            but to wait or to end the process, and that is for the owner to decide. Must not raise or block.
        task_status: Started once the first attempt of every actor has become ready, failed or returned.

    Returns:
        How it ended.

    Raises:
        ValueError: Two actors have one name.
    """
    if len({spec.name for spec in specs}) != len(specs):
        raise ValueError("actors need different names")
    actors = [_Supervised(spec, on_health, rng) for spec in specs]
    overran: list[Overrun] = []

    async def climb_down(stop: trio.Event) -> None:
        await stop.wait()
        asked = [actor for actor in actors if actor.ask()]
        overran.extend(await _wait(asked, waits.ask, Rung.ASKED, on_overrun))
        for actor in actors:
            actor.cancel()
        overran.extend(await _wait(actors, waits.cancel, Rung.CANCELLED, on_overrun))

    async with trio.open_nursery() as nursery:
        if stop is not None:
            nursery.start_soon(climb_down, stop)
        async with trio.open_nursery() as running:
            for actor in actors:
                running.start_soon(actor.supervise)
            for actor in actors:
                await actor.tried.wait()
            task_status.started()
        nursery.cancel_scope.cancel()
    return SupervisorReport(ends=tuple(actor.health for actor in actors), overran=tuple(overran))


async def _wait(
    actors: Sequence[_Supervised],
    seconds: float,
    rung: Rung,
    on_overrun: Callable[[tuple[Overrun, ...]], None] | None,
) -> tuple[Overrun, ...]:
    """Wait for actors to end, and name those that have not when the time is up."""
    with trio.move_on_after(seconds):
        for actor in actors:
            await actor.ended.wait()
    late = tuple(Overrun(actor=actor.spec.name, rung=rung) for actor in actors if not actor.ended.is_set())
    if late and on_overrun is not None:
        on_overrun(late)
    return late


def _problem(error: BaseException) -> str:
    """Return what health says of a failure: the hub's own words, of any other exception only its kind and place.

    A foreign message may hold a plate that hit nothing, and health reaches screens and events (C3).
    """
    # The hub's own messages are one line for people; the kind in front of it would tell them nothing.
    return (plain(str(error), 200) or describe(error)) if isinstance(error, HubError) else locate(error)


class _Supervised:
    """One actor under supervision."""

    def __init__(self, spec: ActorSpec, on_health: Callable[[ActorHealth], None], rng: random.Random) -> None:
        self.spec = spec
        self.health = ActorHealth(actor=spec.name, state=ActorState.STARTING, restarts=0, detail="")
        self.tried = trio.Event()
        """Set once the first attempt became ready, failed or returned."""
        self.ended = trio.Event()
        self._on_health = on_health
        self._rng = rng
        self._stop = trio.Event()
        self._attempt = trio.CancelScope()
        self._ready_at: float | None = None
        self._restarts = 0
        self._streak = 0
        """Failures since the last healthy run."""
        self._failures: deque[float] = deque()
        """Times of the failures within the window, since the last healthy run."""

    def ask(self) -> bool:
        """Begin to stop: start no more, and ask a running actor. False where it cannot be asked or need not be."""
        self._stop.set()
        if self.spec.ask is None or self.ended.is_set() or self.health.state is ActorState.BACKING_OFF:
            return False
        try:
            self.spec.ask()
        except Exception as error:  # noqa: BLE001 - the others must still be stopped
            self._say(self.health.state, f"cannot be asked to stop: {_problem(error)}")
            return False
        return True

    def cancel(self) -> None:
        self._stop.set()
        self._attempt.cancel()

    async def supervise(self) -> None:
        try:
            while (problem := await self._try()) is not None and not self._stop.is_set():
                self.tried.set()
                if not self._may_restart():
                    self._say(ActorState.PARKED, problem)
                    return
                delay = self.spec.restart.delay(self._streak, self._rng)
                self._say(ActorState.BACKING_OFF, f"{problem}; starts again in {delay:.1f} s")
                with trio.move_on_after(delay):
                    await self._stop.wait()
                    break
                self._restarts += 1
            self._say(ActorState.STOPPED if self._stop.is_set() else ActorState.DONE, problem or "")
        finally:
            self.tried.set()
            self.ended.set()

    async def _try(self) -> str | None:
        """Run the actor once; return None where it is done or was stopped, else what went wrong."""
        self._ready_at = None
        self._attempt = trio.CancelScope(deadline=trio.current_time() + self.spec.ready_deadline)
        self._say(ActorState.STARTING, "")
        try:
            with self._attempt:
                await self.spec.run(task_status=self)
        except Exception as error:  # noqa: BLE001 - whatever an actor raises, its siblings go on
            return _problem(error)
        if self._attempt.cancel_called and not self._stop.is_set():
            return f"was not ready within {self.spec.ready_deadline:g} s"
        return None

    def started(self, value: None = None) -> None:
        """Take the actor's word that it is ready (it has this object as its ``task_status``)."""
        del value
        if self._ready_at is None and not self._attempt.cancel_called:
            self._ready_at = trio.current_time()
            self._attempt.deadline = float("inf")
            self._say(ActorState.RUNNING, "")
            self.tried.set()

    def _may_restart(self) -> bool:
        """Count a failure; False where it is one too many."""
        policy, now = self.spec.restart, trio.current_time()
        if self._ready_at is not None and now - self._ready_at >= policy.healthy_after:
            self._failures.clear()
            self._streak = 0
        while self._failures and self._failures[0] <= now - policy.window:
            self._failures.popleft()
        self._failures.append(now)
        self._streak += 1
        return len(self._failures) <= policy.limit

    def _say(self, state: ActorState, detail: str) -> None:
        self.health = ActorHealth(actor=self.spec.name, state=state, restarts=self._restarts, detail=detail)
        self._on_health(self.health)
