"""What every position source is held to: inherit the class, give it a source, and pytest runs the rest.

Whether it says where one really is, no test can know.
"""

from __future__ import annotations

import math
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import pytest

from hub.errors import PositionError
from hub.messages import Fix

if TYPE_CHECKING:
    from hub.backends import PositionSource

CALLS: Final = 5
LONGEST: Final = 3.0
"""Seconds that a call may take: the hub waits 5."""


def check_fix(fix: Fix) -> None:
    """Fail where a fix is not as `Fix` states."""
    assert type(fix) is Fix
    assert all(math.isfinite(number) for number in (fix.latitude, fix.longitude, fix.at, fix.accuracy))
    assert -90 <= fix.latitude <= 90
    assert -180 <= fix.longitude <= 180
    assert fix.accuracy > 0
    assert fix.at <= time.clock_gettime(time.CLOCK_BOOTTIME), "a fix from the future: `at` is CLOCK_BOOTTIME"


class PositionSourceContract:
    """Inherit as ``class TestMine(PositionSourceContract)`` and override `source`."""

    @pytest.fixture
    def source(self) -> PositionSource:
        """Return a source that is open and will give at least one fix."""
        raise NotImplementedError("override the fixture `source`")

    def test_has_a_short_name(self, source: PositionSource) -> None:
        """It is shown and entered in the log."""
        assert source.name == source.name.lower().strip()
        assert 0 < len(source.name) <= 40

    def test_gives_fixes_that_can_be_and_each_once(self, source: PositionSource) -> None:
        """None where there is nothing new, within the time that the hub waits."""
        found = []
        for _ in range(CALLS):
            began = time.monotonic()
            fix = source.fix()
            assert time.monotonic() - began < LONGEST
            if fix is not None:
                check_fix(fix)
                found.append(fix)
        assert found, "no fix at all: give the fixture something that has one"
        times = [fix.at for fix in found]
        assert all(one < other for one, other in pairwise(times)), "a fix came twice"
        assert isinstance(source.refused, int)
        source.close()

    def test_can_be_closed_twice_and_then_gives_none(self, source: PositionSource) -> None:
        """Closed, it has no fix, or says that it is gone; it does not hang."""
        source.close()
        source.close()
        try:
            fix = source.fix()
        except PositionError:
            return
        assert fix is None or type(fix) is Fix
