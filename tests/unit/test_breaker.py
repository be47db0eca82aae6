from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.breaker import Breaker, BreakerState


def failed(times: int, at: float = 0.0) -> Breaker:
    breaker = Breaker(limit=3, rest=30.0)
    for _ in range(times):
        breaker = breaker.started().failed(at)
    return breaker


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    assert failed(2).state() is BreakerState.CLOSED
    assert failed(2).lets_through(0.0)
    assert failed(3).state() is BreakerState.OPEN
    assert not failed(3).lets_through(29.9)


def test_a_success_in_between_starts_the_count_again() -> None:
    breaker = failed(2).started().succeeded().started().failed(1.0)
    assert breaker.state() is BreakerState.CLOSED


def test_after_the_rest_one_call_is_let_through() -> None:
    breaker = failed(3)
    assert breaker.lets_through(30.0)
    trying = breaker.started()
    assert trying.state() is BreakerState.HALF_OPEN
    assert not trying.lets_through(31.0)


def test_the_one_call_closes_it_or_opens_it_for_another_rest() -> None:
    trying = failed(3).started()
    assert trying.succeeded().state() is BreakerState.CLOSED
    again = trying.failed(30.0)
    assert again.state() is BreakerState.OPEN
    assert not again.lets_through(59.9)
    assert again.lets_through(60.0)


def test_a_cancelled_try_says_nothing_and_leaves_room_for_another() -> None:
    assert failed(3).started().withdrawn().lets_through(30.0)


@given(st.lists(st.booleans(), max_size=30))
def test_it_is_open_exactly_when_the_last_failures_reach_the_limit(outcomes: list[bool]) -> None:
    breaker = Breaker(limit=3, rest=0.0)
    for good in outcomes:
        assert breaker.lets_through(1.0)
        breaker = breaker.started().succeeded() if good else breaker.started().failed(1.0)
    tail = outcomes[-3:]
    assert (breaker.state() is BreakerState.OPEN) == (len(tail) == 3 and not any(tail))
