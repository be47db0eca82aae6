from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from hub.clocks import FlooredClock, ManualClock, SystemClock

START = datetime(2030, 1, 2, tzinfo=UTC)


def test_a_floored_clock_never_goes_behind_what_is_known_to_have_been():
    clock = ManualClock(START)
    known = [None]
    floored = FlooredClock(clock, lambda: known[0])
    assert floored.now() == START
    known[0] = START + timedelta(hours=1)
    assert floored.now() == START + timedelta(hours=1)
    clock.advance(7200)
    assert floored.now() == START + timedelta(hours=2)
    assert floored.boottime() == clock.boottime()


def test_a_manual_clock_moves_only_when_told_to():
    clock = ManualClock(START, boottime=5.0)
    clock.advance(10)
    assert (clock.now(), clock.boottime()) == (START + timedelta(seconds=10), 15.0)
    clock.set_wall(datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=2))))
    assert (clock.now(), clock.boottime()) == (datetime(2019, 12, 31, 22, tzinfo=UTC), 15.0)
    with pytest.raises(ValueError, match="timezone"):
        ManualClock(datetime(2030, 1, 1))  # noqa: DTZ001


def test_the_systems_clocks_say_utc_and_go_forward():
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.boottime() <= clock.boottime()
