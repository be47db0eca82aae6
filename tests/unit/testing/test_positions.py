"""The contract of position sources, on the hub's own."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from hub.backends import PositionSource
from hub.messages import Fix
from hub.position import make_position
from hub.testing.contracts_positions import PositionSourceContract, check_fix
from hub.testing.positions import ScriptedPosition
from tests.unit.test_nmea import rmc


def boottime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class TestFixed(PositionSourceContract):
    @pytest.fixture
    def source(self) -> PositionSource:
        return make_position("fixed:48.1,17.1", boottime)[1]()


class TestReplayed(PositionSourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> PositionSource:
        (tmp_path / "drive").write_text("0,48.1,17.1\n0.001,48.1,17.2\n")
        return make_position(str(tmp_path / "drive"), boottime)[1]()


class TestSerial(PositionSourceContract):
    @pytest.fixture
    def source(self, monkeypatch):
        monkeypatch.setattr("hub.receivers.FIX_WAIT", 0.05)
        master, slave = os.openpty()
        source = make_position(f"nmea:{os.ttyname(slave)}", boottime)[1]()
        os.close(slave)
        os.write(master, rmc() + rmc("120001.00"))
        yield source
        source.close()
        os.close(master)


class TestScripted(PositionSourceContract):
    @pytest.fixture
    def source(self) -> PositionSource:
        now = boottime()
        return ScriptedPosition([None, Fix(48.1, 17.1, now - 1, 5.0), Fix(48.1, 17.1, now, 5.0)])


def test_the_contract_finds_a_fix_from_the_future_and_one_that_is_nowhere():
    for fix in (Fix(48.1, 17.1, boottime() + 60, 5.0), Fix(91.0, 17.1, 1.0, 5.0), Fix(48.1, 17.1, 1.0, 0.0)):
        with pytest.raises(AssertionError):
            check_fix(fix)


def test_the_contract_finds_a_fix_that_comes_twice():
    fix = Fix(48.1, 17.1, 1.0, 5.0)
    with pytest.raises(AssertionError, match="came twice"):
        PositionSourceContract().test_gives_fixes_that_can_be_and_each_once(ScriptedPosition([fix, fix]))
