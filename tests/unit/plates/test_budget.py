"""The cost limit follows from the list and its budget of false alerts."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.plates.alignment import align, read_costs
from hub.plates.alphabet import SYMBOLS
from hub.plates.budget import cost_limit, surroundings
from hub.plates.confusion import FOLDED, LARGEST, fold
from hub.plates.grammar import load_grammars

from .plates_kit import typed

BOOK = load_grammars()
DRAWN = BOOK.sample(np.random.default_rng(5), 400)


@given(st.text("ABO018", min_size=4, max_size=5))
@settings(max_examples=10, deadline=None)
def test_the_surroundings_are_all_there_and_cost_what_they_say(plate: str) -> None:
    near = surroundings(plate)
    assert plate not in near
    for other, cost in list(near.items())[::17]:
        laid = align(read_costs(typed(other)), plate, LARGEST)
        assert laid is not None
        assert laid[0] == pytest.approx(cost)
    for other in map("".join, itertools.product("ABO018", repeat=4)):
        laid = align(read_costs(typed(other)), plate, LARGEST) if other != plate else None
        assert (laid is not None) == (other in near)


def test_a_short_plate_is_surrounded_by_its_folds_alone() -> None:
    assert {fold(other) for other in surroundings("O1")} == {"01"}


def test_the_estimate_agrees_with_drawing_strangers() -> None:
    entries = DRAWN[:60]
    limit = cost_limit(entries, BOOK, per_ten_thousand=1e6, doubt=0.0)
    assert limit.limit == LARGEST
    near = set().union(*map(surroundings, entries)) - set(entries)
    strangers = BOOK.sample(np.random.default_rng(8), 200_000)
    counted = sum(plate in near for plate in strangers) / len(strangers) * 10_000
    assert counted == pytest.approx(limit.expected_false_alerts, abs=4 * (counted / 20) ** 0.5)


@given(st.integers(1, 30), st.integers(0, 30), st.sampled_from([0.001, 0.01, 0.1, 1.0]))
@settings(max_examples=6, deadline=None)
def test_a_longer_list_never_has_a_higher_limit(size: int, more: int, budget: float) -> None:
    short = cost_limit(DRAWN[:size], BOOK, per_ten_thousand=budget)
    longer = cost_limit(DRAWN[: size + more], BOOK, per_ten_thousand=budget)
    assert longer.limit <= short.limit
    assert short.expected_false_alerts <= budget
    assert short.standard_error == 0.0


def test_a_larger_budget_never_has_a_lower_limit() -> None:
    limits = [cost_limit(10_000, BOOK, per_ten_thousand=budget, sample=30).limit for budget in (1e-6, 0.1, 1, 10, 1e6)]
    assert limits == sorted(limits)
    assert limits[0] == 0.0
    assert limits[-1] == LARGEST


def test_a_long_list_is_sampled_with_its_error_and_stays_under_the_budget() -> None:
    limit = cost_limit(10_000, BOOK, sample=30)
    assert limit.sampled == 30
    assert limit.standard_error > 0
    assert limit.expected_false_alerts + limit.standard_error < limit.budget
    assert "standard error" in limit.describe()


def test_a_list_has_one_limit() -> None:
    plates = BOOK.sample(np.random.default_rng(1), 2_000)
    assert cost_limit(plates, BOOK, sample=40) == cost_limit(plates, BOOK, sample=40)


def test_it_says_when_even_folding_exceeds_the_budget() -> None:
    limit = cost_limit(1_000_000, BOOK, sample=30)
    assert limit.limit < FOLDED
    assert limit.folded_false_alerts > limit.budget
    assert "for the same would give" in limit.describe()
    tight = cost_limit(1_000_000, BOOK, per_ten_thousand=1e-6, sample=30)
    assert tight.exact_only
    assert "only exact hits count" in tight.describe()


def test_an_empty_list_cannot_hit() -> None:
    for nothing in ([], 0):
        limit = cost_limit(nothing, BOOK)
        assert limit.expected_false_alerts == 0.0
        assert limit.entries == 0
        assert "nothing can hit" in limit.describe()


def test_home_traffic_counts_more() -> None:
    plates = [plate for plate in DRAWN if any(fit.code == "SK" for fit in BOOK.fits(plate))]
    at_home = load_grammars(home=("SK",), home_weight=100)
    assert cost_limit(plates, at_home).largest_false_alerts > 2 * cost_limit(plates, BOOK).largest_false_alerts


def test_hostile_lists_raise_nothing() -> None:
    limit = cost_limit(["", "?", "AB?12*", "A" * 200, "日本", SYMBOLS], BOOK)
    assert limit.entries == 6


@pytest.mark.parametrize("budget", [0.0, -1.0, float("nan")])
def test_a_budget_is_more_than_nothing(budget: float) -> None:
    with pytest.raises(ValueError, match="more than 0"):
        cost_limit(["ABC123"], BOOK, per_ten_thousand=budget)
