"""C4: an order is in force for at most its window, whatever happens to the clocks, and ends by itself for good.

The state machine alone; that nothing is compared and templates are gone where it says no, is held with the faces.
"""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from hub.authority.order_watch import FIX_SECONDS, OrderWatch
from hub.authority.orders import LONGEST, Purpose
from hub.authority.place import contains
from hub.authority.policy import WHY_NOT_WATCH, may_load_order, may_watch, unit_requester
from hub.clocks import Moment
from hub.messages import Fix, OrderReason, OrderStanding, Requester
from tests.kit_authority import NOW
from tests.kit_orders import DIGEST, INSIDE, ORDER, OUTSIDE, SQUARE

steps = st.lists(
    st.tuples(
        st.floats(0, 4 * 3600),  # what passes
        st.one_of(st.just(0.0), st.floats(-5, 5), st.floats(-90_000, 90_000)),  # by how much the wall clock is moved
        st.sampled_from([INSIDE, OUTSIDE, None]),
        st.floats(0, 60),  # age of the fix
        st.booleans(),  # a restart of the hub, with what was kept
        st.booleans(),  # a restart of the machine
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(steps, st.floats(-3600, 86_400))
def test_no_sequence_of_clock_steps_gives_an_order_more_than_its_window(moves, start):
    order = structs.replace(ORDER, begins=NOW, ends=NOW + LONGEST)
    boottime, boot, wall = 500.0, 0, NOW + timedelta(seconds=start)
    watch = OrderWatch(order, unit="car-1", boot="boot-0")
    ran, used = 0.0, []
    for passes, step, at, age, restart, reboot in moves:
        if restart or reboot:
            boot += reboot
            boottime = 20.0 if reboot else boottime
            watch = OrderWatch(order, unit="car-1", boot=f"boot-{boot}", seen=watch.seen)
            ran += 20.0 if reboot else 0.0
        boottime += passes
        ran += passes
        wall += timedelta(seconds=passes + step)
        fix = None if at is None else Fix(*at, boottime - age, 5.0)
        standing = watch.check(wall, boottime, "front", fix, frozenset(), DIGEST)
        if standing.in_force:
            used.append(ran)
            assert fix is not None
            assert age < FIX_SECONDS
            assert contains(SQUARE, (fix.latitude, fix.longitude))
    assert not used or used[-1] - used[0] < LONGEST.total_seconds()


@settings(max_examples=150, deadline=None)
@given(steps)
def test_what_has_ended_stays_ended(moves):
    watch = OrderWatch(ORDER, unit="car-1", boot="b")
    boottime, wall, ended = 500.0, NOW, None
    for passes, step, at, age, *_ in moves:
        boottime += passes
        wall += timedelta(seconds=passes + step)
        fix = None if at is None else Fix(*at, boottime - age, 5.0)
        standing = watch.check(wall, boottime, None, fix, frozenset(), DIGEST)
        if ended is not None:
            assert (standing.reason, standing.ended) == (ended, True)
        ended = standing.reason if standing.ended else None


def test_an_order_used_for_23_hours_gains_none_by_a_restart_and_a_clock_set_back():
    order = structs.replace(ORDER, ends=NOW + LONGEST)
    seen = Moment(NOW + timedelta(hours=23), 90_000.0, "boot-0")
    fix = Fix(*INSIDE, 90_010.0, 5.0)
    for boot, boottime in (("boot-0", 90_010.0), ("boot-1", 90_010.0)):
        watch = OrderWatch(order, unit="car-1", boot=boot, seen=seen)
        standing = watch.check(NOW + timedelta(hours=1), boottime, "front", fix, frozenset(), DIGEST)
        assert standing.ended


def test_the_purposes_are_the_charters_three():
    assert {purpose.value for purpose in Purpose} == {
        "missing_or_vulnerable_person",
        "arrest_warrant_for_a_serious_offence",
        "imminent_threat_to_life",
    }


def test_nothing_is_watched_without_an_order_in_force():
    assert not may_watch(None).allowed
    for reason in OrderReason:
        decision = may_watch(OrderStanding("O-1", reason))
        assert decision.allowed == (reason is OrderReason.IN_FORCE)
        assert decision.reason
        assert reason in WHY_NOT_WATCH or decision.allowed


def test_only_a_signed_in_officer_loads_an_order():
    assert may_load_order(Requester("4711", "officer", "car-1")).allowed
    assert may_load_order(Requester("100", "supervisor", "car-1")).allowed
    for requester in (unit_requester("car-1"), Requester("9", "administrator", "car-1"), Requester("9", "", "car-1")):
        assert not may_load_order(requester).allowed
