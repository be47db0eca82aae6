from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec import structs

from hub.authority.order_watch import FIX_SECONDS, LEFT_SECONDS, SET_BACK_SECONDS, WORST_ACCURACY, OrderWatch
from hub.authority.place import Place
from hub.clocks import Moment
from hub.messages import Fix, OrderReason
from tests.kit_authority import NOW
from tests.kit_orders import DIGEST, INSIDE, ORDER, OUTSIDE

R = OrderReason
CAMERAS = structs.replace(ORDER, place=Place(unit="car-1", cameras=("front", "rear")))


class Rig:
    """A watch with clocks that a test moves."""

    def __init__(self, order=ORDER, *, seen=None, boot="b1", boottime=1000.0, now=NOW + timedelta(hours=1)) -> None:
        self.watch = OrderWatch(order, unit="car-1", boot=boot, seen=seen)
        self.now, self.boottime = now, boottime
        self.at: tuple[float, float] | None = INSIDE
        self.accuracy = 5.0
        self.fixed_at: float | None = None
        self.revoked: frozenset[str] = frozenset()
        self.digest = DIGEST
        self.camera: str | None = "front"

    def after(self, seconds: float, *, wall: float | None = None) -> OrderReason:
        """Let time pass, on the wall clock differently where said, and ask."""
        self.boottime += seconds
        self.now += timedelta(seconds=seconds if wall is None else wall)
        return self.ask()

    def ask(self) -> OrderReason:
        at = self.boottime if self.fixed_at is None else self.fixed_at
        fix = None if self.at is None else Fix(*self.at, at, self.accuracy)
        standing = self.watch.check(self.now, self.boottime, self.camera, fix, self.revoked, self.digest)
        assert standing.order == ORDER.order
        assert standing.in_force == (standing.reason is R.IN_FORCE)
        assert standing.ended == (self.watch.ended is not None)
        return standing.reason

    def ended_for(self, reason: OrderReason) -> None:
        """Say that it has ended for this reason, and that nothing brings it back."""
        assert self.watch.ended is reason
        self.now, self.at, self.revoked, self.digest = NOW + timedelta(hours=2), INSIDE, frozenset(), DIGEST
        for seconds in (0, 1, 3600):
            assert self.after(seconds) is reason
        assert self.watch.end(R.LEFT_PLACE).reason is reason


def test_it_is_in_force_in_its_place_and_window():
    rig = Rig(now=NOW - timedelta(seconds=1))
    assert rig.ask() is R.NOT_BEGUN
    assert rig.after(1) is R.IN_FORCE
    assert rig.after(12 * 3600 - 1) is R.IN_FORCE
    assert rig.after(0.999) is R.IN_FORCE
    assert rig.after(0.001) is R.WINDOW_OVER
    rig.ended_for(R.WINDOW_OVER)


def test_it_is_withdrawn():
    rig = Rig()
    assert rig.ask() is R.IN_FORCE
    rig.revoked = frozenset({ORDER.order, "other"})
    assert rig.after(1) is R.WITHDRAWN
    rig.ended_for(R.WITHDRAWN)


def test_another_list():
    rig = Rig()
    assert rig.ask() is R.IN_FORCE
    rig.digest = "cd" * 32
    assert rig.after(1) is R.OTHER_LIST
    rig.ended_for(R.OTHER_LIST)


@pytest.mark.parametrize("back", [SET_BACK_SECONDS + 0.1, 60, 3600, 30 * 86400])
def test_a_clock_that_was_set_back_ends_it(back):
    rig = Rig()
    assert rig.ask() is R.IN_FORCE
    assert rig.after(1, wall=1 - back) is R.CLOCK_SET_BACK
    rig.ended_for(R.CLOCK_SET_BACK)


def test_small_steps_back_add_up():
    rig = Rig()
    asked = [rig.after(1, wall=0.5) for _ in range(12)]
    assert asked == [R.IN_FORCE] * 11 + [R.CLOCK_SET_BACK]


def test_a_correction_of_a_second_gains_no_time():
    rig = Rig(now=ORDER.ends - timedelta(seconds=10))
    assert rig.ask() is R.IN_FORCE
    assert rig.after(1, wall=-1) is R.IN_FORCE
    assert rig.after(8.9) is R.IN_FORCE
    assert rig.after(0.1) is R.WINDOW_OVER


def test_a_clock_set_forward_and_back_again_ends_it():
    rig = Rig()
    assert rig.after(1, wall=3600) is R.IN_FORCE
    assert rig.after(1, wall=-3600) is R.CLOCK_SET_BACK


