"""Folding and the table of costs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.plates.alphabet import EMPTY, SYMBOLS
from hub.plates.confusion import ALIKE, COSTS, FOLDED, GAP, LARGEST, OTHER, cost, fold

PLATES = st.text(SYMBOLS, max_size=12)


@pytest.mark.parametrize("pair", ["O0", "I1", "Q0", "D0", "Z2", "S5", "B8", "Ö0", "ÄA", "ÜU"])
def test_what_must_fold_folds(pair: str) -> None:
    assert fold(pair[0]) == fold(pair[1])
    assert cost(*pair) == FOLDED


def test_the_table_is_symmetric_and_free_only_for_a_symbol_and_itself() -> None:
    assert np.array_equal(COSTS, COSTS.T)
    assert np.array_equal(COSTS == 0, np.eye(len(COSTS), dtype=bool))
    assert set(np.unique(COSTS)) == {0.0, FOLDED, ALIKE, GAP, OTHER}
    assert (COSTS[EMPTY, :EMPTY] == GAP).all()
    assert cost("A", "") == GAP


def test_what_the_keys_rest_on() -> None:
    assert max(OTHER, GAP) <= LARGEST < 2 * ALIKE
    assert ALIKE > LARGEST / 2
    assert min(GAP, OTHER) + FOLDED > LARGEST


@given(PLATES, PLATES)
def test_folding_is_an_equivalence(a: str, b: str) -> None:
    assert fold(fold(a)) == fold(a)
    assert len(fold(a)) == len(a)
    same = len(a) == len(b) and all(cost(x, y) <= FOLDED for x, y in zip(a, b, strict=True))
    assert (fold(a) == fold(b)) == same
