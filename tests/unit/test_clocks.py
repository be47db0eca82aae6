from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from hub.clocks import FlooredClock, ManualClock, Moment, SteadyClock, SystemClock, boot_identifier

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


def test_a_steady_clock_follows_forward_and_goes_on_where_the_clock_was_set_back():
    clock = ManualClock(START)
    steady = SteadyClock(clock)
    assert steady.now() == START
    clock.set_wall(START - timedelta(days=2))
    clock.advance(60)
    assert steady.now() == START + timedelta(seconds=60)
    clock.set_wall(START + timedelta(hours=1))
    assert steady.now() == START + timedelta(hours=1)
    assert steady.boottime() == clock.boottime()


def test_a_steady_clock_knows_what_was_before_a_restart():
    clock = ManualClock(START - timedelta(days=1), boottime=300.0)
    seen = Moment(START, 100.0, "one")
    assert SteadyClock(clock, boot="one", seen=seen).now() == START + timedelta(seconds=200)
    assert SteadyClock(clock, boot="two", seen=seen).now() == START + timedelta(seconds=300)
    assert SteadyClock(clock, boot="two", seen=seen).moment() == Moment(START + timedelta(seconds=300), 300.0, "two")


def test_linux_names_the_boot(monkeypatch, tmp_path):
    assert boot_identifier() == boot_identifier() != ""
    monkeypatch.setattr("hub.clocks.BOOT_ID", tmp_path / "none")
    assert boot_identifier() == ""