def test_a_suspended_machine_does_not_stretch_the_window():
    rig = Rig()
    assert rig.ask() is R.IN_FORCE
    # The running time goes on while the machine sleeps, and somebody stopped the wall clock.
    assert rig.after(12 * 3600, wall=0) is R.WINDOW_OVER


def test_after_a_restart_in_the_same_boot_the_time_before_counts():
    before = Moment(NOW + timedelta(hours=9), 50_000.0, "b1")
    rig = Rig(seen=before, boottime=50_100.0, now=NOW + timedelta(minutes=5))
    assert rig.ask() is R.CLOCK_SET_BACK
    rig = Rig(seen=before, boottime=50_000.0 + 3 * 3600, now=NOW + timedelta(minutes=5))
    assert rig.ask() is R.WINDOW_OVER
    rig = Rig(seen=before, boottime=50_100.0, now=NOW + timedelta(hours=9, seconds=100))
    assert rig.ask() is R.IN_FORCE


def test_after_a_reboot_the_clock_may_not_be_behind_either():
    before = Moment(NOW + timedelta(hours=11), 80_000.0, "b1")
    assert Rig(seen=before, boot="b2", boottime=30.0, now=NOW + timedelta(hours=1)).ask() is R.CLOCK_SET_BACK
    assert Rig(seen=before, boot="b2", boottime=3601.0, now=NOW + timedelta(hours=1)).ask() is R.WINDOW_OVER
    assert Rig(seen=before, boot="b2", boottime=30.0, now=NOW + timedelta(hours=11, seconds=31)).ask() is R.IN_FORCE


def test_without_a_fix_it_is_suspended_and_comes_back_with_one():
    rig = Rig()
    rig.at = None
    assert rig.ask() is R.NO_FIX
    assert rig.after(3600) is R.NO_FIX
    rig.at = INSIDE
    assert rig.after(1) is R.IN_FORCE
    rig.fixed_at = rig.boottime
    assert rig.after(FIX_SECONDS - 0.001) is R.IN_FORCE
    assert rig.after(0.001) is R.NO_FIX
    rig.fixed_at = rig.boottime + 1
    assert rig.ask() is R.NO_FIX, "a fix from the future is none"
    rig.fixed_at = None
    assert rig.ask() is R.IN_FORCE


@pytest.mark.parametrize("accuracy", [WORST_ACCURACY + 0.1, 0.0, -1.0, float("nan"), float("inf")])
def test_a_fix_that_may_be_anywhere_is_none(accuracy):
    rig = Rig()
    rig.accuracy = accuracy
    assert rig.ask() is R.NO_FIX


def test_one_wild_fix_suspends_and_leaving_ends():
    rig = Rig()
    rig.at = OUTSIDE
    assert rig.ask() is R.OUTSIDE
    rig.at = INSIDE
    assert rig.after(1) is R.IN_FORCE
    rig.at = OUTSIDE
    assert rig.after(1) is R.OUTSIDE
    assert rig.after(LEFT_SECONDS - 0.001) is R.OUTSIDE
    assert rig.after(0.001) is R.LEFT_PLACE
    rig.ended_for(R.LEFT_PLACE)


def test_losing_the_fix_after_leaving_does_not_help():
    rig = Rig()
    rig.at = OUTSIDE
    assert rig.ask() is R.OUTSIDE
    rig.at = None
    assert rig.after(LEFT_SECONDS / 2) is R.NO_FIX
    assert rig.after(LEFT_SECONDS / 2) is R.LEFT_PLACE


def test_a_place_of_cameras_needs_no_position_and_this_unit():
    rig = Rig(CAMERAS)
    rig.at = None
    assert rig.ask() is R.IN_FORCE
    rig.camera = "roof"
    assert rig.ask() is R.OTHER_CAMERA
    rig.camera = None
    assert rig.ask() is R.IN_FORCE
    rig.camera = "rear"
    assert rig.ask() is R.IN_FORCE
    other = OrderWatch(CAMERAS, unit="car-2", boot="b1")
    standing = other.check(NOW, 1.0, "front", None, frozenset(), DIGEST)
    assert (standing.reason, standing.ended) == (R.OTHER_CAMERA, False)


def test_what_it_has_seen_can_be_kept():
    rig = Rig()
    assert rig.watch.seen is None
    rig.ask()
    assert rig.watch.seen == Moment(rig.now, rig.boottime, "b1")
    rig.after(2, wall=0)
    assert rig.watch.seen == Moment(rig.now + timedelta(seconds=2), rig.boottime, "b1")
    assert isinstance(rig.watch.seen.wall, datetime)
