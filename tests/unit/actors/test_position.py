from __future__ import annotations

import random
import threading
from collections.abc import Callable

import pytest
import trio

from hub.actors import position
from hub.actors.position import run_position
from hub.backends import PositionSource
from hub.clocks import ManualClock
from hub.errors import PluginParkedError, PositionError
from hub.messages import Fix, PositionHealth
from hub.position import Whereabouts
from hub.testing.positions import ScriptedPosition
from tests.kit_authority import NOW


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    for name, seconds in (("PAUSE", 0.0), ("FIRST_WAIT", 0.0), ("LONGEST_WAIT", 0.0), ("CALL_SECONDS", 0.05)):
        monkeypatch.setattr(position, name, seconds)


def fix(at: float, latitude: float = 48.1) -> Fix:
    return Fix(latitude, 17.1, at, 5.0)


class Rig:
    def __init__(self, *sources: PositionSource | Exception) -> None:
        self.sources = list(sources)
        self.clock = ManualClock(NOW, boottime=1000.0)
        self.held = Whereabouts()
        self.kept: list[Fix] = []
        self.health: list[PositionHealth] = []

    def make(self) -> PositionSource:
        source = self.sources.pop(0) if self.sources else ScriptedPosition([])
        if isinstance(source, Exception):
            raise source
        return source

    def keep(self, fix: Fix) -> None:
        self.held.keep(fix)
        self.kept.append(fix)

    async def run(self, until: Callable[[], bool]) -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(self._run)
            with trio.fail_after(5):
                while not until():  # noqa: ASYNC110  # what a thread did has no event
                    await trio.sleep(0.001)
            nursery.cancel_scope.cancel()

    async def _run(self, task_status) -> None:
        await run_position(
            "gpsd",
            self.make,
            self.keep,
            clock=self.clock,
            rng=random.Random(1),
            report=self.health.append,
            task_status=task_status,
        )


async def test_the_newest_fix_is_kept_and_health_says_that_there_is_one():
    source = ScriptedPosition([None, fix(998.0), fix(999.0), fix(1000.0, 48.2)])
    rig = Rig(source)
    await rig.run(lambda: len(rig.kept) == 3)
    assert rig.held.fix == fix(1000.0, 48.2)
    assert [(each.open, each.fix) for each in rig.health] == [(True, False), (True, True)]
    assert source.closed == 1
    assert "48" not in repr(rig.health)


async def test_what_cannot_be_a_new_fix_is_refused_and_counted():
    lies = [
        fix(999.0),
        fix(999.0),
        fix(998.0),
        fix(1000.1),
        fix(float("nan")),
        Fix(91.0, 0.0, 999.5, 5.0),
        Fix(0.0, 180.1, 999.5, 5.0),
        Fix(0.0, 0.0, 999.5, 0.0),
        Fix("48", 0.0, 999.5, 5.0),
        (48.1, 17.1),
        "here",
        fix(999.9),
    ]
    rig = Rig(ScriptedPosition(lies))
    await rig.run(lambda: len(rig.kept) == 2)
    assert [each.at for each in rig.kept] == [999.0, 999.9]
    assert rig.health[-1].refused == 10


async def test_a_source_that_is_gone_is_opened_again():
    first = ScriptedPosition([fix(990.0), PositionError("the receiver closed the connection")])
    rig = Rig(PositionError("no receiver answers"), first, RuntimeError("secret"), ScriptedPosition([fix(995.0)]))
    await rig.run(lambda: len(rig.kept) == 2)
    assert first.closed == 1
    details = [each.detail for each in rig.health if not each.open]
    assert details == ["no receiver answers", "the receiver closed the connection", "RuntimeError"]
    assert rig.health[-1].reopened == 3


async def test_a_source_that_hangs_is_given_up_and_after_three_times_parked():
    over = threading.Event()
    rig = Rig(*(ScriptedPosition([over]) for _ in range(4)))
    try:
        with pytest.RaisesGroup(PluginParkedError):
            await rig.run(lambda: False)
        assert "no answer within" in rig.health[1].detail
        assert "parked" in rig.health[-1].detail
    finally:
        over.set()


async def test_a_source_that_opens_too_late_is_closed_again(monkeypatch):
    monkeypatch.setattr(position, "OPEN_SECONDS", 0.05)
    over, late = threading.Event(), ScriptedPosition([])
    rig = Rig(ScriptedPosition([fix(999.0)]))
    made, opened = rig.make, []

    def slow() -> PositionSource:
        opened.append(1)
        if len(opened) > 1:
            return made()
        over.wait(5)
        return late

    rig.make = slow

    async def let_go() -> None:
        await trio.sleep(0.1)
        over.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(let_go)
        await rig.run(lambda: bool(rig.kept) and bool(late.closed))
    assert late.closed == 1


async def test_health_says_when_the_fix_is_too_old():
    rig = Rig(ScriptedPosition([fix(1000.0)]))

    def later() -> bool:
        if rig.kept:
            rig.clock.advance(30)
        return rig.health[-1:] != [] and len(rig.health) > 2

    await rig.run(later)
    assert [each.fix for each in rig.health] == [False, True, False]
